//! The scripts of `spec/vectors/scripts/`, replayed over the durable guard: a restart opens the file anew (spec/scripts.md).
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;
mod replay;

use std::sync::Arc;

use bulla::{Database, GuardLimits, ReplayGuard, SqliteGuard};

/// A file in a folder that goes with it.
struct InFile(tempfile::TempDir, GuardLimits);

impl replay::Store for InFile {
    fn guard(&self) -> Arc<dyn ReplayGuard> {
        let database = Database::open(self.0.path().join("guard")).unwrap();
        Arc::new(SqliteGuard::with(database, self.1))
    }
}

#[test]
fn every_script_over_the_durable_guard() {
    let make = |limits: Option<replay::Limits>| -> Box<dyn replay::Store> {
        let limits = limits.map_or(GuardLimits::of(10_000), |limits| {
            GuardLimits::of(limits.known)
                .strangers(limits.strangers)
                .per_sender(limits.per_sender)
                .per_stranger(limits.per_stranger)
        });
        Box::new(InFile(tempfile::tempdir().unwrap(), limits))
    };
    replay::all(&make, 100);
}
