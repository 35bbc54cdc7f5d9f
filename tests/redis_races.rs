//! The guard of a fleet, claimed by many at once: one wins each time.
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
use std::time::Duration;

use bulla::{Claimed, Digest, ReplayGuard};
use conformance::{claim, token};
use redis_server::{Server, builder, guard};

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
                        issued: 1000,
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
        issued: 1000,
    });
    assert_eq!(guard.claim(&next, 1000, None).unwrap(), Claimed::Superseded);
    next.place = Some(Place {
        stream,
        number: 400,
        order: Order::Monotonic,
        keep_until: u64::MAX,
        issued: 1000,
    });
    token(guard.claim(&next, 1000, None));
}
