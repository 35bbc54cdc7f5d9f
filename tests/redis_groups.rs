//! Claims of many threads go to the server together, and each is judged as if it had come alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod conformance;
mod redis_server;

use bulla::{Claim, Claimed, Digest, Error, ErrorKind, RedisGuard, ReplayGuard};
use conformance::{claim, token};
use redis_server::{Server, builder};

const THREADS: u64 = 16;
/// After something unusual some batches go to the script that can do everything; this many rounds later they do not any more.
const USUAL: u64 = 10;
const ROUNDS: u64 = 200;
const KNOWN: u64 = 4000;
const STRANGERS: u64 = 40;
const OF_ONE: u64 = 100;

/// Of how many signers another number is noted than there are entries of.
const MISCOUNTED: &str = "local counts, wrong = {}, 0 \
    for _, record in ipairs(redis.call('HVALS', KEYS[2])) do \
        local field = 'q' .. record:sub(2, 2) .. record:sub(68, 99) \
        counts[field] = (counts[field] or 0) + 1 \
    end \
    for field, count in pairs(counts) do \
        if tonumber(redis.call('HGET', KEYS[1], field)) ~= count then wrong = wrong + 1 end \
    end \
    return wrong";
/// How many names in the index begin as one before them.
const MADE_TOGETHER: &str = "local seen, alike = {}, 0 \
    for _, name in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do \
        if seen[name:sub(1, 8)] then alike = alike + 1 end \
        seen[name:sub(1, 8)] = true \
    end \
    return alike";

type Answer = Result<Claimed, Error>;

/// A message that nobody has had, of one of many signers, to one of two readers.
fn new(number: u64) -> Claim {
    let mut message = of((number % 101) as u8, false, number);
    message.keep_until = 1100 + number % 7;
    message
}

