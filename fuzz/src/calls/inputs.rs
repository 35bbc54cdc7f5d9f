//! What calls are given: bytes from anywhere, and places for what they give.

use super::*;

/// Content of several chunks.
static LONG: LazyLock<Vec<u8>> = LazyLock::new(|| bulla_forge::bytes("long content", 50_000));

/// How much of what is left is fed at once: everything between nothing and all of it.
pub fn piece_length(count: u8, rest: usize) -> usize {
    match usize::from(count) {
        101.. => rest,
        count => rest.min(2 * count * count),
    }
}

impl World {
    /// A buffer to write to: mostly one that is there, now and then a new one of the program's own memory.
    pub fn out(&mut self, s: &mut Script<'_>) -> *mut bulla_buffer {
        match s.byte() {
            0..180 => self.buffers.pick(s),
            _ => {
                // SAFETY: the memory is as long as said.
                unsafe { self.wrap(s.byte().into()) };
                self.buffers.last()
            }
        }
    }

    /// A new buffer that grows, until the end of the step: one more among the others could push out the one in use.
    pub unsafe fn roomy(&mut self) -> *mut bulla_buffer {
        unsafe { take!(self.spares, bulla_buffer_new()) };
        self.spares.last()
    }

    /// Bytes to give to a call, in memory that may belong to the very handles that it is about: they are good until then.
    pub unsafe fn input(&mut self, s: &mut Script<'_>) -> (*const u8, usize) {
        let envelopes = &self.ledger.envelopes;
        let kind = s.byte() % 10;
        unsafe {
            match kind {
                0 | 1 => s.slice(),
                2 | 3 => self.in_buffer(s, kind == 2),
                4 => self.in_handle(s),
                // More than a chunk.
                9 => {
                    let (start, length) = (s.byte().into(), usize::from(s.byte()) * 160);
                    (LONG[start..].as_ptr(), length)
                }
                _ if envelopes.is_empty() => s.slice(),
                5 => {
                    // Changed on its way.
                    let at = usize::from(s.byte());
                    self.scratch = envelopes[at % envelopes.len()].to_vec();
                    let place = (usize::from(s.byte()) * self.scratch.len()) >> 8;
                    self.scratch[place] ^= s.byte();
                    (self.scratch.as_ptr(), self.scratch.len())
                }
                _ => {
                    let envelope = &envelopes[usize::from(s.byte()) % envelopes.len()];
                    (envelope.as_ptr(), envelope.len())
                }
            }
        }
    }

    /// All that is in a buffer, or a piece of it.
    unsafe fn in_buffer(&self, s: &mut Script<'_>, whole: bool) -> (*const u8, usize) {
        let buffer = self.buffers.pick(s);
        unsafe {
            let (data, length) = (
                call!(bulla_buffer_data(buffer)),
                call!(bulla_buffer_length(buffer)),
            );
            if whole || data.is_null() {
                return (data, length);
            }
            let start = length.min(s.byte().into());
            (data.add(start), (length - start).min(s.byte().into()))
        }
    }

    /// What a handle shows of itself.
    unsafe fn in_handle(&self, s: &mut Script<'_>) -> (*const u8, usize) {
        unsafe {
            let stamp = match s.byte() % 6 {
                0 => call!(bulla_lease_stamp(self.leases.pick(s))),
                2 => call!(bulla_message_stamp(self.messages.pick(s))),
                4 => call!(bulla_answer_stamp(self.answers.pick(s))),
                5 => call!(bulla_open_stream_stamp(self.open_streams.pick(s))),
                other => {
                    let view = if other == 1 {
                        call!(bulla_answer_receipt(self.answers.pick(s)))
                    } else {
                        call!(bulla_receipt_context(self.receipts.pick(s)))
                    };
                    return (view.data, view.length);
                }
            };
            let view = call!(bulla_stamp_context(stamp));
            (view.data, view.length)
        }
    }

    /// Clears a buffer, appends to it, or makes one of the program's own memory in which something has just room, or just not.
    pub unsafe fn fill(&mut self, s: &mut Script<'_>) {
        let (out, how) = (self.out(s), s.byte() % 4);
        unsafe {
            if how == 0 {
                call!(bulla_buffer_clear(out));
                return watch::cleared(out);
            }
            let (data, length) = self.input(s);
            if how == 1 {
                let before = call!(bulla_buffer_length(out));
                let status = judge!(bulla_buffer_append(out, data, length));
                let added = if status == 0 { length } else { 0 };
                assert_eq!(call!(bulla_buffer_length(out)), before + added);
                return;
            }
            let content = ledger::copy((data, length));
            let short = usize::from(how == 3).min(content.len());
            let room = content.len() - short;
            if wrap_in(&mut self.spares, room) != 0 {
                return;
            }
            let buffer = self.spares.last();
            let (data, length) = (content.as_ptr(), content.len());
            let status = judge!(bulla_buffer_append(buffer, data, length));
            assert_eq!(status, if short == 0 { 0 } else { 14 }, "of {room} bytes");
            let written = if short == 0 { length } else { 0 };
            assert_eq!(call!(bulla_buffer_length(buffer)), written);
        }
    }
}
