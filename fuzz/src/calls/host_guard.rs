//! A replay guard of a host's own, without quotas and without an order of streams, which fails and lies now and then.

use super::hosts::Mood;
use bulla::ffi::buffer::{bulla_buffer, bulla_buffer_append};
use bulla::ffi::claim::{bulla_claim, bulla_lease_token};
use bulla::ffi::guard_functions::bulla_guard_callbacks;
use bulla::ffi::ranges::{bulla_ranges, bulla_ranges_add};
use bulla::ffi::status::bulla_status;
use bulla::ffi::types::bulla_digest;
use core::ffi::c_void;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::ptr::null_mut;

struct Entry {
    value: [u8; 32],
    number: u64,
    accepted: bool,
    receipt: Vec<u8>,
}

pub struct Guard {
    mood: Mood,
    number: Cell<u64>,
    entries: RefCell<HashMap<[u8; 32], Entry>>,
    challenges: RefCell<HashSet<[u8; 32]>>,
}

impl Guard {
    pub fn new(mood: Mood) -> Self {
        Self {
            mood,
            number: Cell::new(0),
            entries: Default::default(),
            challenges: Default::default(),
        }
    }

    fn settle(
        &self,
        token: *const bulla_lease_token,
        work: impl FnOnce(&mut HashMap<[u8; 32], Entry>, [u8; 32]),
    ) -> bulla_status {
        if self.mood.is_bad() {
            return self.mood.failure();
        }
        let token = unsafe { *token };
        let mut entries = self.entries.borrow_mut();
        match entries.get(&token.key.bytes) {
            Some(entry) if !entry.accepted && entry.number == token.number => {
                work(&mut entries, token.key.bytes);
                0
            }
            _ => 73,
        }
    }
}

unsafe fn guard<'a>(context: *mut c_void) -> &'a Guard {
    unsafe { &*context.cast::<Guard>() }
}

unsafe extern "C" fn drop_guard(context: *mut c_void) {
    drop(unsafe { Box::from_raw(context.cast::<Guard>()) });
}

unsafe extern "C" fn observe(context: *mut c_void, now: u64, time: *mut u64) -> bulla_status {
    came!(bulla_guard_observe);
    let guard = unsafe { guard(context) };
    if guard.mood.is_bad() {
        return guard.mood.failure();
    }
    unsafe { time.write(now) };
    0
}

unsafe extern "C" fn claim(
    context: *mut c_void,
    claim: *const bulla_claim,
    _now: u64,
    lease: *const u64,
    answer: *mut u32,
    number: *mut u64,
    receipt: *mut bulla_buffer,
) -> bulla_status {
    came!(bulla_guard_claim);
    let guard = unsafe { guard(context) };
    if guard.mood.is_bad() {
        unsafe { answer.write(guard.mood.draw() as u32 % 12) };
        let junk = vec![0x5a; guard.mood.draw() as usize % 5000];
        let _ = unsafe {
            call!(bulla_buffer_append(
                receipt,
                junk.as_ptr(),
                junk.len(),
                null_mut()
            ))
        };
        return if guard.mood.draw() % 2 == 0 {
            0
        } else {
            guard.mood.failure()
        };
    }
    let claim = unsafe { *claim };
    let mut entries = guard.entries.borrow_mut();
    let mut challenges = guard.challenges.borrow_mut();
    let said = match entries.get(&claim.key.bytes) {
        Some(entry) if entry.value != claim.value.bytes && claim.value.bytes != [0; 32] => 4,
        Some(entry) if entry.accepted => {
            let (data, length) = (entry.receipt.as_ptr(), entry.receipt.len());
            let appended = unsafe { call!(bulla_buffer_append(receipt, data, length, null_mut())) };
            assert_eq!(appended, 0);
            2
        }
        Some(_) => 3,
        None if claim.has_challenge == 1 && !challenges.remove(&claim.challenge.bytes) => 8,
        None => {
            guard.number.set(guard.number.get() + 1);
            unsafe { number.write(guard.number.get()) };
            let entry = Entry {
                value: claim.value.bytes,
                number: guard.number.get(),
                accepted: lease.is_null(),
                receipt: Vec::new(),
            };
            entries.insert(claim.key.bytes, entry);
            1
        }
    };
    unsafe { answer.write(said) };
    0
}

unsafe extern "C" fn commit(
    context: *mut c_void,
    token: *const bulla_lease_token,
    receipt: *const u8,
    length: usize,
) -> bulla_status {
    came!(bulla_guard_commit);
    let receipt = unsafe { super::ledger::copy((receipt, length)) };
    unsafe { guard(context) }.settle(token, |entries, key| {
        if let Some(entry) = entries.get_mut(&key) {
            (entry.accepted, entry.receipt) = (true, receipt);
        }
    })
}

unsafe extern "C" fn release(
    context: *mut c_void,
    token: *const bulla_lease_token,
) -> bulla_status {
    came!(bulla_guard_release);
    unsafe { guard(context) }.settle(token, |entries, key| {
        entries.remove(&key);
    })
}

