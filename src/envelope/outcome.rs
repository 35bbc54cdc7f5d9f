//! What became of a message, as a guard keeps it for its copies (spec/guard.md §3, answers).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::stamp::Stamp;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::guard::MAX_STORED_ANSWER;
use crate::wire::claims::StatementType;
use crate::wire::receipt::{DELIVERED, REJECTED, STORED};

/// Longest receipt, or answer of a host's own, that can be committed, in bytes.
pub const MAX_STORED_RECEIPT: usize = MAX_STORED_ANSWER - 1;

/// The first number of a host's own.
const OWN: u8 = 128;

/// What became of a message that is dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was verified, and handed to the application.
    Delivered,
    /// Its content is on the disk, and was read again from there and compared.
    Stored,
    /// It was rejected for good: a copy of it is rejected too.
    Rejected,
    /// What the host says it is, by a number of its own from 128 to 255.
    Own(u8),
}

impl Outcome {
    fn code(self) -> Result<u8> {
        match self {
            Self::Delivered => Ok(DELIVERED),
            Self::Stored => Ok(STORED),
            Self::Rejected => Ok(REJECTED),
            Self::Own(code @ OWN..) => Ok(code),
            Self::Own(_) => Err(Error::with(
                ErrorKind::InvalidInput,
                "a host numbers outcomes of its own from 128 to 255",
            )),
        }
    }

    /// No silence where the author asked for the receipt of this outcome: copies get no other answer (spec/receipts.md §3).
    pub(super) fn check_answer(self, stamp: &Stamp, answer: &[u8]) -> Result<()> {
        let asked = stamp.receipts();
        let asked = match self {
            Self::Delivered => asked.delivered,
            Self::Stored => asked.stored,
            Self::Rejected => asked.rejected,
            Self::Own(_) => false,
        };
        let awaited = asked
            && stamp.reply_key().is_some()
            && stamp.statement_type() == StatementType::Message;
        if awaited && answer.is_empty() {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "its author asked for a receipt of this: make one, or release the message",
            ));
        }
        Ok(())
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            DELIVERED => Some(Self::Delivered),
            STORED => Some(Self::Stored),
            REJECTED => Some(Self::Rejected),
            OWN.. => Some(Self::Own(code)),
            _ => None,
        }
    }
}

/// What a guard is to keep.
pub(super) fn answer(outcome: Outcome, receipt: &[u8]) -> Result<Vec<u8>> {
    if receipt.len() > MAX_STORED_RECEIPT {
        return Err(Error::with(
            ErrorKind::InvalidInput,
            "a receipt that is committed is at most 4095 bytes long",
        ));
    }
    Ok([&[outcome.code()?], receipt].concat())
}

/// A message that was dealt with before.
#[derive(Debug)]
pub struct Again {
    outcome: Outcome,
    receipt: Vec<u8>,
    // In a box: it is much larger than what it travels beside.
    stamp: Box<Stamp>,
}

impl Again {
    /// What a guard has kept of the message with this stamp.
    pub(super) fn parse(answer: Vec<u8>, stamp: Stamp) -> Result<Self> {
        let (outcome, receipt) = stored(answer)?;
        Ok(Self {
            outcome,
            receipt,
            stamp: Box::new(stamp),
        })
    }

    /// What the author signed of it: so that the host knows whom it answers.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// What became of it. One that was [rejected](Outcome::Rejected) is to be rejected again, whatever else is done with it.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The receipt that was committed with it, byte for byte: send it again. `None` if there was none.
    #[must_use]
    pub fn receipt(&self) -> Option<&[u8]> {
        Some(self.receipt.as_slice()).filter(|receipt| !receipt.is_empty())
    }

    /// The same, taken out.
    #[must_use]
    pub fn into_receipt(self) -> Option<Vec<u8>> {
        Some(self.receipt).filter(|receipt| !receipt.is_empty())
    }
}

/// What a guard has kept, taken apart. Nothing is what a claim without a lease leaves.
fn stored(mut answer: Vec<u8>) -> Result<(Outcome, Vec<u8>)> {
    let outcome = match answer.first() {
        None => Some(Outcome::Delivered),
        Some(code) => Outcome::from_code(*code),
    };
    // Taken for something else, a rejection could become a success.
    let outcome = outcome.ok_or(Error::with(
        ErrorKind::GuardUnavailable,
        "what the replay guard keeps of this message was not written by this version: read it with what wrote it",
    ))?;
    answer.drain(..answer.len().min(1));
    Ok((outcome, answer))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_outcome_comes_back_and_no_other_is_guessed() {
        for code in 0..=u8::MAX {
            let parsed = stored(std::vec![code, 7, 8]);
            let known = matches!(code, 1..=3 | 128..);
            assert_eq!(parsed.is_ok(), known, "{code}");
            match parsed {
                Ok((outcome, receipt)) => {
                    assert_eq!(answer(outcome, &[7, 8]).unwrap(), [code, 7, 8]);
                    assert_eq!(receipt, [7, 8]);
                }
                Err(error) => assert_eq!(error, ErrorKind::GuardUnavailable),
            }
            assert_eq!(answer(Outcome::Own(code), b"").is_ok(), code >= 128);
        }
        for (kept, outcome) in [
            (std::vec![], Outcome::Delivered),
            (std::vec![3], Outcome::Rejected),
        ] {
            assert_eq!(stored(kept).unwrap(), (outcome, Vec::new()));
        }
    }

    #[test]
    fn the_longest_receipt_fills_what_a_guard_keeps() {
        let longest = answer(Outcome::Stored, &[7; 4095]).unwrap();
        assert_eq!(longest.len(), MAX_STORED_ANSWER);
        let longer = answer(Outcome::Stored, &[7; 4096]).unwrap_err();
        assert_eq!(longer, ErrorKind::InvalidInput);
    }
}
