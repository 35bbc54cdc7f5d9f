//! The only place that touches primitives. Knows nothing of envelopes, statements or files.

#[cfg(feature = "keyfile")]
pub(crate) mod aead;
pub(crate) mod body;
pub(crate) mod digest;
pub(crate) mod hpke;
pub(crate) mod kem;
pub(crate) mod random;
pub(crate) mod secret;
pub(crate) mod sign;
#[cfg(test)]
mod tests;
