//! A check of its own for deterministic CBOR (RFC 8949 §4.2.1), written without the library's decoder.

/// Whether `input` is one CBOR item in deterministic form, of the kinds that statements use, with nothing after it.
pub fn is_deterministic(input: &[u8]) -> bool {
    item(input, 0).is_some_and(<[u8]>::is_empty)
}

/// Opening and closing out of evidence (spec/statements.md §6).
pub(crate) fn evidence_parts(evidence: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let header_digest = evidence.strip_prefix(&[0x84, 0x01])?;
    let (opening, rest) = bytes(item(header_digest, 0)?)?;
    if rest == [0xf6] {
        return Some((opening.to_vec(), None));
    }
    let (closing, rest) = bytes(rest)?;
    rest.is_empty()
        .then(|| (opening.to_vec(), Some(closing.to_vec())))
}

/// A byte string and what follows it.
fn bytes(input: &[u8]) -> Option<(&[u8], &[u8])> {
    match head(input)? {
        (2, length, rest) => rest.split_at_checked(usize::try_from(length).ok()?),
        _ => None,
    }
}

/// Reads one item and gives what follows it.
fn item(input: &[u8], depth: usize) -> Option<&[u8]> {
    let (major, argument, rest) = head(input)?;
    match major {
        0 | 1 => Some(rest),
        2 => rest.get(usize::try_from(argument).ok()?..),
        3 => {
            let (text, rest) = rest.split_at_checked(usize::try_from(argument).ok()?)?;
            std::str::from_utf8(text).ok().map(|_| rest)
        }
        4 if depth < 8 => (0..argument).try_fold(rest, |rest, _| item(rest, depth + 1)),
        5 if depth < 8 => map(rest, argument, depth),
        7 if argument == 22 => Some(rest),
        _ => None,
    }
}

fn map(mut rest: &[u8], count: u64, depth: usize) -> Option<&[u8]> {
    let mut last: Option<&[u8]> = None;
    for _ in 0..count {
        let after = item(rest, depth + 1)?;
        let key = &rest[..rest.len() - after.len()];
        if last.is_some_and(|last| last >= key) {
            return None;
        }
        last = Some(key);
        rest = item(after, depth + 1)?;
    }
    Some(rest)
}

/// Major type and argument, which must be in shortest form.
fn head(input: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (&first, rest) = input.split_first()?;
    let (major, info) = (first >> 5, first & 31);
    let width = match info {
        0..=23 => return Some((major, u64::from(info), rest)),
        24..=27 => 1_usize << (info - 24),
        _ => return None,
    };
    let (bytes, rest) = rest.split_at_checked(width)?;
    let argument = bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let shortest = match width {
        1 => argument > 23,
        2 => argument > 0xff,
        4 => argument > 0xffff,
        _ => argument > 0xffff_ffff,
    };
    shortest.then_some((major, argument, rest))
}
