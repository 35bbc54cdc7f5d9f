//! The clock is passed in, so that tests and vectors are deterministic and hosts can bring their own.

use crate::error::Result;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ClockFailed`](crate::ErrorKind::ClockFailed) if the time is not known.
    fn now(&self) -> Result<u64>;
}

/// The clock of the system.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(feature = "std")]
impl Clock for SystemClock {
    fn now(&self) -> Result<u64> {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map(|elapsed| elapsed.as_secs())
            .map_err(|_| crate::ErrorKind::ClockFailed.into())
    }
}

/// A clock that stands still, for tests and for judging as of a given time.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(
    /// Seconds since 1970-01-01T00:00:00Z.
    pub u64,
);

impl Clock for FixedClock {
    fn now(&self) -> Result<u64> {
        Ok(self.0)
    }
}
