//! The guard in memory: conformance with what every guard must do (spec/guard.md), and bounds of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod conformance;

use bulla::{ErrorKind, MemoryGuard, ReplayGuard};
use conformance::{claim, token};

#[test]
fn conforms() {
    conformance::all(&|| Box::new(MemoryGuard::new(1000)));
    conformance::bounds::all(&|limits| Box::new(MemoryGuard::with(limits)));
}

#[test]
fn ten_thousand_races_and_one_winner_each() {
    let guard = MemoryGuard::with_limits(10_000, 0, 10_000, 0);
    conformance::bounds::race(&guard, 10_000);
    assert_eq!(guard.len(), 10_000);
}

#[test]
fn memory_is_bounded_and_entries_leave() {
    let guard = MemoryGuard::with_limits(1000, 10, 1000, 1000);
    for number in 0..1000 {
        token(guard.claim(&claim(number, 1000), 1000, None));
    }
    assert_eq!(
        guard.claim(&claim(1000, 1000), 1000, None).unwrap_err(),
        ErrorKind::GuardFull
    );
    assert_eq!(guard.len(), 1000);
    // Strangers have a pool of their own, and neither pool takes from the other.
    for number in 0..10 {
        let mut stranger = claim(2000 + number, 1000);
        (stranger.stranger, stranger.signer) = (true, [9; 32]);
        token(guard.claim(&stranger, 1000, None));
    }
    let mut stranger = claim(3000, 1000);
    stranger.stranger = true;
    assert_eq!(
        guard.claim(&stranger, 1000, None).unwrap_err(),
        ErrorKind::GuardFull
    );
    // When their time has come they leave by themselves as others arrive, or by a sweep.
    for number in 0..400 {
        token(guard.claim(&claim(5000 + number, 1200), 1200, None));
    }
    guard.sweep(1200, usize::MAX).unwrap();
    assert_eq!(guard.len(), 400);
}

/// Two months of traffic that is kept for 30 days: what is over leaves as fast as new messages come.
#[test]
fn it_keeps_up_with_thirty_days_of_retention() {
    const DAY: u64 = 86_400;
    let guard = MemoryGuard::with_limits(100_000, 0, 100_000, 0);
    for minute in 0..60 * DAY / 60 {
        let now = 1_000_000 + minute * 60;
        let mut message = claim(minute, 1000);
        (message.issued, message.keep_until) = (now, now + 30 * DAY);
        token(guard.claim(&message, now, None));
        assert!(guard.len() <= 43_201, "{} entries", guard.len());
    }
    assert_eq!(guard.len(), 43_200);
}

/// A day of traffic: two messages a second, half of them with a short end and half with a long one.
#[test]
fn it_does_not_grow_under_a_day_of_traffic() {
    let guard = MemoryGuard::with_limits(100_000, 0, 100_000, 0);
    let mut most = 0;
    for second in 0..86_400_u64 {
        let now = 1_000_000 + second;
        for half in 0..2 {
            let mut message = claim(second * 2 + half, 1000);
            message.issued = now;
            message.keep_until = now + if half == 0 { 60 } else { 36_000 };
            token(guard.claim(&message, now, None));
        }
        most = most.max(guard.len());
    }
    // Those that live, and not one more.
    assert_eq!(most, 60 + 36_000);
    guard
        .sweep(1_000_000 + 86_400 + 36_008, usize::MAX)
        .unwrap();
    assert!(guard.is_empty(), "{} left", guard.len());
}
