//! Bulla seals, signs and freshness-stamps application messages, end to end and independent of the transport.
//!
//! | guarantee | what the application is promised |
//! |---|---|
//! | privacy | only the recipients read content, sender and attributes; relays learn neither |
//! | integrity | not one bit changed, added, removed, reordered or truncated |
//! | identity | the author is a key that the application trusts; nobody can pass off or re-address content |
//! | freshness | not old, not from the future, not seen before |
//!
//! ```
//! # fn main() -> bulla::Result<()> {
//! use bulla::{Draft, Identity, MemoryGuard, Opener, OsEntropy, Policy, Replay, Sealer, Senders};
//! let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
//!
//! let envelope = Sealer::new(&alice).to(bob.public()).seal(&Draft::new("example")?, b"hello")?;
//!
//! let policy = Policy::new("example", Senders::only([*alice.verifying_key()]))?;
//! let guard = MemoryGuard::new(10_000);
//! let message = Opener::new(&bob, &policy, Replay::Guarded(&guard)).open(&envelope)?;
//! assert_eq!(message.content(), b"hello");
//! # Ok(()) }
//! ```
//!
//! # Where to look
//!
//! - Seal and sign: [`Sealer`], what to say in [`Draft`]; in pieces: [`SealStream`].
//! - Open and verify: [`Opener`], [`Verifier`], what to accept in [`Policy`] and [`Replay`]; in pieces: [`OpenStream`],
//!   [`ProvisionalReader`]; at any place of a file: [`Opener::random_access`].
//! - Store to a file, provably: [`Store`], [`Stored`], over a [`Disk`] (Unix).
//! - Receipts: [`Receipter`] makes them, [`Receipt`] checks them; hosts with answers of their own: [`Lease`].
//! - Identities: [`Identity`], [`PublicIdentity`]; keys held elsewhere: [`Signer`], [`Decapsulator`].
//! - Proof for third parties: [`Verified::evidence`], [`Evidence::check`].
//! - What a failure means: [`ErrorKind`], [`ErrorClass`].
//!
//! The format is specified in `spec/`, byte by byte. No call panics, whatever its input.
//!
//! # Features
//!
//! - `std` (default): clock and generator of the system, `Read`/`Write`, files, [`MemoryGuard`], [`Session`], and on
//!   Unix [`Store`]. Without it the core builds with `alloc` alone.
//! - `keyfile` (default): key files protected by a passphrase (Argon2id).
//! - `sqlite`: the durable guard, `SqliteGuard`, in a `Database` that several processes can share.
//! - `redis`: the replay guard of a fleet, on a Redis or Valkey server.
//! - `capi`: the C interface (`ffi`), which `include/bulla.h` describes.
//! - `getrandom`: the generator of the system, without `std`.

#![no_std]

/// The README's example runs, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;
mod crypto;
#[cfg(feature = "std")]
mod disk;
mod envelope;
mod error;
#[cfg(feature = "capi")]
pub mod ffi;
mod freshness;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod process;
mod receipt;
mod wire;
pub use crypto::digest::{Digest, Hasher};
pub use crypto::kem::{KemPublicKey, kem_shared_secret};
pub use crypto::random::Entropy;
#[cfg(feature = "getrandom")]
pub use crypto::random::OsEntropy;
pub use crypto::secret::Secret;
pub use crypto::sign::VerifyingKey;
#[cfg(feature = "std")]
pub use disk::new_file::NewFile;
#[cfg(all(feature = "std", unix))]
pub use disk::{Access, Disk, Temporary, os::OsDisk};
pub use envelope::draft::Draft;
pub use envelope::evidence::Evidence;
pub use envelope::inspect::{Inspection, inspect};
pub use envelope::lease::{Delivery, Lease};
pub use envelope::open::{OpenStream, Opener};
pub use envelope::outcome::{Again, MAX_STORED_RECEIPT, Outcome};
pub use envelope::padding::Padding;
pub use envelope::seal::{Sealer, Sent};
#[cfg(feature = "std")]
pub use envelope::session::{Session, SessionCache};
pub use envelope::stamp::{MessageId, Receipts, Stamp};
pub use envelope::stream::{DetachedSigner, SealStream};
pub use envelope::verdict::{
    Archive, Damaged, Fresh, Message, Mode, Opened, Reopened, StampOnly, Verified,
};
pub use envelope::verify::{DetachedStream, Verifier};
#[cfg(feature = "std")]
pub use envelope::{
    armored::{ArmoredWriter, MaybeArmored},
    io::ProvisionalReader,
    random_access::{ProvisionalFile, VerifiedFile},
};
pub use error::{Error, ErrorClass, ErrorKind, Result};
pub use freshness::clock::{Clock, FixedClock};
pub use freshness::guard::{Claim, Claimed, LeaseToken, MAX_STORED_ANSWER, Place, ReplayGuard};
pub use freshness::order::{MAX_WINDOW, Order};
pub use freshness::policy::{DEFAULT_MAX_AGE, DEFAULT_SKEW, MAX_SKEW, Policy, Replay, Senders};
pub use freshness::rate::Rate;
#[cfg(feature = "redis")]
pub use freshness::redis::{RedisGuard, RedisGuardBuilder};
#[cfg(feature = "std")]
pub use freshness::{clock::SystemClock, memory::MemoryGuard, table::Limits as GuardLimits};
#[cfg(feature = "sqlite")]
pub use freshness::{
    database::Database,
    sqlite::SqliteGuard,
    sqlite_status::{EntryState, GuardEntry, GuardStatus, GuardStream},
};
pub use identity::holder::{Decapsulator, Signer};
pub use identity::public::{EncryptionKey, PublicIdentity};
pub use identity::secret::Identity;
pub use receipt::audit::{Asked, Asker, Proof, Prover, Question};
pub use receipt::check::Receipt;
pub use receipt::committed::{Committed, Rejection};
pub use receipt::make::{Answerable, Receipter};
#[cfg(feature = "sqlite")]
pub use receipt::outbox::{
    Backoff, Due, Letter, MAX_NOTE, Outbox, OutboxEntry, OutboxEnvelope, OutboxFilter, OutboxState,
    Outgoing, Settled,
};
pub use receipt::proof::ReceiptProof;
pub use receipt::status::{Reason, Status};
#[cfg(all(feature = "std", unix))]
pub use receipt::{
    file_name::{Target, message_file_name, safe_file_name},
    partial::Partials,
    pushed::StoreStream,
    received::{NotStored, Received},
    store::{Ruling, Store},
    stored::Stored,
};
pub use wire::armor::{ArmorLabel, ArmorReader, ArmorWriter, armor, dearmor, is_armored};
pub use wire::claims::{Sequence, StatementType};
pub use wire::header::Kind;
pub use wire::limits;
