//! The guard of a fleet, over a real `redis-server`: conformance (spec/guard.md), races, and every kind of failure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod conformance;
mod redis_server;

use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bulla::{Claimed, Digest, ErrorKind, RedisGuard, RedisGuardBuilder, ReplayGuard};
use conformance::{claim, token};
use redis_server::{Proxy, Server};

fn builder(url: &str) -> RedisGuardBuilder {
    RedisGuardBuilder::new(url)
        .unwrap()
        .connect_timeout(Duration::from_millis(1000))
        .response_timeout(Duration::from_millis(500))
}

fn guard(url: &str) -> RedisGuard {
    builder(url).connect().unwrap()
}

/// Runs something that must be refused as unavailable, in bounded time.
fn unavailable<T: std::fmt::Debug>(run: impl FnOnce() -> bulla::Result<T>) -> String {
    let began = Instant::now();
    let error = run().unwrap_err();
    assert_eq!(error, ErrorKind::GuardUnavailable);
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    error.to_string()
}

#[test]
fn conforms() {
    let server = Server::start(&[]);
    let count = AtomicUsize::new(0);
    conformance::all(&|| {
        let prefix = format!("test{}", count.fetch_add(1, Ordering::SeqCst));
        Box::new(builder(&server.url()).prefix(&prefix).connect().unwrap())
    });
}

#[test]
fn conforms_over_a_local_socket_with_one_connection() {
    let server = Server::start(&["--unixsocket", "socket"]);
    let url = format!("unix://{}", server.folder().join("socket").display());
    let count = AtomicUsize::new(0);
    conformance::all(&|| {
        let prefix = format!("test{}", count.fetch_add(1, Ordering::SeqCst));
        Box::new(
            builder(&url)
                .connections(1)
                .prefix(&prefix)
                .connect()
                .unwrap(),
        )
    });
}

const RACES: u64 = 10_000;

