//! A C program that makes any calls in any order: with handles that were used up, NULL in any place, lengths that are not
//! so. It must never crash, never write to an output on failure, never leak, and never see `BULLA_INTERNAL`.
#![no_main]

use bulla::ffi::answer::{
    bulla_answer, bulla_answer_free, bulla_answer_outcome, bulla_answer_receipt,
};
use bulla::ffi::buffer::{
    bulla_buffer, bulla_buffer_clear, bulla_buffer_data, bulla_buffer_free, bulla_buffer_length,
    bulla_buffer_new,
};
use bulla::ffi::clock::{bulla_clock, bulla_clock_fixed, bulla_clock_free};
use bulla::ffi::draft::*;
use bulla::ffi::evidence::{
    bulla_evidence, bulla_evidence_check, bulla_evidence_free, bulla_evidence_stamp,
};
use bulla::ffi::guard::{bulla_guard, bulla_guard_free, bulla_guard_in_memory, bulla_guard_limits};
use bulla::ffi::identity::{
    bulla_identity, bulla_identity_free, bulla_identity_parse, bulla_identity_public,
    bulla_identity_text,
};
use bulla::ffi::lease::*;
use bulla::ffi::message::*;
use bulla::ffi::open::{bulla_open, bulla_verify_detached};
use bulla::ffi::open_leased::*;
use bulla::ffi::open_stream::*;
use bulla::ffi::opener::*;
use bulla::ffi::policy::*;
use bulla::ffi::public::{bulla_public, bulla_public_free, bulla_public_line};
use bulla::ffi::receipt::*;
use bulla::ffi::receipter::*;
use bulla::ffi::seal::*;
use bulla::ffi::seal_stream::*;
use bulla::ffi::sealer::*;
use bulla::ffi::stamp::*;
use bulla::ffi::types::{bulla_sent, bulla_view};
use bulla_forge::NOW;
use bulla_fuzz::{ALICE, BOB, Hand, Script, judged};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static KEYS: LazyLock<[String; 2]> = LazyLock::new(|| {
    [&*ALICE, &*BOB].map(|it| {
        it.to_key_file(None, &bulla_fuzz::FixedEntropy)
            .unwrap()
            .to_string()
    })
});

struct World {
    identities: Hand<bulla_identity>,
    publics: Hand<bulla_public>,
    buffers: Hand<bulla_buffer>,
    clocks: Hand<bulla_clock>,
    drafts: Hand<bulla_draft>,
    sealers: Hand<bulla_sealer>,
    seal_streams: Hand<bulla_seal_stream>,
    policies: Hand<bulla_policy>,
    guards: Hand<bulla_guard>,
    openers: Hand<bulla_opener>,
    open_streams: Hand<bulla_open_stream>,
    messages: Hand<bulla_message>,
    leases: Hand<bulla_lease>,
    answers: Hand<bulla_answer>,
    receipters: Hand<bulla_receipter>,
    receipts: Hand<bulla_receipt>,
    evidence: Hand<bulla_evidence>,
    sent: bulla_sent,
}

const fn done(status: i32) -> bool {
    status == 0
}

impl World {
    fn new() -> Self {
        Self {
            identities: Hand::new(bulla_identity_free),
            publics: Hand::new(bulla_public_free),
            buffers: Hand::new(bulla_buffer_free),
            clocks: Hand::new(bulla_clock_free),
            drafts: Hand::new(bulla_draft_free),
            sealers: Hand::new(bulla_sealer_free),
            seal_streams: Hand::new(bulla_seal_stream_free),
            policies: Hand::new(bulla_policy_free),
            guards: Hand::new(bulla_guard_free),
            openers: Hand::new(bulla_opener_free),
            open_streams: Hand::new(bulla_open_stream_free),
            messages: Hand::new(bulla_message_free),
            leases: Hand::new(bulla_lease_free),
            answers: Hand::new(bulla_answer_free),
            receipters: Hand::new(bulla_receipter_free),
            receipts: Hand::new(bulla_receipt_free),
            evidence: Hand::new(bulla_evidence_free),
            sent: bulla_sent::default(),
        }
    }

