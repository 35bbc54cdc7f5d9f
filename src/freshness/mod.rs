//! When a message is new: clocks, the reader's policy, and replay guards (spec/opening.md §4, spec/guard.md).

pub(crate) mod clock;
#[cfg(feature = "std")]
pub(crate) mod entry;
pub(crate) mod guard;
#[cfg(feature = "std")]
pub(crate) mod memory;
pub(crate) mod order;
pub(crate) mod policy;
pub(crate) mod rate;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(feature = "std")]
pub(crate) mod rules;
#[cfg(feature = "std")]
pub(crate) mod table;
