//! Receipts: proof of what became of a message (spec/receipts.md).

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod make;
pub(crate) mod proof;
pub(crate) mod status;
