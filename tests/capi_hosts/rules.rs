//! What goes through a guard of the host's own: rules of a store, challenges, streams; and what is not whole.

use super::common::*;
use super::host::{Fault, callbacks, host};

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
        1 => BULLA_JUDGE_LATER - 1,
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
    // Where they cannot tell now nothing is reserved: it comes again below.
    let envelope = seal(alice, bob, b"content");
    let (status, none, again) = store(place, &mut { BULLA_JUDGE_LATER }, &envelope);
    assert_eq!(status, ErrorKind::Undecided.code());
    assert!(none.is_null() && again.is_null());
    assert_eq!(bulla_status_class(status), BULLA_CLASS_TRY_AGAIN);
    // What no rules refused has no reason of theirs.
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
