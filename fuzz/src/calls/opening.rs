//! Opening envelopes: at once, in pieces, reserved, beside their content.

use super::ledger::{Reading, copy};
use super::*;
use bulla::ffi::open::{bulla_open, bulla_verify_detached};
use bulla::ffi::open_leased::*;

impl World {
    pub unsafe fn open(&mut self, s: &mut Script<'_>) {
        let (opener, out) = (self.openers.pick(s), self.out(s));
        unsafe {
            match s.byte() % 14 {
                0 | 1 => self.open_at_once(s, opener, out),
                2 => self.verify_beside(s, opener),
                3 | 4 => self.begin_reading(s, opener),
                5..=7 => self.read(s, out),
                8 => {
                    let stream = self.open_streams.pick(s);
                    let before = call!(bulla_buffer_length(out));
                    let status = judge!(bulla_open_stream_settle_provisional(stream, out));
                    if status == 0 {
                        self.came(stream, out, before);
                    }
                }
                9 => self.finish_reading(s, out),
                10 => self.finish_leased(s, out),
                11 => {
                    let (stream, seconds) = (self.open_streams.pick(s), s.number());
                    let status = self.leased(stream.addr(), |lease, again, e| {
                        call!(bulla_open_stream_refuse_leased(
                            stream, seconds, lease, again, e
                        ))
                    });
                    self.reading_over(status, stream);
                }
                12 => self.open_leased(s, opener, out),
                _ => self.verify_in_pieces(s, opener),
            }
        }
    }

    /// An envelope without its content, and the content: its own, its own with a change, or any.
    unsafe fn verify_beside(&mut self, s: &mut Script<'_>, opener: *const bulla_opener) {
        let (how, own) = (s.byte() % 4, self.ledger.beside.clone());
        unsafe {
            let (data, length) = self.input(s);
            let (mut data, mut length) = (data, length);
            let content = match &own {
                Some((envelope, content)) if how > 1 => {
                    (data, length) = (envelope.as_ptr(), envelope.len());
                    let mut content = content.to_vec();
                    if how == 3 {
                        content.push(s.byte());
                    }
                    content
                }
                _ => copy(self.input(s)),
            };
            let (at, size) = (content.as_ptr(), content.len());
            let status = take!(
                self.messages,
                bulla_verify_detached(opener, data, length, at, size)
            );
            if status == 0 {
                self.opened(opener, &content);
            }
        }
    }

    unsafe fn open_at_once(
        &mut self,
        s: &mut Script<'_>,
        opener: *mut bulla_opener,
        mut out: *mut bulla_buffer,
    ) {
        unsafe {
            let (data, length) = self.input(s);
            let mut before = call!(bulla_buffer_length(out));
            let mut status = take!(self.messages, bulla_open(opener, data, length, out));
            if status == 14 {
                (out, before) = (self.roomy(), 0);
                status = take!(self.messages, bulla_open(opener, data, length, out));
                assert_ne!(status, 14, "too small, and it grows");
            }
            if status == 0 {
                let content = since(out, before);
                self.opened(opener, &content);
            }
        }
    }

    unsafe fn open_leased(
        &mut self,
        s: &mut Script<'_>,
        opener: *mut bulla_opener,
        out: *mut bulla_buffer,
    ) {
        unsafe {
            let (data, length) = self.input(s);
            let before = call!(bulla_buffer_length(out));
            let status = self.leased(opener.addr(), |lease, again, e| {
                call!(bulla_open_leased(
                    opener, data, length, 60, out, lease, again, e
                ))
            });
            match status {
                0 => {
                    let stamp = call!(bulla_lease_stamp(self.leases.last()));
                    self.ledger.reserved(stamp, &since(out, before));
                }
                101 => assert_eq!(call!(bulla_buffer_length(out)), before),
                _ => {}
            }
        }
    }

    pub unsafe fn begin_reading(&mut self, s: &mut Script<'_>, opener: *mut bulla_opener) {
        let status = self.open_streams.take(done, |place, e| unsafe {
            call!(bulla_open_stream_new(opener, place, e))
        });
        if status == 0 {
            let envelopes = &self.ledger.envelopes;
            let envelope = envelopes.get(usize::from(s.byte() & 7)).cloned();
            let reading = Reading {
                envelope: envelope.or_else(|| envelopes.last().cloned()),
                ..Default::default()
            };
            let stream = self.open_streams.last();
            self.ledger.reading.insert(stream.addr(), reading);
            self.promises.pass(opener, stream);
        }
    }

    /// Feeds the next piece of its envelope to a stream, or now and then anything.
    pub unsafe fn read(&mut self, s: &mut Script<'_>, out: *mut bulla_buffer) {
        let (stream, kind, count) = (self.open_streams.pick(s), s.byte(), s.byte());
        let mut piece = None;
        if let Some(reading) = self.ledger.reading.get_mut(&stream.addr())
            && kind < 230
            && let Some(envelope) = &reading.envelope
        {
            let rest = &envelope[reading.at..];
            let count = piece_length(count, rest.len());
            reading.at += count;
            piece = Some((rest.as_ptr(), count));
        }
        unsafe {
            let (data, length) = match piece {
                Some(piece) => piece,
                None => self.input(s),
            };
            let before = call!(bulla_buffer_length(out));
            let status = judge!(bulla_open_stream_update_provisional(
                stream, data, length, out
            ));
            if status == 0 {
                self.came(stream, out, before);
            }
            self.reading_failed(status, stream);
        }
    }

