//! The replay guard: what has been accepted is accepted no second time (spec/guard.md).

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::order::Order;
use super::rate::Rate;
use crate::crypto::digest::Digest;
use crate::error::Result;

/// Longest answer that a guard keeps with an entry, in bytes: what became of the message, and a receipt.
pub const MAX_STORED_ANSWER: usize = 4096;

/// What the gate asks a guard to remember. All of it comes from a verified stamp and the reader's policy.
///
/// Not `non_exhaustive`, on purpose: a guard that knew nothing of a new field would accept what it must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Names the message: reader, signer, message id, context.
    pub key: Digest,
    /// What the message says to the application: equal for an honest re-seal. [`UNKNOWN`](Self::UNKNOWN) where it is to be
    /// refused by a stamp that does not name its content: then it is the same as whatever has its key.
    pub value: Digest,
    /// Reader and context: what sweep marks are kept for.
    pub scope: Digest,
    /// The signer's public key, for quotas.
    pub signer: [u8; 32],
    /// True if the signer was accepted because anyone is: such entries have a pool of their own.
    pub stranger: bool,
    /// When it was issued, in seconds.
    pub issued: u64,
    /// From when on the entry may be dropped, in seconds. Of no meaning with a challenge.
    pub keep_until: u64,
    /// True if `keep_until` comes from the greatest age and not from the expiry.
    pub bounded_by_age: bool,
    /// Its place in an ordered stream, if the policy demands an order.
    pub place: Option<Place>,
    /// Names the challenge that it answers, if the policy demands one. It must be [expected](ReplayGuard::expect), and then
    /// is used up; the entry is kept until the end of the challenge and [`MAX_SKEW`](crate::MAX_SKEW) seconds more.
    pub challenge: Option<Digest>,
}

impl Claim {
    /// The value of a message whose content is not known: 32 zero bytes, which are the digest of nothing known.
    pub const UNKNOWN: Digest = Digest::from_bytes([0; 32]);
}

/// A place in an ordered stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Names the stream: reader, signer, context, stream id.
    pub stream: Digest,
    /// The number in it.
    pub number: u64,
    /// Which order is demanded.
    pub order: Order,
    /// From when on every message of the stream that was issued before this one, or with it, is too old, in seconds: the
    /// time of issue, the greatest age and [`MAX_SKEW`](crate::MAX_SKEW). [`u64::MAX`] without a greatest age. From then on a
    /// stranger's stream may be forgotten (spec/guard.md §5).
    pub keep_until: u64,
    /// When this very copy was issued, in seconds: what the stream's end belongs to. The `issued` of the entry may become
    /// that of another copy.
    pub issued: u64,
}

/// A fencing token: names one reservation, and is stale once another was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseToken {
    /// The key of the entry.
    pub key: Digest,
    /// Grows with every reservation of the guard.
    pub number: u64,
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Claimed {
    /// Was not there, and is now: committed, or reserved under this token if a lease was asked for.
    New(LeaseToken),
    /// The same message, committed before, with the answer that was kept then, byte for byte (maybe empty).
    Same(Vec<u8>),
    /// Reserved by somebody whose lease still runs.
    Pending,
    /// There with another value, committed or reserved.
    Replayed,
    /// Not there, but as old as what was already forgotten, or over by its own `keep_until`: to be refused as too old.
    Forgotten,
    /// Not there, and not newer than what was accepted in its stream.
    Superseded,
    /// Not there, and too far ahead in its stream: too many before it are missing.
    Gap,
    /// Not there, and the challenge that it answers is not expected: never made here, used up, or over.
    Unasked,
}

/// Remembers what was accepted. Every method is one atomic step, for any number of threads, and of processes where several
/// share the guard.
///
/// An implementation that cannot answer returns an error of the class
/// [`TryAgain`](crate::ErrorClass::TryAgain); it never answers [`Claimed::New`] without having stored the entry.
///
/// Where several answers are right, the first of this order is given: what an entry that is there says (`Same`, `Pending`,
/// `Replayed`), then `Unasked`, `Forgotten`, `Superseded`, `Gap`, and last that the guard is full.
pub trait ReplayGuard: Send + Sync {
    /// The time to judge by: the greatest that this guard was ever shown, `now` included (spec/opening.md §4).
    ///
    /// So a clock that is set back revives nothing. A clock that once ran far ahead makes everything look expired, until it
    /// has come true or the guard is made anew: show guards only clocks that can be relied on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable).
    fn observe(&self, now: u64) -> Result<u64>;

