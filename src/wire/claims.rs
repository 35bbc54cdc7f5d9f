//! The claims of statements (spec/statements.md §3), as bytes and as fields. Signed bytes are checked elsewhere.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::convert::Infallible;
use minicbor::Encoder;

use super::header::SUITE_1;
use super::limits::{
    MAX_ATTRIBUTE_NAME, MAX_ATTRIBUTE_VALUE, MAX_CONTENT_TYPE, MAX_CONTEXT, MAX_STREAM_ID,
};

pub(crate) type Cbor<'a> = Encoder<&'a mut Vec<u8>>;
type Written = core::result::Result<(), minicbor::encode::Error<Infallible>>;

/// Writes CBOR into a fresh vector. Writing to memory cannot fail.
pub(crate) fn encoded(capacity: usize, write: impl FnOnce(&mut Cbor<'_>) -> Written) -> Vec<u8> {
    let mut out = Vec::with_capacity(capacity);
    let written = write(&mut Encoder::new(&mut out));
    debug_assert!(written.is_ok());
    out
}

/// What a statement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatementType {
    /// An application's message: the only one that opening accepts.
    Message = 1,
    /// An answer about a message: delivered, stored, rejected.
    Receipt = 2,
    /// A request for an answer that proves freshness.
    Challenge = 3,
    /// A question, or its answer, whether content is still held.
    Audit = 4,
    /// What a signing key says about itself.
    Card = 5,
}

/// The statement type of a closing, which is a statement of its own shape.
pub(super) const CLOSING_TYPE: u8 = 6;

/// Place of a message in a stream of messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Sequence {
    /// Which stream, 1 to 64 bytes.
    pub stream: Vec<u8>,
    /// Number in the stream.
    pub number: u64,
}

/// The encryption key to which receipts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawReplyKey {
    pub(crate) generation: u32,
    pub(crate) key: [u8; 32],
}

/// Claims of a stamp, as decoded: well-formed, and nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) context: String,
    pub(crate) expires: Option<u64>,
    pub(crate) issued: u64,
    pub(crate) message_id: [u8; 16],
    pub(crate) statement: StatementType,
    pub(crate) signer: [u8; 32],
    pub(crate) length: Option<u64>,
    pub(crate) digest: Option<[u8; 32]>,
    /// 0: the claim is absent.
    pub(crate) padding: u64,
    pub(crate) content_type: Option<String>,
    /// In the order of the encoding: shorter names first.
    pub(crate) attributes: Vec<(String, Vec<u8>)>,
    pub(crate) sequence: Option<Sequence>,
    pub(crate) challenge: Option<[u8; 32]>,
    /// 0: the claim is absent.
    pub(crate) receipts: u8,
    pub(crate) reply_key: Option<RawReplyKey>,
    /// Extension claims, in the order of the encoding.
    pub(crate) extensions: Vec<(i64, Vec<u8>)>,
}

pub(in crate::wire) mod label {
    pub(in crate::wire) const CONTEXT: i64 = 3;
    pub(in crate::wire) const EXPIRES: i64 = 4;
    pub(in crate::wire) const ISSUED: i64 = 6;
    pub(in crate::wire) const MESSAGE_ID: i64 = 7;
    pub(in crate::wire) const STATEMENT: i64 = -1;
    pub(in crate::wire) const SIGNER: i64 = -2;
    pub(in crate::wire) const LENGTH: i64 = -3;
    pub(in crate::wire) const DIGEST: i64 = -4;
    pub(in crate::wire) const PADDING: i64 = -5;
    pub(in crate::wire) const CONTENT_TYPE: i64 = -6;
    pub(in crate::wire) const ATTRIBUTES: i64 = -7;
    pub(in crate::wire) const SEQUENCE: i64 = -8;
    pub(in crate::wire) const CHALLENGE: i64 = -9;
    pub(in crate::wire) const RECEIPTS: i64 = -10;
    pub(in crate::wire) const REPLY_KEY: i64 = -11;
}

/// Builds a map: its entries one after the other, in the order of the encoding, then the head before them.
struct MapWriter {
    entries: Vec<u8>,
    count: u64,
}

