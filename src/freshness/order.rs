//! Order within a stream of messages, and what is missing of it (spec/guard.md §5).

#[cfg(feature = "std")]
use super::guard::{Claim, Claimed, Place};
#[cfg(feature = "std")]
use crate::crypto::digest::Digest;
#[cfg(feature = "std")]
use {alloc::vec::Vec, core::ops::RangeInclusive};

/// Greatest window of [`Order::Gapless`].
pub const MAX_WINDOW: u16 = 4096;

/// Which order a reader demands of the messages of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// None: sequence numbers are the application's business.
    #[default]
    Any,
    /// Only newer: a number that is not greater than the greatest accepted one is `Superseded`. For configuration and web
    /// pages, where the last word counts. A message without a sequence is `Superseded` too.
    Monotonic,
    /// Every number from `first` on once, in any order within a window; what is missing is reported. A number that was
    /// settled or given up is `Superseded`, one that is `window` or more past the first missing one is a `Gap`.
    Gapless {
        /// The first number of a stream.
        first: u64,
        /// How many numbers, from the first missing one on, are accepted: at most [`MAX_WINDOW`], and more counts as that; 0
        /// counts as 1.
        window: u16,
    },
}

/// What a guard knows of a stream: everything up to `mark` is settled, and beyond it the numbers in `seen`.
#[cfg(feature = "std")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stream {
    mark: Option<u64>,
    /// Ascending, all above `mark`, at most [`MAX_WINDOW`].
    seen: Vec<u64>,
}

#[cfg(feature = "std")]
impl Stream {
    /// Why a message with this number cannot be accepted; `None` if it can.
    pub(crate) fn refuses(&self, number: u64, order: Order) -> Option<Claimed> {
        match order {
            Order::Any => None,
            Order::Monotonic => (Some(number) <= self.greatest()).then_some(Claimed::Superseded),
            Order::Gapless { first, window } => {
                let mark = self.mark.max(first.checked_sub(1));
                if Some(number) <= mark || self.seen.binary_search(&number).is_ok() {
                    return Some(Claimed::Superseded);
                }
                // How many numbers there are from the first that is missing to this one.
                let ahead = mark.map_or(number, |mark| number - mark - 1);
                (ahead >= u64::from(window.clamp(1, MAX_WINDOW))).then_some(Claimed::Gap)
            }
        }
    }

    /// Counts a message that is not [refused](Self::refuses) as accepted.
    pub(crate) fn settle(&mut self, number: u64, order: Order) {
        match order {
            Order::Any => {}
            Order::Monotonic => {
                self.mark = Some(number);
                self.seen.clear();
            }
            Order::Gapless { first, .. } => {
                self.skip(first);
                if let Err(at) = self.seen.binary_search(&number) {
                    self.seen.insert(at, number);
                }
                self.advance();
            }
        }
    }

    /// Gives up what is missing before this number.
    pub(crate) fn skip(&mut self, before: u64) {
        self.mark = self.mark.max(before.checked_sub(1));
        let mark = self.mark;
        self.seen.retain(|number| Some(*number) > mark);
        self.advance();
    }

    /// Which numbers below the greatest one are missing.
    pub(crate) fn missing(&self) -> Vec<RangeInclusive<u64>> {
        let mut next = self.mark.map_or(0, |mark| mark.saturating_add(1));
        let mut missing = Vec::new();
        for number in &self.seen {
            if next < *number {
                missing.push(next..=number - 1);
            }
            next = number.saturating_add(1);
        }
        missing
    }

    /// The greatest number that was settled or given up.
    pub(crate) fn greatest(&self) -> Option<u64> {
        self.seen.last().copied().max(self.mark)
    }

    /// Takes into the mark what follows it without a gap.
    fn advance(&mut self) {
        let mut taken = 0;
        for number in &self.seen {
            if self.mark.map_or(Some(0), |mark| mark.checked_add(1)) != Some(*number) {
                break;
            }
            self.mark = Some(*number);
            taken += 1;
        }
        self.seen.drain(..taken);
    }
}

#[cfg(any(feature = "sqlite", feature = "redis", test))]
impl Stream {
    /// For guards that store it outside memory: mark (or nothing) and numbers, big-endian.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(9 + 8 * self.seen.len());
        bytes.push(u8::from(self.mark.is_some()));
        bytes.extend_from_slice(&self.mark.unwrap_or(0).to_be_bytes());
        for number in &self.seen {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) gave; `None` if it is anything else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&marked, rest) = bytes.split_first()?;
        let (mark, rest) = rest.split_first_chunk::<8>()?;
        let (numbers, rest) = rest.as_chunks::<8>();
        let stream = Self {
            mark: (marked == 1).then(|| u64::from_be_bytes(*mark)),
            seen: numbers.iter().map(|n| u64::from_be_bytes(*n)).collect(),
        };
        let ascending = stream.seen.is_sorted_by(|a, b| a < b);
        (rest.is_empty() && ascending && stream.to_bytes() == bytes).then_some(stream)
    }
}

