//! Times against the table of spec/opening.md §4: every bound, in the very second and in those beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use bulla::{
    Clock, DEFAULT_MAX_AGE, DEFAULT_SKEW, ErrorKind, FixedClock, Identity, MAX_SKEW, MemoryGuard,
    Opener, Policy, Replay, ReplayGuard, Senders, SessionCache,
};
use bulla_forge::{CONTEXT, Forge, Layout, NOW, Person};
use common::{identity, key};
use std::sync::atomic::{AtomicU64, Ordering};

/// Everything that the table looks at.
#[derive(Clone, Copy, Debug)]
struct Times {
    issued: u64,
    expires: Option<u64>,
    max_age: Option<u64>,
    skew: u64,
    now: u64,
    guarded: bool,
}

/// The table, in numbers that do not overflow and stop where those of the format do.
fn table(times: &Times) -> Option<ErrorKind> {
    let sum = |parts: &[u64]| {
        let sum: u128 = parts.iter().copied().map(u128::from).sum();
        u64::try_from(sum).unwrap_or(u64::MAX)
    };
    let Times {
        issued, now, skew, ..
    } = *times;
    let skew = skew.min(3600);
    if issued > sum(&[now, skew]) {
        Some(ErrorKind::NotYetValid)
    } else if times.expires.is_some_and(|end| now >= sum(&[end, skew])) {
        Some(ErrorKind::Expired)
    } else if times
        .max_age
        .is_some_and(|age| now >= sum(&[issued, age, skew]))
    {
        Some(ErrorKind::TooOld)
    } else if times.guarded && times.expires.is_none() && times.max_age.is_none() {
        Some(ErrorKind::Unbounded)
    } else {
        None
    }
}

struct Moving(AtomicU64);

impl Clock for Moving {
    fn now(&self) -> bulla::Result<u64> {
        Ok(self.0.load(Ordering::Relaxed))
    }
}

struct Reader {
    alice: Person,
    bob: Person,
    keys: Identity,
    /// Spares the Diffie-Hellman: all envelopes have one ephemeral key.
    cache: SessionCache,
}

impl Reader {
    fn new() -> Self {
        let (alice, bob) = (Person::new("alice"), Person::new("bob"));
        Self {
            keys: identity(&bob),
            cache: SessionCache::new(10),
            alice,
            bob,
        }
    }

    fn envelope(&self, issued: u64, expires: Option<u64>) -> Vec<u8> {
        Forge::sealed(&self.alice, &[&self.bob])
            .with(|f| (f.stamp.issued, f.stamp.expires) = (issued, expires))
            .seal()
            .envelope
    }

    fn policy(&self, times: &Times) -> Policy {
        Policy::new(CONTEXT, Senders::only([key(&self.alice)]))
            .unwrap()
            .max_age(times.max_age)
            .skew(times.skew)
    }

    fn agrees(&self, envelope: &[u8], times: &Times) {
        let (policy, clock, guard) = (
            self.policy(times),
            FixedClock(times.now),
            MemoryGuard::new(10),
        );
        let replay = match times.guarded {
            true => Replay::Guarded(&guard),
            false => Replay::Unguarded,
        };
        let opened = Opener::with_clock(&self.keys, &policy, replay, &clock)
            .with_cache(&self.cache)
            .open(envelope);
        assert_eq!(
            opened.err().map(|error| error.kind()),
            table(times),
            "{times:?}"
        );
    }
}

/// Times so small that every second of every bound comes up, alone and together with the others.
#[test]
fn every_second_of_a_small_world() {
    let reader = Reader::new();
    let some = |most: u64| [None].into_iter().chain((0..=most).map(Some));
    let mut count = 0;
    for issued in 0..4 {
        for expires in some(4) {
            let envelope = reader.envelope(issued, expires);
            for (max_age, skew) in some(2).flat_map(|age| (0..3).map(move |skew| (age, skew))) {
                for (now, guarded) in (0..9).flat_map(|now| [(now, true), (now, false)]) {
                    let times = Times {
                        issued,
                        expires,
                        max_age,
                        skew,
                        now,
                        guarded,
                    };
                    reader.agrees(&envelope, &times);
                    count += 1;
                }
            }
        }
    }
    println!("{count} combinations of times");
    assert_eq!(count, 4 * 6 * 4 * 3 * 9 * 2);
}

