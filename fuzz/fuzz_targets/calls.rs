//! A C program that makes any calls in any order: with handles that were used up, NULL in any place, lengths that are not
//! so, buffers that are too small, inputs that lie in the output, and a host that fails. It must never crash, never write to
//! an output on failure, never leak, never see `BULLA_INTERNAL`, and never be given other content than was sealed.
#![no_main]

use bulla::ffi::answer::*;
use bulla::ffi::armor::*;
use bulla::ffi::audit::{bulla_asked, bulla_asked_free};
use bulla::ffi::buffer::*;
use bulla::ffi::clock::{bulla_clock, bulla_clock_fixed, bulla_clock_free};
use bulla::ffi::draft::*;
use bulla::ffi::evidence::{bulla_evidence, bulla_evidence_free};
use bulla::ffi::guard::{bulla_guard, bulla_guard_free, bulla_guard_in_memory};
use bulla::ffi::identity::*;
use bulla::ffi::lease::*;
use bulla::ffi::message::*;
use bulla::ffi::open_stream::*;
use bulla::ffi::opener::*;
use bulla::ffi::policy::*;
use bulla::ffi::prover::*;
use bulla::ffi::public::{bulla_public, bulla_public_free, bulla_public_line};
use bulla::ffi::question::*;
use bulla::ffi::random_access::*;
use bulla::ffi::receipt::{bulla_receipt, bulla_receipt_context, bulla_receipt_free};
use bulla::ffi::receipt_proof::{bulla_receipt_proof, bulla_receipt_proof_free};
use bulla::ffi::receipter::{bulla_receipter, bulla_receipter_free, bulla_receipter_new};
use bulla::ffi::seal_stream::*;
use bulla::ffi::sealer::*;
use bulla::ffi::session::*;
use bulla::ffi::stamp::*;
use bulla::ffi::status::bulla_error;
use bulla::ffi::store::{bulla_store, bulla_store_free};
use bulla::ffi::store_stream::{bulla_store_stream, bulla_store_stream_free};
use bulla::ffi::types::{bulla_sent, bulla_view};
use bulla_forge::NOW;
use bulla_fuzz::{ALICE, BOB, Hand, Script, judged};
use libfuzzer_sys::fuzz_target;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;

#[path = "calls/answering.rs"]
mod answering;
#[path = "calls/beside.rs"]
mod beside;
#[path = "calls/hosts.rs"]
mod hosts;
#[path = "calls/ledger.rs"]
mod ledger;
#[path = "calls/making.rs"]
mod making;
#[path = "calls/opening.rs"]
mod opening;
#[path = "calls/scenes.rs"]
mod scenes;
#[path = "calls/sealing.rs"]
mod sealing;

use answering::{look, seen};
use ledger::READERS;

static KEYS: LazyLock<[String; 2]> = LazyLock::new(|| {
    [&*ALICE, &*BOB].map(|it| {
        it.to_key_file(None, &bulla_fuzz::FixedEntropy)
            .unwrap()
            .to_string()
    })
});

const fn done(status: i32) -> bool {
    status == 0
}

/// What was appended to a buffer.
unsafe fn since(buffer: *const bulla_buffer, before: usize) -> Vec<u8> {
    unsafe { ledger::copy((bulla_buffer_data(buffer), bulla_buffer_length(buffer))) }
        .split_off(before)
}

/// A hand for each kind of handle, how each is freed, and a way to free any one of them.
macro_rules! world {
    ($($hand:ident: $handle:ident, $free:ident;)+) => {
        struct World {
            $($hand: Hand<$handle>,)+
            sent: bulla_sent,
            ledger: ledger::Ledger,
            /// What verified files must read.
            verified: HashMap<usize, Rc<[u8]>>,
            /// There may be files.
            stored: bool,
            /// A copy of an input, changed.
            scratch: Vec<u8>,
            /// What buffers were wrapped around: it outlives them.
            memory: Vec<*mut [u8]>,
        }

        impl World {
            fn new() -> Self {
                Self {
                    $($hand: Hand::new($free),)+
                    sent: bulla_sent::default(),
                    ledger: Default::default(),
                    verified: HashMap::new(),
                    stored: false,
                    scratch: Vec::new(),
                    memory: Vec::new(),
                }
            }

            fn drop_any(&mut self, s: &mut Script<'_>) {
                let kinds = [$(stringify!($hand),)+];
                let kind = kinds[usize::from(s.byte()) % kinds.len()];
                $(if kind == stringify!($hand) {
                    return self.$hand.drop_one(s);
                })+
            }
        }
    };
}

