//! Opening with a lease, for hosts that store: claim, store, commit (spec/guard.md §3).

use alloc::vec::Vec;
use core::fmt;

use super::claim::{Passed, Watch};
use super::open::{OpenStream, Opener};
use super::outcome::{self, Again, Outcome};
use super::stamp::Stamp;
use super::verdict::{Damaged, Fresh, Message, Opened, StampOnly, discard, prove};
use super::verify::Verifier;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::guard::{LeaseToken, ReplayGuard};
use crate::process::Process;

/// What opening with a lease gives.
#[derive(Debug)]
#[must_use]
pub enum Delivery<T> {
    /// It came for the first time, and is reserved for the holder of this.
    New(T),
    /// It came before, and was dealt with: give the same answer again, and do nothing else.
    Again(Again),
}

/// A message that is reserved in the replay guard, with its proof: everything was checked.
///
/// Make its effect durable, then commit it: with a receipt, which [`Receipter::delivered`](crate::Receipter::delivered) and
/// [`Receipter::rejected`](crate::Receipter::rejected) make, or [without](Lease::commit). Or [`release`](Self::release) it,
/// and it may come again. If it is dropped it is released, as well as that can be done; if the process dies, it falls free
/// when its lease ends. The effect is exactly once only if it happens in the guard's own transaction or is idempotent: after
/// a crash between the effect and the commit, the message is new once more.
#[must_use]
pub struct Lease<'a, P = Opened> {
    proof: P,
    hold: Hold<'a>,
}

/// A reservation, given up when it is dropped unless it was committed.
struct Hold<'a> {
    watch: Watch<'a>,
    token: LeaseToken,
    ended: bool,
    process: Process,
}

impl<'a, P> Lease<'a, P> {
    fn new(proof: P, watch: Watch<'a>, token: LeaseToken) -> Self {
        let hold = Hold {
            watch,
            token,
            ended: false,
            process: Process::this(),
        };
        Self { proof, hold }
    }

    /// What was verified.
    #[must_use]
    pub const fn proof(&self) -> &P {
        &self.proof
    }

    pub(crate) const fn guard(&self) -> &'a dyn ReplayGuard {
        self.hold.watch.guard
    }

    /// Holds it for `seconds` from now on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LeaseLost`]: stop, somebody else has it now. [`ErrorKind::GuardUnavailable`],
    /// [`ErrorKind::ClockFailed`].
    pub fn renew(&self, seconds: u64) -> Result<()> {
        let Watch { guard, clock } = self.hold.watch;
        guard.renew(&self.hold.token, clock.now()?, seconds)
    }

    /// Makes it final: copies will get this outcome and this receipt (spec/guard.md §3).
    pub(crate) fn end(mut self, outcome: Outcome, receipt: &[u8]) -> Result<P> {
        let answer = outcome::answer(outcome, receipt)?;
        self.hold.watch.guard.commit(&self.hold.token, &answer)?;
        self.hold.ended = true;
        Ok(self.proof)
    }

    /// Gives it up, as well as that can be done, and keeps the proof.
    pub(crate) fn give_up(self) -> P {
        self.proof
    }

    /// Gives it up: it may come again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LeaseLost`], [`ErrorKind::GuardUnavailable`]: nothing to be done, it falls free by itself.
    pub fn release(mut self) -> Result<()> {
        self.hold.ended = true;
        self.hold.watch.guard.release(&self.hold.token)
    }
}

