//! What needs SQLite: in a library without it the functions are there, and say so.

/// Gives the second in a library with SQLite, the first in one without.
macro_rules! with_sqlite {
    ($without:expr, $with:expr $(,)?) => {{
        #[cfg(feature = "sqlite")]
        let done = $with;
        #[cfg(not(feature = "sqlite"))]
        let done = $without;
        done
    }};
}

pub(super) use with_sqlite;

/// What each of these functions returns in a library without SQLite.
#[cfg(not(feature = "sqlite"))]
pub(super) fn without(error: *mut super::status::bulla_error) -> super::status::bulla_status {
    super::status::entry(error, || {
        Err(crate::Error::with(
            crate::ErrorKind::InvalidInput,
            "this library was built without sqlite: take one that was built with it",
        ))
    })
}
