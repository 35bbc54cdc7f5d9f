//! What readers are told to accept: policies, openers, stores and receipters.

use super::hosts::{self, Mood};
use super::*;
use bulla::ffi::receipter::*;
use bulla::ffi::store::*;
use bulla::ffi::types::bulla_key;

impl World {
    pub unsafe fn rule(&mut self, s: &mut Script<'_>) {
        let (policy, opener, number) = (self.policies.pick(s), self.openers.pick(s), s.number());
        let (public, clock) = (self.publics.pick(s), self.clocks.pick(s));
        unsafe {
            match s.byte() % 16 {
                0 => judge!(bulla_policy_allow_identity(policy, public)),
                1 => {
                    let window = s.byte().into();
                    judge!(bulla_policy_order(policy, number as u32, window, 0))
                }
                2 => judge!(bulla_policy_max_age(policy, number)),
                3 => judge!(bulla_policy_allow_own(policy, number as u8)),
                4 => {
                    let key: Option<bulla_key> = value!(bulla_public_key(public)).1;
                    let key = key.unwrap_or_else(|| bulla_key {
                        bytes: [s.byte(); 32],
                    });
                    judge!(bulla_policy_allow(policy, &raw const key))
                }
                5 => judge!(bulla_policy_skew(policy, number)),
                6 => judge!(bulla_policy_demand_challenge(policy, number as u8)),
                7 => judge!(bulla_policy_max_trials(policy, number as usize)),
                8 => take!(self.policies, bulla_policy_new(c"fuzz".as_ptr())),
                9 => judge!(bulla_policy_allow_anyone(policy)),
                10 => judge!(bulla_opener_clock(opener, clock)),
                11 => judge!(bulla_opener_cache(opener, number as usize)),
                12 => {
                    let status = judge!(bulla_opener_reader_name(opener, c"other".as_ptr()));
                    if status == 0 {
                        self.promises.renamed(opener, [1; 32]);
                    }
                    status
                }
                13 => self.ask_host(s),
                14 => {
                    let receipter = self.receipters.pick(s);
                    judge!(bulla_receipter_clock(receipter, clock))
                }
                _ => {
                    let (receipter, guard) = (self.receipters.pick(s), self.guards.pick(s));
                    let burst = s.byte().into();
                    judge!(bulla_receipter_limit(receipter, guard, number, burst))
                }
            };
        }
    }

    /// The store asks the host whether there is room, or whether it accepts what came.
    unsafe fn ask_host(&mut self, s: &mut Script<'_>) -> i32 {
        let store = self.stores.pick(s);
        let context = Box::into_raw(Box::new(Mood::new(s.byte(), s.byte())));
        let (pointer, drop_it) = (context.cast(), Some(hosts::drop_mood as _));
        unsafe {
            let status = if s.byte() & 1 == 0 {
                let has_room = Some(hosts::has_room as _);
                judge!(bulla_store_ask_for_room(store, has_room, pointer, drop_it))
            } else {
                let judge = Some(hosts::judge_stamp as _);
                judge!(bulla_store_judge(store, judge, pointer, drop_it))
            };
            if status != 0 {
                drop(Box::from_raw(context));
            }
            status
        }
    }
}
