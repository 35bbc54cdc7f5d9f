//! Opening with a lease, order, and challenges, through the gate (spec/opening.md §2, spec/guard.md).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use bulla::{
    Delivery, Draft, ErrorKind, FixedClock, Identity, MemoryGuard, Opener, Order, OsEntropy,
    Outcome, Policy, Receipts, Replay, Sealer, Senders,
};

const NOW: u64 = 1_800_000_000;

struct Pair {
    alice: Identity,
    bob: Identity,
    guard: MemoryGuard,
}

impl Pair {
    fn new() -> Self {
        Self {
            alice: Identity::generate(&OsEntropy).unwrap(),
            bob: Identity::generate(&OsEntropy).unwrap(),
            guard: MemoryGuard::new(1000),
        }
    }

    fn policy(&self) -> Policy {
        Policy::new("test", Senders::only([*self.alice.verifying_key()])).unwrap()
    }

    fn seal(&self, draft: Draft, at: u64) -> Vec<u8> {
        Sealer::with(&self.alice, &FixedClock(at), &OsEntropy)
            .to(self.bob.public())
            .seal(&draft, b"content")
            .unwrap()
    }
}

fn draft() -> Draft {
    Draft::new("test").unwrap()
}

#[test]
fn committed_once_and_then_the_same_receipt() {
    let pair = Pair::new();
    let (policy, clock) = (pair.policy(), FixedClock(NOW));
    let opener = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &clock);
    let envelope = pair.seal(draft(), NOW);
    let Delivery::New(message) = opener.open_leased(&envelope, 60).unwrap() else {
        panic!("it is new");
    };
    assert_eq!(message.content(), b"content");
    // While it is held nobody else gets it, with a lease or without.
    assert_eq!(
        opener.open_leased(&envelope, 60).unwrap_err(),
        ErrorKind::Pending
    );
    assert_eq!(opener.open(&envelope).unwrap_err(), ErrorKind::Pending);
    let (_, lease) = message.into_parts();
    assert_eq!(lease.proof().content_length(), 7);
    lease.renew(60).unwrap();
    lease.commit(Outcome::Own(200), b"the receipt").unwrap();
    for _ in 0..2 {
        match opener.open_leased(&envelope, 60).unwrap() {
            Delivery::Again(again) => {
                assert_eq!(again.outcome(), Outcome::Own(200));
                assert_eq!(again.receipt().unwrap(), b"the receipt");
            }
            Delivery::New(_) => panic!("it was committed"),
        }
    }
    assert_eq!(opener.open(&envelope).unwrap_err(), ErrorKind::Replayed);
}

#[test]
fn what_is_dropped_or_released_comes_again() {
    let pair = Pair::new();
    let (policy, clock) = (pair.policy(), FixedClock(NOW));
    let opener = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &clock);
    let envelope = pair.seal(draft(), NOW);
    drop(opener.open_leased(&envelope, 60).unwrap());
    let Delivery::New(message) = opener.open_leased(&envelope, 60).unwrap() else {
        panic!("it was dropped");
    };
    message.into_parts().1.release().unwrap();
    assert!(opener.open(&envelope).is_ok());
}

#[test]
fn a_lost_lease_cannot_commit() {
    let pair = Pair::new();
    let policy = pair.policy();
    let (early, late) = (FixedClock(NOW), FixedClock(NOW + 60));
    let slow = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &early);
    let fast = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &late);
    let envelope = pair.seal(draft(), NOW);
    let Delivery::New(first) = slow.open_leased(&envelope, 60).unwrap() else {
        panic!("it is new");
    };
    let Delivery::New(second) = fast.open_leased(&envelope, 60).unwrap() else {
        panic!("the lease ran out");
    };
    // The clock of the first still says that it holds the lease: the guard knows better.
    let (_, first) = first.into_parts();
    assert_eq!(first.renew(60).unwrap_err(), ErrorKind::LeaseLost);
    assert_eq!(
        first.commit(Outcome::Delivered, b"first").unwrap_err(),
        ErrorKind::LeaseLost
    );
    second
        .into_parts()
        .1
        .commit(Outcome::Delivered, b"second")
        .unwrap();
    match slow.open_leased(&envelope, 60).unwrap() {
        Delivery::Again(again) => assert_eq!(again.into_receipt().unwrap(), b"second"),
        Delivery::New(_) => panic!("it was committed"),
    }
}