/// A stream that a guard keeps, with whose place it takes and when it may be forgotten.
#[cfg(feature = "std")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) stream: Stream,
    /// By whose message it became known: whose place it takes, and in which pool.
    pub(crate) signer: [u8; 32],
    pub(crate) stranger: bool,
    /// Where the sweep mark rises when it is dropped because it is over.
    pub(crate) scope: Digest,
    /// The latest time of issue that was settled.
    pub(crate) issued: u64,
    /// From when on it may be dropped; [`u64::MAX`] for never.
    pub(crate) keep_until: u64,
}

#[cfg(feature = "std")]
impl Kept {
    /// The stream that becomes known by this message.
    pub(crate) fn of(claim: &Claim) -> Self {
        Self {
            stream: Stream::default(),
            signer: claim.signer,
            stranger: claim.stranger,
            scope: claim.scope,
            issued: 0,
            keep_until: 0,
        }
    }

    /// Counts a message as accepted. What a listed sender settled is kept for good, and so is what was settled by an answer to
    /// a challenge, whose times were not judged (spec/guard.md §5).
    pub(crate) fn settle(&mut self, claim: &Claim, place: Place) {
        self.stream.settle(place.number, place.order);
        self.issued = self.issued.max(place.issued);
        let until = if claim.stranger && claim.challenge.is_none() {
            place.keep_until
        } else {
            u64::MAX
        };
        self.keep_until = self.keep_until.max(until);
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    fn accept(stream: &mut Stream, number: u64, order: Order) -> Option<Claimed> {
        let refused = stream.refuses(number, order);
        if refused.is_none() {
            stream.settle(number, order);
        }
        assert_eq!(
            Stream::from_bytes(&stream.to_bytes()).as_ref(),
            Some(&*stream)
        );
        refused
    }

    #[test]
    fn only_newer() {
        let mut stream = Stream::default();
        assert_eq!(accept(&mut stream, 0, Order::Monotonic), None);
        assert_eq!(
            accept(&mut stream, 0, Order::Monotonic),
            Some(Claimed::Superseded)
        );
        assert_eq!(accept(&mut stream, u64::MAX, Order::Monotonic), None);
        for number in [0, 1, u64::MAX - 1, u64::MAX] {
            assert_eq!(
                stream.refuses(number, Order::Monotonic),
                Some(Claimed::Superseded)
            );
        }
    }

    #[test]
    fn all_of_them_in_any_order() {
        let order = Order::Gapless {
            first: 1,
            window: 5,
        };
        let mut stream = Stream::default();
        assert_eq!(accept(&mut stream, 0, order), Some(Claimed::Superseded));
        assert_eq!(accept(&mut stream, 6, order), Some(Claimed::Gap));
        for number in [5, 2, 3] {
            assert_eq!(accept(&mut stream, number, order), None);
        }
        assert_eq!(stream.missing(), [1..=1, 4..=4]);
        assert_eq!(accept(&mut stream, 3, order), Some(Claimed::Superseded));
        assert_eq!(accept(&mut stream, 1, order), None);
        assert_eq!(stream.missing(), [4..=4]);
        assert_eq!(accept(&mut stream, 9, order), Some(Claimed::Gap));
        assert_eq!(accept(&mut stream, 8, order), None);
        assert_eq!(stream.missing(), [4..=4, 6..=7]);
        stream.skip(7);
        assert_eq!(stream.missing(), [7..=7]);
        assert_eq!(accept(&mut stream, 6, order), Some(Claimed::Superseded));
        assert_eq!(accept(&mut stream, 7, order), None);
        assert!(stream.missing().is_empty());
        assert_eq!(
            stream,
            Stream {
                mark: Some(8),
                seen: Vec::new()
            }
        );
    }

    #[test]
    fn the_ends_of_the_numbers() {
        let order = Order::Gapless {
            first: 0,
            window: 2,
        };
        let mut stream = Stream::default();
        assert_eq!(accept(&mut stream, 2, order), Some(Claimed::Gap));
        assert_eq!(accept(&mut stream, 1, order), None);
        assert_eq!(stream.missing(), [0..=0]);
        assert_eq!(accept(&mut stream, 0, order), None);
        stream.skip(u64::MAX);
        assert_eq!(accept(&mut stream, u64::MAX, order), None);
        assert!(stream.missing().is_empty());
        assert_eq!(
            accept(&mut stream, u64::MAX, order),
            Some(Claimed::Superseded)
        );
        assert_eq!(Stream::from_bytes(&[2; 9]), None);
        assert_eq!(Stream::from_bytes(&[1; 8]), None);
    }
}
