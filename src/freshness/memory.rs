//! A bounded replay guard in memory: for one process, forgotten when it ends.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::{Mutex, MutexGuard};
use std::vec::Vec;

use super::guard::{Claim, Claimed, LeaseToken, MAX_STORED_RECEIPT, ReplayGuard};
use super::wheel::Wheel;
use crate::crypto::digest::Digest;
use crate::error::{Error, ErrorKind, Result};

/// Entries that every claim looks at besides its own, to drop those whose time has come.
const LOOKS_PER_CLAIM: usize = 4;
/// Entries that a claim looks at when the guard is full.
const LOOKS_WHEN_FULL: usize = 1024;

/// A replay guard in memory: constant work per message, bounded memory (about 250 bytes an entry, and its receipt).
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

#[derive(Debug)]
struct Table {
    entries: HashMap<Digest, Entry>,
    wheel: Wheel,
    per_sender: HashMap<[u8; 32], usize>,
    /// Greatest `issued` of what was dropped by age, for each scope.
    sweep_marks: HashMap<Digest, u64>,
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
        Self::with_limits(capacity, capacity.div_ceil(4), capacity.div_ceil(2))
    }

    /// A guard with these limits: messages of listed senders, messages of strangers, and messages of any one sender.
    #[must_use]
    pub fn with_limits(known: usize, strangers: usize, per_sender: usize) -> Self {
        let limits = Limits {
            known,
            strangers,
            per_sender,
        };
        let table = Table {
            entries: HashMap::new(),
            wheel: Wheel::new(),
            per_sender: HashMap::new(),
            sweep_marks: HashMap::new(),
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
    fn sweep(&mut self, now: u64, looks: usize) -> usize {
        let before = self.entries.len();
        let Self {
            entries,
            wheel,
            per_sender,
            sweep_marks,
            strangers,
            ..
        } = self;
        wheel.advance(now, looks, |key| {
            let Slot::Occupied(entry) = entries.entry(*key) else {
                return None;
            };
            if entry.get().claim.keep_until > now {
                return Some(entry.get().claim.keep_until);
            }
            let claim = entry.remove().claim;
            if claim.stranger {
                *strangers -= 1;
            }
            if let Slot::Occupied(mut count) = per_sender.entry(claim.signer) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
            if claim.bounded_by_age {
                let mark = sweep_marks.entry(claim.scope).or_insert(0);
                *mark = (*mark).max(claim.issued);
            }
            None
        });
        before - self.entries.len()
    }

    fn has_room(&self, claim: &Claim) -> bool {
        let pool = if claim.stranger {
            self.strangers < self.limits.strangers
        } else {
            self.entries.len() - self.strangers < self.limits.known
        };
        pool && self.per_sender.get(&claim.signer).copied().unwrap_or(0) < self.limits.per_sender
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
        self.sweep(now, LOOKS_PER_CLAIM);
        let (number, state) = self.reserve(now, lease);
        let new = Claimed::New(LeaseToken {
            key: claim.key,
            number,
        });
        if let Some(entry) = self.entries.get_mut(&claim.key) {
            let free = match &entry.state {
                State::Released => true,
                State::Reserved { until, .. } => *until <= now,
                State::Committed { .. } => false,
            };
            return Ok(match &entry.state {
                _ if free => {
                    entry.claim.value = claim.value;
                    // The wheel keeps its place: it looks again if the time is later than it thought.
                    entry.claim.keep_until = entry.claim.keep_until.max(claim.keep_until);
                    entry.state = state;
                    new
                }
                _ if entry.claim.value != claim.value => Claimed::Replayed,
                State::Committed { receipt } => Claimed::Same(receipt.clone()),
                State::Reserved { .. } | State::Released => Claimed::Pending,
            });
        }
        if self
            .sweep_marks
            .get(&claim.scope)
            .is_some_and(|mark| claim.issued <= *mark)
        {
            return Ok(Claimed::Forgotten);
        }
        if !self.has_room(claim) {
            self.sweep(now, LOOKS_WHEN_FULL);
        }
        if !self.has_room(claim) {
            return Err(ErrorKind::GuardFull.into());
        }
        self.strangers += usize::from(claim.stranger);
        *self.per_sender.entry(claim.signer).or_insert(0) += 1;
        self.wheel.insert(claim.key, claim.keep_until);
        self.entries.insert(
            claim.key,
            Entry {
                claim: claim.clone(),
                state,
            },
        );
        Ok(new)
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
