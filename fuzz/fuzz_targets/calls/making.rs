//! Making the things that calls are made with, and describing messages with them.

use super::hosts::{self, Mood};
use super::*;
use bulla::ffi::clock::*;
use bulla::ffi::guard::*;
use bulla::ffi::guard_callbacks::bulla_guard_of_callbacks;
use bulla::ffi::public::*;
use bulla::ffi::types::bulla_key;

impl World {
    pub unsafe fn make(&mut self, s: &mut Script<'_>) {
        let (identity, policy, guard) = (
            self.identities.pick(s),
            self.policies.pick(s),
            self.guards.pick(s),
        );
        unsafe {
            match s.byte() % 14 {
                0 => self
                    .publics
                    .take(done, |out, e| bulla_identity_public(identity, out, e)),
                1 => {
                    // A key file that is one, or not.
                    let (text, length) = match s.byte() % 4 {
                        0 => self.input(s),
                        at => (
                            KEYS[usize::from(at) / 2].as_ptr(),
                            KEYS[usize::from(at) / 2].len(),
                        ),
                    };
                    self.identities.take(done, |out, e| {
                        bulla_identity_parse(text, length, core::ptr::null(), out, e)
                    })
                }
                2 => self.wrap(s.byte().into()),
                3 => {
                    let time = NOW.wrapping_add(s.number());
                    self.clocks
                        .take(done, |out, e| bulla_clock_fixed(time, out, e))
                }
                4 => self.make_sealer(identity),
                5 => {
                    let limits = bulla_guard_limits {
                        capacity: s.byte().into(),
                        strangers: s.byte().into(),
                        per_sender: 0,
                        per_stranger: 0,
                    };
                    self.guards.take(done, |out, e| {
                        bulla_guard_in_memory(&raw const limits, out, e)
                    })
                }
                6 => self.openers.take(done, |out, e| {
                    bulla_opener_new(identity, policy, guard, out, e)
                }),
                7 => self.openers.take(done, |out, e| {
                    bulla_opener_new_archive(identity, policy, out, e)
                }),
                8 => self.openers.take(done, |out, e| {
                    bulla_verifier_new(c"reader".as_ptr(), policy, guard, out, e)
                }),
                9 => self
                    .receipters
                    .take(done, |out, e| bulla_receipter_new(identity, out, e)),
                10 => self.make_host_clock(Mood::new(s.byte(), s.byte())),
                11 => self.make_host_guard(Mood::new(s.byte(), s.byte()), s.byte() & 1 == 0),
                12 => self
                    .sessions
                    .take(done, |out, e| bulla_session_new(identity, out, e)),
                _ => self.buffers.take(done, |out, e| bulla_buffer_new(out, e)),
            };
        }
    }

    pub unsafe fn make_sealer(&mut self, identity: *mut bulla_identity) -> i32 {
        let status = self
            .sealers
            .take(done, |out, e| unsafe { bulla_sealer_new(identity, out, e) });
        if status == 0 {
            let sealer = self.sealers.last();
            self.ledger.reaching.remove(&sealer.addr());
        }
        status
    }

    unsafe fn make_host_clock(&mut self, mood: Mood) -> i32 {
        let context = Box::into_raw(Box::new(mood)).cast();
        unsafe {
            let (now, drop) = (Some(hosts::tell_time as _), Some(hosts::drop_mood as _));
            let status = self
                .clocks
                .take(done, |out, e| bulla_clock_new(now, context, drop, out, e));
            assert_eq!(status, 0);
            status
        }
    }

    pub unsafe fn make_host_guard(&mut self, mood: Mood, all: bool) -> i32 {
        let context = Box::into_raw(Box::new(hosts::Guard::new(mood)));
        let callbacks = hosts::callbacks(context, all);
        let status = self.guards.take(done, |out, e| unsafe {
            bulla_guard_of_callbacks(&raw const callbacks, out, e)
        });
        assert_eq!(status, 0);
        status
    }

    pub unsafe fn describe(&mut self, s: &mut Script<'_>) {
        let (draft, sealer, policy, opener) = (
            self.drafts.pick(s),
            self.sealers.pick(s),
            self.policies.pick(s),
            self.openers.pick(s),
        );
        let (public, clock, number) = (self.publics.pick(s), self.clocks.pick(s), s.number());
        unsafe {
            match s.byte() % 20 {
                0 => judged(|e| bulla_draft_expires_in(draft, number, e)),
                1 => judged(|e| bulla_draft_expires_at(draft, number, e)),
                2 => {
                    let (value, length) = self.input(s);
                    judged(|e| bulla_draft_attribute(draft, c"name".as_ptr(), value, length, e))
                }
                3 => {
                    let (stream, length) = self.input(s);
                    judged(|e| bulla_draft_sequence(draft, stream, length, number, e))
                }
                4 | 5 => judged(|e| bulla_draft_ask_receipts(draft, number as u32, public, e)),
                6 => judged(|e| bulla_draft_again(draft, &raw const self.sent, e)),
                7 | 8 => self.add_recipient(sealer, public),
                9 => judged(|e| bulla_sealer_to_nobody(sealer, e)),
                10 => judged(|e| bulla_sealer_padding(sealer, number as u32, e)),
                11 => judged(|e| bulla_sealer_clock(sealer, clock, e)),
                12 => judged(|e| bulla_policy_allow_identity(policy, public, e)),
                13 => judged(|e| bulla_policy_order(policy, number as u32, s.byte().into(), 0, e)),
                14 => judged(|e| bulla_policy_max_age(policy, number, e)),
                15 => judged(|e| bulla_sealer_decoys(sealer, number as usize, e)),
                16 => judged(|e| bulla_sealer_session(sealer, self.sessions.pick(s), e)),
                17 => judged(|e| bulla_opener_cache(opener, number as usize, e)),
                18 => judged(|e| bulla_policy_allow_own(policy, number as u8, e)),
                _ => judged(|e| bulla_opener_clock(opener, clock, e)),
            };
        }
    }

    pub unsafe fn add_recipient(
        &mut self,
        sealer: *mut bulla_sealer,
        public: *mut bulla_public,
    ) -> i32 {
        unsafe {
            let status = judged(|e| bulla_sealer_to(sealer, public, e));
            let mut key = bulla_key::default();
            if status == 0 && judged(|e| bulla_public_key(public, &raw mut key, e)) == 0 {
                let here = [&*ALICE, &*BOB].map(|it| it.verifying_key().as_bytes().to_owned());
                if here.contains(&key.bytes) {
                    self.ledger.reaching.insert(sealer.addr());
                }
            }
            status
        }
    }

    /// Memory of the program's as a buffer, of exactly that length, so that a sanitizer sees what goes past it.
    pub unsafe fn wrap(&mut self, capacity: usize) -> i32 {
        // Small ones, and some in which an envelope has room.
        let capacity = if capacity < 200 {
            capacity
        } else {
            (capacity - 195) * 128
        };
        let memory = Box::into_raw(vec![0xee_u8; capacity].into_boxed_slice());
        self.memory.push(memory);
        self.buffers.take(done, |out, e| unsafe {
            bulla_buffer_wrap(memory.cast(), capacity, out, e)
        })
    }
}
