//! Scripts for the target `calls` that come far. Together they call every function with success: `reached` checks that.
//!
//! A step is a number of `World::step` and what that reads: mostly which handles, then which call, then the rest.

/// The handle that was made last.
const L: u8 = 254;
/// No handle.
const N: u8 = 255;
/// The first buffer, as a place for what a call gives; and the second one.
const OUT: [u8; 2] = [0, 0];
const OUT_2: [u8; 2] = [0, 1];
/// Three bytes as an input, no bytes, and the first envelope that was made.
const ABC: [u8; 5] = [0, 3, b'a', b'b', b'c'];
const EMPTY: [u8; 2] = [0, 0];
const ENVELOPE: [u8; 2] = [6, 0];

const MAKE: u8 = 0;
const SCENE: u8 = 1;
const DESCRIBE: u8 = 3;
const RULE: u8 = 4;
const SEAL: u8 = 5;
const OPEN: u8 = 8;
const ANSWER: u8 = 11;
const ARMOR: u8 = 13;
const AUDIT: u8 = 14;
const FILE: u8 = 15;
const STORE: u8 = 16;
const KEY: u8 = 17;
const GUARDING: u8 = 18;
const POST: u8 = 19;
const LOOK: u8 = 21;
const CLEAR: u8 = 22;
const DROP: u8 = 23;

/// Alice seals three bytes to Bob.
fn sealed() -> Vec<u8> {
    [&[SEAL][..], &OUT, &[0, 0, 0], &ABC].concat()
}

/// As that, more than a chunk, so that the stamp is known before the end.
fn sealed_long() -> Vec<u8> {
    [&[SEAL][..], &OUT, &[0, 0, 0, 9, 0, 200]].concat()
}

/// Something is done with the newest opener and the first envelope, without a place for content or with one.
fn opened(kind: u8) -> Vec<u8> {
    [&[OPEN, L][..], &OUT, &[kind], &ENVELOPE].concat()
}

/// The draft and Alice's sealer are told something; the public identity is Bob's.
fn described(number: u8, rest: &[u8]) -> Vec<u8> {
    [&[DESCRIBE, 0, 0, 1, 0, number], rest].concat()
}

fn ruled(number: u8, rest: &[u8]) -> Vec<u8> {
    [&[RULE, L, L, number, 0, 0], rest].concat()
}

/// Bob's opener with the newest policy and guard.
const BOB: [u8; 6] = [MAKE, 1, 6, L, L, 0];
/// Waits for a receipt of each kind, for Alice.
const ASK_RECEIPTS: [u8; 7] = [DESCRIBE, 0, 0, 0, 0, 7, 4];

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
        [&[SEAL][..], &OUT_2, &[7, L]].concat(),
        [&[SEAL][..], &OUT_2, &[4, 0, 0, 3]].concat(),
        [&[SEAL][..], &OUT_2, &[5, L], &ABC].concat(),
        [&[SEAL][..], &OUT_2, &[7, L]].concat(),
        [&[SEAL][..], &OUT, &[9, 0, 0, L, 0]].concat(),
        [&[SEAL][..], &OUT, &[9, 0, 0, L, 1], &ABC].concat(),
        [&[SEAL][..], &OUT, &[9, 0, 0, L, 2]].concat(),
    ];
    // Whoever reads what was signed, and beside it (the sixth envelope), at once and in pieces.
    steps.push(vec![MAKE, 0, 6, L, L, 3]);
    steps.push([&[OPEN, L][..], &OUT, &[0, 6, 1]].concat());
    steps.push([&[OPEN, L][..], &OUT, &[2, 6, 2], &ABC].concat());
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

