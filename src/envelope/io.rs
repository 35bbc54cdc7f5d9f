//! Sealing and opening between `Read` and `Write`, with memory that does not grow with the content.

use core::fmt;
use std::io::{self, Read, Write};
use std::vec::Vec;
use zeroize::Zeroizing;

use super::draft::Draft;
use super::lease::{Delivery, Lease};
use super::open::{OpenStream, Opener};
use super::plaintext::HELD;
use super::seal::{Sealer, Sent};
use super::stamp::Stamp;
use super::stream::SealStream;
use super::verdict::{Fresh, Mode, Verified};
use super::verify::Verifier;
use crate::crypto::secret::Wiped;
use crate::error::{ErrorKind, Result};

/// Bytes read at once: four chunks.
const BUFFER: usize = 64 * 1024;
/// The most content that one read can give: what was read, and what was held back for a closing before and is now let
/// through (spec/envelope.md §5, layout 3). A buffer that grew would leave a copy behind that nobody wipes.
const CONTENT: usize = BUFFER + HELD;

impl Sealer<'_> {
    /// Seals all of `input` to `output`, as it comes. See [`stream`](Self::stream) for `length`.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal); [`ErrorKind::LengthMismatch`]; [`ErrorKind::Io`]. Then what was written opens to nobody.
    pub fn seal_io(
        &self,
        draft: &Draft,
        length: Option<u64>,
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<Sent> {
        let mut out = Vec::new();
        let stream = self.stream(draft, length, &mut out)?;
        pump(stream, out, input, output)
    }

    /// Signs all of `input` to `output`, as it comes, with the content inside. See [`stream`](Self::stream) for `length`.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign); [`ErrorKind::LengthMismatch`]; [`ErrorKind::Io`].
    pub fn sign_io(
        &self,
        draft: &Draft,
        length: Option<u64>,
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<Sent> {
        let mut out = Vec::new();
        let stream = self.sign_stream(draft, length, &mut out)?;
        pump(stream, out, input, output)
    }
}

fn pump(
    mut stream: SealStream<'_>,
    mut out: Vec<u8>,
    input: &mut dyn Read,
    output: &mut dyn Write,
) -> Result<Sent> {
    let mut buffer = Wiped::new(std::vec![0; BUFFER]);
    loop {
        output.write_all(&out)?;
        out.clear();
        let read = read_some(input, &mut buffer)?;
        if read == 0 {
            break;
        }
        stream.update(buffer.get(..read).unwrap_or_default(), &mut out)?;
    }
    while stream.pad(&mut out)? {
        output.write_all(&out)?;
        out.clear();
    }
    let sent = stream.finish(&mut out)?;
    output.write_all(&out)?;
    output.flush()?;
    Ok(sent)
}

pub(crate) fn read_some(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

impl<'a, M: Mode> Opener<'a, M> {
    /// Reads an envelope from `input` until its stamp is verified and judged; the content follows with
    /// [`ProvisionalReader::next_piece`].
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), for steps 1 to 5; [`ErrorKind::Io`].
    pub fn read<R: Read>(&self, input: R) -> Result<ProvisionalReader<'a, R, M>> {
        ProvisionalReader::begin(self.stream(), input)
    }
}

impl<'a, M: Mode> Verifier<'a, M> {
    /// Reads a signed envelope from `input` until its stamp is verified and judged.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify), for steps 1 to 5; [`ErrorKind::Io`].
    pub fn read<R: Read>(&self, input: R) -> Result<ProvisionalReader<'a, R, M>> {
        ProvisionalReader::begin(self.stream(), input)
    }
}

/// An envelope that is being read: the stamp is known, the content is *provisional* until
/// [`finish`](Self::finish) (see [`OpenStream`]).
///
/// It is no [`Read`], so that its content cannot be mistaken for verified bytes.
#[must_use]
pub struct ProvisionalReader<'a, R, M: Mode> {
    input: Input<'a, R, M>,
    stamp: Stamp,
}

