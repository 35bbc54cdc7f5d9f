//! How a connection to the durable file is set up.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::schema;
use super::trouble::Trouble;

/// How long to wait for another process.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log from which on a commit moves them into the file.
const CHECKPOINT_PAGES: i64 = 2000;
/// What remains of the log's file after that, in bytes.
const LOG_KEPT: i64 = 16 << 20;

/// Opens a connection; nothing is written before the file was recognised.
pub(super) fn connect(path: &Path) -> Result<Connection, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    be_patient(&connection)?;
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

std::thread_local! {
    /// When this thread began to wait. SQLite waits in the thread that asked, for one lock at a time.
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Waits for other processes, in steps short enough to find the gap between two of their transactions: with SQLite's own
/// steps of up to 100 ms a busy process keeps the others out.
fn be_patient(connection: &Connection) -> Result<(), Trouble> {
    connection.busy_handler(Some(|times| {
        if times == 0 {
            SINCE.set(Some(Instant::now()));
        }
        std::thread::sleep(Duration::from_micros(if times < 20 { 50 } else { 500 }));
        SINCE.get().is_some_and(|since| since.elapsed() < PATIENCE)
    }))?;
    Ok(())
}
