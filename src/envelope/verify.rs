//! Verifying signed envelopes, with their content inside or beside (spec/opening.md).

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::gate::{Freshness, Gate};
use super::intake::Intake;
use super::open::{OpenStream, reader_id, whole};
use super::stamp::Stamp;
use super::unlock::Unlock;
use super::verdict::{Archive, Fresh, Message, Mode, prove};
use crate::error::{ErrorKind, Result};
use crate::freshness::clock::Clock;
use crate::freshness::policy::{Policy, Replay};
use crate::wire::header::Kind;

/// Verifies signed envelopes: the same gate, without encryption.
///
/// The reader has no key, so it is known to the guard by a name: each reader that is to accept a message once for
/// itself has its own.
pub struct Verifier<'a, M: Mode = Fresh> {
    pub(super) gate: Gate<'a>,
    mode: PhantomData<M>,
}

impl<'a> Verifier<'a> {
    /// Verifies what this policy accepts, once, by the clock of the system.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn new(reader: &str, policy: &'a Policy, replay: Replay<'a>) -> Self {
        Self::with_clock(
            reader,
            policy,
            replay,
            &crate::freshness::clock::SystemClock,
        )
    }

    /// Verifies what this policy accepts, once, by this clock.
    #[must_use]
    pub fn with_clock(
        reader: &str,
        policy: &'a Policy,
        replay: Replay<'a>,
        clock: &'a dyn Clock,
    ) -> Self {
        Self::build(reader_id(reader), policy, Some(Freshness { clock, replay }))
    }
}

impl<'a> Verifier<'a, Archive> {
    /// Verifies archived envelopes: everything but freshness.
    #[must_use]
    pub fn archive(policy: &'a Policy) -> Self {
        Self::build([0; 32], policy, None)
    }
}

impl<'a, M: Mode> Verifier<'a, M> {
    const fn build(reader: [u8; 32], policy: &'a Policy, freshness: Option<Freshness<'a>>) -> Self {
        Self {
            gate: Gate {
                policy,
                freshness,
                reader,
                own: None,
            },
            mode: PhantomData,
        }
    }

    /// Verifies an envelope with its content inside.
    ///
    /// # Errors
    ///
    /// As [`Opener::open`](crate::Opener::open), but for stanzas and body, which there are none of.
    pub fn verify(&self, envelope: &[u8]) -> Result<Message<M::Proof>> {
        let mut content = Vec::with_capacity(envelope.len());
        let proof = whole(self.stream(), envelope, &mut content)?;
        Ok(Message::new(content, proof))
    }

    /// Verifies a detached envelope against the content beside it.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify); [`ErrorKind::NotAuthentic`] also if the content is not the signed one.
    pub fn verify_detached(&self, envelope: &[u8], content: &[u8]) -> Result<M::Proof> {
        let mut stream = self.detached(envelope)?;
        stream.update(content)?;
        stream.finish()
    }

    /// Verifies an envelope that comes in pieces, with its content inside.
    pub const fn stream(&self) -> OpenStream<'a, M> {
        OpenStream::new(self.gate, Unlock::Signed(Kind::Signed))
    }

    /// Judges a detached envelope, whose content then comes in pieces.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify), for all that can be told before the content is there.
    pub fn detached(&self, envelope: &[u8]) -> Result<DetachedStream<'a, M>> {
        let mut intake = Intake::new(self.gate, Unlock::Signed(Kind::Detached));
        let mut nothing = Vec::new();
        intake.update(envelope, &mut nothing)?;
        if intake.stamp().is_none() {
            // It ends too early: say what is missing.
            intake.finish(&mut nothing)?;
            return Err(ErrorKind::Malformed.into());
        }
        Ok(DetachedStream {
            intake,
            mode: PhantomData,
        })
    }
}

impl<M: Mode> fmt::Debug for Verifier<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("policy", self.gate.policy)
            .finish_non_exhaustive()
    }
}

/// A detached envelope, judged, whose content comes in pieces.
#[must_use]
pub struct DetachedStream<'a, M: Mode = Fresh> {
    intake: Intake<'a>,
    mode: PhantomData<M>,
}

impl<M: Mode> DetachedStream<'_, M> {
    /// The stamp, verified and judged.
    #[must_use]
    pub fn stamp(&self) -> Option<&Stamp> {
        self.intake.stamp()
    }

    /// Takes the next piece of the content.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WrongOrder`] never happens here.
    pub fn update(&mut self, content: &[u8]) -> Result<()> {
        self.intake.beside(content)
    }

    /// The end of the content.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify_detached`].
    pub fn finish(self) -> Result<M::Proof> {
        self.intake.finish(&mut Vec::new()).map(prove::<M>)
    }
}

impl<M: Mode> fmt::Debug for DetachedStream<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DetachedStream").finish_non_exhaustive()
    }
}
