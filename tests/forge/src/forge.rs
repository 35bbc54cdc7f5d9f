//! The builder: an honest sealer, every step of which can be told otherwise.

use crate::cobblestone::{CHUNK, Schedule, body_context};
use crate::cose::{Statement, closing_external, opening_external};
use crate::hook::Hook;
use crate::hpke::{hpke_seal_as, stanza_info, x25519_public};
use crate::padding::{Padding, settle};
use crate::stamp::{Stamp, closing_claims};
use crate::{Evidence, Person, h, named};

/// Where length and digest of the content stand (envelope.md §5).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// 1: both in the stamp.
    OneShot,
    /// 2: the length in the stamp, a closing at the end.
    LengthKnown,
    /// 3: neither in the stamp, a closing at the end.
    LengthUnknown,
}

pub const SEALED: u8 = 1;
pub const ATTACHED: u8 = 2;
pub const DETACHED: u8 = 3;

/// One stanza of the header (envelope.md §3).
#[derive(Clone)]
pub enum Stanza {
    /// These bytes: a decoy, or anything else.
    Raw(Vec<u8>),
    To(To),
}

/// What a stanza is made of; what is `None` is taken from the envelope.
#[derive(Clone)]
pub struct To {
    pub encryption: [u8; 32],
    pub signing: [u8; 32],
    pub content_key: Option<[u8; 32]>,
    pub nonce: Option<[u8; 16]>,
    /// Another ephemeral secret than the one of `enc`.
    pub ephemeral: Option<[u8; 32]>,
}

impl Stanza {
    /// An honest stanza for the newest key of a person.
    #[must_use]
    pub fn to(person: &Person) -> Self {
        Self::to_keys(person.encryption(), person.signer())
    }

    /// A stanza for this encryption key, bound to this signing key.
    #[must_use]
    pub fn to_keys(encryption: [u8; 32], signing: [u8; 32]) -> Self {
        Self::To(To { encryption, signing, content_key: None, nonce: None, ephemeral: None })
    }

    /// 48 bytes that open for nobody.
    #[must_use]
    pub fn decoy(name: &str) -> Self {
        Self::Raw(crate::bytes(&format!("decoy {name}"), 48))
    }

    /// Changes what the stanza is made of.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut To)) -> Self {
        if let Self::To(to) = &mut self {
            change(to);
        }
        self
    }
}

/// An envelope to be made. All fields may be changed; the hooks see what was built so far.
#[derive(Clone)]
pub struct Forge {
    pub magic: Vec<u8>,
    pub version: u8,
    pub suite: u8,
    pub kind: u8,
    pub nonce: [u8; 16],
    pub ephemeral: [u8; 32],
    /// Stands in the header, and in the KEM context, in place of the ephemeral secret's public key.
    pub enc: Option<[u8; 32]>,
    /// Stands in the header in place of the number of stanzas.
    pub count: Option<u16>,
    pub stanzas: Vec<Stanza>,
    /// Changes the header, before the signatures and the body bind it.
    pub header: Hook<Vec<u8>>,

    pub stamp: Stamp,
    pub layout: Layout,
    pub padding: Padding,
    pub content: Vec<u8>,
    /// What stamp and closing say about the content, where it is not the content.
    pub signed_content: Option<Vec<u8>>,
    pub opening: Statement,
    pub closing: Statement,

    pub form: u8,
    /// Stands before the opening in place of its length.
    pub opening_length: Option<u16>,
    /// Stands in place of the zero bytes of the padding.
    pub padding_bytes: Option<Vec<u8>>,
    /// Stands at the end: the closing and its length; absent in layout 1.
    pub end: Hook<Vec<u8>>,
    pub plaintext: Hook<Vec<u8>>,

    pub content_key: [u8; 32],
    pub salt: [u8; 24],
    /// Changes the `context` of the body.
    pub context: Hook<Vec<u8>>,
    /// Changes how the plaintext is cut, before the chunks are encrypted.
    pub pieces: Hook<Vec<Vec<u8>>>,
    /// Changes the encrypted chunks.
    pub chunks: Hook<Vec<Vec<u8>>>,
    /// Changes salt, commitment and chunks, joined.
    pub body: Hook<Vec<u8>>,
    /// Changes the finished envelope.
    pub envelope: Hook<Vec<u8>>,
}

/// A finished envelope and all that went into it.
#[derive(Clone)]
pub struct Sealed {
    pub envelope: Vec<u8>,
    pub header: Vec<u8>,
    /// As it was finally signed, before the claims' hook.
    pub stamp: Stamp,
    pub opening: Vec<u8>,
    /// The closing without its length.
    pub closing: Option<Vec<u8>>,
    pub plaintext: Vec<u8>,
    /// What stands in the envelope, or beside it.
    pub content: Vec<u8>,
}

