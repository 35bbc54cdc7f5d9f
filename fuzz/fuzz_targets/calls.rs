//! A C program that makes any calls in any order (`bulla_fuzz::calls`).
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| bulla_fuzz::calls::play(input));