#[test]
fn without_a_guard_there_is_no_lease_no_order_and_no_challenge() {
    let pair = Pair::new();
    let clock = FixedClock(NOW);
    let envelope = pair.seal(draft().sequence(b"s", 1).unwrap(), NOW);
    let policy = pair.policy();
    let opener = Opener::with_clock(&pair.bob, &policy, Replay::Unguarded, &clock);
    assert_eq!(
        opener.open_leased(&envelope, 60).unwrap_err(),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        opener.challenge(&OsEntropy, 60).unwrap_err(),
        ErrorKind::InvalidInput
    );
    for policy in [
        pair.policy().order(Order::Monotonic),
        pair.policy().demand_challenge(true),
    ] {
        let opener = Opener::with_clock(&pair.bob, &policy, Replay::Unguarded, &clock);
        assert_eq!(opener.open(&envelope).unwrap_err(), ErrorKind::InvalidInput);
    }
}

#[test]
fn only_newer() {
    let pair = Pair::new();
    let policy = pair.policy().order(Order::Monotonic);
    let clock = FixedClock(NOW);
    let opener = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &clock);
    let number = |stream: &[u8], number| pair.seal(draft().sequence(stream, number).unwrap(), NOW);
    let (old, new) = (number(b"s", 1), number(b"s", 2));
    assert!(opener.open(&new).is_ok());
    assert_eq!(opener.open(&old).unwrap_err(), ErrorKind::Superseded);
    assert_eq!(opener.open(&new).unwrap_err(), ErrorKind::Replayed);
    assert!(opener.open(&number(b"t", 1)).is_ok());
    assert_eq!(
        opener.open(&pair.seal(draft(), NOW)).unwrap_err(),
        ErrorKind::Superseded
    );
}

#[test]
fn what_is_missing_is_told() {
    let pair = Pair::new();
    let policy = pair.policy().order(Order::Gapless {
        first: 1,
        window: 10,
    });
    let clock = FixedClock(NOW);
    let opener = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &clock);
    let number = |number| pair.seal(draft().sequence(b"s", number).unwrap(), NOW);
    let message = opener.open(&number(4)).unwrap();
    assert_eq!(opener.missing(message.stamp()).unwrap(), [1..=3]);
    assert!(opener.open(&number(2)).is_ok());
    assert_eq!(opener.missing(message.stamp()).unwrap(), [1..=1, 3..=3]);
    assert_eq!(opener.open(&number(11)).unwrap_err(), ErrorKind::Gap);
    opener.skip(message.stamp(), 3).unwrap();
    assert_eq!(opener.missing(message.stamp()).unwrap(), [3..=3]);
    assert_eq!(opener.open(&number(1)).unwrap_err(), ErrorKind::Superseded);
    assert!(opener.open(&number(3)).is_ok());
    assert!(opener.missing(message.stamp()).unwrap().is_empty());
}

#[test]
fn a_challenge_is_answered_once_whatever_the_clocks_say() {
    let pair = Pair::new();
    let policy = pair.policy().demand_challenge(true);
    let clock = FixedClock(NOW);
    let opener = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &clock);
    let challenge = opener.challenge(&OsEntropy, 60).unwrap();
    let unasked = pair.seal(draft(), NOW);
    assert_eq!(
        opener.open(&unasked).unwrap_err(),
        ErrorKind::WrongChallenge
    );
    let guessed = pair.seal(draft().answers([7; 32]), NOW);
    assert_eq!(
        opener.open(&guessed).unwrap_err(),
        ErrorKind::WrongChallenge
    );
    // The author's clock is years off, and the answer has expired by it.
    let answer = pair.seal(draft().answers(challenge).expires_in(1), 1000);
    assert!(opener.open(&answer).is_ok());
    assert_eq!(opener.open(&answer).unwrap_err(), ErrorKind::Replayed);
    let second = pair.seal(draft().answers(challenge), NOW);
    assert_eq!(opener.open(&second).unwrap_err(), ErrorKind::WrongChallenge);
    // Of another context, of another reader: not open here.
    let other = opener.challenge(&OsEntropy, 60).unwrap();
    let carol = Identity::generate(&OsEntropy).unwrap();
    let to_carol = Sealer::with(&pair.alice, &clock, &OsEntropy)
        .to(carol.public())
        .seal(&draft().answers(other), b"content")
        .unwrap();
    let carols = Opener::with_clock(&carol, &policy, Replay::Guarded(&pair.guard), &clock);
    assert_eq!(
        carols.open(&to_carol).unwrap_err(),
        ErrorKind::WrongChallenge
    );
    // Too late.
    let late = FixedClock(NOW + 60);
    let opener = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &late);
    let answer = pair.seal(draft().answers(other), NOW);
    assert_eq!(opener.open(&answer).unwrap_err(), ErrorKind::WrongChallenge);
}

