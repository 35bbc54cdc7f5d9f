//! An envelope that is opened in pieces, into buffers that may be too small.

use std::vec::Vec;

use zeroize::Zeroizing;

use super::buffer::bulla_buffer;
use super::message::Proof;
use crate::{Archive, Error, ErrorKind, Fresh, OpenStream, Result, Stamp};

/// More content than ever waits for the rest of its chunk.
const WAITING: usize = 2 * 65_536;

pub(super) struct Opening {
    pub(super) stream: Stream,
    /// A call has failed. What it had taken of the envelope is gone, and with it perhaps content that no buffer had room for: what
    /// comes after that must not look whole.
    failed: bool,
    /// The content was checked as a whole: a second time would be out of order.
    settled: bool,
    /// The end of the content, until a buffer has had room for it.
    rest: Zeroizing<Vec<u8>>,
}

impl Opening {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            failed: false,
            settled: false,
            rest: Zeroizing::default(),
        }
    }

    pub(super) fn update(&mut self, envelope: &[u8], content: &bulla_buffer) -> Result<()> {
        self.check()?;
        let about = envelope.len().saturating_add(WAITING);
        let stream = &mut self.stream;
        let done = content.append_about(about, |out| stream.update(envelope, out));
        self.failed = done.is_err();
        done
    }

    pub(super) fn settle(&mut self, content: &bulla_buffer) -> Result<()> {
        content.add(self.content_end()?)?;
        self.rest = Zeroizing::default();
        Ok(())
    }

    /// The end of the content, checked as a whole, and kept here.
    pub(super) fn content_end(&mut self) -> Result<&[u8]> {
        self.check()?;
        if !self.settled {
            // All at once, so that nothing of it is left behind as it grows.
            self.rest = Zeroizing::new(Vec::with_capacity(WAITING));
            if let Err(error) = self.stream.settle(&mut self.rest) {
                self.failed = true;
                return Err(error);
            }
            self.settled = true;
        }
        Ok(&self.rest)
    }

    fn check(&self) -> Result<()> {
        if self.failed {
            return Err(Error::with(
                ErrorKind::WrongOrder,
                "an earlier call on this stream failed: it can only be freed",
            ));
        }
        Ok(())
    }
}

pub(super) enum Stream {
    Fresh(OpenStream<'static, Fresh>),
    Archive(OpenStream<'static, Archive>),
}

impl Stream {
    fn update(&mut self, envelope: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Fresh(stream) => stream.update_provisional(envelope, out),
            Self::Archive(stream) => stream.update_provisional(envelope, out),
        }
    }

    fn settle(&mut self, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Fresh(stream) => stream.settle_provisional(out),
            Self::Archive(stream) => stream.settle_provisional(out),
        }
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<Proof> {
        match self {
            Self::Fresh(stream) => stream.finish(out).map(Proof::Opened),
            Self::Archive(stream) => stream.finish(out).map(Proof::Reopened),
        }
    }

    pub(super) fn stamp(&self) -> Option<&Stamp> {
        match self {
            Self::Fresh(stream) => stream.stamp(),
            Self::Archive(stream) => stream.stamp(),
        }
    }
}
