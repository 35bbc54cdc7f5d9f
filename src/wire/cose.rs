//! COSE_Sign1 in the one form that is valid here (spec/statements.md §1).

use alloc::vec::Vec;
use minicbor::Decoder;

use super::claims::{Cbor, encoded};
use crate::error::{Error, ErrorKind, Result};

/// {1: -19}: alg is Ed25519 (RFC 9864).
const PROTECTED: &[u8] = &[0xa1, 0x01, 0x32];
const SIGNATURE_LEN: usize = 64;
/// Everything of a statement but the head of its payload and the payload: array, protected, unprotected, signature.
const FRAME_LEN: usize = 1 + 4 + 1 + 2 + SIGNATURE_LEN;

/// A statement taken apart; nothing in it is known to be true yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement<'a> {
    pub(crate) payload: &'a [u8],
    pub(crate) signature: &'a [u8; SIGNATURE_LEN],
}

impl<'a> Statement<'a> {
    /// Takes apart a statement that fills `input`, in its only valid form.
    pub(crate) fn parse(input: &'a [u8]) -> Result<Self> {
        let malformed = || {
            Error::with(
                ErrorKind::Malformed,
                "a statement is not in its one valid form",
            )
        };
        let statement = Self::decode(input).ok().flatten().ok_or_else(malformed)?;
        // Written again it must be the same bytes: so every length is in shortest form, and nothing is left over.
        if statement.write(statement.signature) != input {
            return Err(malformed());
        }
        Ok(statement)
    }

    fn decode(input: &'a [u8]) -> Result<Option<Self>, minicbor::decode::Error> {
        let mut decoder = Decoder::new(input);
        if decoder.array()? != Some(4) || decoder.bytes()? != PROTECTED || decoder.map()? != Some(0)
        {
            return Ok(None);
        }
        let payload = decoder.bytes()?;
        let signature = decoder.bytes()?;
        Ok(signature
            .try_into()
            .ok()
            .map(|signature| Self { payload, signature }))
    }

    fn write(&self, signature: &[u8; SIGNATURE_LEN]) -> Vec<u8> {
        write(self.payload, signature)
    }
}

/// A statement of `payload` and `signature`.
pub(crate) fn write(payload: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Vec<u8> {
    encoded(statement_len(payload.len()), |cbor: &mut Cbor<'_>| {
        cbor.array(4)?
            .bytes(PROTECTED)?
            .map(0)?
            .bytes(payload)?
            .bytes(signature)?;
        Ok(())
    })
}

/// The bytes that are signed: Sig_structure of RFC 9052 §4.4, with the external data in parts.
pub(crate) fn signed_bytes(external: &[&[u8]], payload: &[u8]) -> Vec<u8> {
    let external_len: usize = external.iter().map(|part| part.len()).sum();
    encoded(32 + external_len + payload.len(), |cbor| {
        cbor.array(4)?.str("Signature1")?.bytes(PROTECTED)?;
        cbor.bytes(&external.concat())?.bytes(payload)?;
        Ok(())
    })
}

/// Length in bytes of a statement with a payload of `payload_len` bytes.
pub(crate) const fn statement_len(payload_len: usize) -> usize {
    let head = match payload_len {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        _ => 5,
    };
    FRAME_LEN + head + payload_len
}
