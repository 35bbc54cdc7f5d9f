//! Making receipts, from verified messages alone (spec/receipts.md §3).

use alloc::vec::Vec;
use core::fmt;

use super::committed::{Committed, Rejection};
use super::status::{Reason, Status};
use crate::crypto::digest::Digest;
use crate::crypto::random::Entropy;
use crate::envelope::draft::Draft;
use crate::envelope::lease::Lease;
use crate::envelope::outcome::Outcome;
use crate::envelope::seal::Sealer;
use crate::envelope::stamp::Stamp;
use crate::envelope::verdict::{Damaged, Opened, StampOnly};
use crate::error::{ErrorKind, Result};
use crate::freshness::clock::Clock;
use crate::freshness::guard::ReplayGuard;
use crate::freshness::rate::Rate;
use crate::identity::holder::Signer;
use crate::identity::public::{EncryptionKey, PublicIdentity};
use crate::wire::claims::StatementType;
use crate::wire::labels;
use crate::wire::receipt::RawReceipt;

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

impl<'a> About<'a> {
    /// Where a receipt with this status is to be sent; `None` if it was not asked for.
    fn reply_key(&self, status: &Status) -> Option<&'a EncryptionKey> {
        let asked = self.stamp.receipts();
        let wanted = match status {
            Status::Delivered => asked.delivered,
            Status::Stored => asked.stored,
            Status::Rejected(_) | Status::Damaged(_) => asked.rejected,
        };
        // A receipt is never answered, nor is any other statement: else two machines could answer each other forever.
        let answered = wanted && self.stamp.statement_type() == StatementType::Message;
        self.stamp.reply_key().filter(|_| answered)
    }
}

/// What is committed with a receipt, or without.
fn bytes(receipt: &Option<Vec<u8>>) -> &[u8] {
    receipt.as_deref().unwrap_or_default()
}

/// Makes receipts: statements of a recipient, signed with its key and sealed to the key that the author asked them to be
/// sent to.
///
/// A receipt comes out of a commit alone: what these calls give, they give after the guard has the message with its receipt.
/// There is none where the author did not ask for this kind, and so nobody can make this recipient write to somebody else.
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
///         let (content, lease) = message.into_parts();
///         assert_eq!(content, b"hello"); // make it durable, then:
///         Receipter::new(&bob).delivered(lease)?.into_receipt()
///     }
///     Delivery::Again(again) => again.into_receipt(),
/// };
///
/// let receipt = receipt.unwrap(); // it was asked for
/// let receipt = Receipt::open(&alice, "example", Senders::only([*bob.verifying_key()]), &receipt)?;
/// receipt.check(&[sent])?;
/// assert_eq!(receipt.status(), &Status::Delivered);
/// # Ok(()) }
/// ```
///
/// Before the commit there is none to be had:
///
/// ```compile_fail
/// fn too_early(receipter: &bulla::Receipter<'_>, lease: &bulla::Lease<'_>) -> Option<Vec<u8>> {
///     receipter.delivered(lease).unwrap().into_receipt()
/// }
/// ```
#[must_use]
pub struct Receipter<'a> {
    signer: &'a dyn Signer,
    clock: &'a dyn Clock,
    entropy: &'a dyn Entropy,
    limit: Option<(&'a dyn ReplayGuard, Rate)>,
}

impl<'a> Receipter<'a> {
    /// How often rejections should go to one author, and notes of damage, each counted by itself: 20 at once, then one a
    /// minute.
    pub const REFUSALS: Rate = Rate {
        every: 60,
        burst: 20,
    };

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

    /// Limits how often one author is told of rejections, and how often of damage. The guard keeps count of each by itself.
    ///
    /// Without this a rejection is limited by the guard of the message's own lease, to [`REFUSALS`](Self::REFUSALS).
    pub fn limited(mut self, guard: &'a dyn ReplayGuard, rate: Rate) -> Self {
        self.limit = Some((guard, rate));
        self
    }

    /// The message was handed to the application: makes the receipt, commits the message with it, and only then gives it.
    ///
    /// # Errors
    ///
    /// As [`Lease::commit`]; then no receipt leaves, also where it is not known whether the guard has it: a copy gets it. As
    /// [`Sealer::seal`] if the receipt cannot be made: then the message is released.
    pub fn delivered(&self, message: Lease<'_>) -> Result<Committed<Opened>> {
        let receipt = self.make(message.proof(), &Status::Delivered)?;
        let proof = message.commit(Outcome::Delivered, bytes(&receipt))?;
        Ok(Committed::new(proof, receipt))
    }

