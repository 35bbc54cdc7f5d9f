//! Making receipts, from verified messages alone (spec/receipts.md §3).

use alloc::vec::Vec;
use core::fmt;

use super::status::{Reason, Status};
use crate::crypto::digest::Digest;
use crate::crypto::random::Entropy;
use crate::envelope::draft::Draft;
use crate::envelope::lease::Lease;
use crate::envelope::seal::Sealer;
use crate::envelope::stamp::Stamp;
use crate::envelope::verdict::{Opened, StampOnly};
use crate::error::{ErrorKind, Result};
use crate::freshness::clock::Clock;
use crate::freshness::guard::ReplayGuard;
use crate::freshness::rate::Rate;
use crate::identity::holder::Signer;
use crate::identity::public::PublicIdentity;
use crate::wire::claims::StatementType;
use crate::wire::labels;
use crate::wire::receipt::RawReceipt;

/// How often a rejection or a note of damage goes to one author, unless said otherwise: 20 at once, then one a minute.
const REFUSALS: Rate = Rate {
    every: 60,
    burst: 20,
};

/// What is known of a message that a receipt can be about. Only the gate makes such things.
pub trait Answerable: sealed::Answerable {}

impl Answerable for Opened {}
impl Answerable for StampOnly {}

mod sealed {
    use super::{Digest, Opened, Stamp, StampOnly};

    pub trait Answerable {
        fn about(&self) -> About<'_>;
    }

    #[derive(Debug)]
    pub struct About<'a> {
        pub(super) stamp: &'a Stamp,
        pub(super) header_digest: Digest,
        pub(super) opening_digest: Digest,
        pub(super) content: Option<(u64, Digest)>,
        /// Whether its author is on the policy's list, and not just anyone.
        pub(super) listed: bool,
    }

    impl Answerable for Opened {
        fn about(&self) -> About<'_> {
            About {
                stamp: self.stamp(),
                header_digest: self.header_digest(),
                opening_digest: self.opening_digest(),
                content: Some((self.content_length(), self.content_digest())),
                listed: self.is_listed(),
            }
        }
    }

    impl Answerable for StampOnly {
        fn about(&self) -> About<'_> {
            About {
                stamp: self.stamp(),
                header_digest: self.header_digest(),
                opening_digest: self.opening_digest(),
                content: None,
                listed: self.is_listed(),
            }
        }
    }
}

use sealed::About;

/// Makes receipts: statements of a recipient, signed with its key and sealed to the key that the author asked them to be
/// sent to.
///
/// What it gives is `None` where no receipt may be sent: the author did not ask for this kind, or would be told too often.
/// So nobody can make this recipient write to somebody else. Send what it gives only after the guard has
/// [committed](Lease::commit) the message with it.
///
/// ```
/// # fn main() -> bulla::Result<()> {
/// # use bulla::*;
/// # let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
/// let asked = Receipts { delivered: true, ..Receipts::default() };
/// let reply_key = alice.public().newest_key().unwrap();
/// let draft = Draft::new("example")?.ask_receipts(asked, reply_key)?;
/// let mut envelope = Vec::new();
/// let sent = Sealer::new(&alice).to(bob.public()).seal_into(&draft, b"hello", &mut envelope)?;
///
/// # let policy = Policy::new("example", Senders::only([*alice.verifying_key()]))?;
/// # let guard = MemoryGuard::new(1000);
/// let opener = Opener::new(&bob, &policy, Replay::Guarded(&guard));
/// let receipt = match opener.open_leased(&envelope, 60)? {
///     Delivery::New(message) => {
///         let receipt = Receipter::new(&bob).delivered(message.proof().proof())?.unwrap_or_default();
///         message.into_parts().1.commit(&receipt)?;
///         receipt
///     }
///     Delivery::Again(again) => again.into_receipt(),
/// };
///
/// let receipt = Receipt::open(&alice, "example", Senders::only([*bob.verifying_key()]), &receipt)?;
/// receipt.check(&[sent])?;
/// assert_eq!(receipt.status(), &Status::Delivered);
/// # Ok(()) }
/// ```
#[must_use]
pub struct Receipter<'a> {
    signer: &'a dyn Signer,
    clock: &'a dyn Clock,
    entropy: &'a dyn Entropy,
    limit: Option<(&'a dyn ReplayGuard, Rate)>,
}

impl<'a> Receipter<'a> {
    /// Signs receipts with this key, with the clock and the generator of the system.
    #[cfg(feature = "std")]
    pub fn new(signer: &'a dyn Signer) -> Self {
        Self::with(
            signer,
            &crate::freshness::clock::SystemClock,
            &crate::crypto::random::OsEntropy,
        )
    }

    /// Signs receipts with this key, with this clock and this generator.
    pub fn with(signer: &'a dyn Signer, clock: &'a dyn Clock, entropy: &'a dyn Entropy) -> Self {
        Self {
            signer,
            clock,
            entropy,
            limit: None,
        }
    }

