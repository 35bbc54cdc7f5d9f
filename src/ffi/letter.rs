//! What is put into an outbox.
#![cfg_attr(
    not(feature = "sqlite"),
    allow(unused_imports, unused_variables, dead_code)
)]

use core::ffi::c_char;
use std::vec::Vec;

use super::handle::{Exclusive, Out, free, shared};
use super::input::{items, text, value};
use super::sqlite::with_sqlite;
#[cfg(not(feature = "sqlite"))]
use super::sqlite::without;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use super::types::{bulla_key, bulla_sent};
#[cfg(feature = "sqlite")]
use crate::Letter;
use crate::{Result, Sent};

/// What is sent, to whom, and what is awaited.
pub struct bulla_letter {
    #[cfg(feature = "sqlite")]
    letter: Exclusive<Letter>,
}

#[cfg(feature = "sqlite")]
impl bulla_letter {
    /// It, as it is now.
    pub(super) fn get(&self) -> Result<Letter> {
        self.letter.enter_waiting().map(|letter| letter.clone())
    }

    /// Replaces it, unless that fails.
    fn change(&self, work: impl FnOnce(Letter) -> Result<Letter>) -> Result<bulla_status> {
        let mut letter = self.letter.enter_waiting()?;
        let changed = work(letter.clone())?;
        *letter = changed;
        Ok(BULLA_OK)
    }
}

/// Begins a letter: a message to these recipients, of whom each is to confirm that it is stored.
///
/// @param sent What sealing gave.
/// @param context The context of the message, closed with NUL.
/// @param recipients The recipients' signing keys, as bulla_public_key() gives them.
/// @param count How many, at least 1.
/// @param deadline Until when answers are awaited, in seconds since 1970. What has none by then is given up.
/// @param letter Receives the letter; free it with bulla_letter_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NO_RECIPIENT; BULLA_INVALID_INPUT, also for what is no signing key.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_letter_new(
    sent: *const bulla_sent,
    context: *const c_char,
    recipients: *const bulla_key,
    count: usize,
    deadline: u64,
    letter: *mut *mut bulla_letter,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            let out = Out::new(letter, "letter is NULL")?;
            // SAFETY: as the contract says.
            let (sent, context, recipients) = unsafe {
                (
                    Sent::from(value(sent, "sent is NULL")?),
                    text(context, "context is NULL")?,
                    items(recipients, count, "recipients is NULL")?,
                )
            };
            let recipients = recipients.iter().map(bulla_key::parse);
            let recipients = recipients.collect::<Result<Vec<_>>>()?;
            let letter = Letter::new(sent, context, recipients, deadline)?;
            out.give(bulla_letter {
                letter: Exclusive::new(letter),
            });
            Ok(BULLA_OK)
        })
    )
}

/// It is enough if the recipients confirm that the message is delivered.
///
/// @param letter The letter.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_letter_until_delivered(
    letter: *mut bulla_letter,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            // SAFETY: as the contract says.
            let letter = unsafe { shared(letter, "letter is NULL") }?;
            letter.change(|letter| Ok(letter.until_delivered()))
        })
    )
}

/// What the host wants to remember of the message: where to send it, for whom. It is kept as it is, and given with what is due.
///
/// @param letter The letter.
/// @param note At most 1024 bytes, closed with NUL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_letter_note(
    letter: *mut bulla_letter,
    note: *const c_char,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            // SAFETY: as the contract says.
            let (letter, note) = unsafe {
                (
                    shared(letter, "letter is NULL")?,
                    text(note, "note is NULL")?,
                )
            };
            letter.change(|letter| letter.note(note))
        })
    )
}

/// Frees a letter; what was put with it stays in the outbox.
///
/// @param letter The letter; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_letter_free(letter: *mut bulla_letter) {
    // SAFETY: as the contract says.
    unsafe { free(letter) }
}
