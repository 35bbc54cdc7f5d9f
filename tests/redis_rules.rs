//! The guard of a fleet answers as the guard in memory does, whatever is asked in whatever order.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod redis_server;

use bulla::{
    Claim, Claimed, Digest, ErrorKind, LeaseToken, MemoryGuard, Order, Place, Rate, RedisGuard,
    RedisGuardBuilder, ReplayGuard,
};
use redis_server::Server;

/// A small generator, so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

fn name(kind: &str, number: u64) -> Digest {
    Digest::of(format!("{kind}{number}").as_bytes())
}

fn any_claim(dice: &mut Dice, now: u64) -> Claim {
    let issued = now.saturating_sub(dice.roll(60));
    let order = match dice.roll(3) {
        0 => Order::Any,
        1 => Order::Monotonic,
        _ => Order::Gapless {
            first: 3,
            window: 9,
        },
    };
    // New streams as time goes on.
    let stream = dice.roll(3) + now / 500;
    let number = if dice.one_in(20) {
        u64::MAX
    } else {
        dice.roll(20)
    };
    Claim {
        key: name("key", dice.roll(40)),
        value: name("value", dice.roll(8) / 7),
        scope: name("scope", dice.roll(2)),
        signer: [dice.roll(4) as u8; 32],
        stranger: dice.one_in(4),
        issued,
        keep_until: if dice.one_in(30) {
            u64::MAX - 5
        } else {
            issued + 20 + dice.roll(80)
        },
        bounded_by_age: dice.one_in(2),
        place: dice.one_in(3).then(|| Place {
            stream: name("stream", stream),
            number,
            order,
            keep_until: issued + 20 + dice.roll(80),
            issued,
        }),
        challenge: dice.one_in(5).then(|| name("challenge", dice.roll(6))),
    }
}

/// Errors by kind, tokens by nothing: each guard has its own.
fn comparable(answer: bulla::Result<Claimed>) -> Result<Claimed, ErrorKind> {
    match answer {
        Ok(Claimed::New(_)) => Ok(Claimed::New(LeaseToken {
            key: name("", 0),
            number: 0,
        })),
        Ok(other) => Ok(other),
        Err(error) => Err(error.kind()),
    }
}

struct Pair {
    memory: MemoryGuard,
    redis: [RedisGuard; 2],
    /// Reservations, by the token of each guard; also stale ones.
    held: Vec<(LeaseToken, LeaseToken)>,
    seen: std::collections::BTreeMap<String, usize>,
}

