//! Where calls put bytes: memory of the library, or of the caller.

use core::mem::MaybeUninit;
use std::vec::Vec;

use super::handle::{Exclusive, Out, free, shared};
use super::input::bytes;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry, plain};
use crate::{Error, ErrorKind, Result};

/// Where a call puts bytes. Made by bulla_buffer_new() it grows as needed, in memory of the library; made by
/// bulla_buffer_wrap() it is memory of the caller's, of fixed length.
///
/// Calls append. A call that fails leaves in it what was there. Memory of the library is wiped when the buffer is freed, cleared, or
/// grows; memory of the caller's only when it is cleared. What is in it may be the input of the call that appends to it.
pub struct bulla_buffer {
    place: Exclusive<Place>,
}

enum Place {
    Own(Wiped),
    Caller(Wrapped),
}

/// Memory of the library, wiped over its whole capacity.
struct Wiped(Vec<u8>);

impl Wiped {
    /// All at once: as `Zeroize` does it, byte by byte, it takes as long as all the cryptography of a large message.
    fn wipe(&mut self) {
        self.0.clear();
        let memory = self.0.spare_capacity_mut();
        memory.fill(MaybeUninit::new(0));
        zeroize::optimization_barrier(memory);
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// Memory of the caller, of which `used` bytes are written.
struct Wrapped {
    start: *mut u8,
    capacity: usize,
    used: usize,
}

// SAFETY: the header says that wrapped memory belongs to the buffer as long as that lives, from any thread.
unsafe impl Send for Wrapped {}

impl Wrapped {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() > self.capacity.saturating_sub(self.used) {
            return Err(ErrorKind::BufferTooSmall.into());
        }
        // SAFETY: `capacity` bytes may be written at `start`, and `used` of them are. What comes is memory of the library, and
        // overlaps nothing of the caller's.
        unsafe {
            self.start
                .add(self.used)
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len())
        };
        self.used += bytes.len();
        Ok(())
    }

    fn written(&self) -> &[u8] {
        if self.used == 0 {
            return &[];
        }
        // SAFETY: so many bytes are written there, by `append`.
        unsafe { core::slice::from_raw_parts(self.start, self.used) }
    }
}

impl bulla_buffer {
    const fn of(place: Place) -> Self {
        Self {
            place: Exclusive::new(place),
        }
    }

    /// A buffer with these bytes, which are taken over.
    pub(super) const fn owning(bytes: Vec<u8>) -> Self {
        Self::of(Place::Own(Wiped(bytes)))
    }

    /// Has `work` append, and undoes that if it fails. Other uses of the buffer meanwhile are errors.
    ///
    /// `most` is how much it can become at most, if that is known: then nothing is done at all where that has no room, so that
    /// what can be done only once (a claim) is not lost for want of memory.
    pub(super) fn append<T>(
        &self,
        most: Option<usize>,
        work: impl FnOnce(&mut Vec<u8>) -> Result<T>,
    ) -> Result<T> {
        self.append_within(most, most.unwrap_or(0), work)
    }

    /// As [`append`](Self::append) where it is not known how much memory of the caller's is needed, but that `about` so much
    /// comes: there is room for it before, so that secret content does not move as it grows and leave copies behind.
    pub(super) fn append_about<T>(
        &self,
        about: usize,
        work: impl FnOnce(&mut Vec<u8>) -> Result<T>,
    ) -> Result<T> {
        self.append_within(None, about, work)
    }

    fn append_within<T>(
        &self,
        most: Option<usize>,
        about: usize,
        work: impl FnOnce(&mut Vec<u8>) -> Result<T>,
    ) -> Result<T> {
        match &mut *self.place.enter()? {
            Place::Own(bytes) => append_own(bytes, about, work),
            Place::Caller(wrapped) => {
                let room = wrapped.capacity.saturating_sub(wrapped.used);
                if most.is_some_and(|most| most > room) {
                    return Err(Error::with(
                        ErrorKind::BufferTooSmall,
                        "it must have room for as much as there can be: for opening, as long as the envelope is",
                    ));
                }
                let mut bytes = reserved(about)?;
                let done = work(&mut bytes.0)?;
                wrapped.append(&bytes.0)?;
                Ok(done)
            }
        }
    }

    /// A copy of what is in it, which a callback may have written; `None` if that is longer than `most`.
    pub(super) fn copy(&self, most: usize) -> Result<Option<Vec<u8>>> {
        let place = self.place.enter()?;
        let bytes = match &*place {
            Place::Own(bytes) => bytes.0.as_slice(),
            Place::Caller(wrapped) => wrapped.written(),
        };
        Ok((bytes.len() <= most).then(|| bytes.to_vec()))
    }

    /// Appends bytes that are there already.
    pub(super) fn add(&self, bytes: &[u8]) -> Result<()> {
        self.append(Some(bytes.len()), |out| {
            out.extend_from_slice(bytes);
            Ok(())
        })
    }
}

/// Room for so many bytes.
fn reserved(length: usize) -> Result<Wiped> {
    let mut bytes = Wiped(Vec::new());
    match bytes.0.try_reserve_exact(length) {
        Ok(()) => Ok(bytes),
        Err(_) => Err(Error::with(
            ErrorKind::InvalidInput,
            "there is not so much memory",
        )),
    }
}

