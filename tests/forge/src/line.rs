//! The public identity line and Bech32m below it (identity.md §1, BIP 350).

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// What the checksum of Bech32m comes out as.
pub const BECH32M: u32 = 0x2BC8_30A3;
/// The same for the older Bech32.
pub const BECH32: u32 = 1;

/// A public identity, with nothing checked.
#[derive(Clone)]
pub struct Line {
    pub version: u8,
    pub signing: [u8; 32],
    /// Suite, generation, encryption key; in the order in which they stand.
    pub entries: Vec<(u8, u32, Vec<u8>)>,
}

impl Line {
    #[must_use]
    pub fn data(&self) -> Vec<u8> {
        let mut data = vec![self.version];
        data.extend_from_slice(&self.signing);
        for (suite, generation, key) in &self.entries {
            data.push(*suite);
            data.extend_from_slice(&generation.to_be_bytes());
            data.extend_from_slice(key);
        }
        data
    }

    #[must_use]
    pub fn encode(&self) -> String {
        bech32("bulla", &fives(&self.data()), BECH32M)
    }
}

/// Bytes as groups of five bits, the last one padded with zeros.
#[must_use]
pub fn fives(data: &[u8]) -> Vec<u8> {
    let bits: Vec<u8> = data.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    bits.chunks(5).map(|group| (0..5).fold(0, |five, at| five << 1 | group.get(at).copied().unwrap_or(0))).collect()
}

fn polymod(values: impl IntoIterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3];
    values.into_iter().fold(1, |sum, value| {
        let top = sum >> 25;
        let sum = (sum & 0x1FF_FFFF) << 5 ^ u32::from(value);
        GENERATOR.iter().enumerate().fold(
            sum,
            |sum, (bit, generator)| {
                if top >> bit & 1 == 1 { sum ^ generator } else { sum }
            },
        )
    })
}

fn expand(hrp: &str) -> Vec<u8> {
    let high = hrp.bytes().map(|byte| byte >> 5);
    let low = hrp.bytes().map(|byte| byte & 31);
    high.chain([0]).chain(low).collect()
}

/// Any human-readable part, any groups of five bits, checksum of either kind.
#[must_use]
pub fn bech32(hrp: &str, data: &[u8], kind: u32) -> String {
    let values = [&expand(hrp)[..], data, &[0; 6]].concat();
    let sum = polymod(values) ^ kind;
    let checksum = (0..6).map(|at| (sum >> (5 * (5 - at)) & 31) as u8);
    let text = data.iter().copied().chain(checksum).map(|five| char::from(CHARSET[usize::from(five)]));
    format!("{hrp}1{}", text.collect::<String>())
}

/// Whether a line's checksum is right, so that a typo in a vector is known to be one.
#[must_use]
pub fn checksum_holds(line: &str) -> bool {
    let Some((hrp, data)) = line.rsplit_once('1') else {
        return false;
    };
    let five = |c: u8| CHARSET.iter().position(|&other| other == c).map(|at| at as u8);
    let Some(data) = data.bytes().map(five).collect::<Option<Vec<u8>>>() else {
        return false;
    };
    polymod([expand(hrp), data].concat()) == BECH32M
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Person;

    #[test]
    fn lines_are_what_the_bech32_crate_writes() {
        let hrp = bech32::Hrp::parse("bulla").expect("a good part");
        for person in [Person::new("a"), Person::new("b").rotated()] {
            let ours = person.line().encode();
            let theirs = bech32::encode::<bech32::Bech32m>(hrp, &person.line().data());
            assert_eq!(ours, theirs.expect("short enough"));
            assert!(checksum_holds(&ours));
            assert!(!checksum_holds(&ours.replacen('q', "p", 1)));
        }
    }
}