    /// Limits how often one author is told of rejections and damage. The guard keeps count.
    ///
    /// Without this a rejection of a message that is leased is limited by its own guard: 20 at once, then one a minute.
    pub fn limited(mut self, guard: &'a dyn ReplayGuard, rate: Rate) -> Self {
        self.limit = Some((guard, rate));
        self
    }

    /// The message was opened and handed to the application.
    ///
    /// # Errors
    ///
    /// As [`Sealer::seal`].
    pub fn delivered(&self, message: &Opened) -> Result<Option<Vec<u8>>> {
        self.make(message, &Status::Delivered)
    }

    /// The content is on the disk, and was read again from there.
    ///
    /// # Errors
    ///
    /// As [`Sealer::seal`].
    #[cfg(all(feature = "std", unix))]
    pub fn stored(&self, stored: &super::stored::Stored<'_>) -> Result<Option<Vec<u8>>> {
        self.make(stored.proof(), &Status::Stored)
    }

    /// The message is rejected for good: after all of it was verified, or by its stamp alone if the author is on the
    /// policy's list. It must be leased, and committed with this, so that a copy gets the same answer.
    ///
    /// # Errors
    ///
    /// As [`Sealer::seal`]; [`ErrorKind::GuardUnavailable`].
    pub fn rejected<P: Answerable>(
        &self,
        message: &Lease<'_, P>,
        reason: Reason,
    ) -> Result<Option<Vec<u8>>> {
        let about = message.proof().about();
        let (guard, rate) = self.limit.unwrap_or((message.guard(), REFUSALS));
        if !about.stamp.receipts().rejected || !self.permitted(&about, guard, rate)? {
            return Ok(None);
        }
        self.make(message.proof(), &Status::Rejected(reason))
    }

    /// A copy came damaged: its stamp is authentic, and what follows is not. This says nothing about the message, which may
    /// still come.
    ///
    /// # Errors
    ///
    /// As [`Sealer::seal`]; [`ErrorKind::GuardUnavailable`]; [`ErrorKind::InvalidInput`] unless [`limited`](Self::limited).
    pub fn damaged(&self, stamp: &StampOnly, text: &str) -> Result<Option<Vec<u8>>> {
        let (guard, rate) = self.limit.ok_or(crate::error::Error::with(
            ErrorKind::InvalidInput,
            "notes of damage go out at a limited rate: give it, with a guard that keeps count",
        ))?;
        let about = sealed::Answerable::about(stamp);
        if !about.stamp.receipts().rejected || !self.permitted(&about, guard, rate)? {
            return Ok(None);
        }
        let reason = Reason::new(Reason::DAMAGED, text)?;
        self.make(stamp, &Status::Damaged(reason))
    }

    fn permitted(&self, about: &About<'_>, guard: &dyn ReplayGuard, rate: Rate) -> Result<bool> {
        let own = self.signer.signer_key();
        // All strangers together are one: whoever is turned away could come as somebody else.
        let nobody = [0; 32];
        let author = match about.listed {
            true => about.stamp.signer().as_bytes(),
            false => &nobody,
        };
        let what = [labels::GUARD_RATE, own.as_bytes(), author];
        // By the stamp alone only listed authors are told (spec/receipts.md §3).
        let accepted = about.listed || about.content.is_some();
        Ok(accepted && guard.permit(&Digest::of_parts(&what), self.clock.now()?, rate)?)
    }

    fn make(&self, message: &impl Answerable, status: &Status) -> Result<Option<Vec<u8>>> {
        let about = message.about();
        let asked = about.stamp.receipts();
        let wanted = match status {
            Status::Delivered => asked.delivered,
            Status::Stored => asked.stored,
            Status::Rejected(_) | Status::Damaged(_) => asked.rejected,
        };
        // A receipt is never answered, nor is any other statement: else two machines could answer each other forever.
        let message = about.stamp.statement_type() == StatementType::Message;
        let (true, true, Some(reply_key)) = (wanted, message, about.stamp.reply_key()) else {
            return Ok(None);
        };
        let (code, reason) = status.to_raw();
        let body = RawReceipt {
            message_id: about.stamp.message_id().0,
            header_digest: *about.header_digest.as_bytes(),
            opening_digest: *about.opening_digest.as_bytes(),
            author: *about.stamp.signer().as_bytes(),
            content: about
                .content
                .map(|(length, digest)| (length, *digest.as_bytes())),
            status: code,
            reason,
        };
        let author = PublicIdentity::new(*about.stamp.signer(), alloc::vec![*reply_key])?;
        let draft = Draft::new(about.stamp.context())?.of_type(StatementType::Receipt);
        Sealer::with(self.signer, self.clock, self.entropy)
            .to(&author)
            .seal(&draft, &body.encode())
            .map(Some)
    }
}

impl fmt::Debug for Receipter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receipter({})", self.signer.signer_key())
    }
}
