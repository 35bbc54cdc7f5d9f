//! The durable guard: conformance, several processes, restarts and crashes, and files that are not as they should be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

#[path = "../conformance/mod.rs"]
mod conformance;

mod files;
mod room;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla::{
    Claimed, Database, Digest, EntryState, ErrorClass, ErrorKind, GuardLimits, LeaseToken, Order,
    Place, Rate, ReplayGuard, SqliteGuard,
};
use conformance::processes::{self, Other};
use conformance::{claim, token};
use tempfile::TempDir;

/// A folder that vanishes, and a file name in it.
fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("guard");
    (folder, path)
}

fn open(path: &Path) -> SqliteGuard {
    SqliteGuard::open(path).unwrap()
}

/// Not a test of its own: the other process.
#[test]
fn helper() {
    processes::helper(|name| Ok(Box::new(SqliteGuard::open(name)?)));
}

#[test]
fn conforms() {
    let folder = TempDir::new().unwrap();
    let made = AtomicU64::new(0);
    let path = || {
        folder
            .path()
            .join(made.fetch_add(1, Ordering::Relaxed).to_string())
    };
    conformance::all(&|| Box::new(open(&path())));
    conformance::bounds::all(&|limits| {
        Box::new(SqliteGuard::with(Database::open(path()).unwrap(), limits))
    });
}

#[test]
fn two_processes_race() {
    let (_folder, path) = place();
    processes::race(processes::name(&path), 10_000);
    let guard = open(&path);
    guard.check().unwrap();
    assert_eq!(guard.status().unwrap().committed, 10_000);
}

#[test]
fn two_processes_make_the_file_at_once() {
    for _ in 0..20 {
        let (_folder, path) = place();
        processes::race(processes::name(&path), 20);
    }
}

#[test]
fn a_late_holder_in_another_process() {
    let (_folder, path) = place();
    processes::a_late_holder(&open(&path), processes::name(&path));
}

#[test]
fn kill_at_any_instant() {
    let (_folder, path) = place();
    let mut first = 0;
    for round in 0..25_u64 {
        // From 1 to 40 milliseconds, in an order that is the same every time.
        let nap = Duration::from_micros(1000 + (round * 7919) % 40_000);
        first = processes::killed(processes::name(&path), first, nap, &|| {
            let guard = open(&path);
            guard.check().unwrap();
            Box::new(guard)
        });
    }
    let status = open(&path).status().unwrap();
    println!(
        "{} committed, {} reserved",
        status.committed, status.reserved
    );
    assert!(status.committed > 100);
}

/// Also while it makes the file: there is none, or a whole one.
#[test]
fn kill_while_the_file_is_made() {
    for round in 0..20_u64 {
        let (_folder, path) = place();
        let other = Other::start("claim", processes::name(&path), 0);
        std::thread::sleep(Duration::from_micros(1000 + (round * 7919) % 16_000));
        let done = other.kill().len().saturating_sub(1);
        let guard = open(&path);
        guard.check().unwrap();
        assert!(guard.status().unwrap().committed as usize >= done);
    }
}

fn placed(number: u64) -> bulla::Claim {
    let order = Order::Gapless {
        first: 1,
        window: 10,
    };
    let stream = Digest::of(b"stream");
    bulla::Claim {
        place: Some(Place {
            stream,
            number,
            order,
            keep_until: u64::MAX,
            issued: 1000,
        }),
        ..claim(100 + number, 1000)
    }
}

#[test]
fn everything_survives_a_restart() {
    let (_folder, path) = place();
    let rate = Rate {
        every: 10,
        burst: 1,
    };
    let (asked, what, stream) = (
        Digest::of(b"asked"),
        Digest::of(b"x"),
        Digest::of(b"stream"),
    );
    let guard = open(&path);
    let held = token(guard.claim(&claim(1, 1000), 1000, Some(30)));
    let kept = token(guard.claim(&claim(2, 1000), 1000, Some(500)));
    let mut stranger = claim(3, 1000);
    stranger.stranger = true;
    let released = token(guard.claim(&stranger, 1000, Some(30)));
    guard.release(&released).unwrap();
    guard.commit(&held, b"the receipt").unwrap();
    token(guard.claim(&placed(2), 1000, None));
    token(guard.claim(&placed(5), 1000, None));
    guard.expect(&asked, 1500, 1010).unwrap();
    assert!(guard.permit(&what, 1010, rate).unwrap());
    drop(guard);

    let guard = open(&path);
    assert_eq!(guard.observe(0).unwrap(), 1010);
    assert_eq!(
        guard.claim(&claim(1, 1000), 1000, Some(9)).unwrap(),
        Claimed::Same(b"the receipt".to_vec())
    );
    assert_eq!(
        guard.claim(&claim(2, 1000), 1000, Some(9)).unwrap(),
        Claimed::Pending
    );
    let again = token(guard.claim(&stranger, 1000, Some(9)));
    assert!(again.number > released.number);
    assert_eq!(guard.missing(&stream).unwrap(), [1..=1, 3..=4]);
    assert_eq!(
        guard.claim(&placed(2), 1000, None).unwrap(),
        Claimed::Same(vec![])
    );
    assert!(!guard.permit(&what, 1019, rate).unwrap());
    assert!(guard.permit(&what, 1020, rate).unwrap());
    let mut answer = claim(50, 1000);
    answer.challenge = Some(asked);
    token(guard.claim(&answer, 1020, None));
    looks_right(&guard);
    guard.commit(&kept, b"").unwrap();
    // What was dropped by age stays refused, with the mark that is left of it.
    guard.sweep(1200, usize::MAX).unwrap();
    drop(guard);
    let guard = open(&path);
    assert_eq!(guard.observe(0).unwrap(), 1200);
    let mut old = claim(1, 1000);
    old.keep_until = 9000;
    assert_eq!(guard.claim(&old, 1000, None).unwrap(), Claimed::Forgotten);
    assert_eq!(guard.missing(&stream).unwrap(), [1..=1, 3..=4]);
    guard.check().unwrap();
}

/// What the command line is shown of the guard above.
fn looks_right(guard: &SqliteGuard) {
    let status = guard.status().unwrap();
    assert_eq!(
        (status.committed, status.reserved, status.released),
        (4, 2, 0)
    );
    assert_eq!((status.strangers, status.streams), (1, 1));
    assert_eq!((status.challenges, status.high_water), (0, 1020));
    assert!(status.file_bytes > 4096 && status.schema_version == 1);
    let streams = guard.streams(None, 10).unwrap();
    assert_eq!(streams[0].greatest, Some(5));
    assert_eq!(streams[0].missing, [1..=1, 3..=4]);
    // The list in pieces is the list.
    let all = guard.entries(None, usize::MAX).unwrap();
    assert_eq!(all.len(), 6);
    let first = guard.entries(None, 4).unwrap();
    let rest = guard.entries(Some(&first[3].key), 4).unwrap();
    assert_eq!([first, rest].concat(), all);
    let state_of = |number| {
        let key = claim(number, 0).key;
        all.iter().find(|entry| entry.key == key).unwrap().state
    };
    assert_eq!(state_of(1), EntryState::Committed { answer: 11 });
    assert_eq!(state_of(2), EntryState::Reserved { until: 1500 });
}
