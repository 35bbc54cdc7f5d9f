//! Reading at any place of a sealed file.

use core::ffi::c_char;
use std::fs::File;
use std::sync::Arc;

use super::buffer::bulla_buffer;
use super::handle::{Exclusive, Kept, Once, Out, free, shared};
use super::input::{grown, path};
use super::message::{Proof, bulla_message};
use super::opener::{Gate, OpenerParts, bulla_opener};
use super::source::{Source, bulla_source};
use super::stamp::bulla_stamp;
use super::status::{BULLA_NOTHING, BULLA_OK, bulla_error, bulla_status, entry, plain};
use crate::{Archive, Error, ErrorKind, Fresh, ProvisionalFile, Result, Stamp, VerifiedFile};

/// An opener that files borrow from.
struct FileParts {
    gate: Kept<Gate<'static>, OpenerParts>,
}

type Provisional<M> = ProvisionalFile<'static, 'static, Source, M>;

enum Either {
    Fresh(Provisional<Fresh>),
    Archive(Provisional<Archive>),
}

impl Either {
    const fn stamp(&self) -> &Stamp {
        match self {
            Self::Fresh(file) => file.stamp(),
            Self::Archive(file) => file.stamp(),
        }
    }

    const fn content_length(&self) -> u64 {
        match self {
            Self::Fresh(file) => file.content_length(),
            Self::Archive(file) => file.content_length(),
        }
    }
}

/// A sealed file whose stamp is verified and judged, for reading at any place. What it gives is provisional: it came from somebody
/// who held the content key, but a co-recipient holds that key too, and the message may have come before.
pub struct bulla_provisional_file {
    file: Once<Kept<Either, FileParts>>,
}

/// A sealed file that was verified as a whole, for reading at any place. Keep the file where no co-recipient can write.
pub struct bulla_verified_file {
    file: Exclusive<VerifiedFile<Source, ()>>,
}

fn provisional(opener: &bulla_opener, source: Source) -> Result<bulla_provisional_file> {
    let gate = Kept::try_new(opener.parts()?, |parts| Ok(parts.gate()))?;
    let file = Kept::try_new(Arc::new(FileParts { gate }), |parts| match &*parts.gate {
        Gate::Open(gate) => gate.random_access(source).map(Either::Fresh),
        Gate::Reopen(gate) => gate.random_access(source).map(Either::Archive),
        Gate::Verify(_) | Gate::Reverify(_) => Err(Error::with(
            ErrorKind::WrongOrder,
            "this opener is for signed envelopes: make one with bulla_opener_new()",
        )),
    })?;
    Ok(bulla_provisional_file {
        file: Once::new(file),
    })
}

/// Begins to read a sealed file at any place: finds the key, verifies and judges the stamp. Nothing is claimed from the guard.
///
/// @param opener An opener of sealed envelopes. It may be changed or freed while the file is read.
/// @param file The path of the file, closed with NUL. It is kept open.
/// @param provisional_file Receives the file; free it with bulla_provisional_file_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_IO, or as bulla_open(), but it is never BULLA_REPLAYED; BULLA_WRONG_ORDER for an opener of signed
///         envelopes.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_provisional_file_open(
    opener: *const bulla_opener,
    file: *const c_char,
    provisional_file: *mut *mut bulla_provisional_file,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(provisional_file, "provisional_file is NULL")?;
        // SAFETY: as the contract says.
        let (opener, file) = unsafe {
            (
                shared(opener, "opener is NULL")?,
                path(file, "file is NULL")?,
            )
        };
        out.give(provisional(opener, Source::File(File::open(file)?))?);
        Ok(BULLA_OK)
    })
}

/// As bulla_provisional_file_open(), from a store of the host's own.
///
/// @param opener An opener of sealed envelopes. It may be changed or freed while the file is read.
/// @param source Where to read from; copied.
/// @param provisional_file Receives the file; free it with bulla_provisional_file_free().
/// @param error May be NULL; see bulla_error.
/// @return As bulla_provisional_file_open().
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_provisional_file_of_source(
    opener: *const bulla_opener,
    source: *const bulla_source,
    provisional_file: *mut *mut bulla_provisional_file,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(provisional_file, "provisional_file is NULL")?;
        // SAFETY: as the contract says.
        let (opener, to) = unsafe {
            (
                shared(opener, "opener is NULL")?,
                grown(source, "source is NULL")?,
            )
        };
        out.give(Source::of_host(to, |source| provisional(opener, source))?);
        Ok(BULLA_OK)
    })
}

/// What the sender signed: verified and judged, but the message may have come before.
///
/// @param file The file.
/// @return The stamp, which lives until bulla_provisional_file_verify() or until the file is freed, and is not freed itself; NULL
///         for NULL, and after bulla_provisional_file_verify().
/// Threads: one at a time for each file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_provisional_file_stamp(
    file: *const bulla_provisional_file,
) -> *const bulla_stamp {
    plain(core::ptr::null(), || {
        // SAFETY: as the contract says.
        let file = unsafe { shared(file, "") }.ok()?;
        let stamp = file.file.with_ref(|file| Ok(bulla_stamp::of(file.stamp())));
        stamp.ok()
    })
}

