//! Receipts and audits: made from verified messages alone, checked against what was sent (spec/receipts.md).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use bulla::{
    Delivery, Draft, ErrorKind, FixedClock, Identity, MemoryGuard, Opener, OsEntropy, Policy, Rate,
    Reason, Receipt, ReceiptProof, Receipter, Receipts, Replay, Sealer, Senders, Sent, Status,
};
use bulla_forge::{Forge, Person, cbor};
use common::{identity, key};

const NOW: u64 = bulla_forge::NOW;
const ALL: Receipts = Receipts {
    delivered: true,
    stored: true,
    rejected: true,
};

struct Scene {
    alice: Identity,
    bob: Identity,
    alice_person: Person,
    bob_person: Person,
    guard: MemoryGuard,
}

impl Scene {
    fn new() -> Self {
        let (alice, bob) = (Person::new("alice"), Person::new("bob"));
        Self {
            alice: identity(&alice),
            bob: identity(&bob),
            alice_person: alice,
            bob_person: bob,
            guard: MemoryGuard::new(1000),
        }
    }

    fn send(&self, asked: Option<Receipts>, content: &[u8]) -> (Vec<u8>, Sent) {
        let mut draft = Draft::new("test").unwrap();
        if let Some(asked) = asked {
            let reply = self.alice.public().newest_key().unwrap();
            draft = draft.ask_receipts(asked, reply).unwrap();
        }
        let mut envelope = Vec::new();
        let sent = Sealer::with(&self.alice, &FixedClock(NOW), &OsEntropy)
            .to(self.bob.public())
            .seal_into(&draft, content, &mut envelope)
            .unwrap();
        (envelope, sent)
    }

    fn policy(&self) -> Policy {
        Policy::new("test", Senders::only([*self.alice.verifying_key()])).unwrap()
    }

    fn receipter(&self) -> Receipter<'_> {
        Receipter::with(&self.bob, &FixedClock(NOW + 5), &OsEntropy)
    }

    /// Opens with a lease, makes what `make` makes of it, and commits that.
    fn receive(
        &self,
        envelope: &[u8],
        make: impl Fn(&bulla::Lease<'_>) -> bulla::Result<Option<Vec<u8>>>,
    ) -> Vec<u8> {
        let (policy, clock) = (self.policy(), FixedClock(NOW + 5));
        let opener = Opener::with_clock(&self.bob, &policy, Replay::Guarded(&self.guard), &clock);
        match opener.open_leased(envelope, 60).unwrap() {
            Delivery::New(message) => {
                let (_, lease) = message.into_parts();
                let receipt = make(&lease).unwrap().unwrap_or_default();
                lease.commit(&receipt).unwrap();
                receipt
            }
            Delivery::Again(again) => again.into_receipt(),
        }
    }

    fn open(&self, receipt: &[u8]) -> bulla::Result<Receipt> {
        let senders = Senders::only([*self.bob.verifying_key()]);
        Receipt::open_by(&self.alice, "test", senders, receipt, &FixedClock(NOW + 9))
    }

    /// A receipt with this body, signed by Bob and sealed to Alice.
    fn forged(&self, body: Vec<u8>) -> Vec<u8> {
        Forge::sealed(&self.bob_person, &[&self.alice_person])
            .with(|f| {
                f.stamp.statement = 2;
                f.stamp.context = "test".into();
                f.content = body;
            })
            .seal()
            .envelope
    }

    /// The parts of the honest body of a `stored` receipt.
    fn body(&self, sent: &Sent) -> Vec<(Vec<u8>, Vec<u8>)> {
        let content = cbor::array(&[
            cbor::uint(sent.content_length),
            cbor::bytes(sent.content_digest.as_bytes()),
        ]);
        vec![
            (cbor::uint(1), cbor::bytes(&sent.message_id.0)),
            (cbor::uint(2), cbor::bytes(sent.header_digest.as_bytes())),
            (cbor::uint(3), cbor::bytes(sent.opening_digest.as_bytes())),
            (
                cbor::uint(4),
                cbor::bytes(self.alice.verifying_key().as_bytes()),
            ),
            (cbor::uint(5), content),
            (cbor::uint(6), cbor::uint(2)),
        ]
    }
}

