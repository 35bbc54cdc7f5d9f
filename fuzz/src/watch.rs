//! The memory of a C program, for the target `calls`: each place that it lends lies between bytes that no call may touch, and
//! what is in each of its buffers is known, so that after every call it is seen what has become of all of them.

use bulla::ffi::buffer::{bulla_buffer, bulla_buffer_data, bulla_buffer_length};
use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;

/// What is there before anything is written.
const BLANK: u8 = 0x5a;

/// How many bytes lie around a place.
const GUARD: usize = 32;

/// Contents up to here are compared after every call, longer ones now and then.
const SHORT: usize = 4096;

/// A place for one value.
#[repr(C)]
pub struct Place<T> {
    before: [u8; GUARD],
    value: MaybeUninit<T>,
    after: [u8; GUARD],
}

impl<T> Place<T> {
    pub fn new() -> Self {
        let mut value = MaybeUninit::uninit();
        // SAFETY: the place is as long as its type.
        unsafe { std::ptr::write_bytes(value.as_mut_ptr(), BLANK, 1) };
        Self {
            before: [BLANK; GUARD],
            value,
            after: [BLANK; GUARD],
        }
    }

    pub const fn pointer(&mut self) -> *mut T {
        self.value.as_mut_ptr()
    }

    /// What a call has written there.
    ///
    /// # Safety
    ///
    /// It was written.
    pub unsafe fn given(self) -> T {
        self.check();
        // SAFETY: as said.
        unsafe { self.value.assume_init() }
    }

    /// Nothing is written there.
    pub fn check_untouched(&self) {
        self.check();
        // SAFETY: all its bytes were written when it was made.
        let bytes =
            unsafe { std::slice::from_raw_parts(self.value.as_ptr().cast::<u8>(), size_of::<T>()) };
        let untouched = bytes.iter().all(|byte| *byte == BLANK);
        assert!(untouched, "a failure wrote to its output");
    }

    /// Nothing is written around it.
    pub fn check(&self) {
        assert!(self.before == [BLANK; GUARD], "written before an output");
        assert!(self.after == [BLANK; GUARD], "written past an output");
    }
}

/// Memory that a buffer is wrapped around.
pub struct Memory {
    block: *mut [u8],
}

impl Memory {
    /// Every second one ends where its block does: there a sanitizer sees also what is only read past it.
    pub fn new(room: usize) -> Self {
        let behind = if room.is_multiple_of(2) { GUARD } else { 0 };
        let block = vec![BLANK; GUARD + room + behind].into_boxed_slice();
        Self {
            block: Box::into_raw(block),
        }
    }

    pub const fn start(&self) -> *mut u8 {
        self.block.cast::<u8>().wrapping_add(GUARD)
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: it is there as long as this, and no call goes on meanwhile.
        unsafe { &*self.block }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it came from a box.
        drop(unsafe { Box::from_raw(self.block) });
    }
}

/// A buffer, and what is in it.
struct Watched {
    buffer: *const bulla_buffer,
    content: Vec<u8>,
    /// The memory that it is wrapped around, and the whole block of that as it must be.
    wrapped: Option<(Memory, Vec<u8>)>,
}

impl Watched {
    /// What is in it now.
    fn now(&self) -> &[u8] {
        // SAFETY: it lives, and no call goes on with it.
        unsafe {
            match bulla_buffer_length(self.buffer) {
                0 => &[],
                length => std::slice::from_raw_parts(bulla_buffer_data(self.buffer), length),
            }
        }
    }

    /// Looks at it after a call, and whether that has appended to it.
    fn look(&mut self, failed: bool, thorough: bool) -> bool {
        let (now, before) = (self.now(), self.content.len());
        assert!(now.len() >= before, "a call took something out of a buffer");
        assert!(
            !failed || now.len() == before,
            "a failed call left something in a buffer"
        );
        if thorough || before <= SHORT {
            assert!(
                now[..before] == self.content,
                "a call changed what was in a buffer"
            );
        }
        let added = now[before..].to_vec();
        if let Some((memory, whole)) = &mut self.wrapped {
            whole[GUARD + before..][..added.len()].copy_from_slice(&added);
            assert!(
                memory.bytes() == whole,
                "written beside what is in a buffer"
            );
        }
        self.content.extend_from_slice(&added);
        !added.is_empty()
    }
}

thread_local! {
    static BUFFERS: RefCell<Vec<Watched>> = const { RefCell::new(Vec::new()) };
    /// Calls that go on: one of a callback's is within another one, whose buffers cannot be looked at.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

/// A script begins, which nothing that was before has a part in.
pub fn begin() {
    CALLS.set(0);
    BUFFERS.with_borrow(|all| assert!(all.is_empty()));
}

/// There is a buffer more.
pub fn made(buffer: *const bulla_buffer) {
    let watched = Watched {
        buffer,
        content: Vec::new(),
        wrapped: None,
    };
    BUFFERS.with_borrow_mut(|all| all.push(watched));
}

/// That buffer is wrapped around this memory.
pub fn wrapped(buffer: *const bulla_buffer, memory: Memory) {
    BUFFERS.with_borrow_mut(|all| {
        let watched = all.iter_mut().find(|it| it.buffer == buffer).unwrap();
        let whole = memory.bytes().to_vec();
        assert!(
            whole.iter().all(|byte| *byte == BLANK),
            "wrapping memory wrote to it"
        );
        watched.wrapped = Some((memory, whole));
    });
}

/// A buffer was cleared, which wipes memory of the program's.
pub fn cleared(buffer: *const bulla_buffer) {
    BUFFERS.with_borrow_mut(|all| {
        let Some(watched) = all.iter_mut().find(|it| it.buffer == buffer) else {
            return;
        };
        if let Some((_, whole)) = &mut watched.wrapped {
            whole[GUARD..][..watched.content.len()].fill(0);
        }
        watched.content.clear();
        assert!(!watched.look(true, true));
    });
}

/// Frees a buffer, which leaves memory of the program's as it is.
pub fn freed(buffer: *const bulla_buffer, free: impl FnOnce()) {
    let mut watched = BUFFERS.with_borrow_mut(|all| {
        let at = all.iter().position(|it| it.buffer == buffer).unwrap();
        all.swap_remove(at)
    });
    watched.look(true, true);
    free();
    if let Some((memory, whole)) = &watched.wrapped {
        assert!(memory.bytes() == whole, "freeing a buffer wrote to it");
    }
}

/// Makes a call, and looks at all buffers after it: one that fails leaves them as they were, and any other appends to one of
/// them at most.
pub fn during(call: impl FnOnce() -> i32) -> i32 {
    DEPTH.set(DEPTH.get() + 1);
    let status = call();
    DEPTH.set(DEPTH.get() - 1);
    if DEPTH.get() == 0 {
        CALLS.set(CALLS.get().wrapping_add(1));
        let (failed, thorough) = ((1..100).contains(&status), CALLS.get().is_multiple_of(16));
        BUFFERS.with_borrow_mut(|all| {
            let grown = all
                .iter_mut()
                .filter_map(|it| it.look(failed, thorough).then_some(()));
            assert!(grown.count() <= 1, "a call wrote to several buffers");
        });
    }
    status
}
