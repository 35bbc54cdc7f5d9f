//! Looking into the durable guard: for the command line, and for those who run a host. Nothing here is secret, and nothing
//! is changed.

use core::ops::RangeInclusive;
use std::string::String;
use std::vec::Vec;

use rusqlite::{Connection, params};

use super::schema::SCHEMA_VERSION;
use super::sqlite::SqliteGuard;
use super::sqlite_counts::Counts;
use super::sqlite_row::{COMMITTED, RELEASED, RESERVED, digest, unsigned};
use super::sqlite_stream;
use super::trouble::{DAMAGED, Trouble};
use crate::crypto::digest::Digest;
use crate::error::Result;

/// What a durable guard holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuardStatus {
    /// Messages that are reserved; the lease of some may have run out.
    pub reserved: u64,
    /// Messages that were given up, and may come again.
    pub released: u64,
    /// Messages that were accepted for good.
    pub committed: u64,
    /// How many of them all are of strangers.
    pub strangers: u64,
    /// Ordered streams that are known.
    pub streams: u64,
    /// Challenges whose answer is expected.
    pub challenges: u64,
    /// The time that it judges by at least, in seconds.
    pub high_water: u64,
    /// Length of the file and its log, in bytes.
    pub file_bytes: u64,
    /// Version of the file's tables.
    pub schema_version: i64,
}

/// What a durable guard remembers of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuardEntry {
    /// Names the message: reader, signer, message id, context.
    pub key: Digest,
    /// The signer's public key.
    pub signer: [u8; 32],
    /// True if the signer was accepted because anyone is.
    pub stranger: bool,
    /// When it was issued, in seconds.
    pub issued: u64,
    /// From when on it may be dropped, in seconds.
    pub keep_until: u64,
    /// What became of it.
    pub state: EntryState,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryState {
    /// Somebody works on it.
    Reserved {
        /// When the lease runs out, in seconds.
        until: u64,
    },
    /// It was given up, and may come again.
    Released,
    /// It was accepted.
    Committed {
        /// Length of the answer that is kept with it for copies, in bytes: one for the outcome, and the receipt. 0 if it was
        /// claimed without a lease.
        answer: u64,
    },
}

/// An ordered stream that a durable guard knows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuardStream {
    /// Names the stream: reader, signer, context, stream id.
    pub name: Digest,
    /// The public key of who made it known.
    pub signer: [u8; 32],
    /// True if that signer was accepted because anyone is.
    pub stranger: bool,
    /// From when on it may be dropped if its room is needed, in seconds; `None` if it stays until it is
    /// [forgotten](crate::ReplayGuard::forget_stream).
    pub keep_until: Option<u64>,
    /// The greatest number that was accepted or given up.
    pub greatest: Option<u64>,
    /// Which numbers before it are missing.
    pub missing: Vec<RangeInclusive<u64>>,
}

