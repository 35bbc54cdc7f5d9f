//! The replay guard: what has been accepted is accepted no second time (spec/opening.md §5).

use alloc::vec::Vec;

use crate::crypto::digest::Digest;
use crate::error::Result;

/// Longest receipt that a guard stores with an entry, in bytes.
pub const MAX_STORED_RECEIPT: usize = 4096;

/// What the gate asks a guard to remember. All of it comes from a verified stamp and the reader's policy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// Names the message: reader, signer, message id, context.
    pub key: Digest,
    /// What the message says to the application: equal for an honest re-seal.
    pub value: Digest,
    /// Reader and context: what sweep marks are kept for.
    pub scope: Digest,
    /// The signer's public key, for quotas.
    pub signer: [u8; 32],
    /// True if the signer was accepted because anyone is: such entries have a pool of their own.
    pub stranger: bool,
    /// When it was issued, in seconds.
    pub issued: u64,
    /// From when on the entry may be dropped, in seconds.
    pub keep_until: u64,
    /// True if `keep_until` comes from the greatest age and not from the expiry.
    pub bounded_by_age: bool,
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
    /// The same message, committed before, with the receipt stored then (maybe empty).
    Same(Vec<u8>),
    /// Reserved by somebody whose lease still runs.
    Pending,
    /// There with another value, committed or reserved.
    Replayed,
    /// Not there, but as old as what was already forgotten, or over by its own `keep_until`: to be refused as too old.
    Forgotten,
}

/// Remembers what was accepted. Every method is one atomic step, for any number of threads.
///
/// An implementation that cannot answer returns an error of the class
/// [`TryAgain`](crate::ErrorClass::TryAgain); it never answers [`Claimed::New`] without having stored the entry.
pub trait ReplayGuard: Send + Sync {
    /// Remembers the greatest time seen, and returns it: the time to judge by (spec/opening.md §4).
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

    /// Makes a reservation final and stores a receipt of at most [`MAX_STORED_RECEIPT`] bytes with it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LeaseLost`](crate::ErrorKind::LeaseLost) if the token is stale, also if its lease ran out and
    /// somebody else claimed since; [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a longer receipt.
    fn commit(&self, token: &LeaseToken, receipt: &[u8]) -> Result<()>;

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
}