    pub unsafe fn finish_reading(&mut self, s: &mut Script<'_>, mut out: *mut bulla_buffer) {
        let stream = self.open_streams.pick(s);
        unsafe {
            let mut before = call!(bulla_buffer_length(out));
            let mut status = take!(self.messages, bulla_open_stream_finish(stream, out));
            if status == 14 {
                (out, before) = (self.roomy(), 0);
                status = take!(self.messages, bulla_open_stream_finish(stream, out));
                assert!(status != 14 && status != 13, "it cannot be tried again");
            }
            if status == 0 {
                self.came(stream, out, before);
                let reading = self.ledger.reading.remove(&stream.addr()).unwrap();
                self.opened(stream, &reading.content);
            }
            self.reading_over(status, stream);
        }
    }

    pub unsafe fn finish_leased(&mut self, s: &mut Script<'_>, mut out: *mut bulla_buffer) {
        let (stream, seconds) = (self.open_streams.pick(s), s.number());
        unsafe {
            let mut before = call!(bulla_buffer_length(out));
            let mut status = self.leased(stream.addr(), |lease, again, e| {
                call!(bulla_open_stream_finish_leased(
                    stream, seconds, out, lease, again, e
                ))
            });
            if status == 14 {
                (out, before) = (self.roomy(), 0);
                status = self.leased(stream.addr(), |lease, again, e| {
                    call!(bulla_open_stream_finish_leased(
                        stream, seconds, out, lease, again, e
                    ))
                });
                assert!(status != 14 && status != 13, "it cannot be tried again");
            }
            if status == 0 {
                self.came(stream, out, before);
                let reading = self.ledger.reading.remove(&stream.addr()).unwrap();
                let stamp = call!(bulla_lease_stamp(self.leases.last()));
                self.ledger.reserved(stamp, &reading.content);
            }
            self.reading_over(status, stream);
        }
    }

    /// A message was accepted, and this is all that came out of an opener or a stream for it.
    unsafe fn opened<T>(&mut self, opener: *const T, content: &[u8]) {
        let message = self.messages.last();
        unsafe {
            self.ledger.opened(message, content);
            self.promises.came(opener, message);
        }
    }

    /// Content came out of a stream.
    unsafe fn came(
        &mut self,
        stream: *mut bulla_open_stream,
        out: *mut bulla_buffer,
        before: usize,
    ) {
        let reading = self.ledger.reading.get_mut(&stream.addr()).unwrap();
        reading.content.extend(unsafe { since(out, before) });
    }

    unsafe fn verify_in_pieces(&mut self, s: &mut Script<'_>, opener: *mut bulla_opener) {
        let stream = self.detached_streams.pick(s);
        unsafe {
            match s.byte() % 4 {
                0 | 1 => {
                    let (data, length) = self.input(s);
                    let status = take!(
                        self.detached_streams,
                        bulla_detached_stream_new(opener, data, length)
                    );
                    if status == 0 {
                        let stream = self.detached_streams.last();
                        self.promises.pass(opener, stream);
                        self.ledger
                            .reading
                            .insert(stream.addr(), Reading::default());
                    }
                }
                2 => {
                    let (data, length) = self.input(s);
                    let status = judge!(bulla_detached_stream_update(stream, data, length));
                    if status == 0 {
                        let reading = self.ledger.reading.get_mut(&stream.addr()).unwrap();
                        reading.content.extend(copy((data, length)));
                    }
                }
                _ => {
                    let status = take!(self.messages, bulla_detached_stream_finish(stream));
                    if status == 0 {
                        let reading = self.ledger.reading.remove(&stream.addr()).unwrap();
                        self.opened(stream, &reading.content);
                    }
                    self.verifying_over(status, stream);
                }
            }
        }
    }

    /// A call of what is at an address that gives a lease, or what became of the message before.
    pub unsafe fn leased(
        &mut self,
        from: usize,
        call: impl FnOnce(*mut *mut bulla_lease, *mut *mut bulla_answer, *mut bulla_error) -> i32,
    ) -> i32 {
        let Self {
            leases, answers, ..
        } = self;
        let given = |status| matches!(status, 0 | 103 | 104 | 107);
        // Two places, of which an answer writes to one; the error is judged once.
        let status = leases.take(given, |lease, error| {
            answers.take_with(
                |status| status == 101,
                error,
                |again, error| call(lease, again, error),
            )
        });
        let from = core::ptr::without_provenance::<u8>(from);
        unsafe {
            if given(status) {
                self.promises.reserved(from, self.leases.last());
            } else if status == 101 {
                self.promises.again(from, self.answers.last());
            }
        }
        status
    }
}
