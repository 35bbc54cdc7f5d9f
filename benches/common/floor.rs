//! The floor of sealing: the primitives that an envelope cannot do without, called directly on the crates, with the same
//! data, in a straight line. It makes valid envelopes, which is checked: so nothing is missing in it.
//!
//! In it: one call to the generator of the system (120 bytes), X25519 key generation, and for each recipient DH, the
//! HKDFs of KEM and key schedule, GCM of 48 bytes; BLAKE3 of header and content, HMAC-SHA512 twice, Ed25519, GCM of each
//! chunk in place in the output, which is written once and allocated once, at its final size.
//!
//! Not in it: encoding of the stamp (a template is patched), the order of stanzas, clock, checks of arguments, wiping
//! beyond what the crates do, hedging of randomness, the record of what was sent.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use bulla::{Opener, Replay};
use ed25519_dalek::{Signer, SigningKey};
use hkdf::{Hkdf, HkdfExtract};
use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha512};
use std::sync::LazyLock;
use x25519_dalek::{PublicKey, StaticSecret};

use super::fixture::{ALICE, BOB, CROWD, DRAFT, POLICY, content, sealer};

pub(crate) const CHUNK: usize = 16 * 1024;
pub(crate) const TAG: usize = 16;
const KEM_SUITE: &[u8] = b"KEM\x00\x20";
const HPKE_SUITE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x02";
/// array(4), "Signature1", protected header, external data of 48 bytes.
const SIG_START: &[u8] = b"\x84\x6aSignature1\x43\xa1\x01\x32\x58\x30bulla/1 opening\0";
/// It does not depend on the message: nobody needs to compute it twice.
static PSK_ID_HASH: LazyLock<[u8; 32]> =
    LazyLock::new(|| extract(HPKE_SUITE, &[], b"psk_id_hash", &[]).0);

fn extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[&[u8]]) -> ([u8; 32], Hkdf<Sha256>) {
    let mut extract = HkdfExtract::<Sha256>::new(Some(salt));
    for part in [b"HPKE-v1", suite, label].iter().chain(ikm) {
        extract.input_ikm(part);
    }
    let (prk, hkdf) = extract.finalize();
    (prk.into(), hkdf)
}

/// ExtractAndExpand of RFC 9180 §4.1.
pub(crate) fn kem(dh: &[u8; 32], enc: &[u8; 32], recipient: &[u8; 32]) -> [u8; 32] {
    let (_, hkdf) = extract(KEM_SUITE, &[], b"eae_prk", &[dh]);
    let mut shared = [0; 32];
    let info: [&[u8]; 6] = [
        &[0, 32],
        b"HPKE-v1",
        KEM_SUITE,
        b"shared_secret",
        enc,
        recipient,
    ];
    hkdf.expand_multi_info(&info, &mut shared).unwrap();
    shared
}

/// KeySchedule of RFC 9180 §5.1: the AEAD and its base nonce.
pub(crate) fn stanza_key(
    shared: &[u8; 32],
    nonce: &[u8],
    signing: &[u8; 32],
) -> (Aes256Gcm, Nonce<aes_gcm::aead::consts::U12>) {
    let (info_hash, _) = extract(
        HPKE_SUITE,
        &[],
        b"info_hash",
        &[b"bulla/1 stanza\0", nonce, signing],
    );
    let (_, hkdf) = extract(HPKE_SUITE, shared, b"secret", &[]);
    let (mut key, mut base_nonce) = ([0; 32], [0; 12]);
    for (label, out) in [
        (&b"key"[..], &mut key[..]),
        (b"base_nonce", &mut base_nonce),
    ] {
        let length = [0, out.len() as u8];
        let info: [&[u8]; 7] = [
            &length,
            b"HPKE-v1",
            HPKE_SUITE,
            label,
            &[0],
            &*PSK_ID_HASH,
            &info_hash,
        ];
        hkdf.expand_multi_info(&info, out).unwrap();
    }
    (Aes256Gcm::new(&key.into()), base_nonce.into())
}

