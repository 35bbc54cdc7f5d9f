//! Giving room back to the file system.

use rusqlite::Connection;

use super::database::Database;
use super::trouble::Trouble;
use crate::error::Result;

/// Free pages from which on some are given back, if they are more than half of the file.
const FREE_PAGES: i64 = 1024;
/// Pages that are given back at a time.
const PAGES_GIVEN_BACK: i64 = 1024;

/// Gives room to the file system if most of the file is free. What is free is used again in any case: so the file is
/// bounded by the most that was ever in it. Says whether some was given, and there may be more.
pub(crate) fn give_back(database: &Database) -> Result<bool> {
    database.write(|connection| {
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let free = number("PRAGMA freelist_count").map_err(Trouble::from)?;
        let pages = number("PRAGMA page_count").map_err(Trouble::from)?;
        let is_much = free > FREE_PAGES && free > pages / 2;
        if is_much {
            shrink(connection, PAGES_GIVEN_BACK)?;
        }
        Ok(is_much)
    })
}

/// Each step of this statement gives one page back.
fn shrink(connection: &Connection, pages: i64) -> Result<(), Trouble> {
    let mut statement = connection.prepare(&std::format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}
