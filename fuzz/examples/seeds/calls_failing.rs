//! Scripts for the target `calls`: calls that fail half-way, after which what was begun is over, and buffers are as they were.

use super::steps::*;

/// A new buffer of the program's memory, in which there is hardly room.
const NO_ROOM: [u8; 2] = [200, 5];
/// The buffer that was made last, as a place for what a call gives.
const NEWEST: [u8; 2] = [0, L];
/// As much content as a call of these takes: more than a chunk.
const LONG: [u8; 3] = [9, 0, 255];

pub fn failing() -> Vec<Vec<u8>> {
    let seal = |out: [u8; 2], rest: &[u8]| [&[SEAL][..], &out, rest].concat();
    let write = |out, content: &[u8]| seal(out, &[&[5, L], content].concat());
    let armor = |out: [u8; 2], rest: &[u8]| [&[ARMOR, 1], &out[..], &[L, L], rest].concat();
    let (buffer, begin, begin_unknown) = ([MAKE, 0, 15], [3, 0, 0, 3], [3, 0, 0, N]);
    let read = |out: [u8; 2], rest: &[u8]| [&[OPEN, L][..], &out, rest].concat();
    vec![
        sealed_long(),
        // Armor without its end, to a buffer in which there is nothing yet, and to another one; and what is none.
        buffer.to_vec(),
        armor(NEWEST, &[&ENVELOPE[..], &[0]].concat()),
        buffer.to_vec(),
        armor(NEWEST, &[3, 3, 0, 250, 1]),
        armor(OUT, &[3, 3, 0, 250, 1]),
        armor(OUT, &[&EMPTY[..], &[5]].concat()),
        armor(OUT, &[&ABC[..], &[6]].concat()),
        // To a buffer that is too small: then one that has just room, and one that has just not, are tried.
        [&[SEAL][..], &NO_ROOM, &[0, 0, 0], &ABC].concat(),
        [&[SEAL][..], &NO_ROOM, &[2, 0, 0], &ABC].concat(),
        // More content than was announced, and less: at the padding, and at the end.
        seal(OUT_2, &begin),
        write(OUT_2, &ABC),
        write(OUT_2, &ABC),
        seal(OUT_2, &begin),
        seal(OUT_2, &[10, L]),
        seal(OUT_2, &begin),
        seal(OUT_2, &[7, L]),
        // No room for what comes out, and none for the end.
        seal(OUT_2, &begin_unknown),
        write(NO_ROOM, &LONG),
        write(NO_ROOM, &LONG),
        seal(OUT_2, &begin_unknown),
        write(OUT_2, &ABC),
        seal(NO_ROOM, &[7, L]),
        seal(OUT_2, &[9, 0, 0, L, 0]),
        seal(NO_ROOM, &[9, 0, 0, L, 2]),
        // As much of an envelope as there is, without room for its content.
        BOB.to_vec(),
        read(OUT, &[3, 0]),
        read(NO_ROOM, &[5, L, 0, 255]),
        read(OUT, &[3, 0]),
        read(OUT, &[5, L, 0, 255]),
        read(NO_ROOM, &[9, L]),
        // Changed in its last bytes, to a buffer in which there is nothing yet, at once and in pieces.
        buffer.to_vec(),
        read(NEWEST, &[0, 5, 0, 254, 1]),
        read(NEWEST, &[3, 0]),
        read(NEWEST, &[5, L, N, 0, 5, 0, 254, 1]),
        read(NEWEST, &[9, L]),
        // From somebody who is not accepted: Bob alone is.
        ruled(0, &[8]),
        vec![RULE, L, L, 0, 1, 0, 0],
        BOB.to_vec(),
        read(OUT, &[&[0][..], &ENVELOPE].concat()),
    ]
}