impl<'a> Lease<'a> {
    /// Makes it final, with an answer of the host's own (at most [`MAX_STORED_RECEIPT`](crate::MAX_STORED_RECEIPT) bytes,
    /// which may be none): copies will get this outcome and this answer. Answer only after this has succeeded.
    ///
    /// Receipts are made and committed in one step by [`Receipter`](crate::Receipter). Where the author asked for the receipt of
    /// this outcome there must be an answer, for its copies get no other one;
    /// [`deliver_unanswered`](Self::deliver_unanswered) is for hosts that give none. [`Outcome::Stored`] only
    /// [`Stored`](crate::Stored) commits, which has proof of it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LeaseLost`], [`ErrorKind::Superseded`], [`ErrorKind::Gap`]: undo the effect.
    /// [`ErrorKind::GuardUnavailable`]: not known; the message may come again. [`ErrorKind::InvalidInput`]: the answer is too
    /// long, or there is none and the author asked for one, the outcome is [`Outcome::Stored`], or its number none of a host's
    /// own; then nothing was committed, and the message is released.
    pub fn commit(self, outcome: Outcome, answer: &[u8]) -> Result<Opened> {
        if outcome == Outcome::Stored {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "only what a store has read again from the disk is committed as stored: use Store, or say delivered",
            ));
        }
        self.answered(outcome, answer)
    }

    /// Makes it final, as [delivered](Outcome::Delivered), for a host that gives no receipts: neither the author nor who sends
    /// a copy will get one, also where the author asked for it. He will send the message again until he gives it up.
    ///
    /// There is no such call for rejections: nobody is to wait in vain for what was rejected in silence
    /// (spec/receipts.md §3, point 6). Release instead.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn deliver_unanswered(self) -> Result<Opened> {
        self.end(Outcome::Delivered, b"")
    }

    /// As [`end`](Self::end), but not in silence where the author asked for a receipt.
    pub(crate) fn answered(self, outcome: Outcome, answer: &[u8]) -> Result<Opened> {
        outcome.check_answer(self.proof.stamp(), answer)?;
        self.end(outcome, answer)
    }

    /// The same reservation, in order to refuse the message.
    #[cfg(all(feature = "std", unix))]
    pub(crate) fn into_stamp_only(self) -> Lease<'a, StampOnly> {
        let Self { proof, hold } = self;
        // All of it was verified: whoever its author is, it is his.
        let proof = proof.stamp_only(true);
        Lease { proof, hold }
    }
}

impl Lease<'_, StampOnly> {
    /// Rejects it for good, with an answer of the host's own, which may be none if the author asked for none: copies will get
    /// it, and be [rejected](Outcome::Rejected) too.
    ///
    /// Whoever asked to be told of rejections must be: that is what
    /// [`Receipter::rejected`](crate::Receipter::rejected) does.
    ///
    /// # Errors
    ///
    /// As [`Lease::commit`].
    pub fn reject(self, answer: &[u8]) -> Result<StampOnly> {
        Outcome::Rejected.check_answer(self.proof.stamp(), answer)?;
        self.end(Outcome::Rejected, answer)
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        // What was forked off does not give back what this process holds.
        if !self.ended && self.process.is_this() {
            // If it fails, the lease ends by itself.
            let _ = self.watch.guard.release(&self.token);
        }
    }
}

impl<P: fmt::Debug> fmt::Debug for Lease<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}

impl<'a> OpenStream<'a, Fresh> {
    /// As [`finish`](Self::finish), but the message is only reserved, for `lease` seconds.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish); [`ErrorKind::Pending`] if somebody else works on it;
    /// [`ErrorKind::InvalidInput`] without a replay guard.
    pub fn finish_leased(self, lease: u64, out: &mut Vec<u8>) -> Result<Delivery<Lease<'a>>> {
        let watch = self.intake.gate.watch()?;
        let (verified, passed) = self.intake.finish_leased(lease, out)?;
        deliver(
            prove::<Fresh>(verified),
            |opened| opened.stamp(),
            watch,
            passed,
        )
    }

    /// What is known of the message so far; `None` before the [`stamp`](Self::stamp) is there, and after a failure.
    #[must_use]
    pub fn stamp_only(&self) -> Option<StampOnly> {
        self.intake.stamped()
    }

    /// That a copy came damaged, if it did: the stamp was verified and judged, and what followed failed with
    /// [`ErrorKind::NotAuthentic`]. A note of [damage](crate::Receipter::damaged) is made of it. `None` as long as all is well,
    /// and after every other failure.
    #[must_use]
    pub fn damaged(&self) -> Option<Damaged> {
        self.intake.damaged.as_deref().cloned()
    }

    /// Reserves the message, of which only the [`stamp`](Self::stamp) is verified and judged, in order to refuse it: for
    /// `lease` seconds. Without a stamp so far it is [`ErrorKind::WrongOrder`].
    ///
    /// # Errors
    ///
    /// As [`finish_leased`](Self::finish_leased).
    pub fn refuse_leased(self, lease: u64) -> Result<Delivery<Lease<'a, StampOnly>>> {
        let watch = self.intake.gate.watch()?;
        let (stamped, passed) = self.intake.claim_stamp(lease)?;
        deliver(stamped, StampOnly::stamp, watch, passed)
    }
}

