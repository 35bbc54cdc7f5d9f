//! Claims a second of the guard of a fleet, beside what `redis-benchmark` gets out of the same server with SET and the same
//! number of connections, in turns. The bar is 0.7 for hosts that have something to do at once; one caller alone on one
//! connection pays the price of a script (claims are far more than a SET).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

#[path = "../tests/redis_server/mod.rs"]
mod redis_server;

use std::process::Command;
use std::time::Instant;

use bulla::{Claim, Claimed, Digest, RedisGuard, RedisGuardBuilder, ReplayGuard};
use redis_server::Server;

const ROUNDS: usize = 5;
const PER_ROUND: u64 = 60_000;
const KEEP: u64 = 100_000;

fn claim(number: u64) -> Claim {
    Claim {
        key: Digest::of(&number.to_be_bytes()),
        value: Digest::from_bytes([1; 32]),
        scope: Digest::from_bytes([2; 32]),
        signer: [number as u8 % 16; 32],
        stranger: false,
        issued: 1_790_000_000,
        keep_until: 1_790_000_000 + KEEP,
        bounded_by_age: true,
        place: None,
        challenge: None,
    }
}

/// SETs a second.
fn floor(server: &Server, connections: usize) -> f64 {
    let output = Command::new("redis-benchmark")
        .args([
            "-p",
            &server.port().to_string(),
            "-t",
            "set",
            "-r",
            "1000000000",
            "--csv",
        ])
        .args(["-c", &connections.to_string(), "-n", &PER_ROUND.to_string()])
        .output()
        .expect("redis-benchmark is missing: install Debian's package redis-tools");
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("\"SET\""))
        .expect(&text);
    line.split(',')
        .nth(1)
        .unwrap()
        .trim_matches('"')
        .parse()
        .unwrap()
}

/// Claims a second, all new.
fn claims(guard: &RedisGuard, callers: u64, first: u64) -> f64 {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for caller in 0..callers {
            scope.spawn(move || {
                for number in (caller..PER_ROUND).step_by(callers as usize) {
                    let claimed = guard
                        .claim(&claim(first + number), 1_790_000_000, None)
                        .unwrap();
                    assert!(matches!(claimed, Claimed::New(_)));
                }
            });
        }
    });
    PER_ROUND as f64 / began.elapsed().as_secs_f64()
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn main() {
    let server = Server::start(&[]);
    println!(
        "connections  callers     SET/s   claims/s  ratio  (medians of {ROUNDS} rounds of {PER_ROUND})"
    );
    // `-- 50 200` for one line: so many connections and callers.
    let given: Vec<u64> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let mut first = 0;
    for (connections, callers) in [(1, 1), (1, 64), (8, 8), (8, 64), (50, 50), (50, 200)] {
        if !given.is_empty() && given != [connections as u64, callers] {
            continue;
        }
        let guard = RedisGuardBuilder::new(&server.url())
            .unwrap()
            .connections(connections)
            .connect()
            .unwrap();
        let (mut sets, mut claimed) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            sets.push(floor(&server, connections));
            claimed.push(claims(&guard, callers, first));
            first += PER_ROUND;
        }
        let ratios = sets
            .iter()
            .zip(&claimed)
            .map(|(set, claim)| claim / set)
            .collect();
        println!(
            "{connections:>11}  {callers:>7}  {:>8.0}  {:>9.0}  {:>5.2}",
            median(sets),
            median(claimed),
            median(ratios)
        );
    }
}
