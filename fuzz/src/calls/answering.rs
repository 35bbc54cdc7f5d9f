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
            let status = match s.byte() % 16 {
                0 => {
                    let (answer, length) = self.input(s);
                    let outcome = number as u32;
                    take!(
                        self.answers,
                        bulla_lease_commit(lease, outcome, answer, length)
                    )
                }
                1 => {
                    // What is given belongs to the handle that the call ends.
                    let context = call!(bulla_stamp_context(call!(bulla_lease_stamp(lease))));
                    let (data, length) = (context.data, context.length);
                    take!(self.answers, bulla_lease_commit(lease, 128, data, length))
                }
                2 => {
                    let status = judge!(bulla_lease_release(lease));
                    return self.lease_over(status, lease);
                }
                3 => {
                    judge!(bulla_lease_renew(lease, number));
                    return;
                }
                4 | 5 => take!(self.answers, bulla_receipter_accept(receipter, lease)),
                6 => {
                    let (code, words) = (number as u16, c"no".as_ptr());
                    take!(
                        self.answers,
                        bulla_receipter_reject(receipter, lease, code, words)
                    )
                }
                7 => take!(self.answers, bulla_lease_accept_unanswered(lease)),
                8 | 9 => return self.damaged(s, receipter),
                10 | 11 => return self.receipt(s),
                12..=14 => return self.evidence(s),
                _ => return self.look_round(s),
            };
            if status == 0 {
                self.promises.settled(lease, self.answers.last());
            }
            self.lease_over(status, lease);
        }
    }

    /// A note for the sender of what came damaged.
    unsafe fn damaged(&mut self, s: &mut Script<'_>, receipter: *const bulla_receipter) {
        let (out, words) = (self.out(s), c"cut".as_ptr());
        unsafe {
            let before = call!(bulla_buffer_length(out));
            let status = if s.byte() & 1 == 0 {
                let stream = self.open_streams.pick(s);
                judge!(bulla_receipter_damaged(receipter, stream, words, out))
            } else {
                let stream = self.store_streams.pick(s);
                judge!(bulla_receipter_damaged_in_store(
                    receipter, stream, words, out
                ))
            };
            let note = since(out, before);
            assert_eq!(status == 0, !note.is_empty());
            if status == 0 {
                self.ledger.keep(note);
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
                    take!(
                        self.receipts,
                        bulla_receipt_open(identity, policy, clock, data, length)
                    );
                }
                1 => {
                    // The receipt of an answer, as it would come back.
                    let view = call!(bulla_answer_receipt(self.answers.pick(s)));
                    let (data, length) = (view.data, view.length);
                    take!(
                        self.receipts,
                        bulla_receipt_open(identity, policy, clock, data, length)
                    );
                }
                2 => {
                    let (sent, count) = (&raw const self.sent, s.byte().min(1).into());
                    let which: Option<usize> = value!(bulla_receipt_check(receipt, sent, count)).1;
                    assert!(which.is_none_or(|it| it < count));
                }
                3 => {
                    let out = self.out(s);
                    let before = call!(bulla_buffer_length(out));
                    let status = judge!(bulla_receipt_to_proof(receipt, out));
                    assert_eq!(status == 0, call!(bulla_buffer_length(out)) > before);
                    looking::read_receipt(receipt);
                }
                _ => {
                    let (data, length) = self.input(s);
                    take!(self.receipt_proofs, bulla_receipt_proof_check(data, length));
                    looking::read_proof(self.receipt_proofs.pick(s));
                }
            }
        }
    }

    unsafe fn evidence(&mut self, s: &mut Script<'_>) {
        let (message, out) = (self.messages.pick(s), self.out(s));
        unsafe {
            let before = call!(bulla_buffer_length(out));
            let status = judge!(bulla_message_evidence(message, out));
            let (data, length) = if status == 0 {
                (
                    call!(bulla_buffer_data(out)).add(before),
                    call!(bulla_buffer_length(out)) - before,
                )
            } else {
                self.input(s)
            };
            let checked = take!(self.evidence, bulla_evidence_check(data, length));
            let evidence = self.evidence.pick(s);
            look(call!(bulla_evidence_stamp(evidence)));
            if status == 0 {
                assert_eq!(checked, 0, "the evidence that was given is none");
                let content = self.ledger.known(message);
                let (evidence, data) = (self.evidence.last(), content.as_ptr());
                let about = call!(bulla_evidence_is_about(evidence, data, content.len()));
                assert_eq!(about, 1, "it is about something else");
                looking::read_evidence(evidence, &content);
            }
        }
    }
}
