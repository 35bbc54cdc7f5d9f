//! What a reader asks its replay guard besides: challenges, and what is missing of a stream (spec/guard.md §4, §5).

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::claim::Watch;
use super::gate::Gate;
use super::open::Opener;
use super::stamp::Stamp;
use super::verify::Verifier;
use crate::crypto::random::{Entropy, HedgedRandom};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::labels;

impl Gate<'_> {
    fn make_challenge(&self, entropy: &dyn Entropy, seconds: u64) -> Result<[u8; 32]> {
        let Watch { guard, clock } = self.watch()?;
        let random = HedgedRandom::new(entropy, labels::RANDOM, &mut core::iter::empty())?;
        let challenge = random.array(b"challenge\0");
        let now = guard.observe(clock.now()?)?;
        guard.expect(
            &self.challenge_name(&challenge),
            now.saturating_add(seconds),
            now,
        )?;
        Ok(challenge)
    }

    fn missing(&self, stamp: &Stamp) -> Result<Vec<RangeInclusive<u64>>> {
        match stamp.sequence() {
            None => Ok(Vec::new()),
            Some(place) => self.watch()?.guard.missing(&self.stream_name(stamp, place)),
        }
    }

    fn skip(&self, stamp: &Stamp, before: u64) -> Result<()> {
        let place = stamp.sequence().ok_or(Error::with(
            ErrorKind::InvalidInput,
            "the message is not in a stream",
        ))?;
        self.watch()?
            .guard
            .skip(&self.stream_name(stamp, place), before)
    }

    fn forget_stream(&self, stamp: &Stamp) -> Result<bool> {
        match stamp.sequence() {
            None => Ok(false),
            Some(place) => {
                let name = self.stream_name(stamp, place);
                self.watch()?.guard.forget_stream(&name)
            }
        }
    }
}

macro_rules! asks {
    ($reader:ident) => {
        impl $reader<'_> {
            /// Makes a challenge for this policy's context, to be answered once within `seconds` by a message that
            /// [answers](crate::Draft::answers) it. It needs no secrecy. See
            /// [`Policy::demand_challenge`](crate::Policy::demand_challenge).
            ///
            /// # Errors
            ///
            /// [`ErrorKind::InvalidInput`] without a replay guard; [`ErrorKind::RandomFailed`],
            /// [`ErrorKind::ClockFailed`], [`ErrorKind::GuardFull`], [`ErrorKind::GuardUnavailable`].
            pub fn challenge(&self, entropy: &dyn Entropy, seconds: u64) -> Result<[u8; 32]> {
                self.gate.make_challenge(entropy, seconds)
            }

            /// Which numbers are missing in the stream of this message, so far. Only
            /// [`Order::Gapless`](crate::Order::Gapless) keeps count.
            ///
            /// # Errors
            ///
            /// [`ErrorKind::InvalidInput`] without a replay guard; [`ErrorKind::GuardUnavailable`].
            pub fn missing(&self, stamp: &Stamp) -> Result<Vec<RangeInclusive<u64>>> {
                self.gate.missing(stamp)
            }

            /// Waits no longer for the numbers before this one in the stream of this message: they are given up, and
            /// `Superseded` if they still come.
            ///
            /// # Errors
            ///
            /// [`ErrorKind::InvalidInput`] without a replay guard, or if the message is in no stream;
            /// [`ErrorKind::GuardUnavailable`].
            pub fn skip(&self, stamp: &Stamp, before: u64) -> Result<()> {
                self.gate.skip(stamp, before)
            }

            /// Forgets the stream of this message, and says whether the guard knew it. Read first what can then be accepted:
            /// [`ReplayGuard::forget_stream`](crate::ReplayGuard::forget_stream).
            ///
            /// # Errors
            ///
            /// [`ErrorKind::InvalidInput`] without a replay guard; [`ErrorKind::GuardUnavailable`].
            pub fn forget_stream(&self, stamp: &Stamp) -> Result<bool> {
                self.gate.forget_stream(stamp)
            }
        }
    };
}

asks!(Opener);
asks!(Verifier);
