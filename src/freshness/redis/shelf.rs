//! Everything but plain claims: the rules that all guards share, run here over what one script has looked at; a second
//! script then writes what they decided, if all they looked at still stands.

use alloc::string::ToString;
use alloc::vec::Vec;
use std::collections::HashMap;

use redis::Value;

use super::record::{self, LAST, digits};
use super::script::{Script, bytes, decimal, number, part};
use super::{Store, foreign, lost};
use crate::crypto::digest::Digest;
use crate::error::Result;
use crate::freshness::entry::Entry;
use crate::freshness::guard::Claim;
use crate::freshness::order::Kept;
use crate::freshness::rules::{Shelf, Swept};

/// Most things whose rate is limited at a time.
const MAX_LIMITED: usize = 1 << 20;

/// What a step is about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ask<'a> {
    pub(super) now: u64,
    /// How many entries may be dropped.
    pub(super) drops: usize,
    /// Whether a reservation may be made.
    pub(super) token: bool,
    pub(super) entry: Option<&'a Digest>,
    pub(super) scope: Option<&'a Digest>,
    pub(super) stream: Option<&'a Digest>,
    pub(super) challenge: Option<&'a Digest>,
    pub(super) rate: Option<&'a Digest>,
    /// Whether streams that are over are dropped too.
    pub(super) streams: bool,
}

/// What stands there.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) now: u64,
    pub(super) swept: Swept,
    token: u64,
    entry: Option<Vec<u8>>,
    mark: Option<u64>,
    stream: Option<Vec<u8>>,
    challenge: Option<Vec<u8>>,
    rate: Option<Vec<u8>>,
}

impl Found {
    pub(super) fn look(store: &Store, ask: &Ask<'_>) -> Result<Self> {
        let (now, drops) = (ask.now.min(LAST).to_string(), ask.drops.to_string());
        let mut args: Vec<&[u8]> = Vec::with_capacity(11);
        args.extend([
            store.id.as_bytes(),
            now.as_bytes(),
            store.ahead.as_bytes(),
            drops.as_bytes(),
        ]);
        args.push(if ask.token { b"1" } else { b"0" });
        for name in [ask.entry, ask.scope, ask.stream, ask.challenge, ask.rate] {
            args.push(name.map_or(&[], |name| name.as_bytes()));
        }
        args.push(if ask.streams { b"1" } else { b"0" });
        let found = store.pool.call(Script::Look, &args, |value| match value {
            Value::Array(values) if values.is_empty() => Some(None),
            Value::Array(values) => Self::read(values).map(Some),
            _ => None,
        })?;
        found.ok_or_else(lost)
    }

    fn read(values: Vec<Value>) -> Option<Self> {
        let values: [Value; 9] = values.try_into().ok()?;
        let [
            now,
            entries,
            most,
            token,
            entry,
            mark,
            stream,
            challenge,
            rate,
        ] = values;
        let count = |value| usize::try_from(number(value)?).ok();
        let mark = match bytes(mark)? {
            None => None,
            Some(digits) => Some(decimal(&digits)?),
        };
        Some(Self {
            now: number(&now)?,
            swept: Swept {
                entries: count(&entries)?,
                most: count(&most)?,
            },
            token: number(&token)?,
            entry: bytes(entry)?,
            mark,
            stream: bytes(stream)?,
            challenge: bytes(challenge)?,
            rate: bytes(rate)?,
        })
    }
}

/// What became of the writes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    Done,
    /// Something has changed since it was looked at.
    Changed,
    Full,
    /// There is room, but for one more stream.
    FullOfStreams,
}

/// A word of `lua/apply.lua`, and its operands.
type Line = [Vec<u8>; 4];

fn line(word: &str, first: &[u8], second: &[u8], third: &[u8]) -> Line {
    [
        word.as_bytes().to_vec(),
        first.to_vec(),
        second.to_vec(),
        third.to_vec(),
    ]
}

/// The fields that count the places of a pool, and of one signer in it.
fn counts([pool, share]: [u8; 2], signer: &[u8; 32], stranger: bool) -> ([u8; 2], Vec<u8>) {
    let kind = b'0' + u8::from(stranger);
    ([pool, kind], [&[share, kind], &signer[..]].concat())
}

/// One atomic step: what the rules do is noted, to be done at once.
pub(super) struct Step<'a> {
    store: &'a Store,
    found: Found,
    streams: HashMap<Digest, Option<Vec<u8>>>,
    conditions: Vec<Line>,
    writes: Vec<Line>,
}

