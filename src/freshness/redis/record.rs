//! How an entry is stored: a head that the scripts read too (`lua/common.lua`), and behind it what only this file reads.

use alloc::vec::Vec;
use std::format;

use crate::crypto::digest::Digest;
use crate::freshness::entry::{Entry, State};
use crate::freshness::guard::{Claim, Place};
use crate::freshness::order::{Kept, Order, Stream};

/// The last time that is told from later ones: scripts count in floating point, which is exact up to here. It is in 285
/// million years; later times count as this one.
pub(super) const LAST: u64 = (1 << 53) - 1;

/// The format of the records, of everything else that is stored, and the first byte of every record.
pub(super) const FORMAT: u8 = b'1';

/// The claim with its times as the store keeps them.
pub(super) fn bounded(claim: &Claim) -> Claim {
    Claim {
        issued: claim.issued.min(LAST),
        keep_until: claim.keep_until.min(LAST),
        ..claim.clone()
    }
}

pub(super) fn encode(entry: &Entry) -> Vec<u8> {
    let Entry { claim, state } = entry;
    let mut bytes = Vec::with_capacity(256);
    bytes.push(FORMAT);
    bytes.extend([claim.stranger, claim.bounded_by_age].map(|flag| b'0' + u8::from(flag)));
    bytes.extend(digits(claim.issued));
    bytes.extend(digits(claim.keep_until));
    bytes.extend(claim.scope.as_bytes());
    bytes.extend(claim.signer);
    bytes.extend(claim.value.as_bytes());
    bytes.push(u8::from(claim.challenge.is_some()));
    bytes.extend(claim.challenge.iter().flat_map(Digest::as_bytes));
    match claim.place {
        None => bytes.push(0),
        Some(place) => put_place(&mut bytes, place),
    }
    match state {
        State::Released => bytes.push(b'F'),
        State::Reserved { number, until } => {
            bytes.push(b'R');
            bytes.extend(number.to_be_bytes());
            bytes.extend(until.to_be_bytes());
        }
        State::Committed { receipt } => {
            bytes.push(b'C');
            bytes.extend(receipt);
        }
    }
    bytes
}

/// A time as the scripts read it.
pub(super) fn digits(time: u64) -> Vec<u8> {
    format!("{:016}", time.min(LAST)).into_bytes()
}

fn put_place(bytes: &mut Vec<u8>, place: Place) {
    let (order, first, window) = match place.order {
        Order::Any => (1, 0, 0),
        Order::Monotonic => (2, 0, 0),
        Order::Gapless { first, window } => (3, first, window),
    };
    bytes.push(order);
    bytes.extend(place.stream.as_bytes());
    bytes.extend(place.number.to_be_bytes());
    bytes.extend(first.to_be_bytes());
    bytes.extend(window.to_be_bytes());
    bytes.extend(place.keep_until.to_be_bytes());
    bytes.extend(place.issued.to_be_bytes());
}

/// A stream has the head of an entry before its numbers, so that the scripts drop it as they drop entries.
pub(super) fn encode_stream(kept: &Kept) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend([FORMAT, b'0' + u8::from(kept.stranger), b'1']);
    bytes.extend(digits(kept.issued));
    bytes.extend(digits(kept.keep_until));
    bytes.extend(kept.scope.as_bytes());
    bytes.extend(kept.signer);
    bytes.extend(kept.stream.to_bytes());
    bytes
}

/// What [`encode_stream`] gave; `None` if it is anything else.
pub(super) fn decode_stream(bytes: &[u8]) -> Option<Kept> {
    let mut rest = Rest(bytes);
    let [FORMAT, stranger, b'1'] = rest.take()? else {
        return None;
    };
    let kept = Kept {
        stranger: flag(stranger)?,
        issued: rest.digits()?,
        keep_until: match rest.digits()? {
            LAST => u64::MAX,
            until => until,
        },
        scope: Digest::from_bytes(rest.take()?),
        signer: rest.take()?,
        stream: Stream::from_bytes(rest.0)?,
    };
    (encode_stream(&kept) == bytes).then_some(kept)
}