/// Reserved, and all that may become of that; a copy of it is answered each time.
fn leases(make: &[u8]) -> Vec<Vec<u8>> {
    let mut steps = vec![ASK_RECEIPTS.to_vec(), sealed()];
    for (number, ends) in [
        (60, &[3][..]),
        (0, &[2]),
        (130, &[0, 0, 1, b'x']),
        (0, &[1]),
        (0, &[4]),
        (3, &[6]),
        (0, &[7]),
    ] {
        steps.push(make.to_vec());
        steps.push(BOB.to_vec());
        steps.push(opened(12));
        steps.push([&[ANSWER, L, 1, number], ends].concat());
        steps.push(opened(12));
        // The receipt comes back.
        steps.push(vec![ANSWER, 0, 0, 0, 10, 0, L, N, L, 1, L]);
        steps.push(vec![ANSWER, 0, 0, 0, 10, 0, L, N, L, 2, 1]);
        steps.push([&[ANSWER, 0, 0, 0, 10, 0, L, N, L, 3][..], &OUT_2].concat());
        steps.push(vec![LOOK, 3, L]);
        steps.push(vec![ANSWER, 0, 0, 0, 15, L, L, L, L]);
    }
    // Refused by its stamp alone.
    steps.push(make.to_vec());
    steps.push(BOB.to_vec());
    steps.push(sealed_long());
    steps.push([&[OPEN, L][..], &OUT, &[3, 1]].concat());
    steps.push([&[OPEN, L][..], &OUT, &[5, L, 0, 100]].concat());
    steps.push(vec![ANSWER, 0, 0, 0, 15, L, L, L, L]);
    steps.push([&[OPEN, L][..], &OUT, &[11, L, 60]].concat());
    steps.push(vec![ANSWER, L, 1, 3, 6]);
    // Provisional first.
    steps.push(make.to_vec());
    steps.push(BOB.to_vec());
    steps.push([&[OPEN, L][..], &OUT, &[3, 0]].concat());
    steps.push([&[OPEN, L][..], &OUT, &[5, L, 0, 200]].concat());
    steps.push([&[OPEN, L][..], &OUT, &[8, L]].concat());
    steps.push([&[OPEN, L][..], &OUT, &[9, L]].concat());
    steps
}

/// Damage on the way, of which the sender is told.
fn damaged() -> Vec<Vec<u8>> {
    vec![
        ruled(0, &[8]),
        ruled(0, &[0]),
        BOB.to_vec(),
        ASK_RECEIPTS.to_vec(),
        ruled(1, &[15, 1, L, 5]),
        sealed_long(),
        [&[OPEN, L][..], &OUT, &[3, 0]].concat(),
        [&[OPEN, L][..], &OUT, &[5, L, N, 0, 5, 0, 252, 1]].concat(),
        [&[OPEN, L][..], &OUT, &[9, L]].concat(),
        [&[ANSWER, 0, 1, 0, 8][..], &OUT, &[0, L]].concat(),
        vec![STORE, L, L, L, 0],
        vec![STORE, L, L, L, 4, 0],
        vec![STORE, L, L, L, 7, 5, 0, 252, 1],
        vec![STORE, L, L, L, 10],
        [&[ANSWER, 0, 1, 0, 8][..], &OUT, &[1, L]].concat(),
    ]
}

fn stores() -> Vec<Vec<u8>> {
    let on = |rest: &[u8]| [&[STORE, L, L, L], rest].concat();
    vec![
        ASK_RECEIPTS.to_vec(),
        sealed_long(),
        on(&[0]),
        on(&[2, 220]),
        on(&[3, 4, 220]),
        ruled(0, &[13, L, 7, 0, 0]),
        ruled(0, &[13, L, 7, 0, 1]),
        on(&[4, 0]),
        // Cut off, and completed.
        on(&[5, 100]),
        vec![DROP, 31, 0],
        on(&[8, 0]),
        on(&[10]),
        vec![ANSWER, L, 1, 0, 15, L, L, L, L],
        vec![ANSWER, L, 1, 0, 4],
        on(&[9]),
        // Too long for it.
        [&[SEAL][..], &OUT_2, &[0, 0, 0, 9, 1, 200]].concat(),
        on(&[0]),
        on(&[2, 2]),
        on(&[4, 0]),
        on(&[5, N]),
        on(&[10]),
        vec![ANSWER, L, 1, 2, 6],
        // The host does not like it.
        sealed(),
        on(&[0]),
        ruled(0, &[13, L, 9, 255, 1]),
        on(&[4, 1]),
        on(&[5, N]),
        on(&[10]),
        vec![ANSWER, L, 1, 0, 2],
        // The same content again, and the same message.
        on(&[0]),
        on(&[4, 1]),
        on(&[5, N]),
        on(&[10]),
        vec![ANSWER, L, 1, 0, 4],
        [&[SEAL][..], &OUT_2, &[0, 0, 0], &ABC].concat(),
        on(&[4, 1]),
        on(&[5, N]),
        on(&[10]),
        vec![ANSWER, L, 1, 0, 15, L, L, L, L],
        vec![ANSWER, L, 1, 0, 2],
        on(&[4, 0]),
        on(&[5, N]),
        on(&[10]),
        vec![ANSWER, L, 1, 0, 15, L, L, L, L],
    ]
}

