//! Receipts: proof of what became of a message (spec/receipts.md).

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod make;
#[cfg(feature = "sqlite")]
pub(crate) mod outbox;
pub(crate) mod proof;
pub(crate) mod status;
