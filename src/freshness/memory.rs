//! A bounded replay guard in memory: for one process, forgotten when it ends.

use std::sync::{Mutex, MutexGuard};
use std::vec::Vec;

use core::ops::RangeInclusive;

use super::guard::{Claim, Claimed, LeaseToken, ReplayGuard};
use super::look::look;
use super::rate::Rate;
use super::rules;
use super::table::{Limits, Table};
use crate::crypto::digest::Digest;
use crate::error::{ErrorKind, Result};
use crate::process::Process;

/// Entries, and challenges, dropped at a time by a sweep: others get in between.
const SWEEP_STEP: usize = 1000;

/// A replay guard in memory: bounded work per message (a step in a tree of at most `capacity` entries, and a few drops),
/// bounded memory (about 400 bytes an entry, and its answer of at most 4 KiB; for each ordered stream about as much, and under
/// [`Order::Gapless`](crate::Order::Gapless) 8 bytes more for each number beyond the first that is missing: up to 32 KiB with
/// the greatest window).
///
/// It forgets everything when the process ends: what was accepted before a restart is then accepted again. A process that
/// was forked off is refused, for it would accept once more what this one has accepted, or will.
///
/// All that share it for one context should use one greatest age (see [`Policy::max_age`](crate::Policy::max_age)). Beyond
/// 1024 readers and contexts, those that came last share one sweep mark, so that this goes for all of them together.
///
/// ```
/// let guard = bulla::MemoryGuard::new(100_000);
/// # let _ = guard;
/// ```
#[derive(Debug)]
pub struct MemoryGuard {
    table: Mutex<Table>,
    process: Process,
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
    /// keep its places as long as it likes. A stranger's stream leaves for want of room once all that could come of it is too
    /// old; a listed sender's stays until it is [forgotten](ReplayGuard::forget_stream).
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
            process: Process::this(),
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
        self.process.check(
            ErrorKind::GuardUnavailable,
            "it was carried over a fork: make it after the fork",
        )?;
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

    fn look(&self, claim: &Claim) -> Result<Option<Vec<u8>>> {
        look(&mut *self.lock()?, claim, 0)
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
        rules::sweep_in_steps(at_most, SWEEP_STEP, |step| {
            rules::sweep(&mut *self.lock()?, now, step)
        })
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

    fn forget_stream(&self, stream: &Digest) -> Result<bool> {
        rules::forget_stream(&mut *self.lock()?, stream)
    }

    fn permit(&self, what: &Digest, now: u64, rate: Rate) -> Result<bool> {
        rules::permit(&mut *self.lock()?, what, now, rate)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::table::MAX_SCOPES;
    use super::*;

    /// A message of the scope `scope`, kept for 100 seconds.
    fn claim(scope: usize, number: u64, issued: u64) -> Claim {
        let scope = Digest::of(&scope.to_be_bytes());
        Claim {
            key: Digest::of_parts(&[scope.as_bytes(), &number.to_be_bytes()]),
            value: scope,
            scope,
            signer: [1; 32],
            stranger: false,
            issued,
            keep_until: issued + 100,
            bounded_by_age: true,
            place: None,
            challenge: None,
        }
    }

    #[test]
    fn a_sweep_drops_all_challenges_too() {
        let guard = MemoryGuard::new(10_000);
        assert!(guard.claim(&claim(0, 0, 1000), 1000, None).is_ok());
        for number in 0..2500_u64 {
            let challenge = Digest::of(&number.to_be_bytes());
            guard.expect(&challenge, 1010, 1000).unwrap();
        }
        assert_eq!(guard.sweep(1100, usize::MAX).unwrap(), 1);
        assert_eq!(guard.lock().unwrap().open_challenges(), 0);
    }

    #[test]
    fn the_shared_mark_is_for_scopes_without_one_of_their_own() {
        let guard = MemoryGuard::new(10_000);
        let accept = |scope, number, issued, now| {
            let answer = guard.claim(&claim(scope, number, issued), now, None);
            matches!(answer.unwrap(), Claimed::New(_))
        };
        for scope in 0..MAX_SCOPES {
            assert!(accept(scope, 0, 1000, 1000));
        }
        guard.sweep(1100, usize::MAX).unwrap();
        // The next finds no place, and leaves a later mark, which it shares with all further ones.
        assert!(accept(MAX_SCOPES, 0, 1150, 1150));
        guard.sweep(1250, usize::MAX).unwrap();
        assert!(!accept(MAX_SCOPES + 1, 1, 1150, 1250));
        assert!(accept(MAX_SCOPES + 1, 1, 1151, 1250));
        assert!(accept(0, 1, 1151, 1250), "its own mark is older");
        // Older than the shared mark, and newer than its own, with an age that was raised.
        let mut raised = claim(0, 2, 1001);
        raised.keep_until = 5000;
        assert!(matches!(
            guard.claim(&raised, 1250, None).unwrap(),
            Claimed::New(_)
        ));
        let mut forgotten = claim(0, 3, 1000);
        forgotten.keep_until = 5000;
        assert_eq!(
            guard.claim(&forgotten, 1250, None).unwrap(),
            Claimed::Forgotten
        );
    }
}