/// Length of the content, as the sender signed it.
///
/// @param file The file.
/// @return The length in bytes; 0 for NULL, and after bulla_provisional_file_verify().
/// Threads: one at a time for each file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_provisional_file_content_length(
    file: *const bulla_provisional_file,
) -> u64 {
    plain(0, || {
        // SAFETY: as the contract says.
        let file = unsafe { shared(file, "") }.ok()?;
        file.file.with_ref(|file| Ok(file.content_length())).ok()
    })
}

/// Reads a piece of the content of this length, or what is left of it, into a buffer.
fn read_piece(
    (offset, length): (u64, usize),
    total: u64,
    content: &bulla_buffer,
    read: impl FnOnce(u64, &mut [u8]) -> Result<usize>,
) -> Result<bulla_status> {
    let left = total.saturating_sub(offset);
    let now = usize::try_from(left).map_or(length, |left| left.min(length));
    if now == 0 {
        return Ok(if length == 0 { BULLA_OK } else { BULLA_NOTHING });
    }
    content.append(Some(now), |out| {
        let before = out.len();
        out.resize(before + now, 0);
        let place = out.get_mut(before..).unwrap_or_default();
        if read(offset, place)? != now {
            return Err(ErrorKind::NotAuthentic.into());
        }
        Ok(BULLA_OK)
    })
}

/// Reads provisional content: do not act on it.
///
/// @param file The file.
/// @param offset Where in the content.
/// @param length How many bytes at most; fewer come only at the end.
/// @param content They are appended to this buffer.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING at the end and past it; BULLA_NOT_AUTHENTIC, BULLA_IO, BULLA_BUFFER_TOO_SMALL;
///         BULLA_WRONG_ORDER after bulla_provisional_file_verify(); BULLA_INVALID_INPUT for NULL.
/// Threads: one at a time for each file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_provisional_file_read(
    file: *mut bulla_provisional_file,
    offset: u64,
    length: usize,
    content: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (file, content) = unsafe {
            (
                shared(file, "file is NULL")?,
                shared(content, "content is NULL")?,
            )
        };
        file.file.with(|file| {
            let total = file.content_length();
            read_piece(
                (offset, length),
                total,
                content,
                |offset, place| match &mut **file {
                    Either::Fresh(file) => file.read_provisional(offset, place),
                    Either::Archive(file) => file.read_provisional(offset, place),
                },
            )
        })
    })
}

/// Reads the whole file once, and claims the message from the replay guard: its content is verified then, and what was read before
/// is too, if nobody changed the file meanwhile. The provisional file can then only be freed.
///
/// @param file The file.
/// @param verified_file Receives the file, to be read further; free it with bulla_verified_file_free().
/// @param message Receives what is known of the message; free it with bulla_message_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_IO, or as bulla_open(): then throw away all that was read. BULLA_WRONG_ORDER the second time.
/// Threads: one at a time for each file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_provisional_file_verify(
    file: *mut bulla_provisional_file,
    verified_file: *mut *mut bulla_verified_file,
    message: *mut *mut bulla_message,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let (file_out, message_out) = (
            Out::new(verified_file, "verified_file is NULL")?,
            Out::new(message, "message is NULL")?,
        );
        // SAFETY: as the contract says.
        let file = unsafe { shared(file, "file is NULL") }?.file.take()?;
        let (file, proof) = file.end(|file| {
            Ok(match file {
                Either::Fresh(file) => {
                    let (file, proof) = file.verify()?.into_parts();
                    (file, Proof::Opened(proof))
                }
                Either::Archive(file) => {
                    let (file, proof) = file.verify()?.into_parts();
                    (file, Proof::Reopened(proof))
                }
            })
        })?;
        file_out.give(bulla_verified_file {
            file: Exclusive::new(file),
        });
        message_out.give(bulla_message { proof });
        Ok(BULLA_OK)
    })
}

/// Frees a provisional file; nothing is claimed.
///
/// @param file The file; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_provisional_file_free(file: *mut bulla_provisional_file) {
    // SAFETY: as the contract says.
    unsafe { free(file) }
}

/// Reads verified content.
///
/// @param file The file.
/// @param offset Where in the content.
/// @param length How many bytes at most; fewer come only at the end.
/// @param content They are appended to this buffer.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING at the end and past it; BULLA_NOT_AUTHENTIC if the file was changed since; BULLA_IO;
///         BULLA_BUFFER_TOO_SMALL; BULLA_INVALID_INPUT for NULL.
/// Threads: one at a time for each file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_verified_file_read(
    file: *mut bulla_verified_file,
    offset: u64,
    length: usize,
    content: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (file, content) = unsafe {
            (
                shared(file, "file is NULL")?,
                shared(content, "content is NULL")?,
            )
        };
        let mut file = file.file.enter()?;
        let total = file.content_length();
        read_piece((offset, length), total, content, |offset, place| {
            file.read_at(offset, place)
        })
    })
}

/// Frees a verified file.
///
/// @param file The file; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_verified_file_free(file: *mut bulla_verified_file) {
    // SAFETY: as the contract says.
    unsafe { free(file) }
}
