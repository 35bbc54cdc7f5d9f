//! A C program that makes any calls in any order: with handles that were used up, NULL in any place, lengths that are not
//! so, buffers that are too small, inputs that lie in the output, and a host that fails. It must never crash, never write to
//! an output on failure, never leak, never see `BULLA_INTERNAL`, and never be given other content than was sealed.

#[macro_use]
mod macros;
mod answering;
mod beside;
mod guarding;
mod holders;
mod host_guard;
mod hosts;
mod inputs;
mod keys;
mod ledger;
mod looking;
mod making;
mod opening;
mod over;
mod posting;
mod promises;
pub mod reached;
mod rules;
mod scenes;
mod sealing;

use crate::{ALICE, BOB, FixedEntropy, Hand, Script, watch};
use bulla::ffi::answer::*;
use bulla::ffi::armor::*;
use bulla::ffi::audit::{bulla_asked, bulla_asked_free};
use bulla::ffi::buffer::*;
use bulla::ffi::clock::{bulla_clock, bulla_clock_fixed, bulla_clock_free};
use bulla::ffi::database::{bulla_database, bulla_database_free};
use bulla::ffi::draft::*;
use bulla::ffi::evidence::{bulla_evidence, bulla_evidence_free, bulla_evidence_stamp};
use bulla::ffi::guard::{bulla_guard, bulla_guard_free, bulla_guard_in_memory};
use bulla::ffi::guard_list::*;
use bulla::ffi::hasher::{bulla_hasher, bulla_hasher_free};
use bulla::ffi::identity::*;
use bulla::ffi::lease::*;
use bulla::ffi::letter::{bulla_letter, bulla_letter_free};
use bulla::ffi::message::*;
use bulla::ffi::open_stream::*;
use bulla::ffi::opener::*;
use bulla::ffi::outbox::*;
use bulla::ffi::outbox_list::*;
use bulla::ffi::outbox_reader::{bulla_outbox_reader, bulla_outbox_reader_free};
use bulla::ffi::outbox_send::{bulla_due_list, bulla_due_list_free};
use bulla::ffi::outbox_settle::{bulla_settled, bulla_settled_free};
use bulla::ffi::policy::*;
use bulla::ffi::prover::*;
use bulla::ffi::public::{bulla_public, bulla_public_free, bulla_public_key};
use bulla::ffi::question::*;
use bulla::ffi::random_access::*;
use bulla::ffi::ranges::{bulla_ranges, bulla_ranges_free};
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
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::LazyLock;

use inputs::piece_length;
use ledger::READERS;
use looking::{look, seen};

static KEYS: LazyLock<[String; 2]> = LazyLock::new(|| {
    [&*ALICE, &*BOB].map(|it| it.to_key_file(None, &FixedEntropy).unwrap().to_string())
});

const fn done(status: i32) -> bool {
    status == 0
}

/// A buffer of memory of the program's, of exactly that length.
unsafe fn wrap_in(hand: &mut Hand<bulla_buffer>, room: usize) -> i32 {
    let memory = watch::Memory::new(room);
    let status = unsafe { take!(hand, bulla_buffer_wrap(memory.start(), room)) };
    if status == 0 {
        watch::wrapped(hand.last(), memory);
    }
    status
}