/// Key, base nonce and commitment of a body (spec/envelope.md §4).
pub(crate) struct BodyKey {
    pub(crate) cipher: Aes256Gcm,
    pub(crate) base_nonce: [u8; 12],
    pub(crate) commitment: [u8; 32],
}

impl BodyKey {
    pub(crate) fn new(content_key: &[u8; 32], salt: &[u8], header_digest: &[u8; 32]) -> Self {
        let mac = <Hmac<Sha512> as KeyInit>::new_from_slice(content_key).unwrap();
        let block = |previous: &[u8], counter: u8| {
            let mut mac = mac.clone();
            let name = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
            for part in [
                previous,
                name,
                salt,
                b"bulla/1 body\0",
                header_digest,
                &[counter],
            ] {
                mac.update(part);
            }
            <[u8; 64]>::from(mac.finalize().into_bytes())
        };
        let first = block(&[], 1);
        let second = block(&first, 2);
        let key: [u8; 32] = first[..32].try_into().unwrap();
        let mut commitment = [0; 32];
        commitment[..20].copy_from_slice(&first[44..]);
        commitment[20..].copy_from_slice(&second[..12]);
        Self {
            cipher: Aes256Gcm::new(&key.into()),
            base_nonce: first[32..44].try_into().unwrap(),
            commitment,
        }
    }

    pub(crate) fn nonce(&self, chunk: u64) -> Nonce<aes_gcm::aead::consts::U12> {
        let mut nonce = self.base_nonce;
        for (byte, count) in nonce[4..].iter_mut().zip(chunk.to_be_bytes()) {
            *byte ^= count;
        }
        nonce.into()
    }

    pub(crate) fn open(&self, chunk: u64, text: &mut [u8], tag: &[u8; TAG]) {
        let (nonce, tag) = (self.nonce(chunk), (*tag).into());
        let opened = self
            .cipher
            .decrypt_inout_detached(&nonce, &[], text.into(), &tag);
        opened.unwrap();
    }

    pub(crate) fn seal(&self, chunk: u64, text: &mut [u8]) -> [u8; TAG] {
        let tag = self
            .cipher
            .encrypt_inout_detached(&self.nonce(chunk), &[], text.into());
        tag.unwrap().into()
    }
}

/// What is signed of an opening (spec/statements.md §1); `payload` with its CBOR head.
pub(crate) fn signed_bytes(header_digest: &[u8; 32], payload: &[u8]) -> Vec<u8> {
    let mut signed = Vec::with_capacity(SIG_START.len() + 32 + payload.len());
    signed.extend_from_slice(SIG_START);
    signed.extend_from_slice(header_digest);
    signed.extend_from_slice(payload);
    signed
}

/// Seals or signs messages of one length: an opening is the template with message id and digest patched.
pub(crate) struct SealFloor {
    signing: SigningKey,
    recipients: Vec<(PublicKey, [u8; 32])>,
    opening: Vec<u8>,
    id_at: usize,
    digest_at: usize,
}

impl SealFloor {
    pub(crate) fn new(recipients: usize, length: usize) -> Self {
        let content = content(length);
        let sealed = sealer(recipients).seal(&DRAFT, content).unwrap();
        let message = Opener::new(&BOB.identity, &POLICY, Replay::Unguarded)
            .open(&sealed)
            .unwrap();
        let opening = super::floor_open::opening_of(&message);
        let find = |part: &[u8]| {
            opening
                .windows(part.len())
                .position(|window| window == part)
                .unwrap()
        };
        Self {
            signing: SigningKey::from_bytes(&ALICE.seed),
            recipients: CROWD[..recipients]
                .iter()
                .map(|to| {
                    (
                        PublicKey::from(*to.newest_key().unwrap().key().as_bytes()),
                        *to.verifying_key().as_bytes(),
                    )
                })
                .collect(),
            id_at: find(&message.stamp().message_id().0),
            digest_at: find(blake3::hash(content).as_bytes()),
            opening,
        }
    }

