//! How far the library is above its floor: `cargo bench --bench ratio`, in about half a minute.
//!
//! Library and floor take turns in one process, so that whatever else the machine does meets both; of the ratios of
//! the turns the median counts. With `-- --check` it fails if a ratio that has a limit is above it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use common::pairs::Pair;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long one turn of one side takes, about.
const TURN: Duration = Duration::from_millis(1);
/// How long one pair takes, about.
const PAIR: Duration = Duration::from_millis(1000);
const LEAST_TURNS: usize = 11;

struct Measured {
    ours: Duration,
    floor: Duration,
    ratio: f64,
}

fn measure(pair: &mut Pair) -> Measured {
    let once = (pair.ours)(1).min((pair.ours)(1));
    (pair.floor)(1);
    let times = (TURN.as_nanos() / once.as_nanos().max(1)).max(1) as u64;
    let start = Instant::now();
    let mut turns: Vec<(Duration, Duration)> = Vec::new();
    while turns.len() < LEAST_TURNS || start.elapsed() < PAIR {
        // Ours first and floor first in turn: what comes second may find warmer caches.
        let turn = if turns.len().is_multiple_of(2) {
            let ours = (pair.ours)(times);
            (ours, (pair.floor)(times))
        } else {
            let floor = (pair.floor)(times);
            ((pair.ours)(times), floor)
        };
        turns.push(turn);
    }
    let each = |side: fn(&(Duration, Duration)) -> Duration| {
        let seconds = median(turns.iter().map(|turn| side(turn).as_secs_f64()));
        Duration::from_secs_f64(seconds / times as f64)
    };
    Measured {
        ours: each(|turn| turn.0),
        floor: each(|turn| turn.1),
        ratio: median(
            turns
                .iter()
                .map(|(ours, floor)| ours.as_secs_f64() / floor.as_secs_f64()),
        ),
    }
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn rate(bytes: usize, time: Duration) -> String {
    if bytes < 1 << 16 {
        return String::new();
    }
    format!("{:.2} GB/s", bytes as f64 / time.as_secs_f64() / 1e9)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let mut pairs = common::pairs::all();
    if !has("--bench") {
        // Run as a test: the floors are valid, and that is all.
        return ExitCode::SUCCESS;
    }
    println!(
        "{:26} {:>11} {:>11} {:>7} {:>6}  {:>10}",
        "", "ours", "floor", "ratio", "limit", "rate"
    );
    let mut failed = false;
    for pair in pairs.iter_mut() {
        if filter.is_some_and(|wanted| !pair.name.contains(wanted)) {
            continue;
        }
        let measured = measure(pair);
        let over = pair.limit.is_some_and(|limit| measured.ratio > limit);
        failed |= over;
        println!(
            "{:26} {:>8.1} µs {:>8.1} µs {:>7.3} {:>6}  {:>10}{}",
            pair.name,
            measured.ours.as_secs_f64() * 1e6,
            measured.floor.as_secs_f64() * 1e6,
            measured.ratio,
            pair.limit
                .map_or(String::new(), |limit| format!("{limit:.2}")),
            rate(pair.bytes, measured.ours),
            if over { "  too slow" } else { "" }
        );
    }
    ExitCode::from(u8::from(has("--check") && failed))
}
