//! What a reader accepts.

use core::ffi::c_char;
use std::string::{String, ToString};
use std::vec::Vec;

use super::handle::{Exclusive, Out, free, shared};
use super::input::{text, value};
use super::public::bulla_public;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use super::types::bulla_key;
use crate::{
    DEFAULT_MAX_AGE, DEFAULT_SKEW, Error, ErrorKind, Order, Policy, Result, Senders, VerifyingKey,
    limits,
};

/// For a greatest age that there is none of: messages are accepted until they expire.
pub const BULLA_NO_MAX_AGE: u64 = u64::MAX;

/// Messages are taken as they come.
pub const BULLA_ORDER_ANY: u32 = 0;
/// Of each stream only what is newer than all before it: for configuration, web pages.
pub const BULLA_ORDER_MONOTONIC: u32 = 1;
/// Of each stream everything, within a window, and it is known what is missing.
pub const BULLA_ORDER_GAPLESS: u32 = 2;

/// What a reader accepts: one context, and the senders that are named. It accepts nobody until they are.
pub struct bulla_policy {
    parts: Exclusive<Parts>,
}

struct Parts {
    context: String,
    senders: Vec<VerifyingKey>,
    anyone: bool,
    max_age: Option<u64>,
    skew: u64,
    own: bool,
    order: Order,
    challenged: bool,
    trials: usize,
}

impl bulla_policy {
    /// The policy as it is now.
    pub(super) fn get(&self) -> Result<Policy> {
        let parts = self.parts.enter_waiting()?;
        let policy = Policy::new(&parts.context, senders(&parts)?)?
            .max_age(parts.max_age)
            .skew(parts.skew)
            .allow_own(parts.own)
            .order(parts.order)
            .demand_challenge(parts.challenged)
            .max_trials(parts.trials);
        Ok(policy)
    }

    pub(super) fn senders(&self) -> Result<Senders> {
        senders(&*self.parts.enter_waiting()?)
    }

    pub(super) fn context(&self) -> Result<String> {
        Ok(self.parts.enter_waiting()?.context.clone())
    }

    fn change(&self, work: impl FnOnce(&mut Parts)) -> Result<bulla_status> {
        work(&mut *self.parts.enter_waiting()?);
        Ok(BULLA_OK)
    }
}

fn senders(parts: &Parts) -> Result<Senders> {
    if parts.anyone {
        return Ok(Senders::anyone());
    }
    if parts.senders.is_empty() {
        return Err(Error::with(
            ErrorKind::InvalidInput,
            "the policy accepts nobody: name senders with bulla_policy_allow(), or bulla_policy_allow_anyone()",
        ));
    }
    Ok(Senders::only(parts.senders.iter().copied()))
}

/// Begins a policy for a context.
///
/// @param context The context that messages must be made for: 1 to 255 bytes without control characters, closed with NUL.
/// @param policy Receives the policy; free it with bulla_policy_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_policy_new(
    context: *const c_char,
    policy: *mut *mut bulla_policy,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(policy, "policy is NULL")?;
        // SAFETY: as the contract says.
        let context = unsafe { text(context, "context is NULL") }?;
        Policy::new(context, Senders::anyone())?;
        out.give(bulla_policy {
            parts: Exclusive::new(Parts {
                context: context.to_string(),
                senders: Vec::new(),
                anyone: false,
                max_age: Some(DEFAULT_MAX_AGE),
                skew: DEFAULT_SKEW,
                own: false,
                order: Order::Any,
                challenged: false,
                trials: limits::DEFAULT_TRIALS,
            }),
        });
        Ok(BULLA_OK)
    })
}

/// Accepts messages of this sender.
///
/// @param policy The policy.
/// @param sender The sender's signing key, as bulla_public_key() gives it.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_INVALID_INPUT for NULL, or if it is no signing key.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_policy_allow(
    policy: *mut bulla_policy,
    sender: *const bulla_key,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (policy, sender) = unsafe {
            let policy = shared(policy, "policy is NULL")?;
            (policy, value(sender, "sender is NULL")?)
        };
        let sender = sender.parse()?;
        policy.change(|parts| parts.senders.push(sender))
    })
}

