//! All that may be looked at: of each thing what it says, twice where it says it in two ways.

use super::ledger::copy;
use super::*;
use bulla::ffi::evidence::*;
use bulla::ffi::hasher::*;
use bulla::ffi::inspect::*;
use bulla::ffi::receipt::*;
use bulla::ffi::receipt_proof::*;
use bulla::ffi::status::*;
use bulla::ffi::types::bulla_digest;
use bulla::ffi::version::*;
use core::ffi::{CStr, c_char};

impl World {
    pub unsafe fn look_round(&mut self, s: &mut Script<'_>) {
        let (message, lease, answer) = (
            self.messages.pick(s),
            self.leases.pick(s),
            self.answers.pick(s),
        );
        unsafe {
            look(call!(bulla_message_stamp(message)));
            look(call!(bulla_lease_stamp(lease)));
            look(call!(bulla_open_stream_stamp(self.open_streams.pick(s))));
            look(call!(bulla_answer_stamp(answer)));
            let inner = call!(bulla_answer_message(answer));
            look(call!(bulla_message_stamp(inner)));
            seen(call!(bulla_answer_receipt(answer)));
            seen(call!(bulla_lease_path(lease)));
            let _ = (
                call!(bulla_answer_outcome(answer)),
                call!(bulla_lease_kind(lease)),
                call!(bulla_lease_was_there(lease)),
                call!(bulla_message_is_fresh(message)),
            );
        }
    }

    pub unsafe fn look_beside(&mut self, s: &mut Script<'_>) {
        unsafe {
            match s.byte() % 6 {
                0 => read_status(i32::from(s.byte()) - 100),
                1 => self.hash(s),
                2 => {
                    let (data, length) = self.input(s);
                    value!(bulla_inspect(data, length));
                    let _ = call!(bulla_is_armored(data, length));
                }
                3 => read_receipt(self.receipts.pick(s)),
                4 => read_question(self.questions.pick(s)),
                _ => {
                    let (proof, other) = (self.proofs.pick(s), self.proofs.pick(s));
                    let equal = call!(bulla_audit_proof_equals(proof, other));
                    assert!(equal == 1 || proof != other || proof.is_null());
                }
            }
        }
    }

