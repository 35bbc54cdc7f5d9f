//! The body as a stream of chunks, for writing (spec/envelope.md §4). Plaintext of a signed envelope passes through.

use alloc::vec::Vec;

use crate::crypto::body::{BodyKey, CHUNK_LEN, SALT_LEN, TAG_LEN};
use crate::crypto::secret::Wiped;
use crate::error::{Error, ErrorKind, Result};

/// Takes plaintext in pieces of any size and appends the body to a vector.
// There is one for each envelope, never many: a box would save nothing.
#[allow(clippy::large_enum_variant)]
pub(crate) enum BodyWriter {
    Sealed(ChunkSealer),
    Clear,
}

pub(crate) struct ChunkSealer {
    key: BodyKey,
    next: u64,
    /// The chunk that is not full yet.
    held: Wiped,
}

impl BodyWriter {
    /// Begins a sealed body: appends salt and commitment.
    pub(crate) fn sealed(key: BodyKey, salt: &[u8; SALT_LEN], out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(salt);
        out.extend_from_slice(key.commitment());
        Self::Sealed(ChunkSealer {
            key,
            next: 0,
            held: Wiped::default(),
        })
    }

    pub(crate) fn update(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Clear => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            Self::Sealed(sealer) => sealer.update(bytes, out),
        }
    }

    /// Appends `count` zero bytes of plaintext.
    pub(crate) fn zeros(&mut self, mut count: u64, out: &mut Vec<u8>) -> Result<()> {
        const ZEROS: [u8; 4096] = [0; 4096];
        while count > 0 {
            let now = usize::try_from(count)
                .unwrap_or(usize::MAX)
                .min(ZEROS.len());
            self.update(ZEROS.get(..now).unwrap_or_default(), out)?;
            count -= now as u64;
        }
        Ok(())
    }

    /// Appends the body of a plaintext that is all there, and so ends it: nothing is held, for each chunk is put together
    /// where it is sealed. `out` must have room for all of it, or plaintext may stay behind where it was.
    pub(crate) fn whole(self, parts: &[&[u8]], zeros: u64, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Clear => {
                for part in parts {
                    out.extend_from_slice(part);
                }
                Ok(())
            }
            Self::Sealed(sealer) => sealer.whole(parts, zeros, out),
        }
    }

    /// Appends the last chunk.
    pub(crate) fn finish(self, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Clear => Ok(()),
            Self::Sealed(mut sealer) => {
                let held = core::mem::take(&mut sealer.held);
                sealer.seal(&held, out)
            }
        }
    }

    /// How many bytes the body of a plaintext of `length` bytes adds to it.
    pub(crate) const fn overhead(length: usize) -> usize {
        crate::crypto::body::PREFIX_LEN + (length / CHUNK_LEN + 1) * TAG_LEN
    }
}

impl ChunkSealer {
    fn update(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if !self.held.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_LEN - self.held.len()));
            self.hold(now);
            bytes = later;
            if self.held.len() < CHUNK_LEN {
                return Ok(());
            }
            let mut full = core::mem::take(&mut self.held);
            self.seal(&full, out)?;
            full.clear();
            self.held = full;
        }
        // A full chunk is never the last one (which is always shorter), so it can go at once.
        let mut full = bytes.chunks_exact(CHUNK_LEN);
        for chunk in &mut full {
            self.seal(chunk, out)?;
        }
        self.hold(full.remainder());
        Ok(())
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.held.capacity() < CHUNK_LEN && self.held.len() + bytes.len() > self.held.capacity()
        {
            // Grown here, so that no reallocation leaves plaintext behind.
            let larger = if self.held.is_empty() {
                bytes.len()
            } else {
                CHUNK_LEN
            };
            let mut grown = Wiped::new(Vec::with_capacity(larger));
            grown.extend_from_slice(&self.held);
            self.held = grown;
        }
        self.held.extend_from_slice(bytes);
    }

    fn whole(mut self, parts: &[&[u8]], mut zeros: u64, out: &mut Vec<u8>) -> Result<()> {
        let mut from = out.len();
        for part in parts {
            let mut rest = *part;
            while !rest.is_empty() {
                let room = CHUNK_LEN - (out.len() - from);
                let (now, later) = rest.split_at(rest.len().min(room));
                out.extend_from_slice(now);
                rest = later;
                self.seal_full(&mut from, out)?;
            }
        }
        while zeros > 0 {
            let room = CHUNK_LEN - (out.len() - from);
            let now = usize::try_from(zeros).map_or(room, |zeros| zeros.min(room));
            out.resize(out.len() + now, 0);
            zeros -= now as u64;
            self.seal_full(&mut from, out)?;
        }
        self.seal_from(from, out)
    }

    /// Seals what stands in `out` from `from` on if it is a full chunk; the next one then begins behind it.
    fn seal_full(&mut self, from: &mut usize, out: &mut Vec<u8>) -> Result<()> {
        if out.len() - *from == CHUNK_LEN {
            self.seal_from(*from, out)?;
            *from = out.len();
        }
        Ok(())
    }

    fn seal(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let from = out.len();
        out.extend_from_slice(chunk);
        self.seal_from(from, out)
    }

    fn seal_from(&mut self, from: usize, out: &mut Vec<u8>) -> Result<()> {
        if self.key.seal_tail(self.next, out, from).is_none() {
            out.truncate(from);
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "the content is longer than 4 PiB",
            ));
        }
        self.next += 1;
        Ok(())
    }
}
