//! What a receiver does with a message, so that a receipt can say so.

pub(crate) mod file_name;
mod making;
pub(crate) mod partial;
mod receive;
pub(crate) mod store;
pub(crate) mod stored;
