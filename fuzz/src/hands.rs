//! What a C program holds, for the target `calls`: handles of every kind, given and taken at random, NULL among them.

use crate::calls::reached;
use bulla::ffi::status::bulla_error;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::sync::atomic::AtomicBool;

/// Bytes that say what is done.
pub struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub const fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte; 0 at the end.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub fn number(&mut self) -> u64 {
        match self.byte() {
            255 => u64::MAX,
            byte @ 0..200 => u64::from(byte),
            byte => 1 << (byte - 200),
        }
    }

    /// Some of the bytes that follow: a pointer that may be NULL, and a length that goes with it, or a length that goes
    /// with no pointer (NULL and more than 0), or one that no memory has.
    pub fn slice(&mut self) -> (*const u8, usize) {
        let length = usize::from(self.byte());
        match length {
            250 => (core::ptr::null(), usize::MAX),
            251 => (core::ptr::null(), 1),
            252 => (self.0.as_ptr(), usize::MAX),
            253 => (core::ptr::null(), 0),
            length => {
                let (some, rest) = self.0.split_at(length.min(self.0.len()));
                self.0 = rest;
                (some.as_ptr(), some.len())
            }
        }
    }
}

/// Handles of one kind.
pub struct Hand<T> {
    held: Vec<*mut T>,
    /// Those among them that belong to others.
    lent: Vec<*mut T>,
    free: unsafe extern "C" fn(*mut T),
    /// What frees them, until it did.
    name: Cell<Option<&'static str>>,
}

impl<T> Hand<T> {
    pub const fn new(name: &'static str, free: unsafe extern "C" fn(*mut T)) -> Self {
        Self {
            held: Vec::new(),
            lent: Vec::new(),
            free,
            name: Cell::new(Some(name)),
        }
    }

    /// One of them, or NULL; with 254 the one that was made last.
    pub fn pick(&self, script: &mut Script<'_>) -> *mut T {
        let at = usize::from(script.byte());
        match self.held.len() {
            0 => core::ptr::null_mut(),
            // Now and then none.
            _ if at == 255 => core::ptr::null_mut(),
            count if at == 254 => self.held[count - 1],
            count => self.held[at % count],
        }
    }

    /// One that is used here and stays another's: to make an identity takes longer than most scripts.
    pub fn lend(&mut self, handle: *mut T) {
        self.held.push(handle);
        self.lent.push(handle);
    }

    fn give_back(&self, handle: *mut T) {
        if !self.lent.contains(&handle) {
            // SAFETY: it was made here, and is in nobody's hand any more.
            unsafe { (self.free)(handle) };
            if let Some(name) = self.name.take() {
                reached::mark(name, &AtomicBool::new(false));
            }
        }
    }

    /// The one that was made last. NULL if there is none.
    pub fn last(&self) -> *mut T {
        self.held.last().copied().unwrap_or(core::ptr::null_mut())
    }

    /// Frees all of them.
    pub fn drop_all(&mut self) {
        for handle in std::mem::take(&mut self.held) {
            self.give_back(handle);
        }
    }

    /// Frees one, as C does: then it is gone.
    pub fn drop_one(&mut self, script: &mut Script<'_>) {
        let at = usize::from(script.byte());
        if self.held.is_empty() {
            // SAFETY: NULL is nothing.
            unsafe { (self.free)(core::ptr::null_mut()) };
            return;
        }
        let handle = self.held.swap_remove(at % self.held.len());
        self.give_back(handle);
    }

    /// Makes a call that gives a handle. On failure the place must be as it was; `given` says which answers write to it.
    pub fn take(
        &mut self,
        given: impl Fn(i32) -> bool,
        call: impl FnOnce(*mut *mut T, *mut bulla_error) -> i32,
    ) -> i32 {
        judged(|error| self.take_with(given, error, call))
    }

    /// As [`take`](Self::take), inside a call whose error is judged by its caller.
    pub fn take_with(
        &mut self,
        given: impl Fn(i32) -> bool,
        error: *mut bulla_error,
        call: impl FnOnce(*mut *mut T, *mut bulla_error) -> i32,
    ) -> i32 {
        let canary = core::ptr::without_provenance_mut::<T>(0x5a5a_5a5a_5a5a);
        let mut place = canary;
        let status = call(&raw mut place, error);
        if given(status) {
            assert!(
                place != canary && !place.is_null(),
                "success, and no handle"
            );
            self.held.push(place);
            if self.held.len() > 8 {
                let first = self.held.remove(0);
                self.give_back(first);
            }
        } else {
            assert!(place == canary, "a failure wrote to its output");
        }
        status
    }
}

impl<T> Drop for Hand<T> {
    fn drop(&mut self) {
        self.drop_all();
    }
}

/// Makes a call, and looks at what it says: a known status, and an error exactly if there is one.
pub fn judged(call: impl FnOnce(*mut bulla_error) -> i32) -> i32 {
    const UNTOUCHED: i32 = 0x5a5a;
    let mut error = bulla_error {
        code: UNTOUCHED,
        has_signer: 7,
        signer: Default::default(),
        text: [1; bulla::ffi::status::BULLA_ERROR_TEXT],
    };
    let status = call(&raw mut error);
    assert!(
        status == 0 || (1..100).contains(&status) || (101..=107).contains(&status),
        "no status: {status}"
    );
    assert!(status != 15, "a panic was contained");
    if (1..100).contains(&status) {
        assert!(error.code == status && error.has_signer <= 1);
        assert!(error.text.contains(&0));
    } else {
        assert!(error.code == UNTOUCHED && error.text == [1; bulla::ffi::status::BULLA_ERROR_TEXT]);
    }
    status
}

/// Makes a call that gives a value. On failure, and with an answer that is none, the place must be as it was.
pub fn value<T: Copy>(call: impl FnOnce(*mut T, *mut bulla_error) -> i32) -> (i32, Option<T>) {
    let mut place = MaybeUninit::<T>::uninit();
    // SAFETY: the place is as long as its type.
    unsafe {
        place
            .as_mut_ptr()
            .cast::<u8>()
            .write_bytes(0x5a, size_of::<T>())
    };
    let status = judged(|error| call(place.as_mut_ptr(), error));
    if status == 0 {
        // SAFETY: the call has written to it, and every byte was written before that.
        return (status, Some(unsafe { place.assume_init() }));
    }
    // SAFETY: all its bytes were written above.
    let bytes = unsafe { std::slice::from_raw_parts(place.as_ptr().cast::<u8>(), size_of::<T>()) };
    assert!(
        bytes.iter().all(|byte| *byte == 0x5a),
        "a failure wrote to its output"
    );
    (status, None)
}
