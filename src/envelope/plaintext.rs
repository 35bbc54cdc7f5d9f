//! Reading the plaintext as it comes: opening, content, padding, closing (spec/envelope.md §5). The stamp is judged before
//! the first byte of content is let through.

use alloc::vec::Vec;

use super::gate::{Gate, settle};
use super::seal::{FORM_COSE, OPENING_PREFIX};
use super::stamp::Stamp;
use super::verdict::{StampOnly, Verified};
use crate::crypto::digest::{Digest, Hasher};
use crate::crypto::secret::Wiped;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::header::Kind;
use crate::wire::limits::{MAX_CLOSING, MAX_OPENING};

/// What stays in hand while the end is not known: a closing and its length.
pub(super) const HELD: usize = MAX_CLOSING + 2;

/// The plaintext of one envelope, as far as it has come.
pub(super) struct Plaintext {
    kind: Kind,
    header_digest: Digest,
    /// Form, length, opening: as much as has come.
    head: Vec<u8>,
    stamp: Option<Stamp>,
    hasher: Hasher,
    content: u64,
    padding_left: u64,
    /// What follows content and padding; with an unknown length, the last bytes so far.
    tail: Wiped,
}

impl Plaintext {
    pub(super) fn new(kind: Kind, header_digest: Digest) -> Self {
        Self {
            kind,
            header_digest,
            head: Vec::new(),
            stamp: None,
            hasher: Hasher::new(),
            content: 0,
            padding_left: 0,
            tail: Wiped::default(),
        }
    }

    /// The stamp, once it is verified and judged.
    pub(super) const fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    #[cfg(all(feature = "std", unix))]
    pub(super) const fn header_digest(&self) -> Digest {
        self.header_digest
    }

    /// What is known of the message before its content is.
    pub(super) fn stamped(&self, listed: bool) -> Option<StampOnly> {
        Some(StampOnly {
            stamp: self.stamp.clone()?,
            header_digest: self.header_digest,
            opening_digest: Digest::of(self.opening()),
            listed,
        })
    }

    /// Whether the end of the content is not known before the end of the plaintext.
    fn is_open_ended(&self) -> bool {
        self.stamp
            .as_ref()
            .is_some_and(|stamp| stamp.length().is_none())
    }

    /// To be called before plaintext is appended to `out`: puts back what was held. Returns where it begins.
    pub(super) fn before(&mut self, out: &mut Vec<u8>) -> usize {
        let from = out.len();
        if self.is_open_ended() {
            out.extend_from_slice(&self.tail);
            self.tail.clear();
        }
        from
    }

    /// Takes the plaintext `out[from..]`, and leaves in its place what of it is content.
    pub(super) fn after(&mut self, gate: &Gate<'_>, out: &mut Vec<u8>, from: usize) -> Result<()> {
        if self.stamp.is_none() {
            let used = self.take_head(gate, out.get(from..).unwrap_or_default())?;
            out.drain(from..from + used);
        }
        match &self.stamp {
            None => Ok(()),
            Some(stamp) => match stamp.length() {
                Some(length) if self.kind != Kind::Detached => self.take_sized(length, out, from),
                Some(_) if out.len() == from => Ok(()),
                Some(_) => Err(ErrorKind::NotAuthentic.into()),
                None => {
                    self.take_open_ended(out, from);
                    Ok(())
                }
            },
        }
    }

    /// Collects form, length and opening, and judges the stamp when they are whole. Returns how many bytes it used.
    fn take_head(&mut self, gate: &Gate<'_>, plain: &[u8]) -> Result<usize> {
        let mut used = 0;
        while self.stamp.is_none() {
            let want = self.head_len()?;
            let Some(more) = plain.get(used..).filter(|rest| !rest.is_empty()) else {
                break;
            };
            let now = more.len().min(want - self.head.len());
            self.head
                .extend_from_slice(more.get(..now).unwrap_or_default());
            used += now;
            if self.head.len() == self.head_len()? && self.head.len() > OPENING_PREFIX {
                self.judge(gate)?;
            }
        }
        Ok(used)
    }

    /// How long the head is, as far as can be told already.
    fn head_len(&self) -> Result<usize> {
        match self.head.first_chunk::<OPENING_PREFIX>() {
            Some(prefix) => Ok(OPENING_PREFIX + opening_len(prefix)?),
            None => {
                check_form(self.head.first().copied())?;
                // One byte first, so that an unknown form is told before its length is waited for.
                Ok(if self.head.is_empty() {
                    1
                } else {
                    OPENING_PREFIX
                })
            }
        }
    }

    fn judge(&mut self, gate: &Gate<'_>) -> Result<()> {
        let stamp = gate.authenticate(self.opening(), &self.header_digest, self.kind)?;
        gate.judge(&stamp)?;
        self.padding_left = stamp.padding();
        self.stamp = Some(stamp);
        Ok(())
    }

