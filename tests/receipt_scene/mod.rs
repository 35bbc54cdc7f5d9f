//! Alice, who asks for receipts, and Bob, who makes them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use bulla::{
    Again, Delivery, Draft, FixedClock, Identity, Lease, MemoryGuard, Opener, OsEntropy, Policy,
    Receipt, Receipter, Receipts, Replay, Sealer, Senders, Sent,
};
use bulla_forge::{Forge, Person, cbor};

use crate::common::{identity, key};

pub(crate) const NOW: u64 = bulla_forge::NOW;
pub(crate) const ALL: Receipts = Receipts {
    delivered: true,
    stored: true,
    rejected: true,
};

pub(crate) struct Scene {
    pub(crate) alice: Identity,
    pub(crate) bob: Identity,
    pub(crate) alice_person: Person,
    pub(crate) bob_person: Person,
    pub(crate) guard: MemoryGuard,
    pub(crate) policy: Policy,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let (alice, bob) = (Person::new("alice"), Person::new("bob"));
        let senders = Senders::only([key(&alice)]);
        Self {
            alice: identity(&alice),
            bob: identity(&bob),
            alice_person: alice,
            bob_person: bob,
            guard: MemoryGuard::new(1000),
            policy: Policy::new("test", senders).unwrap(),
        }
    }

    pub(crate) fn send(&self, asked: Option<Receipts>, content: &[u8]) -> (Vec<u8>, Sent) {
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

    pub(crate) fn receipter(&self) -> Receipter<'_> {
        Receipter::with(&self.bob, &FixedClock(NOW + 5), &OsEntropy)
    }

    pub(crate) fn lease(&self, envelope: &[u8]) -> bulla::Result<Delivery<Lease<'_>>> {
        let opener = Opener::with_clock(
            &self.bob,
            &self.policy,
            Replay::Guarded(&self.guard),
            &FixedClock(NOW + 5),
        );
        Ok(match opener.open_leased(envelope, 60)? {
            Delivery::New(message) => Delivery::New(message.into_parts().1),
            Delivery::Again(again) => Delivery::Again(again),
        })
    }

    /// A lease on what is new.
    pub(crate) fn new_lease(&self, envelope: &[u8]) -> Lease<'_> {
        match self.lease(envelope).unwrap() {
            Delivery::New(lease) => lease,
            Delivery::Again(again) => panic!("{again:?}"),
        }
    }

    /// What a copy of what is dealt with gets.
    pub(crate) fn again(&self, envelope: &[u8]) -> Again {
        match self.lease(envelope).unwrap() {
            Delivery::New(_) => panic!("it is new"),
            Delivery::Again(again) => again,
        }
    }

    /// Receives it, and gives the receipt.
    pub(crate) fn delivered(&self, envelope: &[u8]) -> Vec<u8> {
        let lease = self.new_lease(envelope);
        let delivered = self.receipter().delivered(lease).unwrap();
        delivered.into_receipt().unwrap()
    }

    pub(crate) fn open(&self, receipt: &[u8]) -> bulla::Result<Receipt> {
        let senders = Senders::only([*self.bob.verifying_key()]);
        Receipt::open_by(&self.alice, "test", senders, receipt, &FixedClock(NOW + 9))
    }

    /// A receipt with this body, signed by Bob and sealed to Alice.
    pub(crate) fn forged(&self, body: Vec<u8>) -> Vec<u8> {
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
    pub(crate) fn body(&self, sent: &Sent) -> Vec<(Vec<u8>, Vec<u8>)> {
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
