//! The table of the guard in memory.

use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeSet, HashMap};

use super::entry::Entry;
use super::guard::Claim;
use super::order::Kept;
use super::rules::{Shelf, Swept};
use crate::crypto::digest::Digest;
use crate::error::{ErrorKind, Result};

/// Most scopes (reader and context) with a sweep mark of their own; further ones share one.
pub(super) const MAX_SCOPES: usize = 1024;
/// Most things whose rate is limited at a time.
pub(super) const MAX_LIMITED: usize = 65_536;

/// How much a guard remembers at a time (spec/guard.md §6): messages of listed senders, messages of strangers in a pool of
/// their own, and how many of its pool any one sender can take. It knows as many ordered streams, and expects as many
/// answers to challenges.
///
/// A message leaves when its end has come. Without a greatest age in the policy a sender may choose that end, and so keep
/// its places as long as it likes. A stranger's stream leaves for want of room once all that could come of it is too old; a
/// listed sender's stays until it is [forgotten](crate::ReplayGuard::forget_stream).
///
/// ```
/// let limits = bulla::GuardLimits::of(100_000).strangers(1_000).per_stranger(10);
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub(crate) known: usize,
    pub(crate) strangers: usize,
    pub(crate) per_sender: usize,
    pub(crate) per_stranger: usize,
}

impl Limits {
    /// So many messages of listed senders, and a quarter as many of strangers; no sender can take more than half of its pool.
    #[must_use]
    pub const fn of(capacity: usize) -> Self {
        Self {
            known: capacity,
            strangers: capacity.div_ceil(4),
            per_sender: capacity.div_ceil(2),
            per_stranger: capacity.div_ceil(8),
        }
    }

    /// Messages of strangers, of all together.
    #[must_use]
    pub const fn strangers(mut self, most: usize) -> Self {
        self.strangers = most;
        self
    }

    /// Messages of any one listed sender.
    #[must_use]
    pub const fn per_sender(mut self, most: usize) -> Self {
        self.per_sender = most;
        self
    }

    /// Messages of any one stranger.
    #[must_use]
    pub const fn per_stranger(mut self, most: usize) -> Self {
        self.per_stranger = most;
        self
    }

    /// Size of the pool, and of the part that one sender may have of it.
    pub(crate) const fn pool(&self, stranger: bool) -> (usize, usize) {
        if stranger {
            (self.strangers, self.per_stranger)
        } else {
            (self.known, self.per_sender)
        }
    }
}

/// How many places are taken: all of a pool, and of each sender.
#[derive(Debug, Default)]
struct Places {
    /// Of listed senders, of strangers.
    pools: [usize; 2],
    /// By signer, and whether it is a stranger.
    per_sender: HashMap<([u8; 32], bool), usize>,
}

impl Places {
    fn has_room(&self, limits: &Limits, claim: &Claim) -> bool {
        let (pool, quota) = limits.pool(claim.stranger);
        let [known, strangers] = self.pools;
        let taken = if claim.stranger { strangers } else { known };
        let own = self.per_sender.get(&(claim.signer, claim.stranger));
        taken < pool && own.copied().unwrap_or(0) < quota
    }

    fn take(&mut self, signer: [u8; 32], stranger: bool) {
        self.pool(stranger, |taken| taken + 1);
        *self.per_sender.entry((signer, stranger)).or_insert(0) += 1;
    }