    /// So much that the first calls can come to something.
    unsafe fn furnish(&mut self, s: &mut Script<'_>) {
        unsafe {
            for key in KEYS.iter() {
                self.identities.take(done, |out, e| {
                    bulla_identity_parse(key.as_ptr(), key.len(), core::ptr::null(), out, e)
                });
            }
            for _ in 0..3 {
                self.buffers.take(done, |out, e| bulla_buffer_new(out, e));
            }
            self.clocks
                .take(done, |out, e| bulla_clock_fixed(NOW, out, e));
            for at in [0, 1] {
                let identity = self.identities.pick(&mut Script::new(&[at]));
                self.publics
                    .take(done, |out, e| bulla_identity_public(identity, out, e));
                self.sealers
                    .take(done, |out, e| bulla_sealer_new(identity, out, e));
            }
            self.drafts
                .take(done, |out, e| bulla_draft_new(c"fuzz".as_ptr(), out, e));
            self.policies
                .take(done, |out, e| bulla_policy_new(c"fuzz".as_ptr(), out, e));
            let policy = self.policies.pick(&mut Script::new(&[0]));
            judged(|e| bulla_policy_allow_anyone(policy, e));
            self.guards.take(done, |out, e| {
                bulla_guard_in_memory(core::ptr::null(), out, e)
            });
            let _ = s;
        }
    }

    /// The bytes in a buffer.
    unsafe fn bytes(&self, s: &mut Script<'_>) -> (*const u8, usize) {
        let buffer = self.buffers.pick(s);
        unsafe { (bulla_buffer_data(buffer), bulla_buffer_length(buffer)) }
    }

    unsafe fn step(&mut self, s: &mut Script<'_>) {
        unsafe {
            match s.byte() % 8 {
                0 => self.make(s),
                1 => self.describe(s),
                2 | 3 => self.seal(s),
                4 | 5 => self.open(s),
                6 => self.answer(s),
                _ => self.release(s),
            }
        }
    }

    unsafe fn make(&mut self, s: &mut Script<'_>) {
        unsafe {
            match s.byte() % 10 {
                0 => {
                    let identity = self.identities.pick(s);
                    self.publics
                        .take(done, |out, e| bulla_identity_public(identity, out, e));
                }
                1 => {
                    let (text, length) = s.slice();
                    self.identities.take(done, |out, e| {
                        bulla_identity_parse(text, length, core::ptr::null(), out, e)
                    });
                }
                2 => {
                    self.buffers.take(done, |out, e| bulla_buffer_new(out, e));
                }
                3 => {
                    let time = NOW.wrapping_add(s.number());
                    self.clocks
                        .take(done, |out, e| bulla_clock_fixed(time, out, e));
                }
                4 => {
                    let identity = self.identities.pick(s);
                    self.sealers
                        .take(done, |out, e| bulla_sealer_new(identity, out, e));
                }
                5 => {
                    let limits = bulla_guard_limits {
                        capacity: s.byte().into(),
                        strangers: s.byte().into(),
                        per_sender: 0,
                        per_stranger: 0,
                    };
                    self.guards.take(done, |out, e| {
                        bulla_guard_in_memory(&raw const limits, out, e)
                    });
                }
                6 => {
                    let (identity, policy, guard) = (
                        self.identities.pick(s),
                        self.policies.pick(s),
                        self.guards.pick(s),
                    );
                    self.openers.take(done, |out, e| {
                        bulla_opener_new(identity, policy, guard, out, e)
                    });
                }
                7 => {
                    let (identity, policy) = (self.identities.pick(s), self.policies.pick(s));
                    self.openers.take(done, |out, e| {
                        bulla_opener_new_archive(identity, policy, out, e)
                    });
                }
                8 => {
                    let (policy, guard) = (self.policies.pick(s), self.guards.pick(s));
                    self.openers.take(done, |out, e| {
                        bulla_verifier_new(c"reader".as_ptr(), policy, guard, out, e)
                    });
                }
                _ => {
                    let identity = self.identities.pick(s);
                    self.receipters
                        .take(done, |out, e| bulla_receipter_new(identity, out, e));
                }
            }
        }
    }

    unsafe fn describe(&mut self, s: &mut Script<'_>) {
        let (draft, sealer, policy, opener) = (
            self.drafts.pick(s),
            self.sealers.pick(s),
            self.policies.pick(s),
            self.openers.pick(s),
        );
        let (public, clock, number) = (self.publics.pick(s), self.clocks.pick(s), s.number());
        unsafe {
            match s.byte() % 14 {
                0 => judged(|e| bulla_draft_expires_in(draft, number, e)),
                1 => judged(|e| bulla_draft_expires_at(draft, number, e)),
                2 => {
                    let (value, length) = s.slice();
                    judged(|e| bulla_draft_attribute(draft, c"name".as_ptr(), value, length, e))
                }
                3 => {
                    let (stream, length) = s.slice();
                    judged(|e| bulla_draft_sequence(draft, stream, length, number, e))
                }
                4 => judged(|e| bulla_draft_ask_receipts(draft, number as u32, public, e)),
                5 => judged(|e| bulla_draft_again(draft, &raw const self.sent, e)),
                6 => judged(|e| bulla_sealer_to(sealer, public, e)),
                7 => judged(|e| bulla_sealer_to_nobody(sealer, e)),
                8 => judged(|e| bulla_sealer_padding(sealer, number as u32, e)),
                9 => judged(|e| bulla_sealer_clock(sealer, clock, e)),
                10 => judged(|e| bulla_policy_allow_identity(policy, public, e)),
                11 => judged(|e| bulla_policy_order(policy, number as u32, s.byte().into(), 0, e)),
                12 => judged(|e| bulla_policy_max_age(policy, number, e)),
                _ => judged(|e| bulla_opener_clock(opener, clock, e)),
            };
        }
    }

