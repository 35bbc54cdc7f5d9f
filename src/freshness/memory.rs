//! A bounded replay guard in memory: for one process, forgotten when it ends.

use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::vec::Vec;

use super::guard::{Claim, Claimed, LeaseToken, MAX_STORED_RECEIPT, ReplayGuard};
use crate::crypto::digest::Digest;
use crate::error::{Error, ErrorKind, Result};

/// Entries that every claim may drop besides making its own: more leave than come, so the guard keeps up.
const DROPS_PER_CLAIM: usize = 4;
/// Entries that a claim may drop when the guard is full.
const DROPS_WHEN_FULL: usize = 1024;
/// Most scopes (reader and context) with a sweep mark of their own; further ones share one.
const MAX_SCOPES: usize = 1024;

/// A replay guard in memory: bounded work per message (a step in a tree of at most `capacity` entries, and a few drops),
/// bounded memory (about 350 bytes an entry, and its receipt).
///
/// It forgets everything when the process ends: what was accepted before a restart is then accepted again.
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
}

#[derive(Debug)]
struct Table {
    entries: HashMap<Digest, Entry>,
    /// Keys by the time at which they leave.
    by_time: BTreeSet<(u64, Digest)>,
    /// By signer, and whether it was a stranger.
    per_sender: HashMap<([u8; 32], bool), usize>,
    /// Greatest `issued` of what was dropped by age, for each scope.
    sweep_marks: HashMap<Digest, u64>,
    /// The mark of all scopes that found no place of their own.
    shared_mark: Option<u64>,
    high_water: u64,
    tokens: u64,
    strangers: usize,
    limits: Limits,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    known: usize,
    strangers: usize,
    per_sender: usize,
    per_stranger: usize,
}

#[derive(Debug)]
struct Entry {
    claim: Claim,
    state: State,
}

#[derive(Debug)]
enum State {
    Reserved { number: u64, until: u64 },
    Released,
    Committed { receipt: Vec<u8> },
}

impl MemoryGuard {
    /// A guard for at most `capacity` messages of listed senders at a time, and a quarter as many of strangers in a
    /// pool of their own. No sender can take more than half of its pool.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::with_limits(
            capacity,
            capacity.div_ceil(4),
            capacity.div_ceil(2),
            capacity.div_ceil(8),
        )
    }

    /// A guard with these limits: messages of listed senders, messages of strangers, of any one listed sender, and of any
    /// one stranger.
    ///
    /// A message leaves when its end has come. Without a greatest age in the policy a sender may choose that end, and so
    /// keep its places as long as it likes.
    #[must_use]
    pub fn with_limits(
        known: usize,
        strangers: usize,
        per_sender: usize,
        per_stranger: usize,
    ) -> Self {
        let limits = Limits {
            known,
            strangers,
            per_sender,
            per_stranger,
        };
        let table = Table {
            entries: HashMap::new(),
            by_time: BTreeSet::new(),
            per_sender: HashMap::new(),
            sweep_marks: HashMap::new(),
            shared_mark: None,
            high_water: 0,
            tokens: 0,
            strangers: 0,
            limits,
        };
        Self {
            table: Mutex::new(table),
        }
    }

    /// How many messages it remembers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().map_or(0, |table| table.entries.len())
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

impl Table {
    /// Drops entries whose time has come, at most `at_most`, and says how many.
    fn sweep(&mut self, now: u64, at_most: usize) -> usize {
        let mut dropped = 0;
        while dropped < at_most && self.by_time.first().is_some_and(|(time, _)| *time <= now) {
            if let Some(entry) = self
                .by_time
                .pop_first()
                .and_then(|(_, key)| self.entries.remove(&key))
            {
                self.leave(&entry.claim);
            }
            dropped += 1;
        }
        dropped
    }

