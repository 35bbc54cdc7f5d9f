//! A disk that fails, once or from then on, at every call of the C library in turn that makes, reads, changes or syncs a file: of
//! guard, outbox, inbox and output alike. (Names that may not be taken already, and with them the final name of a stored file, are
//! asked of the kernel without the C library: tests/disk_faults.rs of the library makes that fail.)

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![cfg(target_os = "linux")]

mod common;

use common::transfer::{SEND, SETTLE, list, stage};
use common::{Outcome, Stage, content, finished, with, words};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Long enough to lie beside the outbox.
const LENGTH: usize = 200_000;
const EIO: u32 = 5;
const ENOSPC: u32 = 28;
/// How a disk fails.
#[derive(Clone, Copy)]
struct Way {
    goes_on: bool,
    error: u32,
    /// Only calls in whose name this is.
    only: Option<&'static str>,
}

const WAYS: [Way; 3] = [
    Way {
        goes_on: false,
        error: EIO,
        only: None,
    },
    Way {
        goes_on: true,
        error: ENOSPC,
        only: None,
    },
    // All is written, and nothing comes to the disk.
    Way {
        goes_on: true,
        error: EIO,
        only: Some("fsync"),
    },
];

impl Way {
    /// How many calls there are at least.
    const fn least(self) -> usize {
        if self.only.is_some() { 2 } else { 20 }
    }
}
const RECEIVE: &str = "receive -i bob.key --from alice.pub -c test";

/// A stage on a disk that fails.
struct Faults<'a> {
    stage: &'a Stage,
    /// A library that stands before the system's.
    shim: PathBuf,
    /// The calls that have failed, of one way.
    met: RefCell<BTreeSet<String>>,
}

impl<'a> Faults<'a> {
    fn on(stage: &'a Stage) -> Self {
        let shim = stage.path("faults.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/faults.c");
        let compiled = Command::new("cc")
            .args([
                "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o",
            ])
            .args([&shim, &source])
            .arg("-ldl")
            .status();
        assert!(compiled.unwrap().success(), "cc compiles faults.c");
        Self {
            stage,
            shim,
            met: RefCell::default(),
        }
    }

    /// Runs with a disk that fails at this call; `None` if there are no more so many calls.
    fn run(&self, way: Way, at: usize, arguments: &[&str]) -> Option<Outcome> {
        let told = self.stage.path("told");
        let mut command = self.stage.command(arguments);
        command
            .env("LD_PRELOAD", &self.shim)
            .env("BULLA_FAULT_AT", at.to_string())
            .env("BULLA_FAULT_ERROR", way.error.to_string())
            .env("BULLA_FAULT_TOLD", &told);
        if way.goes_on {
            command.env("BULLA_FAULT_ON", "1");
        }
        if let Some(only) = way.only {
            command.env("BULLA_FAULT_ONLY", only);
        }
        let outcome = finished(command.output().unwrap());
        let status = outcome
            .status
            .unwrap_or_else(|| panic!("call {at}: {}", outcome.stderr));
        assert!(
            status < 5 && !outcome.stderr.contains("panicked"),
            "call {at}: {}",
            outcome.stderr
        );
        let calls = std::fs::read_to_string(&told).ok()?;
        std::fs::remove_file(told).unwrap();
        let mut met = self.met.borrow_mut();
        met.extend(calls.lines().map(str::to_owned));
        Some(outcome)
    }

    /// Demands that each of these has failed this way, of those that fail so, and begins anew.
    fn have_met(&self, way: Way, calls: &[&str]) {
        let met = self.met.take();
        let fails_so = |call: &&&str| way.only.is_none_or(|only| call.contains(only));
        for call in calls.iter().filter(fails_so) {
            assert!(met.contains(*call), "no {call} failed, but {met:?}");
        }
    }
}