    unsafe fn seal(&mut self, s: &mut Script<'_>) {
        let (sealer, draft, out, stream) = (
            self.sealers.pick(s),
            self.drafts.pick(s),
            self.buffers.pick(s),
            self.seal_streams.pick(s),
        );
        unsafe {
            let before = bulla_buffer_length(out);
            let status = match s.byte() % 9 {
                kind @ 0..=2 => {
                    let (content, length) = s.slice();
                    let call = [bulla_seal, bulla_sign, bulla_sign_detached][usize::from(kind)];
                    let sent = &raw mut self.sent;
                    judged(|e| call(sealer, draft, content, length, out, sent, e))
                }
                3 => {
                    let length = s.number();
                    self.seal_streams.take(done, |place, e| {
                        bulla_seal_stream_new(sealer, draft, length, out, place, e)
                    })
                }
                4 => {
                    let length = s.number();
                    self.seal_streams.take(done, |place, e| {
                        bulla_sign_stream_new(sealer, draft, length, out, place, e)
                    })
                }
                5 | 6 => {
                    let (content, length) = s.slice();
                    judged(|e| bulla_seal_stream_update(stream, content, length, out, e))
                }
                7 => judged(|e| bulla_seal_stream_pad(stream, out, e)),
                _ => {
                    let sent = &raw mut self.sent;
                    judged(|e| bulla_seal_stream_finish(stream, out, sent, e))
                }
            };
            assert!(status == 0 || bulla_buffer_length(out) == before);
        }
    }

    unsafe fn open(&mut self, s: &mut Script<'_>) {
        let (opener, out, stream) = (
            self.openers.pick(s),
            self.buffers.pick(s),
            self.open_streams.pick(s),
        );
        unsafe {
            let before = bulla_buffer_length(out);
            let (data, length) = if s.byte() < 200 {
                self.bytes(s)
            } else {
                s.slice()
            };
            let status = match s.byte() % 9 {
                0 => self.messages.take(done, |place, e| {
                    bulla_open(opener, data, length, out, place, e)
                }),
                1 => {
                    let (content, size) = s.slice();
                    self.messages.take(done, |place, e| {
                        bulla_verify_detached(opener, data, length, content, size, place, e)
                    })
                }
                2 => self
                    .open_streams
                    .take(done, |place, e| bulla_open_stream_new(opener, place, e)),
                3 | 4 => {
                    judged(|e| bulla_open_stream_update_provisional(stream, data, length, out, e))
                }
                5 => self.messages.take(done, |place, e| {
                    bulla_open_stream_finish(stream, out, place, e)
                }),
                6 => self.leased(|lease, again, e| {
                    bulla_open_leased(opener, data, length, 60, out, lease, again, e)
                }),
                7 => self.leased(|lease, again, e| {
                    bulla_open_stream_finish_leased(stream, 60, out, lease, again, e)
                }),
                _ => self.leased(|lease, again, e| {
                    bulla_open_stream_refuse_leased(stream, 60, lease, again, e)
                }),
            };
            assert!(status == 0 || status == 101 || bulla_buffer_length(out) == before);
        }
    }

    /// A call that gives a lease, or what became of the message before.
    fn leased(
        &mut self,
        call: impl FnOnce(
            *mut *mut bulla_lease,
            *mut *mut bulla_answer,
            *mut bulla::ffi::status::bulla_error,
        ) -> i32,
    ) -> i32 {
        let Self {
            leases, answers, ..
        } = self;
        // Two places, of which an answer writes to one; the error is judged once.
        leases.take(done, |lease, error| {
            answers.take_with(
                |status| status == 101,
                error,
                |again, error| call(lease, again, error),
            )
        })
    }