impl<'a> Step<'a> {
    pub(super) fn begin(store: &'a Store, ask: &Ask<'_>) -> Result<Self> {
        let mut found = Found::look(store, ask)?;
        let mut streams = HashMap::new();
        if let Some(name) = ask.stream {
            streams.insert(*name, found.stream.take());
        }
        Ok(Self {
            store,
            found,
            streams,
            conditions: Vec::new(),
            writes: Vec::new(),
        })
    }

    pub(super) fn apply(self) -> Result<Applied> {
        if self.writes.is_empty() {
            return Ok(Applied::Done);
        }
        let count = self.conditions.len().to_string();
        let mut args: Vec<&[u8]> =
            Vec::with_capacity(2 + 4 * (self.conditions.len() + self.writes.len()));
        args.extend([self.store.id.as_bytes(), count.as_bytes()]);
        args.extend(
            self.conditions
                .iter()
                .chain(&self.writes)
                .flatten()
                .map(Vec::as_slice),
        );
        let applied = self
            .store
            .pool
            .call(Script::Apply, &args, |value| match value {
                Value::Int(-1) => Some(None),
                Value::Int(0) => Some(Some(Applied::Changed)),
                Value::Int(1) => Some(Some(Applied::Done)),
                Value::Int(2) => Some(Some(Applied::Full)),
                Value::Int(3) => Some(Some(Applied::FullOfStreams)),
                _ => None,
            })?;
        applied.ok_or_else(lost)
    }

    fn when(&mut self, word: &str, first: &[u8], second: &[u8], third: &[u8]) {
        self.conditions.push(line(word, first, second, third));
    }

    /// The step holds only if this still stands there.
    fn when_still(&mut self, part: &[u8], name: &Digest, value: Option<&[u8]>) {
        match value {
            Some(value) => self.when("is", part, name.as_bytes(), value),
            None => self.when("no", part, name.as_bytes(), b""),
        }
    }

    fn write(&mut self, word: &str, first: &[u8], second: &[u8], third: &[u8]) {
        self.writes.push(line(word, first, second, third));
    }

    /// One place more of a pool, and of the part of it that this signer may have.
    fn take_place(&mut self, letters: [u8; 2], signer: &[u8; 32], stranger: bool) {
        let (all, quota) = self.store.limits.pool(stranger);
        let (pool, share) = counts(letters, signer, stranger);
        self.when("below", &pool, all.to_string().as_bytes(), b"");
        self.when("below", &share, quota.to_string().as_bytes(), b"");
        self.write("count", &pool, b"", b"");
        self.write("count", &share, b"", b"");
    }
}

