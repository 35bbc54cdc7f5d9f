//! When a message is new: clocks, the reader's policy, and replay guards (spec/opening.md §4, spec/guard.md).

pub(crate) mod clock;
#[cfg(feature = "sqlite")]
mod connection;
#[cfg(feature = "sqlite")]
pub(crate) mod database;
#[cfg(feature = "std")]
pub(crate) mod entry;
#[cfg(feature = "sqlite")]
pub(crate) mod give_back;
#[cfg(feature = "sqlite")]
mod group;
pub(crate) mod guard;
#[cfg(feature = "std")]
mod look;
#[cfg(feature = "std")]
pub(crate) mod memory;
pub(crate) mod order;
#[cfg(feature = "sqlite")]
mod places;
pub(crate) mod policy;
pub(crate) mod rate;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(feature = "std")]
pub(crate) mod rules;
#[cfg(feature = "sqlite")]
mod schema;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
#[cfg(feature = "sqlite")]
mod sqlite_counts;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite_row;
#[cfg(feature = "sqlite")]
mod sqlite_shelf;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite_status;
#[cfg(feature = "sqlite")]
mod sqlite_stream;
#[cfg(all(test, feature = "sqlite"))]
mod sqlite_work;
#[cfg(feature = "std")]
pub(crate) mod table;
#[cfg(feature = "sqlite")]
pub(crate) mod trouble;
