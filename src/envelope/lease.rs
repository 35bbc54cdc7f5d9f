//! Opening with a lease, for hosts that store: claim, store, commit (spec/guard.md §3).

use alloc::vec::Vec;
use core::fmt;

use super::claim::{Passed, Watch};
use super::open::{OpenStream, Opener};
use super::verdict::{Fresh, Message, Opened, StampOnly, discard, prove};
use super::verify::Verifier;
use crate::error::{ErrorKind, Result};
use crate::freshness::guard::{LeaseToken, ReplayGuard};

/// What opening with a lease gives.
#[derive(Debug)]
#[must_use]
pub enum Delivery<T> {
    /// It came for the first time, and is reserved for the holder of this.
    New(T),
    /// It came before, and was dealt with: give the same answer again, and do nothing else.
    Again(Again),
}

/// A message that was dealt with before.
#[derive(Debug)]
pub struct Again {
    receipt: Vec<u8>,
}

impl Again {
    /// The receipt that was stored when it was committed, byte for byte; empty if none was.
    #[must_use]
    pub fn receipt(&self) -> &[u8] {
        &self.receipt
    }

    /// The same, taken out.
    #[must_use]
    pub fn into_receipt(self) -> Vec<u8> {
        self.receipt
    }
}

/// A message that is reserved in the replay guard, with its proof: everything was checked.
///
/// Make its effect durable, then [`commit`](Self::commit); or [`release`](Self::release) it, and it may come again. If it is
/// dropped it is released, as well as that can be done; if the process dies, it falls free when its lease ends. The effect
/// is exactly once only if it happens in the guard's own transaction or is idempotent: after a crash between the effect
/// and the commit, the message is new once more.
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
}

impl<'a, P> Lease<'a, P> {
    const fn new(proof: P, watch: Watch<'a>, token: LeaseToken) -> Self {
        let hold = Hold {
            watch,
            token,
            ended: false,
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

    /// Makes it final, and stores the receipt (at most 4096 bytes) that copies will get. Send the receipt only after this
    /// has succeeded.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LeaseLost`], [`ErrorKind::Superseded`], [`ErrorKind::Gap`]: undo the effect.
    /// [`ErrorKind::GuardUnavailable`]: not known; the message may come again. [`ErrorKind::InvalidInput`]: the receipt is too
    /// long.
    pub fn commit(mut self, receipt: &[u8]) -> Result<P> {
        self.hold.watch.guard.commit(&self.hold.token, receipt)?;
        self.hold.ended = true;
        Ok(self.proof)
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

#[cfg(all(feature = "std", unix))]
impl<'a> Lease<'a> {
    /// The same reservation, in order to refuse the message.
    pub(crate) fn into_stamp_only(self) -> Lease<'a, StampOnly> {
        let Self { proof, hold } = self;
        // All of it was verified: whoever its author is, it is his.
        let proof = proof.stamp_only(true);
        Lease { proof, hold }
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if !self.ended {
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
        deliver(prove::<Fresh>(verified), watch, passed)
    }

    /// What is known of the message so far, for a note of damage if it fails later; `None` before the
    /// [`stamp`](Self::stamp) is there, and after a failure.
    #[must_use]
    pub fn stamp_only(&self) -> Option<StampOnly> {
        self.intake.stamped()
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
        deliver(stamped, watch, passed)
    }
}

fn deliver<'a, P>(proof: P, watch: Watch<'a>, passed: Passed) -> Result<Delivery<Lease<'a, P>>> {
    match passed {
        Passed::New(Some(token)) => Ok(Delivery::New(Lease::new(proof, watch, token))),
        // A claim with a lease gives a token.
        Passed::New(None) => Err(ErrorKind::GuardUnavailable.into()),
        Passed::Again(receipt) => Ok(Delivery::Again(Again { receipt })),
    }
}

impl<'a> Opener<'a> {
    /// As [`open`](Self::open), but the message is only reserved, for `lease` seconds (see [`Lease`]).
    ///
    /// ```
    /// # fn main() -> bulla::Result<()> {
    /// # use bulla::{Delivery, Draft, Identity, MemoryGuard, Opener, OsEntropy, Policy, Replay, Sealer, Senders};
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
    ///         lease.commit(b"receipt")?;
    ///     }
    ///     Delivery::Again(_) => {} // send the receipt again
    /// }
    /// assert!(matches!(opener.open_leased(&envelope, 60)?, Delivery::Again(it) if it.receipt() == b"receipt"));
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
