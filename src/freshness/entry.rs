//! What becomes of a claim that meets an entry: the rules that all guards share (spec/guard.md §3).

use alloc::vec::Vec;

use super::guard::{Claim, Claimed, LeaseToken, MAX_STORED_ANSWER};
use crate::crypto::digest::Digest;
use crate::error::{Error, ErrorKind, Result};

/// What a guard remembers of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) claim: Claim,
    pub(crate) state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Reserved { number: u64, until: u64 },
    Released,
    Committed { receipt: Vec<u8> },
}

impl State {
    /// The state of an entry that was just claimed, as reservation `number`.
    pub(crate) fn claimed(number: u64, now: u64, lease: Option<u64>) -> Self {
        match lease {
            None => Self::Committed {
                receipt: Vec::new(),
            },
            Some(lease) => Self::Reserved {
                number,
                until: now.saturating_add(lease),
            },
        }
    }
}

impl Entry {
    pub(crate) fn new(claim: Claim, state: State) -> Self {
        let mut entry = Self {
            claim,
            state: State::Released,
        };
        entry.hold(state);
        entry
    }

    /// Puts it into this state. It is kept at least until its lease ends, or a holder who stored the message could not
    /// commit it any more.
    pub(crate) fn hold(&mut self, state: State) {
        if let State::Reserved { until, .. } = state {
            self.claim.keep_until = self.claim.keep_until.max(until);
        }
        self.state = state;
    }

    /// A copy of the message has come: a copy that lives longer keeps the entry as long, so that it counts once. Gives the
    /// answer, or `None` if nobody holds the entry and it can be [taken](Self::take).
    ///
    /// Only times of issue that an age bounds are joined (spec/guard.md §3): they alone become a sweep mark. What expires by
    /// its signed end needs none, and with it an author could raise the mark up to the present, for all other authors.
    pub(crate) fn meet(&mut self, claim: &Claim, now: u64) -> Option<Claimed> {
        let entry = &mut self.claim;
        if claim.challenge.is_none() {
            // The times of an answer to a challenge were not judged, and may be anything.
            entry.keep_until = entry.keep_until.max(claim.keep_until);
            if claim.bounded_by_age {
                entry.issued = match entry.bounded_by_age {
                    true => entry.issued.max(claim.issued),
                    false => claim.issued,
                };
                entry.bounded_by_age = true;
            }
        }
        match &self.state {
            State::Released => None,
            State::Reserved { until, .. } if *until <= now => None,
            _ if differ(&entry.value, &claim.value) => Some(Claimed::Replayed),
            State::Committed { receipt } => Some(Claimed::Same(receipt.clone())),
            State::Reserved { .. } => Some(Claimed::Pending),
        }
    }

    /// Takes over an entry that is free.
    pub(crate) fn take(&mut self, claim: &Claim, state: State) {
        self.claim.value = claim.value;
        self.claim.place = claim.place;
        self.claim.challenge = claim.challenge.or(self.claim.challenge);
        self.hold(state);
    }

    /// Whether `token` names the reservation that stands.
    pub(crate) fn is_held_by(&self, token: &LeaseToken) -> bool {
        matches!(self.state, State::Reserved { number, .. } if number == token.number)
    }
}

/// Whether two messages of one key are known to say different things. Else a copy that is judged by its stamp alone could not
/// get the answer that the whole of it got, nor the whole of it the rejection that its stamp got.
fn differ(one: &Digest, other: &Digest) -> bool {
    one != other && *one != Claim::UNKNOWN && *other != Claim::UNKNOWN
}

/// Checks the length of an answer that is to be kept.
pub(crate) fn check_answer(answer: &[u8]) -> Result<()> {
    if answer.len() > MAX_STORED_ANSWER {
        return Err(Error::with(
            ErrorKind::InvalidInput,
            "what a guard keeps with a message is at most 4096 bytes",
        ));
    }
    Ok(())
}