    fn leave(&mut self, signer: [u8; 32], stranger: bool) {
        self.pool(stranger, |taken| taken.saturating_sub(1));
        if let Slot::Occupied(mut count) = self.per_sender.entry((signer, stranger)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    fn pool(&mut self, stranger: bool, change: impl FnOnce(usize) -> usize) {
        let [known, strangers] = &mut self.pools;
        let taken = if stranger { strangers } else { known };
        *taken = change(*taken);
    }
}

#[derive(Debug)]
pub(super) struct Table {
    entries: HashMap<Digest, Entry>,
    /// Keys by the time at which they leave.
    by_time: BTreeSet<(u64, Digest)>,
    places: Places,
    /// Greatest `issued` of what was dropped by age, for each scope.
    sweep_marks: HashMap<Digest, u64>,
    /// The mark of all scopes that found no place of their own.
    shared_mark: Option<u64>,
    high_water: u64,
    tokens: u64,
    streams: HashMap<Digest, Kept>,
    /// Those that leave, by the time at which they do.
    streams_by_time: BTreeSet<(u64, Digest)>,
    stream_places: Places,
    /// Challenges, until when an answer is expected.
    challenges: HashMap<Digest, u64>,
    challenges_by_time: BTreeSet<(u64, Digest)>,
    /// What is limited, and when its burst is whole again.
    limited: HashMap<Digest, u64>,
    limits: Limits,
}

impl Table {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            entries: HashMap::new(),
            by_time: BTreeSet::new(),
            places: Places::default(),
            sweep_marks: HashMap::new(),
            shared_mark: None,
            high_water: 0,
            tokens: 0,
            streams: HashMap::new(),
            streams_by_time: BTreeSet::new(),
            stream_places: Places::default(),
            challenges: HashMap::new(),
            challenges_by_time: BTreeSet::new(),
            limited: HashMap::new(),
            limits,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(super) fn open_challenges(&self) -> usize {
        self.challenges.len()
    }

    /// What remains to be done for an entry that was dropped.
    fn leave(&mut self, claim: &Claim) {
        self.places.leave(claim.signer, claim.stranger);
        if claim.bounded_by_age {
            self.mark(claim.scope, claim.issued);
        }
    }

    /// Raises a sweep mark.
    fn mark(&mut self, scope: Digest, issued: u64) {
        let scopes = self.sweep_marks.len();
        match self.sweep_marks.entry(scope) {
            Slot::Occupied(mut mark) => *mark.get_mut() = issued.max(*mark.get()),
            Slot::Vacant(place) if scopes < MAX_SCOPES => drop(place.insert(issued)),
            Slot::Vacant(_) => self.shared_mark = self.shared_mark.max(Some(issued)),
        }
    }
}

impl Shelf for Table {
    fn observe(&mut self, now: u64) -> Result<u64> {
        self.high_water = self.high_water.max(now);
        Ok(self.high_water)
    }

    fn next_token(&mut self) -> Result<u64> {
        self.tokens += 1;
        Ok(self.tokens)
    }

    fn entry(&mut self, key: &Digest) -> Result<Option<Entry>> {
        Ok(self.entries.get(key).cloned())
    }

    fn insert(&mut self, entry: Entry) -> Result<()> {
        self.places.take(entry.claim.signer, entry.claim.stranger);
        self.by_time
            .insert((entry.claim.keep_until, entry.claim.key));
        self.entries.insert(entry.claim.key, entry);
        Ok(())
    }

    fn drop_entry(&mut self, entry: Entry) -> Result<()> {
        self.entries.remove(&entry.claim.key);
        self.by_time
            .remove(&(entry.claim.keep_until, entry.claim.key));
        self.leave(&entry.claim);
        Ok(())
    }

    fn update(&mut self, entry: Entry, before: u64) -> Result<()> {
        let Claim {
            key, keep_until, ..
        } = entry.claim;
        if keep_until != before {
            self.by_time.remove(&(before, key));
            self.by_time.insert((keep_until, key));
        }
        self.entries.insert(key, entry);
        Ok(())
    }

    fn has_room(&mut self, claim: &Claim) -> Result<bool> {
        Ok(self.places.has_room(&self.limits, claim))
    }

    fn may_be_forgotten(&mut self, claim: &Claim) -> Result<bool> {
        let own = self.sweep_marks.get(&claim.scope).copied();
        // A scope that has a mark of its own never used the shared one: a place, once taken, is never given back.
        Ok(own
            .or(self.shared_mark)
            .is_some_and(|mark| claim.issued <= mark))
    }

    fn sweep(&mut self, now: u64, at_most: usize) -> Result<Swept> {
        let (mut dropped, mut challenges) = (0, 0);
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
        for _ in 0..at_most {
            match self.challenges_by_time.first() {
                Some((until, _)) if *until <= now => {}
                _ => break,
            }
            if let Some((_, challenge)) = self.challenges_by_time.pop_first() {
                self.challenges.remove(&challenge);
            }
            challenges += 1;
        }
        Ok(Swept {
            entries: dropped,
            most: dropped.max(challenges),
        })
    }

    fn stream(&mut self, name: &Digest) -> Result<Option<Kept>> {
        Ok(self.streams.get(name).cloned())
    }

    fn has_room_for_stream(&mut self, claim: &Claim) -> Result<bool> {
        Ok(self.stream_places.has_room(&self.limits, claim))
    }

    fn put_stream(&mut self, name: &Digest, kept: Kept) -> Result<()> {
        let (signer, stranger, until) = (kept.signer, kept.stranger, kept.keep_until);
        match self.streams.insert(*name, kept) {
            None => self.stream_places.take(signer, stranger),
            Some(before) => drop(self.streams_by_time.remove(&(before.keep_until, *name))),
        }
        if until < u64::MAX {
            self.streams_by_time.insert((until, *name));
        }
        Ok(())
    }

    fn drop_stream(&mut self, name: &Digest, kept: Kept) -> Result<()> {
        self.streams.remove(name);
        self.streams_by_time.remove(&(kept.keep_until, *name));
        self.stream_places.leave(kept.signer, kept.stranger);
        Ok(())
    }

    fn drop_streams(&mut self, now: u64, at_most: usize) -> Result<()> {
        for _ in 0..at_most {
            let Some((_, name)) = self
                .streams_by_time
                .first()
                .filter(|(time, _)| *time <= now)
            else {
                break;
            };
            let name = *name;
            if let Some(kept) = self.streams.get(&name).cloned() {
                self.mark(kept.scope, kept.issued);
                self.drop_stream(&name, kept)?;
            }
        }
        Ok(())
    }

    fn challenge(&mut self, name: &Digest) -> Result<Option<u64>> {
        Ok(self.challenges.get(name).copied())
    }

    fn put_challenge(&mut self, name: &Digest, until: Option<u64>) -> Result<()> {
        let Some(until) = until else {
            if let Some(until) = self.challenges.remove(name) {
                self.challenges_by_time.remove(&(until, *name));
            }
            return Ok(());
        };
        if self.challenges.len() >= self.limits.known {
            return Err(ErrorKind::GuardFull.into());
        }
        if let Some(before) = self.challenges.insert(*name, until) {
            self.challenges_by_time.remove(&(before, *name));
        }
        self.challenges_by_time.insert((until, *name));
        Ok(())
    }

    fn full_at(&mut self, what: &Digest) -> Result<u64> {
        Ok(self.limited.get(what).copied().unwrap_or(0))
    }

    fn put_full_at(&mut self, what: &Digest, full_at: u64, now: u64) -> Result<()> {
        if self.limited.len() >= MAX_LIMITED && !self.limited.contains_key(what) {
            self.limited.retain(|_, full_at| *full_at > now);
            if self.limited.len() >= MAX_LIMITED {
                return Err(ErrorKind::GuardFull.into());
            }
        }
        self.limited.insert(*what, full_at);
        Ok(())
    }
}