impl Shelf for Step<'_> {
    fn observe(&mut self, _now: u64) -> Result<u64> {
        Ok(self.found.now)
    }

    fn next_token(&mut self) -> Result<u64> {
        Ok(self.found.token)
    }

    fn entry(&mut self, key: &Digest) -> Result<Option<Entry>> {
        match &self.found.entry {
            None => Ok(None),
            Some(bytes) => record::decode(*key, bytes).map(Some).ok_or_else(foreign),
        }
    }

    fn insert(&mut self, entry: Entry) -> Result<()> {
        let key = entry.claim.key;
        let keep = digits(entry.claim.keep_until);
        self.when_still(part::ENTRIES, &key, None);
        self.when("ends", &keep, b"", b"");
        if entry.claim.challenge.is_none() {
            let issued = digits(entry.claim.issued);
            self.when("after", entry.claim.scope.as_bytes(), &issued, b"");
        }
        self.take_place(*b"pq", &entry.claim.signer, entry.claim.stranger);
        self.write(
            "put",
            part::ENTRIES,
            key.as_bytes(),
            &record::encode(&entry),
        );
        self.write("index", key.as_bytes(), &keep, b"");
        Ok(())
    }

    fn drop_entry(&mut self, _entry: Entry) -> Result<()> {
        // What is over was dropped while looking: here nothing over is ever seen.
        Err(foreign())
    }

    fn update(&mut self, entry: Entry, before: u64) -> Result<()> {
        let key = entry.claim.key;
        let bytes = record::encode(&entry);
        if self.found.entry.as_ref() == Some(&bytes) {
            return Ok(());
        }
        let stood = self.found.entry.take();
        self.when_still(part::ENTRIES, &key, stood.as_deref());
        self.write("put", part::ENTRIES, key.as_bytes(), &bytes);
        if entry.claim.keep_until != before {
            let keep = digits(entry.claim.keep_until);
            self.write("index", key.as_bytes(), &keep, b"");
        }
        Ok(())
    }

    fn has_room(&mut self, _claim: &Claim) -> Result<bool> {
        // Counted where it is written.
        Ok(true)
    }

    fn may_be_forgotten(&mut self, claim: &Claim) -> Result<bool> {
        Ok(self.found.mark.is_some_and(|mark| claim.issued <= mark))
    }

    fn sweep(&mut self, _now: u64, _at_most: usize) -> Result<Swept> {
        // Done while looking.
        Ok(self.found.swept)
    }

    fn stream(&mut self, name: &Digest) -> Result<Option<Kept>> {
        let bytes = match self.streams.get(name) {
            Some(bytes) => bytes,
            None => {
                let ask = Ask {
                    stream: Some(name),
                    ..Ask::default()
                };
                let found = Found::look(self.store, &ask)?;
                self.streams.entry(*name).or_insert(found.stream)
            }
        };
        match bytes {
            None => Ok(None),
            Some(bytes) => record::decode_stream(bytes).map(Some).ok_or_else(foreign),
        }
    }

    fn has_room_for_stream(&mut self, _claim: &Claim) -> Result<bool> {
        Ok(true)
    }

    fn put_stream(&mut self, name: &Digest, kept: Kept) -> Result<()> {
        let stood = self.streams.get(name).cloned().flatten();
        self.when_still(part::STREAMS, name, stood.as_deref());
        if stood.is_none() {
            self.take_place(*b"PQ", &kept.signer, kept.stranger);
        }
        let bytes = record::encode_stream(&kept);
        self.write("put", part::STREAMS, name.as_bytes(), &bytes);
        if kept.keep_until < LAST {
            let until = digits(kept.keep_until);
            self.write("at", part::STREAM_TIMES, name.as_bytes(), &until);
        } else {
            self.write("off", part::STREAM_TIMES, name.as_bytes(), b"");
        }
        Ok(())
    }

    fn drop_stream(&mut self, name: &Digest, kept: Kept) -> Result<()> {
        let stood = self.streams.get(name).cloned().flatten();
        self.when_still(part::STREAMS, name, stood.as_deref());
        self.write("del", part::STREAMS, name.as_bytes(), b"");
        self.write("off", part::STREAM_TIMES, name.as_bytes(), b"");
        let (pool, share) = counts(*b"PQ", &kept.signer, kept.stranger);
        self.write("leave", &pool, b"", b"");
        self.write("leave", &share, b"", b"");
        Ok(())
    }

    fn drop_streams(&mut self, _now: u64, _at_most: usize) -> Result<()> {
        // Done where there is no room, before it is looked again.
        Ok(())
    }

    fn challenge(&mut self, _name: &Digest) -> Result<Option<u64>> {
        match &self.found.challenge {
            None => Ok(None),
            Some(bytes) => decimal(bytes).map(Some).ok_or_else(foreign),
        }
    }

    fn put_challenge(&mut self, name: &Digest, until: Option<u64>) -> Result<()> {
        let stood = self.found.challenge.take();
        self.when_still(part::CHALLENGES, name, stood.as_deref());
        match until {
            None => {
                self.write("del", part::CHALLENGES, name.as_bytes(), b"");
                self.write("off", part::CHALLENGE_TIMES, name.as_bytes(), b"");
            }
            Some(until) => {
                let limit = self.store.limits.known.to_string();
                self.when("less", part::CHALLENGES, limit.as_bytes(), b"");
                self.write("put", part::CHALLENGES, name.as_bytes(), &digits(until));
                self.write("at", part::CHALLENGE_TIMES, name.as_bytes(), &digits(until));
            }
        }
        Ok(())
    }

    fn full_at(&mut self, _what: &Digest) -> Result<u64> {
        match &self.found.rate {
            None => Ok(0),
            Some(bytes) => decimal(bytes).ok_or_else(foreign),
        }
    }

    fn put_full_at(&mut self, what: &Digest, full_at: u64, _now: u64) -> Result<()> {
        let stood = self.found.rate.take();
        self.when_still(part::RATES, what, stood.as_deref());
        if stood.is_none() {
            self.when("less", part::RATES, MAX_LIMITED.to_string().as_bytes(), b"");
        }
        let value = full_at.to_string();
        self.write("put", part::RATES, what.as_bytes(), value.as_bytes());
        self.write("at", part::RATE_TIMES, what.as_bytes(), &digits(full_at));
        Ok(())
    }
}
