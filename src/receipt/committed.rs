//! Receipts that may leave: the guard has committed their messages with them (spec/receipts.md §3, point 8).

use alloc::vec::Vec;
use core::fmt;

/// A message that is dealt with for good, and the receipt that its copies get too. Only a commit gives it, so whoever has the
/// receipt may send it.
#[must_use]
pub struct Committed<P> {
    proof: P,
    receipt: Option<Vec<u8>>,
}

impl<P> Committed<P> {
    pub(super) const fn new(proof: P, receipt: Option<Vec<u8>>) -> Self {
        Self { proof, receipt }
    }

    /// What was verified.
    #[must_use]
    pub const fn proof(&self) -> &P {
        &self.proof
    }

    /// The receipt, to be sent to the author; `None` if the author asked for none of this kind.
    #[must_use]
    pub fn receipt(&self) -> Option<&[u8]> {
        self.receipt.as_deref()
    }

    /// The same, taken out.
    #[must_use]
    pub fn into_receipt(self) -> Option<Vec<u8>> {
        self.receipt
    }

    /// Proof and receipt.
    #[must_use]
    pub fn into_parts(self) -> (P, Option<Vec<u8>>) {
        (self.proof, self.receipt)
    }
}

impl<P: fmt::Debug> fmt::Debug for Committed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committed")
            .field("proof", &self.proof)
            .field("receipt", &self.receipt.as_ref().map(Vec::len))
            .finish()
    }
}

/// What came of a rejection.
#[derive(Debug)]
#[must_use]
pub enum Rejection<P> {
    /// It is rejected for good: with a receipt, or without one if its author asked for none.
    Final(Committed<P>),
    /// Its author asked to be told and may not be told now: too often lately, or a stranger by the stamp alone. So it is not
    /// rejected but released, and may come again: nobody waits in vain for what was rejected in silence.
    Untold(P),
}

impl<P> Rejection<P> {
    /// The receipt, to be sent to the author, if there is one.
    #[must_use]
    pub fn into_receipt(self) -> Option<Vec<u8>> {
        match self {
            Self::Final(committed) => committed.into_receipt(),
            Self::Untold(_) => None,
        }
    }
}
