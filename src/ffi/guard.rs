//! Replay guards.

use std::string::String;
use std::sync::Arc;

use super::built::Durable;
use super::handle::{Out, free, shared};
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use crate::{GuardLimits, MemoryGuard, ReplayGuard, Result};

/// A replay guard: remembers what was accepted, so that nothing is accepted twice. It may be used by several threads, and by
/// several openers.
pub struct bulla_guard {
    pub(super) guard: Arc<dyn ReplayGuard>,
    /// The same, where it is one that can be looked into.
    pub(super) durable: Option<Durable>,
    /// Which store on a server it uses.
    pub(super) store: Option<String>,
}

impl bulla_guard {
    pub(super) fn of(guard: Arc<dyn ReplayGuard>) -> Self {
        Self {
            guard,
            durable: None,
            store: None,
        }
    }
}

/// How much a guard remembers. What has no room is refused with BULLA_GUARD_FULL.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bulla_guard_limits {
    /// Messages of senders that the policy names; at least 1.
    pub capacity: usize,
    /// Messages of others, accepted because anyone is. 0: a quarter of `capacity`.
    pub strangers: usize,
    /// Messages of one named sender. 0: half of `capacity`.
    pub per_sender: usize,
    /// Messages of one other. 0: an eighth of `capacity`.
    pub per_stranger: usize,
}

impl bulla_guard_limits {
    pub(super) const fn get(&self) -> GuardLimits {
        let mut limits = GuardLimits::of(self.capacity);
        if self.strangers > 0 {
            limits = limits.strangers(self.strangers);
        }
        if self.per_sender > 0 {
            limits = limits.per_sender(self.per_sender);
        }
        if self.per_stranger > 0 {
            limits = limits.per_stranger(self.per_stranger);
        }
        limits
    }
}

/// The limits that C gives, or those for a million messages.
pub(super) unsafe fn limits(limits: *const bulla_guard_limits) -> Result<GuardLimits> {
    // SAFETY: NULL, or a whole value, as the contract says.
    Ok(match unsafe { limits.as_ref() } {
        None => GuardLimits::of(1_000_000),
        Some(limits) if limits.capacity == 0 => {
            return Err(crate::Error::with(
                crate::ErrorKind::InvalidInput,
                "a guard needs room: set the capacity",
            ));
        }
        Some(limits) => limits.get(),
    })
}

/// Makes a guard in memory. It forgets everything when the process ends: what was accepted may then be accepted once more, as
/// long as its time is not over. A process that was forked off cannot use it: it would accept once more what this one has.
///
/// @param how_much How much it remembers; NULL: a million messages. It takes memory only for what it remembers, about 300
///        bytes a message.
/// @param guard Receives the guard; free it with bulla_guard_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_in_memory(
    how_much: *const bulla_guard_limits,
    guard: *mut *mut bulla_guard,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(guard, "guard is NULL")?;
        // SAFETY: as the contract says.
        let limits = unsafe { limits(how_much) }?;
        out.give(bulla_guard::of(Arc::new(MemoryGuard::with(limits))));
        Ok(BULLA_OK)
    })
}

/// Drops entries whose time has come. Guards do that by themselves as messages come; this is for idle times.
///
/// @param guard The guard.
/// @param now The time in seconds since 1970.
/// @param at_most How many entries at most.
/// @param dropped Receives how many; may be NULL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_sweep(
    guard: *const bulla_guard,
    now: u64,
    at_most: usize,
    dropped: *mut usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let guard = unsafe { shared(guard, "guard is NULL") }?;
        let count = guard.guard.sweep(now, at_most)?;
        if let Ok(place) = Out::new(dropped, "") {
            place.put(count);
        }
        Ok(BULLA_OK)
    })
}

/// Frees a guard; what was made with it keeps its share.
///
/// @param guard The guard; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_free(guard: *mut bulla_guard) {
    // SAFETY: as the contract says.
    unsafe { free(guard) }
}
