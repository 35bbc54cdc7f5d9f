//! What the gate asks a guard of the host's own to remember (spec/guard.md).

use super::policy::{BULLA_ORDER_ANY, BULLA_ORDER_GAPLESS, BULLA_ORDER_MONOTONIC};
use super::types::{bulla_digest, bulla_key};
use crate::{Claim, LeaseToken, Order, Place};

/// It was not there, and is now: reserved under the number that was given with this answer if a lease was asked for, else
/// accepted for good.
pub const BULLA_CLAIM_NEW: u32 = 1;
/// The same message, accepted before, with the receipt stored then, which may be empty.
pub const BULLA_CLAIM_SAME: u32 = 2;
/// Reserved by somebody whose lease still runs.
pub const BULLA_CLAIM_PENDING: u32 = 3;
/// There with another value, accepted or reserved.
pub const BULLA_CLAIM_REPLAYED: u32 = 4;
/// Not there, but as old as what was already forgotten, or over by its own `keep_until`.
pub const BULLA_CLAIM_FORGOTTEN: u32 = 5;
/// Not there, and not newer than what was accepted in its stream.
pub const BULLA_CLAIM_SUPERSEDED: u32 = 6;
/// Not there, and too far ahead in its stream.
pub const BULLA_CLAIM_GAP: u32 = 7;
/// Not there, and the challenge that it answers is not expected.
pub const BULLA_CLAIM_UNASKED: u32 = 8;

/// A place in an ordered stream.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_place {
    /// Names the stream: reader, signer, context, stream id.
    pub stream: bulla_digest,
    /// The number in it.
    pub number: u64,
    /// With BULLA_ORDER_GAPLESS: the first number of a stream.
    pub first: u64,
    /// Which order is demanded: BULLA_ORDER_MONOTONIC or BULLA_ORDER_GAPLESS.
    pub order: u32,
    /// With BULLA_ORDER_GAPLESS: how many numbers, from the first missing one on, are accepted.
    pub window: u16,
    /// Zero.
    pub reserved: [u8; 2],
}

/// What the gate asks a guard to remember. All of it comes from a verified stamp and the reader's policy. A guard heeds every
/// field: one that did not would accept what it must not.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_claim {
    /// Names the message: reader, signer, message id, context.
    pub key: bulla_digest,
    /// What the message says to the application: equal for an honest re-seal. 32 zero bytes where it is to be refused by a stamp
    /// that does not name its content: then it is the same as whatever has its key.
    pub value: bulla_digest,
    /// Reader and context: what is remembered of messages that were dropped is kept for these.
    pub scope: bulla_digest,
    /// The public signing key of the sender, for quotas.
    pub signer: bulla_key,
    /// When it was issued, in seconds since 1970.
    pub issued: u64,
    /// From when on the entry may be dropped, in seconds since 1970. Of no meaning with a challenge.
    pub keep_until: u64,
    /// Its place in an ordered stream; only if `has_place` is 1.
    pub place: bulla_place,
    /// Names the challenge that it answers; only if `has_challenge` is 1. It must be expected, and then is used up; the entry is
    /// kept until the end of the challenge and 3600 seconds more.
    pub challenge: bulla_digest,
    /// 1 if the signer was accepted because anyone is: such entries have a pool of their own.
    pub stranger: u8,
    /// 1 if `keep_until` comes from the greatest age and not from the expiry.
    pub bounded_by_age: u8,
    /// 1 if the policy demands an order.
    pub has_place: u8,
    /// 1 if the policy demands a challenge.
    pub has_challenge: u8,
    /// Zero.
    pub reserved: [u8; 4],
}

/// Names one reservation. It is stale once another was made of the same message.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_lease_token {
    /// The key of the entry.
    pub key: bulla_digest,
    /// The number that the guard gave with BULLA_CLAIM_NEW. It grows with every reservation of the guard.
    pub number: u64,
}

impl From<&Claim> for bulla_claim {
    fn from(claim: &Claim) -> Self {
        // Taken apart, so that a new field breaks the build here: a guard must know of it.
        let Claim {
            key,
            value,
            scope,
            signer,
            stranger,
            issued,
            keep_until,
            bounded_by_age,
            place,
            challenge,
        } = claim;
        Self {
            key: (*key).into(),
            value: (*value).into(),
            scope: (*scope).into(),
            signer: bulla_key { bytes: *signer },
            issued: *issued,
            keep_until: *keep_until,
            place: place.as_ref().map(Into::into).unwrap_or_default(),
            challenge: challenge.map(Into::into).unwrap_or_default(),
            stranger: u8::from(*stranger),
            bounded_by_age: u8::from(*bounded_by_age),
            has_place: u8::from(place.is_some()),
            has_challenge: u8::from(challenge.is_some()),
            reserved: [0; 4],
        }
    }
}

impl From<&Place> for bulla_place {
    fn from(place: &Place) -> Self {
        let Place {
            stream,
            number,
            order,
        } = place;
        let (order, first, window) = match *order {
            Order::Any => (BULLA_ORDER_ANY, 0, 0),
            Order::Monotonic => (BULLA_ORDER_MONOTONIC, 0, 0),
            Order::Gapless { first, window } => (BULLA_ORDER_GAPLESS, first, window),
        };
        Self {
            stream: (*stream).into(),
            number: *number,
            first,
            order,
            window,
            reserved: [0; 2],
        }
    }
}

impl From<&LeaseToken> for bulla_lease_token {
    fn from(token: &LeaseToken) -> Self {
        let LeaseToken { key, number } = token;
        Self {
            key: (*key).into(),
            number: *number,
        }
    }
}