    /// The content is on the disk, and was read again from there: makes the receipt, commits the message with it, and only
    /// then gives it.
    ///
    /// # Errors
    ///
    /// As [`Stored::commit`](super::stored::Stored::commit); then no receipt leaves, also where it is not known whether the
    /// guard has it: a copy gets it. As [`Sealer::seal`] if the receipt cannot be made: then the file is removed, and the
    /// message released.
    #[cfg(all(feature = "std", unix))]
    pub fn stored(&self, stored: super::stored::Stored<'_>) -> Result<Committed<Opened>> {
        let receipt = self.make(stored.proof(), &Status::Stored)?;
        let proof = stored.commit(bytes(&receipt))?;
        Ok(Committed::new(proof, receipt))
    }

    /// The message is rejected for good: after all of it was verified, or by its stamp alone. It is committed with that, so
    /// that a copy gets the same answer; but if its author asked to be told and may not be told now, it is
    /// [released](Rejection::Untold) instead.
    ///
    /// Who asked is told at most so often ([`REFUSALS`](Self::REFUSALS), unless [`limited`](Self::limited) otherwise), and by
    /// the stamp alone only if the policy lists him.
    ///
    /// # Errors
    ///
    /// As [`Lease::commit`]; then no receipt leaves. As [`Sealer::seal`], [`ErrorKind::GuardFull`] and
    /// [`ErrorKind::GuardUnavailable`] if the receipt cannot be made: then the message is released.
    pub fn rejected<P: Answerable>(
        &self,
        message: Lease<'_, P>,
        reason: Reason,
    ) -> Result<Rejection<P>> {
        let about = message.proof().about();
        let asked = about.reply_key(&Status::Rejected(reason.clone())).is_some();
        let (guard, rate) = self.limit.unwrap_or((message.guard(), Self::REFUSALS));
        if asked && !self.permitted(labels::GUARD_RATE, &about, guard, rate)? {
            return Ok(Rejection::Untold(message.give_up()));
        }
        let receipt = self.make(message.proof(), &Status::Rejected(reason))?;
        let proof = message.end(Outcome::Rejected, bytes(&receipt))?;
        Ok(Rejection::Final(Committed::new(proof, receipt)))
    }

    /// A copy came damaged: its stamp is authentic, and what follows is not. This says nothing about the message, which may
    /// still come: nothing is claimed for it, and nothing stored.
    ///
    /// `None` if the author did not ask to be told of rejections, is not on the policy's list, or was told too often lately.
    /// `damaged` is what a [failed store](crate::NotStored::damaged) or [stream](crate::OpenStream::damaged) left.
    ///
    /// # Errors
    ///
    /// As [`Sealer::seal`]; [`ErrorKind::GuardUnavailable`], [`ErrorKind::GuardFull`]; [`ErrorKind::InvalidInput`] unless [`limited`](Self::limited).
    pub fn damaged(&self, damaged: &Damaged, text: &str) -> Result<Option<Vec<u8>>> {
        let (guard, rate) = self.limit.ok_or(crate::error::Error::with(
            ErrorKind::InvalidInput,
            "notes of damage go out at a limited rate: give it, with a guard that keeps count",
        ))?;
        let status = Status::Damaged(Reason::new(Reason::DAMAGED, text)?);
        let stamp = damaged.stamp_only();
        let about = sealed::Answerable::about(stamp);
        // Not by the rate of rejections: whoever carries a message can damage copies of it, as many as he likes.
        let label = labels::GUARD_RATE_OF_DAMAGE;
        if about.reply_key(&status).is_none() || !self.permitted(label, &about, guard, rate)? {
            return Ok(None);
        }
        self.make(stamp, &status)
    }

    fn permitted(
        &self,
        label: &[u8],
        about: &About<'_>,
        guard: &dyn ReplayGuard,
        rate: Rate,
    ) -> Result<bool> {
        let own = self.signer.signer_key();
        // All strangers together are one: whoever is turned away could come as somebody else.
        let nobody = [0; 32];
        let author = match about.listed {
            true => about.stamp.signer().as_bytes(),
            false => &nobody,
        };
        let what = [label, own.as_bytes(), author];
        // By the stamp alone only listed authors are told (spec/receipts.md §3).
        let accepted = about.listed || about.content.is_some();
        Ok(accepted && guard.permit(&Digest::of_parts(&what), self.clock.now()?, rate)?)
    }

    fn make(&self, message: &impl Answerable, status: &Status) -> Result<Option<Vec<u8>>> {
        let about = message.about();
        let Some(reply_key) = about.reply_key(status) else {
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
