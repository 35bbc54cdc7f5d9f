//! The bounds of guards that take limits (spec/guard.md §6), and that they hold without forgetting what matters.

use bulla::{Claim, Claimed, Digest, ErrorKind, GuardLimits, Order, Place, ReplayGuard};

use super::{claim, token};

/// Makes an empty guard with these limits.
pub(crate) type Make<'a> = &'a dyn Fn(GuardLimits) -> Box<dyn ReplayGuard>;

/// All of them.
pub(crate) fn all(make: Make<'_>) {
    for (name, check) in SUITE {
        println!("bounds: {name}");
        check(make);
    }
}

type Check = fn(Make<'_>);

const SUITE: &[(&str, Check)] = &[
    ("no_sender_takes_all", no_sender_takes_all),
    (
        "what_was_forgotten_is_not_revived",
        what_was_forgotten_is_not_revived,
    ),
    (
        "one_stranger_does_not_take_all",
        one_stranger_does_not_take_all,
    ),
    (
        "a_reservation_taken_over_leaves_the_newer_mark",
        a_reservation_taken_over_leaves_the_newer_mark,
    ),
    (
        "scopes_without_a_mark_of_their_own_share_one",
        scopes_without_a_mark_of_their_own_share_one,
    ),
    ("streams_of_strangers_leave", streams_of_strangers_leave),
    (
        "a_copy_does_not_date_the_stream_of_another",
        a_copy_does_not_date_the_stream_of_another,
    ),
    ("a_sweep_goes_to_its_end", a_sweep_goes_to_its_end),
    ("one_winner_in_a_race", one_winner_in_a_race),
];

fn no_sender_takes_all(make: Make<'_>) {
    let guard = make(
        GuardLimits::of(100)
            .strangers(100)
            .per_sender(20)
            .per_stranger(5),
    );
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

fn what_was_forgotten_is_not_revived(make: Make<'_>) {
    let guard = make(GuardLimits::of(100));
    token(guard.claim(&claim(1, 1000), 1000, None));
    guard.sweep(1100, usize::MAX).unwrap();
    guard.sweep(1108, usize::MAX).unwrap();
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

fn one_stranger_does_not_take_all(make: Make<'_>) {
    let guard = make(GuardLimits::of(80));
    let stranger = |number: u64, signer: u8| {
        let mut claim = claim(number, 1000);
        (claim.stranger, claim.signer) = (true, [signer; 32]);
        claim
    };
    let taken = (0..80).take_while(|number| guard.claim(&stranger(*number, 1), 1000, None).is_ok());
    assert_eq!(taken.count(), 10);
    assert!(guard.claim(&stranger(100, 2), 1000, None).is_ok());
}

fn a_reservation_taken_over_leaves_the_newer_mark(make: Make<'_>) {
    let guard = make(GuardLimits::of(100));
    let first = token(guard.claim(&claim(1, 1000), 1000, Some(10)));
    guard.release(&first).unwrap();
    token(guard.claim(&claim(1, 1050), 1060, Some(10)));
    guard.sweep(1150, usize::MAX).unwrap();
    let mut raised = claim(1, 1050);
    raised.keep_until = 9000;
    assert_eq!(
        guard.claim(&raised, 1200, None).unwrap(),
        Claimed::Forgotten
    );
}

fn scopes_without_a_mark_of_their_own_share_one(make: Make<'_>) {
    let guard = make(
        GuardLimits::of(10_000)
            .strangers(0)
            .per_sender(10_000)
            .per_stranger(0),
    );
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

/// Guards sweep in steps; that goes on until nothing is over, or until its bound.
fn a_sweep_goes_to_its_end(make: Make<'_>) {
    let guard = make(GuardLimits::of(4000));
    for number in 0..1600_u64 {
        token(guard.claim(&claim(number, 1000), 1000, None));
    }
    assert_eq!(guard.sweep(1100, 0).unwrap(), 0);
    assert_eq!(guard.sweep(1100, 300).unwrap(), 300);
    assert_eq!(guard.sweep(1100, usize::MAX).unwrap(), 1300);
    assert_eq!(guard.sweep(1100, usize::MAX).unwrap(), 0);
}

fn one_winner_in_a_race(make: Make<'_>) {
    race(&*make(GuardLimits::of(10_000)), 1000);
}

/// Eight threads claim the same `rounds` messages, all of them at one time: each is new exactly once.
pub(crate) fn race(guard: &dyn ReplayGuard, rounds: u64) {
    let start = std::sync::Barrier::new(8);
    // Judged after all have come to the end: one that fails at the barrier would leave the others waiting there.
    let answers: Vec<Vec<_>> = std::thread::scope(|scope| {
        let contend = || {
            let answer = |number| {
                start.wait();
                guard.claim(&claim(number, 1000), 1000, None)
            };
            (0..rounds).map(answer).collect()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(contend)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let won = |(number, answer)| match answer {
        Ok(Claimed::New(_)) => Some(number),
        Ok(Claimed::Same(_)) => None,
        other => panic!("{number}: {other:?}"),
    };
    let wins: Vec<Vec<u64>> = answers
        .into_iter()
        .map(|answers| (0..rounds).zip(answers).filter_map(won).collect())
        .collect();
    let counts: Vec<usize> = wins.iter().map(Vec::len).collect();
    println!("{rounds} messages, won by eight threads: {counts:?}");
    let winners = counts.iter().filter(|count| **count > 0).count();
    assert!(winners > 1, "that was no race");
    let mut all = wins.concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..rounds));
}

/// A copy that comes while the first is reserved is issued later; what is settled is the first, and its stream has the end and
/// the time of issue of that.
fn a_copy_does_not_date_the_stream_of_another(make: Make<'_>) {
    let guard = make(GuardLimits::of(8).strangers(2).per_stranger(2));
    let message = |number: u64, issued: u64| {
        let mut claim = claim(number, issued);
        claim.stranger = true;
        claim.place = Some(Place {
            stream: Digest::of(&number.to_be_bytes()),
            number,
            order: Order::Monotonic,
            keep_until: issued + 100,
            issued,
        });
        claim
    };
    let held = token(guard.claim(&message(1, 1000), 1000, Some(60)));
    assert_eq!(
        guard.claim(&message(1, 1050), 1050, Some(60)).unwrap(),
        Claimed::Pending
    );
    guard.commit(&held, b"").unwrap();
    let mut brief = message(2, 1060);
    (brief.keep_until, brief.bounded_by_age) = (1061, false);
    token(guard.claim(&brief, 1060, None));
    // The first stream leaves for want of room, and leaves the mark of the message that was settled in it.
    token(guard.claim(&message(3, 1099), 1100, None));
    let mut listed = claim(4, 1001);
    listed.keep_until = 9000;
    token(guard.claim(&listed, 1100, None));
    let mut forgotten = claim(5, 1000);
    forgotten.keep_until = 9000;
    assert_eq!(
        guard.claim(&forgotten, 1100, None).unwrap(),
        Claimed::Forgotten
    );
}

/// The pool of strangers fills with streams; once all that could come of one is too old, its place is free again.
fn streams_of_strangers_leave(make: Make<'_>) {
    let guard = make(GuardLimits::of(8).strangers(2).per_stranger(2));
    // Issued at `issued`, of an entry that leaves at once, in a stream that is over after 100 seconds.
    let message = |stream: u64, number: u64, issued: u64, stranger: bool| {
        let mut claim = claim(100 * stream + number, issued);
        (claim.keep_until, claim.bounded_by_age) = (issued + 1, false);
        claim.stranger = stranger;
        claim.place = Some(Place {
            stream: Digest::of(&stream.to_be_bytes()),
            number,
            order: Order::Monotonic,
            keep_until: issued + 100,
            issued,
        });
        claim
    };
    let of_stranger = |stream, number, issued| message(stream, number, issued, true);
    token(guard.claim(&of_stranger(1, 5, 1000), 1000, None));
    token(guard.claim(&of_stranger(2, 5, 1010), 1010, None));
    let full = |claim: &Claim, now| guard.claim(claim, now, None).unwrap_err();
    assert_eq!(full(&of_stranger(3, 1, 1050), 1050), ErrorKind::GuardFull);
    assert_eq!(full(&of_stranger(3, 1, 1099), 1099), ErrorKind::GuardFull);
    // The next message of a stream keeps it on, and one that is older than another does not shorten it.
    token(guard.claim(&of_stranger(2, 6, 1099), 1099, None));
    let superseded = |claim: &Claim, now| {
        assert_eq!(guard.claim(claim, now, None).unwrap(), Claimed::Superseded);
    };
    // Its time has come, and nobody needs its room: it counts as before.
    superseded(&of_stranger(1, 4, 1100), 1100);
    token(guard.claim(&of_stranger(3, 1, 1100), 1100, None));
    superseded(&of_stranger(2, 4, 1101), 1101);
    assert_eq!(full(&of_stranger(1, 4, 1101), 1101), ErrorKind::GuardFull);
    // What was issued before that is forgotten with the stream, though its own times, by a greater age, would still do.
    let mut raised = of_stranger(1, 3, 1000);
    raised.keep_until = 9000;
    assert_eq!(
        guard.claim(&raised, 1101, None).unwrap(),
        Claimed::Forgotten
    );

    // Listed senders' streams stay, also one that a stranger's message made known.
    token(guard.claim(&message(3, 2, 1102, false), 1102, None));
    token(guard.claim(&of_stranger(4, 1, 5000), 5000, None));
    superseded(&of_stranger(3, 1, 5001), 5001);
    for stream in 10..14 {
        token(guard.claim(&message(stream, 5, 5010, false), 5010, None));
    }
    assert_eq!(
        full(&message(14, 5, 9000, false), 9000),
        ErrorKind::GuardFull
    );
    superseded(&message(10, 4, 9000, false), 9000);
    // Until they are forgotten.
    assert!(
        guard
            .forget_stream(&Digest::of(&10_u64.to_be_bytes()))
            .unwrap()
    );
    token(guard.claim(&message(14, 5, 9001, false), 9001, None));
}
