//! Seal, open, sign, verify: everything between a content and its envelope.

#[cfg(feature = "std")]
pub(crate) mod armored;
mod begin;
pub(crate) mod chunks;
mod claim;
pub(crate) mod draft;
pub(crate) mod evidence;
#[cfg(feature = "std")]
pub(crate) mod file;
pub(crate) mod gate;
pub(crate) mod inspect;
pub(crate) mod intake;
#[cfg(feature = "std")]
pub(crate) mod io;
pub(crate) mod lease;
pub(crate) mod open;
pub(crate) mod outcome;
pub(crate) mod padding;
mod piece;
pub(crate) mod plaintext;
#[cfg(feature = "std")]
pub(crate) mod random_access;
pub(crate) mod recipients;
pub(crate) mod seal;
#[cfg(feature = "std")]
pub(crate) mod session;
pub(crate) mod stamp;
pub(crate) mod stream;
mod unlock;
pub(crate) mod verdict;
pub(crate) mod verify;
mod watch;