struct Input<'a, R, M: Mode> {
    stream: OpenStream<'a, M>,
    input: R,
    buffer: Vec<u8>,
    content: Wiped,
    /// Whether `content` has not been handed out yet.
    waiting: bool,
    ended: bool,
}

impl<R: Read, M: Mode> Input<'_, R, M> {
    fn fill(&mut self) -> Result<()> {
        let read = read_some(&mut self.input, &mut self.buffer)?;
        self.ended = read == 0;
        if self.ended {
            self.stream.end_provisional(&mut self.content)?;
        } else {
            let piece = self.buffer.get(..read).unwrap_or_default();
            self.stream.update_provisional(piece, &mut self.content)?;
        }
        self.waiting = !self.content.is_empty();
        Ok(())
    }
}

impl<'a, R: Read, M: Mode> ProvisionalReader<'a, R, M> {
    pub(super) fn begin(stream: OpenStream<'a, M>, input: R) -> Result<Self> {
        let mut input = Input {
            stream,
            input,
            buffer: std::vec![0; BUFFER],
            content: Wiped::new(Vec::with_capacity(CONTENT)),
            waiting: false,
            ended: false,
        };
        while input.stream.stamp().is_none() && !input.ended {
            input.fill()?;
        }
        match input.stream.stamp().cloned() {
            Some(stamp) => Ok(Self { input, stamp }),
            // The whole plaintext came, and its opening was not whole: say so as the gate does.
            None => Err(input
                .stream
                .finish(&mut Vec::new())
                .err()
                .unwrap_or(ErrorKind::Malformed.into())),
        }
    }

    /// What the author signed: verified and judged.
    #[must_use]
    pub const fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The next piece of provisional content; `None` at the end of the input, when it is time to
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// As [`Opener::open`]; [`ErrorKind::Io`]. Then all content so far is to be discarded.
    pub fn next_piece(&mut self) -> Result<Option<&[u8]>> {
        let input = &mut self.input;
        if !input.waiting {
            input.content.clear();
            while !input.waiting && !input.ended {
                input.fill()?;
            }
        }
        let some = core::mem::take(&mut input.waiting);
        Ok(some.then_some(input.content.as_slice()))
    }

    /// After [`next_piece`](Self::next_piece) gave `None`: checks the content as a whole (step 6 of the gate,
    /// spec/opening.md §2) and gives the last of it. The replay guard is not asked yet: that is left to
    /// [`finish`](Self::finish), before which a host that stores brings everything to the disk, so that a disk that is full
    /// does not make the message a replay. Does nothing if it was called before.
    ///
    /// ```
    /// # fn main() -> bulla::Result<()> {
    /// # use bulla::{Draft, Identity, MemoryGuard, Opener, OsEntropy, Policy, Replay, Sealer, Senders};
    /// # let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
    /// # let envelope = Sealer::new(&alice).to(bob.public()).seal(&Draft::new("example")?, b"hello")?;
    /// # let policy = Policy::new("example", Senders::only([*alice.verifying_key()]))?;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("received");
    /// use std::io::Write;
    /// let guard = MemoryGuard::new(1000);
    /// let mut reader = Opener::new(&bob, &policy, Replay::Guarded(&guard)).read(&envelope[..])?;
    /// let mut file = bulla::NewFile::create(&path, false, true)?;
    /// while let Some(piece) = reader.next_piece()? {
    ///     file.write_all(piece)?;
    /// }
    /// file.write_all(&reader.settle()?)?;
    /// file.sync()?;
    /// assert!(guard.is_empty());
    /// reader.finish()?;
    /// assert_eq!(guard.len(), 1);
    /// file.commit()?;
    /// # assert_eq!(std::fs::read(&path)?, b"hello");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Opener::open`], for step 6; then all content that came out is to be discarded. [`ErrorKind::WrongOrder`] if
    /// there is more to read.
    pub fn settle(&mut self) -> Result<Zeroizing<Vec<u8>>> {
        if !self.input.ended || self.input.waiting {
            return Err(ErrorKind::WrongOrder.into());
        }
        let mut rest = Zeroizing::new(Vec::new());
        self.input.stream.settle_provisional(&mut rest)?;
        Ok(rest)
    }

