//! The armor (spec/envelope.md §6) between `Read` and `Write`.

use core::fmt;
use std::io::{self, Read, Write};
use std::vec::Vec;
use zeroize::Zeroizing;

use super::io::read_some;
use crate::wire::armor::{ArmorLabel, ArmorReader, ArmorWriter, is_armored};

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
