//! Claims, COSE_Sign1, closing and evidence of arbitrary bytes: what is accepted is the one valid form.
#![no_main]

use bulla::fuzzing;
use bulla_fuzz::is_deterministic;
use libfuzzer_sys::fuzz_target;

fn check(input: &[u8], written: Option<Vec<u8>>) {
    if let Some(written) = written {
        assert_eq!(written, input);
        assert!(is_deterministic(input));
    }
}

fuzz_target!(|input: &[u8]| {
    check(input, fuzzing::claims(input).ok());
    check(input, fuzzing::closing(input));
    check(input, fuzzing::evidence(input).ok());
    if let Ok((written, payload)) = fuzzing::statement(input) {
        check(input, Some(written));
        check(&payload, fuzzing::claims(&payload).ok());
        check(&payload, fuzzing::closing(&payload));
    }
});
