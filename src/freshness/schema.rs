//! What is in the durable file: its tables, how a new file is made, and how one is recognised (spec/guard.md §8).

use std::io::{self, Write};
use std::path::Path;
use std::string::String;
use std::vec::Vec;

use rusqlite::{Connection, MAIN_DB};

use super::trouble::{DAMAGED, Trouble};
use crate::disk::new_file::{NewFile, sync_folder};

/// Says whose file it is: "bula".
const APPLICATION_ID: i64 = 0x6275_6c61;
/// Grows with every change of the tables. A file of another version is refused, and stays as it is.
pub(super) const SCHEMA_VERSION: i64 = 1;
/// Of a page, in bytes.
pub(super) const PAGE: u64 = 4096;

/// The tables, each statement exactly as the file stores it. Those of another part are added here, before the first
/// release of this version, or with a new one.
const TABLES: &[&str] = &[
    // One row: what changes with nearly every claim, so that a claim never counts.
    "CREATE TABLE guard (
        id INTEGER PRIMARY KEY CHECK (id = 1), high_water INTEGER NOT NULL, tokens INTEGER NOT NULL,
        known INTEGER NOT NULL, strangers INTEGER NOT NULL, known_streams INTEGER NOT NULL,
        stranger_streams INTEGER NOT NULL, challenges INTEGER NOT NULL, limited INTEGER NOT NULL,
        marks INTEGER NOT NULL, shared_mark INTEGER) STRICT",
    // Rows are appended, and only the index by key is met at random places: that is what a claim costs.
    "CREATE TABLE entry (
        id INTEGER PRIMARY KEY, key BLOB NOT NULL, value BLOB NOT NULL, scope BLOB NOT NULL, signer BLOB NOT NULL,
        stranger INTEGER NOT NULL, issued INTEGER NOT NULL, keep_until INTEGER NOT NULL, by_age INTEGER NOT NULL,
        place BLOB, challenge BLOB, state INTEGER NOT NULL, token INTEGER, lease_until INTEGER, receipt BLOB) STRICT",
    "CREATE UNIQUE INDEX entry_by_key ON entry (key)",
    "CREATE INDEX entry_by_time ON entry (keep_until)",
    "CREATE TABLE sender (
        signer BLOB NOT NULL, stranger INTEGER NOT NULL, entries INTEGER NOT NULL, streams INTEGER NOT NULL,
        PRIMARY KEY (signer, stranger)) STRICT, WITHOUT ROWID",
    "CREATE TABLE mark (scope BLOB PRIMARY KEY, issued INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE stream (
        name BLOB PRIMARY KEY, numbers BLOB NOT NULL, signer BLOB NOT NULL, stranger INTEGER NOT NULL,
        scope BLOB NOT NULL, issued INTEGER NOT NULL, keep_until INTEGER) STRICT, WITHOUT ROWID",
    "CREATE INDEX stream_by_time ON stream (keep_until) WHERE keep_until IS NOT NULL",
    "CREATE TABLE challenge (name BLOB PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX challenge_by_time ON challenge (until)",
    "CREATE TABLE limited (what BLOB PRIMARY KEY, full_at INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX limited_by_time ON limited (full_at)",
    // The outbox: what was sent, and to whom. An envelope is kept here, or in the folder beside the file.
    "CREATE TABLE outbox_letter (
        header BLOB PRIMARY KEY, message BLOB NOT NULL, opening BLOB NOT NULL, digest BLOB NOT NULL,
        length INTEGER NOT NULL, issued INTEGER NOT NULL, expires INTEGER, context TEXT NOT NULL, envelope BLOB,
        put_at INTEGER NOT NULL) STRICT",
    "CREATE INDEX outbox_letter_by_message ON outbox_letter (message)",
    "CREATE TABLE outbox_entry (
        message BLOB NOT NULL, recipient BLOB NOT NULL, header BLOB NOT NULL, stored INTEGER NOT NULL,
        deadline INTEGER NOT NULL, next_due INTEGER NOT NULL, attempts INTEGER NOT NULL, hurried INTEGER NOT NULL,
        state INTEGER NOT NULL, proof BLOB, told TEXT, note TEXT NOT NULL, touched INTEGER NOT NULL, PRIMARY KEY (message, recipient))
        STRICT, WITHOUT ROWID",
    "CREATE INDEX outbox_entry_by_time ON outbox_entry (state, next_due)",
    "CREATE INDEX outbox_entry_by_deadline ON outbox_entry (state, deadline)",
];

const FIRST_ROW: &str = "INSERT INTO guard VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL)";

/// Makes a new, empty file, that its owner alone can read: whole and synced to the disk before it has its name, so that no
/// other process, and no crash, ever meets half a file. If there is one meanwhile, it stays, and all is well. It counts as
/// made only once its name is on the disk, too: what it is to remember must not be lost with it. It stays where that fails, for
/// another process may use it by then.
pub(super) fn create(path: &Path) -> Result<(), Trouble> {
    let image = image()?;
    let made = NewFile::create(path, false, true).and_then(|mut file| {
        file.write_all(&image)?;
        file.commit()
    });
    let named = made
        .map_err(io::Error::from)
        .or_else(|error| match error.kind() {
            // Whoever made it may have been killed before the folder was synced.
            io::ErrorKind::AlreadyExists => sync_folder(path),
            _ => Err(error),
        });
    named.map_err(|error| Trouble::from(&error))
}

/// The bytes of an empty file.
fn image() -> Result<Vec<u8>, Trouble> {
    let connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "page_size", PAGE as i64)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    for table in TABLES {
        connection.execute_batch(table)?;
    }
    connection.execute_batch(FIRST_ROW)?;
    let mut image = connection.serialize(MAIN_DB)?.to_vec();
    // The write-ahead log is switched on in the header (SQLite's file format, §1.3.3): so no process has to switch it, for
    // which it would need the file for itself alone.
    for version in image.iter_mut().skip(18).take(2) {
        *version = 2;
    }
    Ok(image)
}

/// Whether this is one of our files, of this version, with our tables and nothing else. Changes nothing.
pub(super) fn recognise(connection: &Connection) -> Result<(), Trouble> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if number("application_id")? != APPLICATION_ID {
        return Err(Trouble(
            "it is a database of another program: give another file",
        ));
    }
    match number("user_version")? {
        SCHEMA_VERSION => {}
        newer if newer > SCHEMA_VERSION => {
            return Err(Trouble(
                "it was made by a newer version of this program: update it",
            ));
        }
        _ => return Err(Trouble(DAMAGED)),
    }
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Trouble(
            "its write-ahead log is off: it needs a file system of this machine, and no other program may change it",
        ));
    }
    let mut listed =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    let found = listed
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    if found != TABLES {
        return Err(Trouble(
            "its tables are not those of this version: give another file",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::new_file::faults::fail_sync;
    use crate::freshness::database::Database;

    #[test]
    fn a_file_whose_name_may_be_lost_is_not_used_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let beside = folder.path().canonicalize().unwrap();
        let path = beside.join("guard");
        fail_sync(&beside, 0);
        assert!(Database::open(&path).is_err());
        // Another process may use it by now.
        let made = std::fs::read(&path).unwrap();
        assert_eq!(std::fs::read_dir(&beside).unwrap().count(), 1);
        // Whoever finds it cannot know whether its name is on the disk.
        fail_sync(&beside, 0);
        assert!(Database::open(&path).is_err());
        fail_sync(&beside, 0);
        assert!(Database::open_existing(&path).is_err());
        fail_sync(&beside, 0);
        assert!(create(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), made);
        create(&path).unwrap();
        Database::open_existing(&path).unwrap();
    }
}
