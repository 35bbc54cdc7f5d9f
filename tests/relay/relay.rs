//! The bad relay: it drops, copies, delays, reorders, corrupts, misleads, and keeps back.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::world::{Dice, Fate, Plan};

/// Of 100 envelopes that are handed over, how many are dropped.
const DROPPED: u64 = 30;
/// Of 100 that are not, how many are carried twice.
const COPIED: u64 = 30;
/// Of 100 that are carried, how many are corrupted.
const CORRUPTED: u64 = 5;
/// For how long the answers to some messages are kept back, in seconds: longer than they are awaited.
const KEPT_BACK: u64 = 3000;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Messages.
    There,
    /// Receipts.
    Back,
}

/// What was done on one way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) handed_over: u64,
    pub(crate) dropped: u64,
    pub(crate) copied: u64,
    pub(crate) corrupted: u64,
    pub(crate) swallowed: u64,
    pub(crate) torn: u64,
    pub(crate) astray: u64,
    pub(crate) carried: u64,
    /// Of those that were carried: later than one that was handed over after it.
    pub(crate) reordered: u64,
}

struct Parcel {
    number: u64,
    handed_over: u64,
    bytes: Vec<u8>,
}

pub(crate) struct Relay {
    dice: Dice,
    seed: u64,
    /// What is on its way, by the time it arrives and by chance.
    on_the_way: [BTreeMap<(u64, u64), Parcel>; 2],
    counts: [Counts; 2],
    latest: [u64; 2],
    /// What was carried and is not what was handed over, or not where it belongs.
    bad: HashMap<u64, &'static str>,
    /// Messages whose first copy was corrupted.
    first_corrupted: HashSet<u64>,
    /// The number of the last parcel.
    numbers: u64,
}

impl Relay {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed, 5),
            seed,
            on_the_way: Default::default(),
            counts: Default::default(),
            latest: [0; 2],
            bad: HashMap::new(),
            first_corrupted: HashSet::new(),
            numbers: 0,
        }
    }

    pub(crate) const fn counts(&self, way: Way) -> &Counts {
        &self.counts[way as usize]
    }

    /// Why what was carried in this parcel must count for nothing.
    pub(crate) fn is_bad(&self, parcel: u64) -> Option<&'static str> {
        self.bad.get(&parcel).copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.on_the_way.iter().all(BTreeMap::is_empty)
    }

    /// When the next one arrives.
    pub(crate) fn next(&self) -> Option<u64> {
        let first = |way: &BTreeMap<(u64, u64), Parcel>| way.keys().next().map(|key| key.0);
        self.on_the_way.iter().filter_map(first).min()
    }

    /// Takes an envelope of message `index`, or an answer to it.
    pub(crate) fn take(&mut self, way: Way, index: u64, bytes: &[u8], now: u64) {
        self.counts[way as usize].handed_over += 1;
        let mut later = 0;
        match (Plan::of(self.seed, index).fate, way) {
            (Fate::Swallowed, Way::There) | (Fate::Unanswered, Way::Back) => {
                self.counts[way as usize].swallowed += 1;
                return;
            }
            (Fate::AnsweredLate, Way::Back) => later = KEPT_BACK,
            (Fate::CorruptedFirst, Way::There) if self.first_corrupted.insert(index) => {
                self.carry_bad(way, bytes, now);
                // In a later round, whatever its length.
                self.carry(way, bytes.to_vec(), now + 61, None);
                return;
            }
            _ => {}
        }
        if self.dice.percent(DROPPED) {
            self.counts[way as usize].dropped += 1;
            return;
        }
        let copies = 1 + u64::from(self.dice.percent(COPIED));
        self.counts[way as usize].copied += copies - 1;
        for _ in 0..copies {
            let at = now + later + self.delay();
            if self.dice.percent(CORRUPTED) {
                self.carry_bad(way, bytes, at);
            } else if self.dice.below(300) == 0 {
                self.counts[way as usize].astray += 1;
                let other = if way == Way::There {
                    Way::Back
                } else {
                    Way::There
                };
                self.carry(other, bytes.to_vec(), at, Some("astray"));
            } else {
                self.carry(way, bytes.to_vec(), at, None);
            }
        }
    }

    /// Takes what was cut by the death of who handed it over.
    pub(crate) fn take_torn(&mut self, way: Way, bytes: Vec<u8>, now: u64) {
        self.counts[way as usize].torn += 1;
        self.carry(way, bytes, now, Some("torn"));
    }

    fn delay(&mut self) -> u64 {
        match self.dice.below(100) {
            0..60 => self.dice.below(6),
            60..98 => self.dice.below(300),
            _ => self.dice.below(4000),
        }
    }

    fn carry_bad(&mut self, way: Way, bytes: &[u8], at: u64) {
        self.counts[way as usize].corrupted += 1;
        let bytes = corrupt(&mut self.dice, bytes);
        self.carry(way, bytes, at, Some("corrupted"));
    }

    fn carry(&mut self, way: Way, bytes: Vec<u8>, at: u64, bad: Option<&'static str>) {
        self.numbers += 1;
        if let Some(bad) = bad {
            self.bad.insert(self.numbers, bad);
        }
        let parcel = Parcel {
            number: self.numbers,
            handed_over: self.counts[way as usize].handed_over,
            bytes,
        };
        self.on_the_way[way as usize].insert((at, self.dice.next()), parcel);
    }

    /// What has arrived, in the order in which it arrives.
    pub(crate) fn arrived(&mut self, way: Way, now: u64) -> Vec<(u64, Vec<u8>)> {
        let later = self.on_the_way[way as usize].split_off(&(now + 1, 0));
        let arrived = std::mem::replace(&mut self.on_the_way[way as usize], later);
        let (counts, latest) = (
            &mut self.counts[way as usize],
            &mut self.latest[way as usize],
        );
        let carry = |parcel: Parcel| {
            counts.carried += 1;
            counts.reordered += u64::from(parcel.handed_over < *latest);
            *latest = (*latest).max(parcel.handed_over);
            (parcel.number, parcel.bytes)
        };
        arrived.into_values().map(carry).collect()
    }
}

/// Something else than these bytes.
fn corrupt(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let mut bad = bytes.to_vec();
    let at = dice.below(bytes.len() as u64) as usize;
    match dice.below(10) {
        0..5 => bad[at] ^= 1 << dice.below(8),
        5..7 => bad.truncate(at),
        7 => bad.extend_from_slice(&dice.next().to_be_bytes()),
        8 => bad[at..]
            .iter_mut()
            .take(40)
            .for_each(|byte| *byte = !*byte),
        _ => {
            bad.drain(at..(at + 16).min(bytes.len()));
        }
    }
    assert!(bad != bytes);
    bad
}