fn beside() -> Vec<Vec<u8>> {
    let audit =
        |who, out: [u8; 2], rest: &[u8]| [&[AUDIT, who, N], &out[..], &[L, L, L, L], rest].concat();
    let armor = |out: [u8; 2], rest: &[u8]| [&[ARMOR, 1], &out[..], &[L, L], rest].concat();
    vec![
        sealed(),
        armor(OUT, &[&ABC[..], &[0]].concat()),
        armor(OUT, &[&EMPTY[..], &[2]].concat()),
        armor(OUT_2, &[&ABC[..], &[3]].concat()),
        armor(OUT_2, &[&EMPTY[..], &[4]].concat()),
        armor(OUT, &[&EMPTY[..], &[5]].concat()),
        armor(OUT, &[2, 1, 6]),
        armor(OUT, &[&EMPTY[..], &[7]].concat()),
        [&[LOOK, 2][..], &[2, 1]].concat(),
        [&[CLEAR][..], &OUT_2].concat(),
        // Alice asks, Bob proves that he has it.
        audit(0, OUT, &[0, 1]),
        audit(1, OUT, &[6, L, L, 6, 1]),
        audit(1, OUT, &[3]),
        audit(1, OUT, &[&[4][..], &ABC].concat()),
        audit(1, OUT, &[5]),
        audit(1, OUT, &[7]),
        audit(0, OUT, &[9, 6, 2]),
        audit(0, OUT_2, &[1]),
        audit(0, OUT, &[2, 2, 1]),
        vec![LOOK, 5, L, 0],
        vec![LOOK, 4, L],
        vec![LOOK, 0, 110],
        [&[LOOK, 1][..], &ABC].concat(),
        [&[LOOK, 2][..], &ENVELOPE].concat(),
        // An envelope in a file.
        vec![FILE, L, 0, 0, 0, 0, 0, 0, 6, 6, 0],
        vec![FILE, L, 0, 0, L, L, 1, 1, 2],
        vec![FILE, L, 0, 0, L, L, 1, 1, 3],
        vec![FILE, L, 0, 0, L, L, 1, 1, 4],
        vec![FILE, L, 0, 0, L, L, 1, 1, 5],
    ]
}

/// What a host that sends does, with an envelope that it wrote into the outbox in pieces.
fn posts() -> Vec<Vec<u8>> {
    let put = |rest: &[u8]| [&[POST, 1, L, L, L], rest].concat();
    let send = |rest: &[u8]| [&[POST, 2, L, L, L, 0], rest].concat();
    let follow = |now, rest: &[u8]| [&[POST, 3, L, now], rest].concat();
    vec![
        ASK_RECEIPTS.to_vec(),
        sealed(),
        put(&[0, 0]),
        put(&[0, 1]),
        put(&[1, L, 5, 50, 1]),
        vec![POST, 0, L, 100, 0, 1, 0, 1],
        vec![POST, 0, L, 0, 2],
        vec![POST, 0, L, 0, 3],
        put(&[4]),
        put(&[&[5][..], &ENVELOPE].concat()),
        put(&[7]),
        send(&[1]),
        send(&[2]),
        send(&[3]),
        send(&[4, 0]),
        send(&[&[5][..], &OUT].concat()),
        send(&[6]),
        send(&[&[7][..], &OUT, &[50, 1]].concat()),
        send(&[&[7][..], &OUT, &[10, 0]].concat()),
        send(&[&[7][..], &OUT, &[N, 1]].concat()),
        follow(0, &[2]),
        follow(0, &[3, L, L]),
        follow(212, &[0]),
        follow(0, &[3, L, L]),
        follow(215, &[6]),
        follow(0, &[7]),
    ]
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
    ] {
        all.push((name.to_owned(), steps.concat()));
    }
    all
}