    /// Digests of one content, at once and in two pieces.
    unsafe fn hash(&mut self, s: &mut Script<'_>) {
        unsafe {
            let (data, length) = self.input(s);
            let content = copy((data, length));
            let whole: Option<bulla_digest> = value!(bulla_digest_of(data, length)).1;
            take!(self.hashers, bulla_hasher_new());
            let hasher = self.hashers.last();
            let (start, rest) = content.split_at(content.len() / 2);
            for piece in [start, rest] {
                let status = judge!(bulla_hasher_update(hasher, piece.as_ptr(), piece.len()));
                assert_eq!(status, 0);
            }
            let pieces: Option<bulla_digest> = value!(bulla_hasher_digest(hasher)).1;
            if let Some(whole) = whole {
                assert_eq!(whole.bytes, pieces.unwrap().bytes);
                assert_eq!(whole.bytes, *blake3::hash(&content).as_bytes());
            }
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
    unsafe {
        seen(call!(bulla_stamp_context(stamp)));
        seen(call!(bulla_stamp_content_type(stamp)));
        let signer: Option<bulla::ffi::types::bulla_key> = value!(bulla_stamp_signer(stamp)).1;
        assert_eq!(signer.is_some(), !stamp.is_null());
        let _ = call!(bulla_stamp_issued(stamp));
        let _: (_, Option<u64>) = value!(bulla_stamp_expires(stamp));
        let _: (_, Option<u64>) = value!(bulla_stamp_length(stamp));
        let _ = call!(bulla_stamp_receipts(stamp));
        let sequence: (_, Option<(bulla_view, u64)>) = pair!(bulla_stamp_sequence(stamp));
        if let Some((stream, _)) = sequence.1 {
            seen(stream);
        }
        let count = call!(bulla_stamp_attribute_count(stamp));
        for index in 0..=count {
            let (_, attribute) = pair!(bulla_stamp_attribute_at(stamp, index));
            assert_eq!(attribute.is_some(), index < count);
            if let Some((name, value)) = attribute {
                seen(name);
                seen(value);
            }
        }
        let asked = value!(bulla_stamp_attribute(stamp, c"name".as_ptr()));
        if let Some(asked) = asked.1 {
            seen(asked);
        }
    }
}

unsafe fn read_status(status: i32) {
    let text = |text: *const c_char| {
        assert!(!unsafe { CStr::from_ptr(text) }.is_empty());
    };
    unsafe {
        text(call!(bulla_status_text(status)));
        text(call!(bulla_status_name(status)));
        text(call!(bulla_version()));
        assert!(call!(bulla_status_class(status)) <= BULLA_CLASS_ANSWER);
        // It may be 0.
        came!(bulla_abi_version);
        assert_eq!(bulla_abi_version(), BULLA_ABI_VERSION);
        assert_eq!(call!(bulla_has_feature(c"sqlite".as_ptr())), 1);
    }
}

/// What a receipt says, and what the proof of it says: the same.
pub unsafe fn read_receipt(receipt: *const bulla_receipt) {
    unsafe {
        let out: Option<*mut bulla_buffer> = value!(bulla_buffer_new()).1;
        let out = out.unwrap();
        watch::made(out);
        let reason: Option<(u16, bulla_view)> = pair!(bulla_receipt_reason(receipt)).1;
        if let Some((_, words)) = reason {
            seen(words);
        }
        let _: Option<(u64, bulla_digest)> = pair!(bulla_receipt_content(receipt)).1;
        let recipient: Option<bulla::ffi::types::bulla_key> =
            value!(bulla_receipt_recipient(receipt)).1;
        let id: Option<bulla::ffi::types::bulla_message_id> =
            value!(bulla_receipt_message_id(receipt)).1;
        if judge!(bulla_receipt_to_proof(receipt, out)) == 0 {
            let bytes = since(out, 0);
            let (data, size) = (bytes.as_ptr(), bytes.len());
            let proof: Option<*mut bulla_receipt_proof> =
                value!(bulla_receipt_proof_check(data, size)).1;
            let proof = proof.expect("the proof that was given is none");
            let said = (
                call!(bulla_receipt_status(receipt)),
                call!(bulla_receipt_issued(receipt)),
                copy_view(call!(bulla_receipt_context(receipt))),
            );
            let proven = (
                call!(bulla_receipt_proof_status(proof)),
                call!(bulla_receipt_proof_issued(proof)),
                copy_view(call!(bulla_receipt_proof_context(proof))),
            );
            assert!(said == proven, "the proof says something else");
            let other: Option<bulla::ffi::types::bulla_key> =
                value!(bulla_receipt_proof_recipient(proof)).1;
            assert_eq!(other.unwrap().bytes, recipient.unwrap().bytes);
            let other: Option<bulla::ffi::types::bulla_message_id> =
                value!(bulla_receipt_proof_message_id(proof)).1;
            assert_eq!(other.unwrap().bytes, id.unwrap().bytes);
            read_proof(proof);
            call!(bulla_receipt_proof_free(proof));
        }
        watch::freed(out, || call!(bulla_buffer_free(out)));
    }
}

unsafe fn copy_view(view: bulla_view) -> Vec<u8> {
    unsafe { copy((view.data, view.length)) }
}

pub unsafe fn read_proof(proof: *const bulla_receipt_proof) {
    unsafe {
        seen(call!(bulla_receipt_proof_context(proof)));
        let reason: Option<(u16, bulla_view)> = pair!(bulla_receipt_proof_reason(proof)).1;
        if let Some((_, words)) = reason {
            seen(words);
        }
        let _: Option<(u64, bulla_digest)> = pair!(bulla_receipt_proof_content(proof)).1;
        let _: (_, Option<bulla_digest>) = value!(bulla_receipt_proof_header_digest(proof));
        let author = value!(bulla_receipt_proof_author(proof)).1;
        let _: Option<bulla::ffi::types::bulla_key> = author;
    }
}

pub unsafe fn read_evidence(evidence: *const bulla_evidence, content: &[u8]) {
    unsafe {
        let length = call!(bulla_evidence_content_length(evidence));
        assert_eq!(length, content.len() as u64);
        let digest: Option<bulla_digest> = value!(bulla_evidence_content_digest(evidence)).1;
        assert_eq!(digest.unwrap().bytes, *blake3::hash(content).as_bytes());
    }
}

unsafe fn read_question(question: *const bulla_question) {
    unsafe {
        seen(call!(bulla_question_context(question)));
        let _: Option<(u64, bulla_digest)> = pair!(bulla_question_content(question)).1;
        let id = value!(bulla_question_message_id(question)).1;
        let _: Option<bulla::ffi::types::bulla_message_id> = id;
        let asker = value!(bulla_question_asker(question)).1;
        let _: Option<bulla::ffi::types::bulla_key> = asker;
        let holder = value!(bulla_question_holder(question)).1;
        let _: Option<bulla::ffi::types::bulla_key> = holder;
    }
}
