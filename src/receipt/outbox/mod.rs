//! The outbox: what was sent and awaits a receipt, so that nothing is lost in silence (spec/receipts.md §8).

mod backoff;
mod clean;
mod entry;
#[cfg(test)]
mod plans;
mod rows;
mod sending;
mod spool;

use std::path::Path;
use std::vec::Vec;

pub use backoff::Backoff;
pub use entry::{Due, OutboxEntry, OutboxFilter, OutboxState};
pub use spool::{OutboxEnvelope, Outgoing};

use super::check::Receipt;
use crate::crypto::digest::Digest;
use crate::crypto::sign::VerifyingKey;
use crate::envelope::seal::Sent;
use crate::envelope::stamp::MessageId;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::clock::Clock;
use crate::freshness::database::Database;
use crate::freshness::give_back::give_back;
use crate::identity::holder::Decapsulator;

/// Longest note of a letter in bytes.
pub const MAX_NOTE: usize = 1024;

/// What is sent, to whom, and what is awaited.
#[derive(Clone, Debug)]
pub struct Letter {
    pub(super) sent: Sent,
    pub(super) context: std::string::String,
    pub(super) recipients: Vec<VerifyingKey>,
    pub(super) awaits_stored: bool,
    pub(super) deadline: u64,
    pub(super) note: std::string::String,
}

impl Letter {
    /// A message to these recipients, of whom each is to confirm that it is stored, by the time `deadline` (seconds since 1970).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRecipient`].
    pub fn new(
        sent: Sent,
        context: &str,
        recipients: impl IntoIterator<Item = VerifyingKey>,
        deadline: u64,
    ) -> Result<Self> {
        let recipients: Vec<VerifyingKey> = recipients.into_iter().collect();
        if recipients.is_empty() {
            return Err(ErrorKind::NoRecipient.into());
        }
        Ok(Self {
            sent,
            context: context.into(),
            recipients,
            awaits_stored: true,
            deadline,
            note: std::string::String::new(),
        })
    }

    /// It is enough if they confirm that it is delivered.
    #[must_use]
    pub const fn until_delivered(mut self) -> Self {
        self.awaits_stored = false;
        self
    }

    /// What the host wants to remember of it: where to send it, for whom. It is kept as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for more than 1024 bytes.
    pub fn note(mut self, note: &str) -> Result<Self> {
        if note.len() > MAX_NOTE {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "a note is at most 1024 bytes",
            ));
        }
        self.note = note.into();
        Ok(self)
    }
}

/// What a receipt has settled.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The receipt: checked, and about a message of this outbox.
    pub receipt: Receipt,
    /// What the outbox now says of this recipient.
    pub entry: OutboxEntry,
    /// False if it said so before.
    pub is_new: bool,
}

/// A sender's durable list of what awaits receipts, in a [`Database`]; a guard may live in the same one.
///
/// Every step is one transaction, may be repeated, and is safe for several processes. Envelopes of up to 64 KiB are kept
/// in the file, longer ones in a folder beside it with `.d` after its name.
///
/// ```
/// # fn main() -> bulla::Result<()> {
/// # use bulla::*;
/// # let folder = tempfile::tempdir().unwrap();
/// # let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
/// # let now = SystemClock.now()?;
/// let outbox = Outbox::new(Database::open(folder.path().join("outbox"))?);
/// let asked = Receipts { stored: true, rejected: true, ..Receipts::default() };
/// let draft = Draft::new("example")?.ask_receipts(asked, alice.public().newest_key().unwrap())?;
/// let mut envelope = Vec::new();
/// let sent = Sealer::new(&alice).to(bob.public()).seal_into(&draft, b"hello", &mut envelope)?;
/// outbox.put(&Letter::new(sent, "example", [*bob.verifying_key()], now + 7200)?, &envelope, now)?;
///
/// for due in outbox.due(now, 10)? {
///     // hand outbox.envelope(&due.header_digest)? to the transport, then:
///     outbox.mark_sent(&due, now)?;
/// }
/// assert_eq!(outbox.list(OutboxFilter::Waiting, 10)?.len(), 1);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Outbox {
    database: Database,
    backoff: Backoff,
}

