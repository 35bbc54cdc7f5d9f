//! The guard of a fleet, and a server whose replies never end, are longer than any can be, or mean nothing.
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
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bulla::{ErrorKind, ReplayGuard};
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

/// Answers as a server does, until it is asked for a claim: then with these bytes, each after so long.
fn pretends(claimed: &'static [u8], pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/", listener.local_addr().unwrap());
    let scripts = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let scripts = Arc::clone(&scripts);
            thread::spawn(move || serve(client, &scripts, claimed, pause));
        }
    });
    url
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

fn serve(client: TcpStream, scripts: &AtomicUsize, claimed: &'static [u8], pause: Duration) {
    let mut to = client.try_clone().unwrap();
    let mut from = BufReader::new(client);
    while let Some(parts) = command(&mut from) {
        let said: &[u8] = match (parts[0].as_slice(), parts.get(1).map(Vec::as_slice)) {
            (b"PING", _) => b"+PONG\r\n",
            (b"INFO", Some(b"memory")) => b"$27\r\nmaxmemory_policy:noeviction\r\n",
            (b"INFO", _) => b"$11\r\nrole:master\r\n",
            _ => {
                // The first finds the store.
                if scripts.fetch_add(1, Ordering::SeqCst) == 0 {
                    b"*2\r\n$4\r\nabcd\r\n$1\r\n1\r\n"
                } else {
                    for byte in claimed {
                        if to.write_all(&[*byte]).is_err() {
                            return;
                        }
                        thread::sleep(pause);
                    }
                    continue;
                }
            }
        };
        to.write_all(said).unwrap();
    }
}

/// The timeout bounds the whole reply, not the time between two bytes of it.
#[test]
fn a_server_that_drips_is_a_refusal_in_bounded_time() {
    let _alone = alone();
    let drip = Duration::from_millis(100);
    let url = pretends(
        b"*2\r\n:1000\r\n:0000000000000000000000000000000000000000000000000000001\r\n",
        drip,
    );
    let guard = builder(&url).connect().unwrap();
    for lease in [None, Some(9)] {
        let began = Instant::now();
        let text = unavailable(|| guard.claim(&claim(1, 1000), 1000, lease));
        assert!(text.contains("in time"), "{text}");
        let took = began.elapsed();
        assert!(
            took >= Duration::from_millis(450) && took < Duration::from_millis(1200),
            "{took:?}"
        );
        unavailable(|| guard.observe(1000));
    }
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

/// What is announced is not allocated, and what is too long is refused at once.
#[test]
fn a_reply_that_is_too_long_is_refused_and_not_allocated() {
    let _alone = alone();
    let announced: [&[u8]; 6] = [
        b"$2000000000\r\nxxxx",
        b"*2\r\n:1000\r\n$9223372036854775807\r\n",
        b"*2000000000\r\n:1000\r\n",
        b"*2\r\n:1000\r\n$1048570\r\n",
        b"$-5\r\n",
        b"*2\r\n*1\r\n:1\r\n:1\r\n",
    ];
    for said in announced {
        let guard = builder(&pretends(said, Duration::ZERO)).connect().unwrap();
        MEMORY.reset_peak_usage();
        let before = MEMORY.peak_usage();
        let began = Instant::now();
        let error = guard.claim(&claim(1, 1000), 1000, None).unwrap_err();
        assert_eq!(error, ErrorKind::GuardUnavailable);
        assert!(error.to_string().contains("too long"), "{error}");
        assert!(began.elapsed() < Duration::from_millis(400));
        assert!(
            MEMORY.peak_usage() - before < 200_000,
            "{}",
            MEMORY.peak_usage() - before
        );
    }
    // Within the limit it is waited for, and no more allocated than has come.
    let guard = builder(&pretends(b"$1000000\r\nxxxx", Duration::ZERO))
        .connect()
        .unwrap();
    MEMORY.reset_peak_usage();
    let before = MEMORY.peak_usage();
    unavailable(|| guard.claim(&claim(1, 1000), 1000, None));
    assert!(
        MEMORY.peak_usage() - before < 200_000,
        "{}",
        MEMORY.peak_usage() - before
    );
}
