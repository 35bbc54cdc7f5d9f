//! The body of a receipt (spec/receipts.md §2), as bytes and as fields.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use minicbor::Decoder;

use super::claims::encoded;
use super::limits::{MAX_REASON, MAX_RECEIPT};
use crate::error::{Error, ErrorKind, Result};

/// What a receipt says, as decoded: well-formed, and nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawReceipt {
    pub(crate) message_id: [u8; 16],
    pub(crate) header_digest: [u8; 32],
    pub(crate) opening_digest: [u8; 32],
    pub(crate) author: [u8; 32],
    /// Length and digest; absent if the content was not verified.
    pub(crate) content: Option<(u64, [u8; 32])>,
    /// 1 to 4.
    pub(crate) status: u8,
    /// Code and text.
    pub(crate) reason: Option<(u16, String)>,
}

pub(crate) const DELIVERED: u8 = 1;
pub(crate) const STORED: u8 = 2;
pub(crate) const REJECTED: u8 = 3;
pub(crate) const DAMAGED: u8 = 4;

impl RawReceipt {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let count = 5 + u64::from(self.content.is_some()) + u64::from(self.reason.is_some());
        encoded(256, |c| {
            c.map(count)?.u8(1)?.bytes(&self.message_id)?;
            c.u8(2)?.bytes(&self.header_digest)?;
            c.u8(3)?.bytes(&self.opening_digest)?;
            c.u8(4)?.bytes(&self.author)?;
            if let Some((length, digest)) = &self.content {
                c.u8(5)?.array(2)?.u64(*length)?.bytes(digest)?;
            }
            c.u8(6)?.u8(self.status)?;
            if let Some((code, text)) = &self.reason {
                c.u8(7)?.array(2)?.u16(*code)?.str(text)?;
            }
            Ok(())
        })
    }

    /// Decodes and checks form and limits.
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        if body.len() > MAX_RECEIPT {
            return Err(malformed("a receipt is longer than it may be"));
        }
        let receipt = decode(&mut Decoder::new(body))?;
        let settles = matches!(receipt.status, DELIVERED | STORED);
        let failed = matches!(receipt.status, REJECTED | DAMAGED);
        if !(settles || failed)
            || (settles && receipt.content.is_none())
            || (receipt.status == DAMAGED && receipt.content.is_some())
            || receipt.reason.is_some() != failed
        {
            return Err(malformed("what a receipt says contradicts itself"));
        }
        // Written again it must be the same bytes: deterministic form, nothing left over.
        if receipt.encode() != body {
            return Err(malformed("a receipt is not in its one valid form"));
        }
        Ok(receipt)
    }
}

fn decode(cbor: &mut Decoder<'_>) -> Result<RawReceipt> {
    let mut labels = Labels {
        left: cbor
            .map()?
            .ok_or(malformed("a receipt is not a map of definite length"))?,
    };
    let message_id = labels.field(cbor, 1)?;
    let header_digest = labels.field(cbor, 2)?;
    let opening_digest = labels.field(cbor, 3)?;
    let author = labels.field(cbor, 4)?;
    let mut label = labels.next(cbor)?;
    let mut content = None;
    if label == Some(5) {
        content = Some(pair(cbor)?);
        label = labels.next(cbor)?;
    }
    if label != Some(6) {
        return Err(malformed("a receipt has no status"));
    }
    let status = match u8::try_from(cbor.u64()?) {
        Ok(known @ ..=DAMAGED) => known,
        // Of a later version; like every part that is not known, it settles nothing.
        _ => return Err(unknown()),
    };
    label = labels.next(cbor)?;
    let mut why = None;
    if label == Some(7) {
        why = Some(reason(cbor)?);
        label = labels.next(cbor)?;
    }
    if label.is_some() {
        return Err(unknown());
    }
    Ok(RawReceipt {
        message_id,
        header_digest,
        opening_digest,
        author,
        content,
        status,
        reason: why,
    })
}

/// The labels of a map, as far as they are still to come.
struct Labels {
    left: u64,
}

impl Labels {
    fn next(&mut self, cbor: &mut Decoder<'_>) -> Result<Option<u64>> {
        match self.left.checked_sub(1) {
            None => Ok(None),
            Some(left) => {
                self.left = left;
                Ok(Some(cbor.u64()?))
            }
        }
    }

    /// A byte string under the label that must come next.
    fn field<const N: usize>(&mut self, cbor: &mut Decoder<'_>, wanted: u64) -> Result<[u8; N]> {
        if self.next(cbor)? != Some(wanted) {
            return Err(malformed("a part of a receipt is missing"));
        }
        fixed(cbor)
    }
}

/// Length and digest of a content.
pub(super) fn pair(cbor: &mut Decoder<'_>) -> Result<(u64, [u8; 32])> {
    if cbor.array()? != Some(2) {
        return Err(malformed("a content is not a length and a digest"));
    }
    Ok((cbor.u64()?, fixed(cbor)?))
}

pub(super) fn fixed<const N: usize>(cbor: &mut Decoder<'_>) -> Result<[u8; N]> {
    cbor.bytes()?
        .try_into()
        .map_err(|_| malformed("a byte string has another length than it must"))
}

fn reason(cbor: &mut Decoder<'_>) -> Result<(u16, String)> {
    if cbor.array()? != Some(2) {
        return Err(malformed("a reason is not a code and a text"));
    }
    let (code, text) = (cbor.u16()?, cbor.str()?);
    if !check_reason(text) {
        return Err(malformed(
            "the text of a reason is too long, or unfit to be shown",
        ));
    }
    Ok((code, text.to_owned()))
}

/// Checks the text of a reason (spec/receipts.md §2).
pub(crate) fn check_reason(text: &str) -> bool {
    text.len() <= MAX_REASON && !text.chars().any(char::is_control)
}

const fn unknown() -> Error {
    Error::with(
        ErrorKind::UnsupportedVersion,
        "a receipt says something that is not known here",
    )
}

const fn malformed(detail: &'static str) -> Error {
    Error::with(ErrorKind::Malformed, detail)
}