world! {
    identities: bulla_identity, bulla_identity_free;
    publics: bulla_public, bulla_public_free;
    buffers: bulla_buffer, bulla_buffer_free;
    spares: bulla_buffer, bulla_buffer_free;
    clocks: bulla_clock, bulla_clock_free;
    sessions: bulla_session, bulla_session_free;
    drafts: bulla_draft, bulla_draft_free;
    sealers: bulla_sealer, bulla_sealer_free;
    seal_streams: bulla_seal_stream, bulla_seal_stream_free;
    detached_signers: bulla_detached_signer, bulla_detached_signer_free;
    policies: bulla_policy, bulla_policy_free;
    guards: bulla_guard, bulla_guard_free;
    openers: bulla_opener, bulla_opener_free;
    open_streams: bulla_open_stream, bulla_open_stream_free;
    detached_streams: bulla_detached_stream, bulla_detached_stream_free;
    messages: bulla_message, bulla_message_free;
    leases: bulla_lease, bulla_lease_free;
    answers: bulla_answer, bulla_answer_free;
    receipters: bulla_receipter, bulla_receipter_free;
    receipts: bulla_receipt, bulla_receipt_free;
    receipt_proofs: bulla_receipt_proof, bulla_receipt_proof_free;
    evidence: bulla_evidence, bulla_evidence_free;
    armor_writers: bulla_armor_writer, bulla_armor_writer_free;
    armor_readers: bulla_armor_reader, bulla_armor_reader_free;
    questions: bulla_question, bulla_question_free;
    provers: bulla_prover, bulla_prover_free;
    proofs: bulla_audit_proof, bulla_audit_proof_free;
    askeds: bulla_asked, bulla_asked_free;
    provisional_files: bulla_provisional_file, bulla_provisional_file_free;
    verified_files: bulla_verified_file, bulla_verified_file_free;
    stores: bulla_store, bulla_store_free;
    store_streams: bulla_store_stream, bulla_store_stream_free;
}

impl World {
    /// So much that the first calls can come to something.
    unsafe fn furnish(&mut self) {
        let first = || Script::new(&[0]);
        unsafe {
            for at in [0, 1] {
                let identity = READERS.identities[at];
                self.identities.lend(identity);
                self.publics.lend(READERS.publics[at]);
                self.make_sealer(identity);
                self.receipters
                    .take(done, |out, e| bulla_receipter_new(identity, out, e));
            }
            for _ in 0..3 {
                self.buffers.take(done, |out, e| bulla_buffer_new(out, e));
            }
            self.clocks
                .take(done, |out, e| bulla_clock_fixed(NOW, out, e));
            self.drafts
                .take(done, |out, e| bulla_draft_new(c"fuzz".as_ptr(), out, e));
            self.policies
                .take(done, |out, e| bulla_policy_new(c"fuzz".as_ptr(), out, e));
            let (policy, bob) = (self.policies.last(), self.identities.last());
            judged(|e| bulla_policy_allow_anyone(policy, e));
            self.guards.take(done, |out, e| {
                bulla_guard_in_memory(core::ptr::null(), out, e)
            });
            let guard = self.guards.last();
            self.openers
                .take(done, |out, e| bulla_opener_new(bob, policy, guard, out, e));
            let (sealer, public) = (self.sealers.pick(&mut first()), self.publics.last());
            self.add_recipient(sealer, public);
        }
    }

    /// A buffer to write to: mostly one that is there, now and then a new one of the program's own memory.
    fn out(&mut self, s: &mut Script<'_>) -> *mut bulla_buffer {
        match s.byte() {
            0..180 => self.buffers.pick(s),
            _ => {
                // SAFETY: the memory is as long as said.
                unsafe { self.wrap(s.byte().into()) };
                self.buffers.last()
            }
        }
    }

