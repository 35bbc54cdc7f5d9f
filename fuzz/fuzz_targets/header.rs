//! The header of arbitrary bytes, against a second reading of the table in spec/envelope.md §2.
#![no_main]

use bulla::{ErrorKind, Kind, inspect};
use libfuzzer_sys::fuzz_target;

/// Kind, number of stanzas and length of the header; `None` where more is needed.
fn by_the_table(input: &[u8]) -> Result<Option<(Kind, usize, usize)>, ErrorKind> {
    if input.iter().zip(b"BULLA").any(|(a, b)| a != b) {
        return Err(ErrorKind::Malformed);
    }
    for at in [5, 6] {
        if input.get(at).is_some_and(|byte| *byte != 1) {
            return Err(ErrorKind::UnsupportedVersion);
        }
    }
    let kind = match input.get(7) {
        None => return Ok(None),
        Some(1) => Kind::Sealed,
        Some(2) => Kind::Signed,
        Some(3) => Kind::Detached,
        Some(_) => return Err(ErrorKind::UnsupportedVersion),
    };
    if kind != Kind::Sealed {
        return Ok((input.len() >= 24).then_some((kind, 0, 24)));
    }
    let Some([high, low]) = input.get(56..58) else {
        return Ok(None);
    };
    let count = usize::from(*high) << 8 | usize::from(*low);
    if count == 0 || count > 10_000 {
        return Err(ErrorKind::Malformed);
    }
    let length = 58 + 48 * count;
    Ok((input.len() >= length).then_some((kind, count, length)))
}

fn check(input: &[u8]) {
    let seen = inspect(input).map_err(|error| error.kind());
    let fields = seen.map(|seen| seen.map(|it| (it.kind, it.stanzas, it.header_length)));
    assert_eq!(fields, by_the_table(input));
    if let Ok(Some(seen)) = seen {
        let digest = blake3::hash(&input[..seen.header_length]);
        assert_eq!(seen.header_digest.as_bytes(), digest.as_bytes());
    }
}

fuzz_target!(|input: &[u8]| {
    check(input);
    for end in [0, 4, 5, 6, 7, 8, 23, 24, 25, 57, 58, 105, 106, 107] {
        check(&input[..end.min(input.len())]);
    }
    check(&input[..input.len().saturating_sub(1)]);
});
