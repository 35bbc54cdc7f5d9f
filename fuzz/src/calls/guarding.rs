//! What a host asks of replay guards: what is missing, what is kept, challenges.

use super::*;
use bulla::ffi::challenge::*;
use bulla::ffi::database::*;
use bulla::ffi::guard::bulla_guard_sweep;
use bulla::ffi::guard_list::*;
use bulla::ffi::guard_redis::bulla_guard_store_id;
use bulla::ffi::ranges::*;

impl World {
    /// The stamp of something that is here.
    pub unsafe fn any_stamp(&self, s: &mut Script<'_>) -> *const bulla_stamp {
        unsafe {
            match s.byte() % 5 {
                0 => call!(bulla_message_stamp(self.messages.pick(s))),
                1 => call!(bulla_lease_stamp(self.leases.pick(s))),
                2 => call!(bulla_open_stream_stamp(self.open_streams.pick(s))),
                3 => call!(bulla_answer_stamp(self.answers.pick(s))),
                _ => call!(bulla_evidence_stamp(self.evidence.pick(s))),
            }
        }
    }

    pub unsafe fn guarding(&mut self, s: &mut Script<'_>) {
        let (guard, opener, number) = (self.guards.pick(s), self.openers.pick(s), s.number());
        unsafe {
            let stamp = self.any_stamp(s);
            match s.byte() % 12 {
                0 => {
                    let most = s.number() as usize;
                    let dropped: Option<usize> = value!(bulla_guard_sweep(guard, number, most)).1;
                    if self.promises.keeps(guard) {
                        assert!(dropped.is_none_or(|it| it <= most), "more than asked for");
                    }
                }
                1 => {
                    if take!(self.ranges, bulla_opener_missing(opener, stamp)) == 0 {
                        read_ranges(self.ranges.last());
                    }
                }
                2 => {
                    judge!(bulla_opener_skip(opener, stamp, number));
                }
                3 => {
                    let known: Option<u8> = value!(bulla_opener_forget_stream(opener, stamp)).1;
                    assert!(known.is_none_or(|it| it <= 1));
                }
                4 | 5 => {
                    let made: (_, Option<[u8; 32]>) = value_of_challenge(opener, number);
                    self.challenge = made.1.unwrap_or(self.challenge);
                }
                6 => {
                    value!(bulla_guard_durable_counts(guard));
                    judge!(bulla_guard_durable_check(guard));
                }
                7 | 8 => self.list_guard(s, guard, number as usize),
                9 => {
                    let out = self.out(s);
                    judge!(bulla_guard_store_id(guard, out));
                }
                10 => {
                    self.make_database(s);
                }
                _ => {
                    self.make_durable(s);
                }
            }
        }
    }

    pub unsafe fn make_durable(&mut self, s: &mut Script<'_>) -> i32 {
        let database = self.databases.pick(s);
        let status = unsafe {
            take!(
                self.guards,
                bulla_guard_durable(database, core::ptr::null())
            )
        };
        if status == 0 {
            self.promises.durable(self.guards.last());
        }
        status
    }

    /// What is in a durable guard: all of it, or what comes after something.
    unsafe fn list_guard(&mut self, s: &mut Script<'_>, guard: *const bulla_guard, most: usize) {
        let (null, forgets) = (core::ptr::null(), s.byte().is_multiple_of(4));
        unsafe {
            if take!(self.entries, bulla_guard_durable_entries(guard, most, null)) == 0 {
                let list = self.entries.last();
                let count = call!(bulla_guard_entry_list_count(list));
                let mut last: Option<bulla_guard_entry> = None;
                for index in 0..=count {
                    let (status, entry) = value!(bulla_guard_entry_list_at(list, index));
                    assert_eq!(status == 0, index < count);
                    last = entry.or(last);
                }
                if let Some(last) = last {
                    let after = &raw const last.name;
                    take!(
                        self.entries,
                        bulla_guard_durable_entries(guard, most, after)
                    );
                }
            }
            if take!(self.streams, bulla_guard_durable_streams(guard, most, null)) == 0 {
                let list = self.streams.last();
                let count = call!(bulla_guard_stream_list_count(list));
                let mut found: Option<bulla_guard_stream> = None;
                for index in 0..=count {
                    let (status, stream) = value!(bulla_guard_stream_list_at(list, index));
                    assert_eq!(status == 0, index < count);
                    found = stream.or(found);
                    let missing = take!(self.ranges, bulla_guard_stream_list_missing(list, index));
                    if missing == 0 {
                        read_ranges(self.ranges.last());
                    }
                }
                if let (Some(found), true) = (found, forgets) {
                    let name = &raw const found.name;
                    let known: Option<u8> =
                        value!(bulla_guard_durable_forget_stream(guard, name)).1;
                    assert_eq!(known, Some(1), "it was in the list");
                }
            }
        }
    }
}

unsafe fn value_of_challenge(opener: *const bulla_opener, seconds: u64) -> (i32, Option<[u8; 32]>) {
    crate::hands::value(|place: *mut [u8; 32], error| unsafe {
        call!(bulla_opener_challenge(opener, seconds, place.cast(), error))
    })
}

/// Ascending, with a gap between each and the next.
unsafe fn read_ranges(ranges: *const bulla_ranges) {
    let mut before: Option<u64> = None;
    unsafe {
        let count = call!(bulla_ranges_count(ranges));
        for index in 0..=count {
            let (status, range) = crate::hands::value(|place: *mut [u64; 2], error| {
                let first = place.cast::<u64>();
                call!(bulla_ranges_get(ranges, index, first, first.add(1), error))
            });
            assert_eq!(status == 0, index < count);
            if let Some([first, last]) = range {
                assert!(first <= last, "a range that ends before it begins");
                assert!(
                    before.is_none_or(|it| it < u64::MAX && first > it + 1),
                    "no gap"
                );
                before = Some(last);
            }
        }
    }
}