impl Outbox {
    /// The outbox in this database.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self {
            database,
            backoff: Backoff::DEFAULT,
        }
    }

    /// How long it waits before something is sent again.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Records an envelope before it is sent; it is due at once. To put the same envelope again changes nothing; another envelope
    /// of the same message is one more that may be answered, and is sent in place of the first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutboxUnavailable`]: nothing was recorded, so do not send it.
    pub fn put(&self, letter: &Letter, envelope: &[u8], now: u64) -> Result<()> {
        use std::io::Write;
        let mut outgoing = self.begin()?;
        outgoing.write_all(envelope)?;
        outgoing.commit(letter, now)
    }

    /// Begins a letter whose envelope comes in pieces; it is recorded by [`Outgoing::commit`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`].
    pub fn begin(&self) -> Result<Outgoing> {
        Outgoing::begin(self.database.clone())
    }

    /// What is to be sent now, at most so many: what was never sent, and what got no answer for long enough. Each is given to one
    /// caller alone, and to another one if that does not [mark it as sent](Self::mark_sent) within ten minutes. A receipt may settle
    /// it meanwhile: then there is no [`envelope`](Self::envelope), and nothing to send.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutboxUnavailable`].
    pub fn due(&self, now: u64, at_most: usize) -> Result<Vec<Due>> {
        self.write(move |rows| rows.take_due(now, at_most))
    }

    /// Takes one envelope in order to send it now, due or not: for each recipient who has not answered, as
    /// [`due`](Self::due) gives it. It may be settled meanwhile, as there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutboxUnavailable`].
    pub fn take(&self, header_digest: &Digest, now: u64) -> Result<Vec<Due>> {
        let header = *header_digest;
        self.write(move |rows| rows.take(&header, now))
    }

    /// What [`due`](Self::due) or [`take`](Self::take) gave last of this envelope, for a process that was told its name alone
    /// and is to [mark it as sent](Self::mark_sent). Empty if nobody has taken it, or nothing is awaited any more.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutboxUnavailable`].
    pub fn taken(&self, header_digest: &Digest) -> Result<Vec<Due>> {
        self.read(|rows| rows.taken(header_digest))
    }

    /// It was handed to the transport: it is due again after a while, longer each time, unless a receipt comes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutboxUnavailable`].
    pub fn mark_sent(&self, due: &Due, now: u64) -> Result<()> {
        let (due, next) = (due.clone(), self.backoff.next(due, now));
        self.write(move |rows| rows.mark_sent(&due, next))
    }

    /// The envelope to send: the identical one each time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if there is none of this name, or nobody awaits it any more; the detail says which. The latter is
    /// no mistake: a receipt may come between [`due`](Self::due) and this, and then [`taken`](Self::taken) is empty.
    /// [`ErrorKind::OutboxUnavailable`].
    pub fn envelope(&self, header_digest: &Digest) -> Result<OutboxEnvelope> {
        spool::envelope(&self.database, header_digest)
    }

    /// Takes a receipt that came, checks it against what was sent, and settles what it is about: `stored` and (if that is
    /// enough) `delivered` settle it, `rejected` makes it a failure, and `damaged` only makes it due at once. `stored`
    /// outranks `rejected`, whichever comes first.
    ///
    /// # Errors
    ///
    /// As [`Receipt::open`] and [`Receipt::check`]: then nothing has changed. [`ErrorKind::WrongReceipt`] if it is about
    /// nothing in this outbox; [`ErrorKind::OutboxUnavailable`].
    pub fn settle(
        &self,
        keys: &dyn Decapsulator,
        receipt: &[u8],
        clock: &dyn Clock,
    ) -> Result<Settled> {
        let receipt = Receipt::open_any(keys, receipt, clock)?;
        let (id, recipient) = (receipt.message_id(), *receipt.recipient());
        let asked = self.read(|rows| rows.sent(id, &recipient, receipt.context()))?;
        receipt.check(&asked)?;
        let (status, now) = (receipt.status().clone(), clock.now()?);
        let proof = receipt.proof();
        let (entry, is_new) =
            self.write(move |rows| rows.settle(id, &recipient, &status, &proof, now))?;
        if entry.state != OutboxState::Waiting {
            // If it cannot be removed now, `clean` does it.
            let _ = clean::remove_settled(&self.database, id);
        }
        Ok(Settled {
            receipt,
            entry,
            is_new,
        })
    }

    /// Gives up what has passed its deadline, and says what that was: each is a failure to be told to its author, and stays
    /// on the list as such until it is [forgotten](Self::forget).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutboxUnavailable`].
    pub fn give_up(&self, now: u64) -> Result<Vec<OutboxEntry>> {
        self.write(move |rows| rows.give_up(now))
    }

    /// What is in it, at most so many, the oldest first. What waits past its deadline counts as waiting until it is
    /// [given up](Self::give_up); [`OutboxEntry::state_at`] says how it is now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutboxUnavailable`].
    pub fn list(&self, which: OutboxFilter, at_most: usize) -> Result<Vec<OutboxEntry>> {
        self.read(|rows| rows.list(which, at_most))
    }

    /// The entries of one message.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutboxUnavailable`].
    pub fn of_message(&self, id: MessageId) -> Result<Vec<OutboxEntry>> {
        self.read(|rows| rows.of_message(id))
    }

    /// What was sent of a message: for an audit, or to seal it again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutboxUnavailable`].
    pub fn sent(&self, id: MessageId) -> Result<Vec<Sent>> {
        self.read(|rows| rows.all_sent(id))
    }

    /// Forgets what is settled or failed for all its recipients and was last touched before this time; says how many messages.
    /// Then [cleans](Self::clean) and gives room back to the file system, as well as that can be done.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutboxUnavailable`]: nothing is forgotten.
    pub fn forget(&self, before: u64) -> Result<usize> {
        let forgotten = self.write(move |rows| rows.forget(before))?;
        // What remains is there for the next time, and whoever wants to know asks `clean`.
        let _ = self.clean();
        while give_back(&self.database).unwrap_or(false) {}
        Ok(forgotten)
    }

    /// Removes long envelopes that nobody awaits and nobody wrote to for a day: of what was given up, and what a crash left
    /// beside the file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutboxUnavailable`], [`ErrorKind::Io`].
    pub fn clean(&self) -> Result<()> {
        clean::clean(&self.database)
    }

    fn write<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&rows::Rows<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.database
            .write(move |connection| work(&rows::Rows(connection)))
            .map_err(outbox_error)
    }

    fn read<T>(&self, work: impl FnOnce(&rows::Rows<'_>) -> Result<T>) -> Result<T> {
        self.database
            .read(|connection| work(&rows::Rows(connection)))
            .map_err(outbox_error)
    }
}

/// The database speaks of guards.
fn outbox_error(error: Error) -> Error {
    match error.kind() {
        ErrorKind::GuardUnavailable => Error::with(ErrorKind::OutboxUnavailable, error.detail()),
        _ => error,
    }
}

/// The folder of long envelopes.
fn folder(database: &Database) -> std::path::PathBuf {
    let path: &Path = database.path();
    let mut name = path.as_os_str().to_os_string();
    name.push(".d");
    name.into()
}
