//! Storing what is pushed in pieces.

use core::fmt;

use super::making::Stop;
use super::receive::{BUFFER, Incoming};
use super::received::{NotStored, Received};
use crate::envelope::stamp::Stamp;
use crate::error::Result;

/// An envelope on its way to a file: [`update`](Self::update) any number of times, then [`finish`](Self::finish).
///
/// If it is dropped before, as when the connection broke, nothing is left but what a
/// [resumable](crate::Store::resumable) store keeps.
#[must_use]
pub struct StoreStream<'s, 'a> {
    incoming: Incoming<'s, 'a>,
    taken: Result<(), Stop>,
}

impl<'s, 'a> StoreStream<'s, 'a> {
    pub(super) const fn new(incoming: Incoming<'s, 'a>, taken: Result<(), Stop>) -> Self {
        Self { incoming, taken }
    }

    /// What the sender signed, as soon as it is verified and judged.
    #[must_use]
    pub fn stamp(&self) -> Option<&Stamp> {
        self.incoming.stamp()
    }

    /// Takes the next piece of the envelope. False if it is decided already what comes of it: no more of it is needed, and
    /// [`finish`](Self::finish) says what.
    pub fn update(&mut self, envelope: &[u8]) -> bool {
        for piece in envelope.chunks(BUFFER) {
            if self.taken.is_err() {
                break;
            }
            self.taken = self.incoming.piece(piece);
        }
        self.taken.is_ok()
    }

    /// The end of the envelope has come: what comes of it.
    ///
    /// # Errors
    ///
    /// As [`Store::store`](crate::Store::store).
    pub fn finish(self) -> Result<Received<'a>, NotStored> {
        self.incoming.conclude(self.taken)
    }
}

impl fmt::Debug for StoreStream<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreStream")
            .field("stamp", &self.stamp())
            .finish_non_exhaustive()
    }
}