impl Sealed {
    /// The honest evidence of this envelope.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        Evidence {
            version: 1,
            header_digest: h(&[&self.header]).to_vec(),
            opening: self.opening.clone(),
            closing: self.closing.clone(),
        }
    }
}

impl Forge {
    /// Sealed, one-shot, not padded, to the newest keys of these recipients, in this order.
    #[must_use]
    pub fn sealed(author: &Person, recipients: &[&Person]) -> Self {
        let mut forge = Self::plain(author);
        forge.stanzas = recipients.iter().map(|person| Stanza::to(person)).collect();
        forge
    }

    /// Signed, content attached.
    #[must_use]
    pub fn attached(author: &Person) -> Self {
        Self { kind: ATTACHED, ..Self::plain(author) }
    }

    /// Signed, content beside.
    #[must_use]
    pub fn detached(author: &Person) -> Self {
        Self { kind: DETACHED, ..Self::plain(author) }
    }

    fn plain(author: &Person) -> Self {
        Self {
            magic: b"BULLA".to_vec(),
            version: 1,
            suite: 1,
            kind: SEALED,
            nonce: named("nonce"),
            ephemeral: named("ephemeral"),
            enc: None,
            count: None,
            stanzas: Vec::new(),
            header: Hook::default(),
            stamp: Stamp::of(author.signer()),
            layout: Layout::OneShot,
            padding: Padding::None,
            content: b"Ten measures of barley to the northern gate.".to_vec(),
            signed_content: None,
            opening: Statement::by(author.seed),
            closing: Statement::by(author.seed),
            form: 1,
            opening_length: None,
            padding_bytes: None,
            end: Hook::default(),
            plaintext: Hook::default(),
            content_key: named("content key"),
            salt: named("salt"),
            context: Hook::default(),
            pieces: Hook::default(),
            chunks: Hook::default(),
            body: Hook::default(),
            envelope: Hook::default(),
        }
    }

    /// Changes something, in a chain.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Another nonce, ephemeral key, content key and salt: what an honest sender does for each envelope.
    /// The message id stays.
    #[must_use]
    pub fn fresh(mut self, name: &str) -> Self {
        self.nonce = named(&format!("nonce {name}"));
        self.ephemeral = named(&format!("ephemeral {name}"));
        self.content_key = named(&format!("content key {name}"));
        self.salt = named(&format!("salt {name}"));
        self
    }

    /// The header as it will be bound.
    #[must_use]
    pub fn make_header(&self) -> Vec<u8> {
        let mut header = self.magic.clone();
        header.extend_from_slice(&[self.version, self.suite, self.kind]);
        header.extend_from_slice(&self.nonce);
        if self.kind != ATTACHED && self.kind != DETACHED {
            let enc = self.enc.unwrap_or_else(|| x25519_public(&self.ephemeral));
            header.extend_from_slice(&enc);
            let real = u16::try_from(self.stanzas.len()).expect("at most 65 535 stanzas");
            header.extend_from_slice(&self.count.unwrap_or(real).to_be_bytes());
            for stanza in &self.stanzas {
                header.extend_from_slice(&self.make_stanza(&enc, stanza));
            }
        }
        self.header.run(header)
    }

    fn make_stanza(&self, enc: &[u8; 32], stanza: &Stanza) -> Vec<u8> {
        let to = match stanza {
            Stanza::Raw(bytes) => return bytes.clone(),
            Stanza::To(to) => to,
        };
        let info = stanza_info(&to.nonce.unwrap_or(self.nonce), &to.signing);
        let ephemeral = to.ephemeral.unwrap_or(self.ephemeral);
        let key = to.content_key.unwrap_or(self.content_key);
        hpke_seal_as(&ephemeral, enc, &to.encryption, &info, &key)
    }

    /// The stamp with length and digest filled in by the layout.
    fn make_stamp(&self, padding: Option<u64>) -> Stamp {
        let signed = self.signed_content.as_ref().unwrap_or(&self.content);
        let mut stamp = self.stamp.clone();
        if self.layout != Layout::LengthUnknown {
            stamp.length = stamp.length.or(Some(signed.len() as u64));
        }
        if self.layout == Layout::OneShot {
            stamp.digest = stamp.digest.or_else(|| Some(h(&[signed])));
        }
        stamp.padding = stamp.padding.or(padding);
        stamp
    }

