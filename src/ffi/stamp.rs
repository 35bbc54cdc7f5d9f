//! What a sender signed.

use core::ffi::c_char;

use super::handle::{Out, shared};
use super::input::text;
use super::status::{BULLA_NOTHING, BULLA_OK, bulla_error, bulla_status, entry, plain};
use super::types::{bulla_key, bulla_message_id, bulla_view};
use crate::{Error, ErrorKind, Result, Stamp};

/// What the sender signed of a message: who, when, what for. It belongs to what it was asked of, and lives as long.
///
/// The signature is verified. While a stream goes on, and after a refusal, nothing is known yet of the content.
pub struct bulla_stamp {
    // Never made: a pointer to it is one to a `Stamp`.
    _never: core::convert::Infallible,
}

impl bulla_stamp {
    pub(super) const fn of(stamp: &Stamp) -> *const Self {
        core::ptr::from_ref(stamp).cast()
    }
}

pub(super) unsafe fn get<'a>(stamp: *const bulla_stamp) -> Result<&'a Stamp> {
    // SAFETY: what C has as a stamp came from `bulla_stamp::of`, and lives, as the contract says.
    unsafe { shared(stamp.cast::<Stamp>(), "stamp is NULL") }
}

/// The public signing key of the sender.
///
/// @param stamp The stamp.
/// @param signer Receives the key.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_stamp_signer(
    stamp: *const bulla_stamp,
    signer: *mut bulla_key,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(signer, "signer is NULL")?;
        // SAFETY: as the contract says.
        out.put(unsafe { get(stamp) }?.signer().into());
        Ok(BULLA_OK)
    })
}

/// The id of the message.
///
/// @param stamp The stamp.
/// @param id Receives the id.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_stamp_message_id(
    stamp: *const bulla_stamp,
    id: *mut bulla_message_id,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(id, "id is NULL")?;
        // SAFETY: as the contract says.
        out.put(unsafe { get(stamp) }?.message_id().into());
        Ok(BULLA_OK)
    })
}

/// The context that the message was made for, in UTF-8.
///
/// @param stamp The stamp.
/// @return The context, which lives as long as the stamp; nothing for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_stamp_context(stamp: *const bulla_stamp) -> bulla_view {
    plain(bulla_view::NOTHING, || {
        // SAFETY: as the contract says.
        let stamp = unsafe { get(stamp) }.ok()?;
        Some(bulla_view::of(stamp.context().as_bytes()))
    })
}

/// What the content is, in printable ASCII.
///
/// @param stamp The stamp.
/// @return The media type, which lives as long as the stamp; nothing if the sender gave none, and for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_stamp_content_type(stamp: *const bulla_stamp) -> bulla_view {
    plain(bulla_view::NOTHING, || {
        // SAFETY: as the contract says.
        let stamp = unsafe { get(stamp) }.ok()?;
        Some(bulla_view::of(stamp.content_type()?.as_bytes()))
    })
}

/// When the message was issued, as the sender says.
///
/// @param stamp The stamp.
/// @return Seconds since 1970; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_stamp_issued(stamp: *const bulla_stamp) -> u64 {
    // SAFETY: as the contract says.
    plain(0, || Some(unsafe { get(stamp) }.ok()?.issued()))
}

/// When the message expires.
///
/// @param stamp The stamp.
/// @param expires Receives seconds since 1970.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if it does not expire; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_stamp_expires(
    stamp: *const bulla_stamp,
    expires: *mut u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(expires, "expires is NULL")?;
        // SAFETY: as the contract says.
        let Some(time) = unsafe { get(stamp) }?.expires() else {
            return Ok(BULLA_NOTHING);
        };
        out.put(time);
        Ok(BULLA_OK)
    })
}

