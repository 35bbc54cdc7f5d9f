//! How much one step of the durable guard does to its file, counted and not timed: while it does that, others wait.
//!
//! So a claim waits for a bounded amount of work of each that comes before it, however much is over: for one claim, or one step
//! of a sweep, in its own process' batch or in another process. What a disk takes for it is another matter, as is the
//! checkpoint after 2000 pages of the log, and who gets the lock first between processes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::println;
use std::vec::Vec;

use rusqlite::{Connection, StatementStatus};

use super::connection::connect;
use super::entry::{Entry, State};
use super::guard::{Claim, Claimed};
use super::rules::{self, DROPS_PER_CLAIM, DROPS_WHEN_FULL, Shelf};
use super::schema;
use super::sqlite::SWEEP_STEP;
use super::sqlite_shelf::{DUE, SqlShelf};
use super::table::Limits;
use crate::crypto::digest::Digest;
use crate::error::Result;

/// Rows that change with an entry that is dropped: its own, its sender's (counted down, then gone), and a mark.
const ROWS_PER_DROP: u64 = 4;
/// Rows that change besides: a new entry, its sender's, the guard's own.
const ROWS_PER_CLAIM: u64 = 3;
/// Pages that one claim writes at most: those of the few rows, and of each index that they are in.
const PAGES_PER_CLAIM: u64 = 64;

struct File {
    connection: Connection,
    log: PathBuf,
    limits: Limits,
}

/// What a step did.
struct Work {
    rows: u64,
    pages: u64,
}

impl File {
    /// With so many entries, each of a sender and a scope of its own, that are over at 1100.
    fn new(folder: &Path, entries: u64, limits: Limits) -> Self {
        let path = folder.join(std::format!("guard {entries}"));
        schema::create(&path).unwrap();
        let file = Self {
            connection: connect(&path).unwrap(),
            log: folder.join(std::format!("guard {entries}-wal")),
            limits,
        };
        file.step(|shelf| {
            for number in 0..entries {
                shelf.insert(Entry::new(claim(number, 1000), State::Released))?;
            }
            Ok(())
        });
        file
    }

    fn step<T>(&self, step: impl FnOnce(&mut SqlShelf<'_>) -> Result<T>) -> (T, Work) {
        // The log is empty before, so its length says how many pages the step wrote.
        let emptied = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy: i64 = self
            .connection
            .query_row(emptied, [], |row| row.get(0))
            .unwrap();
        assert_eq!(busy, 0);
        let before = self.connection.total_changes();
        self.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut shelf = SqlShelf::load(&self.connection, self.limits).unwrap();
        let answer = step(&mut shelf).unwrap();
        shelf.save().unwrap();
        self.connection.execute_batch("COMMIT").unwrap();
        let work = Work {
            rows: self.connection.total_changes() - before,
            pages: self.log.metadata().unwrap().len() / schema::PAGE,
        };
        (answer, work)
    }

    fn entries(&self) -> u64 {
        self.connection
            .query_row("SELECT count(*) FROM entry", [], |row| row.get::<_, i64>(0))
            .unwrap() as u64
    }
}

fn claim(number: u64, issued: u64) -> Claim {
    let name = Digest::of(&number.to_be_bytes());
    Claim {
        key: name,
        value: name,
        scope: name,
        signer: *name.as_bytes(),
        stranger: false,
        issued,
        keep_until: issued + 100,
        bounded_by_age: true,
        place: None,
        challenge: None,
    }
}

#[test]
fn a_claim_drops_a_bounded_number_however_many_are_over() {
    let folder = tempfile::tempdir().unwrap();
    for entries in [1000, 50_000] {
        let file = File::new(folder.path(), entries, Limits::of(1_000_000));
        let (mut rows, mut pages) = (0, 0);
        for number in 0..100 {
            let new = claim(entries + number, 1100);
            let (answer, work) = file.step(|shelf| rules::claim(shelf, &new, 1100, None));
            assert!(matches!(answer, Claimed::New(_)));
            (rows, pages) = (work.rows.max(rows), work.pages.max(pages));
            let dropped = DROPS_PER_CLAIM as u64;
            assert_eq!(file.entries(), entries - (dropped - 1) * (number + 1));
        }
        println!(
            "{entries} are over: a claim changes at most {rows} rows, and writes {pages} pages"
        );
        assert!(rows <= DROPS_PER_CLAIM as u64 * ROWS_PER_DROP + ROWS_PER_CLAIM);
        assert!(pages <= PAGES_PER_CLAIM);
        let due = file.connection.prepare_cached(DUE).unwrap();
        let status = |which| due.get_status(which);
        assert!(status(StatementStatus::Run) >= 100);
        assert_eq!(status(StatementStatus::FullscanStep), 0);
        assert_eq!(status(StatementStatus::Sort), 0);
        // No more than some instructions for each row that it gave: nothing else was looked at.
        assert!(status(StatementStatus::VmStep) <= 100 * 30 * (DROPS_PER_CLAIM as i32 + 1));
    }
}

#[test]
fn a_claim_in_a_full_guard_and_a_step_of_a_sweep_are_bounded_too() {
    let folder = tempfile::tempdir().unwrap();
    let entries = 50_000;
    let mut limits = Limits::of(entries as usize - DROPS_PER_CLAIM);
    limits.per_sender = 10;
    let file = File::new(folder.path(), entries, limits);
    let new = claim(entries, 1100);
    let (answer, work) = file.step(|shelf| rules::claim(shelf, &new, 1100, None));
    assert!(matches!(answer, Claimed::New(_)));
    let dropped = (DROPS_PER_CLAIM + DROPS_WHEN_FULL) as u64;
    println!("full: {} rows, {} pages", work.rows, work.pages);
    assert_eq!(file.entries(), entries + 1 - dropped);
    assert!(work.rows <= dropped * ROWS_PER_DROP + ROWS_PER_CLAIM);

    let mut largest = Vec::new();
    let swept = rules::sweep_in_steps(usize::MAX, SWEEP_STEP, |step| {
        let (swept, work) = file.step(|shelf| rules::sweep(shelf, 1100, step));
        assert!(swept.entries <= SWEEP_STEP);
        assert!(work.rows <= SWEEP_STEP as u64 * ROWS_PER_DROP + 1);
        largest.push(work.pages);
        Ok(swept)
    });
    assert_eq!(swept.unwrap() as u64, entries - dropped);
    assert!(largest.len() >= 49);
    println!(
        "a step of the sweep writes at most {:?} pages",
        largest.iter().max()
    );
}
