//! Making the things that calls are made with, and describing messages with them.

use super::hosts::{self, Mood};
use super::*;
use bulla::ffi::clock::*;
use bulla::ffi::guard::*;
use bulla::ffi::guard_callbacks::bulla_guard_of_callbacks;
use bulla::ffi::keys::{bulla_encryption_key, bulla_public_encryption_key};
use bulla::ffi::public::*;

impl World {
    pub unsafe fn make(&mut self, s: &mut Script<'_>) {
        let identity = self.identities.pick(s);
        unsafe {
            match s.byte() % 16 {
                0 => take!(self.publics, bulla_identity_public(identity)),
                1 => {
                    // A key file that is one, or not.
                    let (text, length) = match s.byte() % 4 {
                        0 => self.input(s),
                        at => (
                            KEYS[usize::from(at) / 2].as_ptr(),
                            KEYS[usize::from(at) / 2].len(),
                        ),
                    };
                    let none = core::ptr::null();
                    take!(self.identities, bulla_identity_parse(text, length, none))
                }
                2 => self.wrap(s.byte().into()),
                3 => {
                    let time = NOW.wrapping_add(s.number());
                    take!(self.clocks, bulla_clock_fixed(time))
                }
                4 => self.make_sealer(identity),
                5 => {
                    let limits = bulla_guard_limits {
                        capacity: s.byte().into(),
                        strangers: s.byte().into(),
                        per_sender: 0,
                        per_stranger: 0,
                    };
                    let status = take!(self.guards, bulla_guard_in_memory(&raw const limits));
                    if status == 0 {
                        self.promises.guard(self.guards.last(), true);
                    }
                    status
                }
                6..=9 => self.make_opener(s, identity),
                10 => take!(self.receipters, bulla_receipter_new(identity)),
                11 => self.make_host_clock(Mood::new(s.byte(), s.byte())),
                12 => self.make_host_guard(Mood::new(s.byte(), s.byte()), s.byte() & 1 == 0),
                13 => take!(self.sessions, bulla_session_new(identity)),
                14 => take!(self.drafts, bulla_draft_new(c"fuzz".as_ptr())),
                _ => take!(self.buffers, bulla_buffer_new()),
            };
        }
    }

    /// An opener of each kind, with a guard or without.
    pub unsafe fn make_opener(
        &mut self,
        s: &mut Script<'_>,
        identity: *const bulla_identity,
    ) -> i32 {
        let (policy, guard) = (self.policies.pick(s), self.guards.pick(s));
        let (kind, reader) = (s.byte() % 8, c"reader".as_ptr());
        unsafe {
            let (status, guard, who) = match kind {
                0..=2 => {
                    let status = take!(self.openers, bulla_opener_new(identity, policy, guard));
                    (status, guard, promises::reader_of(identity))
                }
                3 | 4 => {
                    let status = take!(self.openers, bulla_verifier_new(reader, policy, guard));
                    (status, guard, [2; 32])
                }
                _ => {
                    let status = match kind {
                        5 => take!(self.openers, bulla_opener_new_archive(identity, policy)),
                        6 => take!(self.openers, bulla_opener_new_unguarded(identity, policy)),
                        _ if s.byte() & 1 == 0 => {
                            take!(self.openers, bulla_verifier_new_unguarded(policy))
                        }
                        _ => take!(self.openers, bulla_verifier_new_archive(policy)),
                    };
                    (status, core::ptr::null_mut(), [0; 32])
                }
            };
            if status == 0 {
                self.promises.opener(self.openers.last(), guard, who);
            }
            status
        }
    }

    pub unsafe fn make_sealer(&mut self, identity: *mut bulla_identity) -> i32 {
        let status = unsafe { take!(self.sealers, bulla_sealer_new(identity)) };
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
            let status = take!(self.clocks, bulla_clock_new(now, context, drop));
            assert_eq!(status, 0);
            status
        }
    }

    pub unsafe fn make_host_guard(&mut self, mood: Mood, all: bool) -> i32 {
        let keeps = mood.is_good();
        let context = Box::into_raw(Box::new(host_guard::Guard::new(mood)));
        let callbacks = host_guard::callbacks(context, all);
        let callbacks = &raw const callbacks;
        let status = unsafe { take!(self.guards, bulla_guard_of_callbacks(callbacks)) };
        assert_eq!(status, 0);
        self.promises.guard(self.guards.last(), keeps);
        status
    }

    pub unsafe fn describe(&mut self, s: &mut Script<'_>) {
        let (draft, sealer) = (self.drafts.pick(s), self.sealers.pick(s));
        let (public, clock, number) = (self.publics.pick(s), self.clocks.pick(s), s.number());
        unsafe {
            match s.byte() % 20 {
                0 => judge!(bulla_draft_expires_in(draft, number)),
                1 => judge!(bulla_draft_expires_at(draft, number)),
                2 => {
                    let (value, length) = self.input(s);
                    judge!(bulla_draft_attribute(
                        draft,
                        c"name".as_ptr(),
                        value,
                        length
                    ))
                }
                3 => {
                    let (stream, length) = self.input(s);
                    judge!(bulla_draft_sequence(draft, stream, length, number))
                }
                4 | 5 => judge!(bulla_draft_ask_receipts(draft, number as u32, public)),
                6 => judge!(bulla_draft_again(draft, &raw const self.sent)),
                7 | 8 => self.add_recipient(sealer, public),
                9 => judge!(bulla_sealer_to_nobody(sealer)),
                10 => judge!(bulla_sealer_padding(sealer, number as u32)),
                11 => judge!(bulla_sealer_clock(sealer, clock)),
                12 => judge!(bulla_sealer_decoys(sealer, number as usize)),
                13 => judge!(bulla_sealer_session(sealer, self.sessions.pick(s))),
                14 => {
                    let (entropy, length) = self.input(s);
                    judge!(bulla_sealer_extra_entropy(sealer, entropy, length))
                }
                15 => {
                    let types = [c"text/plain", c"", c"no type", c"a/b; c=d"];
                    let media_type = types[usize::from(s.byte() % 4)].as_ptr();
                    judge!(bulla_draft_content_type(draft, media_type))
                }
                _ => judge!(bulla_draft_answers(draft, self.challenge.as_ptr())),
            };
        }
    }

    pub unsafe fn add_recipient(
        &mut self,
        sealer: *mut bulla_sealer,
        public: *mut bulla_public,
    ) -> i32 {
        unsafe {
            let status = judge!(bulla_sealer_to(sealer, public));
            // Its newest key is the one that is sealed to: all of them must be those of the readers here.
            let mut here = status == 0;
            for index in 0.. {
                let (status, key): (_, Option<bulla_encryption_key>) =
                    value!(bulla_public_encryption_key(public, index));
                if status != 0 {
                    break;
                }
                here &= key.is_some_and(|it| READERS.encryption.contains(&it.bytes));
            }
            if here {
                self.ledger.reaching.insert(sealer.addr());
            }
            status
        }
    }

    /// Memory of the program's as a buffer.
    pub unsafe fn wrap(&mut self, capacity: usize) -> i32 {
        // Small ones, and some in which an envelope has room.
        let capacity = if capacity < 200 {
            capacity
        } else {
            (capacity - 195) * 128
        };
        unsafe { wrap_in(&mut self.buffers, capacity) }
    }
}