    fn opening(&self) -> &[u8] {
        self.head.get(OPENING_PREFIX..).unwrap_or_default()
    }

    /// Content of known length: the rest is padding, then the tail.
    fn take_sized(&mut self, length: u64, out: &mut Vec<u8>, from: usize) -> Result<()> {
        let came = out.len() - from;
        let content = usize::try_from(length - self.content).map_or(came, |left| left.min(came));
        let end = from + content;
        self.content += content as u64;
        let rest = out.get(end..).unwrap_or_default();
        let padding =
            usize::try_from(self.padding_left).map_or(rest.len(), |left| left.min(rest.len()));
        let (zeros, tail) = rest.split_at(padding);
        let limit = if self.stamp.as_ref().is_some_and(|s| s.digest().is_some()) {
            0
        } else {
            HELD
        };
        if zeros.iter().any(|byte| *byte != 0) || self.tail.len() + tail.len() > limit {
            return Err(ErrorKind::NotAuthentic.into());
        }
        self.padding_left -= padding as u64;
        self.tail.extend_from_slice(tail);
        out.truncate(end);
        Ok(())
    }

    /// Content of unknown length: the last bytes may be the closing and stay in hand.
    fn take_open_ended(&mut self, out: &mut Vec<u8>, from: usize) {
        let content = (out.len() - from).saturating_sub(HELD);
        self.tail
            .extend_from_slice(out.get(from + content..).unwrap_or_default());
        out.truncate(from + content);
        self.content += content as u64;
    }

    /// Digests content that was let through. The caller gathers it: BLAKE3 is several times faster over long pieces than
    /// over single chunks, which never begin where its own blocks do.
    pub(super) fn digest(&mut self, content: &[u8]) {
        self.hasher.update(content);
    }

    /// Content that comes otherwise: from beside a detached envelope, or held until the end.
    pub(super) fn beside(&mut self, content: &[u8]) {
        self.digest(content);
        self.content += content.len() as u64;
    }

    /// The end of the plaintext: everything must be as signed. Appends to `out` content that was still held.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> Result<Verified> {
        let refused = || Error::from(ErrorKind::NotAuthentic);
        let Some(stamp) = self.stamp.take() else {
            return Err(Error::with(
                ErrorKind::Malformed,
                "the opening reaches past the end of the plaintext",
            ));
        };
        let tail = core::mem::take(&mut self.tail);
        let (held, closing) = match stamp.digest() {
            Some(_) => (tail.as_slice(), None),
            None => {
                let (rest, length) = tail.split_last_chunk::<2>().ok_or_else(refused)?;
                let length = announced_closing_len(*length, rest.len() as u64)?;
                let (held, closing) = rest.split_at(rest.len() - length);
                (held, Some(closing))
            }
        };
        // Only with an unknown length can there be content before the closing.
        if !(held.is_empty() || stamp.length().is_none()) || self.padding_left > 0 {
            return Err(refused());
        }
        self.beside(held);
        let (length, digest) = match closing {
            Some(closing) => settle(closing, &stamp, &self.header_digest, self.opening())?,
            None => (
                stamp.length().ok_or_else(refused)?,
                stamp.digest().ok_or_else(refused)?,
            ),
        };
        if self.content != length || self.hasher.finish() != digest {
            return Err(refused());
        }
        out.extend_from_slice(held);
        let closing = closing.map(<[u8]>::to_vec);
        self.head.drain(..OPENING_PREFIX);
        Ok(Verified {
            stamp,
            header_digest: self.header_digest,
            opening: self.head,
            closing,
            content_digest: digest,
            content_length: length,
            listed: false,
        })
    }
}

/// Length of the opening, from the bytes before it.
pub(super) fn opening_len(prefix: &[u8; OPENING_PREFIX]) -> Result<usize> {
    let [form, high, low] = *prefix;
    check_form(Some(form))?;
    match usize::from(u16::from_be_bytes([high, low])) {
        length @ 1..=MAX_OPENING => Ok(length),
        _ => Err(Error::with(
            ErrorKind::Malformed,
            "the opening is not 1 to 16384 bytes long",
        )),
    }
}

/// Length of the closing, from the two bytes at the end of the plaintext (spec/envelope.md §5), before which stand `before`
/// bytes.
pub(super) fn announced_closing_len(announced: [u8; 2], before: u64) -> Result<usize> {
    match usize::from(u16::from_be_bytes(announced)) {
        length if length <= MAX_CLOSING && length as u64 <= before => Ok(length),
        _ => Err(ErrorKind::NotAuthentic.into()),
    }
}

/// Whether the form of the plaintext, its first byte, is known; no byte says nothing yet.
pub(super) fn check_form(form: Option<u8>) -> Result<()> {
    match form {
        Some(form) if form != FORM_COSE => Err(Error::with(
            ErrorKind::UnsupportedVersion,
            "the form of the plaintext is not known here",
        )),
        _ => Ok(()),
    }
}
