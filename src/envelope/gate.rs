//! The judgement in the middle of the gate: the stamp's signature, and the policy (spec/opening.md §2, steps 4, 5).

use super::stamp::Stamp;
use crate::crypto::digest::Digest;
use crate::crypto::sign::VerifyingKey;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::clock::Clock;
use crate::freshness::order::Order;
use crate::freshness::policy::{Policy, Replay};
use crate::wire::claims::Claims;
use crate::wire::cose::{self, Statement};
use crate::wire::header::Kind;
use crate::wire::labels;

/// How freshness is judged; absent for archives.
#[derive(Clone, Copy)]
pub(super) struct Freshness<'a> {
    pub(super) clock: &'a dyn Clock,
    pub(super) replay: Replay<'a>,
}

/// Everything the reader has said, and who the reader is.
#[derive(Clone, Copy)]
pub(super) struct Gate<'a> {
    pub(super) policy: &'a Policy,
    pub(super) freshness: Option<Freshness<'a>>,
    /// The reader in the guard's keys: its own signing key, or the digest of a name (spec/opening.md §5).
    pub(super) reader: [u8; 32],
    /// The reader's own signing key, where it has one.
    pub(super) own: Option<[u8; 32]>,
}

impl Gate<'_> {
    /// Whether an author that is accepted is on the policy's list, and not just anyone.
    pub(super) const fn listed(&self) -> bool {
        !self.policy.senders.is_anyone()
    }

    /// Step 4: takes an opening apart and checks its signature.
    pub(super) fn authenticate(
        &self,
        opening: &[u8],
        header_digest: &Digest,
        kind: Kind,
    ) -> Result<Stamp> {
        let known = |bytes: &[u8; 32]| self.policy.senders.listed(bytes).copied();
        authenticate(opening, header_digest, Some(kind), known)
    }

    /// Step 5: the policy, in the order of spec/opening.md §2. The signature of the stamp is verified already.
    pub(super) fn judge(&self, stamp: &Stamp) -> Result<()> {
        let refuse = |kind: ErrorKind| Err(kind.into());
        if stamp.statement_type() != self.policy.statement {
            return refuse(ErrorKind::WrongStatement);
        }
        let signer = stamp.signer().as_bytes();
        if self.own.is_some_and(|own| own == *signer) && !self.policy.own_messages {
            return refuse(ErrorKind::OwnMessage);
        }
        if !self.policy.senders.is_anyone() && self.policy.senders.listed(signer).is_none() {
            return Err(Error::of_signer(ErrorKind::UntrustedSender, signer));
        }
        if stamp.context() != self.policy.context && !self.policy.any_context {
            return refuse(ErrorKind::WrongContext);
        }
        match &self.freshness {
            None => Ok(()),
            Some(freshness) => self.judge_times(stamp, freshness),
        }
    }

    /// Whether the streams that an order needs can leave the guard again (spec/guard.md §5): strangers are as many as they
    /// like, and theirs leave by the greatest age alone. How many answers to challenges there are, the reader decides.
    fn check_order(&self) -> Result<()> {
        let Policy {
            order,
            max_age,
            challenged,
            ..
        } = *self.policy;
        if order == Order::Any || self.listed() || max_age.is_some() || challenged {
            return Ok(());
        }
        Err(Error::with(
            ErrorKind::InvalidInput,
            "an order for anyone without a greatest age would fill the guard with streams that never leave: set a greatest age, or list the senders",
        ))
    }

    /// spec/opening.md §4.
    pub(super) fn judge_times(&self, stamp: &Stamp, freshness: &Freshness<'_>) -> Result<()> {
        let clock = freshness.clock.now()?;
        let guard = match freshness.replay {
            Replay::Guarded(guard) => Some(guard),
            Replay::Unguarded if self.policy.challenged || self.policy.order != Order::Any => {
                return Err(Error::with(
                    ErrorKind::InvalidInput,
                    "only a replay guard knows challenges and the order of streams: name one",
                ));
            }
            Replay::Unguarded => None,
        };
        self.check_order()?;
        // An answer is accepted where one is demanded, and nowhere else: a guard forgets it by the end of its challenge, and
        // not by its times (spec/guard.md §4).
        if stamp.challenge().is_some() != self.policy.challenged {
            return Err(ErrorKind::WrongChallenge.into());
        }
        if self.policy.challenged {
            // Not by any clock; whether the challenge is one of ours, the guard knows.
            return Ok(());
        }
        let now = guard.map_or(Ok(clock), |guard| guard.observe(clock))?;
        let Policy { skew, max_age, .. } = *self.policy;
        let verdict = if stamp.issued() > now.saturating_add(skew) {
            ErrorKind::NotYetValid
        } else if stamp
            .expires()
            .is_some_and(|end| now >= end.saturating_add(skew))
        {
            ErrorKind::Expired
        } else if max_age
            .is_some_and(|age| now >= stamp.issued().saturating_add(age).saturating_add(skew))
        {
            ErrorKind::TooOld
        } else if guard.is_some() && stamp.expires().is_none() && max_age.is_none() {
            ErrorKind::Unbounded
        } else {
            return Ok(());
        };
        Err(verdict.into())
    }
}

/// Takes an opening apart, and checks its form and then its signature (spec/opening.md §2, step 4).
pub(super) fn authenticate(
    opening: &[u8],
    header_digest: &Digest,
    kind: Option<Kind>,
    known: impl Fn(&[u8; 32]) -> Option<VerifyingKey>,
) -> Result<Stamp> {
    let statement = Statement::parse(opening)?;
    let claims = Claims::parse(statement.payload)?;
    // Layout rules of spec/statements.md §3; evidence does not say the kind.
    let fits = match kind {
        Some(Kind::Signed) => claims.padding == 0,
        Some(Kind::Detached) => claims.padding == 0 && claims.digest.is_some(),
        Some(Kind::Sealed) | None => true,
    };
    if !fits {
        return Err(Error::with(
            ErrorKind::Malformed,
            "the stamp does not fit this kind of envelope",
        ));
    }
    let stamp = Stamp::new(claims, known)?;
    let signed = cose::signed_bytes(
        &[labels::OPENING, header_digest.as_bytes()],
        statement.payload,
    );
    if stamp.signer().verify(&signed, statement.signature) {
        Ok(stamp)
    } else {
        Err(ErrorKind::NotAuthentic.into())
    }
}

/// Checks a closing, against the length in the stamp too if there is one, and gives the length and digest that it settles
/// (spec/statements.md §5).
pub(super) fn settle(
    closing: &[u8],
    stamp: &Stamp,
    header_digest: &Digest,
    opening: &[u8],
) -> Result<(u64, Digest)> {
    let refused = || crate::Error::from(ErrorKind::NotAuthentic);
    let statement = Statement::parse(closing).map_err(|_| refused())?;
    let (length, digest) =
        crate::wire::decode::parse_closing(statement.payload).ok_or_else(refused)?;
    let opening_digest = Digest::of(opening);
    let external: [&[u8]; 3] = [
        labels::CLOSING,
        header_digest.as_bytes(),
        opening_digest.as_bytes(),
    ];
    let signed = cose::signed_bytes(&external, statement.payload);
    let agreed = stamp.length().is_none_or(|signed| signed == length);
    if !agreed || !stamp.signer().verify(&signed, statement.signature) {
        return Err(refused());
    }
    Ok((length, Digest::from_bytes(digest)))
}