    /// Form, opening and content, then padding and closing; the padding claim is part of the length
    /// that Padmé looks at, so the whole is a function of it.
    fn assemble(&self, header: &[u8], padding: u64) -> Sealed {
        let stamp = self.make_stamp((padding > 0).then_some(padding));
        let opening = self.opening.make(stamp.claims(), opening_external(header));
        let mut plaintext = vec![self.form];
        let real = u16::try_from(opening.len()).expect("an opening shorter than 64 KiB");
        plaintext.extend_from_slice(&self.opening_length.unwrap_or(real).to_be_bytes());
        plaintext.extend_from_slice(&opening);
        if self.kind != DETACHED {
            plaintext.extend_from_slice(&self.content);
        }
        let zeros = usize::try_from(padding).expect("a padding that fits into memory");
        plaintext.extend_from_slice(&self.padding_bytes.clone().unwrap_or_else(|| vec![0; zeros]));
        let closing = (self.layout != Layout::OneShot).then(|| self.make_closing(header, &opening));
        if let Some(closing) = &closing {
            let length = u16::try_from(closing.len()).expect("a closing shorter than 64 KiB");
            let end = [&closing[..], &length.to_be_bytes()].concat();
            plaintext.extend_from_slice(&self.end.run(end));
        }
        Sealed {
            envelope: Vec::new(),
            header: header.to_vec(),
            stamp,
            opening,
            closing,
            plaintext,
            content: self.content.clone(),
        }
    }

    fn make_closing(&self, header: &[u8], opening: &[u8]) -> Vec<u8> {
        let signed = self.signed_content.as_ref().unwrap_or(&self.content);
        self.closing.make(closing_claims(signed), closing_external(header, opening))
    }

    /// Key, base nonce and commitment of the body under this header.
    #[must_use]
    pub fn schedule(&self, header: &[u8]) -> Schedule {
        Schedule::new(&self.content_key, &self.salt, &self.context.run(body_context(header)))
    }

    fn make_body(&self, header: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let schedule = self.schedule(header);
        let mut pieces: Vec<Vec<u8>> = plaintext.chunks(CHUNK).map(<[u8]>::to_vec).collect();
        if plaintext.len().is_multiple_of(CHUNK) {
            pieces.push(Vec::new());
        }
        let pieces = (0..).zip(self.pieces.run(pieces));
        let chunks = pieces.map(|(number, piece)| schedule.chunk(number, &piece)).collect();
        let chunks = self.chunks.run(chunks).concat();
        self.body.run([&self.salt[..], &schedule.commitment, &chunks].concat())
    }

    /// Makes the envelope.
    #[must_use]
    pub fn seal(&self) -> Sealed {
        let header = self.make_header();
        let padding = settle(self.padding, |padding| {
            let sealed = self.assemble(&header, padding);
            sealed.plaintext.len() as u64 - padding
        });
        let mut sealed = self.assemble(&header, padding);
        sealed.plaintext = self.plaintext.run(sealed.plaintext);
        let rest = match self.kind {
            ATTACHED | DETACHED => sealed.plaintext.clone(),
            _ => self.make_body(&header, &sealed.plaintext),
        };
        sealed.envelope = self.envelope.run([header, rest].concat());
        sealed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The builder and the pieces beside it make the same bytes.
    #[test]
    fn an_envelope_is_made_of_the_pieces() {
        let (alice, bob) = (Person::new("alice"), Person::new("bob"));
        let forge = Forge::sealed(&alice, &[&bob]).with(|f| f.content = crate::bytes("content", 40_000));
        let sealed = forge.seal();
        let info = stanza_info(&forge.nonce, &bob.signer());
        let stanza = crate::hpke_seal(&forge.ephemeral, &bob.encryption(), &info, &forge.content_key);
        assert_eq!(sealed.header[58..], stanza);
        let context = body_context(&sealed.header);
        let body = crate::cobblestone_seal(&forge.content_key, &forge.salt, &context, &sealed.plaintext);
        assert_eq!(sealed.envelope, [&sealed.header[..], &body].concat());
        let payload = sealed.stamp.claims().encode();
        let opening = crate::cose_sign1(&alice.seed, &opening_external(&sealed.header), &payload);
        assert_eq!(sealed.opening, opening);
        assert_eq!(sealed.plaintext[3..3 + opening.len()], opening);
    }

    #[test]
    fn a_detached_envelope_has_no_content() {
        let sealed = Forge::detached(&Person::new("alice")).seal();
        assert_eq!(sealed.envelope.len(), 24 + 3 + sealed.opening.len());
    }
}
