//! A bad relay between two real processes that are killed at any instant: every message ends stored exactly once with a
//! checked receipt, or reported as failed (spec/receipts.md §8).
//!
//! This program starts itself in the roles of the sender and the receiver; what is between them is the relay. It takes:
//!
//! - `BULLA_RELAY`: how many messages (1000; the full run is 10000, with at least 200 kills);
//! - `BULLA_SEED`: the seed of a run, to repeat it. It decides what is sent, what the relay does, and when somebody is killed;
//!   at which instruction that strikes is up to the system.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod check;
mod frames;
mod large;
mod process;
mod receiver;
mod relay;
mod run;
mod sender;
mod world;

use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["role-sender", folder, now, ..] => sender::run(Path::new(folder), now.parse().unwrap()),
        ["role-receiver", folder, now, lives] => receiver::run(
            Path::new(folder),
            now.parse().unwrap(),
            lives.parse().unwrap(),
        ),
        ["role-store-one", folder, now, how] => {
            large::store_one(Path::new(folder), now.parse().unwrap(), how);
        }
        _ => test(&words),
    }
}

/// A test, by the seed of its run.
type Test = fn(u64);

/// As the usual harness takes its arguments: a word is part of a test's name.
fn test(words: &[&str]) {
    let tests: [(&str, Test); 2] = [
        ("bad_relay", run::bad_relay),
        ("killed_while_it_stores", large::killed_while_it_stores),
    ];
    let list = words.contains(&"--list");
    let filters: Vec<&&str> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let seed = match std::env::var("BULLA_SEED") {
        Ok(seed) => seed.parse().expect("BULLA_SEED is a number"),
        Err(_) => world::any_seed(),
    };
    for (name, test) in tests {
        if list {
            println!("{name}: test");
        } else if filters.is_empty() || filters.iter().any(|filter| name.contains(**filter)) {
            println!("{name}: BULLA_SEED={seed}");
            test(seed);
            println!("{name}: ok\n");
        }
    }
}