impl SqliteGuard {
    /// How much of everything there is. Counts the entries, so it takes a second where there are millions; claims go on
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable).
    pub fn status(&self) -> Result<GuardStatus> {
        let file_bytes = self.database().length()?;
        self.database().read(|connection| {
            let counts = Counts::load(connection)?;
            let [released, reserved, committed] = by_state(connection)?;
            Ok(GuardStatus {
                reserved,
                released,
                committed,
                strangers: counts.entries.last().copied().unwrap_or(0),
                streams: counts.streams.iter().sum(),
                challenges: counts.challenges,
                high_water: counts.high_water,
                file_bytes,
                schema_version: SCHEMA_VERSION,
            })
        })
    }

    /// The entries in the order of their keys, at most `at_most`, from the first that follows `after`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable).
    pub fn entries(&self, after: Option<&Digest>, at_most: usize) -> Result<Vec<GuardEntry>> {
        let sql = "SELECT key, signer, stranger, issued, keep_until, state, lease_until, ifnull(length(receipt), 0)
            FROM entry WHERE key > ?1 ORDER BY key LIMIT ?2";
        self.database().read(|connection| {
            list(connection, sql, after, at_most, |row| {
                let state = match row.get(5)? {
                    RELEASED => EntryState::Released,
                    RESERVED => EntryState::Reserved {
                        until: unsigned(row, 6)?,
                    },
                    COMMITTED => EntryState::Committed {
                        answer: unsigned(row, 7)?,
                    },
                    _ => return Err(Trouble(DAMAGED)),
                };
                Ok(GuardEntry {
                    key: digest(row, 0)?,
                    signer: row.get(1)?,
                    stranger: row.get(2)?,
                    issued: unsigned(row, 3)?,
                    keep_until: unsigned(row, 4)?,
                    state,
                })
            })
        })
    }

    /// The streams in the order of their names, at most `at_most`, from the first that follows `after`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable).
    pub fn streams(&self, after: Option<&Digest>, at_most: usize) -> Result<Vec<GuardStream>> {
        self.database().read(|connection| {
            // Nothing comes before every name.
            let after: &[u8] = after.map_or(&[], |name| name.as_bytes());
            let found = sqlite_stream::list(connection, after, at_most)?;
            Ok(found
                .into_iter()
                .map(|(name, kept)| GuardStream {
                    name,
                    signer: kept.signer,
                    stranger: kept.stranger,
                    keep_until: Some(kept.keep_until).filter(|until| *until < u64::MAX),
                    greatest: kept.stream.greatest(),
                    missing: kept.stream.missing(),
                })
                .collect())
        })
    }

    /// Reads the whole file, and fails if anything in it is damaged or does not agree: minutes where there are millions.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::GuardUnavailable`](crate::ErrorKind::GuardUnavailable).
    pub fn check(&self) -> Result<()> {
        self.database().read(|connection| {
            let counts = Counts::load(connection)?;
            check_counts(connection, &counts)?;
            Ok(check_pages(connection)?)
        })
    }
}

fn list<T>(
    connection: &Connection,
    sql: &str,
    after: Option<&Digest>,
    at_most: usize,
    mut read: impl FnMut(&rusqlite::Row<'_>) -> Result<T, Trouble>,
) -> Result<Vec<T>> {
    let mut select = connection.prepare(sql).map_err(Trouble::from)?;
    // Nothing comes before every name.
    let after: &[u8] = after.map_or(&[], |name| name.as_bytes());
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let mut rows = select
        .query(params![after, at_most])
        .map_err(Trouble::from)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(Trouble::from)? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn by_state(connection: &Connection) -> Result<[u64; 3], Trouble> {
    let [mut released, mut reserved, mut committed] = [0; 3];
    let mut select = connection.prepare("SELECT state, count(*) FROM entry GROUP BY state")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let place = match row.get(0)? {
            RELEASED => &mut released,
            RESERVED => &mut reserved,
            COMMITTED => &mut committed,
            _ => return Err(Trouble(DAMAGED)),
        };
        *place = unsigned(row, 1)?;
    }
    Ok([released, reserved, committed])
}

/// Whether the numbers that are kept are those that are there.
fn check_counts(connection: &Connection, counts: &Counts) -> Result<(), Trouble> {
    let ([known, strangers], [known_streams, stranger_streams]) = (counts.entries, counts.streams);
    for (sql, kept) in [
        ("SELECT count(*) FROM entry WHERE NOT stranger", known),
        ("SELECT count(*) FROM entry WHERE stranger", strangers),
        (
            "SELECT count(*) FROM stream WHERE NOT stranger",
            known_streams,
        ),
        (
            "SELECT count(*) FROM stream WHERE stranger",
            stranger_streams,
        ),
        ("SELECT count(*) FROM challenge", counts.challenges),
        ("SELECT count(*) FROM limited", counts.limited),
        ("SELECT count(*) FROM mark", counts.marks),
        (
            "SELECT count(*) FROM entry WHERE token > (SELECT tokens FROM guard)",
            0,
        ),
        (
            "SELECT count(*) FROM (
                SELECT signer, stranger, sum(entries) AS entries, sum(streams) AS streams FROM (
                    SELECT signer, stranger, 1 AS entries, 0 AS streams FROM entry
                    UNION ALL SELECT signer, stranger, 0, 1 FROM stream
                    UNION ALL SELECT signer, stranger, -entries, -streams FROM sender)
                GROUP BY signer, stranger) WHERE entries <> 0 OR streams <> 0",
            0,
        ),
    ] {
        let found: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        if u64::try_from(found) != Ok(kept) {
            return Err(Trouble(DAMAGED));
        }
    }
    Ok(())
}

fn check_pages(connection: &Connection) -> Result<(), Trouble> {
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(Trouble(DAMAGED))
    }
}
