//! Durable files.
#![cfg_attr(
    not(feature = "sqlite"),
    allow(unused_imports, unused_variables, dead_code)
)]

use core::ffi::c_char;

use super::handle::{Out, free};
use super::input::path;
use super::sqlite::with_sqlite;
#[cfg(not(feature = "sqlite"))]
use super::sqlite::without;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};

/// A durable file for what must survive restarts and crashes: the memory of a guard, an outbox.
pub struct bulla_database {
    #[cfg(feature = "sqlite")]
    pub(super) database: crate::Database,
}

/// Opens the file, and makes it if there is none, readable by its owner alone.
///
/// @param file The path, closed with NUL.
/// @param database Receives the database; free it with bulla_database_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_database_open(
    file: *const c_char,
    database: *mut *mut bulla_database,
    error: *mut bulla_error,
) -> bulla_status {
    with_sqlite!(
        without(error),
        entry(error, || {
            let out = Out::new(database, "database is NULL")?;
            // SAFETY: as the contract says.
            let file = unsafe { path(file, "file is NULL") }?;
            let database = crate::Database::open(file)?;
            out.give(bulla_database { database });
            Ok(BULLA_OK)
        })
    )
}

/// Frees a database; what was made with it keeps its share.
///
/// @param database The database; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_database_free(database: *mut bulla_database) {
    // SAFETY: as the contract says.
    unsafe { free(database) }
}
