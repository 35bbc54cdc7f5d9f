//! Bytes that must not leak: wiped on drop, compared in constant time, never printed.

use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, zeroize_stack};

/// A secret of `N` bytes.
///
/// It is wiped when dropped, compares in constant time, and does not show in `Debug`.
///
/// ```
/// let secret = bulla::Secret::new([7; 32]);
/// assert_eq!(format!("{secret:?}"), "Secret(32 bytes)");
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes the bytes over. The caller's own copy is the caller's to wipe.
    #[must_use]
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// The bytes, for handing them to a primitive or a key file.
    #[must_use]
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }

    pub(crate) const fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> Default for Secret<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({N} bytes)")
    }
}

/// Bytes of stack that what [`leaving_nothing`] runs uses, rounded up: 14 KiB were measured, and twice that without optimisation.
const STACK: usize = if cfg!(debug_assertions) { 48 } else { 24 } * 1024;

/// Runs what works with keys, and wipes the stack that it used: primitives, and values that are moved, leave copies there.
///
/// What comes out moves through the frames of all callers, where nobody wipes it: secrets in it must be boxed.
#[inline(never)]
pub(crate) fn leaving_nothing<T>(work: impl FnOnce() -> T) -> T {
    let _wiped = StackBelow;
    below(work)
}

/// Wiped when it is dropped, so that it is after a panic, too.
struct StackBelow;

impl Drop for StackBelow {
    fn drop(&mut self) {
        zeroize_stack::<STACK>();
    }
}

// Never inlined: its frame is what is wiped.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Overwrites bytes that must not stay in memory, as fast as memory can be written: `Zeroize` goes byte by byte.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    zeroize::optimization_barrier(bytes);
}

/// A buffer that is wiped, over its whole capacity, when it is dropped. Growing it moves it: reserve before.
#[derive(Default)]
pub(crate) struct Wiped(Vec<u8>);

impl Wiped {
    pub(crate) const fn new(buffer: Vec<u8>) -> Self {
        Self(buffer)
    }

    /// Makes room for so many bytes more. Where that moves it, what was left behind is wiped: a vector that grows by itself gives
    /// its old memory back as it is.
    #[cfg(all(feature = "std", unix))]
    pub(crate) fn make_room(&mut self, more: usize) {
        if self.0.capacity().saturating_sub(self.0.len()) >= more {
            return;
        }
        let mut larger = Self(Vec::with_capacity(self.0.len().saturating_add(more)));
        larger.0.extend_from_slice(&self.0);
        *self = larger;
    }
}

impl Deref for Wiped {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        // Never more than the capacity, so nothing moves.
        self.0.clear();
        self.0.resize(self.0.capacity(), 0);
        zeroize::optimization_barrier(self.0.as_slice());
    }
}
