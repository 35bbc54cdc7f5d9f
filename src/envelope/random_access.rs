//! Reading at any place of a sealed file (spec/opening.md §6): chunk `k` stands at a known offset (spec/envelope.md §4).

use core::fmt;
use std::io::{Read, Seek, SeekFrom};
use std::vec::Vec;

use super::gate::settle;
use super::open::Opener;
use super::plaintext::{announced_closing_len, check_form, opening_len};
use super::seal::OPENING_PREFIX;
use super::stamp::Stamp;
use super::verdict::{Mode, discard};
use crate::crypto::body::{BodyKey, CHUNK_LEN, PREFIX_LEN, SEALED_CHUNK_LEN, TAG_LEN};
use crate::crypto::digest::Digest;
use crate::crypto::secret::Wiped;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::header::{Header, Kind};
use crate::wire::labels;
use crate::wire::limits::MAX_OPENING;

/// A sealed file whose stamp is verified and judged, for reading at any place.
///
/// What it gives is *provisional*: every byte came from somebody who held the content key, at its place, but a
/// co-recipient holds that key too. [`verify`](Self::verify) reads the whole file once and settles it.
pub struct ProvisionalFile<'o, 'a, R, M: Mode> {
    opener: &'o Opener<'a, M>,
    chunks: Chunks<R>,
    stamp: Stamp,
    /// Which envelope it is: the file could be another one when it is read again.
    header_digest: Digest,
    opening_digest: Digest,
    /// Where the content begins in the plaintext, and how long it is.
    start: u64,
    length: u64,
}

/// A sealed file that was verified as a whole, for reading at any place.
///
/// What is read later is opened again, under the same key: whoever changes the file meanwhile is noticed, unless it is
/// somebody who holds that key (a co-recipient). Keep the file where they cannot write.
pub struct VerifiedFile<R, P> {
    chunks: Chunks<R>,
    proof: P,
    start: u64,
    length: u64,
}

struct Chunks<R> {
    input: R,
    key: BodyKey,
    /// Where the first chunk stands in the file.
    offset: u64,
    /// Length of the plaintext.
    plain: u64,
    /// Whether there is room for a last chunk.
    whole: bool,
    /// The chunk that was opened last, and its number.
    opened: Wiped,
    number: Option<u64>,
}

impl<'a, M: Mode> Opener<'a, M> {
    /// Begins to read a sealed file at any place: finds the key, verifies and judges the stamp.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), for steps 1 to 5, and for a closing that is wrong; [`ErrorKind::Io`].
    pub fn random_access<R: Read + Seek>(
        &self,
        mut input: R,
    ) -> Result<ProvisionalFile<'_, 'a, R, M>> {
        let (gate, unlock) = self.parts();
        let head = read_header(&mut input)?;
        let header = Header::parse_whole(&head)?;
        let header_digest = Digest::of(header.bytes);
        let unlocked = unlock.find(&header)?.ok_or(ErrorKind::WrongKind)?;
        let header_len = header.bytes.len() as u64;
        input.seek(SeekFrom::Start(header_len))?;
        let mut prefix = [0; PREFIX_LEN];
        read_all(&mut input, &mut prefix)?;
        let context: [&[u8]; 2] = [labels::BODY, header_digest.as_bytes()];
        let key = BodyKey::committed(&unlocked.content_key, &prefix, &context)
            .ok_or(ErrorKind::NotAuthentic)?;
        let offset = header_len + PREFIX_LEN as u64;
        let (plain, whole) = plain_len(input.seek(SeekFrom::End(0))?, offset)?;
        let mut chunks = Chunks {
            plain,
            whole,
            input,
            key,
            offset,
            opened: Wiped::default(),
            number: None,
        };
        let opening = chunks.opening()?;
        let stamp = gate.authenticate(&opening, &header_digest, Kind::Sealed)?;
        gate.judge(&stamp)?;
        // It belongs to step 6, after the policy.
        chunks.last_chunk()?;
        let start = (OPENING_PREFIX + opening.len()) as u64;
        let length = chunks.content_len(&stamp, &header_digest, &opening)?;
        Ok(ProvisionalFile {
            opener: self,
            chunks,
            stamp,
            header_digest,
            opening_digest: Digest::of(&opening),
            start,
            length,
        })
    }
}

