//! Doors for the fuzzer to the parsers behind the signature check. Not part of the API: exists only under
//! `cfg(fuzzing)`.

use alloc::vec::Vec;

use crate::error::Result;
use crate::wire::claims::{Claims, encode_closing};
use crate::wire::cose::{self, Statement};
use crate::wire::decode::parse_closing;
use crate::wire::evidence::RawEvidence;

/// Parses claims and writes them again.
///
/// # Errors
///
/// Those of parsing.
pub fn claims(payload: &[u8]) -> Result<Vec<u8>> {
    Claims::parse(payload).map(|claims| claims.encode())
}

/// Parses a COSE_Sign1 and writes it again; gives its payload too.
///
/// # Errors
///
/// Those of parsing.
pub fn statement(input: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let statement = Statement::parse(input)?;
    let again = cose::write(statement.payload, statement.signature);
    Ok((again, statement.payload.to_vec()))
}

/// Parses the claims of a closing and writes them again.
#[must_use]
pub fn closing(payload: &[u8]) -> Option<Vec<u8>> {
    parse_closing(payload).map(|(length, digest)| encode_closing(length, &digest))
}

/// Takes evidence apart and writes it again.
///
/// # Errors
///
/// Those of parsing.
pub fn evidence(input: &[u8]) -> Result<Vec<u8>> {
    RawEvidence::parse(input).map(|evidence| evidence.write())
}
