//! A bounded replay guard in memory: for one process, forgotten when it ends.

use std::sync::{Mutex, MutexGuard};
use std::vec::Vec;

use core::ops::RangeInclusive;

use super::guard::{Claim, Claimed, LeaseToken, ReplayGuard};
use super::rate::Rate;
use super::rules;
use super::table::{Limits, Table};
use crate::crypto::digest::Digest;
use crate::error::{ErrorKind, Result};

/// A replay guard in memory: bounded work per message (a step in a tree of at most `capacity` entries, and a few drops),
/// bounded memory (about 400 bytes an entry, and its receipt).
///
/// It forgets everything when the process ends: what was accepted before a restart is then accepted again.
///
/// ```
/// let guard = bulla::MemoryGuard::new(100_000);
/// # let _ = guard;
/// ```
#[derive(Debug)]
pub struct MemoryGuard {
    table: Mutex<Table>,
}

impl MemoryGuard {
    /// A guard for at most `capacity` messages of listed senders at a time, and a quarter as many of strangers in a
    /// pool of their own. No sender can take more than half of its pool.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::with(Limits::of(capacity))
    }

    /// A guard with these limits: messages of listed senders, messages of strangers, of any one listed sender, and of any
    /// one stranger. It knows as many ordered streams, and expects as many answers to challenges.
    ///
    /// A message leaves when its end has come. Without a greatest age in the policy a sender may choose that end, and so
    /// keep its places as long as it likes. A stream never leaves.
    #[must_use]
    pub fn with_limits(
        known: usize,
        strangers: usize,
        per_sender: usize,
        per_stranger: usize,
    ) -> Self {
        Self::with(Limits {
            known,
            strangers,
            per_sender,
            per_stranger,
        })
    }

    /// A guard with these limits.
    #[must_use]
    pub fn with(limits: Limits) -> Self {
        Self {
            table: Mutex::new(Table::new(limits)),
        }
    }

    /// How many messages it remembers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().map_or(0, |table| table.len())
    }

    /// Whether it remembers none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> Result<MutexGuard<'_, Table>> {
        // After a panic inside, the table is not to be trusted: refuse rather than forget.
        self.table
            .lock()
            .map_err(|_| ErrorKind::GuardUnavailable.into())
    }
}

impl ReplayGuard for MemoryGuard {
    fn observe(&self, now: u64) -> Result<u64> {
        rules::Shelf::observe(&mut *self.lock()?, now)
    }

    fn claim(&self, claim: &Claim, now: u64, lease: Option<u64>) -> Result<Claimed> {
        rules::claim(&mut *self.lock()?, claim, now, lease)
    }

    fn commit(&self, token: &LeaseToken, receipt: &[u8]) -> Result<()> {
        rules::commit(&mut *self.lock()?, token, receipt)?.map_err(Into::into)
    }

    fn release(&self, token: &LeaseToken) -> Result<()> {
        rules::release(&mut *self.lock()?, token)
    }

    fn renew(&self, token: &LeaseToken, now: u64, lease: u64) -> Result<()> {
        rules::renew(&mut *self.lock()?, token, now, lease)
    }

    fn sweep(&self, now: u64, at_most: usize) -> Result<usize> {
        rules::sweep(&mut *self.lock()?, now, at_most)
    }

    fn expect(&self, challenge: &Digest, until: u64, now: u64) -> Result<()> {
        rules::expect(&mut *self.lock()?, challenge, until, now)
    }

    fn missing(&self, stream: &Digest) -> Result<Vec<RangeInclusive<u64>>> {
        rules::missing(&mut *self.lock()?, stream)
    }

    fn skip(&self, stream: &Digest, before: u64) -> Result<()> {
        rules::skip(&mut *self.lock()?, stream, before)
    }

    fn permit(&self, what: &Digest, now: u64, rate: Rate) -> Result<bool> {
        rules::permit(&mut *self.lock()?, what, now, rate)
    }
}