#[test]
fn refused_by_the_stamp_before_the_content_has_come() {
    let pair = Pair::new();
    let (policy, clock) = (pair.policy(), FixedClock(NOW));
    let opener = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &clock);
    let mut envelope = Vec::new();
    Sealer::with(&pair.alice, &clock, &OsEntropy)
        .to(pair.bob.public())
        .seal_into(&draft(), &[7; 100_000], &mut envelope)
        .unwrap();
    let begin = |length: usize| {
        let mut stream = opener.stream();
        stream
            .update_provisional(&envelope[..length], &mut Vec::new())
            .unwrap();
        stream
    };
    assert_eq!(
        begin(100).refuse_leased(60).unwrap_err(),
        ErrorKind::WrongOrder
    );
    let Delivery::New(refused) = begin(20_000).refuse_leased(60).unwrap() else {
        panic!("it is new");
    };
    refused.reject(b"too large").unwrap();
    // The content of a one-shot message is in its stamp: the whole of it gets the same answer.
    match opener.open_leased(&envelope, 60).unwrap() {
        Delivery::Again(again) => assert_eq!(again.receipt().unwrap(), b"too large"),
        Delivery::New(_) => panic!("it was refused"),
    }
}

/// A store without room looks at the stamp alone, which names no content if that was sealed as it came. What was stored before
/// must get its receipt again all the same, and what was rejected its rejection.
#[test]
fn a_copy_that_is_judged_by_its_stamp_alone_gets_the_same_answer() {
    let pair = Pair::new();
    let (policy, clock) = (pair.policy(), FixedClock(NOW));
    let opener = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &clock);
    let seal = || {
        let mut envelope = Vec::new();
        Sealer::with(&pair.alice, &clock, &OsEntropy)
            .to(pair.bob.public())
            .seal_io(&draft(), None, &mut [7; 100_000].as_slice(), &mut envelope)
            .unwrap();
        envelope
    };
    let refuse = |envelope: &[u8]| {
        let mut stream = opener.stream();
        stream
            .update_provisional(&envelope[..20_000], &mut Vec::new())
            .unwrap();
        stream.refuse_leased(60)
    };

    let stored = seal();
    let Delivery::New(message) = opener.open_leased(&stored, 60).unwrap() else {
        panic!("it is new");
    };
    assert_eq!(refuse(&stored).unwrap_err(), ErrorKind::Pending);
    message
        .into_parts()
        .1
        .commit(Outcome::Own(130), b"stored")
        .unwrap();
    match refuse(&stored).unwrap() {
        Delivery::Again(again) => {
            assert_eq!(again.outcome(), Outcome::Own(130));
            assert_eq!(again.receipt().unwrap(), b"stored");
        }
        Delivery::New(_) => panic!("it was stored"),
    }

    let rejected = seal();
    let Delivery::New(lease) = refuse(&rejected).unwrap() else {
        panic!("it is new");
    };
    assert_eq!(
        opener.open_leased(&rejected, 60).unwrap_err(),
        ErrorKind::Pending
    );
    lease.reject(b"rejected").unwrap();
    match opener.open_leased(&rejected, 60).unwrap() {
        Delivery::Again(again) => {
            assert_eq!(again.outcome(), Outcome::Rejected);
            assert_eq!(again.receipt().unwrap(), b"rejected");
        }
        Delivery::New(_) => panic!("it was rejected"),
    }
    assert_eq!(
        opener.open(&rejected).unwrap_err(),
        ErrorKind::Replayed,
        "opened at once it is no second time what it was"
    );
}

#[test]
fn a_reader_is_finished_with_a_lease() {
    let pair = Pair::new();
    let envelope = pair.seal(Draft::new("test").unwrap(), NOW);
    let policy = pair.policy();
    let clock = FixedClock(NOW);
    let read = |replay| {
        let opener = Opener::with_clock(&pair.bob, &policy, replay, &clock);
        let mut reader = opener.read(envelope.as_slice()).unwrap();
        let mut content = Vec::new();
        while let Some(piece) = reader.next_piece().unwrap() {
            content.extend_from_slice(piece);
        }
        let delivery = reader.finish_leased(60)?;
        Ok::<_, bulla::Error>(match delivery {
            Delivery::New((rest, lease)) => {
                content.extend_from_slice(&rest);
                assert_eq!(content, b"content");
                Delivery::New(lease)
            }
            Delivery::Again(again) => Delivery::Again(again),
        })
    };
    let guarded = || read(Replay::Guarded(&pair.guard));
    let Delivery::New(lease) = guarded().unwrap() else {
        panic!("it is new");
    };
    assert_eq!(guarded().unwrap_err(), ErrorKind::Pending);
    lease.release().unwrap();
    let Delivery::New(lease) = guarded().unwrap() else {
        panic!("it may come again");
    };
    lease.commit(Outcome::Delivered, b"").unwrap();
    assert!(matches!(guarded().unwrap(), Delivery::Again(it) if it.receipt().is_none()));
    assert_eq!(
        read(Replay::Unguarded).unwrap_err(),
        ErrorKind::InvalidInput
    );
}

