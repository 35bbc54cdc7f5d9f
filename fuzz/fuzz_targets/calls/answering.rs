//! What follows opening: leases, receipts, evidence, and all that may be looked at.

use super::*;
use bulla::ffi::evidence::*;
use bulla::ffi::receipt::*;
use bulla::ffi::receipt_proof::*;
use bulla::ffi::receipter::*;

impl World {
    pub unsafe fn answer(&mut self, s: &mut Script<'_>) {
        let (lease, receipter, number) = (self.leases.pick(s), self.receipters.pick(s), s.number());
        unsafe {
            match s.byte() % 14 {
                0 => {
                    let (answer, length) = self.input(s);
                    self.answers.take(done, |place, e| {
                        bulla_lease_commit(lease, number as u32, answer, length, place, e)
                    });
                }
                1 => {
                    // What is given belongs to the handle that the call ends.
                    let context = bulla_stamp_context(bulla_lease_stamp(lease));
                    self.answers.take(done, |place, e| {
                        bulla_lease_commit(lease, 128, context.data, context.length, place, e)
                    });
                }
                2 => {
                    judged(|e| bulla_lease_release(lease, e));
                }
                3 => {
                    judged(|e| bulla_lease_renew(lease, number, e));
                }
                4 | 5 => {
                    self.answers.take(done, |place, e| {
                        bulla_receipter_accept(receipter, lease, place, e)
                    });
                }
                6 => {
                    let code = number as u16;
                    self.answers.take(done, |place, e| {
                        bulla_receipter_reject(receipter, lease, code, c"no".as_ptr(), place, e)
                    });
                }
                7 => {
                    self.answers.take(done, |place, e| {
                        bulla_lease_accept_unanswered(lease, place, e)
                    });
                }
                8 => {
                    let (out, stream) = (self.out(s), self.open_streams.pick(s));
                    let before = bulla_buffer_length(out);
                    let status = judged(|e| {
                        bulla_receipter_damaged(receipter, stream, c"cut".as_ptr(), out, e)
                    });
                    if status == 0 {
                        self.ledger.keep(since(out, before));
                    }
                }
                9 => self.receipt(s),
                10..=12 => self.evidence(s),
                _ => self.look(s),
            }
        }
    }

    unsafe fn receipt(&mut self, s: &mut Script<'_>) {
        let (identity, policy, clock) = (
            self.identities.pick(s),
            self.policies.pick(s),
            self.clocks.pick(s),
        );
        let receipt = self.receipts.pick(s);
        unsafe {
            match s.byte() % 5 {
                0 => {
                    let (data, length) = self.input(s);
                    self.receipts.take(done, |place, e| {
                        bulla_receipt_open(identity, policy, clock, data, length, place, e)
                    });
                }
                1 => {
                    // The receipt of an answer, as it would come back.
                    let view = bulla_answer_receipt(self.answers.pick(s));
                    let (data, length) = (view.data, view.length);
                    self.receipts.take(done, |place, e| {
                        bulla_receipt_open(identity, policy, clock, data, length, place, e)
                    });
                }
                2 => {
                    let mut which = 0x5a;
                    let (sent, count) = (&raw const self.sent, s.byte().min(1).into());
                    let status =
                        judged(|e| bulla_receipt_check(receipt, sent, count, &raw mut which, e));
                    assert!(status == 0 || which == 0x5a);
                }
                3 => {
                    let out = self.out(s);
                    judged(|e| bulla_receipt_to_proof(receipt, out, e));
                    seen(bulla_receipt_context(receipt));
                }
                _ => {
                    let (data, length) = self.input(s);
                    self.receipt_proofs.take(done, |place, e| {
                        bulla_receipt_proof_check(data, length, place, e)
                    });
                    let proof = self.receipt_proofs.pick(s);
                    seen(bulla_receipt_proof_context(proof));
                }
            }
        }
    }

    unsafe fn evidence(&mut self, s: &mut Script<'_>) {
        let (message, out) = (self.messages.pick(s), self.out(s));
        unsafe {
            let before = bulla_buffer_length(out);
            let status = judged(|e| bulla_message_evidence(message, out, e));
            assert!(status == 0 || bulla_buffer_length(out) == before);
            let (data, length) = if status == 0 {
                (
                    bulla_buffer_data(out).add(before),
                    bulla_buffer_length(out) - before,
                )
            } else {
                self.input(s)
            };
            let checked = self.evidence.take(done, |place, e| {
                bulla_evidence_check(data, length, place, e)
            });
            let evidence = self.evidence.pick(s);
            look(bulla_evidence_stamp(evidence));
            if status == 0 {
                assert_eq!(checked, 0, "the evidence that was given is none");
                let content = self.ledger.known(message);
                let (evidence, data) = (self.evidence.last(), content.as_ptr());
                assert_eq!(bulla_evidence_is_about(evidence, data, content.len()), 1);
            }
        }
    }

    unsafe fn look(&mut self, s: &mut Script<'_>) {
        let (message, lease, answer) = (
            self.messages.pick(s),
            self.leases.pick(s),
            self.answers.pick(s),
        );
        unsafe {
            look(bulla_message_stamp(message));
            look(bulla_lease_stamp(lease));
            look(bulla_open_stream_stamp(self.open_streams.pick(s)));
            look(bulla_answer_stamp(answer));
            look(bulla_message_stamp(bulla_answer_message(answer)));
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

/// Reads all of it, so that a sanitizer sees it.
pub unsafe fn seen(view: bulla_view) {
    if !view.data.is_null() {
        let bytes = unsafe { core::slice::from_raw_parts(view.data, view.length) };
        std::hint::black_box(bytes.iter().fold(0_u8, |sum, byte| sum ^ byte));
    }
}

pub unsafe fn look(stamp: *const bulla_stamp) {
    const NOTHING: bulla_view = bulla_view {
        data: core::ptr::null(),
        length: 0,
    };
    unsafe {
        seen(bulla_stamp_context(stamp));
        seen(bulla_stamp_content_type(stamp));
        let (mut name, mut value) = (NOTHING, NOTHING);
        for index in 0..bulla_stamp_attribute_count(stamp) {
            let (name_out, value_out) = (&raw mut name, &raw mut value);
            let status = judged(|e| bulla_stamp_attribute_at(stamp, index, name_out, value_out, e));
            assert_eq!(status, 0);
            seen(name);
            seen(value);
        }
    }
}
