//! Checking receipts against what was sent (spec/receipts.md §4).

use alloc::string::String;
use alloc::vec::Vec;

use super::status::Status;
use crate::crypto::digest::Digest;
use crate::crypto::sign::VerifyingKey;
use crate::envelope::open::Opener;
use crate::envelope::seal::Sent;
use crate::envelope::stamp::MessageId;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::clock::Clock;
use crate::freshness::policy::{DEFAULT_SKEW, Policy, Replay, Senders};
use crate::identity::holder::Decapsulator;
use crate::wire::claims::StatementType;
use crate::wire::receipt::RawReceipt;

/// A receipt that was opened: its recipient really said this, to this author, in this context. Whether it is about what was
/// sent, [`check`](Self::check) says.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub(super) raw: RawReceipt,
    pub(super) status: Status,
    pub(super) recipient: VerifyingKey,
    pub(super) context: String,
    pub(super) issued: u64,
    /// The evidence of its stamp, for third parties.
    pub(super) evidence: Vec<u8>,
}

impl Receipt {
    /// Opens a receipt that came to the author with these keys, from one of these recipients, in this context, by the clock
    /// of the system.
    ///
    /// # Errors
    ///
    /// As [`Opener::open`], with [`ErrorKind::UntrustedSender`] for another recipient and [`ErrorKind::WrongStatement`] for
    /// what is no receipt; [`ErrorKind::WrongReceipt`] if it answers somebody else's message.
    #[cfg(feature = "std")]
    pub fn open(
        keys: &dyn Decapsulator,
        context: &str,
        recipients: Senders,
        envelope: &[u8],
    ) -> Result<Self> {
        let clock = &crate::freshness::clock::SystemClock;
        Self::open_by(keys, context, recipients, envelope, clock)
    }

    /// The same, by this clock.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_by(
        keys: &dyn Decapsulator,
        context: &str,
        recipients: Senders,
        envelope: &[u8],
        clock: &dyn Clock,
    ) -> Result<Self> {
        Self::open_with(keys, Policy::new(context, recipients)?, envelope, clock)
    }

    /// A receipt of any context and any recipient, for the outbox, which knows what it awaits.
    #[cfg(feature = "sqlite")]
    pub(super) fn open_any(
        keys: &dyn Decapsulator,
        envelope: &[u8],
        clock: &dyn Clock,
    ) -> Result<Self> {
        let policy = Policy::new("any", Senders::anyone())?.of_any_context();
        Self::open_with(keys, policy, envelope, clock)
    }

    fn open_with(
        keys: &dyn Decapsulator,
        policy: Policy,
        envelope: &[u8],
        clock: &dyn Clock,
    ) -> Result<Self> {
        let policy = policy.for_answers(StatementType::Receipt);
        let opener = Opener::with_clock(keys, &policy, Replay::Unguarded, clock);
        let (body, opened) = opener.open(envelope)?.into_parts();
        let raw = RawReceipt::parse(&body)?;
        if raw.author != *keys.reader_key().as_bytes() {
            // A co-recipient may have passed on a receipt for a copy of his own.
            return Err(Error::with(
                ErrorKind::WrongReceipt,
                "it answers somebody else's message",
            ));
        }
        Ok(Self {
            status: Status::from_raw(raw.status, raw.reason.clone()),
            raw,
            recipient: *opened.stamp().signer(),
            context: opened.stamp().context().into(),
            issued: opened.stamp().issued(),
            evidence: opened.evidence(),
        })
    }

    /// Checks that it is about this message, of which each sealing is named: author, recipient and context are checked
    /// already. It gives the sealing that it answers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WrongReceipt`] if it is about another message, or an envelope of it that was not sent;
    /// [`ErrorKind::ContentDiffers`] if the recipient says that it has other content: **this settles nothing, and is to be
    /// told loudly**; [`ErrorKind::TooOld`] if it is older than the message.
    pub fn check<'s>(&self, sent: &'s [Sent]) -> Result<&'s Sent> {
        let wrong = |detail| Error::with(ErrorKind::WrongReceipt, detail);
        let id = self.message_id();
        if !sent.iter().any(|sent| sent.message_id == id) {
            return Err(wrong("it is about another message"));
        }
        let header = Digest::from_bytes(self.raw.header_digest);
        let sent = sent
            .iter()
            .find(|sent| sent.message_id == id && sent.header_digest == header)
            .ok_or(wrong("it is about an envelope that was not sent"))?;
        if *sent.opening_digest.as_bytes() != self.raw.opening_digest {
            return Err(wrong("it is about another stamp"));
        }
        if let Some((length, digest)) = self.raw.content
            && (length, Digest::from_bytes(digest)) != (sent.content_length, sent.content_digest)
        {
            return Err(ErrorKind::ContentDiffers.into());
        }
        if self.issued.saturating_add(DEFAULT_SKEW) < sent.issued {
            return Err(Error::with(
                ErrorKind::TooOld,
                "the receipt is older than the message",
            ));
        }
        Ok(sent)
    }

    /// What became of the message.
    #[must_use]
    pub const fn status(&self) -> &Status {
        &self.status
    }

    /// Who says so.
    #[must_use]
    pub const fn recipient(&self) -> &VerifyingKey {
        &self.recipient
    }

    /// In which context.
    #[must_use]
    pub fn context(&self) -> &str {
        &self.context
    }

    /// When, as the recipient says, in seconds since 1970.
    #[must_use]
    pub const fn issued(&self) -> u64 {
        self.issued
    }

    /// The message that it is about.
    #[must_use]
    pub const fn message_id(&self) -> MessageId {
        MessageId(self.raw.message_id)
    }

    /// Length and digest of the content that the recipient verified, if it did.
    #[must_use]
    pub fn content(&self) -> Option<(u64, Digest)> {
        self.raw
            .content
            .map(|(length, digest)| (length, Digest::from_bytes(digest)))
    }
}
