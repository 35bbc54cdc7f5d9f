//! What a durable guard remembers: for those who run a host.

use core::ops::RangeInclusive;
use std::vec::Vec;

use super::database::durable;
use super::guard::bulla_guard;
use super::handle::{Out, free, shared};
use super::input::value;
use super::ranges::bulla_ranges;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry, plain};
use super::types::{bulla_digest, bulla_key};
use crate::{Digest, Error, ErrorKind, Result};

/// Somebody works on the message, or did when the lease ran out.
pub const BULLA_ENTRY_RESERVED: u32 = 1;
/// The message was given up, and may come again.
pub const BULLA_ENTRY_RELEASED: u32 = 2;
/// The message was accepted or rejected for good.
pub const BULLA_ENTRY_COMMITTED: u32 = 3;

/// What a durable guard remembers of one message. Nothing of it is secret.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_guard_entry {
    /// Names the message: reader, signer, message id, context.
    pub name: bulla_digest,
    /// Who signed it.
    pub signer: bulla_key,
    /// When it was issued, in seconds since 1970.
    pub issued: u64,
    /// From when on it may be dropped, in seconds since 1970.
    pub keep_until: u64,
    /// When the lease runs out, in seconds since 1970; only of BULLA_ENTRY_RESERVED.
    pub lease_until: u64,
    /// Length of the receipt or answer that is kept for copies, in bytes; only of BULLA_ENTRY_COMMITTED.
    pub answer_length: u64,
    /// What became of it: BULLA_ENTRY_RESERVED and its like.
    pub state: u32,
    /// 1 if the signer was accepted because anyone is.
    pub stranger: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

/// An ordered stream that a durable guard knows. Nothing of it is secret.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_guard_stream {
    /// Names the stream: reader, signer, context, stream id.
    pub name: bulla_digest,
    /// Who made it known.
    pub signer: bulla_key,
    /// From when on it may be dropped if its room is needed, in seconds since 1970; only if `stays` is 0.
    pub keep_until: u64,
    /// The greatest number that was accepted or given up; only if `has_greatest` is 1.
    pub greatest: u64,
    /// 1 if it stays until it is forgotten.
    pub stays: u8,
    /// 1 if there is a greatest number.
    pub has_greatest: u8,
    /// 1 if the signer was accepted because anyone is.
    pub stranger: u8,
    /// Zero.
    pub reserved: [u8; 5],
}

/// Messages that a durable guard remembers, as they were when it was asked.
pub struct bulla_guard_entry_list {
    pub(super) entries: Vec<bulla_guard_entry>,
}

/// A stream, and which numbers before its greatest are missing.
pub(super) type Stream = (bulla_guard_stream, Vec<RangeInclusive<u64>>);

/// Streams that a durable guard knows, as they were when it was asked.
pub struct bulla_guard_stream_list {
    pub(super) streams: Vec<Stream>,
}

/// After which name a list begins, if after any.
unsafe fn following(after: *const bulla_digest) -> Option<Digest> {
    // SAFETY: NULL, or a whole value, as the contract says.
    unsafe { after.as_ref() }.map(|name| Digest::from(*name))
}

/// What is asked of a list beyond its end.
fn nth<T>(items: &[T], index: usize) -> Result<&T> {
    items.get(index).ok_or(Error::with(
        ErrorKind::InvalidInput,
        "the list is not so long",
    ))
}

/// Lists the messages that a durable guard remembers, in the order of their names. Others use the guard meanwhile.
///
/// @param guard A guard of bulla_guard_durable().
/// @param at_most How many at most; each takes 104 bytes of memory.
/// @param after The list begins with the first name that follows this one: the last of the list before; NULL: from the beginning.
/// @param list Receives the list, which may be empty; free it with bulla_guard_entry_list_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL and for another guard.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_durable_entries(
    guard: *const bulla_guard,
    at_most: usize,
    after: *const bulla_digest,
    list: *mut *mut bulla_guard_entry_list,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(list, "list is NULL")?;
        // SAFETY: as the contract says.
        let (durable, after) = unsafe { (durable(guard)?, following(after)) };
        let entries = durable.entries(after.as_ref(), at_most)?;
        out.give(bulla_guard_entry_list { entries });
        Ok(BULLA_OK)
    })
}

