//! The gate as a machine that takes an envelope in pieces of any size (spec/opening.md §2). Opening in one piece is the same
//! machine, given one piece.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::claim::Passed;
use super::gate::Gate;
use super::piece::{Piece, complete};
use super::plaintext::Plaintext;
use super::stamp::Stamp;
use super::unlock::Unlock;
use super::verdict::{Damaged, StampOnly, Verified, discard};
use crate::crypto::body::{BodyKey, PREFIX_LEN, SEALED_CHUNK_LEN};
use crate::crypto::digest::Digest;
use crate::crypto::secret::Secret;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::header::{Header, Kind};
use crate::wire::labels;

/// How much content is gathered before it is digested: enough to keep BLAKE3 busy, little enough to stay in the cache.
const DIGEST_STEP: usize = 128 * 1024;
/// How many bytes of a header that came in pieces are looked at at once.
const HEADER_STEP: usize = 4096;

pub(super) struct Intake<'a> {
    pub(super) gate: Gate<'a>,
    unlock: Unlock<'a>,
    state: State,
    /// Input of the part that is not complete yet: header, body prefix, or chunk.
    pub(super) held: Vec<u8>,
    /// What was known of a message when it failed with `NotAuthentic` after its stamp was judged (spec/receipts.md §3).
    pub(super) damaged: Option<Box<Damaged>>,
}

// There is one for each envelope, never many: a box would save nothing.
#[allow(clippy::large_enum_variant)]
enum State {
    Header,
    /// The header is read and the content key found; salt and commitment come next.
    BodyPrefix {
        header_digest: Digest,
        unlocked: Box<Unlocked>,
    },
    Chunks {
        body: BodyKey,
        next: u64,
        plaintext: Plaintext,
        unlocked: Box<Unlocked>,
    },
    Clear {
        plaintext: Plaintext,
    },
    /// All of the envelope has come.
    Ended {
        plaintext: Plaintext,
        unlocked: Option<Box<Unlocked>>,
    },
    /// Everything but the replay guard is done.
    Settled {
        // Not boxed: what its unused bytes have of the stack would be left in memory that nobody wipes.
        verified: Verified,
        unlocked: Option<Box<Unlocked>>,
    },
    Failed,
}

/// A content key, and how it was found. Boxed, for to move it would leave copies on the stack.
pub(super) struct Unlocked {
    pub(super) content_key: Secret<32>,
    /// What a cache may keep, once the envelope is verified.
    #[cfg(feature = "std")]
    pub(super) shared: super::session::Shared,
}

impl<'a> Intake<'a> {
    pub(super) const fn new(gate: Gate<'a>, unlock: Unlock<'a>) -> Self {
        Self {
            gate,
            unlock,
            state: State::Header,
            held: Vec::new(),
            damaged: None,
        }
    }

    /// What is known of the plaintext, until the content is settled.
    pub(super) const fn plaintext(&self) -> Option<&Plaintext> {
        match &self.state {
            State::Chunks { plaintext, .. }
            | State::Clear { plaintext }
            | State::Ended { plaintext, .. } => Some(plaintext),
            _ => None,
        }
    }

    /// The stamp, once it is verified and judged (steps 1 to 5).
    pub(super) fn stamp(&self) -> Option<&Stamp> {
        match &self.state {
            State::Settled { verified, .. } => Some(&verified.stamp),
            _ => self.plaintext()?.stamp(),
        }
    }

    /// Takes the next piece of the envelope and appends to `out` the content that it gives, which is provisional. After
    /// an error nothing more is accepted, and `out` is as it was.
    pub(super) fn update(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let before = out.len();
        let mut digested = before;
        while !input.is_empty() {
            if let Err(error) = self.step(&mut input, out) {
                self.note_damage(&error, self.stamped());
                self.state = State::Failed;
                discard(out, before);
                return Err(error);
            }
            if input.is_empty() || out.len() - digested >= DIGEST_STEP {
                self.digest(out.get(digested..).unwrap_or_default());
                digested = out.len();
            }
        }
        Ok(())
    }

    /// Digests content that the last steps let through.
    fn digest(&mut self, content: &[u8]) {
        if let State::Chunks { plaintext, .. } | State::Clear { plaintext } = &mut self.state {
            plaintext.digest(content);
        }
    }

    fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<()> {
        match &mut self.state {
            State::Failed | State::Ended { .. } | State::Settled { .. } => {
                Err(ErrorKind::WrongOrder.into())
            }
            State::Header => self.take_header(input),
            State::BodyPrefix { .. } => self.take_body_prefix(input),
            State::Chunks {
                body,
                next,
                plaintext,
                ..
            } => {
                let chunk = match complete(&mut self.held, input, SEALED_CHUNK_LEN) {
                    Piece::Incomplete => return Ok(()),
                    Piece::Given(chunk) => chunk,
                    Piece::Held => &self.held,
                };
                let opened = open_chunk(body, *next, chunk, plaintext, &self.gate, out);
                *next += 1;
                self.held.clear();
                opened
            }
            State::Clear { plaintext } => {
                let from = plaintext.before(out);
                out.extend_from_slice(input);
                *input = &[];
                plaintext.after(&self.gate, out, from)
            }
        }
    }

    fn take_header(&mut self, input: &mut &[u8]) -> Result<()> {
        let direct = self.held.is_empty();
        let before = self.held.len();
        if !direct {
            let step = input
                .get(..input.len().min(HEADER_STEP))
                .unwrap_or_default();
            self.held.extend_from_slice(step);
        }
        let seen: &[u8] = if direct { input } else { &self.held };
        let Some(header) = Header::parse(seen)? else {
            let used = if direct {
                input.len()
            } else {
                self.held.len() - before
            };
            let (used, rest) = input.split_at(used);
            if direct {
                self.held.extend_from_slice(used);
            }
            *input = rest;
            return Ok(());
        };
        let used = header.bytes.len() - before;
        let header_digest = Digest::of(header.bytes);
        let state = match (self.unlock.find(&header)?, header.kind) {
            (Some(unlocked), _) => State::BodyPrefix {
                header_digest,
                unlocked,
            },
            (None, kind) => State::Clear {
                plaintext: Plaintext::new(kind, header_digest),
            },
        };
        self.state = state;
        self.held.clear();
        *input = input.get(used..).unwrap_or_default();
        Ok(())
    }

    fn take_body_prefix(&mut self, input: &mut &[u8]) -> Result<()> {
        let prefix = match complete(&mut self.held, input, PREFIX_LEN) {
            Piece::Incomplete => return Ok(()),
            Piece::Given(prefix) => prefix,
            Piece::Held => &self.held,
        };
        let State::BodyPrefix {
            header_digest,
            unlocked,
        } = core::mem::replace(&mut self.state, State::Failed)
        else {
            return Err(ErrorKind::WrongOrder.into());
        };
        let context: [&[u8]; 2] = [labels::BODY, header_digest.as_bytes()];
        // Step 3, before any chunk is opened: any change of the header fails here.
        let body = BodyKey::committed(&unlocked.content_key, prefix, &context)
            .ok_or(ErrorKind::NotAuthentic)?;
        self.held.clear();
        self.state = State::Chunks {
            body,
            next: 0,
            plaintext: Plaintext::new(Kind::Sealed, header_digest),
            unlocked,
        };
        Ok(())
    }

    /// Content of a detached envelope, from beside it, after the whole envelope was given.
    pub(super) fn beside(&mut self, content: &[u8]) -> Result<()> {
        match &mut self.state {
            State::Clear { plaintext } if plaintext.stamp().is_some() => {
                plaintext.beside(content);
                Ok(())
            }
            _ => Err(ErrorKind::WrongOrder.into()),
        }
    }

