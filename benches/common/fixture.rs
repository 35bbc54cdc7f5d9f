//! The people and contents of all measurements.

use bulla::{Draft, Identity, Padding, Policy, PublicIdentity, Sealer, Secret, Senders};
use std::sync::LazyLock;

/// The context of all messages.
pub(crate) const CONTEXT: &str = "bench";
/// The sizes that are measured, in bytes.
pub(crate) const SMALL: usize = 256;
pub(crate) const MIDDLE: usize = 64 * 1024;
pub(crate) const LARGE: usize = 16 * 1024 * 1024;

/// A person whose secrets are known to the floor too.
pub(crate) struct Person {
    pub(crate) seed: [u8; 32],
    pub(crate) identity: Identity,
}

impl Person {
    fn new(number: u32) -> Self {
        let seed = *blake3::hash(&number.to_be_bytes()).as_bytes();
        let identity = Identity::from_seed(&Secret::new(seed)).unwrap();
        Self { seed, identity }
    }

    /// Generation 0 of a seed identity (spec/identity.md §2).
    pub(crate) fn encryption_secret(&self) -> [u8; 32] {
        *blake3::Hasher::new()
            .update(b"bulla/1 seed x25519\0")
            .update(&self.seed)
            .finalize()
            .as_bytes()
    }
}

pub(crate) static ALICE: LazyLock<Person> = LazyLock::new(|| Person::new(0));
pub(crate) static BOB: LazyLock<Person> = LazyLock::new(|| Person::new(1));
/// Bob and 999 others.
pub(crate) static CROWD: LazyLock<Vec<PublicIdentity>> = LazyLock::new(|| {
    let others = (2..1001).map(|number| Person::new(number).identity.public().clone());
    std::iter::once(BOB.identity.public().clone())
        .chain(others)
        .collect()
});
pub(crate) static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    Policy::new(CONTEXT, Senders::only([*ALICE.identity.verifying_key()])).unwrap()
});
pub(crate) static DRAFT: LazyLock<Draft> = LazyLock::new(|| Draft::new(CONTEXT).unwrap());

static CONTENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut content = vec![0; LARGE];
    blake3::Hasher::new().finalize_xof().fill(&mut content);
    content
});

/// Content of this length, at most [`LARGE`], that does not compress.
pub(crate) fn content(length: usize) -> &'static [u8] {
    &CONTENT[..length]
}

/// Alice's sealer to the first `recipients` of the crowd, without padding.
pub(crate) fn sealer(recipients: usize) -> Sealer<'static> {
    Sealer::new(&ALICE.identity)
        .to_all(&CROWD[..recipients])
        .padding(Padding::None)
}
