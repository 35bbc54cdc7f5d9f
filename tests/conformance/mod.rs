//! What every replay guard must do (spec/guard.md): one suite, run over each of them.
//!
//! A suite function gets an empty guard. Times are small numbers: guards that live on a server with a clock of its own are
//! given them relative to `BASE`.
#![allow(dead_code)]

pub(crate) mod bounds;
mod look;
pub(crate) mod processes;

use bulla::{
    Claim, Claimed, Digest, ErrorKind, LeaseToken, MAX_STORED_ANSWER, Order, Place, Rate,
    ReplayGuard,
};

/// Makes an empty guard.
pub(crate) type Make<'a> = &'a dyn Fn() -> Box<dyn ReplayGuard>;

/// A claim of its own for every number, issued at `issued` and kept for 100 seconds.
pub(crate) fn claim(number: u64, issued: u64) -> Claim {
    Claim {
        key: Digest::of(&number.to_be_bytes()),
        value: Digest::of(b"value"),
        scope: Digest::of(b"scope"),
        signer: [5; 32],
        stranger: false,
        issued,
        keep_until: issued + 100,
        bounded_by_age: true,
        place: None,
        challenge: None,
    }
}

pub(crate) fn token(claimed: bulla::Result<Claimed>) -> LeaseToken {
    match claimed.unwrap() {
        Claimed::New(token) => token,
        other => panic!("{other:?} where New is expected"),
    }
}

/// The whole suite.
pub(crate) fn all(make: Make<'_>) {
    for (name, check) in SUITE {
        println!("conformance: {name}");
        check(&*make());
    }
}

type Check = fn(&dyn ReplayGuard);

const SUITE: &[(&str, Check)] = &[
    (
        "the_same_and_another_message_under_one_key",
        the_same_and_another_message_under_one_key,
    ),
    ("content_that_is_not_known", content_that_is_not_known),
    ("leases", leases),
    ("time_does_not_go_back", time_does_not_go_back),
    (
        "a_copy_that_lives_longer_keeps_the_entry",
        a_copy_that_lives_longer_keeps_the_entry,
    ),
    (
        "a_copy_with_an_expiry_raises_no_mark",
        a_copy_with_an_expiry_raises_no_mark,
    ),
    ("a_lease_keeps_the_entry", a_lease_keeps_the_entry),
    (
        "an_entry_that_is_over_is_absent",
        an_entry_that_is_over_is_absent,
    ),
    ("what_is_over_is_not_claimed", what_is_over_is_not_claimed),
    ("order_only_newer", order_only_newer),
    ("order_without_gaps", order_without_gaps),
    (
        "a_commit_judges_the_order_again",
        a_commit_judges_the_order_again,
    ),
    (
        "a_stream_that_is_forgotten_begins_anew",
        a_stream_that_is_forgotten_begins_anew,
    ),
    ("challenges_are_answered_once", challenges_are_answered_once),
    (
        "a_challenge_that_an_entry_was_taken_with_stays_its_own",
        a_challenge_that_an_entry_was_taken_with_stays_its_own,
    ),
    ("looking_claims_nothing", look::looking_claims_nothing),
    ("rates", rates),
];

