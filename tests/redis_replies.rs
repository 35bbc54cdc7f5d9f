//! The guard of a fleet, and a server whose replies drip, come too late, announce more than can be, or mean nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod conformance;
mod redis_server;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bulla::{Claimed, ErrorKind, ReplayGuard};
use conformance::claim;
use peak_alloc::PeakAlloc;
use redis_server::{builder, unavailable};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One test at a time, for they are about the memory and the time of the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a server says to a command: `bytes`, after so long, and so long after each byte.
struct Said {
    bytes: Vec<u8>,
    after: Duration,
    pause: Duration,
}

fn at_once(bytes: &[u8]) -> Said {
    Said {
        bytes: bytes.to_vec(),
        after: Duration::ZERO,
        pause: Duration::ZERO,
    }
}

/// What any server says to what is asked when a connection is opened.
fn usual(parts: &[Vec<u8>]) -> Said {
    at_once(
        match (parts[0].as_slice(), parts.get(1).map(Vec::as_slice)) {
            (b"PING", _) => b"+PONG\r\n",
            (b"INFO", Some(b"memory")) => b"$27\r\nmaxmemory_policy:noeviction\r\n",
            (b"INFO", _) => b"$11\r\nrole:master\r\n",
            _ => b"-ERR unknown command\r\n",
        },
    )
}

const STORE: &[u8] = b"*2\r\n$4\r\nabcd\r\n$1\r\n1\r\n";

/// A server that says `said` to the commands of each connection, which has a number; the first script finds the store.
fn pretends(said: impl Fn(usize, &[Vec<u8>]) -> Said + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/", listener.local_addr().unwrap());
    let (said, is_found) = (Arc::new(said), Arc::new(AtomicBool::new(false)));
    thread::spawn(move || {
        for (number, client) in listener.incoming().flatten().enumerate() {
            let (said, is_found) = (Arc::clone(&said), Arc::clone(&is_found));
            thread::spawn(move || {
                serve(client, |parts| {
                    if parts[0] == b"EVALSHA" && !is_found.swap(true, Ordering::SeqCst) {
                        return at_once(STORE);
                    }
                    said(number, parts)
                });
            });
        }
    });
    url
}

/// Says this to each claim, with such a pause after each byte.
fn claimed(bytes: &'static [u8], pause: Duration) -> String {
    pretends(move |_, parts| match parts[0].as_slice() {
        b"EVALSHA" => Said {
            pause,
            ..at_once(bytes)
        },
        _ => usual(parts),
    })
}

/// The parts of one command; `None` at the end.
fn command(from: &mut BufReader<TcpStream>) -> Option<Vec<Vec<u8>>> {
    let number = |from: &mut BufReader<TcpStream>| {
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        line.get(1..)?.trim().parse::<usize>().ok()
    };
    let count = number(from)?;
    let mut parts = Vec::new();
    for _ in 0..count {
        let length = number(from)?;
        let mut part = vec![0; length + 2];
        from.read_exact(&mut part).ok()?;
        part.truncate(length);
        parts.push(part);
    }
    Some(parts)
}

fn serve(client: TcpStream, said: impl Fn(&[Vec<u8>]) -> Said) {
    let mut to = client.try_clone().unwrap();
    let mut from = BufReader::new(client);
    while let Some(parts) = command(&mut from) {
        let said = said(&parts);
        thread::sleep(said.after);
        if said.pause.is_zero() {
            drop(to.write_all(&said.bytes));
            continue;
        }
        for byte in said.bytes {
            if to.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(said.pause);
        }
    }
}

/// The client crate bounds each read, not a whole reply: one who is dripped at is held. The others are refused in bounded time.
#[test]
fn a_server_that_drips_holds_no_more_callers_than_there_are_connections() {
    let _alone = alone();
    let url = claimed(
        b"*2\r\n:1000\r\n:0000000000000000000000000001\r\n",
        Duration::from_millis(100),
    );
    let guard = Arc::new(builder(&url).connections(2).connect().unwrap());
    let began = Instant::now();
    let held = [None, Some(9)].map(|lease| {
        let guard = Arc::clone(&guard);
        thread::spawn(move || (guard.claim(&claim(1, 1000), 1000, lease), began.elapsed()))
    });
    thread::sleep(Duration::from_millis(300));
    thread::scope(|scope| {
        for number in 2..6 {
            let guard = &guard;
            scope.spawn(move || unavailable(|| guard.claim(&claim(number, 1000), 1000, None)));
            scope.spawn(move || {
                let text = unavailable(|| guard.claim(&claim(number, 1000), 1000, Some(9)));
                assert!(text.contains("busy"), "{text}");
            });
        }
    });
    let others = began.elapsed();
    assert!(others < Duration::from_millis(2700), "{others:?}");
    // The late answers: one is an answer, the other is not what was asked for.
    let [plain, leased] = held.map(|held| held.join().unwrap());
    assert!(matches!(plain.0, Ok(Claimed::New(_))), "{plain:?}");
    assert_eq!(leased.0.unwrap_err(), ErrorKind::GuardUnavailable);
    assert!(plain.1.min(leased.1) > others);
}

