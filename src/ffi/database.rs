//! The durable file, and the replay guard in it.

use core::ffi::c_char;

use super::built::{Database, Durable};
use super::guard::{bulla_guard, bulla_guard_limits, limits};
use super::handle::{Out, free, shared};
use super::input::path;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use crate::{Error, ErrorKind, Result};

/// A file for what must survive restarts and crashes. Guards and outboxes are kept in it; several of them in one file share the
/// syncs of the disk. It may be used by several threads, and the file by several processes of this machine.
///
/// The file must be on a file system of this machine, and nothing else in the process may open it, not even to read. It is not
/// to be carried over a fork: open the file after it.
pub struct bulla_database {
    pub(super) database: Database,
}

/// How much of everything there is in a durable guard.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bulla_guard_counts {
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
    /// The time that it judges by at least, in seconds since 1970.
    pub high_water: u64,
    /// Length of the file and its log, in bytes.
    pub file_bytes: u64,
    /// Version of the file's tables.
    pub schema_version: i64,
}

unsafe fn open(
    file: *const c_char,
    database: *mut *mut bulla_database,
    may_create: bool,
) -> Result<bulla_status> {
    let out = Out::new(database, "database is NULL")?;
    // SAFETY: as the contract says.
    let file = unsafe { path(file, "file is NULL") }?;
    let database = Database::open(file, may_create)?;
    out.give(bulla_database { database });
    Ok(BULLA_OK)
}

/// Opens the durable file, and makes it if there is none, readable by its owner alone. Where the file is lost, what it
/// remembered is lost: a host that knows that there must be one uses bulla_database_open_existing().
///
/// @param file Its path, closed with NUL. Two more files (-wal, -shm) stand beside it while it is used, and belong to it.
/// @param database Receives the database; free it with bulla_database_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_GUARD_UNAVAILABLE if it is something else, damaged, not writable, or has no folder or no room, and
///         then what is there stays as it is; BULLA_INVALID_INPUT for NULL, and in a library without the feature "sqlite".
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_database_open(
    file: *const c_char,
    database: *mut *mut bulla_database,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe { open(file, database, true) })
}

/// Opens a durable file that is there.
///
/// @param file Its path, closed with NUL.
/// @param database Receives the database; free it with bulla_database_free().
/// @param error May be NULL; see bulla_error.
/// @return As bulla_database_open(), and BULLA_GUARD_UNAVAILABLE if there is none.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_database_open_existing(
    file: *const c_char,
    database: *mut *mut bulla_database,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe { open(file, database, false) })
}

/// Frees a database; guards and outboxes made with it keep their share. The file is closed when the last of them is freed.
///
/// @param database The database; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_database_free(database: *mut bulla_database) {
    // SAFETY: as the contract says.
    unsafe { free(database) }
}

/// Makes the guard of a durable file: it forgets nothing when the process ends or is killed. What was accepted is on the disk.
///
/// @param database The database. All guards of one file are one guard.
/// @param how_much How much it remembers; NULL: a million messages, which take about 300 MB of the disk. The limits are not
///        kept in the file: give the same everywhere.
/// @param guard Receives the guard; free it with bulla_guard_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_durable(
    database: *const bulla_database,
    how_much: *const bulla_guard_limits,
    guard: *mut *mut bulla_guard,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(guard, "guard is NULL")?;
        // SAFETY: as the contract says.
        let (database, limits) =
            unsafe { (shared(database, "database is NULL")?, limits(how_much)?) };
        let durable = Durable::new(&database.database, limits)?;
        out.give(bulla_guard {
            guard: durable.guard(),
            durable: Some(durable),
            store: None,
        });
        Ok(BULLA_OK)
    })
}

pub(super) unsafe fn durable<'a>(guard: *const bulla_guard) -> Result<&'a Durable> {
    // SAFETY: as the contract says.
    let guard = unsafe { shared(guard, "guard is NULL") }?;
    guard.durable.as_ref().ok_or(Error::with(
        ErrorKind::InvalidInput,
        "only guards of bulla_guard_durable() can be looked into",
    ))
}

/// How much of everything there is in a durable guard. It counts the messages, so it takes a second where there are millions;
/// others use the guard meanwhile.
///
/// @param guard A guard of bulla_guard_durable().
/// @param counts Receives the counts.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL and for another guard.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_durable_counts(
    guard: *const bulla_guard,
    counts: *mut bulla_guard_counts,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(counts, "counts is NULL")?;
        // SAFETY: as the contract says.
        out.put(unsafe { durable(guard) }?.counts()?);
        Ok(BULLA_OK)
    })
}

/// Reads the whole file of a durable guard, and fails if anything in it is damaged or does not agree: minutes where there are
/// millions of messages.
///
/// @param guard A guard of bulla_guard_durable().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_GUARD_UNAVAILABLE if it is damaged or cannot be read; BULLA_INVALID_INPUT for NULL and for another
///         guard.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_durable_check(
    guard: *const bulla_guard,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        unsafe { durable(guard) }?.check()?;
        Ok(BULLA_OK)
    })
}
