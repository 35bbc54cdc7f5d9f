//! The durable embedded store: one SQLite file, for any number of threads and processes of one machine.

use core::fmt;
use std::boxed::Box;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags, Transaction, TransactionBehavior};

use super::group::{Group, Job};
use super::places::Places;
use super::schema;
use super::trouble::Trouble;
use crate::error::Result;

/// How long to wait for another process.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log from which on a commit moves them into the file.
const CHECKPOINT_PAGES: i64 = 2000;
/// What remains of the log's file after that, in bytes.
const LOG_KEPT: i64 = 16 << 20;
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
    process: u32,
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
        if may_create && !Places::is_there(&path)? {
            schema::create(&path)?;
        }
        Places::check_file(&path)?;
        let writer = connect(&path)?;
        let reader = connect(&path)?;
        reader.pragma_update(None, "query_only", true)?;
        // Only now are all files there, and stay as long as the connections.
        let places = Places::remember(path)?;
        Ok(Self {
            inner: Arc::new(Inner {
                process: std::process::id(),
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
        if self.process == std::process::id() {
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

/// Opens a connection; nothing is written before the file was recognised.
fn connect(path: &Path) -> Result<Connection, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    be_patient(&mut connection)?;
    // The file may come from anywhere: nothing in it is to be carried out.
    for (config, on) in [
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        connection.set_db_config(config, on)?;
    }
    connection.pragma_update(None, "cell_size_check", true)?;
    if connection.is_readonly(MAIN_DB)? {
        return Err(Trouble(
            "its file cannot be written: see the permissions of file and folder",
        ));
    }
    schema::recognise(&connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Only some systems need to be told that a sync means the disk, and not its cache.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // In KiB, as it is negative.
    connection.pragma_update(None, "cache_size", -8192)?;
    let counted = |name, value: i64| {
        connection.pragma_update_and_check(None, name, value, |row| row.get::<_, i64>(0))
    };
    counted("wal_autocheckpoint", CHECKPOINT_PAGES)?;
    counted("journal_size_limit", LOG_KEPT)?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if synchronous != 2 {
        return Err(Trouble("SQLite does not sync its file on every commit"));
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Waits for other processes, in steps short enough to find the gap between two of their transactions: with SQLite's own
/// steps of up to 100 ms a busy process keeps the others out.
fn be_patient(connection: &mut Connection) -> Result<(), Trouble> {
    let mut since = Instant::now();
    connection.busy_handler(Some(move |times: i32| {
        if times == 0 {
            since = Instant::now();
        }
        std::thread::sleep(Duration::from_micros(if times < 20 { 50 } else { 500 }));
        since.elapsed() < PATIENCE
    }))?;
    Ok(())
}
