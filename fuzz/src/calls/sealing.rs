//! Making envelopes: at once, in pieces, beside their content.

use super::ledger::{Kind, Writing, copy};
use super::*;
use bulla::ffi::seal::*;

const BULLA_NOTHING: i32 = 102;
const KINDS: [Kind; 3] = [Kind::Sealed, Kind::Signed, Kind::Detached];

impl World {
    pub unsafe fn seal(&mut self, s: &mut Script<'_>) {
        let out = self.out(s);
        unsafe {
            match s.byte() % 11 {
                kind @ 0..=2 => self.seal_at_once(s, kind.into(), out),
                kind @ 3..=4 => self.begin(s, kind == 4, out),
                5 | 6 => self.write(s, out),
                7 | 8 => self.finish_writing(s, out),
                9 => self.sign_beside(s, out),
                _ => self.pad(s, out),
            }
        }
    }

    unsafe fn seal_at_once(&mut self, s: &mut Script<'_>, kind: usize, mut out: *mut bulla_buffer) {
        let (sealer, draft) = (self.sealers.pick(s), self.drafts.pick(s));
        unsafe {
            let (data, length) = self.input(s);
            let content = copy((data, length));
            let mut before = call!(bulla_buffer_length(out));
            let call = |out| match kind {
                0 => value!(bulla_seal(sealer, draft, data, length, out)),
                1 => value!(bulla_sign(sealer, draft, data, length, out)),
                _ => value!(bulla_sign_detached(sealer, draft, data, length, out)),
            };
            let (mut status, mut sent) = call(out);
            if status == 14 {
                (out, before) = (self.roomy(), 0);
                (status, sent) = call(out);
                assert_ne!(status, 14, "too small, and it grows");
                if status == 0 {
                    self.seal_tightly(call!(bulla_buffer_length(out)), &call);
                }
            }
            if let Some(sent) = sent {
                self.sent = sent;
                let writing = Writing {
                    envelope: since(out, before),
                    content,
                    kind: KINDS[kind],
                    reaches: self.ledger.reaching.contains(&sealer.addr()),
                    padded: false,
                };
                self.ledger.made(writing, &sent);
            }
        }
    }

    /// Where there is just room, and just not. Either may fail for another reason: clocks and holders of the host's do.
    unsafe fn seal_tightly(
        &mut self,
        length: usize,
        call: &impl Fn(*mut bulla_buffer) -> (i32, Option<bulla_sent>),
    ) {
        for room in [length.saturating_sub(2), length.saturating_sub(1), length] {
            unsafe {
                if wrap_in(&mut self.spares, room) == 0 {
                    let out = self.spares.last();
                    let (status, _) = call(out);
                    if room < length {
                        assert_ne!(status, 0, "sealed into less than it takes");
                    } else {
                        assert_ne!(status, 14, "too small, and it is what it takes");
                        let written = call!(bulla_buffer_length(out));
                        assert_eq!(written, if status == 0 { length } else { 0 });
                    }
                }
            }
        }
    }

    pub unsafe fn begin(&mut self, s: &mut Script<'_>, signed: bool, out: *mut bulla_buffer) {
        let (sealer, draft, length) = (self.sealers.pick(s), self.drafts.pick(s), s.number());
        unsafe {
            let before = call!(bulla_buffer_length(out));
            let status = if signed {
                take!(
                    self.seal_streams,
                    bulla_sign_stream_new(sealer, draft, length, out)
                )
            } else {
                take!(
                    self.seal_streams,
                    bulla_seal_stream_new(sealer, draft, length, out)
                )
            };
            if status == 0 {
                let writing = Writing {
                    envelope: since(out, before),
                    content: Vec::new(),
                    kind: KINDS[usize::from(signed)],
                    reaches: self.ledger.reaching.contains(&sealer.addr()),
                    padded: false,
                };
                let stream = self.seal_streams.last();
                self.ledger.writing.insert(stream.addr(), writing);
            }
        }
    }

    pub unsafe fn write(&mut self, s: &mut Script<'_>, out: *mut bulla_buffer) {
        let stream = self.seal_streams.pick(s);
        unsafe {
            let (data, length) = self.input(s);
            let content = copy((data, length));
            let before = call!(bulla_buffer_length(out));
            let status = judge!(bulla_seal_stream_update(stream, data, length, out));
            if status == 0 {
                let writing = self.ledger.writing.get_mut(&stream.addr()).unwrap();
                writing.content.extend_from_slice(&content);
                writing.envelope.extend(since(out, before));
            }
            self.sealing_failed(status, stream);
        }
    }

    /// Some of the padding, or the word that there is none left.
    unsafe fn pad(&mut self, s: &mut Script<'_>, out: *mut bulla_buffer) {
        let stream = self.seal_streams.pick(s);
        unsafe {
            let before = call!(bulla_buffer_length(out));
            let status = judge!(bulla_seal_stream_pad(stream, out));
            if status == 0 {
                let writing = self.ledger.writing.get_mut(&stream.addr()).unwrap();
                writing.envelope.extend(since(out, before));
            }
            if (status == 0 || status == BULLA_NOTHING)
                && let Some(writing) = self.ledger.writing.get_mut(&stream.addr())
            {
                writing.padded = true;
            }
            self.sealing_failed(status, stream);
        }
    }

    pub unsafe fn finish_writing(&mut self, s: &mut Script<'_>, out: *mut bulla_buffer) {
        let stream = self.seal_streams.pick(s);
        unsafe {
            let before = call!(bulla_buffer_length(out));
            let (status, sent) = value!(bulla_seal_stream_finish(stream, out));
            if let Some(sent) = sent {
                self.sent = sent;
                let mut writing = self.ledger.writing.remove(&stream.addr()).unwrap();
                writing.envelope.extend(since(out, before));
                self.ledger.made(writing, &sent);
            }
            self.sealing_over(status, stream);
        }
    }

    unsafe fn sign_beside(&mut self, s: &mut Script<'_>, out: *mut bulla_buffer) {
        let (sealer, draft, signer) = (
            self.sealers.pick(s),
            self.drafts.pick(s),
            self.detached_signers.pick(s),
        );
        unsafe {
            match s.byte() % 3 {
                0 => {
                    let status = take!(
                        self.detached_signers,
                        bulla_detached_signer_new(sealer, draft)
                    );
                    if status == 0 {
                        let writing = Writing {
                            envelope: Vec::new(),
                            content: Vec::new(),
                            kind: Kind::Detached,
                            reaches: false,
                            padded: false,
                        };
                        let signer = self.detached_signers.last();
                        self.ledger.writing.insert(signer.addr(), writing);
                    }
                }
                1 => {
                    let (data, length) = self.input(s);
                    let content = copy((data, length));
                    let status = judge!(bulla_detached_signer_update(signer, data, length));
                    if status == 0 {
                        let writing = self.ledger.writing.get_mut(&signer.addr()).unwrap();
                        writing.content.extend_from_slice(&content);
                    }
                }
                _ => {
                    let before = call!(bulla_buffer_length(out));
                    let (status, sent) = value!(bulla_detached_signer_finish(signer, out));
                    if let Some(sent) = sent {
                        self.sent = sent;
                        let mut writing = self.ledger.writing.remove(&signer.addr()).unwrap();
                        writing.envelope.extend(since(out, before));
                        self.ledger.made(writing, &sent);
                    }
                    self.signing_over(status, signer);
                }
            }
        }
    }
}
