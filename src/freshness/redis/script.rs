//! The scripts that run on the server: each is one atomic step there.

use alloc::vec::Vec;
use std::sync::LazyLock;

use redis::Value;

/// A script, and what names it on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// One plain claim, where nothing else is to be done.
    One,
    /// Several plain claims, if all are new and nothing else is to be done.
    AllNew,
    /// Plain claims, many at once.
    Claim,
    /// Everything that a step is about; also drops what is over.
    Look,
    /// The writes of a step, if what it looked at still stands.
    Apply,
    /// Finds or makes the store.
    Born,
}

/// Names of the parts of a store; the scripts get them in this order.
const PARTS: [&str; 9] = [
    "meta",
    "entries",
    "times",
    "streams",
    "challenges",
    "challenge-times",
    "rates",
    "rate-times",
    "stream-times",
];

/// The place of a part in the list that scripts get, as they count.
pub(super) mod part {
    pub(in crate::freshness::redis) const ENTRIES: &[u8] = b"2";
    pub(in crate::freshness::redis) const STREAMS: &[u8] = b"4";
    pub(in crate::freshness::redis) const CHALLENGES: &[u8] = b"5";
    pub(in crate::freshness::redis) const CHALLENGE_TIMES: &[u8] = b"6";
    pub(in crate::freshness::redis) const RATES: &[u8] = b"7";
    pub(in crate::freshness::redis) const RATE_TIMES: &[u8] = b"8";
    pub(in crate::freshness::redis) const STREAM_TIMES: &[u8] = b"9";
}

/// A number in a reply.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

/// Bytes in a reply, or nothing; `None` for anything else.
#[allow(clippy::option_option)]
pub(super) fn bytes(value: Value) -> Option<Option<Vec<u8>>> {
    match value {
        Value::Nil | Value::Boolean(false) => Some(None),
        Value::BulkString(bytes) => Some(Some(bytes)),
        _ => None,
    }
}

/// A number that is stored in decimal digits.
pub(super) fn decimal(bytes: &[u8]) -> Option<u64> {
    core::str::from_utf8(bytes).ok()?.parse().ok()
}

impl Script {
    const ALL: [Self; 6] = [
        Self::One,
        Self::AllNew,
        Self::Claim,
        Self::Look,
        Self::Apply,
        Self::Born,
    ];

    pub(super) const fn source(self) -> &'static str {
        match self {
            Self::One => include_str!("lua/one.lua"),
            Self::AllNew => include_str!("lua/all_new.lua"),
            Self::Claim => concat!(
                include_str!("lua/common.lua"),
                include_str!("lua/claim.lua")
            ),
            Self::Look => concat!(include_str!("lua/common.lua"), include_str!("lua/look.lua")),
            Self::Apply => concat!(
                include_str!("lua/common.lua"),
                include_str!("lua/apply.lua")
            ),
            Self::Born => concat!(include_str!("lua/common.lua"), include_str!("lua/born.lua")),
        }
    }

    /// How many of the [keys](keys) it gets.
    pub(super) const fn keys(self) -> usize {
        match self {
            Self::One | Self::AllNew => 3,
            _ => PARTS.len(),
        }
    }

    /// The SHA-1 of the source, by which the server knows it once it has run.
    pub(super) fn name(self) -> &'static str {
        static SCRIPTS: LazyLock<[redis::Script; 6]> =
            LazyLock::new(|| Script::ALL.map(|script| redis::Script::new(script.source())));
        let [one, all_new, claim, look, apply, born] = &*SCRIPTS;
        match self {
            Self::One => one.get_hash(),
            Self::AllNew => all_new.get_hash(),
            Self::Claim => claim.get_hash(),
            Self::Look => look.get_hash(),
            Self::Apply => apply.get_hash(),
            Self::Born => born.get_hash(),
        }
    }
}

/// The keys of a store on the server. The braces keep them on one node of a cluster.
pub(super) fn keys(prefix: &str) -> Vec<Vec<u8>> {
    PARTS
        .iter()
        .map(|part| std::format!("{{{prefix}}}:{part}").into_bytes())
        .collect()
}
