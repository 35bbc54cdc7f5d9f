//! Receipts are made from verified messages alone, for those who asked, and leave only after the commit (spec/receipts.md §3).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;
mod receipt_scene;
mod storing;

use bulla::{
    Delivery, Draft, ErrorKind, FixedClock, Identity, MemoryGuard, Opener, OsEntropy, Outcome,
    Policy, Rate, Reason, Receipt, Receipter, Receipts, Rejection, Replay, Sealer, Senders, Status,
};
use receipt_scene::{ALL, NOW, Scene};
use storing::wrapped::Wrapped;

#[test]
fn delivered_and_checked() {
    let scene = Scene::new();
    let (envelope, sent) = scene.send(Some(ALL), b"content");
    let receipt = scene.delivered(&envelope);
    // A duplicate gets the same, byte for byte.
    let again = scene.again(&envelope);
    assert_eq!(again.outcome(), Outcome::Delivered);
    assert_eq!(again.receipt().unwrap(), receipt);
    let opened = scene.open(&receipt).unwrap();
    assert_eq!(opened.status(), &Status::Delivered);
    assert_eq!(opened.recipient(), scene.bob.verifying_key());
    assert_eq!(opened.message_id(), sent.message_id);
    assert_eq!(opened.content(), Some((7, bulla::Digest::of(b"content"))));
    assert_eq!(opened.issued(), NOW + 5);
    assert_eq!(opened.check(std::slice::from_ref(&sent)).unwrap(), &sent);
    // A receipt is no message, and a message is no receipt.
    let policy = Policy::new("test", Senders::anyone()).unwrap();
    let clock = FixedClock(NOW + 9);
    let opener = Opener::with_clock(&scene.alice, &policy, Replay::Unguarded, &clock);
    assert_eq!(
        opener.open(&receipt).unwrap_err(),
        ErrorKind::WrongStatement
    );
    let own = Senders::only([*scene.alice.verifying_key()]);
    let answer = Receipt::open_by(&scene.bob, "test", own, &envelope, &clock);
    assert_eq!(answer.unwrap_err(), ErrorKind::WrongStatement);
}

#[test]
fn nobody_is_told_who_did_not_ask() {
    let scene = Scene::new();
    let only_stored = Receipts {
        stored: true,
        ..Receipts::default()
    };
    for asked in [None, Some(only_stored)] {
        let (envelope, _) = scene.send(asked, b"content");
        let delivered = scene.receipter().delivered(scene.new_lease(&envelope));
        assert_eq!(delivered.unwrap().receipt(), None);
        let again = scene.again(&envelope);
        assert_eq!(
            (again.outcome(), again.receipt()),
            (Outcome::Delivered, None)
        );
        // Rejected for good all the same.
        let (envelope, _) = scene.send(asked, b"content");
        let rejection = scene.rejected(&envelope, scene.receipter(), "");
        assert!(matches!(&rejection, Rejection::Final(it) if it.receipt().is_none()));
        let again = scene.again(&envelope);
        assert_eq!(
            (again.outcome(), again.receipt()),
            (Outcome::Rejected, None)
        );
    }
}

#[test]
fn a_rejection_stays_one() {
    let scene = Scene::new();
    let (envelope, sent) = scene.send(Some(ALL), b"content");
    let rejection = scene.rejected(&envelope, scene.receipter(), "the disk is full");
    let receipt = rejection.into_receipt().unwrap();
    let again = scene.again(&envelope);
    assert_eq!(again.outcome(), Outcome::Rejected);
    assert_eq!(again.into_receipt().unwrap(), receipt);
    let opened = scene.open(&receipt).unwrap();
    opened.check(&[sent]).unwrap();
    assert_eq!(
        opened.status().to_string(),
        "rejected: no room: the disk is full"
    );
}

#[test]
fn rejections_are_limited() {
    let scene = Scene::new();
    let limit = Rate {
        every: 100,
        burst: 2,
    };
    let told = (0..5)
        .filter(|_| {
            let (envelope, _) = scene.send(Some(ALL), b"content");
            let receipter = scene.receipter().limited(&scene.guard, limit);
            match scene.rejected(&envelope, receipter, "") {
                Rejection::Final(rejected) => rejected.receipt().is_some(),
                Rejection::Untold(opened) => {
                    assert_eq!(opened.content_length(), 7);
                    // It may come again, and be accepted after all.
                    drop(scene.delivered(&envelope));
                    false
                }
            }
        })
        .count();
    assert_eq!(told, 2);
}