/// One side of the race below, in a process of its own. Even messages are claimed plainly, odd ones with a lease.
#[test]
fn racer() {
    let Ok(url) = std::env::var("BULLA_RACE_URL") else {
        return;
    };
    let guard = guard(&url);
    guard.observe(1000).unwrap();
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    for number in 0..RACES {
        let lease = (number % 2 == 1).then_some(60);
        match guard.claim(&claim(number, 1000), 1000, lease).unwrap() {
            Claimed::New(_) => println!("won {number}"),
            Claimed::Same(_) if lease.is_none() => {}
            Claimed::Pending if lease.is_some() => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Where the system lets one of them run alone there was no race, and it is run again.
#[test]
fn two_processes_race_and_one_wins_each_time() {
    let raced = (0..5).any(|_| race_of_processes().iter().all(|won| *won > 100));
    assert!(
        raced,
        "the system never let two processes run beside each other"
    );
}

/// How often each of two won; that there was one winner each time is checked.
fn race_of_processes() -> [usize; 2] {
    use std::io::{BufRead, BufReader, Write};
    let server = Server::start(&[]);
    let mut racers: Vec<_> = (0..2)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "racer", "--nocapture"])
                .env("BULLA_RACE_URL", server.url())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut outputs: Vec<_> = racers
        .iter_mut()
        .map(|racer| BufReader::new(racer.stdout.take().unwrap()).lines())
        .collect();
    for output in &mut outputs {
        assert!(output.any(|line| line.unwrap().contains("ready")));
    }
    for racer in &mut racers {
        racer.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    let readers: Vec<_> = outputs
        .into_iter()
        .map(|output| {
            std::thread::spawn(move || {
                output
                    .map(|line| line.unwrap())
                    .filter_map(|line| Some(line.split_once("won ")?.1.parse::<u64>().unwrap()))
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let won: Vec<Vec<u64>> = readers
        .into_iter()
        .map(|reader| reader.join().unwrap())
        .collect();
    for mut racer in racers {
        assert!(racer.wait().unwrap().success());
    }
    println!("won: {} and {}", won[0].len(), won[1].len());
    let all: HashSet<u64> = won.iter().flatten().copied().collect();
    assert_eq!(won[0].len() + won[1].len(), all.len());
    assert_eq!(all.len() as u64, RACES);
    [won[0].len(), won[1].len()]
}

#[test]
fn threads_race_and_one_wins_each_time() {
    let server = Server::start(&[]);
    let guards = [
        guard(&server.url()),
        builder(&server.url()).connections(1).connect().unwrap(),
    ];
    let wins: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|thread| {
                let guard = &guards[thread % 2];
                scope.spawn(move || {
                    (0..1000)
                        .filter(|number| {
                            matches!(
                                guard.claim(&claim(*number, 1000), 1000, None).unwrap(),
                                Claimed::New(_)
                            )
                        })
                        .count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(wins, 1000);
}

/// Many take numbers of one stream at once: the steps collide, are taken again, and none is lost.
#[test]
fn steps_that_collide_are_taken_again() {
    use bulla::{Order, Place};
    let server = Server::start(&[]);
    let guard = builder(&server.url())
        .response_timeout(Duration::from_secs(10))
        .connect()
        .unwrap();
    let stream = Digest::of(b"stream");
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let guard = &guard;
            scope.spawn(move || {
                for number in 0..50 {
                    let number = number * 8 + thread;
                    let mut message = claim(number, 1000);
                    message.place = Some(Place {
                        stream,
                        number,
                        order: Order::Gapless {
                            first: 0,
                            window: 1000,
                        },
                        keep_until: u64::MAX,
                    });
                    let held = token(guard.claim(&message, 1000, Some(60)));
                    guard.commit(&held, &number.to_be_bytes()).unwrap();
                }
            });
        }
    });
    assert!(guard.missing(&stream).unwrap().is_empty());
    let mut next = claim(9999, 1000);
    next.place = Some(Place {
        stream,
        number: 399,
        order: Order::Monotonic,
        keep_until: u64::MAX,
    });
    assert_eq!(guard.claim(&next, 1000, None).unwrap(), Claimed::Superseded);
    next.place = Some(Place {
        stream,
        number: 400,
        order: Order::Monotonic,
        keep_until: u64::MAX,
    });
    token(guard.claim(&next, 1000, None));
}

#[test]
fn who_lost_its_lease_cannot_commit_whatever_its_clock_says() {
    let server = Server::start(&[]);
    let (slow, fast) = (guard(&server.url()), guard(&server.url()));
    let mut message = claim(1, 1000);
    message.keep_until = 100_000;
    let first = token(slow.claim(&message, 1000, Some(30)));
    // The clock of this one is far ahead: to it, the lease is over. So it is for all from now on.
    let second = token(fast.claim(&message, 50_000, Some(30)));
    assert!(second.number > first.number);
    assert_eq!(
        slow.commit(&first, b"mine").unwrap_err(),
        ErrorKind::LeaseLost
    );
    assert_eq!(slow.release(&first).unwrap_err(), ErrorKind::LeaseLost);
    // A clock that is behind does not bring it back.
    assert_eq!(
        slow.renew(&first, 10, 30).unwrap_err(),
        ErrorKind::LeaseLost
    );
    assert_eq!(
        slow.claim(&message, 10, Some(30)).unwrap(),
        Claimed::Pending
    );
    assert_eq!(slow.observe(10).unwrap(), 50_000);
    fast.commit(&second, b"theirs").unwrap();
    assert_eq!(
        slow.claim(&message, 10, Some(30)).unwrap(),
        Claimed::Same(b"theirs".to_vec())
    );
}

/// One reader with a clock that is far ahead does not lock out all the others.
#[test]
fn a_clock_far_ahead_is_not_believed() {
    let server = Server::start(&[]);
    let guard = guard(&server.url());
    let real = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    for clock in [real + 2 * 3600, u64::MAX] {
        let text = unavailable(|| guard.observe(clock));
        assert!(text.contains("clock"), "{text}");
        unavailable(|| guard.claim(&claim(1, 1000), clock, None));
        unavailable(|| guard.claim(&claim(1, 1000), clock, Some(1)));
        unavailable(|| guard.sweep(clock, 10));
    }
    assert_eq!(guard.observe(1000).unwrap(), 1000);
    assert_eq!(guard.observe(real + 1800).unwrap(), real + 1800);
    // Where it is wanted, it is believed, up to the end of all times.
    let other = builder(&server.url())
        .prefix("other")
        .max_clock_ahead(u64::MAX)
        .connect()
        .unwrap();
    assert_eq!(other.observe(u64::MAX).unwrap(), u64::MAX);
    assert_eq!(
        other.claim(&claim(1, 1000), 0, None).unwrap(),
        Claimed::Forgotten
    );
    let mut last = claim(2, 1000);
    (last.issued, last.keep_until) = (u64::MAX, u64::MAX);
    assert_eq!(other.claim(&last, 0, None).unwrap(), Claimed::Forgotten);
}

/// However the clock of the server is set, and however long ago it was by that clock: only what readers showed counts.
#[test]
fn nothing_on_the_server_has_a_time_to_live() {
    let server = Server::start(&[]);
    let guard = guard(&server.url());
    token(guard.claim(&claim(1, 1000), 1000, None));
    token(guard.claim(&claim(2, 1000), 1000, Some(1)));
    guard.expect(&Digest::of(b"challenge"), 1010, 1000).unwrap();
    for key in ["meta", "entries", "times", "challenges", "challenge-times"] {
        assert_eq!(
            server.command(&format!("TTL {{bulla}}:{key}")),
            ":-1\r\n",
            "{key}"
        );
    }
}

#[test]
fn what_was_forgotten_is_not_revived() {
    let server = Server::start(&[]);
    let guard = guard(&server.url());
    token(guard.claim(&claim(1, 1000), 1000, None));
    assert_eq!(guard.sweep(1100, usize::MAX).unwrap(), 1);
    assert_eq!(server.command("HLEN {bulla}:entries"), ":0\r\n");
    // The greatest age is raised: by the policy the old message would do again, by the guard it does not.
    let mut old = claim(1, 1000);
    old.keep_until = 5000;
    assert_eq!(guard.claim(&old, 1200, None).unwrap(), Claimed::Forgotten);
    assert_eq!(
        guard.claim(&old, 1200, Some(9)).unwrap(),
        Claimed::Forgotten
    );
    // Nor by a reader with a clock of before.
    assert_eq!(
        guard.claim(&claim(1, 1000), 1000, None).unwrap(),
        Claimed::Forgotten
    );
    let mut newer = claim(2, 1001);
    newer.keep_until = 5000;
    token(guard.claim(&newer, 1200, None));
    old.scope = Digest::of(b"other scope");
    token(guard.claim(&old, 1200, None));
}

#[test]
fn quotas() {
    let server = Server::start(&[]);
    let guard = builder(&server.url())
        .limits(100, 10, 20, 5)
        .connect()
        .unwrap();
    let message = |number: u64, signer: u8, stranger: bool| {
        let mut message = claim(number, 1000);
        (message.signer, message.stranger) = ([signer; 32], stranger);
        message
    };
    let fill = |signer: u8, stranger: bool, lease: Option<u64>| {
        (0..200)
            .take_while(|number| {
                let message = message(u64::from(signer) * 1000 + number, signer, stranger);
                match guard.claim(&message, 1000, lease) {
                    Ok(Claimed::New(_)) => true,
                    Err(error) if error == ErrorKind::GuardFull => false,
                    other => panic!("{other:?}"),
                }
            })
            .count()
    };
    assert_eq!(fill(1, true, None), 5);
    assert_eq!(fill(2, true, Some(10)), 5);
    assert_eq!(fill(3, true, None), 0);
    assert_eq!(fill(4, false, None), 20);
    assert_eq!(fill(5, false, Some(10)), 20);
    // What is there already is answered all the same, and room comes back with time.
    assert_eq!(
        guard.claim(&message(1000, 1, true), 1000, None).unwrap(),
        Claimed::Same(vec![])
    );
    let mut later = message(9000, 3, true);
    (later.issued, later.keep_until) = (1100, 1200);
    token(guard.claim(&later, 1100, None));
    guard.sweep(1100, usize::MAX).unwrap();
    assert_eq!(server.command("HLEN {bulla}:entries"), ":1\r\n");
    assert_eq!(server.command("HGET {bulla}:meta p1"), "$1\r\n1\r\n");
    assert_eq!(server.command("HEXISTS {bulla}:meta p0"), ":0\r\n");
}

#[test]
fn a_killed_server_is_a_refusal_and_an_empty_one_is_noticed() {
    let mut server = Server::start(&[]);
    let old = guard(&server.url());
    token(old.claim(&claim(1, 1000), 1000, None));
    server.kill();
    unavailable(|| old.claim(&claim(2, 1000), 1000, None));
    unavailable(|| old.observe(1000));
    unavailable(|| builder(&server.url()).connect());
    // It comes back with nothing: who knew it refuses, and so does who expects the store that was.
    server.start_again();
    let text = unavailable(|| old.claim(&claim(1, 1000), 1000, None));
    assert!(text.contains("lost"), "{text}");
    unavailable(|| old.observe(1000));
    unavailable(|| old.claim(&claim(1, 1000), 1000, Some(5)));
    unavailable(|| {
        builder(&server.url())
            .expect_store(old.store_id())
            .connect()
    });
    // Who does not know begins anew, and then what was accepted is accepted again: documented.
    let new = guard(&server.url());
    assert_ne!(new.store_id(), old.store_id());
    token(new.claim(&claim(1, 1000), 1000, None));
    unavailable(|| old.claim(&claim(3, 1000), 1000, None));
    assert!(
        builder(&server.url())
            .expect_store(new.store_id())
            .connect()
            .is_ok()
    );
}

#[test]
fn what_a_durable_server_keeps_survives_a_kill() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let guard = guard(&server.url());
    for number in 0..200 {
        token(guard.claim(&claim(number, 1000), 1000, None));
    }
    let held = token(guard.claim(&claim(500, 1000), 1000, Some(60)));
    server.kill();
    server.start_again();
    std::thread::sleep(Duration::from_millis(1100));
    for number in 0..200 {
        assert_eq!(
            guard.claim(&claim(number, 1000), 1000, None).unwrap(),
            Claimed::Same(vec![])
        );
    }
    guard.commit(&held, b"receipt").unwrap();
    assert_eq!(
        guard.claim(&claim(500, 1000), 1000, None).unwrap(),
        Claimed::Same(b"receipt".to_vec())
    );
}

/// Killed at any moment while threads claim: each either learns that it was stored, or is refused.
#[test]
fn killed_in_the_middle() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let guard = guard(&server.url());
    let accepted: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4_u64)
            .map(|thread| {
                let guard = &guard;
                scope.spawn(move || {
                    let mut accepted = Vec::new();
                    for number in (thread << 32).. {
                        match guard.claim(&claim(number, 1000), 1000, None) {
                            Ok(Claimed::New(_)) => accepted.push(number),
                            Ok(other) => panic!("{other:?}"),
                            Err(error) => {
                                assert_eq!(error, ErrorKind::GuardUnavailable);
                                return accepted;
                            }
                        }
                    }
                    accepted
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(200));
        server.kill();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(accepted.len() > 10);
    println!("{} accepted before the kill", accepted.len());
    server.start_again();
    let after = self::guard(&server.url());
    for number in accepted {
        assert_eq!(
            after.claim(&claim(number, 1000), 1000, None).unwrap(),
            Claimed::Same(vec![])
        );
    }
}

#[test]
fn a_server_that_hangs_is_a_refusal_in_bounded_time() {
    let server = Server::start(&["--unixsocket", "socket"]);
    let socket = format!("unix://{}", server.folder().join("socket").display());
    let guards = [guard(&server.url()), guard(&socket)];
    server.stop();
    for guard in &guards {
        unavailable(|| guard.claim(&claim(1, 1000), 1000, None));
        unavailable(|| guard.claim(&claim(2, 1000), 1000, Some(10)));
        unavailable(|| guard.observe(1000));
    }
    unavailable(|| builder(&server.url()).connect());
    unavailable(|| builder(&socket).connect());
    // Many at once, more than there are connections: none waits for all the others.
    let began = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..64 {
            let guard = &guards[number as usize % 2];
            scope.spawn(move || {
                let error = guard
                    .claim(
                        &claim(100 + number, 1000),
                        1000,
                        (number % 4 < 2).then_some(5),
                    )
                    .unwrap_err();
                assert_eq!(error, ErrorKind::GuardUnavailable);
            });
        }
    });
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    server.go_on();
    // What was sent may be stored by now: it is a copy then, or still new, and never new twice.
    let mut wins = 0;
    for _ in 0..2 {
        match guards[0].claim(&claim(1, 1000), 1000, None) {
            Ok(Claimed::New(_)) => wins += 1,
            Ok(Claimed::Same(_)) | Err(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(wins <= 1);
    // Once the attempts to connect that hung have come to their end, all is well again.
    let deadline = Instant::now() + Duration::from_secs(5);
    for (guard, number) in guards.iter().zip(998..) {
        while let Err(error) = guard.observe(1000) {
            assert!(Instant::now() < deadline, "{error}");
        }
        token(guard.claim(&claim(number, 1000), 1000, None));
    }
}

/// The connection is cut in the middle of the reply, after each possible number of bytes.
#[test]
fn a_connection_cut_in_the_middle_of_a_reply() {
    let server = Server::start(&[]);
    let proxy = Proxy::before(&server);
    let guard = guard(&proxy.url());
    token(guard.claim(&claim(0, 1000), 1000, None));
    let mut number = 1;
    for lease in [None, Some(60)] {
        // A plain claim's reply is "*2\r\n:1000\r\n:1\r\n".
        for bytes in 0..14 {
            proxy.cut_after(bytes);
            unavailable(|| guard.claim(&claim(number, 1000), 1000, lease));
            proxy.pass();
            // A fresh connection works, and that claim had been stored, or (with a lease) not even tried.
            let again = guard.claim(&claim(number, 1000), 1000, lease).unwrap();
            match lease {
                None => assert_eq!(again, Claimed::Same(vec![])),
                Some(_) => assert!(matches!(again, Claimed::New(_))),
            }
            number += 1;
        }
    }
    // The same for a commit: it was done, and done again it is refused; the receipt is there.
    let held = token(guard.claim(&claim(900, 1000), 1000, Some(60)));
    proxy.cut_after(3);
    unavailable(|| guard.commit(&held, b"receipt"));
    proxy.pass();
    guard.commit(&held, b"receipt").unwrap();
    assert_eq!(
        guard.claim(&claim(900, 1000), 1000, None).unwrap(),
        Claimed::Same(b"receipt".to_vec())
    );
}

#[test]
fn a_wrong_password_is_refused_and_never_told() {
    let server = Server::start(&["--requirepass", "right-secret"]);
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}/", server.port());
    let text = unavailable(|| builder(&url("wrong-secret")).connect());
    assert!(
        text.contains("password") && !text.contains("secret"),
        "{text}"
    );
    unavailable(|| builder(&server.url()).connect());
    let guard = guard(&url("right-secret"));
    token(guard.claim(&claim(1, 1000), 1000, None));
    let shown = format!("{guard:?} {:?}", builder(&url("right-secret")));
    assert!(!shown.contains("secret"), "{shown}");
    let error = RedisGuardBuilder::new("redis://:right-secret@[broken").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
}

/// A user of its own who may do only what the guard needs.
#[test]
fn a_user_with_few_rights() {
    let server = Server::start(&[]);
    let rules = "on >pw ~{bulla}:* +evalsha +eval +ping +time \
        +hmget +hget +hset +hdel +hincrby +hexists +hlen +zadd +zrem +zrangebyscore";
    assert!(
        server
            .command(&format!("ACL SETUSER guard {rules}"))
            .starts_with("+OK")
    );
    let url = format!("redis://guard:pw@127.0.0.1:{}/", server.port());
    // It cannot see whether the server evicts: refused, unless that is allowed.
    let text = unavailable(|| builder(&url).connect());
    assert!(text.contains("maxmemory-policy"), "{text}");
    let guard = builder(&url)
        .allow_unknown_eviction(true)
        .connect()
        .unwrap();
    token(guard.claim(&claim(1, 1000), 1000, None));
    let held = token(guard.claim(&claim(2, 1000), 1000, Some(9)));
    guard.commit(&held, b"receipt").unwrap();
    guard.sweep(2000, 10).unwrap();
    // With another prefix it has no right to anything.
    unavailable(|| {
        builder(&url)
            .allow_unknown_eviction(true)
            .prefix("other")
            .connect()
    });
    assert!(server.command("ACL SETUSER guard +info").starts_with("+OK"));
    assert!(builder(&url).connect().is_ok());
}

#[test]
fn a_server_that_evicts_is_refused() {
    let server = Server::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let text = unavailable(|| builder(&server.url()).connect());
    assert!(text.contains("noeviction"), "{text}");
    unavailable(|| {
        builder(&server.url())
            .allow_unknown_eviction(true)
            .connect()
    });
    server.command("CONFIG SET maxmemory-policy noeviction");
    assert!(builder(&server.url()).connect().is_ok());
}

#[test]
fn a_full_server_refuses_and_forgets_nothing() {
    let server = Server::start(&["--maxmemory", "4mb"]);
    let guard = guard(&server.url());
    let mut accepted = Vec::new();
    let error = loop {
        let number = accepted.len() as u64;
        match guard.claim(&claim(number, 1000), 1000, None) {
            Ok(claimed) => accepted.push(token(Ok(claimed))),
            Err(error) => break error,
        }
        assert!(accepted.len() < 1_000_000);
    };
    assert_eq!(error, ErrorKind::GuardFull);
    println!("{} entries in 4 MB", accepted.len());
    assert!(accepted.len() > 1000);
    assert_eq!(
        guard
            .claim(&claim(1 << 40, 1000), 1000, Some(9))
            .unwrap_err(),
        ErrorKind::GuardFull
    );
    for held in &accepted {
        let mut copy = claim(0, 1000);
        copy.key = held.key;
        assert_eq!(
            guard.claim(&copy, 1000, None).unwrap(),
            Claimed::Same(vec![])
        );
    }
    // With time there is room again.
    token(guard.claim(&claim(1 << 40, 1050), 1100, None));
    guard.sweep(1100, usize::MAX).unwrap();
    token(guard.claim(&claim(1 << 41, 1050), 1100, Some(9)));
}

#[test]
fn a_replica_is_refused_and_a_demoted_master_too() {
    let master = Server::start(&[]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port().to_string()]);
    let text = unavailable(|| builder(&replica.url()).connect());
    assert!(text.contains("replica"), "{text}");
    let (old, other) = (guard(&master.url()), guard(&master.url()));
    token(old.claim(&claim(1, 1000), 1000, None));
    let held = token(other.claim(&claim(2, 1000), 1000, Some(60)));
    while !replica.command("HLEN {bulla}:entries").contains(":2") {
        std::thread::sleep(Duration::from_millis(10));
    }
    // The replica takes over; the old master becomes its replica.
    assert!(replica.command("REPLICAOF NO ONE").starts_with("+OK"));
    assert!(
        master
            .command(&format!("REPLICAOF 127.0.0.1 {}", replica.port()))
            .starts_with("+OK")
    );
    let text = unavailable(|| old.claim(&claim(3, 1000), 1000, None));
    assert!(text.contains("replica"), "{text}");
    unavailable(|| other.commit(&held, b"receipt"));
    unavailable(|| {
        other
            .claim(&claim(1, 1000), 1000, None)
            .and_then(|_| other.claim(&claim(1, 1000), 1000, Some(1)))
    });
    // At the new master everything is known, the lease too.
    let new = builder(&replica.url())
        .expect_store(old.store_id())
        .connect()
        .unwrap();
    assert_eq!(
        new.claim(&claim(1, 1000), 1000, None).unwrap(),
        Claimed::Same(vec![])
    );
    assert_eq!(
        new.claim(&claim(2, 1000), 1000, Some(60)).unwrap(),
        Claimed::Pending
    );
    new.commit(&held, b"receipt").unwrap();
}

#[test]
fn bad_settings_are_told() {
    for url in [
        "",
        "http://example.com/",
        "redis://",
        "rediss://127.0.0.1/#insecure",
        "redis://h:99999/",
    ] {
        assert_eq!(
            RedisGuardBuilder::new(url).unwrap_err(),
            ErrorKind::InvalidInput,
            "{url}"
        );
    }
    let bad = |change: fn(RedisGuardBuilder) -> RedisGuardBuilder| {
        let error = change(RedisGuardBuilder::new("redis://127.0.0.1:1/").unwrap())
            .connect()
            .unwrap_err();
        assert_eq!(error, ErrorKind::InvalidInput, "{error}");
    };
    bad(|builder| builder.prefix(""));
    bad(|builder| builder.prefix("a{b}"));
    bad(|builder| builder.prefix("a b"));
    bad(|builder| builder.expect_store(""));
    bad(|builder| builder.root_certificates(b"pem"));
    unavailable(|| builder("redis://127.0.0.1:1/").connect());
    unavailable(|| builder("redis://no-such-host.invalid/").connect());
}

/// A store of another version, or something else under the same keys.
#[test]
fn what_it_does_not_understand_is_refused() {
    let server = Server::start(&[]);
    let guard = guard(&server.url());
    token(guard.claim(&claim(1, 1000), 1000, None));
    let key: String = claim(1, 0)
        .key
        .as_bytes()
        .iter()
        .map(|byte| format!("\\x{byte:02x}"))
        .collect();
    assert_eq!(
        server.command(&format!("HSET {{bulla}}:entries \"{key}\" rubbish")),
        ":0\r\n"
    );
    unavailable(|| guard.claim(&claim(1, 1000), 1000, None));
    unavailable(|| guard.claim(&claim(1, 1000), 1000, Some(1)));
    assert_eq!(server.command("HSET {bulla}:meta format 2"), ":0\r\n");
    unavailable(|| builder(&server.url()).connect());
    assert_eq!(server.command("SET {other}:meta something"), "+OK\r\n");
    unavailable(|| builder(&server.url()).prefix("other").connect());
}

fn openssl(folder: &std::path::Path, args: &str) {
    let done = Command::new("openssl")
        .args(args.split(' '))
        .current_dir(folder)
        .stderr(Stdio::null())
        .status()
        .expect("openssl is missing: install Debian's package openssl");
    assert!(done.success(), "openssl {args}");
}

#[test]
fn over_tls_only_the_right_certificate_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for ca in ["ca", "other"] {
        openssl(
            folder.path(),
            &format!("req -x509 {key} -keyout {ca}.key -out {ca}.pem -days 2 -subj /CN={ca}"),
        );
    }
    std::fs::write(
        folder.path().join("ext"),
        "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    for name in ["server", "client"] {
        openssl(
            folder.path(),
            &format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"),
        );
        openssl(
            folder.path(),
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem -days 2 -extfile ext"
            ),
        );
    }
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let (ca, other, own, own_key) = (
        read("ca.pem"),
        read("other.pem"),
        read("client.pem"),
        read("client.key"),
    );
    let args = "--tls-cert-file server.pem --tls-key-file server.key --tls-ca-cert-file ca.pem --tls-auth-clients yes";
    let server = Server::start_in(folder, &args.split(' ').collect::<Vec<_>>(), true);
    let url = format!("rediss://localhost:{}/", server.port());
    let with = |url: &str, roots: &[u8]| {
        builder(url)
            .root_certificates(roots)
            .client_certificate(&own, &own_key)
    };
    let guard = with(&url, &ca).connect().unwrap();
    token(guard.claim(&claim(1, 1000), 1000, None));
    assert_eq!(
        guard.claim(&claim(1, 1000), 1000, None).unwrap(),
        Claimed::Same(vec![])
    );
    // Signed by somebody else; for another name; by nobody the system knows; no certificate of one's own; no TLS at all.
    unavailable(|| with(&url, &other).connect());
    unavailable(|| with(&url.replace("localhost", "127.0.0.1"), &ca).connect());
    unavailable(|| builder(&url).client_certificate(&own, &own_key).connect());
    unavailable(|| builder(&url).root_certificates(&ca).connect());
    unavailable(|| builder(&server.url()).connect());
    assert_eq!(
        builder(&url)
            .root_certificates(&ca)
            .client_certificate(&own, b"no key")
            .connect()
            .unwrap_err(),
        ErrorKind::InvalidInput
    );
}
