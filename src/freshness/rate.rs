//! A limit of how often something may be done (spec/guard.md §7).

/// At most `burst` times at once, and then once every `every` seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Seconds after which it may be done once more.
    pub every: u64,
    /// How often it may be done at once after a rest.
    pub burst: u32,
}

impl Rate {
    /// Whether it may be done at `now`. `full_at` is when the burst is whole again, as this function said the last time (0 at
    /// first); the answer is what it then becomes, and `None` means no.
    #[must_use]
    pub fn take(self, full_at: u64, now: u64) -> Option<u64> {
        let next = full_at.max(now).checked_add(self.every)?;
        let ahead = next - now.min(next);
        (ahead <= self.every.saturating_mul(u64::from(self.burst))).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let rate = Rate {
            every: 10,
            burst: 3,
        };
        let mut full_at = 0;
        let mut done = alloc::vec::Vec::new();
        for now in 100..140 {
            if let Some(next) = rate.take(full_at, now) {
                full_at = next;
                done.push(now);
            }
        }
        assert_eq!(done, [100, 101, 102, 110, 120, 130]);
        assert_eq!(rate.take(u64::MAX - 1, 100), None);
        assert_eq!(
            Rate {
                every: 10,
                burst: 0
            }
            .take(0, 100),
            None
        );
    }
}
