//! What came to something: the functions of the interface, and what hosts lend to it, by their names in the header.

use bulla::ffi::types::bulla_view;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Whether each call is told.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Tells each call and what it gave, from now on: for whoever looks at a finding.
pub fn tell() {
    TOLD.store(true, Ordering::Relaxed);
}

/// All names until now.
pub fn names() -> BTreeSet<&'static str> {
    NAMES.lock().unwrap().clone()
}

/// What a call gave.
pub trait Given {
    fn is_something(&self) -> bool;

    fn told(&self) -> String {
        if self.is_something() {
            "something"
        } else {
            "nothing"
        }
        .to_owned()
    }
}

impl Given for i32 {
    /// Done, or an answer that is no failure.
    fn is_something(&self) -> bool {
        *self == 0 || *self > 100
    }

    fn told(&self) -> String {
        self.to_string()
    }
}

impl Given for bulla_view {
    fn is_something(&self) -> bool {
        !self.data.is_null()
    }
}

impl Given for () {
    fn is_something(&self) -> bool {
        true
    }
}

impl<T> Given for *const T {
    fn is_something(&self) -> bool {
        !self.is_null()
    }
}

macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl Given for $number {
            fn is_something(&self) -> bool {
                *self != 0
            }
        })+
    };
}
numbers!(u8, u32, u64, usize);

/// Notes a name, once for each place that says it.
pub fn mark(name: &'static str, seen: &AtomicBool) {
    if !seen.swap(true, Ordering::Relaxed) {
        NAMES.lock().unwrap().insert(name);
    }
}

/// Notes the name of a call that gave something.
pub fn count<T: Given>(name: &'static str, seen: &AtomicBool, given: T) -> T {
    if TOLD.load(Ordering::Relaxed) {
        eprintln!("{name}: {}", given.told());
    }
    if given.is_something() {
        mark(name, seen);
    }
    given
}
