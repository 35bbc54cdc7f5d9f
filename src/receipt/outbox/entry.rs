//! What an outbox tells of a message.

use core::fmt;
use std::string::String;
use std::vec::Vec;

use crate::crypto::digest::Digest;
use crate::crypto::sign::VerifyingKey;
use crate::envelope::stamp::MessageId;

/// Something to be sent to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Due {
    /// The message.
    pub message_id: MessageId,
    /// Names the envelope to send.
    pub header_digest: Digest,
    /// To whom.
    pub recipient: VerifyingKey,
    /// Which time this is: 1 for the first.
    pub attempts: u32,
    /// The host's note.
    pub note: String,
}

/// How far a message has come with one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutboxState {
    /// A receipt is awaited.
    Waiting,
    /// Confirmed by a receipt.
    Settled,
    /// Rejected by a receipt: a failure.
    Rejected,
    /// Nobody answered in time: a failure.
    GivenUp,
}

impl OutboxState {
    const ALL: [Self; 4] = [Self::Waiting, Self::Settled, Self::Rejected, Self::GivenUp];

    pub(super) const fn code(self) -> i64 {
        self as i64
    }

    pub(super) fn of(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

impl fmt::Display for OutboxState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Settled => "settled",
            Self::Rejected => "rejected",
            Self::GivenUp => "given up",
        })
    }
}

/// Which entries are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxFilter {
    /// All.
    All,
    /// Those that await a receipt.
    Waiting,
    /// Those that are settled.
    Settled,
    /// Those that were rejected or given up.
    Failed,
}

/// A message and one of its recipients.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutboxEntry {
    /// The message.
    pub message_id: MessageId,
    /// Names the envelope that is sent.
    pub header_digest: Digest,
    /// To whom.
    pub recipient: VerifyingKey,
    /// The context of the message.
    pub context: String,
    /// How far it has come.
    pub state: OutboxState,
    /// Whether it must be stored, or delivery is enough.
    pub awaits_stored: bool,
    /// Until when an answer is awaited, in seconds since 1970.
    pub deadline: u64,
    /// When it is to be sent next, if it is waiting.
    pub next_due: u64,
    /// How often it was sent, or was about to be.
    pub attempts: u32,
    /// What the last receipt that counted said, in words.
    pub told: Option<String>,
    /// The proof of that receipt, for third parties (see [`ReceiptProof`](crate::ReceiptProof)).
    pub proof: Option<Vec<u8>>,
    /// The host's note.
    pub note: String,
}

impl OutboxEntry {
    /// How far it has come at this time: what waits past its deadline is over, also if nobody has called
    /// [`give_up`](crate::Outbox::give_up) since.
    #[must_use]
    pub const fn state_at(&self, now: u64) -> OutboxState {
        match self.state {
            OutboxState::Waiting if self.deadline <= now => OutboxState::GivenUp,
            state => state,
        }
    }
}
