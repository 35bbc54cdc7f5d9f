//! The header (spec/envelope.md §2).

use alloc::vec::Vec;

use super::limits::{MAX_HEADER, MAX_STANZAS};
use crate::error::{Error, ErrorKind, Result};

const MAGIC: &[u8; 5] = b"BULLA";
const VERSION: u8 = 1;
/// The suite of version 1: X25519, HKDF-SHA256, AES-256-GCM, Ed25519, BLAKE3.
pub(crate) const SUITE_1: u8 = 1;
pub(crate) const NONCE_LEN: usize = 16;
pub(crate) const ENC_LEN: usize = 32;
pub(crate) const STANZA_LEN: usize = 48;
/// Length of the header of a signed envelope, and of the part all kinds share, in bytes.
pub(crate) const FIXED_LEN: usize = 24;
const STANZAS_AT: usize = FIXED_LEN + ENC_LEN + 2;

/// What kind of envelope it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Encrypted to recipients and signed.
    Sealed = 1,
    /// Signed, not encrypted; the content is inside.
    Signed = 2,
    /// Signed, not encrypted; the content is beside.
    Detached = 3,
}

/// A header as it stands in the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) kind: Kind,
    pub(crate) nonce: &'a [u8; NONCE_LEN],
    /// Absent, and no stanzas, unless sealed.
    pub(crate) enc: Option<&'a [u8; ENC_LEN]>,
    pub(crate) stanzas: &'a [[u8; STANZA_LEN]],
    /// All bytes of the header: what its digest covers.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads a header from the start of `input`. `None`: so far well-formed, but more bytes are needed.
    pub(crate) fn parse(input: &'a [u8]) -> Result<Option<Self>> {
        let known = input.len().min(MAGIC.len());
        if input.get(..known) != MAGIC.get(..known) {
            return Err(malformed("it does not begin with BULLA"));
        }
        check_byte(input, 5, VERSION)?;
        check_byte(input, 6, SUITE_1)?;
        let kind = match input.get(7) {
            None => return Ok(None),
            Some(1) => Kind::Sealed,
            Some(2) => Kind::Signed,
            Some(3) => Kind::Detached,
            Some(_) => return Err(ErrorKind::UnsupportedVersion.into()),
        };
        let Some(nonce) = slice_array::<NONCE_LEN>(input, 8) else {
            return Ok(None);
        };
        if kind != Kind::Sealed {
            let bytes = input.get(..FIXED_LEN).unwrap_or_default();
            return Ok(Some(Self {
                kind,
                nonce,
                enc: None,
                stanzas: &[],
                bytes,
            }));
        }
        let (Some(enc), Some(count)) = (
            slice_array(input, FIXED_LEN),
            slice_array(input, FIXED_LEN + ENC_LEN),
        ) else {
            return Ok(None);
        };
        let count = usize::from(u16::from_be_bytes(*count));
        if count == 0 || count > MAX_STANZAS {
            return Err(malformed("the number of recipients is not 1 to 10000"));
        }
        let end = STANZAS_AT + count * STANZA_LEN;
        debug_assert!(end <= MAX_HEADER);
        let (Some(bytes), Some(stanzas)) = (input.get(..end), input.get(STANZAS_AT..end)) else {
            return Ok(None);
        };
        Ok(Some(Self {
            kind,
            nonce,
            enc: Some(enc),
            stanzas: stanzas.as_chunks().0,
            bytes,
        }))
    }

    /// Reads a header that must be whole.
    pub(crate) fn parse_whole(input: &'a [u8]) -> Result<Self> {
        Self::parse(input)?.ok_or_else(|| malformed("it ends inside the header"))
    }
}

/// Appends the header of a sealed envelope.
pub(crate) fn write_sealed(
    out: &mut Vec<u8>,
    nonce: &[u8; NONCE_LEN],
    enc: &[u8; ENC_LEN],
    stanzas: &[[u8; STANZA_LEN]],
) -> Result<()> {
    let count = u16::try_from(stanzas.len())
        .ok()
        .filter(|count| (1..=MAX_STANZAS).contains(&usize::from(*count)))
        .ok_or(Error::with(
            ErrorKind::InvalidInput,
            "more than 10000 recipients",
        ))?;
    write_fixed(out, Kind::Sealed, nonce);
    out.extend_from_slice(enc);
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(stanzas.as_flattened());
    Ok(())
}

/// Appends what all kinds share; the whole header of a signed envelope.
pub(crate) fn write_fixed(out: &mut Vec<u8>, kind: Kind, nonce: &[u8; NONCE_LEN]) {
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[VERSION, SUITE_1, kind as u8]);
    out.extend_from_slice(nonce);
}

/// Length in bytes of the header of a sealed envelope.
pub(crate) const fn sealed_len(stanzas: usize) -> usize {
    STANZAS_AT + stanzas * STANZA_LEN
}

fn check_byte(input: &[u8], at: usize, expected: u8) -> Result<()> {
    match input.get(at) {
        Some(&found) if found != expected => Err(ErrorKind::UnsupportedVersion.into()),
        _ => Ok(()),
    }
}

fn slice_array<const N: usize>(input: &[u8], at: usize) -> Option<&[u8; N]> {
    input.get(at..)?.first_chunk()
}

const fn malformed(detail: &'static str) -> Error {
    Error::with(ErrorKind::Malformed, detail)
}
