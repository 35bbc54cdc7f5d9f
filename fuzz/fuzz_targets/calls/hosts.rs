//! What a host lends to the library: a clock, a replay guard and a source, which fail and lie now and then. Their contexts
//! are boxes: one that is dropped twice or never is a finding.

use bulla::ffi::buffer::{bulla_buffer, bulla_buffer_append};
use bulla::ffi::claim::{bulla_claim, bulla_lease_token};
use bulla::ffi::guard_functions::bulla_guard_callbacks;
use bulla::ffi::ranges::{bulla_ranges, bulla_ranges_add};
use bulla::ffi::source::bulla_source;
use bulla::ffi::status::bulla_status;
use bulla::ffi::types::bulla_digest;
use bulla_forge::NOW;
use core::ffi::c_void;
use std::cell::Cell;
use std::collections::HashMap;
use std::ptr::null_mut;
use std::rc::Rc;

/// Says now and then that something goes wrong: never with 0, often with 255.
#[derive(Default)]
pub struct Mood {
    state: Cell<u64>,
    rate: u8,
}

impl Mood {
    pub fn new(seed: u8, rate: u8) -> Self {
        Self {
            state: Cell::new(u64::from(seed) | 0x9e37_79b9_7f4a_7c00),
            rate,
        }
    }

    fn draw(&self) -> u64 {
        let mut state = self.state.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.state.set(state);
        state >> 16
    }

    fn is_bad(&self) -> bool {
        self.rate > 0 && self.draw() % 256 < u64::from(self.rate) / 2
    }

    /// A failure, or a code that no such call may give.
    fn failure(&self) -> bulla_status {
        [72, 70, 1, 15, 8, 101, -1, 9999][self.draw() as usize % 8]
    }
}

pub unsafe extern "C" fn drop_mood(context: *mut c_void) {
    drop(unsafe { Box::from_raw(context.cast::<Mood>()) });
}

pub unsafe extern "C" fn tell_time(context: *mut c_void, now: *mut u64) -> bulla_status {
    let mood = unsafe { &*context.cast::<Mood>() };
    if mood.is_bad() {
        return mood.failure();
    }
    unsafe { now.write(NOW + mood.draw() % 4) };
    0
}

/// Bytes that are read at any place.
pub struct Store {
    pub bytes: Rc<[u8]>,
    pub mood: Mood,
}

unsafe extern "C" fn drop_store(context: *mut c_void) {
    drop(unsafe { Box::from_raw(context.cast::<Store>()) });
}

unsafe extern "C" fn read_store(
    context: *mut c_void,
    offset: u64,
    memory: *mut u8,
    length: usize,
    read: *mut usize,
) -> bulla_status {
    let Store { bytes, mood } = unsafe { &*context.cast::<Store>() };
    if mood.is_bad() {
        match mood.draw() % 3 {
            0 => return mood.failure(),
            // More than there is room for, and nothing written.
            1 => unsafe { read.write(length.saturating_add(1)) },
            _ => unsafe {
                memory.write_bytes(0xa5, length);
                read.write(length);
            },
        }
        return 0;
    }
    let rest = bytes.get(offset as usize..).unwrap_or_default();
    // Short reads, too.
    let count = rest.len().min(length);
    let count = if mood.rate > 0 && count > 1 {
        1 + mood.draw() as usize % count
    } else {
        count
    };
    unsafe {
        memory.copy_from_nonoverlapping(rest.as_ptr(), count);
        read.write(count);
    }
    0
}

unsafe extern "C" fn length_of_store(context: *mut c_void, length: *mut u64) -> bulla_status {
    let Store { bytes, mood } = unsafe { &*context.cast::<Store>() };
    let lie = if mood.is_bad() { mood.draw() % 512 } else { 0 };
    if lie % 4 == 3 {
        return mood.failure();
    }
    unsafe { length.write((bytes.len() as u64).wrapping_sub(lie)) };
    0
}

pub fn source(context: *mut Store) -> bulla_source {
    bulla_source {
        size: size_of::<bulla_source>(),
        context: context.cast(),
        drop: Some(drop_store),
        read: Some(read_store),
        length: Some(length_of_store),
    }
}

struct Entry {
    value: [u8; 32],
    number: u64,
    accepted: bool,
    receipt: Vec<u8>,
}

/// A guard of the host's own, without quotas and streams.
pub struct Guard {
    mood: Mood,
    number: Cell<u64>,
    entries: std::cell::RefCell<HashMap<[u8; 32], Entry>>,
}

impl Guard {
    pub fn new(mood: Mood) -> Self {
        Self {
            mood,
            number: Cell::new(0),
            entries: Default::default(),
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
    let guard = unsafe { guard(context) };
    if guard.mood.is_bad() {
        unsafe { answer.write(guard.mood.draw() as u32 % 12) };
        let junk = vec![0x5a; guard.mood.draw() as usize % 5000];
        let _ = unsafe { bulla_buffer_append(receipt, junk.as_ptr(), junk.len(), null_mut()) };
        return if guard.mood.draw() % 2 == 0 {
            0
        } else {
            guard.mood.failure()
        };
    }
    let claim = unsafe { *claim };
    let mut entries = guard.entries.borrow_mut();
    let said = match entries.get(&claim.key.bytes) {
        Some(entry) if entry.value != claim.value.bytes => 4,
        Some(entry) if entry.accepted => {
            let (data, length) = (entry.receipt.as_ptr(), entry.receipt.len());
            let appended = unsafe { bulla_buffer_append(receipt, data, length, null_mut()) };
            assert_eq!(appended, 0);
            2
        }
        Some(_) => 3,
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
    unsafe { guard(context) }.settle(token, |_, _| ())
}

unsafe extern "C" fn missing(
    context: *mut c_void,
    _stream: *const bulla_digest,
    missing: *mut bulla_ranges,
) -> bulla_status {
    let guard = unsafe { guard(context) };
    let (first, last) = (guard.mood.draw(), guard.mood.draw());
    let _ = unsafe { bulla_ranges_add(missing, first, last, null_mut()) };
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
    let guard = unsafe { guard(context) };
    if guard.mood.is_bad() {
        unsafe { permitted.write(guard.mood.draw() as u8) };
        return guard.mood.failure();
    }
    unsafe { permitted.write(1) };
    0
}

/// The functions; those that a guard may lack are there or not.
pub fn callbacks(context: *mut Guard, all: bool) -> bulla_guard_callbacks {
    bulla_guard_callbacks {
        size: size_of::<bulla_guard_callbacks>(),
        context: context.cast(),
        drop: Some(drop_guard),
        observe: Some(observe),
        claim: Some(claim),
        commit: Some(commit),
        release: Some(release),
        renew: Some(renew),
        sweep: None,
        expect: None,
        missing: if all { Some(missing) } else { None },
        skip: None,
        forget_stream: None,
        permit: if all { Some(permit) } else { None },
        look: None,
    }
}