impl Pair {
    fn both<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        ask: impl Fn(&dyn ReplayGuard) -> bulla::Result<T>,
        which: usize,
    ) {
        let answers = [ask(&self.memory), ask(&self.redis[which])]
            .map(|answer| answer.map_err(|error| error.kind()));
        assert_eq!(answers[0], answers[1], "{what}");
        self.note(what, &answers[0]);
    }

    fn note<T: std::fmt::Debug>(&mut self, what: &str, answer: &Result<T, ErrorKind>) {
        let text = match answer {
            Ok(answer) => format!("{answer:?}"),
            Err(kind) => format!("{kind:?}"),
        };
        let text: String = text
            .chars()
            .take_while(|c| !c.is_ascii_digit())
            .take(12)
            .collect();
        *self.seen.entry(format!("{what} {text}")).or_default() += 1;
    }

    fn claim(&mut self, dice: &mut Dice, now: u64, which: usize) {
        let (claim, lease) = (
            any_claim(dice, now),
            dice.one_in(2).then(|| 5 + dice.roll(20)),
        );
        let answers = [
            self.memory.claim(&claim, now, lease),
            self.redis[which].claim(&claim, now, lease),
        ];
        if let (Ok(Claimed::New(one)), Ok(Claimed::New(other)), Some(_)) =
            (&answers[0], &answers[1], lease)
        {
            self.held.push((*one, *other));
        }
        let [one, other] = answers.map(comparable);
        assert_eq!(one, other, "{claim:?} at {now}");
        self.note("claim", &one);
    }

    /// Does something with a reservation, which may be stale.
    fn act(&mut self, dice: &mut Dice, now: u64, which: usize) {
        let at = self.held.len() - 1 - dice.roll(self.held.len().min(6) as u64) as usize;
        let (one, other) = self.held[at];
        let receipt = now.to_be_bytes();
        let does = dice.roll(4);
        let act = |guard: &dyn ReplayGuard, token: &LeaseToken| {
            match does {
                0 => guard.release(token),
                1 => guard.renew(token, now, 20),
                _ => guard.commit(token, &receipt),
            }
            .map_err(|error| error.kind())
        };
        let answers = [act(&self.memory, &one), act(&self.redis[which], &other)];
        assert_eq!(answers[0], answers[1], "{does} at {now}");
        self.note(
            ["release", "renew", "commit", "commit"][does as usize],
            &answers[0],
        );
    }

    fn turn(&mut self, dice: &mut Dice, now: u64) {
        let which = dice.roll(2) as usize;
        // What is over leaves both at the same time.
        self.both("sweep", |guard| guard.sweep(now, usize::MAX), which);
        match dice.roll(17) {
            0..8 => self.claim(dice, now, which),
            8..12 if !self.held.is_empty() => self.act(dice, now, which),
            12 => {
                // Some that nobody answers.
                let (which_one, lasts) = if dice.one_in(2) {
                    (dice.roll(6), dice.roll(30))
                } else {
                    (6 + dice.roll(40), 900)
                };
                let (challenge, until) = (name("challenge", which_one), now + lasts);
                self.both(
                    "expect",
                    |guard| guard.expect(&challenge, until, now),
                    which,
                );
            }
            13 => {
                let (stream, before) = (name("stream", dice.roll(3) + now / 500), dice.roll(20));
                self.both("skip", |guard| guard.skip(&stream, before), which);
            }
            14 => {
                let what = name("what", dice.roll(3));
                self.both(
                    "permit",
                    |guard| {
                        guard.permit(
                            &what,
                            now,
                            Rate {
                                every: 90,
                                burst: 3,
                            },
                        )
                    },
                    which,
                );
            }
            15 => {
                let stream = name("stream", dice.roll(3) + now / 500);
                self.both("forget", |guard| guard.forget_stream(&stream), which);
            }
            _ => self.both("observe", |guard| guard.observe(now), which),
        }
        let stream = name("stream", dice.roll(3) + now / 500);
        self.both("missing", |guard| guard.missing(&stream), which);
    }
}

/// The word, and as much of the answer as is noted.
fn what_length(answer: &str) -> usize {
    answer.len().min(answer.find(' ').unwrap() + 13)
}

#[test]
fn it_answers_as_the_guard_in_memory() {
    let server = Server::start(&[]);
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for seed in 0..6 {
        // With room for all, and with little.
        let room = if seed % 2 == 0 { 1000 } else { 12 };
        let limits = (room, room / 4, room / 2, room / 8);
        let connect = || {
            RedisGuardBuilder::new(&server.url())
                .unwrap()
                .prefix(&format!("seed{seed}"))
                .limits(limits.0, limits.1, limits.2, limits.3)
                .connect()
                .unwrap()
        };
        let mut pair = Pair {
            memory: MemoryGuard::with_limits(limits.0, limits.1, limits.2, limits.3),
            redis: [connect(), connect()],
            held: Vec::new(),
            seen: std::collections::BTreeMap::new(),
        };
        let mut dice = Dice(seed);
        let mut clock = 10_000;
        for _ in 0..2000 {
            clock += dice.roll(4);
            // Some clocks are behind.
            let now = if dice.one_in(10) {
                clock - dice.roll(200)
            } else {
                clock
            };
            pair.turn(&mut dice, now);
        }
        for (answer, count) in pair.seen {
            *seen.entry(answer).or_default() += count;
        }
    }
    check_that_enough_happened(&seen);
}

/// Every kind of answer was given, and often enough to mean something.
fn check_that_enough_happened(seen: &std::collections::BTreeMap<String, usize>) {
    println!("{seen:#?}");
    for answer in [
        "claim New",
        "claim Same",
        "claim Forgotten",
        "claim Pending",
        "claim Unasked",
        "claim Superseded",
        "claim Gap",
        "claim Replayed",
        "claim GuardFull",
        "commit ()",
        "commit LeaseLost",
        "renew ()",
        "release ()",
        "permit true",
        "permit false",
        "missing [",
        "forget true",
        "forget false",
        "expect GuardFull",
    ] {
        let count: usize = seen
            .iter()
            .filter(|(seen, _)| seen.starts_with(answer.get(..what_length(answer)).unwrap()))
            .map(|(_, count)| count)
            .sum();
        assert!(count >= 10, "{answer}: {count}");
    }
}
