//! The log against the rules of spec/opening.md §5, and against damage.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

use std::path::PathBuf;

use bulla::{Draft, FixedClock, Identity, Opener, OsEntropy, Policy, Replay, Sealer, Senders};

use super::*;

const NOW: u64 = 1_800_000_000;

/// Messages from Alice to Bob, at any time.
struct Story {
    alice: Identity,
    bob: Identity,
    folder: tempfile::TempDir,
}

impl Story {
    fn new() -> Self {
        Self {
            alice: Identity::generate(&OsEntropy).unwrap(),
            bob: Identity::generate(&OsEntropy).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("guard")
    }

    fn seal(&self, at: u64) -> Vec<u8> {
        let clock = FixedClock(at);
        let sealer = Sealer::with(&self.alice, &clock, &OsEntropy).to(self.bob.public());
        sealer.seal(&Draft::new("test").unwrap(), b"hello").unwrap()
    }

    /// Opens at this time what is at most `age` old.
    fn open(&self, envelope: &[u8], at: u64, age: u64) -> Result<(), ErrorKind> {
        let senders = Senders::only([*self.alice.verifying_key()]);
        let policy = Policy::new("test", senders)
            .unwrap()
            .max_age(Some(age))
            .skew(0);
        let (guard, clock) = (FileGuard::new(&self.path()), FixedClock(at));
        let opener = Opener::with_clock(&self.bob, &policy, Replay::Guarded(&guard), &clock);
        opener
            .open(envelope)
            .map(drop)
            .map_err(|error| error.kind())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }
}

#[test]
fn what_was_accepted_is_accepted_no_second_time() {
    let story = Story::new();
    let (first, second) = (story.seal(NOW), story.seal(NOW));
    assert_eq!(story.open(&first, NOW, 100), Ok(()));
    assert_eq!(story.open(&second, NOW, 100), Ok(()));
    assert_eq!(story.open(&first, NOW + 1, 100), Err(ErrorKind::Replayed));
    assert_eq!(story.open(&second, NOW + 1, 100), Err(ErrorKind::Replayed));
}

#[test]
fn time_does_not_go_back() {
    let story = Story::new();
    let (old, new) = (story.seal(NOW), story.seal(NOW + 1000));
    assert_eq!(story.open(&new, NOW + 1000, 100), Ok(()));
    assert_eq!(story.open(&old, NOW, 100), Err(ErrorKind::TooOld));
}

#[test]
fn a_greater_age_revives_nothing() {
    let story = Story::new();
    let old = story.seal(NOW);
    assert_eq!(story.open(&old, NOW, 10), Ok(()));
    for round in 0..2 * IDLE as u64 {
        // Entries stay for the greatest skew beyond their age.
        let at = NOW + 2 * bulla::MAX_SKEW + 100 * round;
        assert_eq!(story.open(&story.seal(at), at, 10), Ok(()));
    }
    let log = story.log();
    assert!(log.lines().count() < 3 * IDLE, "it was written anew");
    assert!(log.contains("\nmark "));
    let late = NOW + 50_000;
    assert_eq!(story.open(&old, late, 100_000), Err(ErrorKind::TooOld));
    assert_eq!(story.open(&story.seal(late), late, 100_000), Ok(()));
}

#[test]
fn a_copy_that_lives_longer_keeps_the_entry_as_long() {
    let story = Story::new();
    let envelope = story.seal(NOW);
    assert_eq!(story.open(&envelope, NOW, 10), Ok(()));
    // By another policy it is acceptable for longer.
    let replayed = Err(ErrorKind::Replayed);
    assert_eq!(story.open(&envelope, NOW + 5, 10_000), replayed);
    let later = NOW + bulla::MAX_SKEW + 500;
    let mut log = Log::open(&story.path()).unwrap();
    let scan = log.scan(None, later).unwrap();
    log.compact(&story.path(), &scan, later).unwrap();
    drop(log);
    assert_eq!(story.log().matches("\naccept ").count(), 1);
    assert_eq!(story.open(&envelope, later, 10_000), replayed);
}

#[test]
fn a_torn_tail_is_cut_and_everything_before_counts() {
    let story = Story::new();
    let (first, second) = (story.seal(NOW), story.seal(NOW));
    assert_eq!(story.open(&first, NOW, 100), Ok(()));
    let before = story.log();
    assert_eq!(story.open(&second, NOW, 100), Ok(()));
    let after = story.log();
    for length in before.len()..after.len() {
        std::fs::write(story.path(), &after[..length]).unwrap();
        assert_eq!(story.open(&first, NOW, 100), Err(ErrorKind::Replayed));
        // It was never answered, so it counts as not accepted.
        assert_eq!(story.open(&second, NOW, 100), Ok(()), "{length}");
        assert_eq!(story.log(), after);
    }
}

#[test]
fn any_other_damage_makes_it_unavailable() {
    let story = Story::new();
    let (first, second) = (story.seal(NOW), story.seal(NOW));
    for envelope in [&first, &second] {
        assert_eq!(story.open(envelope, NOW, 100), Ok(()));
    }
    let log = story.log().into_bytes();
    let third = story.seal(NOW);
    let refused = |damaged: &[u8], what: &str| {
        std::fs::write(story.path(), damaged).unwrap();
        let answer = story.open(&third, NOW, 100);
        assert_eq!(answer, Err(ErrorKind::GuardUnavailable), "{what}");
    };
    for at in 0..log.len() {
        let mut damaged = log.clone();
        damaged[at] ^= [1, 0x20, 0x80][at % 3];
        refused(&damaged, &format!("byte {at}"));
    }
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    for left_out in 0..lines.len() - 1 {
        let mut damaged = lines.clone();
        damaged.remove(left_out);
        refused(&damaged.concat(), &format!("without line {left_out}"));
    }
    refused(b"", "empty");
    refused(b"bulla replay guard 2\n", "another version");
    refused(&[&log[..], &[0; 600]].concat(), "zeros at the end");
    std::fs::write(story.path(), &log).unwrap();
    assert_eq!(story.open(&first, NOW, 100), Err(ErrorKind::Replayed));
    assert_eq!(story.open(&third, NOW, 100), Ok(()));
}

#[test]
fn what_was_not_delivered_may_come_again() {
    let story = Story::new();
    let envelope = story.seal(NOW);
    let policy = Policy::new("test", Senders::anyone()).unwrap();
    let (guard, clock) = (FileGuard::new(&story.path()), FixedClock(NOW));
    let opener = Opener::with_clock(&story.bob, &policy, Replay::Guarded(&guard), &clock);
    for _ in 0..3 {
        assert!(opener.open(&envelope).is_ok());
        assert_eq!(opener.open(&envelope).unwrap_err(), ErrorKind::Replayed);
        guard.take_back().unwrap();
        // Only once for each acceptance.
        guard.take_back().unwrap();
    }
    assert!(opener.open(&envelope).is_ok());
    let mut log = Log::open(&story.path()).unwrap();
    let scan = log.scan(None, NOW).unwrap();
    log.compact(&story.path(), &scan, NOW).unwrap();
    drop(log);
    assert_eq!(story.log().matches("\naccept ").count(), 1);
    assert_eq!(opener.open(&envelope).unwrap_err(), ErrorKind::Replayed);
}

#[test]
fn copies_that_live_longer_and_longer_take_one_place() {
    let story = Story::new();
    let (envelope, other) = (story.seal(NOW), story.seal(NOW));
    let policy = |age| {
        let policy = Policy::new("test", Senders::anyone()).unwrap();
        policy.max_age(Some(age))
    };
    let clock = FixedClock(NOW);
    let open = |envelope: &[u8], age| {
        let (guard, policy) = (FileGuard::new(&story.path()), policy(age));
        let opener = Opener::with_clock(&story.bob, &policy, Replay::Guarded(&guard), &clock);
        let opened = opener.open(envelope);
        opened.map(drop).map_err(|error| error.kind())
    };
    let scan = || Log::open(&story.path()).unwrap().scan(None, NOW).unwrap();
    assert_eq!(open(&envelope, 1000), Ok(()));
    for age in 1001..1001 + 3 * IDLE as u64 {
        assert_eq!(open(&envelope, age), Err(ErrorKind::Replayed));
        assert_eq!((scan().entries, scan().strangers), (1, 1));
    }
    let log = story.log();
    assert!(log.lines().count() < 2 * IDLE, "it was written anew");
    assert!(log.contains("\nextend "));
    // The line that was kept is the one that counts.
    let longest = NOW + 1000 + 3 * IDLE as u64 + bulla::MAX_SKEW;
    let mut file = Log::open(&story.path()).unwrap();
    let scan = file.scan(None, NOW).unwrap();
    file.compact(&story.path(), &scan, NOW).unwrap();
    drop(file);
    let log = story.log();
    assert_eq!(log.matches("\naccept ").count(), 1);
    assert!(!log.contains("\nextend ") && log.contains(&longest.to_string()));
    assert_eq!(open(&envelope, 10_000), Err(ErrorKind::Replayed));
    assert_eq!(open(&other, 10_000), Ok(()));
}

#[test]
fn what_was_extended_is_given_back_as_a_whole() {
    let story = Story::new();
    let envelope = story.seal(NOW);
    let policy = Policy::new("test", Senders::only([*story.alice.verifying_key()])).unwrap();
    let (guard, clock) = (FileGuard::new(&story.path()), FixedClock(NOW));
    let policy = policy.max_age(Some(1000));
    let opener = Opener::with_clock(&story.bob, &policy, Replay::Guarded(&guard), &clock);
    opener.open(&envelope).unwrap();
    assert_eq!(
        story.open(&envelope, NOW, 2000),
        Err(ErrorKind::Replayed),
        "while it is being delivered"
    );
    guard.take_back().unwrap();
    let mut log = Log::open(&story.path()).unwrap();
    let scan = log.scan(None, NOW).unwrap();
    log.compact(&story.path(), &scan, NOW).unwrap();
    drop(log);
    assert_eq!(story.log().matches("\naccept ").count(), 0);
    assert_eq!(story.open(&envelope, NOW, 1000), Ok(()));
}
