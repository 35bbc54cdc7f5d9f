//! Questions of an audit: does somebody still have a content?

use core::ffi::c_char;

use super::buffer::bulla_buffer;
use super::clock::{bulla_clock, clock_or_system};
use super::handle::{Out, free, shared};
use super::identity::bulla_identity;
use super::input::{bytes, text, value};
use super::prover::{bulla_audit_proof, bulla_prover};
use super::public::bulla_public;
use super::status::{BULLA_NOTHING, BULLA_OK, bulla_error, bulla_status, entry, plain};
use super::types::{bulla_digest, bulla_key, bulla_message_id, bulla_sent, bulla_view};
use crate::{Asker, ErrorKind, OsEntropy, Question, Result, Sent};

/// A question of an audit: "do you still have it?", which only who has all of the content can answer. Keep it until its
/// answer has come. It holds nothing secret.
pub struct bulla_question {
    pub(super) question: Question,
}

unsafe fn get<'a>(question: *const bulla_question) -> Result<&'a Question> {
    // SAFETY: as the contract says.
    unsafe { shared(question, "question is NULL") }.map(|question| &question.question)
}

/// Asks whether somebody still has the content of a message that was sent. The answer may come for 24 hours.
///
/// @param identity Who asks; the answer comes to its newest encryption key.
/// @param host_clock The clock to go by; NULL: the clock of the system.
/// @param holder Who is asked: the author of the message, or one of its recipients.
/// @param context The context, closed with NUL: 1 to 255 bytes without control characters.
/// @param sent What was sent.
/// @param envelope The envelope to send, sealed to the holder, is appended to this buffer.
/// @param question Receives the question; free it with bulla_question_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or as bulla_seal(); BULLA_NO_USABLE_KEY if either has no encryption key.
/// Threads: any, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_question_ask(
    identity: *const bulla_identity,
    host_clock: *const bulla_clock,
    holder: *const bulla_public,
    context: *const c_char,
    sent: *const bulla_sent,
    envelope: *mut bulla_buffer,
    question: *mut *mut bulla_question,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(question, "question is NULL")?;
        // SAFETY: as the contract says.
        let (keys, clock, holder, context, sent, envelope) = unsafe {
            (
                shared(identity, "identity is NULL")?.keys()?,
                clock_or_system(host_clock)?,
                shared(holder, "holder is NULL")?,
                text(context, "context is NULL")?,
                Sent::from(value(sent, "sent is NULL")?),
                shared(envelope, "envelope is NULL")?,
            )
        };
        let reply_key = keys.public().newest_key().ok_or(ErrorKind::NoUsableKey)?;
        let asker = Asker::with(&*keys, &*clock, &OsEntropy);
        let (question, sealed) = Question::ask(asker, &holder.identity, context, &sent, reply_key)?;
        envelope.add(&sealed)?;
        out.give(bulla_question { question });
        Ok(BULLA_OK)
    })
}

/// Writes a question as bytes, to keep it.
///
/// @param question The question.
/// @param data The bytes are appended to this buffer; at most 1344.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT for NULL.
/// Threads: any for the question, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_question_to_bytes(
    question: *const bulla_question,
    data: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (question, data) = unsafe { (get(question)?, shared(data, "data is NULL")?) };
        data.add(&question.to_bytes())?;
        Ok(BULLA_OK)
    })
}

/// Reads what bulla_question_to_bytes() wrote.
///
/// @param data The bytes: from the caller's own store, for nothing in them is signed.
/// @param length How many.
/// @param question Receives the question; free it with bulla_question_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_MALFORMED for anything else; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_question_from_bytes(
    data: *const u8,
    length: usize,
    question: *mut *mut bulla_question,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(question, "question is NULL")?;
        // SAFETY: as the contract says.
        let data = unsafe { bytes(data, length, "data is NULL") }?;
        let question = Question::from_bytes(data)?;
        out.give(bulla_question { question });
        Ok(BULLA_OK)
    })
}

