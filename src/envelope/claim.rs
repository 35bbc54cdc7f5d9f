//! What the gate asks the replay guard (spec/opening.md §2, step 7; spec/guard.md §2).

use alloc::vec::Vec;

use super::gate::{Freshness, Gate};
use super::stamp::Stamp;
use crate::crypto::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::clock::Clock;
use crate::freshness::guard::{Claim, Claimed, LeaseToken, Place, ReplayGuard};
use crate::freshness::order::Order;
use crate::freshness::policy::{MAX_SKEW, Replay};
use crate::wire::claims::Sequence;
use crate::wire::labels;

/// What became of a claim that was not refused.
pub(super) enum Passed {
    /// Nobody has seen it before, or there is no guard. With a lease it is reserved under this token.
    New(Option<LeaseToken>),
    /// The same message was committed before, with this answer. Only with a lease.
    Again(Vec<u8>),
}

/// The guard of a gate, and the clock beside it.
#[derive(Clone, Copy)]
pub(super) struct Watch<'a> {
    pub(super) guard: &'a dyn ReplayGuard,
    pub(super) clock: &'a dyn Clock,
}

impl<'a> Gate<'a> {
    /// The guard; an error without one.
    pub(super) fn watch(&self) -> Result<Watch<'a>> {
        match self.freshness {
            Some(Freshness {
                clock,
                replay: Replay::Guarded(guard),
            }) => Ok(Watch { guard, clock }),
            _ => Err(Error::with(
                ErrorKind::InvalidInput,
                "this needs a replay guard: name one",
            )),
        }
    }

    /// Step 7: claims the message, once everything else is verified; with `lease` (seconds) reserves it only. `length` and
    /// `digest` are those of the content, as far as they are verified.
    pub(super) fn claim(
        &self,
        stamp: &Stamp,
        content: Option<(u64, Digest)>,
        lease: Option<u64>,
    ) -> Result<Passed> {
        let Some(freshness) = self.freshness else {
            return Ok(Passed::New(None));
        };
        let Replay::Guarded(guard) = freshness.replay else {
            return Ok(Passed::New(None));
        };
        // A stream may have taken long since its stamp was judged, and the guard forgets by these very times.
        self.judge_times(stamp, &freshness)?;
        let claim = self.guard_claim(stamp, content)?;
        let refused = match guard.claim(&claim, freshness.clock.now()?, lease)? {
            Claimed::New(token) => return Ok(Passed::New(lease.map(|_| token))),
            Claimed::Same(answer) if lease.is_some() => return Ok(Passed::Again(answer)),
            Claimed::Same(_) | Claimed::Replayed => ErrorKind::Replayed,
            Claimed::Pending => ErrorKind::Pending,
            Claimed::Forgotten => ErrorKind::TooOld,
            Claimed::Superseded => ErrorKind::Superseded,
            Claimed::Gap => ErrorKind::Gap,
            Claimed::Unasked => ErrorKind::WrongChallenge,
        };
        Err(refused.into())
    }

    /// What the guard keeps with the message of this stamp, if it knows by the stamp alone that it was committed. Nothing is
    /// claimed.
    #[cfg(all(feature = "std", unix))]
    pub(super) fn look(&self, stamp: &Stamp) -> Result<Option<Vec<u8>>> {
        // One without a place where an order is demanded is refused, as at its end, whatever another policy made of it.
        self.place(stamp, None)?;
        self.watch()?.guard.look(&self.guard_claim(stamp, None)?)
    }

    /// spec/guard.md §2.
    fn guard_claim(&self, stamp: &Stamp, content: Option<(u64, Digest)>) -> Result<Claim> {
        let (signer, context) = (stamp.signer().as_bytes(), stamp.context().as_bytes());
        let content = content.map(|(length, digest)| (length, *digest.as_bytes()));
        let value = if content.is_none() && stamp.digest().is_none() {
            Claim::UNKNOWN
        } else {
            let application = stamp.claims().encode_application(content.as_ref());
            Digest::of_parts(&[labels::GUARD_VALUE, &application])
        };
        let by_age = self
            .policy
            .max_age
            .map(|age| stamp.issued().saturating_add(age));
        // With neither bound the times were refused as Unbounded, or a challenge bounds it.
        let end = stamp
            .expires()
            .into_iter()
            .chain(by_age)
            .min()
            .unwrap_or(u64::MAX);
        // Only where one is demanded: elsewhere an answer was refused.
        let challenge = stamp
            .challenge()
            .filter(|_| self.policy.challenged)
            .map(|challenge| self.challenge_name(challenge));
        Ok(Claim {
            key: self.message_key(stamp),
            value,
            scope: Digest::of_parts(&[labels::GUARD_SCOPE, &self.reader, context]),
            signer: *signer,
            stranger: self.policy.senders.is_anyone(),
            issued: stamp.issued(),
            // The greatest skew, not this policy's: another policy over the same guard may have a greater one.
            keep_until: end.saturating_add(MAX_SKEW),
            bounded_by_age: stamp
                .expires()
                .is_none_or(|expires| by_age.is_some_and(|age| age < expires)),
            // A refusal by the stamp alone moves no mark: nothing was accepted.
            place: match content {
                Some(_) => self.place(stamp, by_age)?,
                None => None,
            },
            challenge,
        })
    }

    /// What names the message in the guard: reader, signer, message id, context.
    pub(super) fn message_key(&self, stamp: &Stamp) -> Digest {
        let (signer, context) = (stamp.signer().as_bytes(), stamp.context().as_bytes());
        let id = stamp.message_id().0;
        Digest::of_parts(&[labels::GUARD_KEY, &self.reader, signer, &id, context])
    }

    /// Where the message stands in an ordered stream, if the policy demands one.
    fn place(&self, stamp: &Stamp, by_age: Option<u64>) -> Result<Option<Place>> {
        if self.policy.order == Order::Any {
            return Ok(None);
        }
        let sequence = stamp.sequence().ok_or(Error::with(
            ErrorKind::Superseded,
            "an order is demanded, and it has no sequence number",
        ))?;
        Ok(Some(Place {
            stream: self.stream_name(stamp, sequence),
            number: sequence.number,
            order: self.policy.order,
            keep_until: by_age.map_or(u64::MAX, |end| end.saturating_add(MAX_SKEW)),
            issued: stamp.issued(),
        }))
    }

    pub(super) fn stream_name(&self, stamp: &Stamp, sequence: &Sequence) -> Digest {
        // A stream id is at most 64 bytes long.
        let length = [sequence.stream.len() as u8];
        Digest::of_parts(&[
            labels::GUARD_STREAM,
            &self.reader,
            stamp.signer().as_bytes(),
            &length,
            &sequence.stream,
            stamp.context().as_bytes(),
        ])
    }

    pub(super) fn challenge_name(&self, challenge: &[u8; 32]) -> Digest {
        Digest::of_parts(&[
            labels::GUARD_CHALLENGE,
            &self.reader,
            challenge,
            self.policy.context.as_bytes(),
        ])
    }
}
