//! Claims a second of the guard of a fleet, beside what `redis-benchmark` gets out of the same server with SET and the same
//! number of connections, in turns: `cargo bench --features redis --bench redis_guard`, in about two minutes.
//!
//! Arguments: two numbers for one line alone, so many connections and callers; `--check` fails if a judged line is below 0.7, also
//! when it is measured a second and a third time (all are printed: other work on the machine takes turns from so many threads).
//! Judged are the lines with 50 connections, which is what `redis-benchmark` itself takes. The others are shown and not judged:
//! with few connections both rates are decided by how fast the system wakes who waits, which an idle machine does slowly and a busy
//! one at once; and with as few callers as connections, 1 or 8, a script has one claim or a few, which costs more than a SET. The
//! column `script/s` shows what one script for each claim could get: the least that could be a claim (no rules, no counts, one
//! entry), with the floor's own client. What the guard is below that are its rules and counts, and threads that wake each other.
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

use std::process::{Command, ExitCode};
use std::time::Instant;

use bulla::{Claim, Claimed, Digest, RedisGuard, RedisGuardBuilder, ReplayGuard};
use redis_server::Server;

const ROUNDS: usize = 5;
const PER_ROUND: u64 = 40_000;
/// The least that is good enough, with so many connections.
const LEAST_RATIO: f64 = 0.7;
const JUDGED: usize = 50;
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

/// What `redis-benchmark` gets out of the server, in commands a second.
fn benchmark(server: &Server, connections: usize, what: &[&str]) -> f64 {
    let output = Command::new("redis-benchmark")
        .args(["-p", &server.port().to_string()])
        .args(["-r", "1000000000", "--csv"])
        .args(["-c", &connections.to_string(), "-n", &PER_ROUND.to_string()])
        .args(what)
        .output()
        .expect("redis-benchmark is missing: install Debian's package redis-tools");
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().last().unwrap();
    // Behind the name are seven numbers, the rate first.
    let rate = line.rsplit("\",\"").nth(6).expect(&text);
    rate.parse().expect(&text)
}

/// SETs a second.
fn floor(server: &Server, connections: usize) -> f64 {
    benchmark(server, connections, &["-t", "set"])
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

/// Scripts a second, one claim each, that do the least that any guard must on this server: look at the mark, insert, and note
/// when it is over. No rule is judged, nothing is counted, and the client is that of the floor.
fn least_script(server: &Server, connections: usize) -> f64 {
    let script = "redis.call('HMGET',KEYS[1],'id','mark') \
        if redis.call('HSETNX',KEYS[2],ARGV[1],ARGV[2])==1 then redis.call('RPUSH',KEYS[3],ARGV[1]) end return 1";
    let loaded = server.command(&format!("SCRIPT LOAD \"{script}\""));
    let name = loaded.lines().nth(1).unwrap();
    let keys = ["least:meta", "least:entries", "least:times"];
    let entry = "x".repeat(130);
    let mut what = vec!["evalsha", name, "3"];
    what.extend(keys);
    what.extend(["__rand_int__", &entry]);
    let rate = benchmark(server, connections, &what);
    for key in keys {
        server.command(&format!("DEL {key}"));
    }
    rate
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// The load of the machine in the last minute.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// One line of the table; gives the ratio.
fn measure(server: &Server, connections: usize, callers: u64, first: u64) -> f64 {
    let guard = RedisGuardBuilder::new(&server.url())
        .unwrap()
        .connections(connections)
        .connect()
        .unwrap();
    let (mut sets, mut scripts, mut claimed) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        sets.push(floor(server, connections));
        claimed.push(claims(&guard, callers, first + round as u64 * PER_ROUND));
        scripts.push(least_script(server, connections));
    }
    let ratios = sets.iter().zip(&claimed).map(|(set, claim)| claim / set);
    let ratio = median(ratios.collect());
    println!(
        "{connections:>11}  {callers:>7}  {:>8.0}  {:>8.0}  {:>9.0}  {ratio:>5.2}  {:>6}  {}",
        median(sets),
        median(scripts),
        median(claimed),
        if connections >= JUDGED { "yes" } else { "no" },
        load(),
    );
    ratio
}

fn main() -> ExitCode {
    let server = Server::start(&[]);
    println!(
        "connections  callers     SET/s  script/s   claims/s  ratio  judged  load  (medians of {ROUNDS} rounds of {PER_ROUND})"
    );
    let given: Vec<u64> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let is_checked = std::env::args().any(|arg| arg == "--check");
    let (mut first, mut good_enough) = (0, true);
    for (connections, callers) in [(1, 1), (1, 64), (8, 8), (8, 64), (50, 50), (50, 200)] {
        if !given.is_empty() && given != [connections as u64, callers] {
            continue;
        }
        let tries = if is_checked && connections >= JUDGED {
            3
        } else {
            1
        };
        let mut ratio = 0.0;
        for _ in 0..tries {
            ratio = measure(&server, connections, callers, first);
            first += ROUNDS as u64 * PER_ROUND;
            if ratio >= LEAST_RATIO {
                break;
            }
        }
        good_enough &= connections < JUDGED || ratio >= LEAST_RATIO;
    }
    ExitCode::from(u8::from(is_checked && !good_enough))
}
