//! Evidence as bytes (spec/statements.md §6).

use alloc::vec::Vec;
use minicbor::Decoder;
use minicbor::data::Type;

use super::claims::encoded;
use super::limits::{MAX_CLOSING, MAX_EVIDENCE, MAX_OPENING, MAX_PROOF};
use crate::error::{Error, ErrorKind, Result};

const VERSION: u8 = 1;

/// Evidence taken apart; nothing in it is known to be true yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawEvidence<'a> {
    pub(crate) header_digest: &'a [u8; 32],
    pub(crate) opening: &'a [u8],
    pub(crate) closing: Option<&'a [u8]>,
}

impl<'a> RawEvidence<'a> {
    pub(crate) fn parse(input: &'a [u8]) -> Result<Self> {
        let malformed = || {
            Error::with(
                ErrorKind::Malformed,
                "this is not evidence in its one valid form",
            )
        };
        if input.len() > MAX_EVIDENCE {
            return Err(malformed());
        }
        let mut cbor = Decoder::new(input);
        if cbor.array()? != Some(4) {
            return Err(malformed());
        }
        if cbor.u64()? != u64::from(VERSION) {
            return Err(ErrorKind::UnsupportedVersion.into());
        }
        let header_digest = cbor.bytes()?.try_into().map_err(|_| malformed())?;
        let opening = cbor.bytes()?;
        let closing = match cbor.datatype()? {
            Type::Null => cbor.null().map(|()| None)?,
            _ => Some(cbor.bytes()?),
        };
        let evidence = Self {
            header_digest,
            opening,
            closing,
        };
        let sized = (1..=MAX_OPENING).contains(&opening.len())
            && closing.is_none_or(|c| c.len() <= MAX_CLOSING);
        if !sized || evidence.write() != input {
            return Err(malformed());
        }
        Ok(evidence)
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let length = 48 + self.opening.len() + self.closing.map_or(0, <[u8]>::len);
        encoded(length, |cbor| {
            cbor.array(4)?
                .u8(VERSION)?
                .bytes(self.header_digest)?
                .bytes(self.opening)?;
            match self.closing {
                Some(closing) => cbor.bytes(closing),
                None => cbor.null(),
            }
            .map(drop)
        })
    }
}

/// The proof of a receipt taken apart (spec/receipts.md §6); nothing in it is known to be true yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawProof<'a> {
    pub(crate) evidence: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl<'a> RawProof<'a> {
    pub(crate) fn parse(input: &'a [u8]) -> Result<Self> {
        let malformed = || {
            Error::with(
                ErrorKind::Malformed,
                "this is not the proof of a receipt in its one valid form",
            )
        };
        if input.len() > MAX_PROOF {
            return Err(malformed());
        }
        let mut cbor = Decoder::new(input);
        if cbor.array()? != Some(3) {
            return Err(malformed());
        }
        if cbor.u64()? != u64::from(VERSION) {
            return Err(ErrorKind::UnsupportedVersion.into());
        }
        let proof = Self {
            evidence: cbor.bytes()?,
            body: cbor.bytes()?,
        };
        if proof.write() != input {
            return Err(malformed());
        }
        Ok(proof)
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        encoded(self.evidence.len() + self.body.len() + 16, |cbor| {
            cbor.array(3)?
                .u8(VERSION)?
                .bytes(self.evidence)?
                .bytes(self.body)
                .map(drop)
        })
    }
}
