//! The beginning of an envelope: its randomness, its header, and the key of its body.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::chunks::BodyWriter;
use super::draft::Draft;
use super::recipients::{self, Encapsulator};
use super::seal::{FORM_COSE, OPENING_PREFIX, Sealer, Sent};
use super::stamp::MessageId;
use crate::crypto::body::{BodyKey, SALT_LEN};
use crate::crypto::digest::Digest;
use crate::crypto::kem::KemSecretKey;
use crate::crypto::random::HedgedRandom;
use crate::crypto::secret::{Secret, leaving_nothing};
use crate::crypto::sign::VerifyingKey;
use crate::error::{Error, ErrorKind, Result};
use crate::identity::holder::Signer;
use crate::wire::claims::Claims;
use crate::wire::header::{self, Kind, NONCE_LEN};
use crate::wire::limits::MAX_STANZAS;
use crate::wire::{cose, labels};

/// Envelopes begun in this process: hedges a generator that repeats itself (spec/envelope.md §7). Not one for each sealer,
/// for sealers are cheap and often made for one message, which would leave it at zero.
static BEGUN: AtomicUsize = AtomicUsize::new(0);

impl Sealer<'_> {
    /// Writes the header and derives what the body needs. `content` is what the stamp says of it: length and digest, as
    /// far as they are known.
    pub(super) fn begin(
        &self,
        kind: Kind,
        draft: &Draft,
        content: (Option<u64>, Option<Digest>),
        out: &mut Vec<u8>,
    ) -> Result<Begun> {
        leaving_nothing(|| self.begin_with_keys(kind, draft, content, out))
    }

    fn begin_with_keys(
        &self,
        kind: Kind,
        draft: &Draft,
        content: (Option<u64>, Option<Digest>),
        out: &mut Vec<u8>,
    ) -> Result<Begun> {
        let now = self.clock.now()?;
        let (length, digest) = content;
        let mut claims = Claims {
            length,
            digest: digest.map(|digest| *digest.as_bytes()),
            ..draft.claims(&self.verifying, now, MessageId([0; 16]))
        };
        let id = draft.message_id();
        let random = self.random(kind, &claims, id, now)?;
        claims.message_id = id.map_or_else(|| random.array(b"message id\0"), |id| id.0);
        let from = out.len();
        let nonce: [u8; NONCE_LEN] = random.array(b"nonce\0");
        if kind != Kind::Sealed {
            header::write_fixed(out, kind, &nonce);
            return Ok(Begun {
                claims,
                header_digest: Digest::of(out.get(from..).unwrap_or_default()),
                body: PendingBody::Clear,
            });
        }
        if self.unusable {
            return Err(ErrorKind::NoUsableKey.into());
        }
        if self.recipients.len().saturating_add(self.decoys) > MAX_STANZAS {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "more than 10000 recipients and decoys",
            ));
        }
        recipients::check_distinct(&self.recipients)?;
        let content_key = random.secret(b"content key\0");
        self.write_recipients(nonce, now, &content_key, &random, out)?;
        let header_digest = Digest::of(out.get(from..).unwrap_or_default());
        let salt: [u8; SALT_LEN] = random.array(b"salt\0");
        let key = BodyKey::derive(
            &content_key,
            &salt,
            &[labels::BODY, header_digest.as_bytes()],
        );
        Ok(Begun {
            claims,
            header_digest,
            body: PendingBody::Sealed { key, salt },
        })
    }

    /// Writes the header with an ephemeral key of its own, or the session's.
    fn write_recipients(
        &self,
        nonce: [u8; NONCE_LEN],
        now: u64,
        content_key: &Secret<32>,
        random: &HedgedRandom,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        #[cfg(feature = "std")]
        if let Some(session) = self.session {
            let mut turn = session.next(&self.verifying, now)?;
            let nonce = turn.nonce(&nonce);
            return self.write_header(&mut turn, &nonce, content_key, random, out);
        }
        let _ = now;
        let mut ephemeral = KemSecretKey::from_bytes(&random.secret(b"ephemeral\0"));
        self.write_header(&mut ephemeral, &nonce, content_key, random, out)
    }

    fn write_header(
        &self,
        kem: &mut dyn Encapsulator,
        nonce: &[u8; NONCE_LEN],
        content_key: &Secret<32>,
        random: &HedgedRandom,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let enc = *kem.enc();
        let stanzas = recipients::stanzas(
            &self.recipients,
            self.decoys,
            nonce,
            content_key,
            kem,
            random,
        )?;
        out.reserve(header::sealed_len(stanzas.len()));
        header::write_sealed(out, nonce, &enc, &stanzas)
    }

    /// All randomness of one envelope (spec/envelope.md §7). It absorbs everything that decides what is encrypted: should
    /// the generator repeat itself, no two different plaintexts may get the same keys.
    fn random(
        &self,
        kind: Kind,
        claims: &Claims,
        id: Option<MessageId>,
        now: u64,
    ) -> Result<HedgedRandom> {
        let hedge = self.signer.hedge_secret().unwrap_or_default();
        let counter = (BEGUN.fetch_add(1, Ordering::Relaxed) as u64).to_be_bytes();
        let choices = [
            header::SUITE_1,
            kind as u8,
            self.padding as u8,
            u8::from(id.is_some()),
        ];
        let decoys = (self.decoys as u64).to_be_bytes();
        let id = id.map_or([0; 16], |id| id.0);
        let claims = claims.encode();
        let now = now.to_be_bytes();
        let fixed: [&[u8]; 8] = [
            hedge.expose(),
            &choices,
            &decoys,
            &now,
            &id,
            &claims,
            &counter,
            self.extra.expose(),
        ];
        let recipients = self
            .recipients
            .iter()
            .map(|r| r.key.key().as_bytes().as_slice());
        HedgedRandom::new(
            self.entropy,
            labels::RANDOM,
            &mut fixed.into_iter().chain(recipients),
        )
    }
}