/// As [`bulla_buffer::append`], in memory of the library: that a vector grows leaves no copy behind.
fn append_own<T>(
    bytes: &mut Wiped,
    about: usize,
    work: impl FnOnce(&mut Vec<u8>) -> Result<T>,
) -> Result<T> {
    if bytes.0.is_empty() {
        if bytes.0.capacity() < about {
            *bytes = reserved(about)?;
        }
        let done = work(&mut bytes.0);
        if done.is_err() {
            bytes.wipe();
        }
        return done;
    }
    // What is in it may be what the work reads: a caller opens an envelope to the very buffer that it lies in. So nothing in it
    // moves before the work is done, and all room that is foreseen is there before, too.
    let before = bytes.0.len();
    let foreseen = before.saturating_add(about);
    let mut larger = match bytes.0.capacity() < foreseen {
        true => Some(reserved(foreseen.max(before.saturating_mul(2)))?),
        false => None,
    };
    let mut made = reserved(about)?;
    let done = work(&mut made.0)?;
    let wanted = before.saturating_add(made.0.len());
    if larger.is_none() && bytes.0.capacity() < wanted {
        larger = Some(reserved(wanted)?);
    }
    if let Some(mut larger) = larger {
        larger.0.extend_from_slice(&bytes.0);
        core::mem::swap(bytes, &mut larger);
    }
    bytes.0.extend_from_slice(&made.0);
    Ok(done)
}

/// Makes an empty buffer in memory of the library, which grows as needed.
///
/// @param buffer Receives the buffer; free it with bulla_buffer_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT if `buffer` is NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_buffer_new(
    buffer: *mut *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        Out::new(buffer, "buffer is NULL")?.give(bulla_buffer::owning(Vec::new()));
        Ok(BULLA_OK)
    })
}

/// Makes a buffer of memory of the caller's. What has no room in it is BULLA_BUFFER_TOO_SMALL, and then nothing is written.
///
/// @param memory `capacity` bytes that belong to the buffer until it is freed; may be NULL if `capacity` is 0.
/// @param capacity How many bytes.
/// @param buffer Receives the buffer; free it with bulla_buffer_free(), which leaves the memory and what is in it.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_buffer_wrap(
    memory: *mut u8,
    capacity: usize,
    buffer: *mut *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(buffer, "buffer is NULL")?;
        if capacity > isize::MAX as usize || (memory.is_null() && capacity > 0) {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "the memory is NULL, or longer than memory can be",
            ));
        }
        let wrapped = Wrapped {
            start: memory,
            capacity,
            used: 0,
        };
        out.give(bulla_buffer::of(Place::Caller(wrapped)));
        Ok(BULLA_OK)
    })
}

/// Appends bytes of the caller's: for callbacks that answer into a buffer.
///
/// @param buffer The buffer.
/// @param data The bytes, which must not be in the buffer itself.
/// @param length How many.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT for NULL.
/// Threads: one at a time for each buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_buffer_append(
    buffer: *mut bulla_buffer,
    data: *const u8,
    length: usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (buffer, data) = unsafe {
            (
                shared(buffer, "buffer is NULL")?,
                bytes(data, length, "data is NULL")?,
            )
        };
        buffer.add(data)?;
        Ok(BULLA_OK)
    })
}

/// What is in a buffer. It stays there until the next call that appends to the buffer, clears it or frees it.
///
/// @param buffer The buffer; NULL has nothing in it.
/// @return The bytes, as many as bulla_buffer_length() says. NULL if there are none.
/// Threads: one at a time for each buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_buffer_data(buffer: *const bulla_buffer) -> *const u8 {
    plain(core::ptr::null(), || {
        // SAFETY: as the contract says.
        let buffer = unsafe { shared(buffer, "") }.ok()?;
        let bytes = match &*buffer.place.enter().ok()? {
            Place::Own(bytes) => core::ptr::from_ref(bytes.0.as_slice()),
            Place::Caller(wrapped) => core::ptr::from_ref(wrapped.written()),
        };
        (!bytes.is_empty()).then_some(bytes.cast())
    })
}

/// How many bytes are in a buffer.
///
/// @param buffer The buffer; NULL has nothing in it.
/// @return The length in bytes.
/// Threads: one at a time for each buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_buffer_length(buffer: *const bulla_buffer) -> usize {
    plain(0, || {
        // SAFETY: as the contract says.
        let buffer = unsafe { shared(buffer, "") }.ok()?;
        Some(match &*buffer.place.enter().ok()? {
            Place::Own(bytes) => bytes.0.len(),
            Place::Caller(wrapped) => wrapped.used,
        })
    })
}

/// Empties a buffer, to use it again, and wipes what was in it. Memory of the library stays with the buffer. While another call uses
/// the buffer, as one does that is around a callback, nothing is done.
///
/// @param buffer The buffer; NULL is nothing.
/// Threads: one at a time for each buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_buffer_clear(buffer: *mut bulla_buffer) {
    plain((), || {
        // SAFETY: as the contract says.
        let buffer = unsafe { shared(buffer, "") }.ok()?;
        match &mut *buffer.place.enter().ok()? {
            Place::Own(bytes) => bytes.wipe(),
            Place::Caller(wrapped) => {
                if wrapped.used > 0 {
                    // SAFETY: so many bytes are written there.
                    let written =
                        unsafe { core::slice::from_raw_parts_mut(wrapped.start, wrapped.used) };
                    written.fill(0);
                    zeroize::optimization_barrier(written);
                }
                wrapped.used = 0;
            }
        }
        Some(())
    });
}

/// Frees a buffer, and wipes what was in memory of the library.
///
/// @param buffer The buffer; NULL is nothing.
/// Threads: one at a time for each buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_buffer_free(buffer: *mut bulla_buffer) {
    // SAFETY: as the contract says.
    unsafe { free(buffer) }
}