/// What is done with a whole disk afterwards: what was reserved may have to fall free first.
fn in_the_end(stage: &Stage, arguments: &[&str], since: Instant) -> Outcome {
    loop {
        let outcome = stage.run(arguments);
        if !outcome.stderr.contains("is being worked on") {
            return outcome.ok();
        }
        assert!(
            since.elapsed() < Duration::from_secs(90),
            "{}",
            outcome.stderr
        );
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn received() {
    let stage = stage(&content(LENGTH));
    let faults = Faults::on(&stage);
    let send = with(&words(SEND), &["-o", "envelope", "photo.jpg"]);
    stage.run(&send).ok();
    let place = |way: usize, at: usize| (format!("guard{way}-{at}"), format!("inbox{way}-{at}"));
    let mut told = Vec::new();
    for (number, way) in WAYS.into_iter().enumerate() {
        let before = told.len();
        for at in 1.. {
            let (guard, inbox) = place(number, at);
            std::fs::create_dir(stage.path(&inbox)).unwrap();
            let more = ["--guard", &guard, "--dir", &inbox, "envelope"];
            let arguments = with(&words(RECEIVE), &more);
            let Some(outcome) = faults.run(way, at, &arguments) else {
                is_whole(&stage, &inbox);
                break;
            };
            // Whoever says so has it, and says so with a receipt.
            let said = outcome.status == Some(0);
            assert_eq!(said, !outcome.stdout.is_empty(), "call {at}");
            if said {
                is_whole(&stage, &inbox);
            }
            told.push((number, at, outcome.stdout));
        }
        let seen = &told[before..];
        assert!(seen.len() > way.least(), "only {} calls", seen.len());
        let failed = seen.iter().filter(|(.., receipt)| receipt.is_empty());
        assert!(failed.count() > way.least() / 2);
        let calls = [
            "create",
            "read",
            "write",
            "fsync file",
            "fsync folder",
            "unlink",
        ];
        faults.have_met(way, &calls);
    }
    let since = Instant::now();
    for (number, at, receipt) in told {
        let (guard, inbox) = place(number, at);
        let more = ["--guard", &guard, "--dir", &inbox, "envelope"];
        let again = in_the_end(&stage, &with(&words(RECEIVE), &more), since).stdout;
        assert!(
            receipt.is_empty() || receipt == again,
            "call {at}: one receipt"
        );
        is_whole(&stage, &inbox);
        stage.pipe(words(SETTLE), &again).ok();
    }
}

fn is_whole(stage: &Stage, inbox: &str) {
    let files: Vec<_> = std::fs::read_dir(stage.path(inbox)).unwrap().collect();
    assert_eq!(files.len(), 1, "{inbox}: one file");
    let bytes = std::fs::read(files[0].as_ref().unwrap().path()).unwrap();
    assert!(bytes == content(LENGTH), "{inbox}: the content");
}

/// The entries of an outbox, if there is one.
fn entries(stage: &Stage, outbox: &str) -> Vec<String> {
    if !stage.path(outbox).exists() {
        return Vec::new();
    }
    let listed = stage.run(["outbox", "--outbox", outbox, "--json"]).ok();
    let lines = listed.text();
    let envelope = |line| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        entry["envelope"].as_str().unwrap().to_owned()
    };
    lines.lines().map(envelope).collect()
}

#[test]
fn sent() {
    let stage = stage(&content(LENGTH));
    let faults = Faults::on(&stage);
    for (number, way) in WAYS.into_iter().enumerate() {
        for at in 1.. {
            let (outbox, out) = (format!("outbox{number}-{at}"), format!("out{number}-{at}"));
            let send = words("send -i alice.key -r bob.pub -c test photo.jpg");
            let send = with(&send, &["--outbox", &outbox]);
            let outcome = faults.run(way, at, &with(&send, &["-o", &out]));
            let recorded = entries(&stage, &outbox);
            // What leaves is recorded, and what is recorded is there.
            let left = stage.path(&out).exists();
            assert!(!left || recorded.len() == 1, "call {at}");
            for envelope in &recorded {
                let fetch = ["outbox", "--outbox", &outbox, "--envelope", envelope];
                let fetched = stage.run(fetch).ok().stdout;
                assert!(!left || fetched == stage.read(&out), "call {at}");
                let guard = format!("guard{number}-{at}");
                let receive = with(&words(RECEIVE), &["--guard", &guard, "--dir", "inbox"]);
                let receipt = stage.pipe(receive, &fetched).ok().stdout;
                let settle = ["settle", "-i", "alice.key", "--outbox", &outbox];
                stage.pipe(settle, &receipt).ok();
            }
            let Some(outcome) = outcome else {
                assert!(left && at > way.least(), "only {at} calls");
                break;
            };
            // It may be there and not for sure, if the folder could not be synced: that is no success.
            assert!(outcome.status != Some(0) || left, "call {at}");
            stage.run(with(&send, &["-o", "again", "--force"])).ok();
            assert_eq!(entries(&stage, &outbox).len(), recorded.len() + 1);
        }
        let calls = [
            "create",
            "read",
            "write",
            "fsync file",
            "fsync folder",
            "rename",
            "mkdir",
        ];
        faults.have_met(way, &calls);
    }
}

#[test]
fn settled() {
    let stage = stage(&content(LENGTH));
    let faults = Faults::on(&stage);
    stage
        .run(with(&words(SEND), &["-o", "envelope", "photo.jpg"]))
        .ok();
    let receive = with(
        &words(RECEIVE),
        &[
            "--guard", "guard", "--dir", "inbox", "-o", "receipt", "envelope",
        ],
    );
    stage.run(receive).ok();
    let (file, name) = (stage.read("outbox"), list(&stage)[0]["envelope"].clone());
    let kept = format!("outbox.d/{}.bulla", name.as_str().unwrap());
    let envelope = stage.read(&kept);
    let state = || list(&stage)[0]["state"].as_str().unwrap().to_owned();
    for way in WAYS {
        for at in 1.. {
            stage.write("outbox", &file);
            stage.write(&kept, &envelope);
            let outcome = faults.run(way, at, &with(&words(SETTLE), &["receipt"]));
            let found = state();
            let Some(outcome) = outcome else {
                assert!(
                    found == "settled" && at > (way.least() / 4).max(1),
                    "only {at} calls"
                );
                break;
            };
            let said = outcome.status == Some(0);
            assert!(
                found == "settled" || !said && found == "waiting",
                "call {at}: {found}"
            );
            stage.run(with(&words(SETTLE), &["receipt"])).ok();
            assert_eq!(state(), "settled");
        }
        faults.have_met(way, &["create", "read", "write", "fsync file", "unlink"]);
    }
}
