//! When a message is new: clocks, the reader's policy, and replay guards (spec/opening.md §4, §5).

pub(crate) mod clock;
pub(crate) mod guard;
#[cfg(feature = "std")]
pub(crate) mod memory;
pub(crate) mod policy;
