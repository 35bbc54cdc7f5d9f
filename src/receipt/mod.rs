//! What becomes of a message, and the proof of it: storing, receipts, audits, the outbox (spec/receipts.md).

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod committed;
#[cfg(all(feature = "std", unix))]
pub(crate) mod file_name;
pub(crate) mod make;
#[cfg(all(feature = "std", unix))]
mod making;
#[cfg(feature = "sqlite")]
pub(crate) mod outbox;
#[cfg(all(feature = "std", unix))]
pub(crate) mod partial;
pub(crate) mod proof;
#[cfg(all(feature = "std", unix))]
mod publishing;
#[cfg(all(feature = "std", unix))]
pub(crate) mod pushed;
#[cfg(all(feature = "std", unix))]
mod receive;
#[cfg(all(feature = "std", unix))]
pub(crate) mod received;
#[cfg(all(feature = "std", unix))]
mod rival;
pub(crate) mod status;
#[cfg(all(feature = "std", unix))]
pub(crate) mod store;
#[cfg(all(feature = "std", unix))]
pub(crate) mod stored;