/// The length of the content, if it is signed up front.
///
/// @param stamp The stamp.
/// @param length Receives the length in bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if it is told only at the end; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_stamp_length(
    stamp: *const bulla_stamp,
    length: *mut u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(length, "length is NULL")?;
        // SAFETY: as the contract says.
        let Some(length) = unsafe { get(stamp) }?.length() else {
            return Ok(BULLA_NOTHING);
        };
        out.put(length);
        Ok(BULLA_OK)
    })
}

/// The place of the message in a stream.
///
/// @param stamp The stamp.
/// @param stream Receives the name of the stream, which lives as long as the stamp.
/// @param number Receives the number in it.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if it has none; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_stamp_sequence(
    stamp: *const bulla_stamp,
    stream: *mut bulla_view,
    number: *mut u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let (stream, number) = (
            Out::new(stream, "stream is NULL")?,
            Out::new(number, "number is NULL")?,
        );
        // SAFETY: as the contract says.
        let Some(place) = unsafe { get(stamp) }?.sequence() else {
            return Ok(BULLA_NOTHING);
        };
        stream.put(bulla_view::of(&place.stream));
        number.put(place.number);
        Ok(BULLA_OK)
    })
}

/// Which receipts the sender asks for: BULLA_RECEIPT_DELIVERED, BULLA_RECEIPT_STORED, BULLA_RECEIPT_REJECTED, added.
///
/// @param stamp The stamp.
/// @return The receipts; 0 for none, and for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_stamp_receipts(stamp: *const bulla_stamp) -> u32 {
    use super::draft::{BULLA_RECEIPT_DELIVERED, BULLA_RECEIPT_REJECTED, BULLA_RECEIPT_STORED};
    plain(0, || {
        // SAFETY: as the contract says.
        let asked = unsafe { get(stamp) }.ok()?.receipts();
        let flag = |is: bool, flag: u32| if is { flag } else { 0 };
        Some(
            flag(asked.delivered, BULLA_RECEIPT_DELIVERED)
                | flag(asked.stored, BULLA_RECEIPT_STORED)
                | flag(asked.rejected, BULLA_RECEIPT_REJECTED),
        )
    })
}

/// How many attributes there are.
///
/// @param stamp The stamp.
/// @return The number, at most 64; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_stamp_attribute_count(stamp: *const bulla_stamp) -> usize {
    // SAFETY: as the contract says.
    plain(0, || Some(unsafe { get(stamp) }.ok()?.attributes().len()))
}

/// An attribute by its number. What is in it is data of the sender's: a file name is never a path.
///
/// @param stamp The stamp.
/// @param index Less than bulla_stamp_attribute_count().
/// @param name Receives the name, in UTF-8, which lives as long as the stamp.
/// @param value Receives the value, which lives as long as the stamp.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_stamp_attribute_at(
    stamp: *const bulla_stamp,
    index: usize,
    name: *mut bulla_view,
    value: *mut bulla_view,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let (name_out, value_out) = (
            Out::new(name, "name is NULL")?,
            Out::new(value, "value is NULL")?,
        );
        // SAFETY: as the contract says.
        let found = unsafe { get(stamp) }?.attributes().nth(index);
        let (name, value) = found.ok_or(Error::with(
            ErrorKind::InvalidInput,
            "there is no attribute of this number",
        ))?;
        name_out.put(bulla_view::of(name.as_bytes()));
        value_out.put(bulla_view::of(value));
        Ok(BULLA_OK)
    })
}

/// An attribute by its name. What is in it is data of the sender's: a file name is never a path.
///
/// @param stamp The stamp.
/// @param name The name, closed with NUL.
/// @param value Receives the value, which lives as long as the stamp.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if there is none of this name; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_stamp_attribute(
    stamp: *const bulla_stamp,
    name: *const c_char,
    value: *mut bulla_view,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(value, "value is NULL")?;
        // SAFETY: as the contract says.
        let (stamp, name) = unsafe { (get(stamp)?, text(name, "name is NULL")?) };
        let Some(value) = stamp.attribute(name) else {
            return Ok(BULLA_NOTHING);
        };
        out.put(bulla_view::of(value));
        Ok(BULLA_OK)
    })
}
