//! Who signs and who can open: public identity lines, secret identities, key files (spec/identity.md).

#[cfg(feature = "std")]
pub(crate) mod file;
pub(crate) mod holder;
pub(crate) mod keyfile;
#[cfg(feature = "keyfile")]
mod passphrase;
pub(crate) mod public;
pub(crate) mod secret;
