//! The guard in memory: claims, leases, bounds, forgetting (spec/opening.md §5).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use bulla::{
    Claim, Claimed, Digest, ErrorKind, LeaseToken, MAX_STORED_RECEIPT, MemoryGuard, ReplayGuard,
};

/// Claims come from the gate alone; a test makes one by letting the gate ask a guard that copies it.
mod claims {
    use super::common::{identity, key};
    use bulla::{
        Claim, Claimed, FixedClock, LeaseToken, Opener, Policy, Replay, ReplayGuard, Result,
        Senders,
    };
    use bulla_forge::{CONTEXT, Forge, NOW, Person};
    use std::sync::Mutex;

    #[derive(Default)]
    struct Copy(Mutex<Option<Claim>>);

    impl ReplayGuard for Copy {
        fn observe(&self, now: u64) -> Result<u64> {
            Ok(now)
        }
        fn claim(&self, claim: &Claim, _: u64, _: Option<u64>) -> Result<Claimed> {
            *self.0.lock().unwrap() = Some(claim.clone());
            Ok(Claimed::New(LeaseToken {
                key: claim.key,
                number: 0,
            }))
        }
        fn commit(&self, _: &LeaseToken, _: &[u8]) -> Result<()> {
            Ok(())
        }
        fn release(&self, _: &LeaseToken) -> Result<()> {
            Ok(())
        }
        fn renew(&self, _: &LeaseToken, _: u64, _: u64) -> Result<()> {
            Ok(())
        }
        fn sweep(&self, _: u64, _: usize) -> Result<usize> {
            Ok(0)
        }
    }

    pub(crate) fn some() -> Claim {
        let (alice, bob) = (Person::new("alice"), Person::new("bob"));
        let sealed = Forge::sealed(&alice, &[&bob]).seal();
        let policy = Policy::new(CONTEXT, Senders::only([key(&alice)])).unwrap();
        let (copy, keys, clock) = (Copy::default(), identity(&bob), FixedClock(NOW));
        let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&copy), &clock);
        opener.open(&sealed.envelope).unwrap();
        copy.0.into_inner().unwrap().unwrap()
    }
}

/// A claim of its own for every number, issued at `issued` and kept for 100 seconds.
fn claim(number: u64, issued: u64) -> Claim {
    let mut claim = claims::some();
    claim.key = Digest::of(&number.to_be_bytes());
    (claim.issued, claim.keep_until, claim.bounded_by_age) = (issued, issued + 100, true);
    claim
}

fn token(claimed: bulla::Result<Claimed>) -> LeaseToken {
    match claimed.unwrap() {
        Claimed::New(token) => token,
        other => panic!("{other:?} where New is expected"),
    }
}

#[test]
fn the_same_and_another_message_under_one_key() {
    let guard = MemoryGuard::new(100);
    let mut message = claim(1, 1000);
    token(guard.claim(&message, 1000, None));
    assert_eq!(
        guard.claim(&message, 1001, None).unwrap(),
        Claimed::Same(vec![])
    );
    message.value = Digest::of(b"other");
    assert_eq!(
        guard.claim(&message, 1002, None).unwrap(),
        Claimed::Replayed
    );
}

#[test]
fn leases() {
    let guard = MemoryGuard::new(100);
    let message = claim(1, 1000);
    let first = token(guard.claim(&message, 1000, Some(30)));
    assert_eq!(
        guard.claim(&message, 1029, Some(30)).unwrap(),
        Claimed::Pending
    );
    guard.renew(&first, 1029, 10).unwrap();
    assert_eq!(
        guard.claim(&message, 1038, Some(30)).unwrap(),
        Claimed::Pending
    );
    // The lease runs out: somebody else takes over, and the first has lost it, whatever it does.
    let second = token(guard.claim(&message, 1039, Some(30)));
    assert_eq!(
        guard.commit(&first, b"receipt").unwrap_err(),
        ErrorKind::LeaseLost
    );
    assert_eq!(guard.release(&first).unwrap_err(), ErrorKind::LeaseLost);
    assert_eq!(
        guard.renew(&first, 1039, 30).unwrap_err(),
        ErrorKind::LeaseLost
    );
    // Given up: free at once. Then done: the receipt comes back, byte for byte.
    guard.release(&second).unwrap();
    let third = token(guard.claim(&message, 1040, Some(30)));
    let long = vec![0; MAX_STORED_RECEIPT + 1];
    assert_eq!(
        guard.commit(&third, &long).unwrap_err(),
        ErrorKind::InvalidInput
    );
    guard.commit(&third, b"receipt").unwrap();
    assert_eq!(
        guard.commit(&third, b"other").unwrap_err(),
        ErrorKind::LeaseLost
    );
    assert_eq!(
        guard.claim(&message, 1041, Some(30)).unwrap(),
        Claimed::Same(b"receipt".to_vec())
    );
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
fn time_does_not_go_back() {
    let guard = MemoryGuard::new(100);
    assert_eq!(guard.observe(2000).unwrap(), 2000);
    assert_eq!(guard.observe(1000).unwrap(), 2000);
    // A lease is judged by the high-water mark too.
    let first = token(guard.claim(&claim(1, 2000), 2000, Some(30)));
    guard.observe(2031).unwrap();
    token(guard.claim(&claim(1, 2000), 1000, Some(30)));
    assert_eq!(guard.commit(&first, b"").unwrap_err(), ErrorKind::LeaseLost);
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
                                guard.claim(&claim_cheap(*number), 1000, None),
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

fn claim_cheap(number: u64) -> Claim {
    static ONE: std::sync::OnceLock<Claim> = std::sync::OnceLock::new();
    let mut claim = ONE.get_or_init(|| claim(0, 1000)).clone();
    claim.key = Digest::of(&number.to_be_bytes());
    claim
}

#[test]
fn one_stranger_does_not_take_all() {
    let guard = MemoryGuard::new(80);
    let stranger = |number: u64, signer: u8| {
        let mut claim = claim_cheap(number);
        (claim.stranger, claim.signer) = (true, [signer; 32]);
        claim
    };
    let taken = (0..80).take_while(|number| guard.claim(&stranger(*number, 1), 1000, None).is_ok());
    assert_eq!(taken.count(), 10);
    assert!(guard.claim(&stranger(100, 2), 1000, None).is_ok());
}

#[test]
fn a_copy_that_lives_longer_keeps_the_entry() {
    let guard = MemoryGuard::new(100);
    token(guard.claim(&claim(1, 1000), 1000, None));
    let mut longer = claim(1, 1050);
    longer.keep_until = 2000;
    assert_eq!(
        guard.claim(&longer, 1060, None).unwrap(),
        Claimed::Same(vec![])
    );
    guard.sweep(1500, usize::MAX).unwrap();
    assert_eq!(
        guard.claim(&longer, 1500, None).unwrap(),
        Claimed::Same(vec![])
    );
}

#[test]
fn what_is_over_is_not_claimed() {
    let guard = MemoryGuard::new(100);
    assert_eq!(
        guard.claim(&claim(1, 1000), 1100, None).unwrap(),
        Claimed::Forgotten
    );
    assert!(guard.is_empty());
    token(guard.claim(&claim(2, 1001), 1100, None));
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
        let mut message = claim_cheap(number);
        message.scope = Digest::of(&number.to_le_bytes());
        token(guard.claim(&message, 1000, None));
    }
    guard.sweep(1100, usize::MAX).unwrap();
    for number in 0..2000 {
        let mut message = claim_cheap(number);
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
        let mut message = claim_cheap(minute);
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
            let mut message = claim_cheap(second * 2 + half);
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
