//! Opening: the one gate, as callers see it (spec/opening.md).

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::gate::{Freshness, Gate};
use super::intake::Intake;
#[cfg(all(feature = "std", unix))]
use super::outcome::Again;
#[cfg(all(feature = "std", unix))]
use super::plaintext::Plaintext;
#[cfg(feature = "std")]
use super::session::SessionCache;
use super::stamp::Stamp;
use super::unlock::Unlock;
use super::verdict::{Archive, Fresh, Message, Mode, prove};
use crate::crypto::digest::Digest;
use crate::error::Result;
use crate::freshness::clock::Clock;
use crate::freshness::policy::{Policy, Replay};
use crate::identity::holder::Decapsulator;
use crate::wire::labels;

/// Opens sealed envelopes: the one gate.
///
/// ```
/// # fn main() -> bulla::Result<()> {
/// use bulla::{Draft, Identity, MemoryGuard, Opener, OsEntropy, Policy, Replay, Sealer, Senders};
/// let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
/// let envelope = Sealer::new(&alice).to(bob.public()).seal(&Draft::new("example")?, b"hello")?;
///
/// let policy = Policy::new("example", Senders::only([*alice.verifying_key()]))?;
/// let guard = MemoryGuard::new(1000);
/// let opener = Opener::new(&bob, &policy, Replay::Guarded(&guard));
/// assert_eq!(opener.open(&envelope)?.content(), b"hello");
/// assert_eq!(opener.open(&envelope).unwrap_err(), bulla::ErrorKind::Replayed);
/// # Ok(()) }
/// ```
pub struct Opener<'a, M: Mode = Fresh> {
    pub(super) gate: Gate<'a>,
    unlock: Unlock<'a>,
    mode: PhantomData<M>,
}

impl<'a> Opener<'a> {
    /// Opens with these keys what this policy accepts, once, by the clock of the system.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn new(keys: &'a dyn Decapsulator, policy: &'a Policy, replay: Replay<'a>) -> Self {
        Self::with_clock(keys, policy, replay, &crate::freshness::clock::SystemClock)
    }

    /// Opens with these keys what this policy accepts, once, by this clock.
    #[must_use]
    pub fn with_clock(
        keys: &'a dyn Decapsulator,
        policy: &'a Policy,
        replay: Replay<'a>,
        clock: &'a dyn Clock,
    ) -> Self {
        Self::build(keys, policy, Some(Freshness { clock, replay }))
    }
}

impl<'a> Opener<'a, Archive> {
    /// Opens archived envelopes: everything is checked but freshness, and the proof is only [`Reopened`](crate::Reopened).
    #[must_use]
    pub fn archive(keys: &'a dyn Decapsulator, policy: &'a Policy) -> Self {
        Self::build(keys, policy, None)
    }
}

impl<'a, M: Mode> Opener<'a, M> {
    fn build(
        keys: &'a dyn Decapsulator,
        policy: &'a Policy,
        freshness: Option<Freshness<'a>>,
    ) -> Self {
        let own = *keys.reader_key().as_bytes();
        Self {
            gate: Gate {
                policy,
                freshness,
                reader: own,
                own: Some(own),
            },
            unlock: Unlock::Keys {
                keys,
                trials: policy.trials,
                #[cfg(feature = "std")]
                cache: None,
            },
            mode: PhantomData,
        }
    }

    /// Names the reader in the guard's keys instead of its signing key, for several readers with one identity.
    #[must_use]
    pub fn reader_name(mut self, name: &str) -> Self {
        self.gate.reader = reader_id(name);
        self
    }

    /// Keeps what saves time with senders' sessions.
    #[cfg(feature = "std")]
    #[must_use]
    pub const fn with_cache(mut self, with: &'a SessionCache) -> Self {
        if let Unlock::Keys { ref mut cache, .. } = self.unlock {
            *cache = Some(with);
        }
        self
    }

    #[cfg(feature = "std")]
    pub(super) const fn parts(&self) -> (Gate<'a>, Unlock<'a>) {
        (self.gate, self.unlock)
    }

    /// What names a message of this reader in the guard (spec/guard.md §2).
    #[cfg(all(feature = "std", unix))]
    pub(crate) fn message_key(&self, stamp: &Stamp) -> Digest {
        self.gate.message_key(stamp)
    }

    /// Opens an envelope that is in memory.
    ///
    /// # Errors
    ///
    /// Every verdict of [`ErrorKind`](crate::ErrorKind) from 20 on, in the order of spec/opening.md §2;
    /// [`ErrorKind::KeyUnavailable`](crate::ErrorKind::KeyUnavailable), [`ErrorKind::ClockFailed`](crate::ErrorKind::ClockFailed).
    pub fn open(&self, envelope: &[u8]) -> Result<Message<M::Proof>> {
        let mut content = Vec::with_capacity(envelope.len());
        let proof = whole(self.stream(), envelope, &mut content)?;
        Ok(Message::new(content, proof))
    }

