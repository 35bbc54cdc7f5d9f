//! Sealing and signing in pieces, with memory that does not grow with the content (spec/envelope.md §5, layouts 2, 3).

use alloc::vec::Vec;
use core::fmt;

use super::begin::{Begun, sent, sign_statement, undo_on_error, write_opening};
use super::chunks::BodyWriter;
use super::draft::Draft;
use super::seal::{Sealer, Sent};
use crate::crypto::digest::{Digest, Hasher};
use crate::crypto::sign::VerifyingKey;
use crate::error::{ErrorKind, Result};
use crate::identity::holder::Signer;
use crate::process::Process;
use crate::wire::claims::{Claims, encode_closing};
use crate::wire::header::Kind;
use crate::wire::{cose, labels};

/// Bytes of padding that are made at once.
const PADDING_STEP: u64 = 64 * 1024;

/// An envelope in the making: [`update`](Self::update) any number of times, then [`finish`](Self::finish).
///
/// An envelope that is not finished opens to nobody. A stream that is dropped leaves nothing to clean up. Only the process that
/// began it can go on with it: after a fork two would seal different content with the same key stream.
#[must_use]
pub struct SealStream<'a> {
    signer: &'a dyn Signer,
    verifying: VerifyingKey,
    body: BodyWriter,
    hasher: Hasher,
    claims: Claims,
    header_digest: Digest,
    opening: Vec<u8>,
    written: u64,
    padding_left: u64,
    /// No content comes any more.
    padding: bool,
    failed: bool,
    process: Process,
}

impl<'a> Sealer<'a> {
    /// Begins a sealed envelope in pieces; appends its beginning to `out`.
    ///
    /// If `length` is known it is signed up front, and the envelope is padded as the sealer says; otherwise it is not
    /// padded. The content is then only *provisional* for a reader until its end.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal).
    pub fn stream(
        &self,
        draft: &Draft,
        length: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Result<SealStream<'a>> {
        self.start(Kind::Sealed, draft, length, out)
    }

    /// Begins a signed envelope in pieces; appends its beginning to `out`.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign).
    pub fn sign_stream(
        &self,
        draft: &Draft,
        length: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Result<SealStream<'a>> {
        self.start(Kind::Signed, draft, length, out)
    }

    fn start(
        &self,
        kind: Kind,
        draft: &Draft,
        length: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Result<SealStream<'a>> {
        undo_on_error(out, |out| {
            let Begun {
                mut claims,
                header_digest,
                body,
            } = self.begin(kind, draft, (length, None), out)?;
            if let (Kind::Sealed, Some(length)) = (kind, length) {
                claims.padding = self.padding_for(&claims, length, closing_len(length))?;
            }
            let opening = self.opening(&claims, &header_digest)?;
            let mut body = body.into_writer(out);
            write_opening(&mut body, &opening, out)?;
            let padding_left = claims.padding;
            Ok(SealStream {
                signer: self.signer,
                verifying: self.verifying,
                body,
                hasher: Hasher::new(),
                claims,
                header_digest,
                opening,
                written: 0,
                padding_left,
                padding: false,
                failed: false,
                process: Process::this(),
            })
        })
    }
}

/// Length in bytes of the closing for content of this length, with its own length behind it.
fn closing_len(length: u64) -> u64 {
    let payload = encode_closing(length, &[0; 32]).len();
    cose::statement_len(payload) as u64 + 2
}

impl SealStream<'_> {
    /// Takes the next piece of the content and appends to `out` what it completes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LengthMismatch`] if it is longer than announced; [`ErrorKind::WrongOrder`] after [`pad`](Self::pad), and in a process
    /// that was forked off. After an error the stream is of no use.
    pub fn update(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if self.failed || self.padding {
            return Err(ErrorKind::WrongOrder.into());
        }
        self.check_process()?;
        self.failed = true;
        let written = self.written.saturating_add(content.len() as u64);
        if self.claims.length.is_some_and(|length| written > length) {
            return Err(ErrorKind::LengthMismatch.into());
        }
        self.hasher.update(content);
        self.body.update(content, out)?;
        self.written = written;
        self.failed = false;
        Ok(())
    }

    /// Appends some of the padding, at most 64 KiB, once all content has come; says whether there is more.
    ///
    /// The padding of a long content is long: call this until it says no, and write out what came in between, to keep
    /// memory small. [`finish`](Self::finish) appends at once what is left.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LengthMismatch`] if the content is shorter than announced; [`ErrorKind::WrongOrder`] after a failure.
    pub fn pad(&mut self, out: &mut Vec<u8>) -> Result<bool> {
        self.check_complete()?;
        self.padding = true;
        let now = self.padding_left.min(PADDING_STEP);
        self.failed = true;
        self.body.zeros(now, out)?;
        self.failed = false;
        self.padding_left -= now;
        Ok(self.padding_left > 0)
    }

    fn check_process(&self) -> Result<()> {
        self.process.check(
            ErrorKind::WrongOrder,
            "it was carried over a fork: only the process that began it can go on",
        )
    }

    fn check_complete(&self) -> Result<()> {
        if self.failed {
            return Err(ErrorKind::WrongOrder.into());
        }
        self.check_process()?;
        match self.claims.length {
            Some(length) if length != self.written => Err(ErrorKind::LengthMismatch.into()),
            _ => Ok(()),
        }
    }

    /// Signs the digest of the content and appends the end of the envelope.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LengthMismatch`] if it is shorter than announced, [`ErrorKind::KeyUnavailable`];
    /// [`ErrorKind::WrongOrder`] after a failure.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<Sent> {
        self.check_complete()?;
        let digest = self.hasher.finish();
        let opening_digest = Digest::of(&self.opening);
        let closing = sign_statement(
            self.signer,
            &self.verifying,
            &[
                labels::CLOSING,
                self.header_digest.as_bytes(),
                opening_digest.as_bytes(),
            ],
            &encode_closing(self.written, digest.as_bytes()),
        )?;
        self.body.zeros(self.padding_left, out)?;
        self.body.update(&closing, out)?;
        // A closing is far below 64 KiB.
        self.body
            .update(&(closing.len() as u16).to_be_bytes(), out)?;
        self.body.finish(out)?;
        Ok(sent(
            &self.claims,
            self.header_digest,
            &self.opening,
            digest,
            self.written,
        ))
    }
}

impl fmt::Debug for SealStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealStream")
            .field("author", &self.verifying)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

/// A detached envelope in the making, over content that comes in pieces.
#[must_use]
pub struct DetachedSigner<'s, 'a> {
    sealer: &'s Sealer<'a>,
    draft: &'s Draft,
    hasher: Hasher,
    length: u64,
}

impl<'a> Sealer<'a> {
    /// Begins a detached envelope; it is written at the end.
    pub fn sign_detached_stream<'s>(&'s self, draft: &'s Draft) -> DetachedSigner<'s, 'a> {
        DetachedSigner {
            sealer: self,
            draft,
            hasher: Hasher::new(),
            length: 0,
        }
    }
}

impl DetachedSigner<'_, '_> {
    /// Takes the next piece of the content.
    pub fn update(&mut self, content: &[u8]) {
        self.hasher.update(content);
        self.length = self.length.saturating_add(content.len() as u64);
    }

    /// Appends the envelope to `out`.
    ///
    /// # Errors
    ///
    /// As [`Sealer::sign`].
    pub fn finish(self, out: &mut Vec<u8>) -> Result<Sent> {
        self.sealer
            .detached(self.draft, self.hasher.finish(), self.length, out)
    }
}

impl fmt::Debug for DetachedSigner<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DetachedSigner")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}
