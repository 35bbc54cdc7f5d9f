//! The C interface where the host brings its own: guards and key holders by callbacks, sources; and what is not built in.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::missing_safety_doc
)]

#[cfg(feature = "redis")]
mod redis_server;

use core::ffi::{CStr, c_char, c_void};
use std::cell::Cell;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU32, Ordering};

use bulla::ffi::answer::*;
use bulla::ffi::armor::*;
use bulla::ffi::buffer::*;
use bulla::ffi::challenge::*;
use bulla::ffi::claim::*;
use bulla::ffi::database::*;
use bulla::ffi::draft::*;
use bulla::ffi::evidence::*;
use bulla::ffi::guard::*;
use bulla::ffi::guard_callbacks::*;
use bulla::ffi::guard_functions::*;
use bulla::ffi::guard_redis::*;
use bulla::ffi::hasher::*;
use bulla::ffi::holder::*;
use bulla::ffi::identity::*;
use bulla::ffi::inspect::*;
use bulla::ffi::keys::*;
use bulla::ffi::lease::*;
use bulla::ffi::message::*;
use bulla::ffi::open::*;
use bulla::ffi::opener::*;
use bulla::ffi::policy::*;
use bulla::ffi::public::*;
use bulla::ffi::random_access::*;
use bulla::ffi::ranges::*;
use bulla::ffi::receipter::*;
use bulla::ffi::seal::*;
use bulla::ffi::sealer::*;
use bulla::ffi::source::*;
use bulla::ffi::stamp::*;
use bulla::ffi::status::*;
use bulla::ffi::store::*;
use bulla::ffi::store_stream::*;
use bulla::ffi::types::*;
use bulla::{
    Claim, Claimed, Digest, ErrorKind, LeaseToken, MemoryGuard, Order, Place, Rate, ReplayGuard,
};
use ed25519_dalek::Signer as _;

const GUARD_UNAVAILABLE: i32 = ErrorKind::GuardUnavailable.code();
const KEY_UNAVAILABLE: i32 = ErrorKind::KeyUnavailable.code();
const INVALID: i32 = ErrorKind::InvalidInput.code();

fn no_error() -> bulla_error {
    bulla_error {
        code: 0,
        has_signer: 0,
        signer: bulla_key::default(),
        text: [0; BULLA_ERROR_TEXT],
    }
}

fn text(error: &bulla_error) -> &str {
    unsafe { CStr::from_ptr(error.text.as_ptr()) }
        .to_str()
        .unwrap()
}

/// A call with an output, which succeeds.
fn made<T>(call: impl FnOnce(*mut *mut T, *mut bulla_error) -> i32) -> *mut T {
    let (mut place, mut error) = (null_mut(), no_error());
    assert_eq!(call(&mut place, &mut error), BULLA_OK, "{}", text(&error));
    assert!(!place.is_null());
    place
}

fn done(call: impl FnOnce(*mut bulla_error) -> i32) {
    let mut error = no_error();
    assert_eq!(call(&mut error), BULLA_OK, "{}", text(&error));
}

fn buffer() -> *mut bulla_buffer {
    made(|out, e| unsafe { bulla_buffer_new(out, e) })
}

fn bytes(buffer: *const bulla_buffer) -> Vec<u8> {
    let length = unsafe { bulla_buffer_length(buffer) };
    if length == 0 {
        return Vec::new();
    }
    unsafe { std::slice::from_raw_parts(bulla_buffer_data(buffer), length) }.to_vec()
}

fn public(identity: *const bulla_identity) -> *mut bulla_public {
    made(|out, e| unsafe { bulla_identity_public(identity, out, e) })
}

fn key(identity: *const bulla_identity) -> bulla_key {
    let (public, mut key) = (public(identity), bulla_key::default());
    done(|e| unsafe { bulla_public_key(public, &mut key, e) });
    unsafe { bulla_public_free(public) };
    key
}

fn generate() -> *mut bulla_identity {
    made(|out, e| unsafe { bulla_identity_generate(out, e) })
}

fn policy_for(sender: *const bulla_identity) -> *mut bulla_policy {
    let policy = made(|out, e| unsafe { bulla_policy_new(c"host".as_ptr(), out, e) });
    let key = key(sender);
    done(|e| unsafe { bulla_policy_allow(policy, &key, e) });
    policy
}