fn deliver<'a, P>(
    proof: P,
    stamp: fn(&P) -> &Stamp,
    watch: Watch<'a>,
    passed: Passed,
) -> Result<Delivery<Lease<'a, P>>> {
    match passed {
        Passed::New(Some(token)) => Ok(Delivery::New(Lease::new(proof, watch, token))),
        // A claim with a lease gives a token.
        Passed::New(None) => Err(ErrorKind::GuardUnavailable.into()),
        Passed::Again(answer) => Again::parse(answer, stamp(&proof).clone()).map(Delivery::Again),
    }
}

impl<'a> Opener<'a> {
    /// As [`open`](Self::open), but the message is only reserved, for `lease` seconds (see [`Lease`]).
    ///
    /// ```
    /// # fn main() -> bulla::Result<()> {
    /// # use bulla::{Delivery, Draft, Identity, MemoryGuard, Opener, OsEntropy, Outcome, Policy, Replay, Sealer, Senders};
    /// # let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
    /// # let envelope = Sealer::new(&alice).to(bob.public()).seal(&Draft::new("example")?, b"hello")?;
    /// # let policy = Policy::new("example", Senders::only([*alice.verifying_key()]))?;
    /// # let guard = MemoryGuard::new(1000);
    /// # let opener = Opener::new(&bob, &policy, Replay::Guarded(&guard));
    /// let mut store = Vec::new();
    /// match opener.open_leased(&envelope, 60)? {
    ///     Delivery::New(message) => {
    ///         let (content, lease) = message.into_parts();
    ///         store.push(content); // make it durable, then:
    ///         lease.commit(Outcome::Delivered, b"")?; // or with a receipt: see Receipter
    ///     }
    ///     Delivery::Again(_) => {} // a copy: it was dealt with
    /// }
    /// assert!(matches!(opener.open_leased(&envelope, 60)?, Delivery::Again(it) if it.outcome() == Outcome::Delivered));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`OpenStream::finish_leased`].
    pub fn open_leased(&self, envelope: &[u8], lease: u64) -> Result<Delivery<Message<Lease<'a>>>> {
        whole_leased(self.stream(), envelope, lease)
    }
}

impl<'a> Verifier<'a> {
    /// As [`verify`](Self::verify), but the message is only reserved, for `lease` seconds (see [`Lease`]).
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify) and [`OpenStream::finish_leased`].
    pub fn verify_leased(
        &self,
        envelope: &[u8],
        lease: u64,
    ) -> Result<Delivery<Message<Lease<'a>>>> {
        whole_leased(self.stream(), envelope, lease)
    }
}

fn whole_leased<'a>(
    mut stream: OpenStream<'a, Fresh>,
    envelope: &[u8],
    lease: u64,
) -> Result<Delivery<Message<Lease<'a>>>> {
    let mut content = Vec::with_capacity(envelope.len());
    let opened = stream
        .update_provisional(envelope, &mut content)
        .and_then(|()| stream.finish_leased(lease, &mut content));
    match opened {
        Ok(Delivery::New(lease)) => Ok(Delivery::New(Message::new(content, lease))),
        Ok(Delivery::Again(again)) => {
            discard(&mut content, 0);
            Ok(Delivery::Again(again))
        }
        Err(error) => {
            discard(&mut content, 0);
            Err(error)
        }
    }
}
