//! Names, and what the tests share: two people, and what one seals to the other.

pub(crate) use core::ffi::{CStr, c_char, c_void};
pub(crate) use std::cell::Cell;
pub(crate) use std::ptr::{null, null_mut};
pub(crate) use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) use bulla::ffi::answer::*;
pub(crate) use bulla::ffi::armor::*;
pub(crate) use bulla::ffi::buffer::*;
pub(crate) use bulla::ffi::challenge::*;
pub(crate) use bulla::ffi::claim::*;
pub(crate) use bulla::ffi::database::*;
pub(crate) use bulla::ffi::draft::*;
pub(crate) use bulla::ffi::evidence::*;
pub(crate) use bulla::ffi::guard::*;
pub(crate) use bulla::ffi::guard_callbacks::*;
pub(crate) use bulla::ffi::guard_functions::*;
pub(crate) use bulla::ffi::guard_redis::*;
pub(crate) use bulla::ffi::hasher::*;
pub(crate) use bulla::ffi::holder::*;
pub(crate) use bulla::ffi::identity::*;
pub(crate) use bulla::ffi::inspect::*;
pub(crate) use bulla::ffi::keys::*;
pub(crate) use bulla::ffi::lease::*;
pub(crate) use bulla::ffi::message::*;
pub(crate) use bulla::ffi::open::*;
pub(crate) use bulla::ffi::opener::*;
pub(crate) use bulla::ffi::policy::*;
pub(crate) use bulla::ffi::public::*;
pub(crate) use bulla::ffi::random_access::*;
pub(crate) use bulla::ffi::ranges::*;
pub(crate) use bulla::ffi::receipter::*;
pub(crate) use bulla::ffi::seal::*;
pub(crate) use bulla::ffi::sealer::*;
pub(crate) use bulla::ffi::source::*;
pub(crate) use bulla::ffi::stamp::*;
pub(crate) use bulla::ffi::status::*;
pub(crate) use bulla::ffi::store::*;
pub(crate) use bulla::ffi::store_stream::*;
pub(crate) use bulla::ffi::types::*;
pub(crate) use bulla::{
    Claim, Claimed, Digest, ErrorKind, LeaseToken, MemoryGuard, Order, Place, Rate, ReplayGuard,
};
pub(crate) use ed25519_dalek::Signer as _;

pub(crate) const GUARD_UNAVAILABLE: i32 = ErrorKind::GuardUnavailable.code();
pub(crate) const KEY_UNAVAILABLE: i32 = ErrorKind::KeyUnavailable.code();
pub(crate) const INVALID: i32 = ErrorKind::InvalidInput.code();

pub(crate) fn no_error() -> bulla_error {
    bulla_error {
        code: 0,
        has_signer: 0,
        signer: bulla_key::default(),
        text: [0; BULLA_ERROR_TEXT],
    }
}

pub(crate) fn text(error: &bulla_error) -> &str {
    unsafe { CStr::from_ptr(error.text.as_ptr()) }
        .to_str()
        .unwrap()
}

/// A call with an output, which succeeds.
pub(crate) fn made<T>(call: impl FnOnce(*mut *mut T, *mut bulla_error) -> i32) -> *mut T {
    let (mut place, mut error) = (null_mut(), no_error());
    assert_eq!(call(&mut place, &mut error), BULLA_OK, "{}", text(&error));
    assert!(!place.is_null());
    place
}

pub(crate) fn done(call: impl FnOnce(*mut bulla_error) -> i32) {
    let mut error = no_error();
    assert_eq!(call(&mut error), BULLA_OK, "{}", text(&error));
}

pub(crate) fn buffer() -> *mut bulla_buffer {
    made(|out, e| unsafe { bulla_buffer_new(out, e) })
}

pub(crate) fn bytes(buffer: *const bulla_buffer) -> Vec<u8> {
    let length = unsafe { bulla_buffer_length(buffer) };
    if length == 0 {
        return Vec::new();
    }
    unsafe { std::slice::from_raw_parts(bulla_buffer_data(buffer), length) }.to_vec()
}

pub(crate) fn public(identity: *const bulla_identity) -> *mut bulla_public {
    made(|out, e| unsafe { bulla_identity_public(identity, out, e) })
}

pub(crate) fn key(identity: *const bulla_identity) -> bulla_key {
    let (public, mut key) = (public(identity), bulla_key::default());
    done(|e| unsafe { bulla_public_key(public, &mut key, e) });
    unsafe { bulla_public_free(public) };
    key
}

pub(crate) fn generate() -> *mut bulla_identity {
    made(|out, e| unsafe { bulla_identity_generate(out, e) })
}

pub(crate) fn policy_for(sender: *const bulla_identity) -> *mut bulla_policy {
    let policy = made(|out, e| unsafe { bulla_policy_new(c"host".as_ptr(), out, e) });
    let key = key(sender);
    done(|e| unsafe { bulla_policy_allow(policy, &key, e) });
    policy
}

/// Seals; `number` is its place in a stream.
pub(crate) fn try_seal(
    from: *const bulla_identity,
    to: *const bulla_identity,
    content: &[u8],
    number: Option<u64>,
    challenge: Option<[u8; 32]>,
) -> Result<Vec<u8>, i32> {
    let (sealer, draft, out) = (
        made(|out, e| unsafe { bulla_sealer_new(from, out, e) }),
        made(|out, e| unsafe { bulla_draft_new(c"host".as_ptr(), out, e) }),
        buffer(),
    );
    let recipient = public(to);
    done(|e| unsafe { bulla_sealer_to(sealer, recipient, e) });
    if let Some(number) = number {
        done(|e| unsafe { bulla_draft_sequence(draft, b"s".as_ptr(), 1, number, e) });
    }
    if let Some(challenge) = challenge {
        done(|e| unsafe { bulla_draft_answers(draft, challenge.as_ptr(), e) });
    }
    let data = (content.as_ptr(), content.len());
    let code = unsafe { bulla_seal(sealer, draft, data.0, data.1, out, null_mut(), null_mut()) };
    let envelope = bytes(out);
    unsafe {
        bulla_public_free(recipient);
        bulla_sealer_free(sealer);
        bulla_draft_free(draft);
        bulla_buffer_free(out);
    }
    if code == BULLA_OK {
        Ok(envelope)
    } else {
        Err(code)
    }
}

pub(crate) fn seal(
    from: *const bulla_identity,
    to: *const bulla_identity,
    content: &[u8],
) -> Vec<u8> {
    try_seal(from, to, content, None, None).unwrap()
}

/// What opening says, and the content; nothing is written if it fails.
pub(crate) fn open(opener: *const bulla_opener, envelope: &[u8]) -> (i32, Vec<u8>) {
    let (content, mut message) = (buffer(), null_mut());
    let (data, length) = (envelope.as_ptr(), envelope.len());
    let code = unsafe { bulla_open(opener, data, length, content, &mut message, null_mut()) };
    assert_eq!(code == BULLA_OK, !message.is_null());
    let got = bytes(content);
    unsafe {
        bulla_message_free(message);
        bulla_buffer_free(content);
    }
    (code, got)
}