/// Accepts messages of the sender of this public identity: as bulla_policy_allow() with its signing key.
///
/// @param policy The policy.
/// @param sender The sender.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_policy_allow_identity(
    policy: *mut bulla_policy,
    sender: *const bulla_public,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (policy, sender) = unsafe {
            let policy = shared(policy, "policy is NULL")?;
            (policy, shared(sender, "sender is NULL")?)
        };
        let sender = *sender.identity.verifying_key();
        policy.change(|parts| parts.senders.push(sender))
    })
}

/// Accepts messages of anyone. The sender is then known by the key in the stamp alone: look at it.
///
/// @param policy The policy.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_policy_allow_anyone(
    policy: *mut bulla_policy,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let policy = unsafe { shared(policy, "policy is NULL") }?;
        policy.change(|parts| parts.anyone = true)
    })
}

/// Accepts messages that are at most so old. A new policy accepts 30 days.
///
/// @param policy The policy.
/// @param seconds How old, or BULLA_NO_MAX_AGE.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_policy_max_age(
    policy: *mut bulla_policy,
    seconds: u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let policy = unsafe { shared(policy, "policy is NULL") }?;
        policy.change(|parts| parts.max_age = (seconds != BULLA_NO_MAX_AGE).then_some(seconds))
    })
}

/// How far the clocks of sender and reader may differ. A new policy accepts 120 seconds.
///
/// @param policy The policy.
/// @param seconds How far, at most 3600; more counts as 3600.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_policy_skew(
    policy: *mut bulla_policy,
    seconds: u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let policy = unsafe { shared(policy, "policy is NULL") }?;
        policy.change(|parts| parts.skew = seconds)
    })
}

/// Whether messages made with the reader's own key are accepted. A new policy refuses them.
///
/// @param policy The policy.
/// @param allow 1 or 0.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_policy_allow_own(
    policy: *mut bulla_policy,
    allow: u8,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let policy = unsafe { shared(policy, "policy is NULL") }?;
        policy.change(|parts| parts.own = allow != 0)
    })
}

/// Demands that messages come in the order of their streams. It needs a replay guard.
///
/// @param policy The policy.
/// @param order BULLA_ORDER_ANY, BULLA_ORDER_MONOTONIC or BULLA_ORDER_GAPLESS.
/// @param window With BULLA_ORDER_GAPLESS: how many numbers before the greatest may be missing, 1 to 4096. Else it is ignored.
/// @param first With BULLA_ORDER_GAPLESS: the number with which streams begin. Else it is ignored.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_policy_order(
    policy: *mut bulla_policy,
    order: u32,
    window: u16,
    first: u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let policy = unsafe { shared(policy, "policy is NULL") }?;
        let order = match order {
            BULLA_ORDER_ANY => Order::Any,
            BULLA_ORDER_MONOTONIC => Order::Monotonic,
            BULLA_ORDER_GAPLESS if (1..=crate::MAX_WINDOW).contains(&window) => {
                Order::Gapless { window, first }
            }
            _ => {
                return Err(Error::with(
                    ErrorKind::InvalidInput,
                    "there is no such order, or its window is not 1 to 4096",
                ));
            }
        };
        policy.change(|parts| parts.order = order)
    })
}

/// Demands that messages answer a challenge of this reader's (bulla_opener_challenge()). It needs a replay guard.
///
/// @param policy The policy.
/// @param demand 1 or 0.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_policy_demand_challenge(
    policy: *mut bulla_policy,
    demand: u8,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let policy = unsafe { shared(policy, "policy is NULL") }?;
        policy.change(|parts| parts.challenged = demand != 0)
    })
}

/// How many trial decryptions (keys of the reader × stanzas of an envelope) are made at most. A new policy makes 100 000.
///
/// @param policy The policy.
/// @param trials How many.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_policy_max_trials(
    policy: *mut bulla_policy,
    trials: usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let policy = unsafe { shared(policy, "policy is NULL") }?;
        policy.change(|parts| parts.trials = trials)
    })
}

/// Frees a policy; what was made with it keeps it as it was then.
///
/// @param policy The policy; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_policy_free(policy: *mut bulla_policy) {
    // SAFETY: as the contract says.
    unsafe { free(policy) }
}