/// A receipt leaves only after the guard has it: neither where the commit failed, nor where it is not known.
#[test]
fn no_receipt_leaves_before_the_commit() {
    for (kind, done) in [
        (ErrorKind::LeaseLost, false),
        (ErrorKind::Superseded, false),
        (ErrorKind::GuardUnavailable, false),
        (ErrorKind::GuardUnavailable, true),
    ] {
        for reject in [false, true] {
            let (scene, guard) = (Scene::new(), Wrapped::new());
            let (envelope, _) = scene.send(Some(ALL), b"content");
            let clock = FixedClock(NOW + 5);
            let opener =
                Opener::with_clock(&scene.bob, &scene.policy, Replay::Guarded(&guard), &clock);
            let receive = || -> bulla::Result<Option<Vec<u8>>> {
                let lease = match opener.open_leased(&envelope, 60)? {
                    Delivery::New(message) => message.into_parts().1,
                    Delivery::Again(again) => return Ok(again.into_receipt()),
                };
                let reason = Reason::new(Reason::POLICY, "")?;
                let receipter = scene.receipter();
                Ok(if reject {
                    receipter.rejected(lease, reason)?.into_receipt()
                } else {
                    receipter.delivered(lease)?.into_receipt()
                })
            };
            *guard.commit.lock().unwrap() = Some((kind, done));
            assert_eq!(receive().unwrap_err(), kind);
            // If it was done all the same, the copy gets the very receipt that did not leave.
            let first = guard.answers.lock().unwrap().remove(0);
            let receipt = receive().unwrap().unwrap();
            assert_eq!(first[0], if reject { 3 } else { 1 });
            assert_eq!(first[1..] == receipt, done);
            assert_eq!(receive().unwrap().unwrap(), receipt);
        }
    }
}

/// The longest that a receipt can be is shorter than what can be committed.
#[test]
fn the_longest_receipt_can_be_committed() {
    let scene = Scene::new();
    let context = "x".repeat(bulla::limits::MAX_CONTEXT);
    let reply = scene.alice.public().newest_key().unwrap();
    let draft = Draft::new(&context).unwrap();
    let draft = draft.ask_receipts(ALL, reply).unwrap();
    let clock = FixedClock(NOW);
    let envelope = Sealer::with(&scene.alice, &clock, &OsEntropy)
        .to(scene.bob.public())
        .seal(&draft, b"content")
        .unwrap();
    let senders = Senders::only([*scene.alice.verifying_key()]);
    let policy = Policy::new(&context, senders).unwrap();
    let opener = Opener::with_clock(&scene.bob, &policy, Replay::Guarded(&scene.guard), &clock);
    let lease = new(opener.open_leased(&envelope, 60)).into_parts().1;
    let reason = Reason::new(u16::MAX, &"x".repeat(255)).unwrap();
    let rejection = scene.receipter().rejected(lease, reason).unwrap();
    let length = rejection.into_receipt().unwrap().len();
    println!("the longest receipt: {length} bytes");
    assert!(length <= bulla::MAX_STORED_RECEIPT, "{length}");
}

fn new<T>(delivery: bulla::Result<Delivery<T>>) -> T {
    match delivery.unwrap() {
        Delivery::New(new) => new,
        Delivery::Again(again) => panic!("{again:?}"),
    }
}

impl Scene {
    fn rejected(&self, envelope: &[u8], by: Receipter<'_>, text: &str) -> Rejection<bulla::Opened> {
        let reason = Reason::new(Reason::FULL, text).unwrap();
        by.rejected(self.new_lease(envelope), reason).unwrap()
    }
}

/// Where anyone is accepted, whoever is turned away can come as somebody else: all strangers have one rate.
#[test]
fn strangers_share_one_rate() {
    let scene = Scene::new();
    let policy = Policy::new("test", Senders::anyone()).unwrap();
    let clock = FixedClock(NOW);
    let opener = Opener::with_clock(&scene.bob, &policy, Replay::Guarded(&scene.guard), &clock);
    let limit = Rate {
        every: 100,
        burst: 2,
    };
    let told = (0..5)
        .filter(|_| {
            let envelope = by_stranger(&scene, b"content");
            let message = new(opener.open_leased(&envelope, 60));
            let receipter = scene.receipter().limited(&scene.guard, limit);
            let reason = Reason::new(Reason::POLICY, "").unwrap();
            match receipter.rejected(message.into_parts().1, reason).unwrap() {
                Rejection::Final(rejected) => rejected.receipt().is_some(),
                // It may come again.
                Rejection::Untold(_) => {
                    drop(new(opener.open_leased(&envelope, 60)));
                    false
                }
            }
        })
        .count();
    assert_eq!(told, 2);
}