/// An envelope whose header is written.
pub(super) struct Begun {
    pub(super) claims: Claims,
    pub(super) header_digest: Digest,
    pub(super) body: PendingBody,
}

// There is one for each envelope, never many: a box would save nothing.
#[allow(clippy::large_enum_variant)]
pub(super) enum PendingBody {
    Sealed { key: BodyKey, salt: [u8; SALT_LEN] },
    Clear,
}

impl PendingBody {
    pub(super) fn into_writer(self, out: &mut Vec<u8>) -> BodyWriter {
        match self {
            Self::Sealed { key, salt } => BodyWriter::sealed(key, &salt, out),
            Self::Clear => BodyWriter::Clear,
        }
    }
}

/// Runs `write`, and takes back what it has appended if it fails.
pub(super) fn undo_on_error<T>(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<T>,
) -> Result<T> {
    let before = out.len();
    write(out).inspect_err(|_| out.truncate(before))
}

/// Appends the beginning of the plaintext: form, length, opening.
pub(super) fn write_opening(
    body: &mut BodyWriter,
    opening: &[u8],
    out: &mut Vec<u8>,
) -> Result<()> {
    body.update(&opening_head(opening), out)?;
    body.update(opening, out)
}

/// What stands before the opening: form and length.
pub(super) fn opening_head(opening: &[u8]) -> [u8; OPENING_PREFIX] {
    // At most MAX_OPENING, which fits.
    let [high, low] = (opening.len() as u16).to_be_bytes();
    [FORM_COSE, high, low]
}

/// A statement with the author's signature, checked if the key is held elsewhere: a signature that is wrong would make
/// an envelope that nobody can open.
pub(super) fn sign_statement(
    signer: &dyn Signer,
    verifying: &VerifyingKey,
    external: &[&[u8]],
    payload: &[u8],
) -> Result<Vec<u8>> {
    let signed = cose::signed_bytes(external, payload);
    let signature = signer.sign(&signed)?;
    if !signer.is_local() && !verifying.verify(&signed, &signature) {
        return Err(Error::with(
            ErrorKind::KeyUnavailable,
            "it gave a signature that is wrong",
        ));
    }
    Ok(cose::write(payload, &signature))
}

/// The record of what was sent.
pub(super) fn sent(
    claims: &Claims,
    header_digest: Digest,
    opening: &[u8],
    digest: Digest,
    length: u64,
) -> Sent {
    Sent {
        message_id: MessageId(claims.message_id),
        header_digest,
        opening_digest: Digest::of(opening),
        content_digest: digest,
        content_length: length,
        issued: claims.issued,
        expires: claims.expires,
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Entropy, FixedClock, Identity, OsEntropy};

    /// A generator that repeats itself, as in a virtual machine that was copied.
    struct Repeats;

    impl Entropy for Repeats {
        fn fill(&self, out: &mut [u8]) -> Result<()> {
            out.fill(42);
            Ok(())
        }
    }

    #[test]
    fn a_repeated_generator_makes_different_envelopes_with_a_sealer_for_each() {
        let alice = Identity::generate(&OsEntropy).unwrap();
        let draft = Draft::new("x").unwrap();
        let [one, two] = [(); 2].map(|()| {
            Sealer::with(&alice, &FixedClock(1), &Repeats)
                .to(alice.public())
                .seal(&draft, b"the same")
                .unwrap()
        });
        let (nonce, enc) = (8..24, 24..56);
        assert_ne!(one.get(nonce.clone()), two.get(nonce));
        assert_ne!(one.get(enc.clone()), two.get(enc));
    }
}