fn the_same_and_another_message_under_one_key(guard: &dyn ReplayGuard) {
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

/// What is refused by its stamp alone meets what was seen whole, and the other way round.
fn content_that_is_not_known(guard: &dyn ReplayGuard) {
    for (number, unknown_first) in [(1, false), (2, true)] {
        let whole = claim(number, 1000);
        let mut stamp = whole.clone();
        stamp.value = Claim::UNKNOWN;
        let (first, second) = if unknown_first {
            (stamp, whole)
        } else {
            (whole, stamp)
        };
        let held = token(guard.claim(&first, 1000, Some(60)));
        let while_held = guard.claim(&second, 1001, Some(60)).unwrap();
        assert_eq!(while_held, Claimed::Pending);
        guard.commit(&held, b"receipt").unwrap();
        for again in [&first, &second] {
            assert_eq!(
                guard.claim(again, 1002, Some(60)).unwrap(),
                Claimed::Same(b"receipt".to_vec())
            );
        }
    }
}

fn leases(guard: &dyn ReplayGuard) {
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
    let long = vec![0; MAX_STORED_ANSWER + 1];
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

fn time_does_not_go_back(guard: &dyn ReplayGuard) {
    assert_eq!(guard.observe(2000).unwrap(), 2000);
    assert_eq!(guard.observe(1000).unwrap(), 2000);
    // A lease is judged by the high-water mark too.
    let first = token(guard.claim(&claim(1, 2000), 2000, Some(30)));
    guard.observe(2031).unwrap();
    token(guard.claim(&claim(1, 2000), 1000, Some(30)));
    assert_eq!(guard.commit(&first, b"").unwrap_err(), ErrorKind::LeaseLost);
}

fn a_copy_that_lives_longer_keeps_the_entry(guard: &dyn ReplayGuard) {
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

fn a_lease_keeps_the_entry(guard: &dyn ReplayGuard) {
    // Held beyond the end of the message: whoever stored it can still commit it.
    let held = token(guard.claim(&claim(1, 1000), 1090, Some(60)));
    guard.renew(&held, 1100, 100).unwrap();
    guard.sweep(1150, usize::MAX).unwrap();
    guard.commit(&held, b"stored").unwrap();
    let mut copy = claim(1, 1000);
    copy.keep_until = 5000;
    assert_eq!(
        guard.claim(&copy, 1160, Some(60)).unwrap(),
        Claimed::Same(b"stored".to_vec())
    );
}

/// Else one sender could make the messages of all others too old: by a copy that is issued now, and expires at once.
fn a_copy_with_an_expiry_raises_no_mark(guard: &dyn ReplayGuard) {
    let by_age = |number| claim(number, 1000);
    let by_expiry = |number| Claim {
        issued: 1090,
        keep_until: 1101,
        bounded_by_age: false,
        ..claim(number, 1090)
    };
    for (number, first, second) in [
        (1, by_age(1), by_expiry(1)),
        (2, by_expiry(2), by_age(2)),
        (3, by_age(3), by_expiry(3)),
    ] {
        token(guard.claim(&first, 1050, None));
        let mut copy = second;
        let answer = if number == 3 {
            // One of other content joins its times, too.
            copy.value = Digest::of(b"other");
            Claimed::Replayed
        } else {
            Claimed::Same(vec![])
        };
        assert_eq!(guard.claim(&copy, 1050, None).unwrap(), answer);
    }
    // Given up, and taken over.
    let held = token(guard.claim(&by_age(4), 1050, Some(10)));
    guard.release(&held).unwrap();
    token(guard.claim(&by_expiry(4), 1050, None));
    guard.sweep(1101, usize::MAX).unwrap();
    token(guard.claim(&claim(5, 1002), 1101, None));
    // What is bounded by age alone leaves its mark, as ever.
    let mut raised = by_age(6);
    raised.keep_until = 9000;
    assert_eq!(
        guard.claim(&raised, 1101, None).unwrap(),
        Claimed::Forgotten
    );
}

fn an_entry_that_is_over_is_absent(guard: &dyn ReplayGuard) {
    let held = token(guard.claim(&claim(1, 1000), 1000, Some(10)));
    guard.commit(&held, b"receipt").unwrap();
    let mut copy = claim(1, 1000);
    copy.keep_until = 5000;
    // At its very end, swept or not, it is forgotten.
    assert_eq!(
        guard.claim(&copy, 1100, Some(10)).unwrap(),
        Claimed::Forgotten
    );
}

fn what_is_over_is_not_claimed(guard: &dyn ReplayGuard) {
    assert_eq!(
        guard.claim(&claim(1, 1000), 1100, None).unwrap(),
        Claimed::Forgotten
    );
    token(guard.claim(&claim(2, 1001), 1100, None));
}

fn placed(number: u64, order: Order) -> Claim {
    Claim {
        place: Some(Place {
            stream: Digest::of(b"stream"),
            number,
            order,
            keep_until: u64::MAX,
            issued: 1000,
        }),
        ..claim(number, 1000)
    }
}

fn order_only_newer(guard: &dyn ReplayGuard) {
    let newer = |number| placed(number, Order::Monotonic);
    token(guard.claim(&newer(5), 1000, None));
    assert_eq!(
        guard.claim(&newer(4), 1000, None).unwrap(),
        Claimed::Superseded
    );
    // A copy of what was accepted is a copy, and a second message of the same number is not newer.
    assert_eq!(
        guard.claim(&newer(5), 1000, None).unwrap(),
        Claimed::Same(vec![])
    );
    let mut second = newer(5);
    second.key = Digest::of(b"second");
    assert_eq!(
        guard.claim(&second, 1000, None).unwrap(),
        Claimed::Superseded
    );
    token(guard.claim(&newer(u64::MAX), 1000, None));
    // Another stream has its own mark, and without an order none is kept.
    let mut other = newer(1);
    other.place.as_mut().unwrap().stream = Digest::of(b"other");
    token(guard.claim(&other, 1000, None));
    token(guard.claim(&placed(2, Order::Any), 1000, None));
    assert!(guard.missing(&Digest::of(b"stream")).unwrap().is_empty());
    // The mark outlives the entries.
    guard.sweep(1200, usize::MAX).unwrap();
    let mut late = newer(u64::MAX - 1);
    (late.issued, late.keep_until) = (1200, 1300);
    assert_eq!(guard.claim(&late, 1200, None).unwrap(), Claimed::Superseded);
}

fn order_without_gaps(guard: &dyn ReplayGuard) {
    let stream = Digest::of(b"stream");
    let order = Order::Gapless {
        first: 1,
        window: 4,
    };
    let claimed = |number| guard.claim(&placed(number, order), 1000, None).unwrap();
    assert_eq!(claimed(5), Claimed::Gap);
    assert!(matches!(claimed(4), Claimed::New(_)));
    assert!(matches!(claimed(2), Claimed::New(_)));
    assert_eq!(guard.missing(&stream).unwrap(), [1..=1, 3..=3]);
    assert!(matches!(claimed(1), Claimed::New(_)));
    assert_eq!(guard.missing(&stream).unwrap(), [3..=3]);
    guard.skip(&stream, 4).unwrap();
    assert!(guard.missing(&stream).unwrap().is_empty());
    assert_eq!(claimed(3), Claimed::Superseded);
    assert!(matches!(claimed(5), Claimed::New(_)));
    guard.skip(&Digest::of(b"unknown"), 4).unwrap();
    assert!(guard.missing(&Digest::of(b"unknown")).unwrap().is_empty());
}

fn a_commit_judges_the_order_again(guard: &dyn ReplayGuard) {
    let newer = |number| placed(number, Order::Monotonic);
    let slow = token(guard.claim(&newer(1), 1000, Some(60)));
    let fast = token(guard.claim(&newer(2), 1000, Some(60)));
    // A reservation settles nothing yet.
    guard.commit(&fast, b"two").unwrap();
    assert_eq!(
        guard.commit(&slow, b"one").unwrap_err(),
        ErrorKind::Superseded
    );
    // It was given up, and is not newer now.
    assert_eq!(
        guard.commit(&slow, b"one").unwrap_err(),
        ErrorKind::LeaseLost
    );
    assert_eq!(
        guard.claim(&newer(1), 1000, Some(60)).unwrap(),
        Claimed::Superseded
    );
    assert_eq!(
        guard.claim(&newer(2), 1000, Some(60)).unwrap(),
        Claimed::Same(b"two".to_vec())
    );
}

fn a_stream_that_is_forgotten_begins_anew(guard: &dyn ReplayGuard) {
    let stream = Digest::of(b"stream");
    let newer = |number| placed(number, Order::Monotonic);
    assert!(!guard.forget_stream(&stream).unwrap());
    token(guard.claim(&newer(5), 1000, None));
    let slow = token(guard.claim(&newer(6), 1000, Some(60)));
    let fast = token(guard.claim(&newer(7), 1000, Some(60)));
    guard.commit(&fast, b"seven").unwrap();
    assert!(guard.forget_stream(&stream).unwrap());
    assert!(!guard.forget_stream(&stream).unwrap());
    // Copies stay copies; what was never accepted can be.
    let again = |number, lease| guard.claim(&newer(number), 1000, lease).unwrap();
    assert_eq!(again(5, None), Claimed::Same(vec![]));
    assert_eq!(again(7, Some(60)), Claimed::Same(b"seven".to_vec()));
    guard.commit(&slow, b"six").unwrap();
    assert_eq!(again(4, None), Claimed::Superseded);
    assert!(guard.forget_stream(&stream).unwrap());
    token(guard.claim(&newer(4), 1000, None));
    let order = Order::Gapless {
        first: 1,
        window: 2,
    };
    assert!(guard.forget_stream(&stream).unwrap());
    token(guard.claim(&placed(2, order), 1000, None));
    assert_eq!(guard.missing(&stream).unwrap(), [1..=1]);
}

fn a_challenge_that_an_entry_was_taken_with_stays_its_own(guard: &dyn ReplayGuard) {
    let answer = |which: &[u8]| Claim {
        challenge: Some(Digest::of(which)),
        ..claim(1, 0)
    };
    for which in [b"a", b"b"] {
        guard.expect(&Digest::of(which), 1050, 1000).unwrap();
        // Given up, the message may come again in answer to the same challenge, as often as it likes.
        for _ in 0..3 {
            let held = token(guard.claim(&answer(which), 1000, Some(10)));
            guard.release(&held).unwrap();
        }
    }
}

fn challenges_are_answered_once(guard: &dyn ReplayGuard) {
    let name = |which: &[u8]| Digest::of(which);
    let answer = |number: u64, which: &[u8]| Claim {
        challenge: Some(name(which)),
        ..claim(number, 0)
    };
    assert_eq!(
        guard.claim(&answer(1, b"a"), 1000, None).unwrap(),
        Claimed::Unasked
    );
    guard.expect(&name(b"a"), 1050, 1000).unwrap();
    // Its own times do not count: they may be anything.
    let first = token(guard.claim(&answer(1, b"a"), 1000, Some(10)));
    assert_eq!(
        guard.claim(&answer(2, b"a"), 1001, None).unwrap(),
        Claimed::Unasked
    );
    // Given up, the same answer may come again, and another may not.
    guard.release(&first).unwrap();
    assert_eq!(
        guard.claim(&answer(2, b"a"), 1002, None).unwrap(),
        Claimed::Unasked
    );
    let again = token(guard.claim(&answer(1, b"a"), 1003, Some(10)));
    guard.commit(&again, b"done").unwrap();
    assert_eq!(
        guard.claim(&answer(1, b"a"), 1004, Some(10)).unwrap(),
        Claimed::Same(b"done".to_vec())
    );
    // Long after, the entry is forgotten, and the challenge is not open either.
    guard.sweep(1050 + bulla::MAX_SKEW, usize::MAX).unwrap();
    assert_eq!(
        guard.claim(&answer(1, b"a"), 9000, Some(10)).unwrap(),
        Claimed::Unasked
    );
    // Too late.
    guard.expect(&name(b"b"), 9050, 9000).unwrap();
    assert_eq!(
        guard.claim(&answer(3, b"b"), 9050, None).unwrap(),
        Claimed::Unasked
    );
}

fn rates(guard: &dyn ReplayGuard) {
    let rate = Rate {
        every: 10,
        burst: 2,
    };
    let what = Digest::of(b"what");
    let done: Vec<u64> = (1000..1030)
        .filter(|now| guard.permit(&what, *now, rate).unwrap())
        .collect();
    assert_eq!(done, [1000, 1001, 1010, 1020]);
    assert!(guard.permit(&Digest::of(b"other"), 1030, rate).unwrap());
}
