//! The scripts of `spec/vectors/scripts/`, replayed over the guard in memory (spec/scripts.md).
//!
//! For another guard: a [`Store`](replay::Store) that opens it, and one more test.
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

use bulla::MemoryGuard;
use replay::InMemory;

#[test]
fn every_script_over_the_guard_in_memory() {
    let make = |limits: Option<replay::Limits>| -> Box<dyn replay::Store> {
        let guard = match limits {
            None => MemoryGuard::new(10_000),
            Some(limits) => MemoryGuard::with_limits(
                limits.known,
                limits.strangers,
                limits.per_sender,
                limits.per_stranger,
            ),
        };
        Box::new(InMemory(Arc::new(guard)))
    };
    replay::all(&make, 100);
}

/// A script whose expectation is wrong is found to be wrong: the replayer can fail.
#[test]
fn a_wrong_expectation_is_noticed() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/spec/vectors/scripts/lease-commit.json"
    );
    let make = |_: Option<replay::Limits>| -> Box<dyn replay::Store> {
        Box::new(InMemory(Arc::new(MemoryGuard::new(10))))
    };
    let script: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let steps = script["steps"].as_array().unwrap().len();
    assert_eq!(replay::replay(&script, &make), Ok(steps));
    for number in 0..steps {
        let mut changed = script.clone();
        match changed["steps"][number].get_mut("expect") {
            Some(expect) => expect["verdict"] = "Gap".into(),
            None => continue,
        }
        assert!(
            replay::replay(&changed, &make).is_err(),
            "step {}",
            number + 1
        );
    }
}