/// What [`encode`] gave, under its key; `None` if it is anything else.
pub(super) fn decode(key: Digest, bytes: &[u8]) -> Option<Entry> {
    let mut rest = Rest(bytes);
    let [FORMAT, stranger, by_age] = rest.take()? else {
        return None;
    };
    let claim = Claim {
        key,
        stranger: flag(stranger)?,
        bounded_by_age: flag(by_age)?,
        issued: rest.digits()?,
        keep_until: rest.digits()?,
        scope: Digest::from_bytes(rest.take()?),
        signer: rest.take()?,
        value: Digest::from_bytes(rest.take()?),
        challenge: match rest.take()? {
            [0] => None,
            _ => Some(Digest::from_bytes(rest.take()?)),
        },
        place: rest.place()?,
    };
    let state = match rest.take()? {
        [b'F'] => State::Released,
        [b'R'] => State::Reserved {
            number: rest.number()?,
            until: rest.number()?,
        },
        [b'C'] => State::Committed {
            receipt: rest.0.to_vec(),
        },
        _ => return None,
    };
    let entry = Entry { claim, state };
    // One valid form, and nothing behind it.
    (encode(&entry) == bytes).then_some(entry)
}

fn flag(byte: u8) -> Option<bool> {
    match byte {
        b'0' => Some(false),
        b'1' => Some(true),
        _ => None,
    }
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn digits(&mut self) -> Option<u64> {
        let digits = self.take::<16>()?;
        core::str::from_utf8(&digits).ok()?.parse().ok()
    }

    fn place(&mut self) -> Option<Option<Place>> {
        let [tag] = self.take()?;
        if tag == 0 {
            return Some(None);
        }
        let (stream, number, first) = (self.take()?, self.number()?, self.number()?);
        let window = u16::from_be_bytes(self.take()?);
        let (keep_until, issued) = (self.number()?, self.number()?);
        let order = match tag {
            1 => Order::Any,
            2 => Order::Monotonic,
            3 => Order::Gapless { first, window },
            _ => return None,
        };
        Some(Some(Place {
            stream: Digest::from_bytes(stream),
            number,
            order,
            keep_until,
            issued,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let place = |order| Place {
            stream: Digest::of(b"stream"),
            number: u64::MAX,
            order,
            keep_until: u64::MAX - 1,
            issued: u64::MAX - 2,
        };
        let claim = Claim {
            key: Digest::of(b"key"),
            value: Digest::of(b"value"),
            scope: Digest::of(b"scope"),
            signer: [7; 32],
            stranger: true,
            issued: LAST,
            keep_until: 12,
            bounded_by_age: false,
            place: None,
            challenge: None,
        };
        let mut entries = Vec::new();
        for place in [
            None,
            Some(place(Order::Any)),
            Some(place(Order::Monotonic)),
            Some(place(Order::Gapless {
                first: u64::MAX,
                window: 9,
            })),
        ] {
            for state in [
                State::Released,
                State::Reserved {
                    number: u64::MAX,
                    until: 3,
                },
                State::Committed {
                    receipt: b"receipt".to_vec(),
                },
            ] {
                for challenge in [None, Some(Digest::of(b"challenge"))] {
                    entries.push(Entry {
                        claim: Claim {
                            place,
                            challenge,
                            ..claim.clone()
                        },
                        state: state.clone(),
                    });
                }
            }
        }
        entries
    }

    #[test]
    fn what_is_stored_comes_back() {
        for entry in entries() {
            assert_eq!(
                decode(entry.claim.key, &encode(&entry)).as_ref(),
                Some(&entry)
            );
        }
    }

    #[test]
    fn anything_else_is_not_understood() {
        for entry in entries() {
            let bytes = encode(&entry);
            let receipt = match &entry.state {
                State::Committed { receipt } => receipt.len(),
                _ => 0,
            };
            for length in 0..bytes.len() - receipt {
                assert_eq!(decode(entry.claim.key, &bytes[..length]), None, "{length}");
            }
            if receipt == 0 {
                assert_eq!(decode(entry.claim.key, &[&bytes[..], b"x"].concat()), None);
            }
            let mut signed = bytes;
            signed[3] = b'+';
            assert_eq!(decode(entry.claim.key, &signed), None);
        }
    }

    #[test]
    fn the_head_is_where_the_scripts_look() {
        let entry = entries().remove(0);
        let bytes = encode(&entry);
        assert_eq!(bytes[1..3], *b"10");
        assert_eq!(bytes[3..19], *b"9007199254740991");
        assert_eq!(bytes[19..35], *b"0000000000000012");
        assert_eq!(bytes[35..67], *entry.claim.scope.as_bytes());
        assert_eq!(bytes[67..99], entry.claim.signer);
    }
}
