//! The guard in memory: conformance with what every guard must do (spec/guard.md), and bounds of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod conformance;

use bulla::{Claimed, Digest, ErrorKind, MemoryGuard, ReplayGuard};
use conformance::{claim, token};

#[test]
fn conforms() {
    conformance::all(&|| Box::new(MemoryGuard::new(1000)));
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

#[test]
fn no_sender_takes_all() {
    let guard = MemoryGuard::with_limits(100, 100, 20, 5);
    for number in 0..20 {
        token(guard.claim(&claim(number, 1000), 1000, None));
    }
    assert_eq!(
        guard.claim(&claim(20, 1000), 1000, None).unwrap_err(),
        ErrorKind::GuardFull
    );
    let mut other = claim(21, 1000);
    other.signer = [7; 32];
    token(guard.claim(&other, 1000, None));
    // Room comes back with time.
    guard.sweep(1200, usize::MAX).unwrap();
    token(guard.claim(&claim(22, 1200), 1200, None));
}

#[test]
fn what_was_forgotten_is_not_revived() {
    let guard = MemoryGuard::new(100);
    token(guard.claim(&claim(1, 1000), 1000, None));
    guard.sweep(1100, usize::MAX).unwrap();
    guard.sweep(1108, usize::MAX).unwrap();
    assert!(guard.is_empty());
    // The greatest age is raised: by the policy the old message would do again, by the guard it does not.
    let mut old = claim(1, 1000);
    old.keep_until = 5000;
    assert_eq!(guard.claim(&old, 1200, None).unwrap(), Claimed::Forgotten);
    let mut newer = claim(2, 1001);
    newer.keep_until = 5000;
    token(guard.claim(&newer, 1200, None));
    // Another context, or another reader, has its own mark.
    old.scope = Digest::of(b"other scope");
    token(guard.claim(&old, 1200, None));
    // An entry that went by its own expiry leaves no mark: it cannot come back, for the expiry is signed.
    let mut brief = claim(3, 2000);
    (brief.keep_until, brief.bounded_by_age) = (2010, false);
    token(guard.claim(&brief, 2000, None));
    guard.sweep(2100, usize::MAX).unwrap();
    let mut late = claim(4, 1990);
    late.keep_until = 5000;
    token(guard.claim(&late, 2100, None));
}

#[test]
fn one_winner_in_a_race() {
    let guard = MemoryGuard::new(10_000);
    let wins: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..1000)
                        .filter(|number| {
                            matches!(
                                guard.claim(&claim(*number, 1000), 1000, None),
                                Ok(Claimed::New(_))
                            )
                        })
                        .count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(wins, 1000);
}

#[test]
fn one_stranger_does_not_take_all() {
    let guard = MemoryGuard::new(80);
    let stranger = |number: u64, signer: u8| {
        let mut claim = claim(number, 1000);
        (claim.stranger, claim.signer) = (true, [signer; 32]);
        claim
    };
    let taken = (0..80).take_while(|number| guard.claim(&stranger(*number, 1), 1000, None).is_ok());
    assert_eq!(taken.count(), 10);
    assert!(guard.claim(&stranger(100, 2), 1000, None).is_ok());
}

#[test]
fn a_reservation_taken_over_leaves_the_newer_mark() {
    let guard = MemoryGuard::new(100);
    let first = token(guard.claim(&claim(1, 1000), 1000, Some(10)));
    guard.release(&first).unwrap();
    token(guard.claim(&claim(1, 1050), 1060, Some(10)));
    guard.sweep(1150, usize::MAX).unwrap();
    assert!(guard.is_empty());
    let mut raised = claim(1, 1050);
    raised.keep_until = 9000;
    assert_eq!(
        guard.claim(&raised, 1200, None).unwrap(),
        Claimed::Forgotten
    );
}

#[test]
fn scopes_without_a_mark_of_their_own_share_one() {
    let guard = MemoryGuard::with_limits(10_000, 0, 10_000, 0);
    for number in 0..2000 {
        let mut message = claim(number, 1000);
        message.scope = Digest::of(&number.to_le_bytes());
        token(guard.claim(&message, 1000, None));
    }
    guard.sweep(1100, usize::MAX).unwrap();
    for number in 0..2000 {
        let mut message = claim(number, 1000);
        (message.scope, message.keep_until) = (Digest::of(&number.to_le_bytes()), 9000);
        assert_eq!(
            guard.claim(&message, 1100, None).unwrap(),
            Claimed::Forgotten
        );
    }
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
