//! The functions of which a host makes a replay guard of its own.

use core::ffi::c_void;
use core::mem::offset_of;

use super::buffer::bulla_buffer;
use super::claim::{bulla_claim, bulla_lease_token};
use super::clock::bulla_drop;
use super::input::Grows;
use super::ranges::bulla_ranges;
use super::status::bulla_status;
use super::types::bulla_digest;

/// The time to judge by: writes to `time` the greatest that this guard was ever shown, `now` included.
pub type bulla_guard_observe =
    Option<unsafe extern "C" fn(context: *mut c_void, now: u64, time: *mut u64) -> bulla_status>;

/// Inserts if absent. `lease` points to seconds: the entry is reserved for so long; if it is NULL it is accepted at once. Writes
/// one of BULLA_CLAIM_NEW to BULLA_CLAIM_UNASKED to `answer`; with BULLA_CLAIM_NEW the number of the reservation to `number`;
/// with BULLA_CLAIM_SAME the stored receipt, at most 4096 bytes, with bulla_buffer_append() into `receipt`. Where several answers
/// are right: what an entry that is there says, then unasked, forgotten, superseded, gap, and last BULLA_GUARD_FULL. It never
/// answers BULLA_CLAIM_NEW without having stored the entry.
pub type bulla_guard_claim = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        claim: *const bulla_claim,
        now: u64,
        lease: *const u64,
        answer: *mut u32,
        number: *mut u64,
        receipt: *mut bulla_buffer,
    ) -> bulla_status,
>;

/// Makes a reservation final and stores a receipt of `length` bytes, at most 4096, with it. If the message has a place in a
/// stream it is judged once more, and settled. BULLA_LEASE_LOST if the token is stale; BULLA_SUPERSEDED if a newer one of its
/// stream was accepted meanwhile, and then the reservation is given up; BULLA_GUARD_FULL if there is no room for its stream.
pub type bulla_guard_commit = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        token: *const bulla_lease_token,
        receipt: *const u8,
        length: usize,
    ) -> bulla_status,
>;

/// Gives a reservation up: the message may come again. BULLA_LEASE_LOST if the token is stale.
pub type bulla_guard_release = Option<
    unsafe extern "C" fn(context: *mut c_void, token: *const bulla_lease_token) -> bulla_status,
>;

/// Extends a reservation to `now` + `lease` seconds. BULLA_LEASE_LOST if the token is stale.
pub type bulla_guard_renew = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        token: *const bulla_lease_token,
        now: u64,
        lease: u64,
    ) -> bulla_status,
>;

/// Drops at most `at_most` entries whose time has come, and writes to `dropped` how many.
pub type bulla_guard_drop_old = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        now: u64,
        at_most: usize,
        dropped: *mut usize,
    ) -> bulla_status,
>;

/// Expects one answer to a challenge, until the time `until`. BULLA_GUARD_FULL if there is no room.
pub type bulla_guard_expect = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        challenge: *const bulla_digest,
        until: u64,
        now: u64,
    ) -> bulla_status,
>;

/// Puts into `missing`, with bulla_ranges_add(), the numbers of a stream below the greatest that was settled that were neither
/// settled nor skipped. None for a stream that is not known.
pub type bulla_guard_missing = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        stream: *const bulla_digest,
        missing: *mut bulla_ranges,
    ) -> bulla_status,
>;

/// Waits no longer for the numbers of a stream before this one: they are refused from now on.
pub type bulla_guard_skip = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        stream: *const bulla_digest,
        before: u64,
    ) -> bulla_status,
>;

/// Forgets a stream at once, and writes to `was_known` 1 if it was known, else 0: its place is free, and its next message begins
/// it anew.
pub type bulla_guard_forget_stream = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        stream: *const bulla_digest,
        was_known: *mut u8,
    ) -> bulla_status,
>;

/// Writes 1 to `permitted` if something may be done once more, and then counts it as done; else 0. At most `burst` times at once,
/// and then once every `every` seconds.
pub type bulla_guard_permit = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        what: *const bulla_digest,
        now: u64,
        every: u64,
        burst: u32,
        permitted: *mut u8,
    ) -> bulla_status,
>;

/// Changes nothing. Writes 1 to `found` if this message was accepted before, by an entry that is not over, has the same value (32
/// zero bytes are equal to every other), and would not have to be kept longer for the claim than it is: `keep_until` and `issued`
/// of the claim are not later than its own, and it is bounded by age if the claim is (with a challenge in the claim, whatever its
/// times are). Then puts the stored receipt, at most 4096 bytes, with bulla_buffer_append() into `receipt`. Else 0.
pub type bulla_guard_look = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        claim: *const bulla_claim,
        found: *mut u8,
        receipt: *mut bulla_buffer,
    ) -> bulla_status,
>;

/// A replay guard of the host's own. Set all of it to zero, then `size`, then the functions. Each of them is one atomic step for
/// any number of threads, and returns BULLA_OK, one of the failures that its comment names, or BULLA_GUARD_UNAVAILABLE. What
/// else is returned or answered is taken for BULLA_GUARD_UNAVAILABLE, and then nothing is accepted. Handles that a function is
/// given are good until it returns, and are not freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bulla_guard_callbacks {
    /// sizeof(bulla_guard_callbacks).
    pub size: usize,
    /// Given to each function; may be NULL.
    pub context: *mut c_void,
    /// Called with the context when the guard, and all that it was given to, are freed; may be NULL. If making the guard fails
    /// it is not called.
    pub drop: bulla_drop,
    /// Needed.
    pub observe: bulla_guard_observe,
    /// Needed.
    pub claim: bulla_guard_claim,
    /// Needed.
    pub commit: bulla_guard_commit,
    /// Needed.
    pub release: bulla_guard_release,
    /// Needed.
    pub renew: bulla_guard_renew,
    /// May be NULL: the guard drops old entries by itself.
    pub sweep: bulla_guard_drop_old,
    /// May be NULL: no challenge can be made, and messages that answer one are refused.
    pub expect: bulla_guard_expect,
    /// May be NULL: what is missing cannot be asked.
    pub missing: bulla_guard_missing,
    /// May be NULL: nothing can be given up.
    pub skip: bulla_guard_skip,
    /// May be NULL: no stream can be forgotten.
    pub forget_stream: bulla_guard_forget_stream,
    /// May be NULL: nothing is permitted.
    pub permit: bulla_guard_permit,
    /// May be NULL: nothing is known but by a claim, and copies that a store is given are written once more before the claim.
    pub look: bulla_guard_look,
}

// SAFETY: pointers, functions that may be missing, and the size first.
unsafe impl Grows for bulla_guard_callbacks {
    const FIRST: usize = offset_of!(Self, look) + size_of::<bulla_guard_look>();
}
