//! The bodies of an audit's question and answer (spec/receipts.md §7), as bytes and as fields.

use alloc::vec::Vec;
use minicbor::Decoder;

use super::claims::encoded;
use super::limits::MAX_RECEIPT;
use super::receipt::{fixed, pair};
use crate::error::{Error, ErrorKind, Result};

/// A question, or its answer, as decoded: well-formed, and nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawAudit {
    pub(crate) message_id: [u8; 16],
    /// Length and digest of the content in question.
    pub(crate) content: (u64, [u8; 32]),
    pub(crate) challenge: [u8; 32],
    /// Of an answer: the proof, or that there is none.
    pub(crate) answer: Option<RawAnswer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawAnswer {
    Held([u8; 32]),
    NotHeld,
}

impl RawAudit {
    pub(crate) fn encode(&self) -> Vec<u8> {
        encoded(160, |c| {
            c.map(3 + u64::from(self.answer.is_some()))?;
            c.u8(1)?.bytes(&self.message_id)?;
            let (length, digest) = &self.content;
            c.u8(2)?.array(2)?.u64(*length)?.bytes(digest)?;
            c.u8(3)?.bytes(&self.challenge)?;
            match &self.answer {
                Some(RawAnswer::Held(proof)) => c.u8(4)?.bytes(proof)?,
                Some(RawAnswer::NotHeld) => c.u8(4)?.null()?,
                None => c,
            };
            Ok(())
        })
    }

    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        if body.len() > MAX_RECEIPT {
            return Err(malformed());
        }
        let audit = decode(&mut Decoder::new(body))?.ok_or_else(malformed)?;
        // Written again it must be the same bytes: deterministic form, nothing left over.
        if audit.encode() != body {
            return Err(malformed());
        }
        Ok(audit)
    }
}

fn decode(cbor: &mut Decoder<'_>) -> Result<Option<RawAudit>> {
    let Some(count @ 3..) = cbor.map()? else {
        return Ok(None);
    };
    if cbor.u64()? != 1 {
        return Ok(None);
    }
    let message_id = fixed(cbor)?;
    if cbor.u64()? != 2 {
        return Ok(None);
    }
    let content = pair(cbor)?;
    if cbor.u64()? != 3 {
        return Ok(None);
    }
    let challenge = fixed(cbor)?;
    let mut label = if count == 3 { None } else { Some(cbor.u64()?) };
    let mut answer = None;
    if label == Some(4) {
        answer = Some(if cbor.datatype()? == minicbor::data::Type::Null {
            cbor.null()?;
            RawAnswer::NotHeld
        } else {
            RawAnswer::Held(fixed(cbor)?)
        });
        label = if count == 4 { None } else { Some(cbor.u64()?) };
    }
    match label {
        None => {}
        Some(..=4) => return Ok(None),
        // Of a later version.
        Some(5..) => return Err(unknown()),
    }
    Ok(Some(RawAudit {
        message_id,
        content,
        challenge,
        answer,
    }))
}

const fn unknown() -> Error {
    Error::with(
        ErrorKind::UnsupportedVersion,
        "an audit says something that is not known here",
    )
}

const fn malformed() -> Error {
    Error::with(
        ErrorKind::Malformed,
        "an audit is not in its one valid form",
    )
}
