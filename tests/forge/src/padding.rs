//! Padding and Padmé (envelope.md §5).

use crate::cbor;

/// How much padding an envelope has.
#[derive(Clone, Copy)]
pub enum Padding {
    /// None, and no claim.
    None,
    /// So many zero bytes, signed.
    Zeros(u64),
    /// As much as Padmé asks for.
    Padme,
}

/// The length that Padmé rounds a length up to.
#[must_use]
pub fn padme(length: u64) -> u64 {
    if length < 2 {
        return length;
    }
    let e = length.ilog2();
    if e == 0 || e < e.ilog2() + 1 {
        return length;
    }
    let mask = (1 << (e - (e.ilog2() + 1))) - 1;
    (length + mask) & !mask
}

/// The number of padding bytes. `without` gives the length of the plaintext without the padding, but
/// with a claim of it.
pub(crate) fn settle(padding: Padding, without: impl Fn(u64) -> u64) -> u64 {
    match padding {
        Padding::None => 0,
        Padding::Zeros(zeros) => zeros,
        Padding::Padme => settle_padme(without),
    }
}

fn settle_padme(without: impl Fn(u64) -> u64) -> u64 {
    let bare = without(0);
    if padme(bare) == bare {
        return 0;
    }
    let mut target = padme(bare);
    loop {
        // One number for each size of the claim: 1, 2, 3, 5 bytes.
        for example in [1, 24, 0x100, 0x1_0000] {
            let length = without(example);
            let aim = padme(length).max(target);
            let padding = aim - length;
            if padding > 0 && cbor::uint(padding).len() == cbor::uint(example).len() {
                return padding;
            }
        }
        target = padme(target + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padme_is_the_paper_s() {
        for (length, padded) in [(0, 0), (1, 1), (8, 8), (9, 10), (17, 18), (100, 104), (1000, 1024)] {
            assert_eq!(padme(length), padded, "{length}");
        }
    }

    #[test]
    fn padding_settles_on_a_padme_length() {
        for length in 300..3_000 {
            let claim = |padding: u64| {
                if padding == 0 { 0 } else { 1 + cbor::uint(padding).len() as u64 }
            };
            let padding = settle_padme(|padding| length + claim(padding));
            let total = length + claim(padding) + padding;
            assert_eq!(padme(total), total, "{length}");
        }
    }
}