/// Seals; `number` is its place in a stream.
fn try_seal(
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

fn seal(from: *const bulla_identity, to: *const bulla_identity, content: &[u8]) -> Vec<u8> {
    try_seal(from, to, content, None, None).unwrap()
}

/// What opening says, and the content; nothing is written if it fails.
fn open(opener: *const bulla_opener, envelope: &[u8]) -> (i32, Vec<u8>) {
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

// ---- a guard of the host's own ----

/// A guard in memory behind callbacks, that can be made to answer nonsense.
struct Host {
    guard: MemoryGuard,
    fault: Cell<Fault>,
    dropped: *const AtomicU32,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Code(i32),
    Answer(u32),
    LongReceipt,
    EarlyTime,
}

unsafe fn host<'a>(context: *mut c_void) -> &'a Host {
    unsafe { &*context.cast() }
}

fn code<T>(result: bulla::Result<T>, put: impl FnOnce(T)) -> i32 {
    match result {
        Ok(value) => {
            put(value);
            BULLA_OK
        }
        Err(error) => error.kind().code(),
    }
}

unsafe extern "C" fn observe(context: *mut c_void, now: u64, time: *mut u64) -> i32 {
    let host = unsafe { host(context) };
    if host.fault.get() == Fault::EarlyTime {
        return BULLA_OK;
    }
    code(host.guard.observe(now), |it| unsafe { *time = it })
}

fn asked(claim: &bulla_claim) -> Claim {
    let place = bulla_place { ..claim.place };
    let order = match place.order {
        BULLA_ORDER_GAPLESS => Order::Gapless {
            first: place.first,
            window: place.window,
        },
        _ => Order::Monotonic,
    };
    Claim {
        key: claim.key.into(),
        value: claim.value.into(),
        scope: claim.scope.into(),
        signer: claim.signer.bytes,
        stranger: claim.stranger == 1,
        issued: claim.issued,
        keep_until: claim.keep_until,
        bounded_by_age: claim.bounded_by_age == 1,
        place: (claim.has_place == 1).then(|| Place {
            stream: place.stream.into(),
            number: place.number,
            order,
            keep_until: place.keep_until,
        }),
        challenge: (claim.has_challenge == 1).then(|| claim.challenge.into()),
    }
}

unsafe extern "C" fn claim(
    context: *mut c_void,
    claim: *const bulla_claim,
    now: u64,
    lease: *const u64,
    answer: *mut u32,
    number: *mut u64,
    receipt: *mut bulla_buffer,
) -> i32 {
    let (host, claim) = unsafe { (host(context), *claim) };
    match host.fault.get() {
        Fault::Code(code) => return code,
        Fault::Answer(it) => {
            unsafe { *answer = it };
            return BULLA_OK;
        }
        Fault::LongReceipt => {
            let long = [1; 4097];
            unsafe { *answer = BULLA_CLAIM_SAME };
            return unsafe { bulla_buffer_append(receipt, long.as_ptr(), 4097, null_mut()) };
        }
        Fault::None | Fault::EarlyTime => {}
    }
    let asked = asked(&claim);
    let lease = unsafe { lease.as_ref() }.copied();
    code(host.guard.claim(&asked, now, lease), |claimed| unsafe {
        *answer = match claimed {
            Claimed::New(token) => {
                *number = token.number;
                BULLA_CLAIM_NEW
            }
            Claimed::Same(stored) => {
                bulla_buffer_append(receipt, stored.as_ptr(), stored.len(), null_mut());
                BULLA_CLAIM_SAME
            }
            Claimed::Pending => BULLA_CLAIM_PENDING,
            Claimed::Replayed => BULLA_CLAIM_REPLAYED,
            Claimed::Forgotten => BULLA_CLAIM_FORGOTTEN,
            Claimed::Superseded => BULLA_CLAIM_SUPERSEDED,
            Claimed::Gap => BULLA_CLAIM_GAP,
            _ => BULLA_CLAIM_UNASKED,
        };
    })
}

unsafe fn token(token: *const bulla_lease_token) -> LeaseToken {
    let token = unsafe { *token };
    LeaseToken {
        key: token.key.into(),
        number: token.number,
    }
}

unsafe extern "C" fn look(
    context: *mut c_void,
    claim: *const bulla_claim,
    found: *mut u8,
    receipt: *mut bulla_buffer,
) -> i32 {
    let (host, claim) = unsafe { (host(context), *claim) };
    match host.fault.get() {
        Fault::Code(code) => return code,
        Fault::LongReceipt => {
            let long = [1; 4097];
            unsafe { *found = 1 };
            return unsafe { bulla_buffer_append(receipt, long.as_ptr(), 4097, null_mut()) };
        }
        _ => {}
    }
    code(host.guard.look(&asked(&claim)), |stored| {
        if let Some(stored) = stored {
            unsafe {
                *found = 1;
                bulla_buffer_append(receipt, stored.as_ptr(), stored.len(), null_mut());
            }
        }
    })
}

unsafe extern "C" fn commit(
    context: *mut c_void,
    of: *const bulla_lease_token,
    receipt: *const u8,
    length: usize,
) -> i32 {
    let receipt = unsafe { std::slice::from_raw_parts(receipt, length) };
    let (host, of) = unsafe { (host(context), token(of)) };
    code(host.guard.commit(&of, receipt), drop)
}

unsafe extern "C" fn release(context: *mut c_void, of: *const bulla_lease_token) -> i32 {
    let (host, of) = unsafe { (host(context), token(of)) };
    code(host.guard.release(&of), drop)
}

unsafe extern "C" fn renew(
    context: *mut c_void,
    of: *const bulla_lease_token,
    now: u64,
    lease: u64,
) -> i32 {
    let (host, of) = unsafe { (host(context), token(of)) };
    code(host.guard.renew(&of, now, lease), drop)
}

unsafe extern "C" fn sweep(
    context: *mut c_void,
    now: u64,
    at_most: usize,
    dropped: *mut usize,
) -> i32 {
    let host = unsafe { host(context) };
    if let Fault::Answer(_) = host.fault.get() {
        unsafe { *dropped = at_most + 1 };
        return BULLA_OK;
    }
    code(host.guard.sweep(now, at_most), |it| unsafe {
        *dropped = it
    })
}

unsafe extern "C" fn expect(
    context: *mut c_void,
    challenge: *const bulla_digest,
    until: u64,
    now: u64,
) -> i32 {
    let (host, challenge): (_, Digest) = unsafe { (host(context), (*challenge).into()) };
    code(host.guard.expect(&challenge, until, now), drop)
}

unsafe extern "C" fn missing(
    context: *mut c_void,
    stream: *const bulla_digest,
    missing: *mut bulla_ranges,
) -> i32 {
    let (host, stream): (_, Digest) = unsafe { (host(context), (*stream).into()) };
    code(host.guard.missing(&stream), |ranges| {
        for range in ranges {
            done(|e| unsafe { bulla_ranges_add(missing, *range.start(), *range.end(), e) });
        }
    })
}

unsafe extern "C" fn skip(context: *mut c_void, stream: *const bulla_digest, before: u64) -> i32 {
    let (host, stream): (_, Digest) = unsafe { (host(context), (*stream).into()) };
    code(host.guard.skip(&stream, before), drop)
}

unsafe extern "C" fn permit(
    context: *mut c_void,
    what: *const bulla_digest,
    now: u64,
    every: u64,
    burst: u32,
    permitted: *mut u8,
) -> i32 {
    let (host, what): (_, Digest) = unsafe { (host(context), (*what).into()) };
    let rate = Rate { every, burst };
    code(host.guard.permit(&what, now, rate), |it| unsafe {
        *permitted = u8::from(it);
    })
}

unsafe extern "C" fn drop_host(context: *mut c_void) {
    let host = unsafe { Box::from_raw(context.cast::<Host>()) };
    unsafe { &*host.dropped }.fetch_add(1, Ordering::SeqCst);
}

fn callbacks(dropped: &AtomicU32) -> bulla_guard_callbacks {
    let host = Box::new(Host {
        guard: MemoryGuard::new(100),
        fault: Cell::new(Fault::None),
        dropped,
    });
    bulla_guard_callbacks {
        size: size_of::<bulla_guard_callbacks>(),
        context: Box::into_raw(host).cast(),
        drop: Some(drop_host),
        observe: Some(observe),
        claim: Some(claim),
        commit: Some(commit),
        release: Some(release),
        renew: Some(renew),
        sweep: Some(sweep),
        expect: Some(expect),
        missing: Some(missing),
        skip: Some(skip),
        forget_stream: None,
        permit: Some(permit),
        look: Some(look),
    }
}

#[test]
fn a_guard_of_callbacks_judges_and_is_not_trusted() {
    let dropped = AtomicU32::new(0);
    let (alice, bob) = (generate(), generate());
    let calls = callbacks(&dropped);
    let guard = made(|out, e| unsafe { bulla_guard_of_callbacks(&calls, out, e) });
    let policy = policy_for(alice);
    let opener = made(|out, e| unsafe { bulla_opener_new(bob, policy, guard, out, e) });
    let fault = |fault| unsafe { host(calls.context) }.fault.set(fault);

    let first = seal(alice, bob, b"once");
    assert_eq!(open(opener, &first), (BULLA_OK, b"once".to_vec()));
    assert_eq!(open(opener, &first).0, ErrorKind::Replayed.code());

    let second = seal(alice, bob, b"never yet");
    let full = ErrorKind::GuardFull.code();
    for (answer, expected) in [
        (Fault::Answer(0), GUARD_UNAVAILABLE),
        (Fault::Answer(9), GUARD_UNAVAILABLE),
        (Fault::Answer(u32::MAX), GUARD_UNAVAILABLE),
        (Fault::LongReceipt, GUARD_UNAVAILABLE),
        (Fault::EarlyTime, GUARD_UNAVAILABLE),
        (Fault::Code(full), full),
        (Fault::Code(-1), GUARD_UNAVAILABLE),
        (Fault::Code(101), GUARD_UNAVAILABLE),
        // A code of ours, but not one that a guard can give.
        (
            Fault::Code(ErrorKind::UntrustedSender.code()),
            GUARD_UNAVAILABLE,
        ),
        (Fault::Code(ErrorKind::Internal.code()), GUARD_UNAVAILABLE),
    ] {
        fault(answer);
        assert_eq!(open(opener, &second), (expected, Vec::new()));
    }
    let mut count = 77;
    fault(Fault::Answer(0));
    let code = unsafe { bulla_guard_sweep(guard, 0, 5, &mut count, null_mut()) };
    assert_eq!((code, count), (GUARD_UNAVAILABLE, 77));
    fault(Fault::None);
    assert_eq!(open(opener, &second), (BULLA_OK, b"never yet".to_vec()));

    unsafe {
        bulla_guard_free(guard);
        bulla_policy_free(policy);
        assert_eq!(dropped.load(Ordering::SeqCst), 0);
        bulla_opener_free(opener);
        bulla_identity_free(alice);
        bulla_identity_free(bob);
    }
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

/// Accepts nothing: with words that can be sent, and with a code that cannot.
unsafe extern "C" fn judge(
    context: *mut c_void,
    stamp: *const bulla_stamp,
    words: *mut c_char,
) -> u16 {
    assert!(!stamp.is_null());
    let code = unsafe { *context.cast::<u16>() };
    if code > 1 {
        let text = c"no guests";
        unsafe { words.copy_from(text.as_ptr(), text.count_bytes() + 1) };
    }
    match code {
        1 => u16::MAX / 64,
        code => code,
    }
}

/// What comes of an envelope that a store of this guard is given.
fn store(
    (opener, folder): (*const bulla_opener, &CStr),
    code: &mut u16,
    envelope: &[u8],
) -> (i32, *mut bulla_lease, *mut bulla_answer) {
    let store = made(|out, e| unsafe { bulla_store_new(opener, 60, out, e) });
    let context = core::ptr::from_mut(code).cast();
    done(|e| unsafe { bulla_store_judge(store, Some(judge), context, None, e) });
    let refused = unsafe { bulla_store_judge(store, None, context, None, null_mut()) };
    assert_eq!(refused, INVALID);
    let (kind, path) = (BULLA_TARGET_BY_ID, folder.as_ptr());
    let stream = made(|out, e| unsafe { bulla_store_stream_new(store, kind, path, out, e) });
    let (mut lease, mut again) = (null_mut(), null_mut());
    unsafe {
        let (data, length) = (envelope.as_ptr(), envelope.len());
        bulla_store_stream_update(stream, data, length, null_mut());
        let status = bulla_store_stream_finish(stream, &mut lease, &mut again, null_mut());
        bulla_store_stream_free(stream);
        bulla_store_free(store);
        (status, lease, again)
    }
}

#[test]
fn a_store_with_rules_of_the_host_s_own() {
    let dropped = AtomicU32::new(0);
    let (alice, bob) = (generate(), generate());
    let calls = callbacks(&dropped);
    let guard = made(|out, e| unsafe { bulla_guard_of_callbacks(&calls, out, e) });
    let policy = policy_for(alice);
    let opener = made(|out, e| unsafe { bulla_opener_new(bob, policy, guard, out, e) });
    let receipter = made(|out, e| unsafe { bulla_receipter_new(bob, out, e) });
    let folder = std::env::temp_dir();
    let folder = std::ffi::CString::new(folder.as_os_str().as_encoded_bytes()).unwrap();
    let place = (opener.cast_const(), folder.as_c_str());
    // By 1 it gives a code that is reserved, by 1024 one of its own.
    for code in [1_u16, 1024] {
        let envelope = seal(alice, bob, b"content");
        let (status, lease, _) = store(place, &mut { code }, &envelope);
        assert_eq!(status, BULLA_REFUSED);
        assert_eq!(bulla_status_class(status), BULLA_CLASS_ANSWER);
        let mut answered = null_mut();
        done(|e| unsafe { bulla_receipter_reject(receipter, lease, 0, null(), &mut answered, e) });
        // A copy is dealt with, whatever the rules are now: the guard is looked at first.
        let (status, none, again) = store(place, &mut 0, &envelope);
        assert_eq!((status, none.is_null()), (BULLA_AGAIN, true));
        unsafe {
            bulla_answer_free(answered);
            bulla_answer_free(again);
            bulla_lease_free(lease);
        }
    }
    // What no rules refused has no reason of theirs.
    let envelope = seal(alice, bob, b"content");
    let (status, lease, _) = store(place, &mut 0, &envelope);
    assert_eq!(status, BULLA_OK);
    let mut answered = null_mut();
    let code =
        unsafe { bulla_receipter_reject(receipter, lease, 0, null(), &mut answered, null_mut()) };
    assert_eq!(code, INVALID);
    unsafe { bulla_lease_free(lease) };
    unsafe {
        bulla_receipter_free(receipter);
        bulla_opener_free(opener);
        bulla_guard_free(guard);
        bulla_policy_free(policy);
        bulla_identity_free(alice);
        bulla_identity_free(bob);
    }
}

#[test]
fn challenges_and_streams_go_through_callbacks() {
    let dropped = AtomicU32::new(0);
    let (alice, bob) = (generate(), generate());
    let calls = callbacks(&dropped);
    let guard = made(|out, e| unsafe { bulla_guard_of_callbacks(&calls, out, e) });
    let policy = policy_for(alice);
    done(|e| unsafe { bulla_policy_demand_challenge(policy, 1, e) });
    done(|e| unsafe { bulla_policy_order(policy, BULLA_ORDER_GAPLESS, 10, 1, e) });
    let opener = made(|out, e| unsafe { bulla_opener_new(bob, policy, guard, out, e) });

    let mut challenge = [0; 32];
    done(|e| unsafe { bulla_opener_challenge(opener, 60, challenge.as_mut_ptr(), e) });
    let unasked = try_seal(alice, bob, b"x", Some(4), Some([9; 32])).unwrap();
    assert_eq!(open(opener, &unasked).0, ErrorKind::WrongChallenge.code());
    let fourth = try_seal(alice, bob, b"x", Some(4), Some(challenge)).unwrap();
    let (content, mut message) = (buffer(), null_mut());
    let (data, length) = (fourth.as_ptr(), fourth.len());
    done(|e| unsafe { bulla_open(opener, data, length, content, &mut message, e) });

    let stamp = unsafe { bulla_message_stamp(message) };
    let ranges = made(|out, e| unsafe { bulla_opener_missing(opener, stamp, out, e) });
    let (mut first, mut last) = (0, 0);
    done(|e| unsafe { bulla_ranges_get(ranges, 0, &mut first, &mut last, e) });
    assert_eq!(
        (first, last, unsafe { bulla_ranges_count(ranges) }),
        (1, 3, 1)
    );
    let end = unsafe { bulla_ranges_get(ranges, 1, &mut first, &mut last, null_mut()) };
    assert_eq!(end, BULLA_NOTHING);
    done(|e| unsafe { bulla_opener_skip(opener, stamp, 4, e) });
    unsafe { bulla_ranges_free(ranges) };
    let ranges = made(|out, e| unsafe { bulla_opener_missing(opener, stamp, out, e) });
    assert_eq!(unsafe { bulla_ranges_count(ranges) }, 0);
    for (first, last, expected) in [(2, 1, INVALID), (3, 5, 0), (6, 7, INVALID), (7, 7, 0)] {
        let code = unsafe { bulla_ranges_add(ranges, first, last, null_mut()) };
        assert_eq!(code, expected, "{first} to {last}");
    }

    without_them(bob, policy, stamp, &fourth, &dropped);
    unsafe {
        bulla_ranges_free(ranges);
        bulla_message_free(message);
        bulla_buffer_free(content);
        bulla_opener_free(opener);
        bulla_guard_free(guard);
        bulla_policy_free(policy);
        bulla_identity_free(alice);
        bulla_identity_free(bob);
    }
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
}

/// A guard without them refuses, and a challenge is never taken for answered.
fn without_them(
    bob: *const bulla_identity,
    policy: *const bulla_policy,
    stamp: *const bulla_stamp,
    fourth: &[u8],
    dropped: &AtomicU32,
) {
    let mut calls = callbacks(dropped);
    (calls.expect, calls.missing, calls.skip) = (None, None, None);
    let bare = made(|out, e| unsafe { bulla_guard_of_callbacks(&calls, out, e) });
    let poor = made(|out, e| unsafe { bulla_opener_new(bob, policy, bare, out, e) });
    let mut untouched = [7; 32];
    unsafe {
        let code = bulla_opener_challenge(poor, 60, untouched.as_mut_ptr(), null_mut());
        assert_eq!((code, untouched), (GUARD_UNAVAILABLE, [7; 32]));
        let mut none = null_mut();
        let code = bulla_opener_missing(poor, stamp, &mut none, null_mut());
        assert_eq!((code, none.is_null()), (GUARD_UNAVAILABLE, true));
        assert_eq!(
            bulla_opener_skip(poor, stamp, 4, null_mut()),
            GUARD_UNAVAILABLE
        );
        // Whatever the host says.
        host(calls.context)
            .fault
            .set(Fault::Answer(BULLA_CLAIM_NEW));
        assert_eq!(open(poor, fourth).0, ErrorKind::WrongChallenge.code());
        bulla_opener_free(poor);
        bulla_guard_free(bare);
    }
}

#[test]
fn a_guard_that_is_not_whole_is_refused() {
    let dropped = AtomicU32::new(0);
    let calls = callbacks(&dropped);
    let refused = |calls: *const bulla_guard_callbacks| {
        let mut guard = null_mut();
        let code = unsafe { bulla_guard_of_callbacks(calls, &mut guard, null_mut()) };
        assert_eq!((code, guard.is_null()), (INVALID, true));
    };
    refused(null());
    refused(&bulla_guard_callbacks { size: 0, ..calls });
    refused(&bulla_guard_callbacks {
        size: usize::MAX,
        ..calls
    });
    refused(&bulla_guard_callbacks {
        observe: None,
        ..calls
    });
    refused(&bulla_guard_callbacks {
        claim: None,
        ..calls
    });
    refused(&bulla_guard_callbacks {
        commit: None,
        ..calls
    });
    refused(&bulla_guard_callbacks {
        release: None,
        ..calls
    });
    refused(&bulla_guard_callbacks {
        renew: None,
        ..calls
    });
    // What a newer header has must be zero.
    #[repr(C)]
    struct Newer(bulla_guard_callbacks, usize);
    let size = size_of::<Newer>();
    let newer = Newer(bulla_guard_callbacks { size, ..calls }, 1);
    refused((&raw const newer).cast());
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    let newer = Newer(newer.0, 0);
    let same = (&raw const newer).cast();
    let guard = made(|out, e| unsafe { bulla_guard_of_callbacks(same, out, e) });
    unsafe { bulla_guard_free(guard) };
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

// ---- keys elsewhere ----

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

// ---- files, evidence, armor ----

struct Bytes {
    data: Vec<u8>,
    fails: Cell<bool>,
    dropped: Cell<u32>,
}

unsafe extern "C" fn read_at(
    context: *mut c_void,
    offset: u64,
    memory: *mut u8,
    length: usize,
    read: *mut usize,
) -> i32 {
    let at: &Bytes = unsafe { &*context.cast() };
    let rest = at.data.get(offset as usize..).unwrap_or_default();
    // Never as much as was asked for.
    let now = rest.len().min(length).min(1000);
    unsafe {
        memory.copy_from(rest.as_ptr(), now);
        *read = if at.fails.get() { length + 1 } else { now };
    }
    BULLA_OK
}

unsafe extern "C" fn length_of(context: *mut c_void, length: *mut u64) -> i32 {
    let at: &Bytes = unsafe { &*context.cast() };
    unsafe { *length = at.data.len() as u64 };
    BULLA_OK
}

unsafe extern "C" fn drop_bytes(context: *mut c_void) {
    let at: &Bytes = unsafe { &*context.cast() };
    at.dropped.set(at.dropped.get() + 1);
}

#[test]
fn a_file_is_read_at_any_place() {
    let (alice, bob) = (generate(), generate());
    let content: Vec<u8> = (0..50_000_u32).map(|it| it as u8).collect();
    let at = Bytes {
        data: seal(alice, bob, &content),
        fails: Cell::new(false),
        dropped: Cell::new(0),
    };
    let source = bulla_source {
        size: size_of::<bulla_source>(),
        context: (&raw const at).cast_mut().cast(),
        drop: Some(drop_bytes),
        read: Some(read_at),
        length: Some(length_of),
    };
    let policy = policy_for(alice);
    let guard = made(|out, e| unsafe { bulla_guard_in_memory(null(), out, e) });
    let opener = made(|out, e| unsafe { bulla_opener_new(bob, policy, guard, out, e) });

    at.fails.set(true);
    let mut none = null_mut();
    let code = unsafe { bulla_provisional_file_of_source(opener, &source, &mut none, null_mut()) };
    assert_eq!((code, none.is_null()), (ErrorKind::Io.code(), true));
    assert_eq!(at.dropped.get(), 0);
    at.fails.set(false);

    let file = made(|out, e| unsafe { bulla_provisional_file_of_source(opener, &source, out, e) });
    unsafe { bulla_opener_free(opener) };
    assert_eq!(
        unsafe { bulla_provisional_file_content_length(file) },
        50_000
    );
    assert!(!unsafe { bulla_provisional_file_stamp(file) }.is_null());
    let out = buffer();
    done(|e| unsafe { bulla_provisional_file_read(file, 30_000, 7, out, e) });
    assert_eq!(bytes(out), content[30_000..30_007]);
    let (mut verified, mut message) = (null_mut(), null_mut());
    done(|e| unsafe { bulla_provisional_file_verify(file, &mut verified, &mut message, e) });
    let code = unsafe { bulla_provisional_file_read(file, 0, 7, out, null_mut()) };
    assert_eq!(code, ErrorKind::WrongOrder.code());
    assert!(unsafe { bulla_provisional_file_stamp(file) }.is_null());
    unsafe {
        bulla_provisional_file_free(file);
        bulla_buffer_clear(out);
        assert_eq!(at.dropped.get(), 0);
        done(|e| bulla_verified_file_read(verified, 49_990, usize::MAX, out, e));
        assert_eq!(bytes(out), content[49_990..]);
        let code = bulla_verified_file_read(verified, 50_000, 1, out, null_mut());
        assert_eq!(code, BULLA_NOTHING);
        bulla_verified_file_free(verified);
        assert_eq!(at.dropped.get(), 1);
        assert_eq!(bulla_message_is_fresh(message), 1);
    }
    about_evidence(message, &content);
    unsafe {
        bulla_message_free(message);
        bulla_buffer_free(out);
        bulla_guard_free(guard);
        bulla_policy_free(policy);
        bulla_identity_free(alice);
        bulla_identity_free(bob);
    }
}

fn about_evidence(message: *const bulla_message, content: &[u8]) {
    let (proof, text_out, back) = (buffer(), buffer(), buffer());
    done(|e| unsafe { bulla_message_evidence(message, proof, e) });
    let (data, length) = unsafe { (bulla_buffer_data(proof), bulla_buffer_length(proof)) };
    done(|e| unsafe { bulla_armor(BULLA_ARMOR_EVIDENCE, data, length, text_out, e) });
    let armored = bytes(text_out);
    assert_eq!(unsafe { bulla_is_armored(armored.as_ptr(), 16) }, 1);

    // In pieces, and through memory of the caller's that is too small at first.
    let reader = made(|out, e| unsafe { bulla_armor_reader_new(BULLA_ARMOR_EVIDENCE, out, e) });
    let mut small = [0; 10];
    let wrapped = made(|out, e| unsafe { bulla_buffer_wrap(small.as_mut_ptr(), 10, out, e) });
    let first = armored.as_ptr();
    let code = unsafe { bulla_armor_reader_update(reader, first, 90, wrapped, null_mut()) };
    assert_eq!(code, ErrorKind::BufferTooSmall.code());
    for piece in armored.chunks(90) {
        let (data, length) = (piece.as_ptr(), piece.len());
        done(|e| unsafe { bulla_armor_reader_update(reader, data, length, back, e) });
    }
    done(|e| unsafe { bulla_armor_reader_finish(reader, e) });
    assert_eq!(bytes(back), bytes(proof));
    let writer = made(|out, e| unsafe { bulla_armor_writer_new(BULLA_ARMOR_EVIDENCE, out, e) });
    unsafe { bulla_buffer_clear(text_out) };
    for piece in bytes(back).chunks(31) {
        let (data, length) = (piece.as_ptr(), piece.len());
        done(|e| unsafe { bulla_armor_writer_update(writer, data, length, text_out, e) });
    }
    done(|e| unsafe { bulla_armor_writer_finish(writer, text_out, e) });
    assert_eq!(bytes(text_out), armored);
    unsafe { bulla_buffer_clear(back) };
    let (data, length) = (armored.as_ptr(), armored.len());
    done(|e| unsafe { bulla_dearmor(BULLA_ARMOR_EVIDENCE, data, length, back, e) });

    let proof_bytes = bytes(back);
    let (data, length) = (proof_bytes.as_ptr(), proof_bytes.len());
    let evidence = made(|out, e| unsafe { bulla_evidence_check(data, length, out, e) });
    let hasher = made(|out, e| unsafe { bulla_hasher_new(out, e) });
    for piece in content.chunks(999) {
        done(|e| unsafe { bulla_hasher_update(hasher, piece.as_ptr(), piece.len(), e) });
    }
    let (mut one, mut other) = (bulla_digest::default(), bulla_digest::default());
    done(|e| unsafe { bulla_hasher_digest(hasher, &mut one, e) });
    done(|e| unsafe { bulla_evidence_content_digest(evidence, &mut other, e) });
    assert_eq!(one.bytes, other.bytes);
    unsafe {
        let all = (content.as_ptr(), content.len());
        assert_eq!(bulla_evidence_is_about(evidence, all.0, all.1), 1);
        assert_eq!(bulla_evidence_is_about(evidence, all.0, all.1 - 1), 0);
        assert_eq!(bulla_evidence_content_length(evidence), all.1 as u64);
        assert!(!bulla_evidence_stamp(evidence).is_null());
        bulla_evidence_free(evidence);
        bulla_hasher_free(hasher);
        bulla_armor_reader_free(reader);
        bulla_armor_writer_free(writer);
        for it in [proof, text_out, back, wrapped] {
            bulla_buffer_free(it);
        }
    }
}

#[test]
fn an_envelope_is_inspected_as_far_as_it_has_come() {
    let bob = generate();
    let envelope = seal(bob, bob, b"");
    let mut seen = bulla_inspection::default();
    let look = |length, seen: &mut bulla_inspection| unsafe {
        bulla_inspect(envelope.as_ptr(), length, seen, null_mut())
    };
    assert_eq!(look(40, &mut seen), BULLA_MORE);
    assert_eq!(seen.kind, 0);
    assert_eq!(look(envelope.len(), &mut seen), BULLA_OK);
    assert_eq!(
        (seen.kind, seen.stanzas, seen.suite),
        (BULLA_KIND_SEALED, 1, 1)
    );
    assert_eq!(seen.header_length, 24 + 32 + 2 + 48);
    unsafe { bulla_identity_free(bob) };
}

// ---- stores ----

#[cfg(all(feature = "sqlite", unix))]
#[test]
fn a_durable_guard_remembers() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guard");
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    let mut none = null_mut();
    let code = unsafe { bulla_database_open_existing(path.as_ptr(), &mut none, null_mut()) };
    assert_eq!((code, none.is_null()), (GUARD_UNAVAILABLE, true));

    let (alice, bob) = (generate(), generate());
    let (policy, envelope) = (policy_for(alice), seal(alice, bob, b"kept"));
    let mut codes = Vec::new();
    for _ in 0..2 {
        let database = made(|out, e| unsafe { bulla_database_open(path.as_ptr(), out, e) });
        let guard = made(|out, e| unsafe { bulla_guard_durable(database, null(), out, e) });
        let opener = made(|out, e| unsafe { bulla_opener_new(bob, policy, guard, out, e) });
        unsafe { bulla_database_free(database) };
        codes.push(open(opener, &envelope).0);
        let mut counts = bulla_guard_counts::default();
        done(|e| unsafe { bulla_guard_durable_counts(guard, &mut counts, e) });
        assert_eq!((counts.committed, counts.reserved), (1, 0));
        done(|e| unsafe { bulla_guard_durable_check(guard, e) });
        unsafe {
            bulla_guard_free(guard);
            bulla_opener_free(opener);
        }
    }
    assert_eq!(codes, [BULLA_OK, ErrorKind::Replayed.code()]);
    let plain = made(|out, e| unsafe { bulla_guard_in_memory(null(), out, e) });
    let mut error = no_error();
    let code = unsafe { bulla_guard_durable_check(plain, &mut error) };
    assert_eq!(code, INVALID, "{}", text(&error));
    unsafe {
        bulla_guard_free(plain);
        bulla_policy_free(policy);
        bulla_identity_free(alice);
        bulla_identity_free(bob);
    }
}

fn redis(url: &CStr, settings: *const bulla_redis_settings) -> (i32, String) {
    let (mut guard, mut error) = (null_mut(), no_error());
    let code = unsafe { bulla_guard_redis(url.as_ptr(), settings, &mut guard, &mut error) };
    assert!(guard.is_null());
    (code, text(&error).to_owned())
}

#[cfg(feature = "redis")]
#[test]
fn a_server_remembers_and_is_known_again() {
    let server = redis_server::Server::start(&[]);
    let url = std::ffi::CString::new(server.url()).unwrap();
    let guard = made(|out, e| unsafe { bulla_guard_redis(url.as_ptr(), null(), out, e) });
    let (alice, bob) = (generate(), generate());
    let (policy, envelope) = (policy_for(alice), seal(alice, bob, b"to the fleet"));
    let opener = made(|out, e| unsafe { bulla_opener_new(bob, policy, guard, out, e) });
    assert_eq!(open(opener, &envelope).0, BULLA_OK);
    let id = buffer();
    done(|e| unsafe { bulla_guard_store_id(guard, id, e) });

    // SAFETY: pointers and numbers.
    let mut settings: bulla_redis_settings = unsafe { std::mem::zeroed() };
    settings.size = size_of::<bulla_redis_settings>();
    let known = std::ffi::CString::new(bytes(id)).unwrap();
    settings.expected_store = known.as_ptr();
    let limits = bulla_guard_limits {
        capacity: 10,
        strangers: 0,
        per_sender: 0,
        per_stranger: 0,
    };
    settings.how_much = &limits;
    let again = made(|out, e| unsafe { bulla_guard_redis(url.as_ptr(), &settings, out, e) });
    let other = made(|out, e| unsafe { bulla_opener_new(bob, policy, again, out, e) });
    assert_eq!(open(other, &envelope).0, ErrorKind::Replayed.code());
    settings.expected_store = c"another".as_ptr();
    assert_eq!(redis(&url, &settings).0, GUARD_UNAVAILABLE);
    let plain = made(|out, e| unsafe { bulla_guard_in_memory(null(), out, e) });
    let none = unsafe { bulla_guard_store_id(plain, id, null_mut()) };
    assert_eq!(none, BULLA_NOTHING);
    unsafe {
        for it in [guard, again, plain] {
            bulla_guard_free(it);
        }
        bulla_opener_free(opener);
        bulla_opener_free(other);
        bulla_policy_free(policy);
        bulla_buffer_free(id);
        bulla_identity_free(alice);
        bulla_identity_free(bob);
    }
}

/// Nobody listens there, and nobody may read the password in an error.
#[cfg(feature = "redis")]
#[test]
fn an_unreachable_server_is_told_without_its_password() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = std::ffi::CString::new(format!("redis://u:hunter2@127.0.0.1:{port}/0")).unwrap();
    // SAFETY: pointers and numbers.
    let mut settings: bulla_redis_settings = unsafe { std::mem::zeroed() };
    assert_eq!(redis(&url, &settings).0, INVALID);
    settings.size = size_of::<bulla_redis_settings>();
    settings.connect_timeout = 200;
    let (code, said) = redis(&url, &settings);
    assert_eq!(code, GUARD_UNAVAILABLE, "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    for wrong in [
        c"hunter2",
        c"redis://u:hunter2@[/",
        c"rediss://u:hunter2@h/#insecure",
    ] {
        let (code, said) = redis(wrong, null());
        assert_eq!(code, INVALID, "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let prefix = c"with space".as_ptr();
    let (code, said) = redis(&url, &bulla_redis_settings { prefix, ..settings });
    assert_eq!(code, INVALID, "{said}");
}

#[cfg(not(feature = "redis"))]
#[test]
fn without_redis_it_says_so() {
    let (code, said) = redis(c"redis://u:hunter2@127.0.0.1/", null());
    assert_eq!(code, INVALID);
    assert!(
        said.contains("built without") && !said.contains("hunter2"),
        "{said}"
    );
}

#[cfg(not(feature = "sqlite"))]
#[test]
fn without_sqlite_it_says_so() {
    let (mut database, mut error) = (null_mut(), no_error());
    let file = c"/nowhere/guard".as_ptr();
    let code = unsafe { bulla_database_open(file, &mut database, &mut error) };
    assert_eq!((code, database.is_null()), (INVALID, true));
    assert!(text(&error).contains("built without"), "{}", text(&error));
}
