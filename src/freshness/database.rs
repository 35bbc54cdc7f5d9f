//! The durable embedded store: one SQLite file, for any number of threads and processes of one machine.

use core::fmt;
use std::boxed::Box;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::connection::connect;
use super::group::{Group, Job};
use super::places::Places;
use super::schema;
use super::trouble::Trouble;
use crate::disk::new_file::sync_folder;
use crate::error::Result;
use crate::process::Process;

/// Length of the log's file from which on a commit waits for its readers, to begin it anew.
const LOG_LIMIT: u64 = 64 << 20;

/// A durable file for what must survive restarts and crashes: the guard's memory, and what else a host must not forget.
///
/// Several processes may use the file at once, and each thread of a process may use one handle or clones of it, which is
/// best: their work shares the syncs of the disk. It is SQLite, with a write-ahead log (`-wal` and `-shm` stand beside the
/// file while it is used, and belong to it) and every commit synced to the disk. So the file must be on a file system of this
/// machine, not of the network; and nothing else in the process may open it, not even to read: on Unix, closing it would
/// free the locks.
///
/// A handle is not to be carried over a `fork`: in the child every call fails. Open the file after the fork.
///
/// ```
/// # fn main() -> bulla::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("guard");
/// let database = bulla::Database::open(&path)?;
/// let guard = bulla::SqliteGuard::with(database, bulla::GuardLimits::of(100_000));
/// # let _ = guard;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    /// Where the connections were made: they must not be carried over a fork.
    process: Process,
    places: Places,
    group: Group,
    writer: Mutex<Option<Connection>>,
    /// Reads do not wait for the disk.
    reader: Mutex<Option<Connection>>,
}

impl Database {
    /// Opens the file, and makes it if there is none, readable by its owner alone.
    ///
    /// Where a file is lost, what it remembered is lost: a program that knows that there must be one uses
    /// [`open_existing`](Self::open_existing).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable), with a detail that says what to do: something
    /// else than a file of this program and version, damaged, not writable, no folder, no room. What is there stays as it
    /// is.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::open_with(path.as_ref(), true)?)
    }

    /// Opens a file that is there.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and if there is none.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::open_with(path.as_ref(), false)?)
    }

    fn open_with(path: &Path, may_create: bool) -> Result<Self, Trouble> {
        let path = Places::find(path)?;
        let is_made = may_create && !Places::is_there(&path)?;
        if is_made {
            schema::create(&path)?;
        }
        Places::check_file(&path)?;
        if !is_made {
            // Whoever made it may not have brought its name to the disk.
            sync_folder(&path).map_err(|error| Trouble::from(&error))?;
        }
        let writer = connect(&path)?;
        let reader = connect(&path)?;
        reader.pragma_update(None, "query_only", true)?;
        // Only now are all files there, and stay as long as the connections.
        let places = Places::remember(path)?;
        Ok(Self {
            inner: Arc::new(Inner {
                process: Process::this(),
                places,
                group: Group::default(),
                writer: Mutex::new(Some(writer)),
                reader: Mutex::new(Some(reader)),
            }),
        })
    }

    /// Does `work` in a transaction that writes, and gives its result once that is on the disk; what it wrote is undone if
    /// it fails. Work of several threads shares a transaction, so it may be done a second time, after the first was undone.
    ///
    /// Every failure of SQLite must come out of `work`: it can mean that the transaction is over.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.inner.check_process()?;
        self.inner
            .group
            .run(work, |batch| self.inner.transact(batch))
    }

    /// Does `work` over one state of the file, without writing.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.inner.check_process()?;
        let mut place = lock(&self.inner.reader)?;
        let connection = place.as_mut().ok_or(CLOSED)?;
        let state = connection.transaction().map_err(Trouble::from)?;
        let result = work(&state)?;
        self.inner.places.check()?;
        Ok(result)
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        self.inner.places.path()
    }

    /// The file's length with its log, in bytes.
    pub(crate) fn length(&self) -> Result<u64> {
        Ok(self.inner.places.length()?)
    }

    /// For tests: the file grows no further than this many pages, as on a full disk.
    #[doc(hidden)]
    pub fn limit_pages(&self, pages: u32) -> Result<()> {
        let place = lock(&self.inner.writer)?;
        let connection = place.as_ref().ok_or(CLOSED)?;
        connection
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .map_err(Trouble::from)?;
        Ok(())
    }
}

const CLOSED: Trouble = Trouble("its file was closed");

fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, Trouble> {
    mutex.lock().map_err(|_| {
        Trouble("something failed unexpectedly in this program: begin the program anew")
    })
}

impl Inner {
    fn check_process(&self) -> Result<(), Trouble> {
        if self.process.is_this() {
            return Ok(());
        }
        Err(Trouble(
            "it was carried over a fork: open its file after the fork",
        ))
    }