    /// Inserts if absent. With `lease` (seconds) the entry is reserved for that long, otherwise committed at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardFull`](crate::ErrorKind::GuardFull),
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable); then nothing was claimed.
    fn claim(&self, claim: &Claim, now: u64, lease: Option<u64>) -> Result<Claimed>;

    /// The answer that is kept with this message, if it was committed: what a claim would answer as [`Claimed::Same`] where it
    /// would change nothing, not even how long the entry is kept. `None` in every other case, and where that is not known.
    ///
    /// It changes nothing, and a claim need not follow. A reader asks it before it takes pains with what may be a copy; a guard
    /// that always says `None`, as one does that has not this method, costs those pains and is right all the same.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable).
    fn look(&self, claim: &Claim) -> Result<Option<Vec<u8>>> {
        let _ = claim;
        Ok(None)
    }

    /// Makes a reservation final and keeps an answer of at most [`MAX_STORED_ANSWER`] bytes with it, which means nothing to
    /// the guard (spec/guard.md §3 says what openers put there). If the message has a place in a stream, it is judged once
    /// more, and settled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LeaseLost`](crate::ErrorKind::LeaseLost) if the token is stale, also if its lease ran out and
    /// somebody else claimed since; [`ErrorKind::Superseded`](crate::ErrorKind::Superseded) if a newer message of its stream
    /// was committed meanwhile: then the reservation is given up;
    /// [`ErrorKind::GuardFull`](crate::ErrorKind::GuardFull) if its stream is new and there is no room for one more;
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a longer answer.
    fn commit(&self, token: &LeaseToken, answer: &[u8]) -> Result<()>;

    /// Gives a reservation up: the message may come again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LeaseLost`](crate::ErrorKind::LeaseLost) if the token is stale.
    fn release(&self, token: &LeaseToken) -> Result<()>;

    /// Extends a reservation to `now + lease` seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LeaseLost`](crate::ErrorKind::LeaseLost) if the token is stale.
    fn renew(&self, token: &LeaseToken, now: u64, lease: u64) -> Result<()>;

    /// Drops at most `at_most` entries whose time has come, and says how many it dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable).
    fn sweep(&self, now: u64, at_most: usize) -> Result<usize>;

    /// Expects one answer to a challenge, until the time `until` (by this reader's clock alone).
    ///
    /// # Errors
    ///
    /// As [`claim`](Self::claim).
    fn expect(&self, challenge: &Digest, until: u64, now: u64) -> Result<()>;

    /// Which numbers of a stream are missing: those below the greatest that was settled that were neither settled nor
    /// [skipped](Self::skip). Empty for a stream that is not known.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable).
    fn missing(&self, stream: &Digest) -> Result<Vec<RangeInclusive<u64>>>;

    /// Waits no longer for the numbers of a stream before this one: they are refused from now on. Does nothing for a stream
    /// that is not known.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable).
    fn skip(&self, stream: &Digest, before: u64) -> Result<()>;

    /// Forgets an ordered stream at once, and says whether it was known: its place is free, and its next message begins it
    /// anew.
    ///
    /// Copies of what was accepted stay copies, by their own entries. But whoever held back a message of the stream that was
    /// never accepted can have it accepted now, until it is too old or expired, although a newer one was accepted before. So
    /// forget a stream only once its last message is older than the greatest age, or if its numbers no longer matter. Streams
    /// of strangers then leave by themselves, where their room is needed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable).
    fn forget_stream(&self, stream: &Digest) -> Result<bool>;

    /// Whether something may be done once more at this rate; if so, it counts as done. Used to limit what strangers can
    /// make this reader send.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable).
    fn permit(&self, what: &Digest, now: u64, rate: Rate) -> Result<bool>;
}
