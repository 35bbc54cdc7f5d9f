//! Sealing and opening between `Read` and `Write`, with memory that does not grow with the content.

use core::fmt;
use std::io::{self, Read, Write};
use std::vec::Vec;
use zeroize::Zeroizing;

use super::draft::Draft;
use super::open::{OpenStream, Opener};
use super::seal::{Sealer, Sent};
use super::stamp::Stamp;
use super::stream::SealStream;
use super::verdict::Mode;
use super::verify::Verifier;
use crate::crypto::secret::Wiped;
use crate::error::{ErrorKind, Result};
use crate::wire::armor::{ArmorLabel, ArmorReader, ArmorWriter, is_armored};

/// Bytes read at once: four chunks.
const BUFFER: usize = 64 * 1024;

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

fn read_some(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
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
            content: Wiped::new(Vec::with_capacity(BUFFER)),
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

    /// The end, after [`next_piece`](Self::next_piece) gave `None`: the last of the content, and the proof for all of it.
    ///
    /// # Errors
    ///
    /// As [`Opener::open`]; then all content that came out is to be discarded. [`ErrorKind::WrongOrder`] if there is
    /// more to read.
    pub fn finish(self) -> Result<(Zeroizing<Vec<u8>>, M::Proof)> {
        if !self.input.ended || self.input.waiting {
            return Err(ErrorKind::WrongOrder.into());
        }
        let mut rest = Zeroizing::new(Vec::new());
        let proof = self.input.stream.finish(&mut rest)?;
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
        let mut rest = Zeroizing::new(Vec::new());
        self.input.stream.settle_provisional(&mut rest)?;
        output.write_all(&rest)?;
        store(output)?;
        self.input.stream.finish(&mut Vec::new())
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

impl<R, M: Mode> fmt::Debug for ProvisionalReader<'_, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionalReader").finish_non_exhaustive()
    }
}

/// Reads through an armor if there is one, and gives the bytes as they are if not.
pub struct MaybeArmored<R> {
    input: R,
    armor: Option<ArmorReader>,
    ready: Zeroizing<Vec<u8>>,
    given: usize,
    ended: bool,
}

impl<R: Read> MaybeArmored<R> {
    /// Looks at the first bytes of `input`, which may come in pieces, and decides.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn new(mut input: R, label: ArmorLabel) -> io::Result<Self> {
        let mut start = Zeroizing::new(Vec::with_capacity(32));
        (&mut input).take(16).read_to_end(&mut start)?;
        let mut this = Self {
            input,
            armor: is_armored(&start).then(|| ArmorReader::new(label)),
            ready: Zeroizing::new(Vec::new()),
            given: 0,
            ended: false,
        };
        match &mut this.armor {
            Some(armor) => armor.update(&start, &mut this.ready)?,
            None => this.ready = start,
        }
        Ok(this)
    }

    /// Whether there is an armor.
    #[must_use]
    pub const fn is_armored(&self) -> bool {
        self.armor.is_some()
    }
}

impl<R: Read> Read for MaybeArmored<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() && !self.ended && !buffer.is_empty() {
            let Some(armor) = &mut self.armor else {
                return self.input.read(buffer);
            };
            self.ready.clear();
            self.given = 0;
            let mut text = Zeroizing::new([0; 8192]);
            let read = read_some(&mut self.input, text.as_mut_slice())?;
            self.ended = read == 0;
            if self.ended {
                armor.finish()?;
            }
            armor.update(text.get(..read).unwrap_or_default(), &mut self.ready)?;
        }
        let mut waiting = self.ready.get(self.given..).unwrap_or_default();
        let now = waiting.read(buffer)?;
        self.given += now;
        Ok(now)
    }
}

impl<R> fmt::Debug for MaybeArmored<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaybeArmored").finish_non_exhaustive()
    }
}

/// Writes through an armor; [`finish`](Self::finish) writes its end.
#[must_use]
pub struct ArmoredWriter<W> {
    output: W,
    armor: ArmorWriter,
    text: Zeroizing<Vec<u8>>,
}

impl<W: Write> ArmoredWriter<W> {
    /// An armor of this label around what is written.
    pub fn new(output: W, label: ArmorLabel) -> Self {
        Self {
            output,
            armor: ArmorWriter::new(label),
            text: Zeroizing::new(Vec::new()),
        }
    }

    /// Writes the end of the armor, and gives the output back.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn finish(mut self) -> io::Result<W> {
        self.text.clear();
        self.armor.finish(&mut self.text);
        self.output.write_all(&self.text)?;
        self.output.flush()?;
        Ok(self.output)
    }
}

impl<W: Write> Write for ArmoredWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.clear();
        self.armor.update(bytes, &mut self.text);
        self.output.write_all(&self.text)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

impl<W> fmt::Debug for ArmoredWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArmoredWriter").finish_non_exhaustive()
    }
}
