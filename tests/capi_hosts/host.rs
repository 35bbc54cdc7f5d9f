//! A guard of the host's own.

use super::common::*;

/// A guard in memory behind callbacks, that can be made to answer nonsense.
pub(crate) struct Host {
    guard: MemoryGuard,
    pub(crate) fault: Cell<Fault>,
    dropped: *const AtomicU32,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    None,
    Code(i32),
    Answer(u32),
    LongReceipt,
    EarlyTime,
}

pub(crate) unsafe fn host<'a>(context: *mut c_void) -> &'a Host {
    unsafe { &*context.cast() }
}

pub(crate) fn code<T>(result: bulla::Result<T>, put: impl FnOnce(T)) -> i32 {
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

pub(crate) fn asked(claim: &bulla_claim) -> Claim {
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
            issued: place.issued,
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

unsafe extern "C" fn forget_stream(
    context: *mut c_void,
    stream: *const bulla_digest,
    was_known: *mut u8,
) -> bulla_status {
    let host = unsafe { host(context) };
    let stream = unsafe { *stream }.into();
    code(host.guard.forget_stream(&stream), |known| unsafe {
        *was_known = u8::from(known);
    })
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

pub(crate) fn callbacks(dropped: &AtomicU32) -> bulla_guard_callbacks {
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
        forget_stream: Some(forget_stream),
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