/// The message in question.
///
/// @param question The question.
/// @param id Receives the id.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_question_message_id(
    question: *const bulla_question,
    id: *mut bulla_message_id,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(id, "id is NULL")?;
        // SAFETY: as the contract says.
        out.put(unsafe { get(question) }?.message_id().into());
        Ok(BULLA_OK)
    })
}

/// The content in question.
///
/// @param question The question.
/// @param content_length Receives its length in bytes.
/// @param content_digest Receives its digest (BLAKE3).
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_question_content(
    question: *const bulla_question,
    content_length: *mut u64,
    content_digest: *mut bulla_digest,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let length_out = Out::new(content_length, "content_length is NULL")?;
        let digest_out = Out::new(content_digest, "content_digest is NULL")?;
        // SAFETY: as the contract says.
        let (length, digest) = unsafe { get(question) }?.content();
        length_out.put(length);
        digest_out.put(digest.into());
        Ok(BULLA_OK)
    })
}

/// Who asks.
///
/// @param question The question.
/// @param asker Receives the public signing key.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_question_asker(
    question: *const bulla_question,
    asker: *mut bulla_key,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(asker, "asker is NULL")?;
        // SAFETY: as the contract says.
        out.put(unsafe { get(question) }?.asker().into());
        Ok(BULLA_OK)
    })
}

/// Who is asked.
///
/// @param question The question.
/// @param holder Receives the public signing key.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_question_holder(
    question: *const bulla_question,
    holder: *mut bulla_key,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(holder, "holder is NULL")?;
        // SAFETY: as the contract says.
        out.put(unsafe { get(question) }?.holder().into());
        Ok(BULLA_OK)
    })
}

/// The context of a question, in UTF-8.
///
/// @param question The question.
/// @return The context, which lives as long as the question; nothing for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_question_context(question: *const bulla_question) -> bulla_view {
    plain(bulla_view::NOTHING, || {
        // SAFETY: as the contract says.
        let question = unsafe { get(question) }.ok()?;
        Some(bulla_view::of(question.context().as_bytes()))
    })
}

/// Begins to prove that one has the content: feed it with all of that. The holder proves so, and so does the asker, to know
/// the right answer.
///
/// @param question The question.
/// @param prover Receives what takes the content; free it with bulla_prover_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_question_prover(
    question: *const bulla_question,
    prover: *mut *mut bulla_prover,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(prover, "prover is NULL")?;
        // SAFETY: as the contract says.
        out.give(bulla_prover::of(unsafe { get(question) }?.prover()));
        Ok(BULLA_OK)
    })
}

/// Opens the answer. That it is the right one is known only when bulla_audit_proof_equals() says so of the proof that it gives
/// and the asker's own.
///
/// @param question The question.
/// @param identity Who asked.
/// @param host_clock The clock to go by; NULL: the clock of the system.
/// @param envelope The answer as it came, without armor.
/// @param length Its length in bytes.
/// @param proof Receives the proof that the holder sent; free it with bulla_audit_proof_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if the holder says that it has the content no more; else as bulla_open(), and
///         BULLA_WRONG_RECEIPT if it answers another question.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_question_answer(
    question: *const bulla_question,
    identity: *const bulla_identity,
    host_clock: *const bulla_clock,
    envelope: *const u8,
    length: usize,
    proof: *mut *mut bulla_audit_proof,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(proof, "proof is NULL")?;
        // SAFETY: as the contract says.
        let (question, keys, clock, envelope) = unsafe {
            (
                get(question)?,
                shared(identity, "identity is NULL")?.keys()?,
                clock_or_system(host_clock)?,
                bytes(envelope, length, "envelope is NULL")?,
            )
        };
        let Some(proof) = question.answer(&*keys, envelope, &*clock)? else {
            return Ok(BULLA_NOTHING);
        };
        out.give(bulla_audit_proof { proof });
        Ok(BULLA_OK)
    })
}

/// Frees a question, and what was looked at in it.
///
/// @param question The question; NULL is nothing. Not one that bulla_asked_question() gave: that belongs to what it was
///        asked of.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_question_free(question: *mut bulla_question) {
    // SAFETY: as the contract says.
    unsafe { free(question) }
}