#[test]
fn a_receipt_has_at_most_4095_bytes_and_an_outcome_a_number_that_is_known() {
    let pair = Pair::new();
    let (policy, clock) = (pair.policy(), FixedClock(NOW));
    let opener = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &clock);
    let envelope = pair.seal(draft(), NOW);
    let take = || match opener.open_leased(&envelope, 60).unwrap() {
        Delivery::New(message) => message.into_parts().1,
        Delivery::Again(again) => panic!("{again:?}"),
    };
    for (outcome, answer) in [
        (Outcome::Delivered, vec![7; 4096]),
        // That it is stored needs proof, which this is not.
        (Outcome::Stored, b"stored".to_vec()),
        (Outcome::Stored, Vec::new()),
        (Outcome::Own(127), Vec::new()),
        (Outcome::Own(2), Vec::new()),
    ] {
        let refused = take().commit(outcome, &answer).unwrap_err();
        assert_eq!(refused, ErrorKind::InvalidInput, "{outcome:?}");
    }
    let _ = take().commit(Outcome::Delivered, &[7; 4095]).unwrap();
    assert_eq!(bulla::MAX_STORED_RECEIPT, 4095);
    let again = opener.open_leased(&envelope, 60).unwrap();
    assert!(matches!(again, Delivery::Again(it) if it.receipt() == Some(&[7; 4095])));
}

/// Where its author asked for a receipt, nobody ends a message in silence by carelessness, and nobody at all rejects it so.
#[test]
fn an_answer_that_was_asked_for_is_not_left_out() {
    let pair = Pair::new();
    let (policy, clock) = (pair.policy(), FixedClock(NOW));
    let opener = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &clock);
    let asking = |delivered, rejected| {
        let asked = Receipts {
            delivered,
            rejected,
            stored: true,
        };
        let reply = pair.alice.public().newest_key().unwrap();
        pair.seal(draft().ask_receipts(asked, reply).unwrap(), NOW)
    };
    let take = |envelope: &[u8]| match opener.open_leased(envelope, 60).unwrap() {
        Delivery::New(message) => message.into_parts().1,
        Delivery::Again(again) => panic!("{again:?}"),
    };
    let refuse = |envelope: &[u8]| {
        let mut stream = opener.stream();
        let mut content = Vec::new();
        stream.update_provisional(envelope, &mut content).unwrap();
        stream.end_provisional(&mut content).unwrap();
        match stream.refuse_leased(60).unwrap() {
            Delivery::New(lease) => lease,
            Delivery::Again(again) => panic!("{again:?}"),
        }
    };
    let silent = Some(ErrorKind::InvalidInput);
    let failure = |ended: bulla::Result<()>| ended.err().map(|error| error.kind());
    for (delivered, rejected) in [(false, false), (true, false), (false, true), (true, true)] {
        let expected = |asked: bool| silent.filter(|_| asked);
        let message = asking(delivered, rejected);
        let ended = take(&message).commit(Outcome::Delivered, b"").map(drop);
        assert_eq!(failure(ended), expected(delivered));
        let message = asking(delivered, rejected);
        let ended = take(&message).commit(Outcome::Rejected, b"").map(drop);
        assert_eq!(failure(ended), expected(rejected));
        let message = asking(delivered, rejected);
        let ended = refuse(&message).reject(b"").map(drop);
        assert_eq!(failure(ended), expected(rejected));
        if rejected {
            // It was released, and there is a way to be silent about what was delivered.
            let _ = take(&message).deliver_unanswered().unwrap();
        }
        // A number of the host's own is no receipt.
        let own = take(&asking(delivered, rejected)).commit(Outcome::Own(128), b"");
        assert_eq!(failure(own.map(drop)), None);
    }
}

/// What is opened without a lease is handed to the application, and has no receipt.
#[test]
fn what_was_opened_without_a_lease() {
    let pair = Pair::new();
    let (policy, clock) = (pair.policy(), FixedClock(NOW));
    let opener = Opener::with_clock(&pair.bob, &policy, Replay::Guarded(&pair.guard), &clock);
    let envelope = pair.seal(draft(), NOW);
    opener.open(&envelope).unwrap();
    match opener.open_leased(&envelope, 60).unwrap() {
        Delivery::Again(again) => {
            assert_eq!(again.outcome(), Outcome::Delivered);
            assert_eq!(again.receipt(), None);
        }
        Delivery::New(_) => panic!("it was opened"),
    }
}
