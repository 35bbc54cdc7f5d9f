//! A hashed timing wheel (Varghese and Lauck 1987, scheme 6): constant work to insert, and constant work per entry
//! that is looked at.

use std::vec::Vec;

use crate::crypto::digest::Digest;

/// Seconds that fall into one slot.
const TICK: u64 = 8;
/// One turn is about nine hours; what lies further ahead is looked at once a turn.
const SLOTS: u64 = 4096;

/// Keys by the time at which to look at them.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: Vec<Vec<Digest>>,
    /// The tick whose slot is looked at next.
    tick: u64,
    /// How many keys of that slot were kept in this visit; they stand first in it.
    kept: usize,
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| Vec::new()).collect(),
            tick: 0,
            kept: 0,
        }
    }

    fn slot(&mut self, tick: u64) -> &mut Vec<Digest> {
        // SLOTS is a power of two, so the index is always inside.
        let at = (tick % SLOTS) as usize;
        #[allow(clippy::indexing_slicing)]
        &mut self.slots[at]
    }

    /// `key` is to be looked at once `at` (seconds) has come.
    pub(super) fn insert(&mut self, key: Digest, at: u64) {
        // The whole tick must have passed; a time already passed is looked at in the coming tick.
        let tick = (at / TICK + 1).max(self.tick + 1);
        self.slot(tick).push(key);
    }

    /// Looks at keys whose time may have come, at most `at_most` of them. `judge` tells for each whether it is done
    /// (`None`), or from when on (seconds) to look at it again.
    pub(super) fn advance(
        &mut self,
        now: u64,
        at_most: usize,
        mut judge: impl FnMut(&Digest) -> Option<u64>,
    ) {
        let last = now / TICK;
        if last.saturating_sub(self.tick) >= SLOTS {
            // More than a turn has passed: every slot is due once, not once for every turn.
            self.tick = last - SLOTS + 1;
            self.kept = 0;
        }
        let mut budget = at_most.saturating_add(SLOTS as usize);
        let mut looks = at_most;
        while self.tick <= last && looks > 0 && budget > 0 {
            budget -= 1;
            let (tick, kept) = (self.tick, self.kept);
            let slot = self.slot(tick);
            if slot.len() <= kept {
                self.tick += 1;
                self.kept = 0;
                continue;
            }
            looks -= 1;
            let key = slot.swap_remove(kept);
            match judge(&key) {
                None => {}
                Some(at) if (at / TICK + 1) % SLOTS == tick % SLOTS => {
                    let slot = self.slot(tick);
                    slot.push(key);
                    let end = slot.len() - 1;
                    slot.swap(kept, end);
                    self.kept += 1;
                }
                Some(at) => self.insert(key, at),
            }
        }
    }
}
