//! The rules that all guards share, over whatever stores them (spec/guard.md §§3–7).
//!
//! A guard that implements [`Shelf`] over its store calls these functions, each inside one atomic step of that store: a lock,
//! a transaction. So the guards cannot differ in what they answer.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::entry::{Entry, State, check_answer};
use super::guard::{Claim, Claimed, LeaseToken, Place};
use super::order::{Kept, Order};
use super::policy::MAX_SKEW;
use super::rate::Rate;
use crate::crypto::digest::Digest;
use crate::error::{ErrorKind, Result};

/// Entries that every claim may drop besides making its own: more leave than come, so the guard keeps up.
pub(super) const DROPS_PER_CLAIM: usize = 4;
/// Entries that a claim may drop when the guard is full.
pub(super) const DROPS_WHEN_FULL: usize = 1024;

/// What was dropped.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Swept {
    pub(crate) entries: usize,
    /// Of the kind of which most was dropped: entries, challenges. If it is all that may be, there can be more.
    pub(crate) most: usize,
}

/// Where a guard keeps things, inside one atomic step. If a method fails, the step is undone as a whole.
pub(crate) trait Shelf {
    /// Raises the high-water mark to `now`, and gives it.
    fn observe(&mut self, now: u64) -> Result<u64>;
    /// The high-water mark, for steps that are shown no clock.
    fn high_water(&mut self) -> Result<u64> {
        self.observe(0)
    }
    /// A number that was not given before, greater than all before.
    fn next_token(&mut self) -> Result<u64>;
    fn entry(&mut self, key: &Digest) -> Result<Option<Entry>>;
    /// A new entry, for which there [is room](Self::has_room).
    fn insert(&mut self, entry: Entry) -> Result<()>;
    /// Drops an entry whose time has come; the scope's sweep mark rises as in a [sweep](Self::sweep).
    fn drop_entry(&mut self, entry: Entry) -> Result<()>;
    /// An entry that was there; `before` is when it was to leave.
    fn update(&mut self, entry: Entry, before: u64) -> Result<()>;
    fn has_room(&mut self, claim: &Claim) -> Result<bool>;
    /// Whether the message may have been dropped before: it is as old as what was.
    fn may_be_forgotten(&mut self, claim: &Claim) -> Result<bool>;
    /// Drops entries and challenges whose time has come, at most `at_most` of each. For entries that are bounded by age it
    /// raises the scope's sweep mark.
    fn sweep(&mut self, now: u64, at_most: usize) -> Result<Swept>;
    fn stream(&mut self, name: &Digest) -> Result<Option<Kept>>;
    /// Whether one more stream of this claim's signer has room.
    fn has_room_for_stream(&mut self, claim: &Claim) -> Result<bool>;
    /// One that is known, or a new one, for which there [is room](Self::has_room_for_stream).
    fn put_stream(&mut self, name: &Digest, kept: Kept) -> Result<()>;
    /// Forgets a stream that is known; no mark rises.
    fn drop_stream(&mut self, name: &Digest, kept: Kept) -> Result<()>;
    /// Drops streams whose time has come, at most `at_most`; their scopes' sweep marks rise.
    fn drop_streams(&mut self, now: u64, at_most: usize) -> Result<()>;
    /// Until when an answer to this challenge is expected.
    fn challenge(&mut self, name: &Digest) -> Result<Option<u64>>;
    /// Expects an answer, or, with `None`, expects it no more. [`ErrorKind::GuardFull`] if there is no room.
    fn put_challenge(&mut self, name: &Digest, until: Option<u64>) -> Result<()>;
    /// When the burst of what is limited is whole again.
    fn full_at(&mut self, what: &Digest) -> Result<u64>;
    /// [`ErrorKind::GuardFull`] if there is no room; what is whole again at `now` may be dropped.
    fn put_full_at(&mut self, what: &Digest, full_at: u64, now: u64) -> Result<()>;
}

pub(crate) fn claim<S: Shelf>(
    shelf: &mut S,
    claim: &Claim,
    now: u64,
    lease: Option<u64>,
) -> Result<Claimed> {
    let now = shelf.observe(now)?;
    shelf.sweep(now, DROPS_PER_CLAIM)?;
    let mut entry = match shelf.entry(&claim.key)? {
        None => return insert(shelf, claim, now, lease),
        // Its time has come, and only the sweep has not: the answer must not depend on how fast that is.
        Some(over) if over.claim.keep_until <= now => {
            shelf.drop_entry(over)?;
            return insert(shelf, claim, now, lease);
        }
        Some(entry) => entry,
    };
    let before = entry.claim.keep_until;
    if let Some(answer) = entry.meet(claim, now) {
        shelf.update(entry, before)?;
        return Ok(answer);
    }
    take_over(shelf, entry, before, claim, now, lease)
}

