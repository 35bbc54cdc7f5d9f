//! What became of messages.

use std::vec::Vec;

use super::handle::{free, shared};
use super::message::{Proof, bulla_message};
use super::stamp::bulla_stamp;
use super::status::plain;
use super::types::bulla_view;
use crate::{Again, Error, ErrorKind, Opened, Outcome, Result, Stamp};

/// The message was verified, and handed to the application.
pub const BULLA_OUTCOME_DELIVERED: u32 = 1;
/// The content is on the disk, and was read again from there and compared.
pub const BULLA_OUTCOME_STORED: u32 = 2;
/// The message was rejected for good: a copy of it is rejected too.
pub const BULLA_OUTCOME_REJECTED: u32 = 3;
/// The first of the outcomes that a host numbers itself, up to 255.
pub const BULLA_OUTCOME_OWN: u32 = 128;

/// What became of a message that is dealt with, and the receipt that may be sent now: committed just now, or before its copy
/// came.
pub struct bulla_answer {
    outcome: Outcome,
    receipt: Option<Vec<u8>>,
    message: Option<bulla_message>,
    stamp: Option<Stamp>,
}

impl bulla_answer {
    pub(super) fn committed(
        outcome: Outcome,
        opened: Option<Opened>,
        receipt: Option<Vec<u8>>,
    ) -> Self {
        let message = opened.map(|proof| bulla_message {
            proof: Proof::Opened(proof),
        });
        Self {
            outcome,
            receipt,
            message,
            stamp: None,
        }
    }

    pub(super) fn again(again: Again) -> Self {
        Self {
            outcome: again.outcome(),
            stamp: Some(again.stamp().clone()),
            receipt: again.into_receipt(),
            message: None,
        }
    }
}

/// An outcome by its number.
pub(super) fn outcome(number: u32) -> Result<Outcome> {
    match (number, u8::try_from(number)) {
        (BULLA_OUTCOME_DELIVERED, _) => Ok(Outcome::Delivered),
        (BULLA_OUTCOME_STORED, _) => Ok(Outcome::Stored),
        (BULLA_OUTCOME_REJECTED, _) => Ok(Outcome::Rejected),
        (BULLA_OUTCOME_OWN.., Ok(own)) => Ok(Outcome::Own(own)),
        _ => Err(Error::with(
            ErrorKind::InvalidInput,
            "an outcome is one of those named, or a number of the host's own from 128 to 255",
        )),
    }
}

/// What became of the message. One that was BULLA_OUTCOME_REJECTED is to be rejected again, whatever else is done with it.
///
/// @param answer The answer.
/// @return One of BULLA_OUTCOME_..., or a number of the host's own; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_answer_outcome(answer: *const bulla_answer) -> u32 {
    plain(0, || {
        // SAFETY: as the contract says.
        Some(match unsafe { shared(answer, "") }.ok()?.outcome {
            Outcome::Delivered => BULLA_OUTCOME_DELIVERED,
            Outcome::Stored => BULLA_OUTCOME_STORED,
            Outcome::Rejected => BULLA_OUTCOME_REJECTED,
            Outcome::Own(own) => own.into(),
        })
    })
}

/// The receipt, or the answer of the host's own, that was committed with the message: send it (again), byte for byte.
///
/// @param answer The answer.
/// @return The bytes, which live as long as the answer; nothing if the sender asked for no receipt of this kind, and for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_answer_receipt(answer: *const bulla_answer) -> bulla_view {
    plain(bulla_view::NOTHING, || {
        // SAFETY: as the contract says.
        let answer = unsafe { shared(answer, "") }.ok()?;
        Some(bulla_view::of(answer.receipt.as_deref()?))
    })
}

/// What is known of the message that was committed.
///
/// @param answer The answer.
/// @return The message, which lives as long as the answer and is not freed. NULL if the message came before, if it was refused by
///         its stamp alone, and for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_answer_message(answer: *const bulla_answer) -> *const bulla_message {
    plain(core::ptr::null(), || {
        // SAFETY: as the contract says.
        let answer = unsafe { shared(answer, "") }.ok()?;
        answer.message.as_ref().map(core::ptr::from_ref)
    })
}

/// What the sender signed of the message, also of one that came before: so that a host knows whom it answers.
///
/// @param answer The answer.
/// @return The stamp, which lives as long as the answer and is not freed. NULL if the message was refused by its stamp alone just
///         now (bulla_lease_stamp() told it), and for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_answer_stamp(answer: *const bulla_answer) -> *const bulla_stamp {
    plain(core::ptr::null(), || {
        // SAFETY: as the contract says.
        let answer = unsafe { shared(answer, "") }.ok()?;
        let signed = answer
            .message
            .as_ref()
            .map(|message| message.verified().stamp());
        answer.stamp.as_ref().or(signed).map(bulla_stamp::of)
    })
}

/// Frees an answer.
///
/// @param answer The answer; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_answer_free(answer: *mut bulla_answer) {
    // SAFETY: as the contract says.
    unsafe { free(answer) }
}
