//! Claims from bytes (spec/statements.md §3). Limits come before allocation; deterministic form is checked by writing
//! the claims again.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use minicbor::Decoder;

use super::claims::{
    self, CLOSING_TYPE, Claims, RawReplyKey, Sequence, StatementType, check_attribute,
    check_content_type, check_context, check_stream, label,
};
use super::header::SUITE_1;
use super::limits::{MAX_ATTRIBUTES, MAX_EXTENSIONS};
use crate::error::{Error, ErrorKind, Result};

impl Claims {
    /// Decodes and checks form and limits, but no signature and no policy.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self> {
        let mut partial = Partial::default();
        partial.decode(&mut Decoder::new(payload))?;
        let claims = partial.finish()?;
        // Written again it must be the same bytes: deterministic form, no key twice, nothing left over.
        if claims.encode() != payload {
            return Err(malformed("claims are not in deterministic form"));
        }
        Ok(claims)
    }
}

/// Length and digest from the claims of a closing; `None` in any other form (spec/statements.md §5).
pub(crate) fn parse_closing(payload: &[u8]) -> Option<(u64, [u8; 32])> {
    fn read(cbor: &mut Decoder<'_>) -> Result<Option<(u64, [u8; 32])>, minicbor::decode::Error> {
        let typed =
            cbor.map()? == Some(3) && cbor.i64()? == label::STATEMENT && cbor.u8()? == CLOSING_TYPE;
        if !typed || cbor.i64()? != label::LENGTH {
            return Ok(None);
        }
        let length = cbor.u64()?;
        if cbor.i64()? != label::DIGEST {
            return Ok(None);
        }
        Ok(cbor.bytes()?.try_into().ok().map(|digest| (length, digest)))
    }
    let (length, digest) = read(&mut Decoder::new(payload)).ok().flatten()?;
    (claims::encode_closing(length, &digest) == payload).then_some((length, digest))
}

/// Claims while they are read: nothing required is known to be there yet.
#[derive(Default)]
struct Partial {
    context: Option<String>,
    expires: Option<u64>,
    issued: Option<u64>,
    message_id: Option<[u8; 16]>,
    statement: Option<StatementType>,
    signer: Option<[u8; 32]>,
    length: Option<u64>,
    digest: Option<[u8; 32]>,
    padding: Option<u64>,
    content_type: Option<String>,
    attributes: Vec<(String, Vec<u8>)>,
    sequence: Option<Sequence>,
    challenge: Option<[u8; 32]>,
    receipts: Option<u8>,
    reply_key: Option<RawReplyKey>,
    extensions: Vec<(i64, Vec<u8>)>,
}

impl Partial {
    fn decode(&mut self, cbor: &mut Decoder<'_>) -> Result<()> {
        let count = cbor
            .map()?
            .ok_or(malformed("claims are not a map of definite length"))?;
        for _ in 0..count {
            // Ends at the latest when the input does: every round reads at least one byte.
            let label = cbor.i64()?;
            self.claim(label, cbor)?;
        }
        Ok(())
    }

    fn claim(&mut self, label: i64, cbor: &mut Decoder<'_>) -> Result<()> {
        match label {
            label::CONTEXT => self.context = Some(text(cbor, check_context)?),
            label::EXPIRES => self.expires = Some(cbor.u64()?),
            label::ISSUED => self.issued = Some(cbor.u64()?),
            label::MESSAGE_ID => self.message_id = Some(fixed(cbor)?),
            label::STATEMENT => self.statement = Some(statement_type(cbor.u64()?)?),
            label::SIGNER => self.signer = Some(fixed(cbor)?),
            label::LENGTH => self.length = Some(cbor.u64()?),
            label::DIGEST => self.digest = Some(fixed(cbor)?),
            label::PADDING => self.padding = Some(cbor.u64()?),
            label::CONTENT_TYPE => self.content_type = Some(text(cbor, check_content_type)?),
            label::ATTRIBUTES => self.attributes = attributes(cbor)?,
            label::SEQUENCE => self.sequence = Some(sequence(cbor)?),
            label::CHALLENGE => self.challenge = Some(fixed(cbor)?),
            label::RECEIPTS => self.receipts = Some(cbor.u8()?),
            label::REPLY_KEY => self.reply_key = Some(reply_key(cbor)?),
            -256..=255 => {
                return Err(Error::with(
                    ErrorKind::UnsupportedVersion,
                    "a critical claim is not known here",
                ));
            }
            _ => self.extension(label, cbor)?,
        }
        Ok(())
    }

