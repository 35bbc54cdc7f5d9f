//! Keys that no reader may accept (identity.md §1), and Ed25519 keys that look like it but are fine.

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};

/// 2^255 − 19 plus a small number, little-endian, with or without the top bit.
#[must_use]
pub fn prime_plus(offset: u8, top_bit: bool) -> [u8; 32] {
    assert!(offset < 19, "beyond 2^255");
    let mut out = [0xFF; 32];
    out[0] = 0xED + offset;
    out[31] = if top_bit { 0xFF } else { 0x7F };
    out
}

/// 2^255 − 20, which is −1: of small order on both curves.
#[must_use]
pub fn minus_one() -> [u8; 32] {
    let mut out = prime_plus(0, false);
    out[0] = 0xEC;
    out
}

/// A small number, little-endian.
#[must_use]
pub fn small(value: u8) -> [u8; 32] {
    let mut out = [0; 32];
    out[0] = value;
    out
}

/// A point of order 8 on edwards25519.
#[must_use]
pub fn order_eight() -> EdwardsPoint {
    let encoded = hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
    CompressedEdwardsY(encoded).decompress().expect("a point of the curve")
}

/// The canonical encodings of the eight Ed25519 points of small order; the identity is the first.
#[must_use]
pub fn small_order_signing_keys() -> Vec<[u8; 32]> {
    let mut point = EdwardsPoint::default();
    let mut all = Vec::new();
    for _ in 0..8 {
        all.push(point.compress().to_bytes());
        point += order_eight();
    }
    all
}

/// Encodings of the identity that are not canonical: y ≥ p, or a sign bit on x = 0.
#[must_use]
pub fn non_canonical_identities() -> Vec<[u8; 32]> {
    let mut signed = small(1);
    signed[31] = 0x80;
    vec![prime_plus(1, false), prime_plus(1, true), signed]
}

/// An encoding with y ≥ p of a point that is on the curve and not of small order.
#[must_use]
pub fn non_canonical_signing_key() -> [u8; 32] {
    (2..19)
        .find(|&y| {
            let point = CompressedEdwardsY(small(y)).decompress();
            point.is_some_and(|point| !point.is_small_order())
        })
        .map(|y| prime_plus(y, false))
        .expect("3 is such a y")
}

/// 32 bytes below p that are the y of no point of the curve.
#[must_use]
pub fn not_on_the_curve() -> [u8; 32] {
    (2..=255).map(small).find(|&y| CompressedEdwardsY(y).decompress().is_none()).expect("half of all y are such")
}

/// All u-coordinates of small order below p, on curve25519 and its twist.
#[must_use]
pub fn small_order_encryption_keys() -> Vec<[u8; 32]> {
    vec![
        small(0),
        small(1),
        minus_one(),
        hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ]
}

fn hex(text: &str) -> [u8; 32] {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    std::array::from_fn(|index| byte(2 * index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_orders_are_small() {
        let keys = small_order_signing_keys();
        assert_eq!(keys[0], small(1));
        for (index, key) in keys.iter().enumerate() {
            let point = CompressedEdwardsY(*key).decompress().expect("on the curve");
            assert!(point.is_small_order());
            assert!(!keys[..index].contains(key));
        }
        for key in small_order_encryption_keys() {
            assert_eq!(x25519_dalek::x25519([0x5A; 32], key), [0; 32]);
        }
        for key in non_canonical_identities() {
            let point = CompressedEdwardsY(key).decompress();
            assert!(point.is_none_or(|point| point.is_small_order()));
        }
    }
}
