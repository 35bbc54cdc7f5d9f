//! Ranges of numbers: what is missing of a stream.

use core::ops::RangeInclusive;
use std::vec::Vec;

use super::handle::{Exclusive, Out, free, shared};
use super::status::{BULLA_NOTHING, BULLA_OK, bulla_error, bulla_status, entry, plain};
use crate::{Error, ErrorKind, Result};

/// Ranges of numbers, ascending, with a gap between each and the next.
pub struct bulla_ranges {
    ranges: Exclusive<Vec<RangeInclusive<u64>>>,
}

/// As many as a guard can have to say: every second number of the greatest window, with room to spare.
const MOST: usize = 8192;

impl bulla_ranges {
    pub(super) const fn of(ranges: Vec<RangeInclusive<u64>>) -> Self {
        Self {
            ranges: Exclusive::new(ranges),
        }
    }

    /// What a callback has put into it.
    pub(super) fn take(&self) -> Result<Vec<RangeInclusive<u64>>> {
        self.ranges.enter().map(|mut it| core::mem::take(&mut *it))
    }
}

/// How many ranges there are.
///
/// @param ranges The ranges.
/// @return The count; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_ranges_count(ranges: *const bulla_ranges) -> usize {
    plain(0, || {
        // SAFETY: as the contract says.
        let ranges = unsafe { shared(ranges, "") }.ok()?;
        Some(ranges.ranges.enter_waiting().ok()?.len())
    })
}

/// One of the ranges.
///
/// @param ranges The ranges.
/// @param index Which one, from 0 on.
/// @param first Receives the first number of it.
/// @param last Receives the last number of it, which may be the same.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING if there are not so many; BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_ranges_get(
    ranges: *const bulla_ranges,
    index: usize,
    first: *mut u64,
    last: *mut u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let (first, last) = (
            Out::new(first, "first is NULL")?,
            Out::new(last, "last is NULL")?,
        );
        // SAFETY: as the contract says.
        let ranges = unsafe { shared(ranges, "ranges is NULL") }?;
        let Some(range) = ranges.ranges.enter_waiting()?.get(index).cloned() else {
            return Ok(BULLA_NOTHING);
        };
        first.put(*range.start());
        last.put(*range.end());
        Ok(BULLA_OK)
    })
}

/// Adds a range: for the callbacks of a guard of the host's own.
///
/// @param ranges The ranges.
/// @param first The first number; it must be greater than the last one of the range before by 2 or more.
/// @param last The last number, not less than `first`.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_INVALID_INPUT for NULL, for a range that does not follow, and beyond 8192 ranges.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_ranges_add(
    ranges: *mut bulla_ranges,
    first: u64,
    last: u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let mut ranges = unsafe { shared(ranges, "ranges is NULL") }?
            .ranges
            .enter_waiting()?;
        let follows = ranges
            .last()
            .is_none_or(|before| before.end().checked_add(1).is_some_and(|it| it < first));
        if first > last || !follows || ranges.len() >= MOST {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "ranges ascend, with a gap between each and the next, and are at most 8192",
            ));
        }
        ranges.push(first..=last);
        Ok(BULLA_OK)
    })
}

/// Frees ranges.
///
/// @param ranges The ranges; NULL is nothing. Not those that a callback is given.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_ranges_free(ranges: *mut bulla_ranges) {
    // SAFETY: as the contract says.
    unsafe { free(ranges) }
}