impl<'a, R: Read + Seek, M: Mode> ProvisionalFile<'_, 'a, R, M> {
    /// What the author signed: verified and judged.
    #[must_use]
    pub const fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Length of the content in bytes, as the author signed it.
    #[must_use]
    pub const fn content_length(&self) -> u64 {
        self.length
    }

    /// Reads provisional content from `offset` on into `buffer`; returns how many bytes, 0 only at the end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotAuthentic`], [`ErrorKind::Io`].
    pub fn read_provisional(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.chunks.read(self.start, self.length, offset, buffer)
    }

    /// Reads the whole file once: if it succeeds, its content is verified, and the replay guard has the message. What was
    /// read before is verified too, if nobody changed the file meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Opener::open`].
    pub fn verify(mut self) -> Result<VerifiedFile<R, M::Proof>> {
        self.chunks.input.seek(SeekFrom::Start(0))?;
        let mut reader = self.opener.read(&mut self.chunks.input)?;
        while reader.next_piece()?.is_some() {}
        reader.settle()?;
        let same = reader.settled().is_some_and(|verified| {
            verified.header_digest() == self.header_digest
                && verified.opening_digest() == self.opening_digest
                && verified.content_length() == self.length
        });
        // Before the guard is asked: it must not count another message as received.
        if !same {
            return Err(Error::with(
                ErrorKind::NotAuthentic,
                "the file was replaced while it was read",
            ));
        }
        let (_, proof) = reader.finish()?;
        // The chunk in hand was opened before, and the file may have been another one then.
        self.chunks.number = None;
        Ok(VerifiedFile {
            chunks: self.chunks,
            proof,
            start: self.start,
            length: self.length,
        })
    }
}

impl<R: Read + Seek, P> VerifiedFile<R, P> {
    /// Length of the content in bytes.
    #[must_use]
    pub const fn content_length(&self) -> u64 {
        self.length
    }

    /// The proof of the whole file.
    #[must_use]
    pub const fn proof(&self) -> &P {
        &self.proof
    }

    /// Reads content from `offset` on into `buffer`; returns how many bytes, 0 only at the end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotAuthentic`] if the file was changed since, [`ErrorKind::Io`].
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.chunks.read(self.start, self.length, offset, buffer)
    }

    /// The file, which reads on as before, and the proof apart from it, for those who keep the two in different places.
    #[must_use]
    pub fn into_parts(self) -> (VerifiedFile<R, ()>, P) {
        let Self {
            chunks,
            proof,
            start,
            length,
        } = self;
        let file = VerifiedFile {
            chunks,
            proof: (),
            start,
            length,
        };
        (file, proof)
    }
}

impl<R: Read + Seek> Chunks<R> {
    /// The plaintext of chunk `number`, opened unless it was the last one opened.
    fn chunk(&mut self, number: u64) -> Result<&[u8]> {
        if self.number != Some(number) {
            self.number = None;
            discard(&mut self.opened, 0);
            let left = self.plain - number * CHUNK_LEN as u64;
            let length = usize::try_from(left).map_or(CHUNK_LEN, |left| left.min(CHUNK_LEN));
            self.input.seek(SeekFrom::Start(
                self.offset + number * SEALED_CHUNK_LEN as u64,
            ))?;
            let mut sealed = std::vec![0; length + TAG_LEN];
            read_all(&mut self.input, &mut sealed)?;
            self.key
                .open_onto(number, &sealed, &mut self.opened)
                .ok_or(ErrorKind::NotAuthentic)?;
            self.number = Some(number);
        }
        Ok(&self.opened)
    }

    /// Opens the last chunk, which proves the length of the file (C2SP chunked-encryption).
    fn last_chunk(&mut self) -> Result<()> {
        if !self.whole {
            return Err(ErrorKind::NotAuthentic.into());
        }
        self.chunk(self.plain / CHUNK_LEN as u64).map(drop)
    }

    /// Reads plaintext from `at` on; returns how many bytes.
    fn plaintext(&mut self, at: u64, buffer: &mut [u8]) -> Result<usize> {
        if at >= self.plain || buffer.is_empty() {
            return Ok(0);
        }
        let within = (at % CHUNK_LEN as u64) as usize;
        let chunk = self.chunk(at / CHUNK_LEN as u64)?;
        Ok(chunk.get(within..).unwrap_or_default().read(buffer)?)
    }