/// Each bound with each skew: where it is, and where it would be with the skew twice, or not at all.
#[test]
fn every_skew_at_its_edges() {
    let reader = Reader::new();
    let (end, age) = (NOW + 20_000, 10_000);
    let bounds = [
        (reader.envelope(NOW, Some(u64::MAX)), Some(u64::MAX), None),
        (reader.envelope(NOW, Some(end)), Some(end), None),
        (reader.envelope(NOW, None), None, Some(age)),
    ];
    let skews = [0, 1, 2, 59, 119, 120, 121, 1800, 1801, 3599, 3600];
    for skew in skews.into_iter().chain([3601, 7200, u64::MAX]) {
        for (envelope, expires, max_age) in &bounds {
            for times_skew in [0, 1, 2] {
                let shift = times_skew * skew.min(MAX_SKEW);
                for edge in [NOW - shift, end + shift, NOW + age + shift] {
                    for (now, guarded) in
                        (edge - 2..=edge + 2).flat_map(|now| [(now, true), (now, false)])
                    {
                        let times = Times {
                            issued: NOW,
                            expires: *expires,
                            max_age: *max_age,
                            skew,
                            now,
                            guarded,
                        };
                        reader.agrees(envelope, &times);
                    }
                }
            }
        }
    }
}

#[test]
fn what_nobody_said_is_two_minutes_and_thirty_days() {
    assert_eq!(
        (DEFAULT_SKEW, MAX_SKEW, DEFAULT_MAX_AGE),
        (120, 3600, 2_592_000)
    );
    let reader = Reader::new();
    let policy = Policy::new(CONTEXT, Senders::only([key(&reader.alice)])).unwrap();
    let envelope = reader.envelope(NOW, None);
    let at = |now: u64| {
        let clock = FixedClock(now);
        let opener = Opener::with_clock(&reader.keys, &policy, Replay::Unguarded, &clock);
        opener.open(&envelope).map(drop).map_err(|e| e.kind())
    };
    assert_eq!(at(NOW - 121), Err(ErrorKind::NotYetValid));
    assert_eq!(at(NOW - 120), Ok(()));
    assert_eq!(at(NOW + 2_592_119), Ok(()));
    assert_eq!(at(NOW + 2_592_120), Err(ErrorKind::TooOld));
}

/// A stream whose stamp was judged in time, and that ends at some other time (step 7): judged again if there is a guard,
/// by the same bounds.
#[test]
fn the_end_of_a_stream_is_judged_by_the_same_bounds() {
    let reader = Reader::new();
    for skew in [0, 1, 120, 3600] {
        for (expires, max_age, edge) in [
            (Some(NOW + 500), None, NOW + 500 + skew),
            (None, Some(1000), NOW + 1000 + skew),
        ] {
            let sealed = Forge::sealed(&reader.alice, &[&reader.bob])
                .with(|f| (f.stamp.issued, f.stamp.expires) = (NOW, expires))
                .with(|f| (f.layout, f.content) = (Layout::LengthUnknown, vec![1; 20_000]))
                .seal();
            for (now, guarded) in (edge - 2..=edge + 2).flat_map(|now| [(now, true), (now, false)])
            {
                let times = Times {
                    issued: NOW,
                    expires,
                    max_age,
                    skew,
                    now,
                    guarded,
                };
                let (policy, clock, guard) = (
                    reader.policy(&times),
                    Moving(AtomicU64::new(NOW)),
                    MemoryGuard::new(10),
                );
                let replay = match guarded {
                    true => Replay::Guarded(&guard),
                    false => Replay::Unguarded,
                };
                let mut stream = Opener::with_clock(&reader.keys, &policy, replay, &clock).stream();
                let mut out = Vec::new();
                stream
                    .update_provisional(&sealed.envelope, &mut out)
                    .unwrap();
                assert!(stream.stamp().is_some());
                clock.0.store(now, Ordering::Relaxed);
                let ended = stream.finish(&mut out).err().map(|error| error.kind());
                assert_eq!(ended, table(&times).filter(|_| guarded), "{times:?}");
            }
        }
    }
}

/// The guard was shown a later time than the clock tells now: that one counts, with the skew once.
#[test]
fn the_high_water_mark_counts_for_the_clock() {
    let reader = Reader::new();
    for skew in [0, 1, 120, 3600] {
        for (expires, max_age, edge) in [
            (Some(NOW + 500), None, NOW + 500 + skew),
            (None, Some(1000), NOW + 1000 + skew),
            (Some(NOW + 50_000), None, NOW - skew),
        ] {
            let envelope = reader.envelope(NOW, expires);
            for now in edge - 2..=edge + 2 {
                let times = Times {
                    issued: NOW,
                    expires,
                    max_age,
                    skew,
                    now,
                    guarded: true,
                };
                let (policy, guard) = (reader.policy(&times), MemoryGuard::new(10));
                guard.observe(now).unwrap();
                let clock = FixedClock(now - 10_000);
                let opened =
                    Opener::with_clock(&reader.keys, &policy, Replay::Guarded(&guard), &clock)
                        .open(&envelope);
                assert_eq!(
                    opened.err().map(|error| error.kind()),
                    table(&times),
                    "{times:?}"
                );
            }
        }
    }
}
