//! Armor for transports of 7-bit text (spec/envelope.md §6): one canonical form, read with the least tolerance that
//! mail needs. In pieces, so that memory does not grow with the content.

use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, ErrorKind, Result};

/// Characters of a full line, and the bytes it carries.
const LINE: usize = 64;
const LINE_BYTES: usize = 48;
/// A line with the white space that a relay may have put behind it.
const MAX_LINE: usize = 256;
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// What an armor holds, as its first and last line say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ArmorLabel {
    /// A sealed or signed envelope.
    Envelope,
    /// Evidence for third parties.
    Evidence,
    /// A secret key file.
    SecretKey,
    /// The proof of a receipt, for third parties.
    ReceiptProof,
}

impl ArmorLabel {
    const ALL: [Self; 4] = [
        Self::Envelope,
        Self::Evidence,
        Self::SecretKey,
        Self::ReceiptProof,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Envelope => "BULLA ENVELOPE",
            Self::Evidence => "BULLA EVIDENCE",
            Self::SecretKey => "BULLA SECRET KEY",
            Self::ReceiptProof => "BULLA RECEIPT PROOF",
        }
    }
}

/// Whether `input` looks armored: the first bytes decide, before anything is decoded.
#[must_use]
pub fn is_armored(input: &[u8]) -> bool {
    input.starts_with(b"-----BEGIN BULLA")
}

/// Armors `bytes`, which are not empty.
///
/// ```
/// let text = bulla::armor(bulla::ArmorLabel::Envelope, b"BULLA");
/// assert_eq!(text, "-----BEGIN BULLA ENVELOPE-----\nQlVMTEE=\n-----END BULLA ENVELOPE-----\n");
/// ```
#[must_use]
pub fn armor(label: ArmorLabel, bytes: &[u8]) -> String {
    let mut writer = ArmorWriter::new(label);
    let mut text = Vec::with_capacity(bytes.len().div_ceil(LINE_BYTES) * (LINE + 1) + 96);
    writer.update(bytes, &mut text);
    writer.finish(&mut text);
    // The armor is ASCII by construction.
    String::from_utf8(text).unwrap_or_default()
}

/// The bytes in an armored text, which must be of the label `label`.
///
/// # Errors
///
/// [`ErrorKind::Malformed`] for anything but the one form (spec/envelope.md §6).
pub fn dearmor(label: ArmorLabel, text: &[u8]) -> Result<Vec<u8>> {
    let mut reader = ArmorReader::new(label);
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let read = reader
        .update(text, &mut bytes)
        .and_then(|()| reader.finish());
    if let Err(error) = read {
        // It may have been a key file.
        bytes.zeroize();
        return Err(error);
    }
    Ok(bytes)
}

/// Armors a stream: [`update`](Self::update) any number of times, then [`finish`](Self::finish).
#[derive(Debug)]
#[must_use]
pub struct ArmorWriter {
    label: ArmorLabel,
    begun: bool,
    held: Zeroizing<Vec<u8>>,
}

impl ArmorWriter {
    /// An armor of this label, of which nothing is written yet.
    pub fn new(label: ArmorLabel) -> Self {
        Self {
            label,
            begun: false,
            held: Zeroizing::new(Vec::with_capacity(LINE_BYTES)),
        }
    }

    /// Appends to `out` what `bytes` completes.
    pub fn update(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            write_line(out, &[BEGIN, self.label.name(), DASHES]);
        }
        if !self.held.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(LINE_BYTES - self.held.len()));
            self.held.extend_from_slice(now);
            bytes = later;
            if self.held.len() < LINE_BYTES {
                return;
            }
            write_data(out, &self.held);
            self.held.zeroize();
        }
        let mut lines = bytes.chunks_exact(LINE_BYTES);
        for line in &mut lines {
            write_data(out, line);
        }
        self.held.extend_from_slice(lines.remainder());
    }

    /// Appends the rest and the last line.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.update(&[], out);
        if !self.held.is_empty() {
            write_data(out, &self.held);
        }
        write_line(out, &[END, self.label.name(), DASHES]);
    }
}

fn write_line(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
    out.push(b'\n');
}

fn write_data(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut line = Zeroizing::new([0_u8; LINE]);
    // 48 bytes always fit into 64 characters.
    let text = Base64::encode(bytes, line.as_mut_slice()).unwrap_or_default();
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Begin,
    FirstData,
    DataOrEnd,
    End,
    Nothing,
    /// Something was wrong; nothing more is taken.
    Failed,
}