    /// Opens an envelope that comes in pieces.
    pub const fn stream(&self) -> OpenStream<'a, M> {
        OpenStream::new(self.gate, self.unlock)
    }
}

impl<M: Mode> fmt::Debug for Opener<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("policy", self.gate.policy)
            .finish_non_exhaustive()
    }
}

/// The name of a reader as the guard knows it (spec/opening.md §5).
pub(super) fn reader_id(name: &str) -> [u8; 32] {
    *Digest::of_parts(&[labels::READER_NAME, name.as_bytes()]).as_bytes()
}

pub(super) fn whole<M: Mode>(
    mut stream: OpenStream<'_, M>,
    envelope: &[u8],
    content: &mut Vec<u8>,
) -> Result<M::Proof> {
    let opened = stream
        .update_provisional(envelope, content)
        .and_then(|()| stream.finish(content));
    opened.inspect_err(|_| super::verdict::discard(content, 0))
}

/// An envelope that is opened in pieces.
///
/// Once [`stamp`](Self::stamp) is there, the author and the stamp are verified and judged. The content that comes out
/// before [`finish`](Self::finish) has succeeded is *provisional*: it came from somebody who held the content key, who
/// need not be the author, and it may stop short. Do nothing with it that cannot be undone.
#[must_use]
pub struct OpenStream<'a, M: Mode = Fresh> {
    pub(super) intake: Intake<'a>,
    mode: PhantomData<M>,
}

impl<'a, M: Mode> OpenStream<'a, M> {
    pub(super) const fn new(gate: Gate<'a>, unlock: Unlock<'a>) -> Self {
        Self {
            intake: Intake::new(gate, unlock),
            mode: PhantomData,
        }
    }

    /// The stamp, verified and judged, as soon as it has come.
    #[must_use]
    pub fn stamp(&self) -> Option<&Stamp> {
        self.intake.stamp()
    }

    /// Takes the next piece of the envelope and appends to `out` the provisional content that it gives.
    ///
    /// # Errors
    ///
    /// As [`Opener::open`]; then `out` is as it was, the stream is of no use, and what came out before is to be
    /// discarded.
    pub fn update_provisional(&mut self, envelope: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.intake.update(envelope, out)
    }

    /// The envelope has ended: appends to `out` the provisional content of its last chunk. For a short envelope only now
    /// is the [`stamp`](Self::stamp) there. [`finish`](Self::finish) does this too, if it was not done.
    ///
    /// # Errors
    ///
    /// As [`update_provisional`](Self::update_provisional).
    pub fn end_provisional(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.intake.end(out)
    }

    /// The envelope has ended: checks the content as a whole (step 6 of the gate) and appends to `out` the last of it, but
    /// does not ask the replay guard yet. A host that stores does so between this and [`finish`](Self::finish), so that a
    /// disk that is full does not make the message a replay.
    ///
    /// # Errors
    ///
    /// As [`update_provisional`](Self::update_provisional).
    pub fn settle_provisional(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.intake.settle(out)
    }

    /// Digest of the header, from when its envelope is known to be for this reader until the content is settled.
    #[cfg(all(feature = "std", unix))]
    pub(crate) fn header_digest(&self) -> Option<Digest> {
        self.intake.plaintext().map(Plaintext::header_digest)
    }

    /// How many bytes at the end of what has come wait for the rest of their part; all before them are verified.
    #[cfg(all(feature = "std", unix))]
    pub(crate) const fn waiting(&self) -> usize {
        self.intake.held.len()
    }

    /// An error without a replay guard.
    #[cfg(all(feature = "std", unix))]
    pub(crate) fn check_guarded(&self) -> Result<()> {
        self.intake.gate.watch().map(drop)
    }

    /// The answer that the guard keeps with this message, if its stamp was judged and it is known to be dealt with.
    #[cfg(all(feature = "std", unix))]
    pub(crate) fn look(&self) -> Result<Option<Again>> {
        let Some(stamp) = self.stamp() else {
            return Ok(None);
        };
        let kept = self.intake.gate.look(stamp)?;
        kept.map(|answer| Again::parse(answer, stamp.clone()))
            .transpose()
    }

    #[cfg(feature = "std")]
    pub(super) fn settled(&self) -> Option<&super::verdict::Verified> {
        self.intake.settled()
    }

    /// The verdict at the end of the envelope. If it succeeds, all content that came out, with what is now appended to `out`, is
    /// verified.
    ///
    /// # Errors
    ///
    /// As [`Opener::open`]; then all content that came out is to be discarded.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<M::Proof> {
        self.intake.finish(out).map(prove::<M>)
    }
}

impl<M: Mode> fmt::Debug for OpenStream<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenStream").finish_non_exhaustive()
    }
}