    /// Does a batch in one transaction. If one job fails, none of it counts, and each is done in a transaction of its own, so
    /// that nobody pays for another's failure.
    fn transact(&self, batch: &mut [Box<dyn Job>]) {
        let outcome = self.attempt(batch);
        let is_alone = batch.len() == 1;
        for job in batch {
            match outcome {
                Err(trouble) => job.answer(Some(trouble)),
                Ok(true) => job.answer(None),
                Ok(false) if is_alone => job.answer(None),
                Ok(false) => {
                    let own = self.attempt(std::slice::from_mut(job));
                    job.answer(own.err());
                }
            }
        }
    }

    /// Whether the transaction is on the disk; if not, a job failed, and it is undone.
    fn attempt(&self, batch: &mut [Box<dyn Job>]) -> Result<bool, Trouble> {
        let mut place = lock(&self.writer)?;
        let connection = place.as_mut().ok_or(CLOSED)?;
        // It is undone when it is dropped.
        let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
        for job in batch {
            if !job.run(&transaction) {
                return Ok(false);
            }
        }
        if transaction.is_autocommit() {
            return Err(Trouble("SQLite gave the transaction up"));
        }
        transaction.commit()?;
        // A file that was removed or replaced takes commits, too, and nobody would ever see them.
        let log = self.places.check()?;
        if log > LOG_LIMIT {
            // If its readers do not end, the next commit tries again.
            drop(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        }
        Ok(true)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // In a child after a fork, closing would disturb the parent's use of the file: rather leave it open.
        if self.check_process().is_err() {
            for place in [&mut self.writer, &mut self.reader] {
                if let Ok(place) = place.get_mut() {
                    std::mem::forget(place.take());
                }
            }
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: &PathBuf = self.inner.places.path();
        f.debug_struct("Database").field("path", path).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::PATIENCE;
    use super::*;
    use crate::ErrorKind;
    use std::time::{Duration, Instant};
    use std::vec::Vec;

    fn database() -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path().join("guard")).unwrap();
        (folder, database)
    }

    fn put(connection: &Connection, number: u8) -> Result<()> {
        connection
            .execute("INSERT INTO limited VALUES (?1, 0)", [[number; 32]])
            .map_err(Trouble::from)?;
        Ok(())
    }

    fn count(database: &Database) -> i64 {
        database
            .read(|connection| {
                let sql = "SELECT count(*) FROM limited";
                Ok(connection
                    .query_row(sql, [], |row| row.get(0))
                    .map_err(Trouble::from)?)
            })
            .unwrap()
    }

    #[test]
    fn what_fails_is_undone_alone() {
        let (_folder, database) = database();
        let results: Vec<Result<()>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..32)
                .map(|number| {
                    let database = &database;
                    scope.spawn(move || {
                        database.write(move |connection| {
                            put(connection, number)?;
                            // Long enough for others to gather behind it.
                            std::thread::sleep(Duration::from_millis(2));
                            match number % 4 {
                                0 => Err(ErrorKind::GuardFull.into()),
                                _ => Ok(()),
                            }
                        })
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        for (number, result) in results.into_iter().enumerate() {
            match number % 4 {
                0 => assert_eq!(result.unwrap_err(), ErrorKind::GuardFull),
                _ => result.unwrap(),
            }
        }
        assert_eq!(count(&database), 24);
    }

    #[test]
    fn work_that_panics_leaves_nobody_waiting() {
        let (folder, database) = database();
        database.write(|connection| put(connection, 1)).unwrap();
        let failed = std::thread::scope(|scope| {
            let bad = scope.spawn(|| {
                database.write(|connection| -> Result<()> {
                    put(connection, 2)?;
                    std::thread::sleep(Duration::from_millis(50));
                    panic!("a fault, on purpose");
                })
            });
            std::thread::sleep(Duration::from_millis(10));
            let other = scope.spawn(|| database.write(|connection| put(connection, 3)));
            assert!(bad.join().is_err());
            other.join().unwrap()
        });
        assert_eq!(failed.unwrap_err(), ErrorKind::GuardUnavailable);
        // The lock of the file was given up, and nothing of it is left.
        let again = Database::open(folder.path().join("guard")).unwrap();
        again.write(|connection| put(connection, 4)).unwrap();
        assert_eq!(count(&again), 2);
    }

    #[test]
    fn another_process_that_hangs_is_not_waited_for_forever() {
        let (folder, database) = database();
        let other = Connection::open(folder.path().join("guard")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let since = Instant::now();
        let error = database.write(|connection| put(connection, 1)).unwrap_err();
        assert_eq!(error, ErrorKind::GuardUnavailable);
        assert!(error.detail().contains("another process"));
        assert!(since.elapsed() >= PATIENCE && since.elapsed() < 2 * PATIENCE);
        // Reading goes on.
        assert_eq!(count(&database), 0);
        other.execute_batch("ROLLBACK").unwrap();
        database.write(|connection| put(connection, 1)).unwrap();
    }

    #[test]
    fn a_forked_process_cannot_use_it() {
        let (_folder, mut database) = database();
        // A fork carries the handle into a process with another id; seen from there, it was opened elsewhere.
        Arc::get_mut(&mut database.inner).unwrap().process = Process::another();
        let error = database.write(|connection| put(connection, 1)).unwrap_err();
        assert_eq!(error, ErrorKind::GuardUnavailable);
        assert!(database.read(|_| Ok(())).is_err());
    }
}
