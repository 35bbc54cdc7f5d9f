//! What both sides and the checks know: the people, the clock, and what message `index` is.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla::{Clock, Identity, OsEntropy};

/// When it begins.
pub(crate) const START: u64 = 1_800_000_000;
pub(crate) const CONTEXT: &str = "relay";
/// Longest content that the receiver accepts.
pub(crate) const MAX_CONTENT: usize = 300_000;
/// For content of this length the receiver has no room, for good.
pub(crate) const NO_ROOM: usize = 33_333;
/// How long an answer is awaited, in seconds, where none will come in time; else it is many days.
pub(crate) const SHORT_DEADLINE: u64 = 1200;
pub(crate) const LONG_DEADLINE: u64 = 25 * 24 * 3600;
/// Length of a chunk.
const CHUNK: u64 = 16 * 1024;

pub(crate) fn any_seed() -> u64 {
    RandomState::new().hash_one(0) >> 32
}

/// Splitmix64.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64, what: u64) -> Self {
        Self(seed ^ what.wrapping_mul(0xD6E8_FEB8_6659_FD93))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Less than `end`.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) const fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// What is to become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// Stored.
    Usual,
    /// Stored, although a corrupted copy comes first.
    CorruptedFirst,
    /// Rejected: longer than the receiver accepts.
    TooLarge,
    /// Rejected: no room.
    NoRoom,
    /// Given up: no copy arrives.
    Swallowed,
    /// Given up: copies arrive, and no answer does.
    Unanswered,
    /// Given up, and then settled: the answers arrive after the deadline.
    AnsweredLate,
}

pub(crate) struct Plan {
    pub(crate) fate: Fate,
    pub(crate) length: usize,
    /// Sealed as it comes: its length is not signed at the beginning.
    pub(crate) as_it_comes: bool,
    seed: u64,
}

impl Plan {
    pub(crate) const fn of(seed: u64, index: u64) -> Self {
        let mut dice = Dice::new(seed, 1_000_003 * index + 1);
        let fate = match dice.below(1000) {
            0..50 => Fate::CorruptedFirst,
            50..60 => Fate::TooLarge,
            60..70 => Fate::NoRoom,
            70..80 => Fate::Swallowed,
            80..90 => Fate::Unanswered,
            90..100 => Fate::AnsweredLate,
            _ => Fate::Usual,
        };
        let length = match (fate, dice.below(100)) {
            (Fate::TooLarge, _) => MAX_CONTENT as u64 + 1 + dice.below(200_000),
            (Fate::NoRoom, _) => NO_ROOM as u64,
            (_, 0..3) => 0,
            (_, 3..13) => dice.below(2 * CHUNK),
            // Whole chunks.
            (_, 13) => (1 + dice.below(8)) * CHUNK,
            (_, 14..18) => dice.below(MAX_CONTENT as u64 + 1),
            _ => 1 + dice.below(2000),
        };
        let unlucky = length == NO_ROOM as u64 && !matches!(fate, Fate::NoRoom);
        Self {
            fate,
            length: (length + unlucky as u64) as usize,
            as_it_comes: !matches!(fate, Fate::NoRoom) && dice.percent(15),
            seed: dice.next(),
        }
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        let mut dice = Dice::new(self.seed, 0);
        let mut content = Vec::with_capacity(self.length + 8);
        while content.len() < self.length {
            content.extend_from_slice(&dice.next().to_le_bytes());
        }
        content.truncate(self.length);
        content
    }

    pub(crate) const fn deadline(&self, now: u64) -> u64 {
        match self.fate {
            Fate::Swallowed | Fate::Unanswered | Fate::AnsweredLate => now + SHORT_DEADLINE,
            _ => now + LONG_DEADLINE,
        }
    }
}

/// The time that the relay says it is.
pub(crate) struct ToldClock(AtomicU64);

impl ToldClock {
    pub(crate) const fn new(now: u64) -> Self {
        Self(AtomicU64::new(now))
    }

    pub(crate) fn set(&self, now: u64) {
        self.0.store(now, Ordering::Relaxed);
    }

    pub(crate) fn time(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clock for ToldClock {
    fn now(&self) -> bulla::Result<u64> {
        Ok(self.time())
    }
}

/// What is in the folder of a run.
pub(crate) const STORED: &str = "stored";
pub(crate) const OUTBOX: &str = "outbox";
pub(crate) const GUARD: &str = "guard";
const PLAN: &str = "plan";

/// Makes the people and their folder.
pub(crate) fn make(folder: &Path, seed: u64, count: u64) {
    for name in ["alice", "bob"] {
        Identity::generate(&OsEntropy)
            .and_then(|person| person.create_key_file(&folder.join(name), None, &OsEntropy))
            .unwrap();
    }
    std::fs::create_dir(folder.join(STORED)).unwrap();
    std::fs::write(folder.join(PLAN), format!("{seed} {count}")).unwrap();
}

pub(crate) fn person(folder: &Path, name: &str) -> Identity {
    Identity::read_key_file(&folder.join(name), None).unwrap()
}

/// The seed, and how many messages there are.
pub(crate) fn plan(folder: &Path) -> (u64, u64) {
    let text = std::fs::read_to_string(folder.join(PLAN)).unwrap();
    let (seed, count) = text.split_once(' ').unwrap();
    (seed.parse().unwrap(), count.parse().unwrap())
}
