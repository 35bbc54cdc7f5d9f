//! Scripts for the target `calls` that come far. Together they call every function with success: `reached` checks that.

use super::calls_failing::failing;
use super::calls_later::{beside, damaged, leases, posts, stores};
use super::steps::*;

/// A message all the way, in pieces, in each way, with the guard of the library or one of the host's.
fn scenes() -> Vec<(String, Vec<u8>)> {
    let mut scenes = Vec::new();
    for way in 0..8 {
        for (name, bits, mood) in [
            ("memory", 4, &[][..]),
            ("host", 7, &[1, 0]),
            ("few-functions", 5, &[1, 0]),
            ("bad-host", 7, &[9, 60]),
        ] {
            let head = [SCENE, way << 5 | bits];
            let rest = [2, 100, 50, 0, 1, 0, 0, 30, 0, 0, 0, 0, 0, 0, 10, 1, 5];
            scenes.push((format!("scene-{way}-{name}"), [&head, mood, &rest].concat()));
        }
    }
    scenes
}

fn keys() -> Vec<Vec<u8>> {
    let of = |identity, number, rest: &[u8]| [&[KEY, identity, 1, number], rest].concat();
    let mut steps = vec![
        of(0, 0, &[2, L, 1]),
        of(0, 0, &[3, 0]),
        of(0, 0, &[3, 1, 70]),
        of(0, 0, &[4]),
        of(L, 5, &[6]),
        of(L, 0, &[5, 0]),
        of(L, 0, &[5, 0]),
        of(L, N, &[7]),
        of(L, 0, &[5, 2]),
        of(L, 0, &[5, 3]),
        of(L, 0, &[8]),
        of(0, 0, &[&[9][..], &OUT].concat()),
        of(0, 0, &[&[10][..], &OUT].concat()),
        of(0, 0, &[&[11][..], &OUT].concat()),
        // A key file, from its text.
        vec![MAKE, 0, 1, 1],
        vec![MAKE, L, 0],
        sealed(),
    ];
    // Bob's keys are elsewhere, and decapsulate or multiply; now and then with nonsense.
    for (how, rate) in [(5, 0), (9, 0), (5, 90), (9, 90)] {
        steps.push(of(0, 0, &[0, 7, rate, how]));
        steps.push([&[MAKE, L, 6][..], &[L, L, 0]].concat());
        steps.push(opened(12));
        steps.push(vec![ANSWER, L, 1, 0, 2]);
        // He signs, too.
        steps.push(vec![MAKE, L, 4]);
        steps.push(vec![DESCRIBE, 0, L, 1, 0, 0, 7]);
        steps.push([&[SEAL][..], &OUT_2, &[0, L, 0], &ABC].concat());
    }
    steps
}

fn drafts() -> Vec<Vec<u8>> {
    let mut steps = vec![
        vec![MAKE, 0, 2, 200],
        described(199, &[0]),
        described(231, &[1]),
        described(0, &[&[2][..], &ABC].concat()),
        described(5, &[&[3][..], &ABC].concat()),
        ASK_RECEIPTS.to_vec(),
        vec![DESCRIBE, 0, 0, 0, 0, 0, 7],
        described(1, &[10]),
        described(2, &[12]),
        vec![MAKE, 0, 13],
        described(0, &[13, L]),
        described(0, &[&[14][..], &ABC].concat()),
        described(0, &[15, 0]),
        vec![DESCRIBE, 0, 1, 0, 0, 0, 9],
        sealed(),
        described(0, &[6]),
        [&[SEAL][..], &OUT, &[1, 0, 0], &ABC].concat(),
        [&[SEAL][..], &OUT, &[2, 0, 0], &ABC].concat(),
        // In pieces: sealed, signed, and beside the content.
        [&[SEAL][..], &OUT_2, &[3, 0, 0, 3]].concat(),
        [&[SEAL][..], &OUT_2, &[5, L], &ABC].concat(),
        [&[SEAL][..], &OUT_2, &[10, L]].concat(),
        [&[SEAL][..], &OUT_2, &[7, L]].concat(),
        [&[SEAL][..], &OUT_2, &[4, 0, 0, 3]].concat(),
        [&[SEAL][..], &OUT_2, &[5, L], &ABC].concat(),
        [&[SEAL][..], &OUT_2, &[7, L]].concat(),
        [&[SEAL][..], &OUT, &[9, 0, 0, L, 0]].concat(),
        [&[SEAL][..], &OUT, &[9, 0, 0, L, 1], &ABC].concat(),
        [&[SEAL][..], &OUT, &[9, 0, 0, L, 2]].concat(),
    ];
    steps.extend(signed_is_read());
    steps
}