impl MapWriter {
    fn put(&mut self, label: i64, write: impl FnOnce(&mut Cbor<'_>) -> Written) {
        let mut cbor = Encoder::new(&mut self.entries);
        let written = cbor.i64(label).map(drop).and_then(|()| write(&mut cbor));
        debug_assert!(written.is_ok());
        self.count += 1;
    }

    fn finish(self) -> Vec<u8> {
        let mut out = encoded(self.entries.len() + 9, |c| c.map(self.count).map(drop));
        out.extend_from_slice(&self.entries);
        out
    }
}

/// Encodes the claims of a closing (spec/statements.md §5).
pub(crate) fn encode_closing(length: u64, digest: &[u8; 32]) -> Vec<u8> {
    encoded(48, |c| {
        c.map(3)?.i64(label::STATEMENT)?.u8(CLOSING_TYPE)?;
        c.i64(label::LENGTH)?.u64(length)?;
        c.i64(label::DIGEST)?.bytes(digest).map(drop)
    })
}

impl Claims {
    /// The deterministic encoding.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut map = MapWriter {
            entries: Vec::with_capacity(256),
            count: 0,
        };
        map.put(label::CONTEXT, |c| c.str(&self.context).map(drop));
        if let Some(expires) = self.expires {
            map.put(label::EXPIRES, |c| c.u64(expires).map(drop));
        }
        map.put(label::ISSUED, |c| c.u64(self.issued).map(drop));
        map.put(label::MESSAGE_ID, |c| c.bytes(&self.message_id).map(drop));
        self.put_extensions(&mut map, |label| label >= 0);
        self.put_identity(&mut map);
        self.put_content(&mut map, self.length, self.digest.as_ref(), self.padding);
        self.put_exchange(&mut map);
        self.put_extensions(&mut map, |label| label < 0);
        map.finish()
    }

    /// The encoding of what a message says to the application: what the replay guard compares
    /// (spec/guard.md §2). `content` is length and digest of the verified content; without it the stamp's own stand, if it
    /// has them.
    pub(crate) fn encode_application(&self, content: Option<&(u64, [u8; 32])>) -> Vec<u8> {
        let mut map = MapWriter {
            entries: Vec::with_capacity(256),
            count: 0,
        };
        map.put(label::CONTEXT, |c| c.str(&self.context).map(drop));
        self.put_identity(&mut map);
        let (length, digest) = match content {
            Some((length, digest)) => (Some(*length), Some(digest)),
            None => (self.length, self.digest.as_ref()),
        };
        self.put_content(&mut map, length, digest, 0);
        map.finish()
    }

    fn put_identity(&self, map: &mut MapWriter) {
        map.put(label::STATEMENT, |c| c.u8(self.statement as u8).map(drop));
        map.put(label::SIGNER, |c| c.bytes(&self.signer).map(drop));
    }

    fn put_content(
        &self,
        map: &mut MapWriter,
        length: Option<u64>,
        digest: Option<&[u8; 32]>,
        padding: u64,
    ) {
        if let Some(length) = length {
            map.put(label::LENGTH, |c| c.u64(length).map(drop));
        }
        if let Some(digest) = digest {
            map.put(label::DIGEST, |c| c.bytes(digest).map(drop));
        }
        if padding > 0 {
            map.put(label::PADDING, |c| c.u64(padding).map(drop));
        }
        if let Some(content_type) = &self.content_type {
            map.put(label::CONTENT_TYPE, |c| c.str(content_type).map(drop));
        }
        if !self.attributes.is_empty() {
            map.put(label::ATTRIBUTES, |c| write_attributes(c, &self.attributes));
        }
        if let Some(sequence) = &self.sequence {
            map.put(label::SEQUENCE, |c| {
                c.array(2)?
                    .bytes(&sequence.stream)?
                    .u64(sequence.number)
                    .map(drop)
            });
        }
    }

    fn put_exchange(&self, map: &mut MapWriter) {
        if let Some(challenge) = &self.challenge {
            map.put(label::CHALLENGE, |c| c.bytes(challenge).map(drop));
        }
        if self.receipts > 0 {
            map.put(label::RECEIPTS, |c| c.u8(self.receipts).map(drop));
        }
        if let Some(reply) = &self.reply_key {
            map.put(label::REPLY_KEY, |c| {
                c.array(3)?
                    .u8(SUITE_1)?
                    .u32(reply.generation)?
                    .bytes(&reply.key)
                    .map(drop)
            });
        }
    }

    fn put_extensions(&self, map: &mut MapWriter, which: impl Fn(i64) -> bool) {
        for (label, value) in self.extensions.iter().filter(|(label, _)| which(*label)) {
            map.put(*label, |c| c.bytes(value).map(drop));
        }
    }
}

fn write_attributes(cbor: &mut Cbor<'_>, attributes: &[(String, Vec<u8>)]) -> Written {
    cbor.map(attributes.len() as u64)?;
    for (name, value) in attributes {
        cbor.str(name)?.bytes(value)?;
    }
    Ok(())
}

/// The order of attribute names in the encoding: shorter first, then by bytes.
pub(crate) fn attribute_order(a: &str, b: &str) -> Ordering {
    (a.len(), a).cmp(&(b.len(), b))
}

/// Checks a context (spec/envelope.md §8).
pub(crate) fn check_context(context: &str) -> bool {
    (1..=MAX_CONTEXT).contains(&context.len()) && !context.chars().any(char::is_control)
}

/// Checks a content type (spec/envelope.md §8).
pub(crate) fn check_content_type(content_type: &str) -> bool {
    (1..=MAX_CONTENT_TYPE).contains(&content_type.len())
        && content_type.bytes().all(|b| (0x20..=0x7e).contains(&b))
}

/// Checks name and value of an attribute (spec/envelope.md §8).
pub(crate) fn check_attribute(name: &str, value: &[u8]) -> bool {
    (1..=MAX_ATTRIBUTE_NAME).contains(&name.len())
        && !name.chars().any(char::is_control)
        && value.len() <= MAX_ATTRIBUTE_VALUE
}

/// Checks a stream id (spec/envelope.md §8).
pub(crate) fn check_stream(stream: &[u8]) -> bool {
    (1..=MAX_STREAM_ID).contains(&stream.len())
}
