//! A replay guard of the host's own.

use core::ops::RangeInclusive;
use std::sync::Arc;
use std::vec::Vec;

use super::buffer::bulla_buffer;
use super::claim::{
    BULLA_CLAIM_FORGOTTEN, BULLA_CLAIM_GAP, BULLA_CLAIM_NEW, BULLA_CLAIM_PENDING,
    BULLA_CLAIM_REPLAYED, BULLA_CLAIM_SAME, BULLA_CLAIM_SUPERSEDED, BULLA_CLAIM_UNASKED,
    bulla_claim,
};
use super::guard::bulla_guard;
use super::guard_functions::bulla_guard_callbacks;
use super::handle::{Out, null};
use super::input::{Context, answered_with, grown};
use super::ranges::bulla_ranges;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use crate::{
    Claim, Claimed, Digest, Error, ErrorKind, LeaseToken, MAX_STORED_ANSWER, Rate, ReplayGuard,
    Result,
};

/// The guard that the gate asks.
struct HostGuard {
    to: bulla_guard_callbacks,
    context: Context,
}

// SAFETY: the header demands that callbacks and their context may be used from any thread.
unsafe impl Send for HostGuard {}
unsafe impl Sync for HostGuard {}

const fn unavailable(detail: &'static str) -> Error {
    Error::with(ErrorKind::GuardUnavailable, detail)
}

const FAILED: Error = unavailable("the host's guard failed");

/// A callback that was there when the guard was made, or that may be missing.
fn there<F>(callback: Option<F>, missing: &'static str) -> Result<F> {
    callback.ok_or(unavailable(missing))
}

/// What it answered, if that can be.
fn judged(code: bulla_status, expected: &[ErrorKind]) -> Result<()> {
    answered_with(code, expected, FAILED)
}

/// The answer that it stored with a message.
fn stored(receipt: &bulla_buffer) -> Result<Vec<u8>> {
    let stored = receipt.copy(MAX_STORED_ANSWER).map_err(|_| FAILED)?;
    stored.ok_or(unavailable(
        "the host's guard gave an answer of more than 4096 bytes",
    ))
}

impl HostGuard {
    fn claimed(&self, claim: &Claim, now: u64, lease: Option<u64>) -> Result<Claimed> {
        let call = there(self.to.claim, "")?;
        let asked = bulla_claim::from(claim);
        let receipt = bulla_buffer::owning(Vec::new());
        // No answer at all is none that can be.
        let (mut answer, mut number) = (0, 0);
        // SAFETY: the host's own function and context; what the other pointers point to lives until it returns, and changes
        // only behind a lock where it is shared.
        let code = unsafe {
            call(
                self.context.pointer,
                &raw const asked,
                now,
                lease
                    .as_ref()
                    .map_or(core::ptr::null(), core::ptr::from_ref),
                &raw mut answer,
                &raw mut number,
                (&raw const receipt).cast_mut(),
            )
        };
        judged(code, &[ErrorKind::GuardFull])?;
        Ok(match answer {
            BULLA_CLAIM_NEW => Claimed::New(LeaseToken {
                key: claim.key,
                number,
            }),
            BULLA_CLAIM_SAME => Claimed::Same(stored(&receipt)?),
            BULLA_CLAIM_PENDING => Claimed::Pending,
            BULLA_CLAIM_REPLAYED => Claimed::Replayed,
            BULLA_CLAIM_FORGOTTEN => Claimed::Forgotten,
            BULLA_CLAIM_SUPERSEDED => Claimed::Superseded,
            BULLA_CLAIM_GAP => Claimed::Gap,
            BULLA_CLAIM_UNASKED => Claimed::Unasked,
            _ => {
                return Err(unavailable(
                    "the host's guard gave an answer that there is not",
                ));
            }
        })
    }
}

impl ReplayGuard for HostGuard {
    fn observe(&self, now: u64) -> Result<u64> {
        let call = there(self.to.observe, "")?;
        let mut time = 0;
        // SAFETY: the host's own function and context.
        let code = unsafe { call(self.context.pointer, now, &raw mut time) };
        judged(code, &[])?;
        if time < now {
            return Err(unavailable(
                "the host's guard said an earlier time than it was shown",
            ));
        }
        Ok(time)
    }

    fn claim(&self, claim: &Claim, now: u64, lease: Option<u64>) -> Result<Claimed> {
        // It was never told to expect one, and might not look.
        if claim.challenge.is_some() && self.to.expect.is_none() {
            return Ok(Claimed::Unasked);
        }
        self.claimed(claim, now, lease)
    }

    fn look(&self, claim: &Claim) -> Result<Option<Vec<u8>>> {
        let Some(call) = self.to.look else {
            return Ok(None);
        };
        let asked = bulla_claim::from(claim);
        let receipt = bulla_buffer::owning(Vec::new());
        let mut found = 0;
        // SAFETY: the host's own function and context; what the other pointers point to lives until it returns, and changes
        // only behind a lock where it is shared.
        let code = unsafe {
            call(
                self.context.pointer,
                &raw const asked,
                &raw mut found,
                (&raw const receipt).cast_mut(),
            )
        };
        judged(code, &[])?;
        if found != 1 {
            return Ok(None);
        }
        stored(&receipt).map(Some)
    }