    /// The envelope has ended: opens the last chunk and appends to `out` the provisional content that it gives. Does
    /// nothing if it was called before. On failure `out` is as it was.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let before = out.len();
        self.last_chunk(out).inspect_err(|_| discard(out, before))
    }

    fn last_chunk(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let (plaintext, unlocked) = match core::mem::replace(&mut self.state, State::Failed) {
            State::Failed | State::Settled { .. } => return Err(ErrorKind::WrongOrder.into()),
            State::Header => {
                Header::parse_whole(&self.held)?;
                return Err(ErrorKind::Malformed.into());
            }
            State::BodyPrefix { .. } => return Err(ErrorKind::NotAuthentic.into()),
            State::Clear { plaintext } => (plaintext, None),
            State::Ended {
                plaintext,
                unlocked,
            } => (plaintext, unlocked),
            State::Chunks {
                body,
                next,
                mut plaintext,
                unlocked,
            } => {
                // Full chunks were taken as they came: what is left is shorter, as the last chunk must be.
                let from = out.len();
                open_chunk(&body, next, &self.held, &mut plaintext, &self.gate, out).inspect_err(
                    |error| self.note_damage(error, plaintext.stamped(self.gate.listed())),
                )?;
                plaintext.digest(out.get(from..).unwrap_or_default());
                (plaintext, Some(unlocked))
            }
        };
        self.state = State::Ended {
            plaintext,
            unlocked,
        };
        Ok(())
    }

    /// The content as a whole (step 6). Appends to `out` what was still held. Does nothing if it was called before. On
    /// failure `out` is as it was.
    pub(super) fn settle(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if matches!(self.state, State::Settled { .. }) {
            return Ok(());
        }
        let before = out.len();
        self.whole(out).inspect_err(|_| discard(out, before))
    }

    /// What was verified, once everything but the replay guard is done.
    #[cfg(feature = "std")]
    pub(super) fn settled(&self) -> Option<&Verified> {
        match &self.state {
            State::Settled { verified, .. } => Some(verified),
            _ => None,
        }
    }

    fn whole(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.last_chunk(out)?;
        let State::Ended {
            plaintext,
            unlocked,
        } = core::mem::replace(&mut self.state, State::Failed)
        else {
            return Err(ErrorKind::WrongOrder.into());
        };
        let stamped = plaintext.stamped(self.gate.listed());
        let verified = plaintext
            .finish(out)
            .inspect_err(|error| self.note_damage(error, stamped))?;
        self.state = State::Settled { verified, unlocked };
        Ok(())
    }

    /// The verdict: the content as a whole, then the replay guard (steps 6 to 8). Appends to `out` what was still held;
    /// on failure `out` is as it was.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> Result<Verified> {
        let before = out.len();
        self.settle(out)?;
        let claimed = self.claim(None).inspect_err(|_| discard(out, before))?;
        Ok(claimed.0)
    }

    /// The same with a lease of so many seconds: what was verified, and what the guard says to it. A content that came
    /// before is taken back.
    pub(super) fn finish_leased(
        mut self,
        lease: u64,
        out: &mut Vec<u8>,
    ) -> Result<(Verified, Passed)> {
        let before = out.len();
        self.settle(out)?;
        let claimed = self.claim(Some(lease));
        if !matches!(claimed, Ok((_, Passed::New(_)))) {
            discard(out, before);
        }
        claimed
    }

    /// What is known of the message without its content.
    pub(super) fn stamped(&self) -> Option<StampOnly> {
        let listed = self.gate.listed();
        match &self.state {
            State::Settled { verified, .. } => Some(verified.stamp_only(listed)),
            _ => self
                .plaintext()
                .and_then(|plaintext| plaintext.stamped(listed)),
        }
    }

    fn note_damage(&mut self, error: &Error, stamped: Option<StampOnly>) {
        if error.kind() == ErrorKind::NotAuthentic {
            self.damaged = stamped.map(Damaged::new).map(Box::new);
        }
    }

    /// Claims the message by its stamp alone, which was judged: to refuse it before its content has come.
    pub(super) fn claim_stamp(self, lease: u64) -> Result<(StampOnly, Passed)> {
        let stamped = self.stamped().ok_or(ErrorKind::WrongOrder)?;
        let passed = self.gate.claim(&stamped.stamp, None, Some(lease))?;
        Ok((stamped, passed))
    }

    fn claim(&mut self, lease: Option<u64>) -> Result<(Verified, Passed)> {
        let State::Settled {
            mut verified,
            unlocked,
        } = core::mem::replace(&mut self.state, State::Failed)
        else {
            return Err(ErrorKind::WrongOrder.into());
        };
        verified.listed = self.gate.listed();
        let content = (verified.content_length, verified.content_digest);
        let passed = self.gate.claim(&verified.stamp, Some(content), lease)?;
        if let Some(unlocked) = &unlocked {
            self.unlock.remember(unlocked);
        }
        Ok((verified, passed))
    }
}

fn open_chunk(
    body: &BodyKey,
    number: u64,
    chunk: &[u8],
    plaintext: &mut Plaintext,
    gate: &Gate<'_>,
    out: &mut Vec<u8>,
) -> Result<()> {
    let from = plaintext.before(out);
    body.open_onto(number, chunk, out)
        .ok_or(ErrorKind::NotAuthentic)?;
    plaintext.after(gate, out, from)
}