/// What comes too late on a connection is not read as the answer to anything else: neither a check's when it is opened, ...
#[test]
fn a_check_that_times_out_ends_its_connection() {
    let _alone = alone();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    // A replica that is slow to say so.
    let url = pretends(move |_, parts| {
        count.fetch_add(1, Ordering::SeqCst);
        match parts.get(1).map(Vec::as_slice) {
            Some(b"replication") => Said {
                after: Duration::from_millis(700),
                ..at_once(b"$10\r\nrole:slave\r\n")
            },
            _ => usual(parts),
        }
    });
    let text = unavailable(|| builder(&url).connect());
    assert!(text.contains("does not answer in time"), "{text}");
    thread::sleep(Duration::from_millis(800));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

/// Only where the server says no is a check passed over.
#[test]
fn a_check_that_is_refused_is_not_one_that_failed() {
    let _alone = alone();
    let url = |role: &'static [u8]| {
        pretends(move |_, parts| match parts.get(1).map(Vec::as_slice) {
            Some(b"replication") => at_once(role),
            _ => usual(parts),
        })
    };
    builder(&url(b"-NOPERM no rights\r\n")).connect().unwrap();
    for bytes in [&b":1\r\n"[..], b"*0\r\n", b"?\r\n"] {
        let text = unavailable(|| builder(&url(bytes)).connect());
        assert!(text.contains("not understood"), "{text}");
    }
}

/// ... nor that to a claim.
#[test]
fn an_answer_that_comes_too_late_is_nobodys() {
    let _alone = alone();
    // To the first connection: that the claim is new, but late.
    let url = pretends(
        |connection, parts| match (connection, parts[0].as_slice()) {
            (0, b"EVALSHA") => Said {
                after: Duration::from_millis(800),
                ..at_once(b"*2\r\n:1000\r\n:1\r\n")
            },
            (_, b"EVALSHA") => at_once(b"*2\r\n:1000\r\n:2\r\n"),
            _ => usual(parts),
        },
    );
    let guard = builder(&url).connections(1).connect().unwrap();
    unavailable(|| guard.claim(&claim(1, 1000), 1000, None));
    thread::sleep(Duration::from_millis(500));
    assert_eq!(
        guard.claim(&claim(2, 1000), 1000, None).unwrap(),
        Claimed::Forgotten
    );
}

/// One that drips from the first byte on can hold nobody who connects either.
#[test]
fn a_server_that_drips_at_the_door() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            thread::spawn(move || {
                while client.write_all(b"x").is_ok() {
                    thread::sleep(Duration::from_millis(50));
                }
            });
        }
    });
    for scheme in ["redis", "rediss"] {
        let began = Instant::now();
        unavailable(|| builder(&format!("{scheme}://{address}/")).connect());
        assert!(began.elapsed() < Duration::from_millis(1500));
    }
}

/// What is announced is not allocated, only what comes; and nothing that comes is a panic.
#[test]
fn a_reply_that_announces_much_is_not_allocated() {
    let _alone = alone();
    let nested: &'static [u8] = b"*1\r\n".repeat(100_000).leak();
    let announced: [&[u8]; 8] = [
        b"$2000000000\r\nxxxx",
        b"*2\r\n:1000\r\n$9223372036854775807\r\n",
        b"*2000000000\r\n:1000\r\n",
        b"*9223372036854775807\r\n:1000\r\n",
        b"%9223372036854775807\r\n:1000\r\n",
        b"$-5\r\n",
        b"*2\r\n*1\r\n:1\r\n:1\r\n",
        nested,
    ];
    for said in announced {
        let guard = builder(&claimed(said, Duration::ZERO)).connect().unwrap();
        MEMORY.reset_peak_usage();
        let before = MEMORY.peak_usage();
        let began = Instant::now();
        unavailable(|| guard.claim(&claim(1, 1000), 1000, None));
        assert!(began.elapsed() < Duration::from_millis(1200));
        let allocated = MEMORY.peak_usage() - before;
        println!(
            "{allocated} bytes for {:?}",
            String::from_utf8_lossy(&said[..said.len().min(40)])
        );
        // The crate makes room for 4 096 elements of a list at most, before they come.
        assert!(allocated < 1_000_000, "{allocated}");
    }
}