/// Reads an armor as a stream.
#[derive(Debug)]
pub struct ArmorReader {
    label: ArmorLabel,
    expect: Expect,
    line: Zeroizing<Vec<u8>>,
}

impl ArmorReader {
    /// Expects an armor of this label.
    #[must_use]
    pub fn new(label: ArmorLabel) -> Self {
        Self {
            label,
            expect: Expect::Begin,
            line: Zeroizing::new(Vec::with_capacity(MAX_LINE)),
        }
    }

    /// Appends to `out` the bytes of the lines that `text` completes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] at the first line that is not as it must be; then `out` is as it was, and nothing more is
    /// taken.
    pub fn update(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let before = out.len();
        self.take_text(text, out).inspect_err(|_| {
            self.expect = Expect::Failed;
            out.truncate(before);
        })
    }

    fn take_text(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut pieces = text.split_inclusive(|byte| *byte == b'\n');
        pieces.try_for_each(|piece| match piece.split_last() {
            Some((b'\n', line)) if self.line.is_empty() => self.take_line(line, out),
            Some((b'\n', line)) => {
                self.hold(line)?;
                let whole = core::mem::take(&mut *self.line);
                let whole = Zeroizing::new(whole);
                self.take_line(&whole, out)
            }
            _ => self.hold(piece),
        })
    }

    fn hold(&mut self, piece: &[u8]) -> Result<()> {
        if self.line.len() + piece.len() > MAX_LINE {
            return Err(malformed("an armor line is too long"));
        }
        self.line.extend_from_slice(piece);
        Ok(())
    }

    fn take_line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if line.len() > MAX_LINE {
            return Err(malformed("an armor line is too long"));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let end = line
            .iter()
            .rposition(|b| !matches!(b, b' ' | b'\t'))
            .map_or(0, |at| at + 1);
        let line = line.get(..end).unwrap_or_default();
        match self.expect {
            Expect::Begin => {
                self.check_frame(line, BEGIN)?;
                self.expect = Expect::FirstData;
            }
            Expect::DataOrEnd | Expect::End if line.starts_with(DASHES.as_bytes()) => {
                self.check_frame(line, END)?;
                self.expect = Expect::Nothing;
            }
            Expect::FirstData | Expect::DataOrEnd => self.take_data(line, out)?,
            Expect::End => return Err(malformed("an armor line is not the last but short")),
            Expect::Nothing => return Err(malformed("something stands after the armor")),
            Expect::Failed => return Err(malformed("the armor was wrong before")),
        }
        Ok(())
    }

    fn take_data(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut bytes = Zeroizing::new([0_u8; LINE_BYTES]);
        let decoded = Some(line)
            .filter(|line| (1..=LINE).contains(&line.len()))
            .and_then(|line| Base64::decode(line, bytes.as_mut_slice()).ok())
            .ok_or(malformed("an armor line is not base64 of 64 characters"))?;
        out.extend_from_slice(decoded);
        // Only a full line without padding can be followed by another.
        self.expect = if decoded.len() == LINE_BYTES {
            Expect::DataOrEnd
        } else {
            Expect::End
        };
        Ok(())
    }

    fn check_frame(&self, line: &[u8], start: &str) -> Result<()> {
        let name = line
            .strip_prefix(start.as_bytes())
            .and_then(|rest| rest.strip_suffix(DASHES.as_bytes()))
            .ok_or(malformed("it does not begin or end as an armor does"))?;
        if name == self.label.name().as_bytes() {
            return Ok(());
        }
        let known = ArmorLabel::ALL
            .iter()
            .any(|other| name == other.name().as_bytes());
        Err(malformed(if known {
            "the armor holds something else: envelope, evidence and secret key are not the same"
        } else {
            "it does not begin or end as an armor does"
        }))
    }

    /// The end of the text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] if the last line has not come, or has no line end.
    pub fn finish(&self) -> Result<()> {
        if self.expect != Expect::Nothing || !self.line.is_empty() {
            return Err(malformed("the armor is not whole"));
        }
        Ok(())
    }
}

const fn malformed(detail: &'static str) -> Error {
    Error::with(ErrorKind::Malformed, detail)
}
