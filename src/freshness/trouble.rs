//! What a person is told when the durable file cannot be used, and what to do about it.

use rusqlite::ErrorCode;

use crate::error::{Error, ErrorKind};

pub(crate) const DAMAGED: &str = "its file is damaged: bring back a copy that is up to date, or move it away with what stands beside it, but then messages accepted before can be accepted again";

/// Why the durable file cannot be used. As an [`Error`] it is a [`GuardUnavailable`](ErrorKind::GuardUnavailable).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trouble(pub(crate) &'static str);

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        Self::with(ErrorKind::GuardUnavailable, trouble.0)
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&rusqlite::Error> for Trouble {
    fn from(error: &rusqlite::Error) -> Self {
        use rusqlite::Error as Sql;
        Self(match error {
            Sql::SqliteFailure(failure, _) => of_code(failure.code),
            // A value that no version of this program writes.
            Sql::FromSqlConversionFailure(..)
            | Sql::IntegralValueOutOfRange(..)
            | Sql::InvalidColumnType(..)
            | Sql::Utf8Error(..)
            | Sql::QueryReturnedNoRows => DAMAGED,
            _ => "SQLite failed",
        })
    }
}

fn of_code(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed => {
            "another process holds its file for longer than 5 seconds: try again, or see which one hangs"
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            "its file cannot be written: see the permissions of file and folder"
        }
        ErrorCode::CannotOpen => {
            "its file, or those beside it (-wal, -shm), cannot be opened or made: see the folder"
        }
        ErrorCode::DiskFull => "the disk is full: make room",
        ErrorCode::SystemIoFailure => {
            "the disk failed or refused to read or write its file: see the log of the system"
        }
        // A constraint can only fail over what this program did not write.
        ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::ConstraintViolation
        | ErrorCode::TypeMismatch => DAMAGED,
        ErrorCode::OutOfMemory => "there is not enough memory",
        _ => "SQLite failed",
    }
}

impl From<&std::io::Error> for Trouble {
    fn from(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        Self(match error.kind() {
            Io::NotFound => "the folder of its file is not there: make it",
            Io::PermissionDenied | Io::ReadOnlyFilesystem => {
                "its file cannot be made or read: see the permissions of the folder"
            }
            Io::StorageFull | Io::QuotaExceeded => "the disk is full: make room",
            Io::NotADirectory => "what should be the folder of its file is none",
            _ => "its file could not be made or read",
        })
    }
}