    /// A new buffer that grows, until the end of the step: one more among the others could push out the one in use.
    unsafe fn roomy(&mut self) -> *mut bulla_buffer {
        self.spares
            .take(done, |out, e| unsafe { bulla_buffer_new(out, e) });
        self.spares.last()
    }

    /// Bytes to give to a call, in memory that may belong to the very handles that it is about: they are good until then.
    unsafe fn input(&mut self, s: &mut Script<'_>) -> (*const u8, usize) {
        let envelopes = &self.ledger.envelopes;
        let kind = s.byte() % 10;
        unsafe {
            match kind {
                0 | 1 => s.slice(),
                2 | 3 => {
                    let buffer = self.buffers.pick(s);
                    let (data, length) = (bulla_buffer_data(buffer), bulla_buffer_length(buffer));
                    // All of it, or a piece.
                    let start = if kind == 3 {
                        length.min(s.byte().into())
                    } else {
                        0
                    };
                    if data.is_null() {
                        return (data, length);
                    }
                    let rest = length - start;
                    (
                        data.add(start),
                        if kind == 3 {
                            rest.min(s.byte().into())
                        } else {
                            rest
                        },
                    )
                }
                4 => {
                    let view = match s.byte() % 6 {
                        0 => bulla_stamp_context(bulla_lease_stamp(self.leases.pick(s))),
                        1 => bulla_answer_receipt(self.answers.pick(s)),
                        2 => bulla_stamp_context(bulla_message_stamp(self.messages.pick(s))),
                        3 => bulla_receipt_context(self.receipts.pick(s)),
                        4 => bulla_stamp_context(bulla_answer_stamp(self.answers.pick(s))),
                        _ => {
                            bulla_stamp_context(bulla_open_stream_stamp(self.open_streams.pick(s)))
                        }
                    };
                    (view.data, view.length)
                }
                _ if envelopes.is_empty() => s.slice(),
                5 => {
                    // Changed on its way.
                    let at = usize::from(s.byte());
                    self.scratch = envelopes[at % envelopes.len()].to_vec();
                    let place = usize::from(s.byte()) % self.scratch.len();
                    self.scratch[place] ^= s.byte();
                    (self.scratch.as_ptr(), self.scratch.len())
                }
                _ => {
                    let envelope = &envelopes[usize::from(s.byte()) % envelopes.len()];
                    (envelope.as_ptr(), envelope.len())
                }
            }
        }
    }

    unsafe fn step(&mut self, s: &mut Script<'_>) {
        unsafe {
            match s.byte() % 16 {
                0 => self.make(s),
                1 => self.scene(s),
                2 => self.describe(s),
                3..=5 => self.seal(s),
                6..=8 => self.open(s),
                9 | 10 => self.answer(s),
                11 => self.armor(s),
                12 => self.audit(s),
                13 => self.file(s),
                14 => self.store(s),
                _ => self.release(s),
            }
        }
        self.spares.drop_all();
    }

    unsafe fn release(&mut self, s: &mut Script<'_>) {
        let out = self.out(s);
        match s.byte() % 8 {
            0 => {
                let identity = self.identities.pick(s);
                judged(|e| unsafe { bulla_identity_text(identity, core::ptr::null(), out, e) });
            }
            1 => {
                let public = self.publics.pick(s);
                judged(|e| unsafe { bulla_public_line(public, out, e) });
            }
            2 => {
                let identity = self.identities.pick(s);
                let status = judged(|e| unsafe { bulla_identity_rotate(identity, 0, e) });
                self.ledger.rotated |= status == 0;
            }
            // SAFETY: a buffer that lives, or NULL.
            3 | 4 => unsafe { bulla_buffer_clear(out) },
            _ => self.drop_any(s),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The streams of a store remove their files first.
        self.store_streams.drop_all();
        self.leases.drop_all();
        self.buffers.drop_all();
        if self.stored {
            beside::sweep();
        }
        for memory in self.memory.drain(..) {
            // SAFETY: each came from a box, and its buffer is gone.
            drop(unsafe { Box::from_raw(memory) });
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let mut world = World::new();
    // SAFETY: every pointer is NULL, a handle that lives, or a place of its type.
    unsafe {
        world.furnish();
        while !script.is_over() {
            world.step(&mut script);
        }
    }
});