    unsafe fn answer(&mut self, s: &mut Script<'_>) {
        let (lease, receipter, message) = (
            self.leases.pick(s),
            self.receipters.pick(s),
            self.messages.pick(s),
        );
        let (identity, policy, out, number) = (
            self.identities.pick(s),
            self.policies.pick(s),
            self.buffers.pick(s),
            s.number(),
        );
        unsafe {
            match s.byte() % 10 {
                0 => {
                    let (answer, length) = s.slice();
                    self.answers.take(done, |place, e| {
                        bulla_lease_commit(lease, number as u32, answer, length, place, e)
                    });
                }
                1 => {
                    judged(|e| bulla_lease_release(lease, e));
                }
                2 => {
                    judged(|e| bulla_lease_renew(lease, number, e));
                }
                3 => {
                    self.answers.take(done, |place, e| {
                        bulla_receipter_accept(receipter, lease, place, e)
                    });
                }
                4 => {
                    self.answers.take(done, |place, e| {
                        bulla_receipter_reject(
                            receipter,
                            lease,
                            number as u16,
                            c"no".as_ptr(),
                            place,
                            e,
                        )
                    });
                }
                5 => {
                    let (data, length) = self.bytes(s);
                    self.receipts.take(done, |place, e| {
                        bulla_receipt_open(
                            identity,
                            policy,
                            core::ptr::null(),
                            data,
                            length,
                            place,
                            e,
                        )
                    });
                }
                6 => {
                    let receipt = self.receipts.pick(s);
                    let mut which = 0x5a;
                    let status = judged(|e| {
                        bulla_receipt_check(
                            receipt,
                            &raw const self.sent,
                            s.byte().min(1).into(),
                            &raw mut which,
                            e,
                        )
                    });
                    assert!(status == 0 || which == 0x5a);
                }
                7 => {
                    judged(|e| bulla_message_evidence(message, out, e));
                }
                8 => {
                    let (data, length) = self.bytes(s);
                    self.evidence.take(done, |place, e| {
                        bulla_evidence_check(data, length, place, e)
                    });
                    look(bulla_evidence_stamp(self.evidence.pick(s)));
                }
                _ => {
                    look(bulla_message_stamp(message));
                    look(bulla_lease_stamp(lease));
                    look(bulla_open_stream_stamp(self.open_streams.pick(s)));
                    let answer = self.answers.pick(s);
                    seen(bulla_answer_receipt(answer));
                    seen(bulla_lease_path(lease));
                    let _ = (
                        bulla_answer_outcome(answer),
                        bulla_lease_kind(lease),
                        bulla_message_is_fresh(message),
                    );
                }
            }
        }
    }

    unsafe fn release(&mut self, s: &mut Script<'_>) {
        let (out, identity, public) = (
            self.buffers.pick(s),
            self.identities.pick(s),
            self.publics.pick(s),
        );
        match s.byte() % 20 {
            0 => self.identities.drop_one(s),
            1 => self.publics.drop_one(s),
            2 => self.buffers.drop_one(s),
            3 => self.clocks.drop_one(s),
            4 => self.drafts.drop_one(s),
            5 => self.sealers.drop_one(s),
            6 => self.seal_streams.drop_one(s),
            7 => self.policies.drop_one(s),
            8 => self.guards.drop_one(s),
            9 => self.openers.drop_one(s),
            10 => self.open_streams.drop_one(s),
            11 => self.messages.drop_one(s),
            12 => self.leases.drop_one(s),
            13 => self.answers.drop_one(s),
            14 => self.receipters.drop_one(s),
            15 => self.receipts.drop_one(s),
            16 => {
                judged(|e| unsafe { bulla_identity_text(identity, core::ptr::null(), out, e) });
            }
            17 => {
                judged(|e| unsafe { bulla_public_line(public, out, e) });
            }
            // SAFETY: a buffer that lives, or NULL.
            _ => unsafe { bulla_buffer_clear(out) },
        }
    }
}

/// Reads all of it, so that a sanitizer sees it.
unsafe fn seen(view: bulla_view) {
    if !view.data.is_null() {
        let bytes = unsafe { core::slice::from_raw_parts(view.data, view.length) };
        std::hint::black_box(bytes.iter().fold(0_u8, |sum, byte| sum ^ byte));
    }
}

unsafe fn look(stamp: *const bulla_stamp) {
    unsafe {
        seen(bulla_stamp_context(stamp));
        seen(bulla_stamp_content_type(stamp));
        let (mut name, mut value) = (
            bulla_view {
                data: core::ptr::null(),
                length: 0,
            },
            bulla_view {
                data: core::ptr::null(),
                length: 0,
            },
        );
        for index in 0..bulla_stamp_attribute_count(stamp) {
            assert_eq!(
                judged(|e| bulla_stamp_attribute_at(
                    stamp,
                    index,
                    &raw mut name,
                    &raw mut value,
                    e
                )),
                0
            );
            seen(name);
            seen(value);
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let mut world = World::new();
    // SAFETY: every pointer is NULL, a handle that lives, or a place of its type.
    unsafe {
        world.furnish(&mut script);
        while !script.is_over() {
            world.step(&mut script);
        }
    }
});
