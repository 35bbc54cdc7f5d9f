//! A small, slow, independent reference implementation of *sealing*, made to seal wrongly.
//!
//! It is written from `spec/` alone and imports nothing of the library: only crates of primitives.
//! CBOR, COSE, HPKE, Cobblestone, Bech32m and the armor are written out by hand here, so that every
//! byte of an envelope, an evidence, an identity line or a key file can be forged. Two things use it:
//! the library's attack tests, and the binary `make-vectors`, which writes `spec/vectors/`.
//!
//! [`Forge`] has honest defaults; a test changes exactly one thing and seals:
//!
//! ```
//! use bulla_forge::{Forge, Person};
//!
//! let (alice, bob) = (Person::new("alice"), Person::new("bob"));
//! // A co-recipient knows the content key: other content under Alice's own stamp.
//! let forged = Forge::sealed(&alice, &[&bob])
//!     .with(|f| f.content = b"pay Mallory".to_vec())
//!     .with(|f| f.signed_content = Some(b"pay Bob".to_vec()))
//!     .seal();
//! assert_eq!(&forged.envelope[..5], b"BULLA");
//! ```
//!
//! [`unseal`] takes an honest envelope apart again, to test a sealer with.
//!
//! Nothing is random: all bytes come from [`bytes`], the BLAKE3 XOF of a name. Never use this crate
//! for anything but tests.

pub mod armor;
pub mod cbor;
pub mod cobblestone;
pub mod cose;
pub mod ed25519;
pub mod evidence;
mod forge;
mod hook;
pub mod hpke;
pub mod keyfile;
pub mod line;
mod padding;
mod person;
pub mod points;
mod primitives;
mod stamp;
mod unseal;

pub use cobblestone::cobblestone_seal;
pub use cose::{Cose, Statement, cose_sign1};
pub use evidence::Evidence;
pub use forge::{ATTACHED, DETACHED, Forge, Layout, SEALED, Sealed, Stanza, To};
pub use hook::Hook;
pub use hpke::hpke_seal;
pub use keyfile::{KeyFile, Protection};
pub use line::Line;
pub use padding::{Padding, padme};
pub use person::{Person, SecretKey};
pub use primitives::{argon2id, bytes, gcm_seal, h, named};
pub use stamp::{Claims, ReplyKey, Sequence, Stamp};
pub use unseal::{Unsealed, unseal};

/// The clock of all defaults and vectors.
pub const NOW: u64 = 1_800_000_000;
/// The context of all defaults and vectors.
pub const CONTEXT: &str = "file-transfer";
