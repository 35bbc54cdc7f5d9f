//! The steps of scripts for the target `calls`: a number of `World::step`, and what that reads, which is mostly which handles,
//! then which call, then the rest.

/// The handle that was made last.
pub const L: u8 = 254;
/// No handle.
pub const N: u8 = 255;
/// The first buffer, as a place for what a call gives; and the second one.
pub const OUT: [u8; 2] = [0, 0];
pub const OUT_2: [u8; 2] = [0, 1];
/// Three bytes as an input, no bytes, and the first envelope that was made.
pub const ABC: [u8; 5] = [0, 3, b'a', b'b', b'c'];
pub const EMPTY: [u8; 2] = [0, 0];
pub const ENVELOPE: [u8; 2] = [6, 0];

pub const MAKE: u8 = 0;
pub const SCENE: u8 = 1;
pub const DESCRIBE: u8 = 3;
pub const RULE: u8 = 4;
pub const SEAL: u8 = 5;
pub const OPEN: u8 = 8;
pub const ANSWER: u8 = 11;
pub const ARMOR: u8 = 13;
pub const AUDIT: u8 = 14;
pub const FILE: u8 = 15;
pub const STORE: u8 = 16;
pub const KEY: u8 = 17;
pub const GUARDING: u8 = 18;
pub const POST: u8 = 19;
pub const LOOK: u8 = 21;
pub const FILL: u8 = 22;
pub const DROP: u8 = 23;

/// Alice seals three bytes to Bob.
pub fn sealed() -> Vec<u8> {
    [&[SEAL][..], &OUT, &[0, 0, 0], &ABC].concat()
}

/// As that, more than a chunk, so that the stamp is known before the end.
pub fn sealed_long() -> Vec<u8> {
    [&[SEAL][..], &OUT, &[0, 0, 0, 9, 0, 200]].concat()
}

/// Something is done with the newest opener and the first envelope, without a place for content or with one.
pub fn opened(kind: u8) -> Vec<u8> {
    [&[OPEN, L][..], &OUT, &[kind], &ENVELOPE].concat()
}

/// The draft and Alice's sealer are told something; the public identity is Bob's.
pub fn described(number: u8, rest: &[u8]) -> Vec<u8> {
    [&[DESCRIBE, 0, 0, 1, 0, number], rest].concat()
}

pub fn ruled(number: u8, rest: &[u8]) -> Vec<u8> {
    [&[RULE, L, L, number, 0, 0], rest].concat()
}

/// Bob's opener with the newest policy and guard.
pub const BOB: [u8; 6] = [MAKE, 1, 6, L, L, 0];
/// Waits for a receipt of each kind, for Alice.
pub const ASK_RECEIPTS: [u8; 7] = [DESCRIBE, 0, 0, 0, 0, 7, 4];
