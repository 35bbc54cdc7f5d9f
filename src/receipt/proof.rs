//! A receipt as proof for third parties (spec/receipts.md §6).

use alloc::vec::Vec;

use super::check::Receipt;
use super::status::Status;
use crate::crypto::digest::Digest;
use crate::crypto::sign::VerifyingKey;
use crate::envelope::evidence::Evidence;
use crate::envelope::stamp::{MessageId, Stamp};
use crate::error::{ErrorKind, Result};
use crate::wire::claims::StatementType;
use crate::wire::evidence::RawProof;
use crate::wire::receipt::RawReceipt;

impl Receipt {
    /// The proof of this receipt, for a third party: no secret is in it, and not the content. It proves that the recipient's
    /// key signed these words about this author's message; what the message was, the author shows with its content, whose
    /// digest is in it.
    #[must_use]
    pub fn proof(&self) -> Vec<u8> {
        RawProof {
            evidence: &self.evidence,
            body: &self.raw.encode(),
        }
        .write()
    }
}

/// A proof that was checked: the recipient signed this receipt.
#[derive(Clone, Debug)]
pub struct ReceiptProof {
    stamp: Stamp,
    status: Status,
    raw: RawReceipt,
    author: VerifyingKey,
}

impl ReceiptProof {
    /// Checks the proof of a receipt. No key is needed. Whether the recipient is who one thinks is for the caller to judge:
    /// [`recipient`](Self::recipient).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`], [`ErrorKind::UnsupportedVersion`], [`ErrorKind::NotAuthentic`],
    /// [`ErrorKind::WrongStatement`].
    pub fn check(proof: &[u8]) -> Result<Self> {
        let raw = RawProof::parse(proof)?;
        let evidence = Evidence::check_statement(raw.evidence, StatementType::Receipt)?;
        if !evidence.is_about(raw.body) {
            return Err(ErrorKind::NotAuthentic.into());
        }
        let body = RawReceipt::parse(raw.body)?;
        let author = VerifyingKey::from_bytes(&body.author).ok_or(ErrorKind::NotAuthentic)?;
        Ok(Self {
            stamp: evidence.into_stamp(),
            status: Status::from_raw(body.status, body.reason.clone()),
            raw: body,
            author,
        })
    }

    /// Who signed: the recipient of the message.
    #[must_use]
    pub const fn recipient(&self) -> &VerifyingKey {
        self.stamp.signer()
    }

    /// Whose message it is about.
    #[must_use]
    pub const fn author(&self) -> &VerifyingKey {
        &self.author
    }

    /// What became of the message.
    #[must_use]
    pub const fn status(&self) -> &Status {
        &self.status
    }

    /// In which context.
    #[must_use]
    pub fn context(&self) -> &str {
        self.stamp.context()
    }

    /// When, as the recipient says, in seconds since 1970.
    #[must_use]
    pub const fn issued(&self) -> u64 {
        self.stamp.issued()
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

    /// Digest of the header of the envelope that it answers.
    #[must_use]
    pub const fn header_digest(&self) -> Digest {
        Digest::from_bytes(self.raw.header_digest)
    }
}