/// A message that is there, and that nobody holds.
fn take_over<S: Shelf>(
    shelf: &mut S,
    mut entry: Entry,
    before: u64,
    claim: &Claim,
    now: u64,
    lease: Option<u64>,
) -> Result<Claimed> {
    // The challenge that was used up for this very entry is not asked for again; any other one is.
    let challenge = claim.challenge.as_ref();
    let challenge = challenge.filter(|name| entry.claim.challenge.as_ref() != Some(name));
    if let Some(name) = challenge {
        let Some(until) = expected(shelf, name, now)? else {
            return Ok(Claimed::Unasked);
        };
        entry.claim.keep_until = entry.claim.keep_until.max(until.saturating_add(MAX_SKEW));
    }
    if let Some(refused) = out_of_order(shelf, claim.place)? {
        return Ok(refused);
    }
    check_stream_room(shelf, claim, now)?;
    if let Some(name) = challenge {
        shelf.put_challenge(name, None)?;
    }
    let number = shelf.next_token()?;
    entry.take(claim, State::claimed(number, now, lease));
    shelf.update(entry, before)?;
    finish(shelf, claim, number, lease)
}

/// Until when an answer to this challenge is expected; `None` if none is.
fn expected<S: Shelf>(shelf: &mut S, challenge: &Digest, now: u64) -> Result<Option<u64>> {
    let until = shelf.challenge(challenge)?;
    Ok(until.filter(|until| now < *until))
}

/// A message that is not there.
fn insert<S: Shelf>(shelf: &mut S, claim: &Claim, now: u64, lease: Option<u64>) -> Result<Claimed> {
    let mut claim = claim.clone();
    if let Some(challenge) = &claim.challenge {
        let Some(until) = expected(shelf, challenge, now)? else {
            return Ok(Claimed::Unasked);
        };
        claim.keep_until = until.saturating_add(MAX_SKEW);
        // Its own times were not judged, and may be anything: no mark may come of them.
        (claim.issued, claim.bounded_by_age) = (0, false);
    } else if claim.keep_until <= now || shelf.may_be_forgotten(&claim)? {
        // Where its time is over, an entry would be dropped at once: none can be made.
        return Ok(Claimed::Forgotten);
    }
    if let Some(refused) = out_of_order(shelf, claim.place)? {
        return Ok(refused);
    }
    if !shelf.has_room(&claim)? {
        shelf.sweep(now, DROPS_WHEN_FULL)?;
        if !shelf.has_room(&claim)? {
            return Err(ErrorKind::GuardFull.into());
        }
    }
    if needs_stream_room(shelf, &claim)? {
        shelf.drop_streams(now, DROPS_WHEN_FULL)?;
        // Those that left may have raised the mark.
        if claim.challenge.is_none() && shelf.may_be_forgotten(&claim)? {
            return Ok(Claimed::Forgotten);
        }
        check_stream_room(shelf, &claim, now)?;
    }
    if let Some(challenge) = &claim.challenge {
        shelf.put_challenge(challenge, None)?;
    }
    let number = shelf.next_token()?;
    shelf.insert(Entry::new(
        claim.clone(),
        State::claimed(number, now, lease),
    ))?;
    finish(shelf, &claim, number, lease)
}

fn out_of_order<S: Shelf>(shelf: &mut S, place: Option<Place>) -> Result<Option<Claimed>> {
    let Some(place) = place else {
        return Ok(None);
    };
    let stream = shelf.stream(&place.stream)?.map(|kept| kept.stream);
    Ok(stream
        .unwrap_or_default()
        .refuses(place.number, place.order))
}

fn finish<S: Shelf>(
    shelf: &mut S,
    claim: &Claim,
    number: u64,
    lease: Option<u64>,
) -> Result<Claimed> {
    if lease.is_none() {
        settle(shelf, claim)?;
    }
    Ok(Claimed::New(LeaseToken {
        key: claim.key,
        number,
    }))
}

/// Refuses a message that begins a stream for which there is no room. Before that it drops streams whose time has come: that
/// stands even if the message is refused all the same, for they were over. Nothing else may have been changed yet: a guard in
/// memory has no transaction to undo.
fn check_stream_room<S: Shelf>(shelf: &mut S, claim: &Claim, now: u64) -> Result<()> {
    if needs_stream_room(shelf, claim)? {
        // What is over stays as long as nobody needs its room.
        shelf.drop_streams(now, DROPS_WHEN_FULL)?;
        if !shelf.has_room_for_stream(claim)? {
            return Err(ErrorKind::GuardFull.into());
        }
    }
    Ok(())
}

/// Whether the message begins a stream for which there is no room.
fn needs_stream_room<S: Shelf>(shelf: &mut S, claim: &Claim) -> Result<bool> {
    Ok(match ordered(claim) {
        None => false,
        Some(place) => {
            shelf.stream(&place.stream)?.is_none() && !shelf.has_room_for_stream(claim)?
        }
    })
}

fn ordered(claim: &Claim) -> Option<Place> {
    claim.place.filter(|place| place.order != Order::Any)
}

