//! What comes from C: slices, strings, paths, callbacks' contexts.

use core::ffi::{CStr, c_char, c_void};
use std::path::Path;

use super::handle::null;
use crate::{Error, ErrorKind, Result};

/// `length` bytes at `data`. NULL with length 0 is empty.
pub(super) unsafe fn bytes<'a>(
    data: *const u8,
    length: usize,
    what: &'static str,
) -> Result<&'a [u8]> {
    unsafe { items(data, length, what) }
}

/// `count` items at `data`. NULL with count 0 is none.
pub(super) unsafe fn items<'a, T>(
    data: *const T,
    count: usize,
    what: &'static str,
) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(null(what));
    }
    let fits = count
        .checked_mul(size_of::<T>())
        .is_some_and(|bytes| isize::try_from(bytes).is_ok());
    if !fits {
        return Err(Error::with(
            ErrorKind::InvalidInput,
            "a length is greater than memory can be",
        ));
    }
    // SAFETY: not NULL, of possible length, and as long as said, as the contract says.
    Ok(unsafe { core::slice::from_raw_parts(data, count) })
}

/// A string closed with NUL.
pub(super) unsafe fn text<'a>(string: *const c_char, what: &'static str) -> Result<&'a str> {
    unsafe { maybe_text(string) }?.ok_or(null(what))
}

/// A string closed with NUL, or NULL.
pub(super) unsafe fn maybe_text<'a>(string: *const c_char) -> Result<Option<&'a str>> {
    if string.is_null() {
        return Ok(None);
    }
    // SAFETY: closed with NUL, as the contract says.
    let text = unsafe { CStr::from_ptr(string) }.to_str();
    text.map(Some).map_err(|_| {
        Error::with(
            ErrorKind::InvalidInput,
            "a string is not UTF-8: convert it first",
        )
    })
}

/// A path closed with NUL: any bytes on Unix, UTF-8 elsewhere.
pub(super) unsafe fn path<'a>(path: *const c_char, what: &'static str) -> Result<&'a Path> {
    if path.is_null() {
        return Err(null(what));
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        // SAFETY: closed with NUL, as the contract says.
        let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
        Ok(Path::new(std::ffi::OsStr::from_bytes(bytes)))
    }
    #[cfg(not(unix))]
    Ok(Path::new(unsafe { text(path, what) }?))
}

/// A structure, or NULL.
pub(super) unsafe fn value<'a, T>(value: *const T, what: &'static str) -> Result<&'a T> {
    // SAFETY: NULL or a whole value of this type, as the contract says.
    unsafe { value.as_ref() }.ok_or(null(what))
}

/// A structure that may grow: it begins with its size, as the header has it that the host was built with.
///
/// # Safety
///
/// All zero is a value of it, and its first field is a `usize`.
pub(super) unsafe trait Grows: Copy {
    /// Where the last field of its first version ends, which stays so when others are added: not its size of today.
    const FIRST: usize;
}

/// More than such a structure will ever have: what says more than this was never set.
const MOST_GROWN: usize = 4096;

/// A copy of such a structure. What an older header does not have is zero in it; what only a newer one has must be zero there,
/// for this library would not heed it.
pub(super) unsafe fn grown<T: Grows>(value: *const T, what: &'static str) -> Result<T> {
    if value.is_null() {
        return Err(null(what));
    }
    // SAFETY: a structure that begins with its size, as the contract says.
    let size = unsafe { value.cast::<usize>().read() };
    if !(T::FIRST..=MOST_GROWN).contains(&size) {
        return Err(Error::with(
            ErrorKind::InvalidInput,
            "the field size of a structure is not set: it is sizeof of that structure",
        ));
    }
    let known = size.min(size_of::<T>());
    // SAFETY: so many bytes are there, as the size says.
    let newer = unsafe { core::slice::from_raw_parts(value.cast::<u8>().add(known), size - known) };
    if newer.iter().any(|byte| *byte != 0) {
        return Err(Error::with(
            ErrorKind::InvalidInput,
            "a structure has what only a newer version of this library knows: update the library",
        ));
    }
    let mut copy = core::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: `known` is at most the length of both, and all zero is a value.
    unsafe {
        value
            .cast::<u8>()
            .copy_to_nonoverlapping(copy.as_mut_ptr().cast(), known);
        Ok(copy.assume_init())
    }
}

/// What a host gets back with each of its callbacks. The host promises in the header that it may be used from any thread.
pub(super) struct Context {
    pub(super) pointer: *mut c_void,
    pub(super) drop: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: the header demands that callbacks and their context may be used from any thread.
unsafe impl Send for Context {}
unsafe impl Sync for Context {}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            // SAFETY: the host's own function, with the host's own pointer, once.
            unsafe { drop(self.pointer) }
        }
    }
}

/// What a callback returned, as a result: a code of ours with `failed`'s text, and `failed` for what is no code.
pub(super) fn answered(code: i32, failed: Error) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    match ErrorKind::ALL.iter().find(|kind| kind.code() == code) {
        Some(kind) => Err((*kind).into()),
        None => Err(failed),
    }
}

/// What a callback returned: a failure only of those kinds that its comment names. Any other, and what is no code, is `failed`.
pub(super) fn answered_with(code: i32, expected: &[ErrorKind], failed: Error) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    match expected.iter().find(|kind| kind.code() == code) {
        Some(kind) => Err((*kind).into()),
        None => Err(failed),
    }
}