#[test]
fn delivered_and_checked() {
    let scene = Scene::new();
    let (envelope, sent) = scene.send(Some(ALL), b"content");
    let receipt = scene.receive(&envelope, |lease| {
        scene.receipter().delivered(lease.proof())
    });
    // A duplicate gets the same, byte for byte.
    assert_eq!(
        scene.receive(&envelope, |_| panic!("it came before")),
        receipt
    );
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
fn a_third_party_can_check_it() {
    let scene = Scene::new();
    let (envelope, sent) = scene.send(Some(ALL), b"content");
    let receipt = scene.receive(&envelope, |lease| {
        scene.receipter().delivered(lease.proof())
    });
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
fn nobody_is_told_who_did_not_ask() {
    let scene = Scene::new();
    let only_stored = Receipts {
        stored: true,
        ..Receipts::default()
    };
    for asked in [None, Some(only_stored)] {
        let (envelope, _) = scene.send(asked, b"content");
        let receipt = scene.receive(&envelope, |lease| {
            let reason = Reason::new(Reason::POLICY, "").unwrap();
            assert!(scene.receipter().rejected(lease, reason)?.is_none());
            scene.receipter().delivered(lease.proof())
        });
        assert!(receipt.is_empty());
    }
}

#[test]
fn a_rejection_stays_one() {
    let scene = Scene::new();
    let (envelope, sent) = scene.send(Some(ALL), b"content");
    let reject = |lease: &bulla::Lease<'_>| {
        scene
            .receipter()
            .rejected(lease, Reason::new(Reason::FULL, "the disk is full")?)
    };
    let receipt = scene.receive(&envelope, reject);
    assert_eq!(
        scene.receive(&envelope, |_| panic!("it was rejected")),
        receipt
    );
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
            let receipt = scene.receive(&envelope, |lease| {
                scene
                    .receipter()
                    .limited(&scene.guard, limit)
                    .rejected(lease, Reason::new(Reason::POLICY, "")?)
            });
            !receipt.is_empty()
        })
        .count();
    assert_eq!(told, 2);
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
            let stranger = Identity::generate(&OsEntropy).unwrap();
            let victim = scene.alice.public().newest_key().unwrap();
            let draft = Draft::new("test")
                .unwrap()
                .ask_receipts(ALL, victim)
                .unwrap();
            let envelope = Sealer::with(&stranger, &clock, &OsEntropy)
                .to(scene.bob.public())
                .seal(&draft, b"content")
                .unwrap();
            let Delivery::New(message) = opener.open_leased(&envelope, 60).unwrap() else {
                panic!("it is new");
            };
            let receipter = scene.receipter().limited(&scene.guard, limit);
            let reason = Reason::new(Reason::POLICY, "").unwrap();
            receipter
                .rejected(message.proof(), reason)
                .unwrap()
                .is_some()
        })
        .count();
    assert_eq!(told, 2);
}

/// A stranger's stamp may name a victim's key as the one to answer to: he is not told of a refusal by the stamp alone.
#[test]
fn no_backscatter_by_the_stamp_alone() {
    let scene = Scene::new();
    let (envelope, _) = scene.send(Some(ALL), &[7; 100_000]);
    let clock = FixedClock(NOW);
    for (senders, told) in [
        (Senders::anyone(), false),
        (Senders::only([*scene.alice.verifying_key()]), true),
    ] {
        let guard = MemoryGuard::new(100);
        let policy = Policy::new("test", senders).unwrap();
        let opener = Opener::with_clock(&scene.bob, &policy, Replay::Guarded(&guard), &clock);
        let mut stream = opener.stream();
        stream
            .update_provisional(&envelope[..20_000], &mut Vec::new())
            .unwrap();
        let stamp = stream.stamp_only().unwrap();
        let Delivery::New(lease) = stream.refuse_leased(60).unwrap() else {
            panic!("it is new");
        };
        let reason = Reason::new(Reason::TOO_LARGE, "").unwrap();
        let limit = Rate { every: 1, burst: 9 };
        let receipter = scene.receipter().limited(&guard, limit);
        let rejection = receipter.rejected(&lease, reason).unwrap();
        assert_eq!(rejection.is_some(), told);
        let damage = receipter.damaged(&stamp, "").unwrap();
        assert_eq!(damage.is_some(), told);
        assert_eq!(
            scene.receipter().damaged(&stamp, "").unwrap_err(),
            ErrorKind::InvalidInput
        );
        if let Some(rejection) = rejection {
            let opened = scene.open(&rejection).unwrap();
            assert_eq!(opened.content(), None);
            assert!(
                matches!(opened.status(), Status::Rejected(reason) if reason.code() == Reason::TOO_LARGE)
            );
        }
    }
}

#[test]
fn a_receipt_for_something_else_settles_nothing() {
    let scene = Scene::new();
    let (envelope, sent) = scene.send(Some(ALL), b"content");
    let (_, other) = scene.send(Some(ALL), b"content");
    let receipt = scene.receive(&envelope, |lease| {
        scene.receipter().delivered(lease.proof())
    });
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
        (5, cbor::uint(5)),
        (5, cbor::uint(3)),
        (5, cbor::uint(4)),
        (5, cbor::uint(256)),
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
