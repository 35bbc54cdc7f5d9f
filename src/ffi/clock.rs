//! A host's own clock.

use core::ffi::c_void;
use std::sync::Arc;

use super::handle::{Out, free, shared};
use super::input::{Context, answered};
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use crate::{Clock, Error, ErrorKind, FixedClock, Result, SystemClock};

/// A clock of the host's own. Without one, the clock of the system is used.
pub struct bulla_clock {
    pub(super) clock: Arc<dyn Clock>,
}

/// Tells the time: writes the seconds since 1970 to `now` and returns BULLA_OK, or returns another code and the call in hand
/// fails with BULLA_CLOCK_FAILED. It may be called from any thread that uses what the clock was given to, and must not panic,
/// throw or jump out.
pub type bulla_clock_now =
    Option<unsafe extern "C" fn(context: *mut c_void, now: *mut u64) -> bulla_status>;

/// Called once, when the context of callbacks is needed no more. May be NULL.
pub type bulla_drop = Option<unsafe extern "C" fn(context: *mut c_void)>;

struct Callback {
    now: unsafe extern "C" fn(*mut c_void, *mut u64) -> bulla_status,
    context: Context,
}

impl Clock for Callback {
    fn now(&self) -> Result<u64> {
        let mut time = 0;
        // SAFETY: the host's own function, with the host's own context, as the contract says.
        let code = unsafe { (self.now)(self.context.pointer, &raw mut time) };
        answered(code, ErrorKind::ClockFailed.into()).map_err(|_| ErrorKind::ClockFailed)?;
        Ok(time)
    }
}

/// Makes a clock of a function of the host's.
///
/// @param now The function.
/// @param context Given to it with each call; may be NULL.
/// @param drop Called with the context when the clock, and all that it was given to, are freed; may be NULL. If this call
///        fails it is not called.
/// @param clock Receives the clock; free it with bulla_clock_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_clock_new(
    now: bulla_clock_now,
    context: *mut c_void,
    drop: bulla_drop,
    clock: *mut *mut bulla_clock,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(clock, "clock is NULL")?;
        let now = now.ok_or(Error::with(ErrorKind::InvalidInput, "now is NULL"))?;
        let context = Context {
            pointer: context,
            drop,
        };
        let clock = Arc::new(Callback { now, context });
        out.give(bulla_clock { clock });
        Ok(BULLA_OK)
    })
}

/// Makes a clock that stands still: to judge as of a given time, and for tests.
///
/// @param time Seconds since 1970.
/// @param clock Receives the clock; free it with bulla_clock_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_clock_fixed(
    time: u64,
    clock: *mut *mut bulla_clock,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let clock_out = Out::new(clock, "clock is NULL")?;
        clock_out.give(bulla_clock {
            clock: Arc::new(FixedClock(time)),
        });
        Ok(BULLA_OK)
    })
}

/// A share in the clock of a handle.
pub(super) unsafe fn clock<'a>(clock: *const bulla_clock) -> Result<&'a Arc<dyn Clock>> {
    // SAFETY: as the contract says.
    unsafe { shared(clock, "clock is NULL") }.map(|clock| &clock.clock)
}

/// A share in the clock of a handle, or in that of the system for NULL.
pub(super) unsafe fn clock_or_system(host_clock: *const bulla_clock) -> Result<Arc<dyn Clock>> {
    if host_clock.is_null() {
        return Ok(Arc::new(SystemClock));
    }
    // SAFETY: as the contract says.
    unsafe { clock(host_clock) }.map(Arc::clone)
}

/// Frees a clock; what it was given to keeps its share.
///
/// @param clock The clock; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_clock_free(clock: *mut bulla_clock) {
    // SAFETY: as the contract says.
    unsafe { free(clock) }
}
