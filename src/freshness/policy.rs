//! What a reader accepts. There is no default for context and senders: they must be said.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::guard::ReplayGuard;
use super::order::Order;
use crate::crypto::sign::VerifyingKey;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::claims::{StatementType, check_context};
use crate::wire::limits::DEFAULT_TRIALS;

/// Default difference between clocks that is tolerated, in seconds.
pub const DEFAULT_SKEW: u64 = 120;
/// Greatest difference between clocks that can be tolerated, in seconds: guards keep entries for that long.
pub const MAX_SKEW: u64 = 3600;
/// Default greatest age of a message, in seconds: 30 days.
pub const DEFAULT_MAX_AGE: u64 = 30 * 24 * 60 * 60;

/// Whose messages are accepted.
#[derive(Clone, Debug)]
pub struct Senders(Option<Vec<VerifyingKey>>);

impl Senders {
    /// Only these.
    #[must_use]
    pub fn only(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let mut keys: Vec<VerifyingKey> = keys.into_iter().collect();
        keys.sort_by_key(|key| *key.as_bytes());
        Self(Some(keys))
    }

    /// Anyone at all: the message says who it is from, and the application decides what that is worth.
    #[must_use]
    pub const fn anyone() -> Self {
        Self(None)
    }

    /// The listed key with these bytes, already parsed.
    pub(crate) fn listed(&self, bytes: &[u8; 32]) -> Option<&VerifyingKey> {
        let keys = self.0.as_ref()?;
        let at = keys
            .binary_search_by_key(bytes, |key| *key.as_bytes())
            .ok()?;
        keys.get(at)
    }

    pub(crate) const fn is_anyone(&self) -> bool {
        self.0.is_none()
    }
}

/// What a reader accepts: context and senders, and bounds of age.
///
/// ```
/// # fn main() -> bulla::Result<()> {
/// # let alice = bulla::Identity::generate(&bulla::OsEntropy)?;
/// use bulla::{Policy, Senders};
/// let policy = Policy::new("smtp", Senders::only([*alice.verifying_key()]))?.max_age(Some(5 * 24 * 3600));
/// # let _ = policy; Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) context: String,
    /// Whether any context is opened: for the crate's own use, which compares it later.
    pub(crate) any_context: bool,
    pub(crate) senders: Senders,
    pub(crate) max_age: Option<u64>,
    pub(crate) skew: u64,
    pub(crate) own_messages: bool,
    pub(crate) trials: usize,
    pub(crate) order: Order,
    pub(crate) challenged: bool,
    /// What is opened: messages, but for the crate's own use.
    pub(crate) statement: StatementType,
}

impl Policy {
    /// Accepts messages of this context from these senders, at most 30 days old, with clocks at most 120 s apart.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if the context is empty, longer than 255 bytes, or has control characters.
    pub fn new(context: &str, senders: Senders) -> Result<Self> {
        if !check_context(context) {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "a context is 1 to 255 bytes without control characters",
            ));
        }
        Ok(Self {
            context: context.to_owned(),
            any_context: false,
            senders,
            max_age: Some(DEFAULT_MAX_AGE),
            skew: DEFAULT_SKEW,
            own_messages: false,
            trials: DEFAULT_TRIALS,
            order: Order::Any,
            challenged: false,
            statement: StatementType::Message,
        })
    }

    /// Greatest age in seconds; `None` for no bound, which a replay guard accepts only for messages that expire.
    ///
    /// Policies of one reader and context over one guard should have the same: where one of them has a shorter age, the guard
    /// forgets by it, and then refuses all unknown messages that are as old as what it forgot, as
    /// [`TooOld`](ErrorKind::TooOld), although the longer age of another policy would accept them (spec/opening.md §5).
    #[must_use]
    pub const fn max_age(mut self, seconds: Option<u64>) -> Self {
        self.max_age = seconds;
        self
    }

    /// How far clocks may be apart, in seconds: at most [`MAX_SKEW`], and more counts as that.
    #[must_use]
    pub const fn skew(mut self, seconds: u64) -> Self {
        self.skew = if seconds < MAX_SKEW {
            seconds
        } else {
            MAX_SKEW
        };
        self
    }

    /// Accepts messages that the reader's own key has signed, if it is among the senders. Off by default, for a
    /// message reflected to its sender must not pass for an answer.
    #[must_use]
    pub const fn allow_own(mut self, allow: bool) -> Self {
        self.own_messages = allow;
        self
    }

    /// Demands an order within each stream of messages. It needs a replay guard, which knows how far each stream has come.
    ///
    /// A message without a sequence then is `Superseded`.
    ///
    /// With [`Senders::anyone`] it needs a [greatest age](Self::max_age), or it is
    /// [`InvalidInput`](ErrorKind::InvalidInput) where a message is opened: strangers' streams leave the guard by that alone.
    /// Where [challenges are demanded](Self::demand_challenge) of anyone, streams do not leave by themselves at all: there the
    /// number of challenges bounds them, and [`forget_stream`](ReplayGuard::forget_stream) makes room.
    #[must_use]
    pub const fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Accepts only answers to challenges that were made with [`Opener::challenge`](crate::Opener::challenge), each once.
    ///
    /// The times of such a message are not judged, for its freshness does not rest on any clock but the reader's own,
    /// which says for how long an answer is awaited. It needs a replay guard, which knows the challenges.
    ///
    /// A policy that does not demand it refuses such answers as [`WrongChallenge`](ErrorKind::WrongChallenge): the guard keeps
    /// an answer by the end of its challenge, so who judged it by its times could accept it once more after that. So seal an
    /// answer for the reader who asked, and for nobody else.
    #[must_use]
    pub const fn demand_challenge(mut self, demand: bool) -> Self {
        self.challenged = demand;
        self
    }

    /// The same, of whatever context.
    #[cfg(feature = "sqlite")]
    pub(crate) const fn of_any_context(mut self) -> Self {
        self.any_context = true;
        self
    }

    /// The same, for statements of another type.
    pub(crate) const fn for_statement(mut self, statement: StatementType) -> Self {
        self.statement = statement;
        self
    }

    /// The same, for answers: one may come late, and is worth the same whenever it comes, for what it answers says how old it
    /// can be; and one may be asked and answered by oneself.
    pub(crate) const fn for_answers(self, statement: StatementType) -> Self {
        self.max_age(None).allow_own(true).for_statement(statement)
    }

    /// Greatest number of trial decryptions (own keys × stanzas) for one envelope; 100 000 by default. The newest keys are
    /// tried first, and no more of them than that allows: if none of those opens, and there are more, it is
    /// [`Malformed`](ErrorKind::Malformed), with a detail that says so.
    #[must_use]
    pub const fn max_trials(mut self, trials: usize) -> Self {
        self.trials = trials;
        self
    }
}

/// Whether messages seen before are refused. There is no default: it must be said.
#[derive(Clone, Copy)]
pub enum Replay<'a> {
    /// Refused, with the memory of this guard.
    Guarded(&'a dyn ReplayGuard),
    /// Not noticed: whoever replays a message has it accepted again.
    Unguarded,
}

impl core::fmt::Debug for Replay<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Guarded(_) => "Guarded",
            Self::Unguarded => "Unguarded",
        })
    }
}
