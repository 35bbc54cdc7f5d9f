//! Proving that one has a content.

use super::handle::{Once, Out, free, shared};
use super::input::bytes;
use super::status::{BULLA_NOTHING, BULLA_OK, bulla_error, bulla_status, entry, plain};
use crate::{Proof, Prover};

/// What proves that one has a content: the same for the same question and content, and for nothing else.
pub struct bulla_audit_proof {
    pub(super) proof: Proof,
}

/// Turns a content, given in pieces, into the proof that one has it.
pub struct bulla_prover {
    prover: Once<Prover>,
}

impl bulla_prover {
    pub(super) const fn of(prover: Prover) -> Self {
        Self {
            prover: Once::new(prover),
        }
    }
}

/// Takes the next piece of the content.
///
/// @param prover What takes the content.
/// @param content The piece.
/// @param length Its length in bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_INVALID_INPUT for NULL, BULLA_WRONG_ORDER after bulla_prover_finish().
/// Threads: one at a time for each prover.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_prover_update(
    prover: *mut bulla_prover,
    content: *const u8,
    length: usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (prover, content) = unsafe {
            (
                shared(prover, "prover is NULL")?,
                bytes(content, length, "content is NULL")?,
            )
        };
        prover.prover.with(|prover| {
            prover.update(content);
            Ok(BULLA_OK)
        })
    })
}

/// Gives the proof. The prover can then only be freed.
///
/// @param prover What took the content.
/// @param proof Receives the proof; free it with bulla_audit_proof_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if what came is not the content in question; BULLA_INVALID_INPUT for NULL;
///         BULLA_WRONG_ORDER after the end.
/// Threads: one at a time for each prover.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_prover_finish(
    prover: *mut bulla_prover,
    proof: *mut *mut bulla_audit_proof,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(proof, "proof is NULL")?;
        // SAFETY: as the contract says.
        let prover = unsafe { shared(prover, "prover is NULL") }?.prover.take()?;
        let Some(proof) = prover.finish() else {
            return Ok(BULLA_NOTHING);
        };
        out.give(bulla_audit_proof { proof });
        Ok(BULLA_OK)
    })
}

/// Frees a prover.
///
/// @param prover The prover; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_prover_free(prover: *mut bulla_prover) {
    // SAFETY: as the contract says.
    unsafe { free(prover) }
}

/// Whether two proofs are the same, told in constant time: whether the holder has what the asker has.
///
/// @param proof A proof.
/// @param other Another one.
/// @return 1 if they are the same; 0 if not, and if one of them is NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_audit_proof_equals(
    proof: *const bulla_audit_proof,
    other: *const bulla_audit_proof,
) -> u8 {
    plain(0, || {
        // SAFETY: as the contract says.
        let (proof, other) = unsafe { (shared(proof, "").ok()?, shared(other, "").ok()?) };
        Some(u8::from(proof.proof == other.proof))
    })
}

/// Frees a proof.
///
/// @param proof The proof; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_audit_proof_free(proof: *mut bulla_audit_proof) {
    // SAFETY: as the contract says.
    unsafe { free(proof) }
}
