//! What a reader asks its guard besides: challenges, and what is missing of a stream.

use super::handle::{Out, shared};
use super::opener::{Gate, OpenerParts, bulla_opener};
use super::ranges::bulla_ranges;
use super::stamp::{bulla_stamp, get};
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use crate::{Error, ErrorKind, Opener, OsEntropy, Result, Verifier};

/// Asks whichever reader it is.
fn ask<T>(
    parts: &OpenerParts,
    open: impl FnOnce(&Opener<'_>) -> Result<T>,
    verify: impl FnOnce(&Verifier<'_>) -> Result<T>,
) -> Result<T> {
    match parts.gate() {
        Gate::Open(gate) => open(&gate),
        Gate::Verify(gate) => verify(&gate),
        Gate::Reopen(_) | Gate::Reverify(_) => Err(Error::with(
            ErrorKind::InvalidInput,
            "an opener of archives has no replay guard: make one with a guard",
        )),
    }
}

/// Makes a challenge, to be answered once by a message whose draft bulla_draft_answers() it. It needs no secrecy. See
/// bulla_policy_demand_challenge().
///
/// @param opener An opener with a replay guard.
/// @param seconds How long it may be answered.
/// @param challenge Receives the challenge: 32 bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_RANDOM_FAILED, BULLA_CLOCK_FAILED, BULLA_GUARD_FULL, BULLA_GUARD_UNAVAILABLE; BULLA_INVALID_INPUT for
///         NULL and without a replay guard.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_opener_challenge(
    opener: *const bulla_opener,
    seconds: u64,
    challenge: *mut u8,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(challenge.cast::<[u8; 32]>(), "challenge is NULL")?;
        // SAFETY: as the contract says.
        let parts = unsafe { shared(opener, "opener is NULL") }?.parts()?;
        out.put(ask(
            &parts,
            |gate| gate.challenge(&OsEntropy, seconds),
            |gate| gate.challenge(&OsEntropy, seconds),
        )?);
        Ok(BULLA_OK)
    })
}

/// Which numbers are missing, so far, in the stream of a message. Only BULLA_ORDER_GAPLESS keeps count.
///
/// @param opener An opener with a replay guard.
/// @param stamp What the sender signed of any message of the stream.
/// @param missing Receives the numbers; free them with bulla_ranges_free(). None for a message that is in no stream.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL and without a replay guard.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_opener_missing(
    opener: *const bulla_opener,
    stamp: *const bulla_stamp,
    missing: *mut *mut bulla_ranges,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(missing, "missing is NULL")?;
        // SAFETY: as the contract says.
        let (opener, stamp) = unsafe { (shared(opener, "opener is NULL")?, get(stamp)?) };
        let parts = opener.parts()?;
        let missing = ask(
            &parts,
            |gate| gate.missing(stamp),
            |gate| gate.missing(stamp),
        )?;
        out.give(bulla_ranges::of(missing));
        Ok(BULLA_OK)
    })
}

/// Waits no longer for the numbers before this one in the stream of a message: they are given up, and BULLA_SUPERSEDED if they
/// still come.
///
/// @param opener An opener with a replay guard.
/// @param stamp What the sender signed of any message of the stream.
/// @param before The number.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_GUARD_UNAVAILABLE, BULLA_INVALID_INPUT for NULL, without a replay guard, and for a message that is in
///         no stream.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_opener_skip(
    opener: *const bulla_opener,
    stamp: *const bulla_stamp,
    before: u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (opener, stamp) = unsafe { (shared(opener, "opener is NULL")?, get(stamp)?) };
        let parts = opener.parts()?;
        ask(
            &parts,
            |gate| gate.skip(stamp, before),
            |gate| gate.skip(stamp, before),
        )?;
        Ok(BULLA_OK)
    })
}
