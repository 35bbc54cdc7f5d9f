//! The floor of opening: as in `floor.rs`, in a straight line over real envelopes. It returns the content, which is
//! checked.
//!
//! In it: DH, the HKDFs of KEM and key schedule, GCM of stanzas until one opens, BLAKE3 of header and content,
//! HMAC-SHA512 twice, GCM of each chunk into an output that is allocated once, strict verification with a parsed key.
//!
//! Strict verification at its cheapest: dalek's `verify` compares R as bytes with the encoding of a point, so an equal R
//! is canonical, and what is left of `verify_strict` is that R is none of eight encodings. (The key was checked when it
//! was parsed.) `verify_strict` itself decompresses R for that, which costs 6 to 7 µs more.
//!
//! Not in it: decoding of claims, policy, clock, replay guard.

use aes_gcm::aead::AeadInOut;
use bulla::{Message, Opened};
use curve25519_dalek::constants::EIGHT_TORSION;
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use x25519_dalek::{PublicKey, StaticSecret};

use super::fixture::{ALICE, BOB};
use super::floor::{BodyKey, CHUNK, TAG, kem, signed_bytes, stanza_key};

/// Content is hashed while it is in the cache, and in steps that keep BLAKE3 busy.
pub(crate) const HASH_STEP: usize = 128 * 1024;

/// The opening of a message, out of its evidence: the third of four CBOR items.
pub(crate) fn opening_of(message: &Message<Opened>) -> Vec<u8> {
    let evidence = message.proof().evidence();
    // array(4), 1, bytes(32), head of a byte string of 24 to 255 or more bytes; null at the end.
    let head = if evidence[36] == 0x58 { 2 } else { 3 };
    evidence[36 + head..evidence.len() - 1].to_vec()
}

/// Opens what is sealed to Bob, and verifies what is signed by Alice.
pub(crate) struct OpenFloor {
    secret: StaticSecret,
    public: [u8; 32],
    signing: [u8; 32],
    author: VerifyingKey,
    /// Encodings of the points of small order.
    small_order: [[u8; 32]; 8],
}

impl OpenFloor {
    pub(crate) fn new() -> Self {
        let secret = StaticSecret::from(BOB.encryption_secret());
        Self {
            public: PublicKey::from(&secret).to_bytes(),
            secret,
            signing: *BOB.identity.verifying_key().as_bytes(),
            author: VerifyingKey::from_bytes(ALICE.identity.verifying_key().as_bytes()).unwrap(),
            small_order: EIGHT_TORSION.map(|point| point.compress().to_bytes()),
        }
    }

    fn content_key(&self, header: &[u8]) -> [u8; 32] {
        let enc: [u8; 32] = header[24..56].try_into().unwrap();
        let dh = self.secret.diffie_hellman(&PublicKey::from(enc));
        let shared = kem(dh.as_bytes(), &enc, &self.public);
        let (cipher, nonce) = stanza_key(&shared, &header[8..24], &self.signing);
        for stanza in header[58..].as_chunks::<48>().0 {
            let (text, tag) = stanza.split_first_chunk::<32>().unwrap();
            let (mut key, tag) = (*text, <[u8; TAG]>::try_from(tag).unwrap());
            let opened =
                cipher.decrypt_inout_detached(&nonce, &[], key.as_mut_slice().into(), &tag.into());
            if opened.is_ok() {
                return key;
            }
        }
        panic!("no stanza opens");
    }

    fn check(&self, opening: &[u8], header_digest: &[u8; 32]) {
        let (payload, signature) = opening.split_last_chunk::<64>().unwrap();
        let signed = signed_bytes(header_digest, &payload[6..payload.len() - 2]);
        let signature = Signature::from_bytes(signature);
        assert!(!self.small_order.contains(signature.r_bytes()));
        self.author.verify(&signed, &signature).unwrap();
    }

    /// Opens a sealed envelope.
    pub(crate) fn open(&self, envelope: &[u8]) -> Vec<u8> {
        let (mut content, body, sealed) = self.begin(envelope, envelope.len());
        let (mut hasher, mut hashed) = (blake3::Hasher::new(), 0);
        for (number, chunk) in (1..).zip(sealed.chunks(CHUNK + TAG)) {
            let (text, tag) = chunk.split_last_chunk::<TAG>().unwrap();
            let from = content.len();
            content.extend_from_slice(text);
            body.open(number, &mut content[from..], tag);
            if content.len() - hashed >= HASH_STEP {
                hasher.update(&content[hashed..]);
                hashed = content.len();
            }
        }
        hasher.update(&content[hashed..]);
        std::hint::black_box(hasher.finalize());
        content
    }

    /// Everything up to the end of the first chunk: its content, the key of the body, and the other chunks.
    pub(crate) fn begin<'e>(
        &self,
        envelope: &'e [u8],
        capacity: usize,
    ) -> (Vec<u8>, BodyKey, &'e [u8]) {
        let count = usize::from(u16::from_be_bytes([envelope[56], envelope[57]]));
        let (header, rest) = envelope.split_at(58 + 48 * count);
        let header_digest = *blake3::hash(header).as_bytes();
        let (prefix, sealed) = rest.split_at(56);
        let body = BodyKey::new(&self.content_key(header), &prefix[..24], &header_digest);
        assert_eq!(body.commitment, prefix[24..]);
        let (first, sealed) = sealed.split_at(sealed.len().min(CHUNK + TAG));
        let (text, tag) = first.split_last_chunk::<TAG>().unwrap();
        let mut plain = text.to_vec();
        body.open(0, &mut plain, tag);
        let start = 3 + usize::from(u16::from_be_bytes([plain[1], plain[2]]));
        self.check(&plain[3..start], &header_digest);
        let mut content = Vec::with_capacity(capacity);
        content.extend_from_slice(&plain[start..]);
        (content, body, sealed)
    }

    /// Verifies a signed envelope with its content inside.
    pub(crate) fn verify(&self, envelope: &[u8]) -> Vec<u8> {
        let (header, plain) = envelope.split_at(24);
        let start = 3 + usize::from(u16::from_be_bytes([plain[1], plain[2]]));
        self.check(&plain[3..start], blake3::hash(header).as_bytes());
        let content = plain[start..].to_vec();
        std::hint::black_box(blake3::hash(&content));
        content
    }
}