/// What was appended to a buffer.
unsafe fn since(buffer: *const bulla_buffer, before: usize) -> Vec<u8> {
    unsafe {
        ledger::copy((
            call!(bulla_buffer_data(buffer)),
            call!(bulla_buffer_length(buffer)),
        ))
    }
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
            promises: promises::Promises,
            /// What a reader asked for last.
            challenge: [u8; 32],
            /// The envelopes that letters name, by digest of the header.
            named: HashMap<usize, [u8; 32]>,
            /// What is on its way into the outbox.
            outgoing: HashMap<usize, Vec<u8>>,
            /// All that was put into it by a name.
            shelf: HashMap<[u8; 32], Vec<Vec<u8>>>,
            /// What is read from it, and where.
            posted: HashMap<usize, ([u8; 32], usize)>,
            /// How much of an envelope a store was given.
            pushed: HashMap<usize, usize>,
            /// Receipts that came.
            settled_once: HashSet<Vec<u8>>,
            /// A copy of an input, changed.
            scratch: Vec<u8>,
        }

        impl World {
            fn new() -> Self {
                Self {
                    $($hand: Hand::new(stringify!($free), $free),)+
                    sent: bulla_sent::default(),
                    ledger: Default::default(),
                    verified: HashMap::new(),
                    stored: false,
                    promises: Default::default(),
                    challenge: [0; 32],
                    named: HashMap::new(),
                    outgoing: HashMap::new(),
                    shelf: HashMap::new(),
                    posted: HashMap::new(),
                    pushed: HashMap::new(),
                    settled_once: HashSet::new(),
                    scratch: Vec::new(),
                }
            }

            fn drop_all(&mut self) {
                $(self.$hand.drop_all();)+
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
    hashers: bulla_hasher, bulla_hasher_free;
    ranges: bulla_ranges, bulla_ranges_free;
    databases: bulla_database, bulla_database_free;
    entries: bulla_guard_entry_list, bulla_guard_entry_list_free;
    streams: bulla_guard_stream_list, bulla_guard_stream_list_free;
    letters: bulla_letter, bulla_letter_free;
    outboxes: bulla_outbox, bulla_outbox_free;
    outgoings: bulla_outgoing, bulla_outgoing_free;
    dues: bulla_due_list, bulla_due_list_free;
    entry_lists: bulla_entry_list, bulla_entry_list_free;
    sent_lists: bulla_sent_list, bulla_sent_list_free;
    outbox_readers: bulla_outbox_reader, bulla_outbox_reader_free;
    settleds: bulla_settled, bulla_settled_free;
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
                take!(self.receipters, bulla_receipter_new(identity));
            }
            for _ in 0..3 {
                take!(self.buffers, bulla_buffer_new());
            }
            take!(self.clocks, bulla_clock_fixed(NOW));
            take!(self.drafts, bulla_draft_new(c"fuzz".as_ptr()));
            take!(self.policies, bulla_policy_new(c"fuzz".as_ptr()));
            let (policy, bob) = (self.policies.last(), self.identities.last());
            judge!(bulla_policy_allow_anyone(policy));
            take!(self.guards, bulla_guard_in_memory(core::ptr::null()));
            self.promises.guard(self.guards.last(), true);
            self.make_opener(&mut first(), bob);
            let (sealer, public) = (self.sealers.pick(&mut first()), self.publics.last());
            self.add_recipient(sealer, public);
        }
    }

    unsafe fn step(&mut self, s: &mut Script<'_>) {
        unsafe {
            match s.byte() % 24 {
                0 => self.make(s),
                1 | 2 => self.scene(s),
                3 => self.describe(s),
                4 => self.rule(s),
                5..=7 => self.seal(s),
                8..=10 => self.open(s),
                11 | 12 => self.answer(s),
                13 => self.armor(s),
                14 => self.audit(s),
                15 => self.file(s),
                16 => self.store(s),
                17 => self.key(s),
                18 => self.guarding(s),
                19 | 20 => self.post(s),
                21 => self.look_beside(s),
                22 => self.fill(s),
                _ => self.drop_any(s),
            }
        }
        self.spares.drop_all();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.drop_all();
        if self.stored {
            beside::sweep();
        }
    }
}

/// Plays a script: a C program that makes these calls.
pub fn play(input: &[u8]) {
    watch::begin();
    let mut script = Script::new(input);
    let mut world = World::new();
    // SAFETY: every pointer is NULL, a handle that lives, or a place of its type.
    unsafe {
        world.furnish();
        while !script.is_over() {
            world.step(&mut script);
        }
    }
}
