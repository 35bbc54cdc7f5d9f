//! The guard of a fleet, with a server that is killed, hangs, is cut off, is full, or becomes a replica.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod conformance;
mod redis_server;

use std::time::{Duration, Instant};

use bulla::{Claimed, ErrorKind, ReplayGuard};
use conformance::{claim, token};
use redis_server::{Proxy, Server, builder, guard, unavailable};

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
