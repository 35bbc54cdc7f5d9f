//! What comes of an envelope that was to be stored.

use core::fmt;
use core::ops::Deref;
use std::boxed::Box;

use super::status::Reason;
use super::stored::Stored;
use crate::envelope::lease::Lease;
use crate::envelope::open::OpenStream;
use crate::envelope::outcome::Again;
use crate::envelope::verdict::{Damaged, StampOnly};
use crate::error::{Error, ErrorKind};

/// What came of an envelope that was given to a [`Store`](crate::Store).
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
// There is one for each envelope, never many: a box would save nothing.
#[allow(clippy::large_enum_variant)]
pub enum Received<'a> {
    /// It is on the disk: commit it, with a [receipt](crate::Receipter::stored) or [without](Stored::commit).
    Stored(Stored<'a>),
    /// It came before, and was dealt with: give the same receipt again.
    Again(Again),
    /// Its content is longer than this store accepts. Nothing is left of this copy. [Reject](crate::Receipter::rejected) it, which
    /// is final, or release it. What an earlier attempt left that ended between the final name and the commit stays: see
    /// [`Refused`](Self::Refused).
    TooLarge(Lease<'a, StampOnly>),
    /// There is no room for it. Nothing is left of it. Release it, and it may come again when there is; or
    /// [reject](crate::Receipter::rejected) it, which is final.
    NoRoom(Lease<'a, StampOnly>),
    /// The host's own [rules](crate::Store::judge) do not accept it, for this reason. Nothing of this copy was
    /// written. [Reject](crate::Receipter::rejected) it with that reason, which is final, or release it.
    ///
    /// The rules are asked whatever file there is. So a file may have the final name: where it can only be this message's own, as
    /// under [`Target::ById`](crate::Target::ById), it is what an earlier attempt left that ended between the name and the
    /// commit, and the host removes it before it rejects the message, if the content is not to lie there.
    Refused(Lease<'a, StampOnly>, Reason),
}

/// Why an envelope was not stored: an [`Error`], which it turns into by itself, and whether a copy came damaged.
pub struct NotStored {
    error: Error,
    damaged: Option<Box<Damaged>>,
}

impl NotStored {
    pub(super) fn of(error: Error, stream: &OpenStream<'_>) -> Self {
        let damaged = match error.kind() {
            ErrorKind::NotAuthentic => stream.damaged().map(Box::new),
            _ => None,
        };
        Self { error, damaged }
    }

    /// If the stamp of what came was verified and judged, and what followed it was damaged, or cut off at the end of the input:
    /// what a note of [damage](crate::Receipter::damaged) to its author is made of. `None` for every other failure.
    #[must_use]
    pub fn damaged(&self) -> Option<&Damaged> {
        self.damaged.as_deref()
    }
}

impl Deref for NotStored {
    type Target = Error;

    fn deref(&self) -> &Error {
        &self.error
    }
}

impl From<Error> for NotStored {
    fn from(error: Error) -> Self {
        Self {
            error,
            damaged: None,
        }
    }
}

impl From<NotStored> for Error {
    fn from(not_stored: NotStored) -> Self {
        not_stored.error
    }
}

impl fmt::Debug for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl PartialEq<ErrorKind> for NotStored {
    fn eq(&self, other: &ErrorKind) -> bool {
        self.error == *other
    }
}

impl core::error::Error for NotStored {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.error.source()
    }
}
