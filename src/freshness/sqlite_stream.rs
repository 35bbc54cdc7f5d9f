//! How ordered streams stand in the durable file.

use std::vec::Vec;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::order::{Kept, Stream};
use super::sqlite_row::{digest, number, unsigned};
use super::trouble::{DAMAGED, Trouble};
use crate::crypto::digest::Digest;

/// The columns that [`read`] wants, in its order.
const COLUMNS: &str = "name, numbers, signer, stranger, scope, issued, keep_until";

/// When it may leave; nothing for never.
fn leaves(kept: &Kept) -> Option<i64> {
    (kept.keep_until < u64::MAX).then(|| number(kept.keep_until))
}

pub(super) fn read(row: &Row<'_>) -> Result<(Digest, Kept), Trouble> {
    let kept = Kept {
        stream: Stream::from_bytes(&row.get::<_, Vec<u8>>(1)?).ok_or(Trouble(DAMAGED))?,
        signer: row.get(2)?,
        stranger: row.get(3)?,
        scope: digest(row, 4)?,
        issued: unsigned(row, 5)?,
        keep_until: match row.get::<_, Option<i64>>(6)? {
            None => u64::MAX,
            Some(until) => u64::try_from(until).map_err(|_| Trouble(DAMAGED))?,
        },
    };
    Ok((digest(row, 0)?, kept))
}

pub(super) fn find(connection: &Connection, name: &Digest) -> Result<Option<Kept>, Trouble> {
    let sql = std::format!("SELECT {COLUMNS} FROM stream WHERE name = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let found = select.query_row(params![name.as_bytes()], |row| Ok(read(row)));
    Ok(found.optional()?.transpose()?.map(|(_, kept)| kept))
}

/// Whether it is new.
pub(super) fn put(connection: &Connection, name: &Digest, kept: &Kept) -> Result<bool, Trouble> {
    let numbers = kept.stream.to_bytes();
    let known = connection
        .prepare_cached(
            "UPDATE stream SET numbers = ?2, issued = ?3, keep_until = ?4 WHERE name = ?1",
        )?
        .execute(params![
            name.as_bytes(),
            numbers,
            number(kept.issued),
            leaves(kept)
        ])?;
    if known > 0 {
        return Ok(false);
    }
    connection
        .prepare_cached("INSERT INTO stream VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            name.as_bytes(),
            numbers,
            kept.signer,
            kept.stranger,
            kept.scope.as_bytes(),
            number(kept.issued),
            leaves(kept)
        ])?;
    Ok(true)
}

pub(super) fn delete(connection: &Connection, name: &Digest) -> Result<(), Trouble> {
    connection
        .prepare_cached("DELETE FROM stream WHERE name = ?1")?
        .execute(params![name.as_bytes()])?;
    Ok(())
}

/// Those whose time has come.
pub(super) fn due(
    connection: &Connection,
    now: u64,
    at_most: usize,
) -> Result<Vec<(Digest, Kept)>, Trouble> {
    let sql = std::format!(
        "SELECT {COLUMNS} FROM stream WHERE keep_until IS NOT NULL AND keep_until <= ?1 ORDER BY keep_until LIMIT ?2"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(params![number(now), number(at_most as u64)])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        due.push(read(row)?);
    }
    Ok(due)
}

/// Those that follow this name, in the order of names.
pub(super) fn list(
    connection: &Connection,
    after: &[u8],
    at_most: usize,
) -> Result<Vec<(Digest, Kept)>, Trouble> {
    let sql = std::format!("SELECT {COLUMNS} FROM stream WHERE name > ?1 ORDER BY name LIMIT ?2");
    let mut select = connection.prepare(&sql)?;
    let mut rows = select.query(params![after, number(at_most as u64)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}