    fn commit(&self, token: &LeaseToken, receipt: &[u8]) -> Result<()> {
        if receipt.len() > MAX_STORED_ANSWER {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "an answer of more than 4096 bytes cannot be stored",
            ));
        }
        let call = there(self.to.commit, "")?;
        let token = token.into();
        // SAFETY: the host's own function and context, and bytes that live until it returns.
        let code = unsafe {
            call(
                self.context.pointer,
                &raw const token,
                receipt.as_ptr(),
                receipt.len(),
            )
        };
        judged(
            code,
            &[
                ErrorKind::LeaseLost,
                ErrorKind::Superseded,
                ErrorKind::GuardFull,
            ],
        )
    }

    fn release(&self, token: &LeaseToken) -> Result<()> {
        let call = there(self.to.release, "")?;
        let token = token.into();
        // SAFETY: the host's own function and context.
        judged(
            unsafe { call(self.context.pointer, &raw const token) },
            &[ErrorKind::LeaseLost],
        )
    }

    fn renew(&self, token: &LeaseToken, now: u64, lease: u64) -> Result<()> {
        let call = there(self.to.renew, "")?;
        let token = token.into();
        // SAFETY: the host's own function and context.
        judged(
            unsafe { call(self.context.pointer, &raw const token, now, lease) },
            &[ErrorKind::LeaseLost],
        )
    }

    fn sweep(&self, now: u64, at_most: usize) -> Result<usize> {
        let Some(call) = self.to.sweep else {
            return Ok(0);
        };
        let mut dropped = 0;
        // SAFETY: the host's own function and context.
        let code = unsafe { call(self.context.pointer, now, at_most, &raw mut dropped) };
        judged(code, &[])?;
        if dropped > at_most {
            return Err(unavailable("the host's guard dropped more than it was to"));
        }
        Ok(dropped)
    }

    fn expect(&self, challenge: &Digest, until: u64, now: u64) -> Result<()> {
        let call = there(self.to.expect, "the host's guard keeps no challenges")?;
        let challenge = (*challenge).into();
        // SAFETY: the host's own function and context.
        let code = unsafe { call(self.context.pointer, &raw const challenge, until, now) };
        judged(code, &[ErrorKind::GuardFull])
    }

    fn missing(&self, stream: &Digest) -> Result<Vec<RangeInclusive<u64>>> {
        let call = there(
            self.to.missing,
            "the host's guard does not say what is missing",
        )?;
        let stream = (*stream).into();
        let missing = bulla_ranges::of(Vec::new());
        // SAFETY: the host's own function and context; the ranges change only behind a lock.
        let code = unsafe {
            call(
                self.context.pointer,
                &raw const stream,
                (&raw const missing).cast_mut(),
            )
        };
        judged(code, &[])?;
        // Each was checked as it was added.
        missing.take().map_err(|_| FAILED)
    }

    fn skip(&self, stream: &Digest, before: u64) -> Result<()> {
        let call = there(self.to.skip, "the host's guard gives nothing up")?;
        let stream = (*stream).into();
        // SAFETY: the host's own function and context.
        judged(
            unsafe { call(self.context.pointer, &raw const stream, before) },
            &[],
        )
    }

    fn forget_stream(&self, stream: &Digest) -> Result<bool> {
        let call = there(self.to.forget_stream, "the host's guard forgets no stream")?;
        let stream = (*stream).into();
        let mut was_known = 0;
        // SAFETY: the host's own function and context.
        let code = unsafe { call(self.context.pointer, &raw const stream, &raw mut was_known) };
        judged(code, &[])?;
        Ok(was_known == 1)
    }

    fn permit(&self, what: &Digest, now: u64, rate: Rate) -> Result<bool> {
        let Some(call) = self.to.permit else {
            return Ok(false);
        };
        let what = (*what).into();
        let Rate { every, burst } = rate;
        let mut permitted = 0;
        // SAFETY: the host's own function and context.
        let code = unsafe {
            call(
                self.context.pointer,
                &raw const what,
                now,
                every,
                burst,
                &raw mut permitted,
            )
        };
        judged(code, &[])?;
        Ok(permitted == 1)
    }
}

/// Makes a guard of functions of the host's: over a store that the host has anyway. What is promised to readers then depends on
/// those functions; the guards of the library are the safer choice.
///
/// @param callbacks The functions; copied.
/// @param guard Receives the guard; free it with bulla_guard_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_INVALID_INPUT for NULL, for a function that is needed and missing, and for a wrong size.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_of_callbacks(
    callbacks: *const bulla_guard_callbacks,
    guard: *mut *mut bulla_guard,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(guard, "guard is NULL")?;
        // SAFETY: as the contract says.
        let to = unsafe { grown(callbacks, "callbacks is NULL") }?;
        let whole = to.observe.is_some()
            && to.claim.is_some()
            && to.commit.is_some()
            && to.release.is_some()
            && to.renew.is_some();
        if !whole {
            return Err(null(
                "a guard needs observe, claim, commit, release and renew",
            ));
        }
        let context = Context {
            pointer: to.context,
            drop: to.drop,
        };
        out.give(bulla_guard::of(Arc::new(HostGuard { to, context })));
        Ok(BULLA_OK)
    })
}