/// Whoever carries a message can damage as many copies of it as he likes: that must not silence rejections.
#[test]
fn notes_of_damage_use_up_no_rejections() {
    let scene = Scene::new();
    let clock = FixedClock(NOW);
    let opener = Opener::with_clock(
        &scene.bob,
        &scene.policy,
        Replay::Guarded(&scene.guard),
        &clock,
    );
    let limit = Rate {
        every: 100,
        burst: 2,
    };
    let told = |rejections: bool| {
        let told = |_: &i32| {
            let (envelope, _) = scene.send(Some(ALL), &[7; 100_000]);
            let receipter = scene.receipter().limited(&scene.guard, limit);
            if rejections {
                let rejection = scene.rejected(&envelope, receipter, "");
                return matches!(rejection, Rejection::Final(_));
            }
            let damaged = damage(&opener, &envelope);
            receipter.damaged(&damaged, "").unwrap().is_some()
        };
        (0..5).filter(told).count()
    };
    assert_eq!((told(false), told(true), told(false)), (2, 2, 0));
}

/// What is left of a copy that came damaged.
fn damage(opener: &Opener<'_>, envelope: &[u8]) -> bulla::Damaged {
    let mut damaged = envelope.to_vec();
    damaged[50_000] ^= 1;
    let mut stream = opener.stream();
    let failed = stream.update_provisional(&damaged, &mut Vec::new());
    assert_eq!(failed.unwrap_err(), ErrorKind::NotAuthentic);
    assert!(stream.stamp_only().is_none());
    stream.damaged().unwrap()
}

/// An envelope of somebody whom nobody knows, who wants Alice to get the answers.
fn by_stranger(scene: &Scene, content: &[u8]) -> Vec<u8> {
    let stranger = Identity::generate(&OsEntropy).unwrap();
    let victim = scene.alice.public().newest_key().unwrap();
    let draft = Draft::new("test")
        .unwrap()
        .ask_receipts(ALL, victim)
        .unwrap();
    Sealer::with(&stranger, &FixedClock(NOW), &OsEntropy)
        .to(scene.bob.public())
        .seal(&draft, content)
        .unwrap()
}

/// A stranger's stamp may name a victim's key as the one to answer to: he is not told of a refusal by the stamp alone.
#[test]
fn no_backscatter_by_the_stamp_alone() {
    let scene = Scene::new();
    let clock = FixedClock(NOW);
    let content = [7; 100_000];
    let (by_alice, _) = scene.send(Some(ALL), &content);
    let by_stranger = by_stranger(&scene, &content);
    for (senders, envelope, told) in [
        (Senders::anyone(), &by_stranger, false),
        (Senders::anyone(), &by_alice, false),
        (
            Senders::only([*scene.alice.verifying_key()]),
            &by_alice,
            true,
        ),
    ] {
        let guard = MemoryGuard::new(100);
        let policy = Policy::new("test", senders).unwrap();
        let opener = Opener::with_clock(&scene.bob, &policy, Replay::Guarded(&guard), &clock);
        let mut stream = opener.stream();
        stream
            .update_provisional(&envelope[..20_000], &mut Vec::new())
            .unwrap();
        // All is well so far: there is nothing to complain of.
        assert!(stream.stamp_only().is_some() && stream.damaged().is_none());
        let damage = damage(&opener, envelope);
        let lease = new(stream.refuse_leased(60));
        let reason = Reason::new(Reason::TOO_LARGE, "").unwrap();
        let limit = Rate { every: 1, burst: 9 };
        let receipter = scene.receipter().limited(&guard, limit);
        let rejection = receipter.rejected(lease, reason).unwrap();
        assert_eq!(matches!(rejection, Rejection::Final(_)), told);
        // Either it is rejected for good, or it may come again.
        match opener.open_leased(envelope, 60).unwrap() {
            Delivery::Again(again) => assert!(told && again.outcome() == Outcome::Rejected),
            Delivery::New(_) => assert!(!told),
        }
        let note = receipter.damaged(&damage, "").unwrap();
        assert_eq!(note.is_some(), told);
        assert_eq!(
            scene.receipter().damaged(&damage, "").unwrap_err(),
            ErrorKind::InvalidInput
        );
        if let Some(rejection) = rejection.into_receipt() {
            let opened = scene.open(&rejection).unwrap();
            assert_eq!(opened.content(), None);
            assert!(
                matches!(opened.status(), Status::Rejected(reason) if reason.code() == Reason::TOO_LARGE)
            );
        }
    }
}
