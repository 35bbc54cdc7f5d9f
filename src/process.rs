//! What two processes must not go on with: a key stream, a connection, the memory of what was seen.

use crate::error::{ErrorKind, Result};

/// The process in which something was made. A fork makes a second one of it, and only the first may be used: two would seal
/// under the same key and counter, read each other's answers, or each accept the same message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(u32);

impl Process {
    pub(crate) fn this() -> Self {
        // Elsewhere there is no fork, and not everywhere an id.
        #[cfg(all(feature = "std", unix))]
        let id = std::process::id();
        #[cfg(not(all(feature = "std", unix)))]
        let id = 0;
        Self(id)
    }

    pub(crate) fn is_this(self) -> bool {
        self == Self::this()
    }

    /// For what is in use without waiting: before any lock is asked for, which a fork may have copied while it was held.
    pub(crate) fn check(self, kind: ErrorKind, detail: &'static str) -> Result<()> {
        if self.is_this() {
            return Ok(());
        }
        Err(crate::error::Error::with(kind, detail))
    }

    /// As it looks from a process that was forked off.
    #[cfg(all(test, feature = "std", unix))]
    pub(crate) fn another() -> Self {
        Self(std::process::id() ^ 1)
    }
}
