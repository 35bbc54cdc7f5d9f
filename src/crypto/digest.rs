//! BLAKE3 with 32 bytes of output (C2SP BLAKE3).

use alloc::boxed::Box;
use core::fmt;

use zeroize::Zeroize;

use super::secret::{Secret, leaving_nothing};

/// A BLAKE3 digest of 32 bytes: of a content, a header, an opening.
///
/// ```
/// let digest = bulla::Digest::of(b"");
/// assert!(digest.to_string().starts_with("af1349b9f5f9a1a6"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of parts, one after the other. The caller sees to it that they cannot be confused.
    pub(crate) fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        let digest = Self(*hasher.finalize().as_bytes());
        // Parts can be keys.
        hasher.zeroize();
        digest
    }

    /// A digest that was computed elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A digest in the making, over content that comes in pieces.
///
/// It holds the last bytes of a content that may be secret: it stays in one place, whatever around it is moved, and is wiped.
///
/// ```
/// let mut hasher = bulla::Hasher::new();
/// hasher.update(b"in ");
/// hasher.update(b"pieces");
/// assert_eq!(hasher.finish(), bulla::Digest::of(b"in pieces"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Hasher(Box<blake3::Hasher>);

impl Hasher {
    /// A digest of nothing so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces so far.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A keyed BLAKE3 in the making: what it gives nobody can compute without the key and all of the content. Wiped as a [`Hasher`] is.
#[derive(Debug)]
pub(crate) struct KeyedHasher(Box<blake3::Hasher>);

impl KeyedHasher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // It begins with the key, and is made on the stack before it is in the box.
        leaving_nothing(|| Self(Box::new(blake3::Hasher::new_keyed(key))))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(&self) -> Secret<32> {
        Secret::new(*self.0.finalize().as_bytes())
    }
}

impl Drop for KeyedHasher {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