    fn opening(&self, header_digest: &[u8; 32], id: &[u8], digest: &[u8; 32]) -> Vec<u8> {
        let mut opening = self.opening.clone();
        opening[self.id_at..][..16].copy_from_slice(id);
        opening[self.digest_at..][..32].copy_from_slice(digest);
        let end = opening.len() - 64;
        let signature = self
            .signing
            .sign(&signed_bytes(header_digest, &opening[6..end - 2]));
        opening[end..].copy_from_slice(&signature.to_bytes());
        opening
    }

    /// One sealed envelope, appended to `out`.
    pub(crate) fn seal(&self, content: &[u8], out: &mut Vec<u8>) {
        let digest = *blake3::hash(content).as_bytes();
        let mut random = [0; 120];
        getrandom::fill(&mut random).unwrap();
        let (nonce, id, salt) = (&random[..16], &random[16..32], &random[32..56]);
        let content_key: [u8; 32] = random[56..88].try_into().unwrap();
        let ephemeral = StaticSecret::from(<[u8; 32]>::try_from(&random[88..]).unwrap());
        let enc = PublicKey::from(&ephemeral).to_bytes();

        let plain = 3 + self.opening.len() + content.len();
        out.reserve(58 + 48 * self.recipients.len() + 56 + plain + (plain / CHUNK + 1) * TAG);
        let from = out.len();
        out.extend_from_slice(b"BULLA\x01\x01\x01");
        out.extend_from_slice(nonce);
        out.extend_from_slice(&enc);
        out.extend_from_slice(&(self.recipients.len() as u16).to_be_bytes());
        for (to, signing) in &self.recipients {
            let dh = ephemeral.diffie_hellman(to);
            let (cipher, base_nonce) =
                stanza_key(&kem(dh.as_bytes(), &enc, to.as_bytes()), nonce, signing);
            let mut text = content_key;
            let tag = cipher.encrypt_inout_detached(&base_nonce, &[], text.as_mut_slice().into());
            out.extend_from_slice(&text);
            out.extend_from_slice(&tag.unwrap());
        }
        let header_digest = *blake3::hash(&out[from..]).as_bytes();
        let body = BodyKey::new(&content_key, salt, &header_digest);
        out.extend_from_slice(salt);
        out.extend_from_slice(&body.commitment);
        let opening = self.opening(&header_digest, id, &digest);
        self.body(&body, &opening, content, out);
    }

    fn body(&self, body: &BodyKey, opening: &[u8], content: &[u8], out: &mut Vec<u8>) {
        let mut from = out.len();
        out.push(1);
        out.extend_from_slice(&(opening.len() as u16).to_be_bytes());
        out.extend_from_slice(opening);
        let (mut rest, mut chunk) = (content, 0);
        loop {
            let (now, later) = rest.split_at(rest.len().min(CHUNK - (out.len() - from)));
            out.extend_from_slice(now);
            let full = out.len() - from == CHUNK;
            let tag = body.seal(chunk, &mut out[from..]);
            out.extend_from_slice(&tag);
            if !full {
                return;
            }
            (rest, chunk, from) = (later, chunk + 1, out.len());
        }
    }

    /// One signed envelope with the content inside.
    pub(crate) fn sign(&self, content: &[u8]) -> Vec<u8> {
        let digest = *blake3::hash(content).as_bytes();
        let mut random = [0; 32];
        getrandom::fill(&mut random).unwrap();
        let mut out = Vec::with_capacity(24 + 3 + self.opening.len() + content.len());
        out.extend_from_slice(b"BULLA\x01\x01\x02");
        out.extend_from_slice(&random[..16]);
        let header_digest = *blake3::hash(&out).as_bytes();
        out.push(1);
        out.extend_from_slice(&(self.opening.len() as u16).to_be_bytes());
        out.extend_from_slice(&self.opening(&header_digest, &random[16..], &digest));
        out.extend_from_slice(content);
        out
    }
}
