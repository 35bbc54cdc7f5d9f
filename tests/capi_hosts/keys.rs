//! Keys that are held elsewhere.

use super::common::*;

struct Token {
    signing: ed25519_dalek::SigningKey,
    secret: [u8; 32],
    faulty: Cell<bool>,
}

unsafe fn at<'a>(context: *mut c_void) -> &'a Token {
    unsafe { &*context.cast() }
}

unsafe extern "C" fn sign(
    context: *mut c_void,
    data: *const u8,
    length: usize,
    out: *mut u8,
) -> i32 {
    let (at, data) = unsafe { (at(context), std::slice::from_raw_parts(data, length)) };
    let mut signature = at.signing.sign(data).to_bytes();
    signature[3] ^= u8::from(at.faulty.get());
    unsafe { out.copy_from(signature.as_ptr(), 64) };
    BULLA_OK
}

unsafe extern "C" fn multiply(
    context: *mut c_void,
    suite: u32,
    generation: u32,
    enc: *const u8,
    length: usize,
    out: *mut u8,
) -> i32 {
    assert_eq!((suite, length), (1, 32));
    if generation != 4 {
        return 99;
    }
    let (at, enc) = unsafe { (at(context), *enc.cast::<[u8; 32]>()) };
    let shared = x25519_dalek::x25519(at.secret, enc);
    unsafe { out.copy_from(shared.as_ptr(), 32) };
    BULLA_OK
}

unsafe extern "C" fn decapsulate(
    context: *mut c_void,
    suite: u32,
    generation: u32,
    enc: *const u8,
    length: usize,
    out: *mut u8,
) -> i32 {
    let at_key = unsafe { at(context) };
    if at_key.faulty.get() {
        return BULLA_OK;
    }
    let mut dh = [0; 32];
    let code = unsafe { multiply(context, suite, generation, enc, length, dh.as_mut_ptr()) };
    let own = x25519_dalek::x25519(at_key.secret, x25519_dalek::X25519_BASEPOINT_BYTES);
    let own = bulla::KemPublicKey::from_bytes(&own).unwrap();
    let enc = unsafe { std::slice::from_raw_parts(enc, length) };
    let Some(secret) = bulla::kem_shared_secret(&bulla::Secret::new(dh), enc, &own) else {
        return BULLA_NOTHING;
    };
    unsafe { out.copy_from(secret.expose().as_ptr(), 32) };
    code
}

fn public_of(token: &Token) -> *mut bulla_public {
    let own = x25519_dalek::x25519(token.secret, x25519_dalek::X25519_BASEPOINT_BYTES);
    let entry = |generation, bytes| bulla_encryption_key {
        suite: 1,
        generation,
        bytes,
    };
    let keys = [entry(3, [9; 32]), entry(4, own)];
    let signing = bulla_key {
        bytes: token.signing.verifying_key().to_bytes(),
    };
    made(|out, e| unsafe { bulla_public_of_keys(&signing, keys.as_ptr(), 2, out, e) })
}

/// One that can do nothing, and one with two ways to open.
fn useless_holders_are_refused(public: *const bulla_public, signs: &bulla_holder) {
    let nothing = bulla_holder {
        sign: None,
        ..*signs
    };
    let both = bulla_holder {
        decapsulate: Some(decapsulate),
        multiply: Some(multiply),
        ..*signs
    };
    for holder in [nothing, both] {
        let mut none = null_mut();
        let code = unsafe { bulla_identity_external(public, &holder, &mut none, null_mut()) };
        assert_eq!((code, none.is_null()), (INVALID, true));
    }
}

#[test]
fn keys_elsewhere_seal_and_open() {
    let token = Token {
        signing: ed25519_dalek::SigningKey::from_bytes(&[1; 32]),
        secret: [2; 32],
        faulty: Cell::new(false),
    };
    let public = public_of(&token);
    let mut holder = bulla_holder {
        size: size_of::<bulla_holder>(),
        context: (&raw const token).cast_mut().cast(),
        drop: None,
        sign: Some(sign),
        decapsulate: None,
        multiply: Some(multiply),
    };
    let multiplies = made(|out, e| unsafe { bulla_identity_external(public, &holder, out, e) });
    holder.multiply = None;
    holder.decapsulate = Some(decapsulate);
    let decaps = made(|out, e| unsafe { bulla_identity_external(public, &holder, out, e) });
    holder.decapsulate = None;
    let signs = made(|out, e| unsafe { bulla_identity_external(public, &holder, out, e) });
    useless_holders_are_refused(public, &holder);

    let mut generation = bulla_generation::default();
    done(|e| unsafe { bulla_identity_generation(multiplies, 0, &mut generation, e) });
    assert_eq!((generation.generation, generation.not_after), (4, 0));
    let past = unsafe { bulla_identity_generation(multiplies, 2, &mut generation, null_mut()) };
    assert_eq!(past, BULLA_NOTHING);

    let policy = policy_for(signs);
    done(|e| unsafe { bulla_policy_allow_own(policy, 1, e) });
    let opener = |identity: *mut bulla_identity| {
        made(|out, e| unsafe { bulla_opener_new_unguarded(identity, policy, out, e) })
    };
    let envelope = seal(signs, multiplies, b"from afar");
    let openers = [opener(multiplies), opener(decaps), opener(signs)];
    let expected = (BULLA_OK, b"from afar".to_vec());
    assert_eq!(open(openers[0], &envelope), expected);
    assert_eq!(open(openers[1], &envelope), expected);
    assert_eq!(open(openers[2], &envelope).0, KEY_UNAVAILABLE);
    token.faulty.set(true);
    assert_eq!(open(openers[1], &envelope).0, KEY_UNAVAILABLE);
    assert_eq!(
        try_seal(signs, decaps, b"", None, None),
        Err(KEY_UNAVAILABLE)
    );
    unsafe {
        openers.into_iter().for_each(|it| bulla_opener_free(it));
        bulla_policy_free(policy);
        bulla_public_free(public);
        for it in [multiplies, decaps, signs] {
            bulla_identity_free(it);
        }
    }
}
