//! Answering the questions of an audit.

use super::buffer::bulla_buffer;
use super::clock::{bulla_clock, clock_or_system};
use super::guard::bulla_guard;
use super::handle::{Out, free, shared};
use super::identity::bulla_identity;
use super::input::bytes;
use super::policy::bulla_policy;
use super::prover::bulla_audit_proof;
use super::question::bulla_question;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry, plain};
use crate::{Asked, Asker, OsEntropy, Proof, Replay, Result};

/// A question that came, verified.
pub struct bulla_asked {
    asked: Asked,
    question: bulla_question,
}

/// Opens a question that came. To answer one means to read all of the content, so a guard sees to it that nobody has that done
/// again and again with the same question.
///
/// @param identity Who is asked.
/// @param policy The context, and who may ask. Answer only those to whom the content is known already: its author, or
///        another recipient.
/// @param guard The replay guard.
/// @param host_clock The clock to go by; NULL: the clock of the system.
/// @param envelope The question as it came, without armor.
/// @param length Its length in bytes.
/// @param asked Receives the question that came; free it with bulla_asked_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or as bulla_open(); BULLA_WRONG_STATEMENT for what is no question.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_asked_open(
    identity: *const bulla_identity,
    policy: *const bulla_policy,
    guard: *const bulla_guard,
    host_clock: *const bulla_clock,
    envelope: *const u8,
    length: usize,
    asked: *mut *mut bulla_asked,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(asked, "asked is NULL")?;
        // SAFETY: as the contract says.
        let (keys, policy, guard, clock, envelope) = unsafe {
            (
                shared(identity, "identity is NULL")?.keys()?,
                shared(policy, "policy is NULL")?.get()?,
                shared(guard, "guard is NULL")?,
                clock_or_system(host_clock)?,
                bytes(envelope, length, "envelope is NULL")?,
            )
        };
        let replay = Replay::Guarded(&*guard.guard);
        let asked = Asked::open(&*keys, &policy, replay, envelope, &*clock)?;
        let question = bulla_question {
            question: asked.question().clone(),
        };
        out.give(bulla_asked { asked, question });
        Ok(BULLA_OK)
    })
}

/// The question: what is asked for, and what proves that one has it.
///
/// @param asked The question that came.
/// @return The question, which lives as long as `asked` and is not freed; NULL for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_asked_question(asked: *const bulla_asked) -> *const bulla_question {
    plain(core::ptr::null(), || {
        // SAFETY: as the contract says.
        let asked = unsafe { shared(asked, "") }.ok()?;
        Some(core::ptr::from_ref(&asked.question))
    })
}

/// Checks the arguments that both answers have in common, and answers.
unsafe fn answer(
    asked: *const bulla_asked,
    identity: *const bulla_identity,
    host_clock: *const bulla_clock,
    proof: impl FnOnce() -> Result<Option<Proof>>,
    envelope: *mut bulla_buffer,
) -> Result<bulla_status> {
    // SAFETY: as the contract says.
    let (asked, keys, clock, envelope) = unsafe {
        (
            shared(asked, "asked is NULL")?,
            shared(identity, "identity is NULL")?.keys()?,
            clock_or_system(host_clock)?,
            shared(envelope, "envelope is NULL")?,
        )
    };
    let answerer = Asker::with(&*keys, &*clock, &OsEntropy);
    envelope.add(&asked.asked.answer(answerer, proof()?)?)?;
    Ok(BULLA_OK)
}

/// Answers that the content is held, with the proof of it.
///
/// @param asked The question that came.
/// @param identity Who is asked.
/// @param host_clock The clock to go by; NULL: the clock of the system.
/// @param proof The proof, of a prover that this question gave (bulla_question_prover()).
/// @param envelope The answer, sealed to the asker, is appended to this buffer.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or as bulla_seal().
/// Threads: any, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_asked_answer(
    asked: *const bulla_asked,
    identity: *const bulla_identity,
    host_clock: *const bulla_clock,
    proof: *const bulla_audit_proof,
    envelope: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    let proof = || unsafe { shared(proof, "proof is NULL") }.map(|proof| Some(proof.proof));
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        answer(asked, identity, host_clock, proof, envelope)
    })
}

/// Answers that the content is held no more.
///
/// @param asked The question that came.
/// @param identity Who is asked.
/// @param host_clock The clock to go by; NULL: the clock of the system.
/// @param envelope The answer, sealed to the asker, is appended to this buffer.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or as bulla_seal().
/// Threads: any, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_asked_answer_not_held(
    asked: *const bulla_asked,
    identity: *const bulla_identity,
    host_clock: *const bulla_clock,
    envelope: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        answer(asked, identity, host_clock, || Ok(None), envelope)
    })
}

/// Frees a question that came, and with it what it gave to look at.
///
/// @param asked The question; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_asked_free(asked: *mut bulla_asked) {
    // SAFETY: as the contract says.
    unsafe { free(asked) }
}
