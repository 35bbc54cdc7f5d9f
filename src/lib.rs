#![doc = "x"]
#![no_std]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;
mod crypto;
mod error;
mod freshness;
mod identity;
mod wire;
pub use crypto::digest::Digest;
pub use crypto::kem::{KemPublicKey, kem_shared_secret};
pub use crypto::random::Entropy;
#[cfg(feature = "getrandom")]
pub use crypto::random::OsEntropy;
pub use crypto::secret::Secret;
pub use crypto::sign::VerifyingKey;
pub use wire::armor::{ArmorLabel, ArmorReader, ArmorWriter, armor, dearmor, is_armored};
pub use freshness::clock::{Clock, FixedClock};
pub use freshness::guard::{Claim, Claimed, LeaseToken, MAX_STORED_RECEIPT, ReplayGuard};
pub use freshness::policy::{DEFAULT_MAX_AGE, DEFAULT_SKEW, Policy, Replay, Senders};
#[cfg(feature="std")]
pub use freshness::{clock::SystemClock, memory::MemoryGuard};
pub use identity::holder::{Decapsulator, Signer};
pub use identity::public::{EncryptionKey, PublicIdentity};
pub use identity::secret::Identity;
pub use error::{Error, ErrorClass, ErrorKind, Result};
