//! Padmé padding (spec/envelope.md §5).

use crate::wire::cose;

/// How a sealed message hides its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Padding {
    /// Not at all: the length of the content shows exactly.
    None,
    /// Padmé: the length shows with O(log log) bits of precision, at a cost of at most 12 %, and less the longer the
    /// content: at most 6 % from 1 KiB, 3 % from 64 KiB.
    Padme,
}

/// The padded length of `length` (Nikitin et al., PoPETs 2019, algorithm 1).
pub(crate) const fn padme(length: u64) -> Option<u64> {
    let exponent = match length.checked_ilog2() {
        None | Some(0) => return Some(length),
        Some(exponent) => exponent,
    };
    let precision = exponent.ilog2() + 1;
    if exponent < precision {
        return Some(length);
    }
    let mask = (1_u64 << (exponent - precision)) - 1;
    match length.checked_add(mask) {
        Some(sum) => Some(sum & !mask),
        None => None,
    }
}

/// The padding claim that brings the whole plaintext to a Padmé length.
///
/// `payload` is the length of the claims without a padding claim, `rest` that of everything in the plaintext but the
/// opening and the padding. The claim is part of what is padded, so its own size is found by trial: the smallest
/// that agrees with the padding it leads to, if need be at the next Padmé length.
pub(crate) fn padding_claim(payload: usize, rest: u64) -> Option<u64> {
    let plain = rest.checked_add(cose::statement_len(payload) as u64)?;
    if padme(plain)? == plain {
        return Some(0);
    }
    let mut target_floor = 0;
    loop {
        let mut next = u64::MAX;
        for size in [1_usize, 2, 3, 5, 9] {
            // Label (1 byte) and value.
            let length = rest.checked_add(cose::statement_len(payload + 1 + size) as u64)?;
            let target = padme(length.max(target_floor))?;
            let padding = target - length;
            if padding > 0 && cbor_size(padding) == size {
                return Some(padding);
            }
            next = next.min(target);
        }
        target_floor = next.checked_add(1)?;
    }
}

/// Bytes of a CBOR unsigned integer in shortest form.
const fn cbor_size(number: u64) -> usize {
    match number {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padme_has_the_published_values() {
        // From the definition, by hand: 9 = 2^3+1: E=3, S=2, one bit free. 1000: E=9, S=4, five bits free.
        for (length, padded) in [
            (0, 0),
            (1, 1),
            (2, 2),
            (8, 8),
            (9, 10),
            (100, 104),
            (1000, 1024),
            (1025, 1088),
        ] {
            assert_eq!(padme(length), Some(padded), "{length}");
        }
        for length in 0..100_000 {
            let padded = padme(length).unwrap_or(0);
            assert!(padded >= length && padded - length <= length / 8 + 1);
            assert_eq!(padme(padded), Some(padded));
        }
        assert_eq!(padme(u64::MAX), None);
    }

    #[test]
    fn the_claim_leads_to_a_padme_length() {
        for payload in [100, 112, 230, 240, 250, 254, 255, 256, 300] {
            for rest in (0..5000)
                .chain(65_400..65_700)
                .chain([1 << 20, (1 << 40) + 12_345])
            {
                let padding = padding_claim(payload, rest).unwrap_or(u64::MAX);
                let claim = if padding == 0 {
                    0
                } else {
                    1 + cbor_size(padding)
                };
                let whole = rest + cose::statement_len(payload + claim) as u64 + padding;
                assert_eq!(
                    padme(whole),
                    Some(whole),
                    "payload {payload}, rest {rest}, padding {padding}"
                );
            }
        }
        assert_eq!(padding_claim(100, u64::MAX - 10), None);
    }
}