/// How many messages there are in a list.
///
/// @param list The list.
/// @return The number; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_entry_list_count(
    list: *const bulla_guard_entry_list,
) -> usize {
    // SAFETY: as the contract says.
    plain(0, || Some(unsafe { shared(list, "") }.ok()?.entries.len()))
}

/// One of the messages of a list.
///
/// @param list The list.
/// @param index Less than bulla_guard_entry_list_count().
/// @param found Receives what is remembered of it.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_entry_list_at(
    list: *const bulla_guard_entry_list,
    index: usize,
    found: *mut bulla_guard_entry,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(found, "found is NULL")?;
        // SAFETY: as the contract says.
        let list = unsafe { shared(list, "list is NULL") }?;
        out.put(*nth(&list.entries, index)?);
        Ok(BULLA_OK)
    })
}

/// Frees a list of messages.
///
/// @param list The list; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_entry_list_free(list: *mut bulla_guard_entry_list) {
    // SAFETY: as the contract says.
    unsafe { free(list) }
}

/// Lists the ordered streams that a durable guard knows, in the order of their names. Others use the guard meanwhile.
///
/// @param guard A guard of bulla_guard_durable().
/// @param at_most How many at most.
/// @param after The list begins with the first name that follows this one: the last of the list before; NULL: from the beginning.
/// @param list Receives the list, which may be empty; free it with bulla_guard_stream_list_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL and for another guard.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_durable_streams(
    guard: *const bulla_guard,
    at_most: usize,
    after: *const bulla_digest,
    list: *mut *mut bulla_guard_stream_list,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(list, "list is NULL")?;
        // SAFETY: as the contract says.
        let (durable, after) = unsafe { (durable(guard)?, following(after)) };
        let streams = durable.streams(after.as_ref(), at_most)?;
        out.give(bulla_guard_stream_list { streams });
        Ok(BULLA_OK)
    })
}

/// How many streams there are in a list.
///
/// @param list The list.
/// @return The number; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_stream_list_count(
    list: *const bulla_guard_stream_list,
) -> usize {
    // SAFETY: as the contract says.
    plain(0, || Some(unsafe { shared(list, "") }.ok()?.streams.len()))
}

/// One of the streams of a list.
///
/// @param list The list.
/// @param index Less than bulla_guard_stream_list_count().
/// @param found Receives what is known of it.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_stream_list_at(
    list: *const bulla_guard_stream_list,
    index: usize,
    found: *mut bulla_guard_stream,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(found, "found is NULL")?;
        // SAFETY: as the contract says.
        let list = unsafe { shared(list, "list is NULL") }?;
        out.put(nth(&list.streams, index)?.0);
        Ok(BULLA_OK)
    })
}

/// Which numbers before the greatest are missing in one of the streams of a list.
///
/// @param list The list.
/// @param index Less than bulla_guard_stream_list_count().
/// @param missing Receives the numbers; free them with bulla_ranges_free(). None if nothing is missing, or if nothing keeps count.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_stream_list_missing(
    list: *const bulla_guard_stream_list,
    index: usize,
    missing: *mut *mut bulla_ranges,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(missing, "missing is NULL")?;
        // SAFETY: as the contract says.
        let list = unsafe { shared(list, "list is NULL") }?;
        out.give(bulla_ranges::of(nth(&list.streams, index)?.1.clone()));
        Ok(BULLA_OK)
    })
}

/// Frees a list of streams.
///
/// @param list The list; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_stream_list_free(list: *mut bulla_guard_stream_list) {
    // SAFETY: as the contract says.
    unsafe { free(list) }
}

/// Forgets a stream of a durable guard by its name, as a list of streams gives it. What bulla_opener_forget_stream() says of the
/// danger holds here too.
///
/// @param guard A guard of bulla_guard_durable().
/// @param name The name of the stream.
/// @param was_known Receives 1 if the guard knew the stream, else 0; may be NULL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL and for another guard.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_durable_forget_stream(
    guard: *const bulla_guard,
    name: *const bulla_digest,
    was_known: *mut u8,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (durable, name) = unsafe { (durable(guard)?, value(name, "name is NULL")?) };
        let known = durable.guard().forget_stream(&Digest::from(*name))?;
        if let Ok(place) = Out::new(was_known, "") {
            place.put(u8::from(known));
        }
        Ok(BULLA_OK)
    })
}
