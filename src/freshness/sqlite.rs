//! The durable replay guard of one machine: SQLite, for any number of threads and processes.

use core::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::vec::Vec;

use super::database::Database;
use super::give_back::give_back;
use super::guard::{Claim, Claimed, LeaseToken, ReplayGuard};
use super::rate::Rate;
use super::rules;
use super::sqlite_counts::Counts;
use super::sqlite_shelf::SqlShelf;
use super::table::Limits;
use crate::crypto::digest::Digest;
use crate::error::{ErrorKind, Result};

/// Messages of listed senders that a guard remembers if nothing else is said: with their indices about 300 MB.
const DEFAULT_CAPACITY: usize = 1_000_000;
/// Entries, and challenges, dropped in one transaction of a sweep: others get in between.
pub(super) const SWEEP_STEP: usize = 1000;

/// A replay guard in a file, that forgets nothing when the process ends or is killed: the one for hosts on one machine, also
/// for those that start a process per message.
///
/// What was answered [`Claimed::New`] is on the disk. Claims of many threads share one sync of the disk if they use one
/// guard, or clones of it; between processes the file's lock decides, and whoever does not get it within 5 seconds is
/// refused with [`ErrorKind::GuardUnavailable`]. So is everyone if the file is damaged, removed, or cannot be written.
///
/// The high-water mark of the time is kept with whatever is written. [`observe`](ReplayGuard::observe) writes nothing by
/// itself: a time that was only looked at is remembered by this process alone.
///
/// ```
/// # fn main() -> bulla::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("guard");
/// use bulla::{Opener, Replay, SqliteGuard};
/// # use bulla::{Draft, Identity, OsEntropy, Policy, Sealer, Senders};
/// # let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
/// # let policy = Policy::new("example", Senders::only([*alice.verifying_key()]))?;
/// # let envelope = Sealer::new(&alice).to(bob.public()).seal(&Draft::new("example")?, b"hello")?;
/// let guard = SqliteGuard::open(&path)?;
/// Opener::new(&bob, &policy, Replay::Guarded(&guard)).open(&envelope)?;
///
/// // After a restart it is still known.
/// drop(guard);
/// let guard = SqliteGuard::open(&path)?;
/// let again = Opener::new(&bob, &policy, Replay::Guarded(&guard)).open(&envelope);
/// assert_eq!(again.unwrap_err().kind(), bulla::ErrorKind::Replayed);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct SqliteGuard {
    database: Database,
    limits: Limits,
    /// The greatest time that this process showed it, which may not be in the file yet.
    shown: Arc<AtomicU64>,
}

impl SqliteGuard {
    /// Opens the guard's file, and makes it if there is none: for a million messages of listed senders.
    ///
    /// # Errors
    ///
    /// As [`Database::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::with(
            Database::open(path)?,
            Limits::of(DEFAULT_CAPACITY),
        ))
    }

    /// A guard in this database, with these limits. They are not kept in the file: give the same ones everywhere.
    #[must_use]
    pub fn with(database: Database, limits: Limits) -> Self {
        Self {
            database,
            limits,
            shown: Arc::default(),
        }
    }

    /// The database that it is in.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// One step of the shared rules, in a transaction. They refuse before they change anything, so a refusal is no reason
    /// to undo what was dropped meanwhile; a failure of the store is.
    fn step<T: Send + 'static>(
        &self,
        mut rule: impl FnMut(&mut SqlShelf<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let limits = self.limits;
        self.database.write(move |connection| {
            let mut shelf = SqlShelf::load(connection, limits)?;
            match rule(&mut shelf) {
                Err(error) if error.kind() == ErrorKind::GuardUnavailable => Err(error),
                answer => {
                    shelf.save()?;
                    Ok(answer)
                }
            }
        })?
    }

    /// The greatest time that was shown here, and now `now`.
    fn time(&self, now: u64) -> u64 {
        self.shown.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

impl ReplayGuard for SqliteGuard {
    fn observe(&self, now: u64) -> Result<u64> {
        let kept = self
            .database
            .read(|connection| Ok(Counts::load(connection)?.high_water))?;
        Ok(self.time(now).max(kept))
    }

    fn claim(&self, claim: &Claim, now: u64, lease: Option<u64>) -> Result<Claimed> {
        let (claim, now) = (claim.clone(), self.time(now));
        self.step(move |shelf| rules::claim(shelf, &claim, now, lease))
    }

    fn look(&self, claim: &Claim) -> Result<Option<Vec<u8>>> {
        self.database.read(|connection| {
            let mut shelf = SqlShelf::load(connection, self.limits)?;
            super::look::look(&mut shelf, claim, self.time(0))
        })
    }

    fn commit(&self, token: &LeaseToken, receipt: &[u8]) -> Result<()> {
        // Before it is copied.
        super::entry::check_answer(receipt)?;
        let (token, receipt) = (*token, receipt.to_vec());
        self.step(move |shelf| rules::commit(shelf, &token, &receipt))?
            .map_err(Into::into)
    }

    fn release(&self, token: &LeaseToken) -> Result<()> {
        let token = *token;
        self.step(move |shelf| rules::release(shelf, &token))
    }

    fn renew(&self, token: &LeaseToken, now: u64, lease: u64) -> Result<()> {
        let (token, now) = (*token, self.time(now));
        self.step(move |shelf| rules::renew(shelf, &token, now, lease))
    }

    /// Goes in steps of 1000 entries and as many challenges, between which others get in; gives room back to the file system if most of the file
    /// is free.
    fn sweep(&self, now: u64, at_most: usize) -> Result<usize> {
        let now = self.time(now);
        let dropped = rules::sweep_in_steps(at_most, SWEEP_STEP, |step| {
            self.step(move |shelf| rules::sweep(shelf, now, step))
        })?;
        give_back(&self.database)?;
        Ok(dropped)
    }

    fn expect(&self, challenge: &Digest, until: u64, now: u64) -> Result<()> {
        let (challenge, now) = (*challenge, self.time(now));
        self.step(move |shelf| rules::expect(shelf, &challenge, until, now))
    }

    fn missing(&self, stream: &Digest) -> Result<Vec<RangeInclusive<u64>>> {
        self.database.read(|connection| {
            let mut shelf = SqlShelf::load(connection, self.limits)?;
            rules::missing(&mut shelf, stream)
        })
    }

    fn skip(&self, stream: &Digest, before: u64) -> Result<()> {
        let stream = *stream;
        self.step(move |shelf| rules::skip(shelf, &stream, before))
    }

    fn forget_stream(&self, stream: &Digest) -> Result<bool> {
        let stream = *stream;
        self.step(move |shelf| rules::forget_stream(shelf, &stream))
    }

    fn permit(&self, what: &Digest, now: u64, rate: Rate) -> Result<bool> {
        let (what, now) = (*what, self.time(now));
        self.step(move |shelf| rules::permit(shelf, &what, now, rate))
    }
}
