//! AES-256-GCM, without a generic parameter. Generic code is compiled where it is used, with the settings of that crate: here it
//! gets its own, and stays fast in a library that is made small. Nothing of this is a public interface: use the crate `bulla`.
#![no_std]

extern crate alloc;

use alloc::boxed::Box;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Nonce, Tag};
use zeroize::zeroize_stack;

/// Length of the tag, in bytes.
pub const TAG_LEN: usize = 16;

/// Bytes of stack that the widest of the implementations uses, rounded up: 7 KiB with VAES and 512 bits, the sum of the frames in
/// the disassembly. It leaves pieces of the text there, and of the key, which whoever has that stack next would copy along with
/// what he has not set. Without optimisation the frames are wider.
const STACK: usize = if cfg!(debug_assertions) { 32 } else { 8 } * 1024;

/// A key, scheduled; wiped when it is dropped, and the stack after each call.
///
/// Boxed: whoever holds it moves a pointer. Moved by value, the schedule would stay in the frame of everyone who passed it on.
pub struct Aes256Gcm(Box<aes_gcm::Aes256Gcm>);

// Never inlined: what is inlined is compiled as its surroundings are, and uses a stack that is not wiped.
impl Aes256Gcm {
    /// Schedules the key.
    #[inline(never)]
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        let scheduled = schedule(key);
        zeroize_stack::<STACK>();
        Self(scheduled)
    }

    /// Encrypts in place and gives the tag; `None` if it is too long.
    #[inline(never)]
    #[must_use]
    pub fn seal(
        &self,
        nonce: &[u8; 12],
        associated: &[u8],
        text: &mut [u8],
    ) -> Option<[u8; TAG_LEN]> {
        let tag = encrypt(&self.0, nonce, associated, text);
        zeroize_stack::<STACK>();
        tag
    }

    /// Decrypts in place; `None` if it is not authentic, and then nothing can be said about `text`.
    #[inline(never)]
    #[must_use]
    pub fn open(
        &self,
        nonce: &[u8; 12],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Option<()> {
        let opened = decrypt(&self.0, nonce, associated, text, tag);
        zeroize_stack::<STACK>();
        opened
    }
}

// The box is filled here, below the frame that wipes: the copies on the way into it are wiped with the rest.
#[inline(never)]
fn schedule(key: &[u8; 32]) -> Box<aes_gcm::Aes256Gcm> {
    Box::new(aes_gcm::Aes256Gcm::new(key.into()))
}

#[inline(never)]
fn encrypt(
    key: &aes_gcm::Aes256Gcm,
    nonce: &[u8; 12],
    associated: &[u8],
    text: &mut [u8],
) -> Option<[u8; TAG_LEN]> {
    key.encrypt_inout_detached(&Nonce::from(*nonce), associated, text.into())
        .ok()
        .map(Into::into)
}

#[inline(never)]
fn decrypt(
    key: &aes_gcm::Aes256Gcm,
    nonce: &[u8; 12],
    associated: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> Option<()> {
    let (nonce, tag) = (Nonce::from(*nonce), Tag::from(*tag));
    key.decrypt_inout_detached(&nonce, associated, text.into(), &tag)
        .ok()
}
