//! The readers of a script.

use std::ops::RangeInclusive;

use bulla::{
    Clock, Delivery, Digest, Identity, Lease, Opener, Order, Policy, Replay, ReplayGuard, Result,
    Stamp, StampOnly, Verifier,
};
use serde_json::Value;

use crate::common::{readers, unhex};

/// Somebody who reads through the gate.
pub(super) struct Reader<'a> {
    gate: Gate<'a>,
    policy: &'a Policy,
    keys: Option<&'a Identity>,
    /// The identifier of spec/guard.md §2, computed here.
    id: [u8; 32],
    context: String,
}

enum Gate<'a> {
    Sealed(Opener<'a>),
    Signed(Verifier<'a>),
}

pub(super) fn keys(reader: &Value) -> Option<Identity> {
    reader.get("keys").map(readers::keys)
}

pub(super) fn policy(reader: &Value) -> Policy {
    let said = &reader["policy"];
    let order = match &said["order"] {
        Value::Null => Order::Any,
        Value::String(word) if word == "monotonic" => Order::Monotonic,
        gapless => Order::Gapless {
            first: gapless["first"].as_u64().unwrap(),
            window: gapless["window"].as_u64().unwrap().try_into().unwrap(),
        },
    };
    readers::policy(said)
        .order(order)
        .demand_challenge(said["challenged"].as_bool().unwrap())
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        said: &Value,
        policy: &'a Policy,
        keys: Option<&'a Identity>,
        guard: &'a dyn ReplayGuard,
        clock: &'a dyn Clock,
    ) -> Self {
        let name = said.get("name").map(|name| name.as_str().unwrap());
        let replay = Replay::Guarded(guard);
        let named = |name: &str| {
            let preimage = [b"bulla/1 reader name\0", name.as_bytes()].concat();
            *Digest::of(&preimage).as_bytes()
        };
        let (gate, id) = match (keys, name) {
            (None, name) => {
                let name = name.unwrap();
                let verifier = Verifier::with_clock(name, policy, replay, clock);
                (Gate::Signed(verifier), named(name))
            }
            (Some(keys), None) => (
                Gate::Sealed(Opener::with_clock(keys, policy, replay, clock)),
                *keys.verifying_key().as_bytes(),
            ),
            (Some(keys), Some(name)) => {
                let opener = Opener::with_clock(keys, policy, replay, clock);
                (Gate::Sealed(opener.reader_name(name)), named(name))
            }
        };
        Self {
            gate,
            policy,
            keys,
            id,
            context: said["policy"]["context"].as_str().unwrap().into(),
        }
    }

    pub(super) fn open(&self, envelope: &[u8]) -> Result<()> {
        match &self.gate {
            Gate::Sealed(opener) => opener.open(envelope).map(drop),
            Gate::Signed(verifier) => verifier.verify(envelope).map(drop),
        }
    }

    pub(super) fn lease(&self, envelope: &[u8], seconds: u64) -> Result<Delivery<Lease<'a>>> {
        let found = match &self.gate {
            Gate::Sealed(opener) => opener.open_leased(envelope, seconds)?,
            Gate::Signed(verifier) => verifier.verify_leased(envelope, seconds)?,
        };
        Ok(match found {
            Delivery::New(message) => Delivery::New(message.into_parts().1),
            Delivery::Again(again) => Delivery::Again(again),
        })
    }

    /// By the stamp alone: the content has come provisionally and is not settled.
    pub(super) fn refuse(
        &self,
        envelope: &[u8],
        seconds: u64,
    ) -> Result<Delivery<Lease<'a, StampOnly>>> {
        let mut stream = match &self.gate {
            Gate::Sealed(opener) => opener.stream(),
            Gate::Signed(verifier) => verifier.stream(),
        };
        let mut provisional = Vec::new();
        stream.update_provisional(envelope, &mut provisional)?;
        stream.end_provisional(&mut provisional)?;
        stream.refuse_leased(seconds)
    }

    pub(super) fn missing(&self, envelope: &[u8]) -> Result<Vec<RangeInclusive<u64>>> {
        let stamp = self.stamp(envelope);
        match &self.gate {
            Gate::Sealed(opener) => opener.missing(&stamp),
            Gate::Signed(verifier) => verifier.missing(&stamp),
        }
    }

    pub(super) fn skip(&self, envelope: &[u8], before: u64) -> Result<()> {
        let stamp = self.stamp(envelope);
        match &self.gate {
            Gate::Sealed(opener) => opener.skip(&stamp, before),
            Gate::Signed(verifier) => verifier.skip(&stamp, before),
        }
    }

    pub(super) fn forget_stream(&self, envelope: &[u8]) -> Result<bool> {
        let stamp = self.stamp(envelope);
        match &self.gate {
            Gate::Sealed(opener) => opener.forget_stream(&stamp),
            Gate::Signed(verifier) => verifier.forget_stream(&stamp),
        }
    }

    /// As an archive reads it.
    fn stamp(&self, envelope: &[u8]) -> Stamp {
        match self.keys {
            Some(keys) => {
                let opener = Opener::archive(keys, self.policy);
                opener.open(envelope).unwrap().stamp().clone()
            }
            None => {
                let verifier = Verifier::archive(self.policy);
                verifier.verify(envelope).unwrap().stamp().clone()
            }
        }
    }

    /// spec/guard.md §2, computed here: the library makes its challenges by chance.
    pub(super) fn challenge_name(&self, challenge: &Value) -> Digest {
        let challenge = unhex(challenge.as_str().unwrap());
        let parts: [&[u8]; 4] = [
            b"bulla/1 guard challenge\0",
            &self.id,
            &challenge,
            self.context.as_bytes(),
        ];
        Digest::of(&parts.concat())
    }
}
