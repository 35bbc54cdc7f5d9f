//! Where the library reads from, at any place: a file, or a store of the host's own.

use core::ffi::c_void;
use core::mem::{ManuallyDrop, offset_of};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use super::clock::bulla_drop;
use super::handle::null;
use super::input::{Context, Grows};
use super::status::{BULLA_OK, bulla_status};
use crate::{Error, ErrorKind, Result};

/// Reads from `offset` on: puts at most `length` bytes into `memory` and writes to `read` how many, 0 only at the end. Returns
/// BULLA_OK, or another code, and the call in hand fails with BULLA_IO.
pub type bulla_source_read = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        offset: u64,
        memory: *mut u8,
        length: usize,
        read: *mut usize,
    ) -> bulla_status,
>;

/// Writes the length of the whole, in bytes. Returns as bulla_source_read.
pub type bulla_source_length =
    Option<unsafe extern "C" fn(context: *mut c_void, length: *mut u64) -> bulla_status>;

/// Where the library reads from, at any place: a store of the host's own. Set all of it to zero, then `size`, then the functions.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bulla_source {
    /// sizeof(bulla_source).
    pub size: usize,
    /// Given to each function; may be NULL.
    pub context: *mut c_void,
    /// Called with the context when it is read no more; may be NULL. If the call that it is given to fails it is not called.
    pub drop: bulla_drop,
    /// Needed.
    pub read: bulla_source_read,
    /// Needed.
    pub length: bulla_source_length,
}

// SAFETY: pointers, functions that may be missing, and the size first.
unsafe impl Grows for bulla_source {
    const FIRST: usize = offset_of!(Self, length) + size_of::<bulla_source_length>();
}

/// A file, or what the host reads from.
pub(super) enum Source {
    File(File),
    Host(HostSource),
}

pub(super) struct HostSource {
    to: bulla_source,
    context: Arc<Context>,
    position: u64,
}

// SAFETY: the header demands that callbacks and their context may be used from any thread.
unsafe impl Send for HostSource {}
// SAFETY: as above; and it is only read from behind a lock.
unsafe impl Sync for HostSource {}

fn failed(what: &'static str) -> io::Error {
    Error::with(ErrorKind::Io, what).into()
}

impl HostSource {
    fn length(&self) -> io::Result<u64> {
        let call = self.to.length.ok_or_else(|| failed("length is NULL"))?;
        let mut length = 0;
        // SAFETY: the host's own function and context.
        match unsafe { call(self.context.pointer, &raw mut length) } {
            BULLA_OK => Ok(length),
            _ => Err(failed("the host's source did not tell its length")),
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let host = match self {
            Self::File(file) => return file.read(buffer),
            Self::Host(host) => host,
        };
        if buffer.is_empty() {
            return Ok(0);
        }
        let call = host.to.read.ok_or_else(|| failed("read is NULL"))?;
        let mut read = 0;
        // SAFETY: the host's own function and context, and memory of the length that is said.
        let code = unsafe {
            call(
                host.context.pointer,
                host.position,
                buffer.as_mut_ptr(),
                buffer.len(),
                &raw mut read,
            )
        };
        if code != BULLA_OK || read > buffer.len() {
            return Err(failed("the host's source could not be read"));
        }
        host.position = host.position.saturating_add(read as u64);
        Ok(read)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let host = match self {
            Self::File(file) => return file.seek(to),
            Self::Host(host) => host,
        };
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => host.position.checked_add_signed(by),
            SeekFrom::End(by) => host.length()?.checked_add_signed(by),
        };
        host.position = place.ok_or_else(|| failed("a place before the beginning"))?;
        Ok(host.position)
    }
}

impl Source {
    /// What the host reads from. If `work` fails, the context is the host's as before: it is given up and not dropped.
    pub(super) fn of_host<T>(to: bulla_source, work: impl FnOnce(Self) -> Result<T>) -> Result<T> {
        if to.read.is_none() || to.length.is_none() {
            return Err(null("a source needs read and length"));
        }
        let context = Arc::new(Context {
            pointer: to.context,
            drop: to.drop,
        });
        // Not dropped by a panic either.
        let share = ManuallyDrop::new(Arc::clone(&context));
        let done = work(Self::Host(HostSource {
            to,
            context,
            position: 0,
        }));
        let share = ManuallyDrop::into_inner(share);
        if done.is_err() {
            core::mem::forget(Arc::into_inner(share));
        }
        done
    }
}