/// Counts the message as accepted in its stream. It was just judged, in the same step.
fn settle<S: Shelf>(shelf: &mut S, claim: &Claim) -> Result<()> {
    let Some(place) = ordered(claim) else {
        return Ok(());
    };
    let known = shelf.stream(&place.stream)?;
    let mut kept = known.unwrap_or_else(|| Kept::of(claim));
    kept.settle(claim, place);
    shelf.put_stream(&place.stream, kept)
}

/// The entry that `token` holds. One that is over is absent, swept or not.
fn held<S: Shelf>(shelf: &mut S, token: &LeaseToken) -> Result<Entry> {
    let now = shelf.high_water()?;
    shelf
        .entry(&token.key)?
        .filter(|entry| entry.is_held_by(token) && entry.claim.keep_until > now)
        .ok_or_else(|| ErrorKind::LeaseLost.into())
}

/// As [`ReplayGuard::commit`](super::guard::ReplayGuard::commit); `Superseded` is a value here, for then the step is not undone.
pub(crate) fn commit<S: Shelf>(
    shelf: &mut S,
    token: &LeaseToken,
    receipt: &[u8],
) -> Result<core::result::Result<(), ErrorKind>> {
    check_answer(receipt)?;
    let mut entry = held(shelf, token)?;
    let before = entry.claim.keep_until;
    let refused = out_of_order(shelf, entry.claim.place)?;
    entry.state = match refused {
        Some(_) => State::Released,
        None => State::Committed {
            receipt: receipt.to_vec(),
        },
    };
    if refused.is_none() {
        let now = shelf.high_water()?;
        check_stream_room(shelf, &entry.claim, now)?;
        settle(shelf, &entry.claim)?;
    }
    shelf.update(entry, before)?;
    Ok(match refused {
        None => Ok(()),
        Some(Claimed::Gap) => Err(ErrorKind::Gap),
        Some(_) => Err(ErrorKind::Superseded),
    })
}

pub(crate) fn release<S: Shelf>(shelf: &mut S, token: &LeaseToken) -> Result<()> {
    let mut entry = held(shelf, token)?;
    let before = entry.claim.keep_until;
    entry.state = State::Released;
    shelf.update(entry, before)
}

pub(crate) fn renew<S: Shelf>(
    shelf: &mut S,
    token: &LeaseToken,
    now: u64,
    lease: u64,
) -> Result<()> {
    let now = shelf.observe(now)?;
    let mut entry = held(shelf, token)?;
    let before = entry.claim.keep_until;
    entry.hold(State::claimed(token.number, now, Some(lease)));
    shelf.update(entry, before)
}

pub(crate) fn sweep<S: Shelf>(shelf: &mut S, now: u64, at_most: usize) -> Result<Swept> {
    let now = shelf.observe(now)?;
    shelf.sweep(now, at_most)
}

/// Sweeps step by step, at most `step` of each kind in each, until nothing is over or `at_most` were dropped of one kind; gives
/// how many entries that was. Between the steps others get in.
pub(crate) fn sweep_in_steps(
    at_most: usize,
    step: usize,
    mut sweep: impl FnMut(usize) -> Result<Swept>,
) -> Result<usize> {
    let (mut entries, mut most) = (0, 0);
    while most < at_most {
        let step = step.min(at_most - most);
        let swept = sweep(step)?;
        entries += swept.entries;
        most += swept.most;
        if swept.most < step {
            break;
        }
    }
    Ok(entries)
}

pub(crate) fn expect<S: Shelf>(
    shelf: &mut S,
    challenge: &Digest,
    until: u64,
    now: u64,
) -> Result<()> {
    let now = shelf.observe(now)?;
    shelf.sweep(now, DROPS_PER_CLAIM)?;
    shelf.put_challenge(challenge, Some(until))
}

pub(crate) fn missing<S: Shelf>(
    shelf: &mut S,
    stream: &Digest,
) -> Result<Vec<RangeInclusive<u64>>> {
    Ok(shelf
        .stream(stream)?
        .map(|kept| kept.stream.missing())
        .unwrap_or_default())
}

pub(crate) fn skip<S: Shelf>(shelf: &mut S, name: &Digest, before: u64) -> Result<()> {
    match shelf.stream(name)? {
        None => Ok(()),
        Some(mut kept) => {
            kept.stream.skip(before);
            shelf.put_stream(name, kept)
        }
    }
}

pub(crate) fn forget_stream<S: Shelf>(shelf: &mut S, name: &Digest) -> Result<bool> {
    match shelf.stream(name)? {
        None => Ok(false),
        Some(kept) => shelf.drop_stream(name, kept).map(|()| true),
    }
}

pub(crate) fn permit<S: Shelf>(shelf: &mut S, what: &Digest, now: u64, rate: Rate) -> Result<bool> {
    let now = shelf.observe(now)?;
    let full_at = shelf.full_at(what)?;
    match rate.take(full_at, now) {
        None => Ok(false),
        Some(next) => shelf.put_full_at(what, next, now).map(|()| true),
    }
}
