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
        if !is_much {
            return Ok(false);
        }
        shrink(connection, PAGES_GIVEN_BACK)?;
        // Where another program has turned that off, nothing is given.
        Ok(number("PRAGMA freelist_count").map_err(Trouble::from)? < free)
    })
}

/// Each step of this statement gives one page back.
fn shrink(connection: &Connection, pages: i64) -> Result<(), Trouble> {
    let mut statement = connection.prepare(&std::format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_free_pages(is_given_back: bool) -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guard");
        let database = Database::open(&path).unwrap();
        if !is_given_back {
            let connection = Connection::open(&path).unwrap();
            let off = "PRAGMA auto_vacuum = NONE; VACUUM";
            connection.execute_batch(off).unwrap();
        }
        database
            .write(|connection| {
                let fill =
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
                            INSERT INTO mark SELECT randomblob(3000), i FROM n; DELETE FROM mark";
                Ok(connection.execute_batch(fill).map_err(Trouble::from)?)
            })
            .unwrap();
        (folder, database)
    }

    #[test]
    fn it_ends_where_nothing_can_be_given() {
        let (_folder, database) = with_free_pages(true);
        assert!(give_back(&database).unwrap());
        assert!((0..100).any(|_| !give_back(&database).unwrap()));
        // Another program has turned it off while the file was open.
        let (_folder, database) = with_free_pages(false);
        assert!(!give_back(&database).unwrap());
    }
}
