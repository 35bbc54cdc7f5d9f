//! A tiny CBOR writer (RFC 8949). It writes what it is told, deterministic or not.

pub const UINT: u8 = 0;
pub const NEGATIVE: u8 = 1;
pub const BYTES: u8 = 2;
pub const TEXT: u8 = 3;
pub const ARRAY: u8 = 4;
pub const MAP: u8 = 5;
pub const TAG: u8 = 6;
pub const NULL: u8 = 0xF6;
/// Ends an item of indefinite length.
pub const BREAK: u8 = 0xFF;

/// A head in shortest form: major type and argument.
#[must_use]
pub fn head(major: u8, argument: u64) -> Vec<u8> {
    let width = match argument {
        0..=23 => 0,
        24..=0xFF => 1,
        0x100..=0xFFFF => 2,
        0x1_0000..=0xFFFF_FFFF => 4,
        _ => 8,
    };
    head_wide(major, argument, width)
}

/// A head with the argument in `width` bytes (0, 1, 2, 4 or 8), also where fewer would do.
#[must_use]
pub fn head_wide(major: u8, argument: u64, width: usize) -> Vec<u8> {
    let be = argument.to_be_bytes();
    let info = match width {
        0 => be[7],
        1 => 24,
        2 => 25,
        4 => 26,
        8 => 27,
        _ => panic!("no CBOR head has an argument of {width} bytes"),
    };
    let mut out = vec![major << 5 | info];
    out.extend_from_slice(&be[8 - width..]);
    out
}

/// The head of an item of indefinite length; `BREAK` ends it.
#[must_use]
pub fn indefinite(major: u8) -> u8 {
    major << 5 | 31
}

#[must_use]
pub fn uint(value: u64) -> Vec<u8> {
    head(UINT, value)
}

#[must_use]
pub fn int(value: i64) -> Vec<u8> {
    match u64::try_from(value) {
        Ok(value) => head(UINT, value),
        Err(_) => head(NEGATIVE, !value as u64),
    }
}

#[must_use]
pub fn bytes(value: &[u8]) -> Vec<u8> {
    [head(BYTES, value.len() as u64), value.to_vec()].concat()
}

#[must_use]
pub fn text(value: &str) -> Vec<u8> {
    text_raw(value.as_bytes())
}

/// A text string of any bytes, also such that are no UTF-8.
#[must_use]
pub fn text_raw(value: &[u8]) -> Vec<u8> {
    [head(TEXT, value.len() as u64), value.to_vec()].concat()
}

/// An array of items that are already encoded.
#[must_use]
pub fn array(items: &[Vec<u8>]) -> Vec<u8> {
    [head(ARRAY, items.len() as u64), items.concat()].concat()
}

/// A map of pairs that are already encoded, in the order in which they stand.
#[must_use]
pub fn map(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut out = head(MAP, pairs.len() as u64);
    for (key, value) in pairs {
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_shortest() {
        assert_eq!(uint(23), [0x17]);
        assert_eq!(uint(24), [0x18, 24]);
        assert_eq!(uint(256), [0x19, 1, 0]);
        assert_eq!(int(-1), [0x20]);
        assert_eq!(int(-19), [0x32]);
        assert_eq!(int(i64::MIN), head(NEGATIVE, i64::MAX as u64));
        assert_eq!(uint(1 << 32).len(), 9);
        assert_eq!(head_wide(UINT, 1, 2), [0x19, 0, 1]);
        assert_eq!(text("a"), [0x61, b'a']);
    }
}
