//! The C ABI: `include/bulla.h` is made from this folder, one file per noun, over the public Rust API only.
//!
//! The contract stands at the head of the header (`bindings/header/src/contract.txt`); what it promises is kept here:
//!
//! - Every function runs inside `status::entry`: a panic becomes `BULLA_INTERNAL`, an error its code and, if the caller
//!   gave a place for it, its text.
//! - Every pointer goes through `input` or `handle`: NULL is an error and not undefined behaviour, NULL with length 0
//!   is an empty slice.
//! - Outputs are written last, and only on success.
//! - Handles are shared references to C, never exclusive ones: what changes is behind a lock that is only ever tried
//!   (`handle::Exclusive`), so that two threads, or a callback, that use one handle at once get an error.
//! - Structures that hosts fill in begin with their size and grow at the end (`input::Grows`). All others never change while
//!   `BULLA_ABI_VERSION` stays: those that come out (`bulla_due`, `bulla_outbox_entry`) have no size, for the host owns their
//!   memory; a new field of theirs is a new function over the same list, message or entry. `bindings/abi/check` holds both.
//!
//! What cannot be checked is the caller's part, and is the safety contract of every function here: a pointer that is not NULL
//! points to what its type says, for as many elements as said, and a handle was not freed.
#![allow(
    unsafe_code,
    non_camel_case_types,
    // The contract is one for all, above and in the header.
    clippy::missing_safety_doc,
    // Fields of structs of C, whose comments stand where they are declared.
    clippy::too_many_arguments
)]

// A panic would end the host.
#[cfg(panic = "abort")]
compile_error!(
    "the C interface needs panic = \"unwind\": with \"abort\" a defect ends the host's process, and is no BULLA_INTERNAL"
);

pub mod answer;
pub mod armor;
pub mod audit;
pub mod buffer;
mod built;
pub mod challenge;
pub mod claim;
pub mod clock;
pub mod database;
pub mod draft;
pub mod evidence;
pub mod guard;
pub mod guard_callbacks;
pub mod guard_functions;
pub mod guard_list;
pub mod guard_redis;
mod handle;
pub mod hasher;
pub mod holder;
pub mod identity;
mod input;
pub mod inspect;
pub mod keys;
pub mod lease;
pub mod letter;
pub mod message;
pub mod open;
pub mod open_leased;
pub mod open_stream;
pub mod opener;
mod opening;
pub mod outbox;
pub mod outbox_list;
pub mod outbox_reader;
pub mod outbox_send;
pub mod outbox_settle;
pub mod policy;
pub mod prover;
pub mod public;
pub mod question;
pub mod random_access;
pub mod ranges;
pub mod receipt;
pub mod receipt_proof;
pub mod receipter;
pub mod seal;
pub mod seal_stream;
pub mod sealer;
pub mod session;
pub mod source;
mod sqlite;
pub mod stamp;
pub mod status;
pub mod store;
pub mod store_stream;
#[cfg(test)]
mod tests;
pub mod types;
pub mod version;
