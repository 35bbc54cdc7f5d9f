//! What is to be said of a message before it is sealed.

use core::ffi::c_char;

use super::handle::{Exclusive, Out, free, shared};
use super::input::{bytes, text, value};
use super::public::bulla_public;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use super::types::bulla_sent;
use crate::{Draft, Error, ErrorKind, Receipts, Result};

/// A receipt when the message was opened and handed to the application.
pub const BULLA_RECEIPT_DELIVERED: u32 = 1;
/// A receipt when the content is on the disk, and was read again from there.
pub const BULLA_RECEIPT_STORED: u32 = 2;
/// A receipt when the message is rejected for good, with the reason.
pub const BULLA_RECEIPT_REJECTED: u32 = 4;

/// What is said of a message: context, times, content type, attributes. It can be used for many messages; each gets an id of
/// its own.
pub struct bulla_draft {
    draft: Exclusive<Draft>,
}

impl bulla_draft {
    /// It, as it is now.
    pub(super) fn get(&self) -> Result<Draft> {
        self.draft.enter_waiting().map(|draft| draft.clone())
    }

    /// Replaces it, unless that fails.
    fn change(&self, work: impl FnOnce(Draft) -> Result<Draft>) -> Result<bulla_status> {
        let mut draft = self.draft.enter_waiting()?;
        let changed = work(draft.clone())?;
        *draft = changed;
        Ok(BULLA_OK)
    }
}

/// Begins what is said of a message for a context: the name of the application or protocol, which the reader demands.
///
/// @param context 1 to 255 bytes without control characters, closed with NUL.
/// @param draft Receives the draft; free it with bulla_draft_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_draft_new(
    context: *const c_char,
    draft: *mut *mut bulla_draft,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(draft, "draft is NULL")?;
        // SAFETY: as the contract says.
        let context = unsafe { text(context, "context is NULL") }?;
        let draft = Exclusive::new(Draft::new(context)?);
        out.give(bulla_draft { draft });
        Ok(BULLA_OK)
    })
}

/// The message expires so long after it is sealed. Without an end a reader goes by its own greatest age.
///
/// @param draft The draft.
/// @param seconds How long.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_draft_expires_in(
    draft: *mut bulla_draft,
    seconds: u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let draft = unsafe { shared(draft, "draft is NULL") }?;
        draft.change(|draft| Ok(draft.expires_in(seconds)))
    })
}

/// The message expires at this time.
///
/// @param draft The draft.
/// @param time Seconds since 1970.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_draft_expires_at(
    draft: *mut bulla_draft,
    time: u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let draft = unsafe { shared(draft, "draft is NULL") }?;
        draft.change(|draft| Ok(draft.expires_at(time)))
    })
}

/// What the content is.
///
/// @param draft The draft.
/// @param media_type 1 to 255 characters of printable ASCII, such as "image/jpeg", closed with NUL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_draft_content_type(
    draft: *mut bulla_draft,
    media_type: *const c_char,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (draft, media_type) = unsafe {
            let draft = shared(draft, "draft is NULL")?;
            (draft, text(media_type, "media_type is NULL")?)
        };
        draft.change(|draft| draft.content_type(media_type))
    })
}

/// Adds an attribute, or replaces the one of that name. At most 64 of them. A file name goes into the attribute "name".
///
/// @param draft The draft.
/// @param name 1 to 64 bytes without control characters, closed with NUL.
/// @param value The value: any bytes.
/// @param length Its length in bytes, at most 4096.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_draft_attribute(
    draft: *mut bulla_draft,
    name: *const c_char,
    value: *const u8,
    length: usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (draft, name, value) = unsafe {
            let draft = shared(draft, "draft is NULL")?;
            (
                draft,
                text(name, "name is NULL")?,
                bytes(value, length, "value is NULL")?,
            )
        };
        draft.change(|draft| draft.attribute(name, value))
    })
}

/// The place of the message in a stream of messages of this sender and context.
///
/// @param draft The draft.
/// @param stream The name of the stream: any bytes.
/// @param length Its length in bytes, 1 to 64.
/// @param number The number of the message in it.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_draft_sequence(
    draft: *mut bulla_draft,
    stream: *const u8,
    length: usize,
    number: u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (draft, stream) = unsafe {
            let draft = shared(draft, "draft is NULL")?;
            (draft, bytes(stream, length, "stream is NULL")?)
        };
        draft.change(|draft| draft.sequence(stream, number))
    })
}

/// The message answers a challenge of the reader's.
///
/// @param draft The draft.
/// @param challenge 32 bytes, as bulla_opener_challenge() of the reader gave them.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_draft_answers(
    draft: *mut bulla_draft,
    challenge: *const u8,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (draft, challenge) = unsafe {
            let draft = shared(draft, "draft is NULL")?;
            (draft, bytes(challenge, 32, "challenge is NULL")?)
        };
        let challenge = challenge.try_into().unwrap_or_default();
        draft.change(|draft| Ok(draft.answers(challenge)))
    })
}

/// Asks the reader for receipts, sealed to an encryption key of the sender's.
///
/// @param draft The draft.
/// @param receipts One or more of BULLA_RECEIPT_DELIVERED, BULLA_RECEIPT_STORED, BULLA_RECEIPT_REJECTED, added.
/// @param reply_to The sender's own public identity, to whose newest encryption key receipts are sealed.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NO_USABLE_KEY if `reply_to` has no encryption key; BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_draft_ask_receipts(
    draft: *mut bulla_draft,
    receipts: u32,
    reply_to: *const bulla_public,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (draft, reply_to) = unsafe {
            let draft = shared(draft, "draft is NULL")?;
            (draft, shared(reply_to, "reply_to is NULL")?)
        };
        let known = BULLA_RECEIPT_DELIVERED | BULLA_RECEIPT_STORED | BULLA_RECEIPT_REJECTED;
        if receipts & !known != 0 {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "a kind of receipt is asked for that there is not",
            ));
        }
        let asked = Receipts {
            delivered: receipts & BULLA_RECEIPT_DELIVERED != 0,
            stored: receipts & BULLA_RECEIPT_STORED != 0,
            rejected: receipts & BULLA_RECEIPT_REJECTED != 0,
        };
        let key = reply_to.identity.newest_key();
        let key = key.ok_or(ErrorKind::NoUsableKey)?;
        draft.change(|draft| draft.ask_receipts(asked, key))
    })
}

/// Seals an earlier message again: with its id and its times, so that readers count both as one. The end that was set has no
/// effect then.
///
/// @param draft The draft, with everything as it was the first time.
/// @param sent What the first sealing gave.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_draft_again(
    draft: *mut bulla_draft,
    sent: *const bulla_sent,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (draft, sent) = unsafe {
            let draft = shared(draft, "draft is NULL")?;
            (draft, value(sent, "sent is NULL")?)
        };
        let sent = sent.into();
        draft.change(|draft| Ok(draft.again(&sent)))
    })
}

/// Frees a draft.
///
/// @param draft The draft; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_draft_free(draft: *mut bulla_draft) {
    // SAFETY: as the contract says.
    unsafe { free(draft) }
}