    fn plaintext_exact(&mut self, mut at: u64, mut buffer: &mut [u8]) -> Result<()> {
        while !buffer.is_empty() {
            let read = self.plaintext(at, buffer)?;
            if read == 0 {
                // Only if the plaintext really ends here: its last chunk says so.
                self.last_chunk()?;
                return Err(Error::with(
                    ErrorKind::Malformed,
                    "the opening reaches past the end of the plaintext",
                ));
            }
            at += read as u64;
            buffer = buffer.get_mut(read..).unwrap_or_default();
        }
        Ok(())
    }

    fn opening(&mut self) -> Result<Vec<u8>> {
        let mut prefix = [0; OPENING_PREFIX];
        let (form, length) = prefix.split_at_mut(1);
        // One byte first, as in a stream: an unknown form is told whatever is missing behind it.
        self.plaintext_exact(0, form)?;
        check_form(form.first().copied())?;
        self.plaintext_exact(1, length)?;
        let length = opening_len(&prefix)?;
        debug_assert!(length <= MAX_OPENING);
        let mut opening = std::vec![0; length];
        self.plaintext_exact(OPENING_PREFIX as u64, &mut opening)?;
        Ok(opening)
    }

    /// Length of the content: signed in the stamp, or settled by the closing at the end of the plaintext.
    fn content_len(
        &mut self,
        stamp: &Stamp,
        header_digest: &Digest,
        opening: &[u8],
    ) -> Result<u64> {
        let refused = || Error::from(ErrorKind::NotAuthentic);
        let before = (OPENING_PREFIX + opening.len()) as u64;
        let mut rest = self.plain - before;
        let mut settled = stamp.length();
        if stamp.digest().is_none() {
            let mut length = [0; 2];
            rest = rest.checked_sub(2).ok_or_else(refused)?;
            self.plaintext_exact(before + rest, &mut length)?;
            let mut closing = std::vec![0; announced_closing_len(length, rest)?];
            rest -= closing.len() as u64;
            self.plaintext_exact(before + rest, &mut closing)?;
            let (length, _) = settle(&closing, stamp, header_digest, opening)?;
            settled = Some(length);
        }
        let length = settled.ok_or_else(refused)?;
        if length.checked_add(stamp.padding()) != Some(rest) {
            return Err(refused());
        }
        Ok(length)
    }

    fn read(&mut self, start: u64, length: u64, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let left = length.saturating_sub(offset);
        let now = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let mut done = 0;
        while done < now {
            let part = buffer.get_mut(done..now).unwrap_or_default();
            match self.plaintext(start + offset + done as u64, part)? {
                0 => return Err(ErrorKind::NotAuthentic.into()),
                read => done += read,
            }
        }
        Ok(done)
    }
}

/// Length of the plaintext in a file of this length, and whether it can be whole: there must be a last chunk, and it must
/// be short.
fn plain_len(file: u64, offset: u64) -> Result<(u64, bool)> {
    let chunks = file.checked_sub(offset).ok_or(ErrorKind::NotAuthentic)?;
    let (full, last) = (
        chunks / SEALED_CHUNK_LEN as u64,
        chunks % SEALED_CHUNK_LEN as u64,
    );
    let rest = last.checked_sub(TAG_LEN as u64);
    Ok((full * CHUNK_LEN as u64 + rest.unwrap_or(0), rest.is_some()))
}

fn read_header(input: &mut (impl Read + Seek)) -> Result<Vec<u8>> {
    input.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    loop {
        let before = head.len();
        input.take(4096).read_to_end(&mut head)?;
        if Header::parse(&head)?.is_some() || head.len() == before {
            return Ok(head);
        }
    }
}

/// A file that ends early is a changed envelope, not a failure to read.
fn read_all(input: &mut impl Read, buffer: &mut [u8]) -> Result<()> {
    input
        .read_exact(buffer)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => ErrorKind::NotAuthentic.into(),
            _ => error.into(),
        })
}

impl<R, M: Mode> fmt::Debug for ProvisionalFile<'_, '_, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionalFile")
            .field("content_length", &self.length)
            .finish_non_exhaustive()
    }
}

impl<R, P: fmt::Debug> fmt::Debug for VerifiedFile<R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedFile")
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}
