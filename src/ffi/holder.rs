//! Identities whose keys are elsewhere: an agent, a token, an HSM.

use core::ffi::c_void;
use core::mem::offset_of;
use std::boxed::Box;
use std::sync::Arc;
use std::vec::Vec;

use zeroize::{Zeroize, Zeroizing};

use super::clock::bulla_drop;
use super::handle::{Out, null, shared};
use super::identity::{Elsewhere, Keys, bulla_identity};
use super::input::{Context, Grows, grown};
use super::public::bulla_public;
use super::status::{BULLA_NOTHING, BULLA_OK, bulla_error, bulla_status, entry};
use crate::{
    Decapsulator, EncryptionKey, Error, ErrorKind, PublicIdentity, Result, Secret, Signer,
    VerifyingKey, kem_shared_secret,
};

/// Signs: writes to `signature`, which has room for 64 bytes, the pure Ed25519 signature (RFC 8032) of the message, which is at
/// most 17 408 bytes long. It is checked before it is used.
pub type bulla_holder_sign = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        message: *const u8,
        length: usize,
        signature: *mut u8,
    ) -> bulla_status,
>;

/// Uses the secret half of the encryption key of this suite and generation on `enc`, which is `length` bytes long (32 in suite 1).
/// Writes 32 bytes to `secret`, memory that is wiped afterwards. BULLA_NOTHING if the Diffie-Hellman result is all zero.
pub type bulla_holder_derive = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        suite: u32,
        generation: u32,
        enc: *const u8,
        length: usize,
        secret: *mut u8,
    ) -> bulla_status,
>;

/// What an external holder of keys can do. Set all of it to zero, then `size`, then what it can. The functions return BULLA_OK,
/// or another code, and the call in hand fails with BULLA_KEY_UNAVAILABLE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bulla_holder {
    /// sizeof(bulla_holder).
    pub size: usize,
    /// Given to each function; may be NULL.
    pub context: *mut c_void,
    /// Called with the context when the identity, and all that was made with it, are freed; may be NULL. If making the identity
    /// fails it is not called.
    pub drop: bulla_drop,
    /// May be NULL: it cannot sign.
    pub sign: bulla_holder_sign,
    /// Decap of RFC 9180 section 4.1: gives the shared secret of the KEM. May be NULL.
    pub decapsulate: bulla_holder_derive,
    /// For holders that can only multiply: gives the result of X25519 of the secret key and `enc`, and the library does the rest.
    /// May be NULL. One of the two is enough to open, and not both may be given.
    pub multiply: bulla_holder_derive,
}

// SAFETY: pointers, functions that may be missing, and the size first.
unsafe impl Grows for bulla_holder {
    const FIRST: usize = offset_of!(Self, multiply) + size_of::<bulla_holder_derive>();
}

/// How it opens what is sealed to it.
#[derive(Clone, Copy)]
enum Way {
    Decapsulate,
    Multiply,
}

type Derive =
    unsafe extern "C" fn(*mut c_void, u32, u32, *const u8, usize, *mut u8) -> bulla_status;

/// The holder as the library asks it.
struct Holder {
    sign: Option<unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut u8) -> bulla_status>,
    derive: Option<(Way, Derive)>,
    key: VerifyingKey,
    /// Newest generation first.
    keys: Vec<EncryptionKey>,
    context: Context,
}

/// Both halves of it.
struct Share(Arc<Holder>);

const fn unavailable(detail: &'static str) -> Error {
    Error::with(ErrorKind::KeyUnavailable, detail)
}

impl Signer for Share {
    fn signer_key(&self) -> VerifyingKey {
        self.0.key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64]> {
        let sign = self.0.sign;
        let sign = sign.ok_or(unavailable("this holder was given no function that signs"))?;
        let mut signature = [0; 64];
        // SAFETY: the host's own function and context, and memory that lives until it returns.
        let code = unsafe {
            sign(
                self.0.context.pointer,
                message.as_ptr(),
                message.len(),
                signature.as_mut_ptr(),
            )
        };
        if code == BULLA_OK {
            Ok(signature)
        } else {
            Err(unavailable("the holder did not sign"))
        }
    }
}

impl Decapsulator for Share {
    fn reader_key(&self) -> VerifyingKey {
        self.0.key
    }

    fn encryption_keys(&self) -> &[EncryptionKey] {
        &self.0.keys
    }

    fn decapsulate(&self, key: &EncryptionKey, enc: &[u8]) -> Result<Option<Secret<32>>> {
        let (way, derive) = self
            .0
            .derive
            .ok_or(unavailable("this holder was given no function that opens"))?;
        let mut place = Zeroizing::new([0; 32]);
        // SAFETY: the host's own function and context, and memory that lives until it returns.
        let code = unsafe {
            derive(
                self.0.context.pointer,
                u32::from(key.suite()),
                key.generation(),
                enc.as_ptr(),
                enc.len(),
                place.as_mut_ptr(),
            )
        };
        match code {
            BULLA_OK => {}
            BULLA_NOTHING => return Ok(None),
            _ => return Err(unavailable("the holder did not use its key")),
        }
        let secret = Secret::new(*place);
        place.zeroize();
        match way {
            Way::Multiply => Ok(kem_shared_secret(&secret, enc, key.key())),
            // No hash is all zero: it has written nothing.
            Way::Decapsulate if secret == Secret::default() => {
                Err(unavailable("the holder gave no secret"))
            }
            Way::Decapsulate => Ok(Some(secret)),
        }
    }
}

/// Makes an identity whose secret keys are with an external holder. It can do all that other identities can but be written,
/// rotated, or lose keys.
///
/// @param public_identity Its public identity, with every encryption key that the holder can use (bulla_public_of_keys()). Copied.
/// @param holder What the holder can do; copied. It must be able to sign or to open.
/// @param identity Receives the identity; free it with bulla_identity_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_INVALID_INPUT for NULL, for a holder that can do nothing or has two ways to open, and for a wrong size.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_identity_external(
    public_identity: *const bulla_public,
    holder: *const bulla_holder,
    identity: *mut *mut bulla_identity,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(identity, "identity is NULL")?;
        // SAFETY: as the contract says.
        let (public, holder) = unsafe {
            (
                shared(public_identity, "public_identity is NULL")?,
                grown(holder, "holder is NULL")?,
            )
        };
        let all = &public.identity;
        let derive = match (holder.decapsulate, holder.multiply) {
            (Some(call), None) => Some((Way::Decapsulate, call)),
            (None, Some(call)) => Some((Way::Multiply, call)),
            (None, None) => None,
            (Some(_), Some(_)) => return Err(null("a holder either decapsulates or multiplies")),
        };
        if derive.is_none() && holder.sign.is_none() {
            return Err(null("a holder signs, decapsulates or multiplies"));
        }
        // Others seal to the newest alone, as with any identity.
        let newest = all.newest_key().copied().into_iter().collect();
        let public = PublicIdentity::new(*all.verifying_key(), newest)?;
        let share = Arc::new(Holder {
            sign: holder.sign,
            derive,
            key: *all.verifying_key(),
            keys: all.encryption_keys().iter().rev().copied().collect(),
            context: Context {
                pointer: holder.context,
                drop: holder.drop,
            },
        });
        out.give(bulla_identity::of(Keys::Elsewhere(Elsewhere {
            public,
            signer: Box::new(Share(Arc::clone(&share))),
            decapsulator: Box::new(Share(share)),
        })));
        Ok(BULLA_OK)
    })
}