unsafe extern "C" fn renew(
    context: *mut c_void,
    token: *const bulla_lease_token,
    _now: u64,
    _lease: u64,
) -> bulla_status {
    came!(bulla_guard_renew);
    unsafe { guard(context) }.settle(token, |_, _| ())
}

unsafe extern "C" fn missing(
    context: *mut c_void,
    _stream: *const bulla_digest,
    missing: *mut bulla_ranges,
) -> bulla_status {
    came!(bulla_guard_missing);
    let guard = unsafe { guard(context) };
    let mut first = guard.mood.draw() % 9;
    for _ in 0..1 + guard.mood.draw() % 3 {
        if guard.mood.is_bad() {
            first = guard.mood.draw();
        }
        let last = first + guard.mood.draw() % 3;
        let _ = unsafe { call!(bulla_ranges_add(missing, first, last, null_mut())) };
        first = last + 1 + guard.mood.draw() % 3;
    }
    if guard.mood.is_bad() {
        guard.mood.failure()
    } else {
        0
    }
}

unsafe extern "C" fn permit(
    context: *mut c_void,
    _what: *const bulla_digest,
    _now: u64,
    _every: u64,
    _burst: u32,
    permitted: *mut u8,
) -> bulla_status {
    came!(bulla_guard_permit);
    let guard = unsafe { guard(context) };
    if guard.mood.is_bad() {
        unsafe { permitted.write(guard.mood.draw() as u8) };
        return guard.mood.failure();
    }
    unsafe { permitted.write(1) };
    0
}

/// It drops nothing: it says that it did.
unsafe extern "C" fn sweep(
    context: *mut c_void,
    _now: u64,
    at_most: usize,
    dropped: *mut usize,
) -> bulla_status {
    came!(bulla_guard_drop_old);
    let mood = &unsafe { guard(context) }.mood;
    let lie = if mood.is_bad() {
        mood.draw() as usize
    } else {
        0
    };
    unsafe { dropped.write(at_most.min(1).wrapping_add(lie)) };
    if lie % 2 == 1 { mood.failure() } else { 0 }
}

unsafe extern "C" fn expect(
    context: *mut c_void,
    challenge: *const bulla_digest,
    _until: u64,
    _now: u64,
) -> bulla_status {
    came!(bulla_guard_expect);
    let guard = unsafe { guard(context) };
    if guard.mood.is_bad() {
        return guard.mood.failure();
    }
    let challenge = unsafe { *challenge };
    guard.challenges.borrow_mut().insert(challenge.bytes);
    0
}

unsafe extern "C" fn skip(
    context: *mut c_void,
    _stream: *const bulla_digest,
    _before: u64,
) -> bulla_status {
    came!(bulla_guard_skip);
    let mood = &unsafe { guard(context) }.mood;
    if mood.is_bad() { mood.failure() } else { 0 }
}

unsafe extern "C" fn forget_stream(
    context: *mut c_void,
    _stream: *const bulla_digest,
    was_known: *mut u8,
) -> bulla_status {
    came!(bulla_guard_forget_stream);
    let mood = &unsafe { guard(context) }.mood;
    unsafe { was_known.write(mood.draw() as u8) };
    if mood.is_bad() { mood.failure() } else { 0 }
}

unsafe extern "C" fn look(
    context: *mut c_void,
    claim: *const bulla_claim,
    found: *mut u8,
    receipt: *mut bulla_buffer,
) -> bulla_status {
    came!(bulla_guard_look);
    let Guard { mood, entries, .. } = unsafe { guard(context) };
    let claim = unsafe { *claim };
    let append = |bytes: &[u8]| unsafe {
        call!(bulla_buffer_append(
            receipt,
            bytes.as_ptr(),
            bytes.len(),
            null_mut()
        ))
    };
    if mood.is_bad() {
        let _ = append(&vec![0x5a; mood.draw() as usize % 5000]);
        unsafe { found.write(mood.draw() as u8 % 3) };
        return if mood.draw() % 2 == 0 {
            0
        } else {
            mood.failure()
        };
    }
    let entries = entries.borrow();
    let before = entries.get(&claim.key.bytes).filter(|entry| {
        entry.accepted && (entry.value == claim.value.bytes || claim.value.bytes == [0; 32])
    });
    if let Some(entry) = before {
        assert_eq!(append(&entry.receipt), 0);
    }
    unsafe { found.write(before.is_some().into()) };
    0
}

/// The functions; those that a guard may lack are there or not.
pub fn callbacks(context: *mut Guard, all: bool) -> bulla_guard_callbacks {
    const fn some<T: Copy>(all: bool, function: T) -> Option<T> {
        if all { Some(function) } else { None }
    }
    bulla_guard_callbacks {
        size: size_of::<bulla_guard_callbacks>(),
        context: context.cast(),
        drop: Some(drop_guard),
        observe: Some(observe),
        claim: Some(claim),
        commit: Some(commit),
        release: Some(release),
        renew: Some(renew),
        sweep: some(all, sweep as _),
        expect: some(all, expect as _),
        missing: some(all, missing as _),
        skip: some(all, skip as _),
        forget_stream: some(all, forget_stream as _),
        permit: some(all, permit as _),
        look: some(all, look as _),
    }
}