/// All at once, each in a thread of its own: those that come while the first is under way go together.
fn together(guard: &RedisGuard, messages: &[Claim]) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = messages
            .iter()
            .map(|message| scope.spawn(|| guard.claim(message, 1000, None)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn is_new(answer: &Answer) -> bool {
    matches!(answer, Ok(Claimed::New(_)))
}

fn is_full(answer: &Answer) -> bool {
    matches!(answer, Err(error) if *error == ErrorKind::GuardFull)
}

fn number(server: &Server, command: &str) -> u64 {
    let reply = server.command(command);
    let last = reply.lines().last().unwrap();
    last.trim_start_matches(':').parse().unwrap()
}

fn eval(script: &str) -> String {
    format!("EVAL \"{script}\" 3 {{bulla}}:meta {{bulla}}:entries {{bulla}}:times")
}

/// A guard with a sweep mark, a signer (250) who has all that one may, and no room for strangers.
fn prepared(server: &Server) -> RedisGuard {
    let guard = builder(&server.url())
        .limits(
            KNOWN as usize,
            STRANGERS as usize,
            OF_ONE as usize,
            STRANGERS as usize,
        )
        .connect()
        .unwrap();
    let mut old = claim(u64::MAX, 900);
    old.keep_until = 950;
    token(guard.claim(&old, 900, None));
    guard.sweep(1000, usize::MAX).unwrap();
    for number in 0..OF_ONE {
        token(guard.claim(&of(250, false, 1_000_000 + number), 1000, None));
    }
    assert_eq!(filled(&guard, 251, true, 2_000_000), STRANGERS);
    guard
}

fn of(signer: u8, stranger: bool, number: u64) -> Claim {
    let mut message = claim(number, 1000);
    (message.signer, message.stranger) = ([signer; 32], stranger);
    if number.is_multiple_of(3) {
        message.scope = Digest::of(b"another scope");
    }
    message
}

/// How many of a signer are accepted until no more are.
fn filled(guard: &RedisGuard, signer: u8, stranger: bool, from: u64) -> u64 {
    let mut accepted = 0;
    for round in 0..20 {
        let from = from + round * THREADS;
        let messages: Vec<_> = (from..from + THREADS)
            .map(|number| of(signer, stranger, number))
            .collect();
        let answers = together(guard, &messages);
        assert!(answers.iter().all(|it| is_new(it) || is_full(it)));
        accepted += answers.iter().filter(|it| is_new(it)).count() as u64;
    }
    accepted
}

/// One that is not new among those of a round, and whether this is the right answer to it.
fn unusual(round: u64, others: &[Claim]) -> (Claim, fn(&Answer) -> bool) {
    let before = new((round - 1) * THREADS);
    match round / USUAL % 6 {
        0 => (before, |answer| matches!(answer, Ok(Claimed::Same(_)))),
        1 => {
            let value = Digest::of(b"another");
            let forged = Claim { value, ..before };
            (forged, |answer| matches!(answer, Ok(Claimed::Replayed)))
        }
        2 => {
            let old = Claim {
                keep_until: 1100,
                ..claim(3_000_000 + round, 900)
            };
            (old, |answer| matches!(answer, Ok(Claimed::Forgotten)))
        }
        3 => (of(250, false, 4_000_000 + round), is_full),
        4 => (of(252, true, 5_000_000 + round), is_full),
        // A twin of one of the others: which of the two wins is told below.
        _ => (others[7].clone(), |answer| {
            matches!(answer, Ok(Claimed::Same(_) | Claimed::New(_)))
        }),
    }
}

#[test]
fn each_claim_of_a_batch_is_judged_by_itself() {
    let server = Server::start(&[]);
    let guard = prepared(&server);
    assert_eq!(filled(&guard, 249, false, 7_000_000), OF_ONE);
    let mut accepted = 2 * OF_ONE;
    for round in 1..=ROUNDS {
        let mut messages: Vec<_> = (round * THREADS..(round + 1) * THREADS).map(new).collect();
        if round % USUAL != 0 {
            assert!(together(&guard, &messages).iter().all(is_new), "{round}");
            accepted += THREADS;
            continue;
        }
        let (other, is_right) = unusual(round, &messages);
        messages[15] = other;
        let answers = together(&guard, &messages);
        assert!(is_right(&answers[15]), "{round}: {:?}", answers[15]);
        let won = answers.iter().filter(|answer| is_new(answer)).count() as u64;
        assert_eq!(won, THREADS - 1, "{round}");
        accepted += won;
    }
    // The place that is left is taken, and no more.
    while accepted < KNOWN {
        let from = 6_000_000 + accepted;
        let answers = together(&guard, &(from..from + THREADS).map(new).collect::<Vec<_>>());
        let won = answers.iter().filter(|answer| is_new(answer)).count() as u64;
        assert!(
            answers
                .iter()
                .all(|answer| is_new(answer) || is_full(answer))
        );
        assert_eq!(won, THREADS.min(KNOWN - accepted));
        accepted += won;
    }
    everything_is_counted_and_goes(&server, &guard);
}

/// What the server counts is what there is, each has its place in the index, and goes when its time is over.
fn everything_is_counted_and_goes(server: &Server, guard: &RedisGuard) {
    let entries = || number(server, "HLEN {bulla}:entries");
    assert_eq!(number(server, "HGET {bulla}:meta p0"), KNOWN);
    assert_eq!(number(server, "HGET {bulla}:meta p1"), STRANGERS);
    assert_eq!(entries(), KNOWN + STRANGERS);
    assert_eq!(number(server, "ZCARD {bulla}:times"), KNOWN + STRANGERS);
    assert_eq!(number(server, &eval(MISCOUNTED)), 0);
    // Names that begin alike were made together.
    assert!(number(server, &eval(MADE_TOGETHER)) > KNOWN / 4);
    let left = number(server, "ZCOUNT {bulla}:times (1103 +inf");
    assert!(left > KNOWN / 3);
    guard.sweep(1103, usize::MAX).unwrap();
    assert_eq!(entries(), left);
    assert_eq!(number(server, "HGET {bulla}:meta p0"), left);
    assert_eq!(number(server, &eval(MISCOUNTED)), 0);
    guard.sweep(1200, usize::MAX).unwrap();
    assert_eq!((entries(), number(server, "ZCARD {bulla}:times")), (0, 0));
    assert_eq!(number(server, "HEXISTS {bulla}:meta p0"), 0);
}