    /// What remains to be done for an entry that was dropped.
    fn leave(&mut self, claim: &Claim) {
        self.strangers -= usize::from(claim.stranger);
        if let Slot::Occupied(mut count) = self.per_sender.entry((claim.signer, claim.stranger)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        if !claim.bounded_by_age {
            return;
        }
        let scopes = self.sweep_marks.len();
        match self.sweep_marks.entry(claim.scope) {
            Slot::Occupied(mut mark) => *mark.get_mut() = claim.issued.max(*mark.get()),
            Slot::Vacant(place) if scopes < MAX_SCOPES => drop(place.insert(claim.issued)),
            Slot::Vacant(_) => self.shared_mark = self.shared_mark.max(Some(claim.issued)),
        }
    }

    /// Whether the message may have been dropped before: it is as old as what was.
    fn may_be_forgotten(&self, claim: &Claim) -> bool {
        // A scope with a mark of its own has nothing in the shared one: places are never given back, so a scope whose
        // first drop found a place puts all of them there, and one that found none never gets one.
        let own = self.sweep_marks.get(&claim.scope).copied();
        let mark = own.or(self.shared_mark);
        mark.is_some_and(|mark| claim.issued <= mark)
    }

    fn has_room(&self, claim: &Claim) -> bool {
        let (taken, pool, quota) = if claim.stranger {
            (
                self.strangers,
                self.limits.strangers,
                self.limits.per_stranger,
            )
        } else {
            let known = self.entries.len() - self.strangers;
            (known, self.limits.known, self.limits.per_sender)
        };
        let own = self.per_sender.get(&(claim.signer, claim.stranger));
        taken < pool && own.copied().unwrap_or(0) < quota
    }

    fn reserve(&mut self, now: u64, lease: Option<u64>) -> (u64, State) {
        self.tokens += 1;
        let state = lease.map_or(
            State::Committed {
                receipt: Vec::new(),
            },
            |lease| State::Reserved {
                number: self.tokens,
                until: now.saturating_add(lease),
            },
        );
        (self.tokens, state)
    }

    fn claim(&mut self, claim: &Claim, now: u64, lease: Option<u64>) -> Result<Claimed> {
        let now = self.observe(now);
        self.sweep(now, DROPS_PER_CLAIM);
        // Its time is over: an entry would be dropped at once, so none can be made.
        if claim.keep_until <= now {
            return Ok(Claimed::Forgotten);
        }
        let (number, state) = self.reserve(now, lease);
        let new = Claimed::New(LeaseToken {
            key: claim.key,
            number,
        });
        if let Some(entry) = self.entries.get_mut(&claim.key) {
            // A copy that lives longer keeps the entry as long, so that it counts once.
            if claim.keep_until > entry.claim.keep_until {
                self.by_time.remove(&(entry.claim.keep_until, claim.key));
                self.by_time.insert((claim.keep_until, claim.key));
                entry.claim.keep_until = claim.keep_until;
            }
            entry.claim.issued = entry.claim.issued.max(claim.issued);
            entry.claim.bounded_by_age |= claim.bounded_by_age;
            let free = match &entry.state {
                State::Released => true,
                State::Reserved { until, .. } => *until <= now,
                State::Committed { .. } => false,
            };
            return Ok(match &entry.state {
                _ if free => {
                    entry.claim.value = claim.value;
                    entry.state = state;
                    new
                }
                _ if entry.claim.value != claim.value => Claimed::Replayed,
                State::Committed { receipt } => Claimed::Same(receipt.clone()),
                State::Reserved { .. } | State::Released => Claimed::Pending,
            });
        }
        if self.may_be_forgotten(claim) {
            return Ok(Claimed::Forgotten);
        }
        if !self.has_room(claim) {
            self.sweep(now, DROPS_WHEN_FULL);
        }
        if !self.has_room(claim) {
            return Err(ErrorKind::GuardFull.into());
        }
        self.insert(claim, state);
        Ok(new)
    }

    fn insert(&mut self, claim: &Claim, state: State) {
        self.strangers += usize::from(claim.stranger);
        *self
            .per_sender
            .entry((claim.signer, claim.stranger))
            .or_insert(0) += 1;
        self.by_time.insert((claim.keep_until, claim.key));
        let claim = claim.clone();
        self.entries.insert(claim.key, Entry { claim, state });
    }

    fn observe(&mut self, now: u64) -> u64 {
        self.high_water = self.high_water.max(now);
        self.high_water
    }

    /// The state of the reservation that `token` names, if it is still the current one.
    fn reserved(&mut self, token: &LeaseToken) -> Result<&mut State> {
        self.entries
            .get_mut(&token.key)
            .map(|entry| &mut entry.state)
            .filter(
                |state| matches!(state, State::Reserved { number, .. } if *number == token.number),
            )
            .ok_or_else(|| ErrorKind::LeaseLost.into())
    }
}

impl ReplayGuard for MemoryGuard {
    fn observe(&self, now: u64) -> Result<u64> {
        Ok(self.lock()?.observe(now))
    }

    fn claim(&self, claim: &Claim, now: u64, lease: Option<u64>) -> Result<Claimed> {
        self.lock()?.claim(claim, now, lease)
    }

    fn commit(&self, token: &LeaseToken, receipt: &[u8]) -> Result<()> {
        if receipt.len() > MAX_STORED_RECEIPT {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "a stored receipt is at most 4096 bytes",
            ));
        }
        *self.lock()?.reserved(token)? = State::Committed {
            receipt: receipt.to_vec(),
        };
        Ok(())
    }

    fn release(&self, token: &LeaseToken) -> Result<()> {
        *self.lock()?.reserved(token)? = State::Released;
        Ok(())
    }

    fn renew(&self, token: &LeaseToken, now: u64, lease: u64) -> Result<()> {
        let mut table = self.lock()?;
        let now = table.observe(now);
        if let State::Reserved { until, .. } = table.reserved(token)? {
            *until = now.saturating_add(lease);
        }
        Ok(())
    }

    fn sweep(&self, now: u64, at_most: usize) -> Result<usize> {
        let mut table = self.lock()?;
        let now = table.observe(now);
        Ok(table.sweep(now, at_most))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
        }
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
