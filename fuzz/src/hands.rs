//! What a C program holds, for the target `calls`: handles of every kind, given and taken at random, NULL among them.

use crate::calls::reached;
use crate::watch::{self, Place};
use bulla::ErrorKind;
use bulla::ffi::buffer::bulla_buffer;
use bulla::ffi::status::{bulla_error, bulla_status_text};
use std::any::TypeId;
use std::cell::Cell;
use std::ffi::CStr;
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
pub struct Hand<T: 'static> {
    held: Vec<*mut T>,
    /// Those among them that belong to others.
    lent: Vec<*mut T>,
    free: unsafe extern "C" fn(*mut T),
    /// What frees them, until it did.
    name: Cell<Option<&'static str>>,
}

impl<T: 'static> Hand<T> {
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
            let free = || unsafe { (self.free)(handle) };
            if is_of_buffers::<T>() {
                watch::freed(handle.cast(), free);
            } else {
                free();
            }
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
        let mut place = Place::<*mut T>::new();
        let status = call(place.pointer(), error);
        if given(status) {
            // SAFETY: every byte of it was written before, and any pointer is one.
            let handle = unsafe { place.given() };
            assert!(!handle.is_null(), "success, and no handle");
            assert!(
                !self.held.contains(&handle),
                "success, and a handle that was there"
            );
            if is_of_buffers::<T>() {
                watch::made(handle.cast());
            }
            self.held.push(handle);
            if self.held.len() > 8 {
                let first = self.held.remove(0);
                self.give_back(first);
            }
        } else {
            place.check_untouched();
        }
        status
    }
}

impl<T: 'static> Drop for Hand<T> {
    fn drop(&mut self) {
        self.drop_all();
    }
}

fn is_of_buffers<T: 'static>() -> bool {
    TypeId::of::<T>() == TypeId::of::<bulla_buffer>()
}

/// Makes a call, and looks at what it says: a known status, and an error exactly if there is one. And at all buffers.
pub fn judged(call: impl FnOnce(*mut bulla_error) -> i32) -> i32 {
    let mut error = Place::new();
    let status = watch::during(|| call(error.pointer()));
    assert!(
        status == 0 || (1..100).contains(&status) || (101..=107).contains(&status),
        "no status: {status}"
    );
    assert!(status != 15, "a panic was contained");
    if (1..100).contains(&status) {
        // SAFETY: every byte of it was written before, and any bytes are one.
        check_error(status, &unsafe { error.given() });
    } else {
        error.check_untouched();
    }
    status
}

/// All of an error is filled in: the code, who signed, and one line that begins with what the code says, NUL after that.
fn check_error(status: i32, error: &bulla_error) {
    assert_eq!(error.code, status, "another code in the error");
    let untrusted = status == ErrorKind::UntrustedSender.code();
    assert_eq!(
        error.has_signer,
        u8::from(untrusted),
        "has_signer of {status}"
    );
    assert_eq!(
        error.signer.bytes != [0; 32],
        untrusted,
        "signer of {status}"
    );
    let text = error.text.map(|it| u8::from_ne_bytes(it.to_ne_bytes()));
    let end = text
        .iter()
        .position(|it| *it == 0)
        .expect("no end of the text");
    assert!(
        text[end..].iter().all(|it| *it == 0),
        "something after the text"
    );
    let line = std::str::from_utf8(&text[..end]).expect("the text is not UTF-8");
    // SAFETY: it lives as long as the library.
    let known = unsafe { CStr::from_ptr(bulla_status_text(status)) };
    let known = known.to_str().unwrap();
    assert!(
        !known.is_empty() && line.starts_with(known),
        "{status} says {line}"
    );
    assert!(
        !line.contains(char::is_control),
        "more than a line: {line:?}"
    );
}

/// Makes a call that gives a value. On failure, and with an answer that is none, the place must be as it was.
pub fn value<T: Copy>(call: impl FnOnce(*mut T, *mut bulla_error) -> i32) -> (i32, Option<T>) {
    value_with(|status| status == 0, call)
}

/// As [`value`]; `given` says which answers write to the place.
pub fn value_with<T: Copy>(
    given: impl Fn(i32) -> bool,
    call: impl FnOnce(*mut T, *mut bulla_error) -> i32,
) -> (i32, Option<T>) {
    let mut place = Place::new();
    let status = judged(|error| call(place.pointer(), error));
    if given(status) {
        // SAFETY: the call has written to it, and every byte was written before that.
        return (status, Some(unsafe { place.given() }));
    }
    place.check_untouched();
    (status, None)
}

/// As [`value`], of a call that gives two.
pub fn pair<T: Copy, U: Copy>(
    call: impl FnOnce(*mut T, *mut U, *mut bulla_error) -> i32,
) -> (i32, Option<(T, U)>) {
    let mut second = Place::new();
    let (status, first) = value(|first, error| call(first, second.pointer(), error));
    let Some(first) = first else {
        second.check_untouched();
        return (status, None);
    };
    // SAFETY: as in `value_with`.
    (status, Some((first, unsafe { second.given() })))
}
