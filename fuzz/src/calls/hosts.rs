//! What a host lends to the library: a clock, a source, rules for a store, which fail and lie now and then. Their contexts are
//! boxes: one that is dropped twice or never is a finding.

use bulla::ffi::source::bulla_source;
use bulla::ffi::stamp::bulla_stamp;
use bulla::ffi::status::bulla_status;
use bulla_forge::NOW;
use core::ffi::{c_char, c_void};
use std::cell::Cell;
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

    /// Nothing goes wrong.
    pub const fn is_good(&self) -> bool {
        self.rate == 0
    }

    pub fn draw(&self) -> u64 {
        let mut state = self.state.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.state.set(state);
        state >> 16
    }

    pub fn is_bad(&self) -> bool {
        self.rate > 0 && self.draw() % 256 < u64::from(self.rate) / 2
    }

    /// A failure, or a code that no such call may give.
    pub fn failure(&self) -> bulla_status {
        [72, 70, 1, 15, 8, 101, -1, 9999][self.draw() as usize % 8]
    }
}

pub unsafe extern "C" fn drop_mood(context: *mut c_void) {
    came!(bulla_drop);
    drop(unsafe { Box::from_raw(context.cast::<Mood>()) });
}

pub unsafe extern "C" fn tell_time(context: *mut c_void, now: *mut u64) -> bulla_status {
    came!(bulla_clock_now);
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
    came!(bulla_source_read);
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
    came!(bulla_source_length);
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

pub unsafe extern "C" fn has_room(
    context: *mut c_void,
    folder: *const u8,
    length: usize,
    _content: u64,
) -> u8 {
    came!(bulla_has_room);
    let mood = unsafe { &*context.cast::<Mood>() };
    let folder = unsafe { std::slice::from_raw_parts(folder, length) };
    assert!(std::str::from_utf8(folder).is_ok());
    if mood.is_bad() {
        return mood.draw() as u8;
    }
    1
}

/// Accepts, refuses with words or without, or gives a code or words that none may give.
pub unsafe extern "C" fn judge_stamp(
    context: *mut c_void,
    stamp: *const bulla_stamp,
    words: *mut c_char,
) -> u16 {
    came!(bulla_judge);
    unsafe { super::looking::look(stamp) };
    let mood = unsafe { &*context.cast::<Mood>() };
    if !mood.is_bad() {
        return 0;
    }
    let room = bulla::ffi::store::BULLA_REASON_TEXT;
    match mood.draw() % 4 {
        0 => {}
        1 => unsafe { words.copy_from_nonoverlapping(c"not here".as_ptr(), 9) },
        2 => unsafe { words.write_bytes(0xff, room) },
        _ => unsafe { words.write_bytes(0x61, room) },
    }
    [3, 1, 5, 6, 1023, 1024, 77, 0xffff, 0][mood.draw() as usize % 9]
}
