//! How long to wait before something is sent again.

use super::rows::Due;
use crate::crypto::digest::Digest;

/// Waiting times: the first, doubled each time up to the longest, each a quarter shorter or longer by chance, so that what was
/// sent at one time does not come back at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Seconds until the second time.
    pub first: u64,
    /// Most seconds between two times.
    pub longest: u64,
}

impl Backoff {
    /// A minute, up to six hours.
    pub(super) const DEFAULT: Self = Self {
        first: 60,
        longest: 6 * 60 * 60,
    };

    /// When it is due again after it was sent at `now`.
    pub(super) fn next(&self, due: &Due, now: u64) -> u64 {
        let doubled = due.attempts.saturating_sub(1).min(62);
        let wait = self
            .first
            .checked_shl(doubled)
            .filter(|wait| wait >> doubled == self.first)
            .unwrap_or(u64::MAX)
            .clamp(1, self.longest.max(1));
        // By chance, but the same for the same attempt: to mark it as sent twice changes nothing.
        let dice = Digest::of_parts(&[
            due.header_digest.as_bytes(),
            due.recipient.as_bytes(),
            &due.attempts.to_be_bytes(),
        ]);
        let [a, b, ..] = *dice.as_bytes();
        let chance = u64::from(u16::from_be_bytes([a, b]));
        // Of half the time: 0 to 65535 parts of 65536.
        let spread = u64::try_from((u128::from(wait / 2) * u128::from(chance)) >> 16).unwrap_or(0);
        now.saturating_add(wait - wait / 4).saturating_add(spread)
    }
}
