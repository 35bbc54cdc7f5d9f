//! An input that tells how much of it was read.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) struct Counted<'a>(pub(crate) &'a [u8], pub(crate) &'a AtomicUsize);

impl io::Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(10_000);
        let read = self.0.read(&mut buffer[..most])?;
        self.1.fetch_add(read, Ordering::SeqCst);
        Ok(read)
    }
}
