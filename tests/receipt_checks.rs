//! Receipts are checked against what was sent; whatever is wrong with them, they settle nothing (spec/receipts.md §4, §6).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;
mod receipt_scene;

use bulla::{ErrorKind, FixedClock, Identity, Receipt, ReceiptProof, Senders, Sent, Status};
use bulla_forge::{Forge, cbor};
use common::key;
use receipt_scene::{ALL, NOW, Scene};

#[test]
fn a_third_party_can_check_it() {
    let scene = Scene::new();
    let (envelope, sent) = scene.send(Some(ALL), b"content");
    let receipt = scene.delivered(&envelope);
    let proof = scene.open(&receipt).unwrap().proof();
    let checked = ReceiptProof::check(&proof).unwrap();
    assert_eq!(checked.recipient(), scene.bob.verifying_key());
    assert_eq!(checked.author(), scene.alice.verifying_key());
    assert_eq!(checked.message_id(), sent.message_id);
    assert_eq!(checked.header_digest(), sent.header_digest);
    assert_eq!((checked.context(), checked.issued()), ("test", NOW + 5));
    assert_eq!(checked.status(), &Status::Delivered);
    // Not one bit of it can be changed.
    for bit in 0..proof.len() * 8 {
        let mut changed = proof.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(ReceiptProof::check(&changed).is_err(), "bit {bit}");
    }
    assert!(bulla::Evidence::check(&proof).is_err());
}

#[test]
fn a_receipt_for_something_else_settles_nothing() {
    let scene = Scene::new();
    let (envelope, sent) = scene.send(Some(ALL), b"content");
    let (_, other) = scene.send(Some(ALL), b"content");
    let receipt = scene.delivered(&envelope);
    let opened = scene.open(&receipt).unwrap();
    assert_eq!(opened.check(&[]).unwrap_err(), ErrorKind::WrongReceipt);
    assert_eq!(
        opened.check(std::slice::from_ref(&other)).unwrap_err(),
        ErrorKind::WrongReceipt
    );
    // The same message in an envelope that was never sent, or with another stamp.
    for change in 0..2 {
        let mut wrong = sent.clone();
        match change {
            0 => wrong.header_digest = other.header_digest,
            _ => wrong.opening_digest = other.opening_digest,
        }
        assert_eq!(opened.check(&[wrong]).unwrap_err(), ErrorKind::WrongReceipt);
    }
    opened.check(&[other, sent]).unwrap();
    // Another key, another context, another author.
    let check = |keys: &Identity, context: &str, from: &Identity| {
        let senders = Senders::only([*from.verifying_key()]);
        Receipt::open_by(keys, context, senders, &receipt, &FixedClock(NOW + 9)).unwrap_err()
    };
    assert_eq!(
        check(&scene.alice, "test", &scene.alice),
        ErrorKind::UntrustedSender
    );
    assert_eq!(
        check(&scene.alice, "other", &scene.bob),
        ErrorKind::WrongContext
    );
    assert_eq!(check(&scene.bob, "test", &scene.bob), ErrorKind::NotForMe);
    let early = Receipt::open_by(
        &scene.alice,
        "test",
        Senders::only([key(&scene.bob_person)]),
        &receipt,
        &FixedClock(NOW - 3600),
    );
    assert_eq!(early.unwrap_err(), ErrorKind::NotYetValid);
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// What becomes of the honest body after a change, forged by the recipient himself.
fn with_change(scene: &Scene, sent: &Sent, change: impl Fn(&mut Pairs)) -> bulla::Result<Receipt> {
    let mut body = scene.body(sent);
    change(&mut body);
    scene.open(&scene.forged(cbor::map(&body)))
}

#[test]
fn a_recipient_that_has_other_content() {
    let scene = Scene::new();
    let (_, sent) = scene.send(Some(ALL), b"content");
    let honest = with_change(&scene, &sent, |_| {}).unwrap();
    honest.check(std::slice::from_ref(&sent)).unwrap();
    assert_eq!(honest.status(), &Status::Stored);
    // Loud, and it settles nothing.
    for (length, digest) in [(7, [1; 32]), (8, *sent.content_digest.as_bytes())] {
        let content = cbor::array(&[cbor::uint(length), cbor::bytes(&digest)]);
        let differs = with_change(&scene, &sent, |body| body[4].1 = content.clone()).unwrap();
        assert_eq!(
            differs.check(std::slice::from_ref(&sent)).unwrap_err(),
            ErrorKind::ContentDiffers
        );
    }
    // A receipt that a co-recipient got for a copy of his own, passed on.
    let bob = cbor::bytes(&key(&scene.bob_person).as_bytes()[..]);
    let transplanted = with_change(&scene, &sent, |body| body[3].1 = bob.clone());
    assert_eq!(transplanted.unwrap_err(), ErrorKind::WrongReceipt);
}

#[test]
fn bodies_that_are_not_well_formed() {
    let scene = Scene::new();
    let (_, sent) = scene.send(Some(ALL), b"content");
    let malformed = |what: &str, change: &dyn Fn(&mut Pairs)| {
        let refused = with_change(&scene, &sent, change).unwrap_err();
        assert_eq!(refused, ErrorKind::Malformed, "{what}");
    };
    for (at, value) in [
        (0, cbor::bytes(&[0; 15])),
        (1, cbor::bytes(&[0; 33])),
        (4, cbor::uint(7)),
        (5, cbor::uint(0)),
        (5, cbor::uint(3)),
        (5, cbor::uint(4)),
    ] {
        malformed(&format!("another {at}"), &|body| body[at].1 = value.clone());
    }
    for at in 0..6 {
        malformed(&format!("without {at}"), &|body| drop(body.remove(at)));
    }
    let reason = |text: &str| {
        (
            cbor::uint(7),
            cbor::array(&[cbor::uint(1), cbor::text(text)]),
        )
    };
    malformed("a reason of what is stored", &|body| body.push(reason("")));
    malformed("out of order", &|body| body.swap(0, 1));
    for text in ["a\nb", &"x".repeat(256)] {
        malformed("a bad reason", &|body| {
            body[5].1 = cbor::uint(3);
            body.push(reason(text));
        });
    }
    let newer = with_change(&scene, &sent, |body| {
        body.push((cbor::uint(8), cbor::uint(1)))
    });
    assert_eq!(newer.unwrap_err(), ErrorKind::UnsupportedVersion);
}

#[test]
fn bodies_that_are_no_receipts() {
    let scene = Scene::new();
    let (_, sent) = scene.send(Some(ALL), b"content");
    let trailing = [cbor::map(&scene.body(&sent)), vec![0]].concat();
    for body in [
        Vec::new(),
        vec![0xa0],
        vec![0xff; 2000],
        vec![0xbf, 0xff],
        cbor::uint(1),
        trailing,
    ] {
        assert_eq!(
            scene.open(&scene.forged(body)).unwrap_err(),
            ErrorKind::Malformed
        );
    }
}

/// Before the message was made nobody can have received it.
#[test]
fn a_receipt_from_before_the_message() {
    let scene = Scene::new();
    let (_, sent) = scene.send(Some(ALL), b"content");
    let body = cbor::map(&scene.body(&sent));
    let early = Forge::sealed(&scene.bob_person, &[&scene.alice_person])
        .with(|f| {
            f.stamp.statement = 2;
            f.stamp.context = "test".into();
            f.stamp.issued = NOW - 121;
            f.content = body;
        })
        .seal()
        .envelope;
    let receipt = scene.open(&early).unwrap();
    assert_eq!(receipt.check(&[sent]).unwrap_err(), ErrorKind::TooOld);
}