/// What was signed, by whoever, and what readers without a guard and other clocks say.
fn signed_is_read() -> Vec<Vec<u8>> {
    let mut steps = Vec::new();
    // Whoever reads what was signed, and beside it (the sixth envelope), at once and in pieces.
    steps.push(vec![MAKE, 0, 6, L, L, 3]);
    steps.push([&[OPEN, L][..], &OUT, &[0, 6, 1]].concat());
    // Another guard: it is the same message, signed once more.
    steps.push(vec![MAKE, 0, 5, 50, 50]);
    steps.push(vec![MAKE, 0, 6, L, L, 3]);
    steps.push([&[OPEN, L][..], &OUT, &[2, 3, 6, 2, 0]].concat());
    steps.push([&[OPEN, L][..], &OUT, &[2, 2, 6, 2]].concat());
    steps.push(vec![MAKE, 0, 5, 50, 50]);
    steps.push(vec![MAKE, 0, 6, L, L, 3]);
    steps.push([&[OPEN, L][..], &OUT, &[13, L, 0, 6, 5]].concat());
    steps.push([&[OPEN, L][..], &OUT, &[13, L, 2], &ABC].concat());
    steps.push([&[OPEN, L][..], &OUT, &[13, L, 3]].concat());
    // Readers without a guard, of all kinds.
    for kind in [&[5][..], &[6], &[7, 0], &[7, 1]] {
        steps.push([&[MAKE, 1, 6, L, L][..], kind].concat());
        steps.push(opened(0));
        steps.push(vec![ANSWER, 0, 0, 0, 15, L, L, L, L]);
    }
    // By other clocks.
    steps.push(vec![MAKE, 0, 4]);
    steps.push(vec![DESCRIBE, 0, L, 1, 0, 0, 7]);
    steps.push(vec![DESCRIBE, 0, L, 1, 0, 0, 11]);
    steps.push(BOB.to_vec());
    steps.push(vec![MAKE, 0, 11, 7, 0]);
    steps.push(vec![RULE, 0, L, 0, 0, L, 10]);
    steps.push([&[SEAL][..], &OUT, &[0, L, 0], &ABC].concat());
    steps.push([&[OPEN, L][..], &OUT, &[0, 6, 6]].concat());
    steps
}

fn rules() -> Vec<Vec<u8>> {
    let mut steps = vec![ruled(0, &[8])];
    for (number, kind) in [(0, 0), (1, 3), (0, 4), (100, 5), (100, 7), (212, 2), (0, 9)] {
        steps.push(ruled(number, &[kind]));
    }
    steps.push(BOB.to_vec());
    steps.push(ruled(0, &[11]));
    steps.push(sealed());
    steps.push(opened(0));
    steps.push([&[ANSWER, 0, 0, 0, 12, L][..], &OUT, &[L]].concat());
    steps.push([&[ANSWER, 0, 0, 0, 15][..], &[L, L, L, L]].concat());
    // A verifier's name, a receipter's clock.
    steps.push(ruled(0, &[12]));
    steps.push(vec![MAKE, 0, 6, L, L, 3]);
    steps.push(ruled(0, &[10]));
    steps.push(ruled(0, &[14, 1]));
    steps
}

/// A stream with gaps, and a challenge, with the guard of the library, a durable one, and one of the host's.
fn guards(make: &[&[u8]]) -> Vec<Vec<u8>> {
    let of = |number, rest: &[u8]| [&[GUARDING, L, L, number, 0, L], rest].concat();
    let mut steps: Vec<Vec<u8>> = make.iter().map(|it| it.to_vec()).collect();
    steps.extend([
        ruled(0, &[8]),
        ruled(0, &[9]),
        ruled(212, &[2]),
        ruled(2, &[1, 10]),
        BOB.to_vec(),
        described(5, &[&[3][..], &ABC].concat()),
        sealed(),
        opened(0),
        of(0, &[1]),
        of(3, &[2]),
        of(0, &[6]),
        of(10, &[7, 1]),
        of(10, &[7, 0]),
        of(0, &[3]),
        of(0, &[&[9][..], &OUT].concat()),
        // The next one answers a challenge.
        ruled(1, &[6]),
        BOB.to_vec(),
        of(210, &[4]),
        described(0, &[16]),
        described(6, &[&[3][..], &ABC].concat()),
        sealed(),
        [&[OPEN, L][..], &OUT, &[0, 6, 1]].concat(),
        [&[OPEN, L][..], &OUT, &[0, 6, 1]].concat(),
        of(0, &[0, 10]),
    ]);
    steps
}

/// All of them, with a name each.
pub fn scripts() -> Vec<(String, Vec<u8>)> {
    let durable: &[&[u8]] = &[
        &[GUARDING, 0, 0, 0, 0, 0, 10, 0],
        &[GUARDING, 0, 0, 0, 0, 0, 11, L],
    ];
    let mut all = scenes();
    for (name, steps) in [
        ("keys", keys()),
        ("drafts", drafts()),
        ("rules", rules()),
        ("guard", guards(&[])),
        ("guard-durable", guards(durable)),
        ("guard-host", guards(&[&[MAKE, 0, 12, 7, 0, 0]])),
        ("guard-few-functions", guards(&[&[MAKE, 0, 12, 7, 0, 1]])),
        ("guard-bad-host", guards(&[&[MAKE, 0, 12, 7, 90, 0]])),
        ("leases", leases(&[MAKE, 0, 5, 50, 50])),
        ("leases-host", leases(&[MAKE, 0, 12, 7, 0, 0])),
        ("damaged", damaged()),
        ("stores", stores()),
        ("beside", beside()),
        ("posts", posts()),
        ("failing", failing()),
    ] {
        all.push((name.to_owned(), steps.concat()));
    }
    all
}
