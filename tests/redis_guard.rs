//! The guard of a fleet, over a real `redis-server`: conformance (spec/guard.md), time, quotas, settings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod conformance;
mod redis_server;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulla::{Claimed, Digest, ErrorKind, RedisGuardBuilder, ReplayGuard};
use conformance::{claim, token};
use redis_server::{Server, builder, guard, unavailable};

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

/// Few entries are over, and many challenges: a sweep ends when both are gone.
#[test]
fn a_sweep_drops_all_challenges_too() {
    let server = Server::start(&[]);
    let guard = guard(&server.url());
    token(guard.claim(&claim(1, 1000), 1000, None));
    for number in 0..1200_u64 {
        let challenge = Digest::of(&number.to_be_bytes());
        guard.expect(&challenge, 1010, 1000).unwrap();
    }
    assert_eq!(server.command("HLEN {bulla}:challenges"), ":1200\r\n");
    assert_eq!(guard.sweep(1100, usize::MAX).unwrap(), 1);
    assert_eq!(server.command("HLEN {bulla}:challenges"), ":0\r\n");
    assert_eq!(server.command("ZCARD {bulla}:challenge-times"), ":0\r\n");
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
    bad(|builder| builder.connect_timeout(Duration::ZERO));
    bad(|builder| builder.connect_timeout(Duration::from_millis(60_001)));
    bad(|builder| builder.response_timeout(Duration::from_nanos(999_999)));
    bad(|builder| builder.response_timeout(Duration::MAX));
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
