//! Claims of many threads go to the server together, and each is judged as if it had come alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod conformance;
mod redis_server;

use std::collections::{BTreeMap, HashSet};

use bulla::{Claim, Claimed, Digest, ErrorKind, RedisGuard, ReplayGuard};
use conformance::{claim, token};
use redis_server::{Server, builder};

const THREADS: u64 = 24;
const KNOWN: u64 = 400;
const STRANGERS: u64 = 60;
const OF_ONE: u64 = 50;
const OF_ONE_STRANGER: u64 = 10;

/// Of 18 signers, 8 of them strangers, 80 messages each, the last ten of an age that the guard has forgotten.
fn messages() -> Vec<Claim> {
    (0..80 * 18)
        .map(|number| {
            let signer = number % 18;
            let mut message = claim(number, if number / 18 < 70 { 1000 } else { 900 });
            (message.signer, message.stranger) = ([signer as u8; 32], signer >= 10);
            message.keep_until = 1100 + number % 7;
            message
        })
        .collect()
}

fn field(server: &Server, name: &str) -> u64 {
    let reply = server.command(&format!("HGET {{bulla}}:meta {name}"));
    reply.lines().nth(1).map_or(0, |text| text.parse().unwrap())
}

fn length(server: &Server, command: &str) -> u64 {
    server.command(command).trim()[1..].parse().unwrap()
}

/// What all threads heard who claimed all messages, each beginning at another one.
fn claimed(guard: &RedisGuard, messages: &[Claim]) -> Vec<(usize, Claimed)> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS as usize)
            .map(|thread| {
                scope.spawn(move || {
                    let begin = thread / 2 * 120;
                    let mut heard = Vec::new();
                    for step in 0..messages.len() {
                        let at = (begin + step) % messages.len();
                        match guard.claim(&messages[at], 1000, None) {
                            Ok(answer) => heard.push((at, answer)),
                            Err(error) => assert_eq!(error, ErrorKind::GuardFull),
                        }
                    }
                    heard
                })
            })
            .collect();
        let heard = threads.into_iter().map(|thread| thread.join().unwrap());
        heard.flatten().collect()
    })
}

#[test]
fn each_claim_of_a_batch_is_judged_by_itself() {
    let server = Server::start(&[]);
    let guard = builder(&server.url())
        .limits(
            KNOWN as usize,
            STRANGERS as usize,
            OF_ONE as usize,
            OF_ONE_STRANGER as usize,
        )
        .connect()
        .unwrap();
    let mut old = claim(1_000_000, 900);
    old.keep_until = 950;
    token(guard.claim(&old, 900, None));
    guard.sweep(1000, usize::MAX).unwrap();

    let messages = messages();
    let (mut new, mut of_signer) = (HashSet::new(), BTreeMap::<u8, u64>::new());
    for (at, answer) in claimed(&guard, &messages) {
        let message = &messages[at];
        match answer {
            Claimed::New(_) => {
                assert!(new.insert(at), "{at} was new twice");
                assert_eq!(message.issued, 1000, "{at} was forgotten long ago");
                *of_signer.entry(message.signer[0]).or_default() += 1;
            }
            Claimed::Same(_) => assert_eq!(message.issued, 1000),
            Claimed::Forgotten => assert_eq!(message.issued, 900),
            other => panic!("{other:?}"),
        }
    }
    let known: u64 = of_signer.range(..10).map(|(_, count)| count).sum();
    let strangers: u64 = of_signer.range(10..).map(|(_, count)| count).sum();
    assert_eq!((known, strangers), (KNOWN, STRANGERS));
    for (signer, count) in &of_signer {
        let most = if *signer < 10 {
            OF_ONE
        } else {
            OF_ONE_STRANGER
        };
        assert!(*count <= most, "{count} of signer {signer}");
    }
    // What the server counts is what there is, and each has its place in the index.
    assert_eq!(
        (field(&server, "p0"), field(&server, "p1")),
        (KNOWN, STRANGERS)
    );
    assert_eq!(length(&server, "HLEN {bulla}:entries"), KNOWN + STRANGERS);
    assert_eq!(length(&server, "ZCARD {bulla}:times"), KNOWN + STRANGERS);
    assert_eq!(
        length(&server, "ZCOUNT {bulla}:times 1100 1106"),
        KNOWN + STRANGERS
    );

    // Another value under a key that is there.
    let mut forged = messages[*new.iter().next().unwrap()].clone();
    forged.value = Digest::of(b"another value");
    assert_eq!(guard.claim(&forged, 1000, None).unwrap(), Claimed::Replayed);

    // Each goes when its time is over, and leaves nothing.
    let left = new.iter().filter(|at| messages[**at].keep_until > 1103);
    guard.sweep(1103, usize::MAX).unwrap();
    assert_eq!(length(&server, "HLEN {bulla}:entries"), left.count() as u64);
    guard.sweep(1200, usize::MAX).unwrap();
    assert_eq!(length(&server, "HLEN {bulla}:entries"), 0);
    assert_eq!(length(&server, "ZCARD {bulla}:times"), 0);
    assert_eq!(length(&server, "HEXISTS {bulla}:meta p0"), 0);
}
