//! Scripts for the target `calls`: what becomes of envelopes once they are sealed.

use super::steps::*;

/// Reserved, and all that may become of that; a copy of it is answered each time.
pub fn leases(make: &[u8]) -> Vec<Vec<u8>> {
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
pub fn damaged() -> Vec<Vec<u8>> {
    vec![
        ruled(0, &[8]),
        ruled(0, &[0]),
        BOB.to_vec(),
        ASK_RECEIPTS.to_vec(),
        ruled(1, &[15, 1, L, 5]),
        sealed_long(),
        // To a buffer in which there is nothing yet, too.
        vec![MAKE, 0, 15],
        vec![OPEN, L, 0, L, 0, 5, 0, 252, 1],
        vec![OPEN, L, 0, L, 3, 0],
        vec![OPEN, L, 0, L, 5, L, N, 0, 5, 0, 252, 1],
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

/// Something is done with the newest store, or its newest stream.
fn on(rest: &[u8]) -> Vec<u8> {
    [&[STORE, L, L, L], rest].concat()
}

pub fn stores() -> Vec<Vec<u8>> {
    let mut steps = vec![
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
    ];
    steps.extend(names());
    steps
}

/// The name of a file is there already.
fn names() -> Vec<Vec<u8>> {
    vec![
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
        // Another file has the name, and it gets another one.
        [&[SEAL][..], &OUT_2, &[0, 0, 0], &ABC].concat(),
        on(&[4, 3]),
        on(&[5, N]),
        on(&[10]),
        on(&[11]),
        on(&[10]),
        vec![ANSWER, L, 1, 0, 15, L, L, L, L],
        [&[SEAL][..], &OUT_2, &[0, 0, 0], &ABC].concat(),
        on(&[4, 2]),
        on(&[5, N]),
        on(&[10]),
        vec![ANSWER, L, 1, 0, 15, L, L, L, L],
    ]
}

pub fn beside() -> Vec<Vec<u8>> {
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
        [&[FILL][..], &OUT_2, &[0]].concat(),
        [&[FILL][..], &OUT_2, &[1], &ABC].concat(),
        [&[FILL][..], &OUT_2, &[2], &ABC].concat(),
        [&[FILL][..], &OUT_2, &[3], &ABC].concat(),
        [&[FILL][..], &OUT_2, &[0]].concat(),
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
pub fn posts() -> Vec<Vec<u8>> {
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