    /// What was verified, after [`settle`](Self::settle).
    pub(super) fn settled(&self) -> Option<&Verified> {
        self.input.stream.settled()
    }

    /// The end, after [`next_piece`](Self::next_piece) gave `None`: asks the replay guard, and gives the last of the content
    /// (nothing, if [`settle`](Self::settle) gave it before) and the proof for all of it.
    ///
    /// # Errors
    ///
    /// As [`Opener::open`]; then all content that came out is to be discarded. [`ErrorKind::WrongOrder`] if there is
    /// more to read.
    pub fn finish(mut self) -> Result<(Zeroizing<Vec<u8>>, M::Proof)> {
        let rest = self.settle()?;
        let proof = self.input.stream.finish(&mut Vec::new())?;
        Ok((rest, proof))
    }

    /// Reads to the end, writes all content to `output`, and lets `store` make it safe before the replay guard is asked.
    pub(super) fn copy_and_store<W: Write>(
        mut self,
        output: &mut W,
        store: impl FnOnce(&mut W) -> Result<()>,
    ) -> Result<M::Proof> {
        while let Some(piece) = self.next_piece()? {
            output.write_all(piece)?;
        }
        output.write_all(&self.settle()?)?;
        store(output)?;
        self.finish().map(|(_, proof)| proof)
    }

    /// Reads to the end and writes all content to `output`, which must be able to take it back: **if this fails, what
    /// was written is to be discarded.**
    ///
    /// # Errors
    ///
    /// As [`Opener::open`]; [`ErrorKind::Io`].
    pub fn copy_provisional(self, mut output: &mut dyn Write) -> Result<M::Proof> {
        self.copy_and_store(&mut output, |output| Ok(output.flush()?))
    }
}

impl<'a, R: Read> ProvisionalReader<'a, R, Fresh> {
    /// As [`finish`](Self::finish), but the message is only reserved, for `lease` seconds: deliver the content, then
    /// [commit](Lease::commit).
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish); [`ErrorKind::Pending`] if somebody else works on it; [`ErrorKind::InvalidInput`]
    /// without a replay guard.
    pub fn finish_leased(
        mut self,
        lease: u64,
    ) -> Result<Delivery<(Zeroizing<Vec<u8>>, Lease<'a>)>> {
        let rest = self.settle()?;
        Ok(
            match self.input.stream.finish_leased(lease, &mut Vec::new())? {
                Delivery::New(lease) => Delivery::New((rest, lease)),
                Delivery::Again(again) => Delivery::Again(again),
            },
        )
    }
}

impl<R, M: Mode> fmt::Debug for ProvisionalReader<'_, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionalReader").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Identity, OsEntropy, Policy, Replay, Senders};

    #[test]
    fn the_buffer_for_content_never_grows() {
        let alice = Identity::generate(&OsEntropy).unwrap();
        let policy = Policy::new("x", Senders::anyone()).unwrap().allow_own(true);
        let content = std::vec![7; 1_000_000];
        // What is held back is most where the length is not known.
        for length in [None, Some(content.len() as u64)] {
            let (mut sealed, mut signed) = (Vec::new(), Vec::new());
            let (sealer, draft) = (
                Sealer::new(&alice).to(alice.public()),
                Draft::new("x").unwrap(),
            );
            let mut input = content.as_slice();
            sealer
                .seal_io(&draft, length, &mut input, &mut sealed)
                .unwrap();
            let mut input = content.as_slice();
            sealer
                .sign_io(&draft, length, &mut input, &mut signed)
                .unwrap();
            let opener = Opener::new(&alice, &policy, Replay::Unguarded);
            let verifier = Verifier::new("x", &policy, Replay::Unguarded);
            for mut reader in [
                opener.read(&*sealed).unwrap(),
                verifier.read(&*signed).unwrap(),
            ] {
                let mut most = 0;
                while let Some(piece) = reader.next_piece().unwrap() {
                    most = most.max(piece.len());
                    assert_eq!(reader.input.content.capacity(), CONTENT);
                }
                assert!(most >= BUFFER - HELD);
            }
        }
    }
}