    fn extension(&mut self, label: i64, cbor: &mut Decoder<'_>) -> Result<()> {
        if self.extensions.len() == MAX_EXTENSIONS {
            return Err(malformed("more than 64 extension claims"));
        }
        // Writing again puts them in the order in which they came, so their order is checked here.
        let ordered = self
            .extensions
            .last()
            .is_none_or(|(last, _)| label_order(*last) < label_order(label));
        if !ordered {
            return Err(malformed("extension claims are out of order"));
        }
        self.extensions.push((label, cbor.bytes()?.to_owned()));
        Ok(())
    }

    fn finish(self) -> Result<Claims> {
        let missing = || malformed("a required claim is missing");
        let claims = Claims {
            context: self.context.ok_or_else(missing)?,
            expires: self.expires,
            issued: self.issued.ok_or_else(missing)?,
            message_id: self.message_id.ok_or_else(missing)?,
            statement: self.statement.ok_or_else(missing)?,
            signer: self.signer.ok_or_else(missing)?,
            length: self.length,
            digest: self.digest,
            padding: self.padding.unwrap_or(0),
            content_type: self.content_type,
            attributes: self.attributes,
            sequence: self.sequence,
            challenge: self.challenge,
            receipts: self.receipts.unwrap_or(0),
            reply_key: self.reply_key,
            extensions: self.extensions,
        };
        let needs_length = claims.digest.is_some() || claims.padding > 0;
        let receipts = matches!(
            (claims.receipts, claims.reply_key),
            (0, None) | (1..=7, Some(_))
        );
        if self.padding == Some(0)
            || self.receipts == Some(0)
            || (needs_length && claims.length.is_none())
            || !receipts
        {
            return Err(malformed("claims contradict each other"));
        }
        Ok(claims)
    }
}

/// The order of encoded labels: non-negative ones, then negative ones, smaller magnitude first.
const fn label_order(label: i64) -> (bool, u64) {
    (label < 0, label.unsigned_abs())
}

fn statement_type(number: u64) -> Result<StatementType> {
    Ok(match number {
        1 => StatementType::Message,
        2 => StatementType::Receipt,
        3 => StatementType::Challenge,
        4 => StatementType::Audit,
        5 => StatementType::Card,
        _ => {
            return Err(Error::with(
                ErrorKind::UnsupportedVersion,
                "a statement type is not known here",
            ));
        }
    })
}

fn text(cbor: &mut Decoder<'_>, check: fn(&str) -> bool) -> Result<String> {
    let text = cbor.str()?;
    if !check(text) {
        return Err(malformed(
            "a text is too long, empty, or has characters that are not allowed",
        ));
    }
    Ok(text.to_owned())
}

fn fixed<const N: usize>(cbor: &mut Decoder<'_>) -> Result<[u8; N]> {
    cbor.bytes()?
        .try_into()
        .map_err(|_| malformed("a byte string has another length than it must"))
}

fn attributes(cbor: &mut Decoder<'_>) -> Result<Vec<(String, Vec<u8>)>> {
    let count = cbor
        .map()?
        .and_then(|count| usize::try_from(count).ok())
        .filter(|count| (1..=MAX_ATTRIBUTES).contains(count))
        .ok_or(malformed("there are not 1 to 64 attributes"))?;
    let mut attributes: Vec<(String, Vec<u8>)> = Vec::with_capacity(count);
    for _ in 0..count {
        let (name, value) = (cbor.str()?, cbor.bytes()?);
        let ordered = attributes
            .last()
            .is_none_or(|(last, _)| claims::attribute_order(last, name).is_lt());
        if !ordered || !check_attribute(name, value) {
            return Err(malformed("an attribute is out of order, or of its limits"));
        }
        attributes.push((name.to_owned(), value.to_owned()));
    }
    Ok(attributes)
}

fn sequence(cbor: &mut Decoder<'_>) -> Result<Sequence> {
    let pair = cbor.array()? == Some(2);
    let stream = cbor.bytes()?;
    if !pair || !check_stream(stream) {
        return Err(malformed("the sequence is not a stream id and a number"));
    }
    Ok(Sequence {
        stream: stream.to_owned(),
        number: cbor.u64()?,
    })
}

fn reply_key(cbor: &mut Decoder<'_>) -> Result<RawReplyKey> {
    if cbor.array()? != Some(3) {
        return Err(malformed("the reply key is not suite, generation and key"));
    }
    if cbor.u64()? != u64::from(SUITE_1) {
        return Err(Error::with(
            ErrorKind::UnsupportedVersion,
            "the reply key is of a suite that is not known here",
        ));
    }
    Ok(RawReplyKey {
        generation: cbor.u32()?,
        key: fixed(cbor)?,
    })
}

const fn malformed(detail: &'static str) -> Error {
    Error::with(ErrorKind::Malformed, detail)
}

impl From<minicbor::decode::Error> for Error {
    fn from(_: minicbor::decode::Error) -> Self {
        malformed("a statement is not well-formed CBOR")
    }
}
