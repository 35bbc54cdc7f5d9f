//! A message on its whole way, in pieces: what scripts of single calls come to too seldom. The rest of the script goes on
//! from there.

use super::hosts::Mood;
use super::*;

/// Picks what was made last.
const LAST: u8 = 254;

impl World {
    pub unsafe fn scene(&mut self, s: &mut Script<'_>) {
        let how = s.byte();
        unsafe {
            if how & 1 != 0 {
                self.make_host_guard(Mood::new(s.byte(), s.byte()), how & 2 != 0);
            }
            let newest = [LAST, LAST, 0];
            self.make_opener(&mut Script::new(&newest), READERS.identities[1]);
            if how & 4 != 0 {
                let (draft, alice) = (self.drafts.last(), READERS.publics[0]);
                let name = c"note".as_ptr();
                judge!(bulla_draft_attribute(draft, name, b"value".as_ptr(), 5));
                judge!(bulla_draft_ask_receipts(draft, 7, alice));
            }
            self.written(s);
            match how >> 5 {
                0..=3 => self.read_again(s, how),
                4 => self.stored(),
                5 => self.read_anywhere(s),
                6 => self.asked(),
                _ => self.posted(s),
            }
        }
    }

    /// Seals in pieces, of a length that is not known, to what may be too small for it.
    unsafe fn written(&mut self, s: &mut Script<'_>) {
        unsafe {
            let out = self.roomy();
            self.begin(&mut Script::new(&[0, LAST, 255]), false, out);
            for _ in 0..s.byte() % 4 {
                let mut piece = [0x61; 203];
                piece[..3].copy_from_slice(&[LAST, 0, s.byte().min(200)]);
                self.write(&mut Script::new(&piece), out);
            }
            let out = if s.byte() < 200 { out } else { self.out(s) };
            self.finish_writing(&mut Script::new(&[LAST]), out);
        }
    }

    unsafe fn read_again(&mut self, s: &mut Script<'_>, how: u8) {
        unsafe {
            self.begin_reading(&mut Script::new(&[7]), self.openers.last());
            for _ in 0..s.byte() % 3 {
                let out = self.out(s);
                self.read(&mut Script::new(&[LAST, 0, s.byte()]), out);
            }
            let out = self.roomy();
            self.read(&mut Script::new(&[LAST, 0, 255]), out);
            let out = self.out(s);
            match how >> 5 {
                0 => self.finish_reading(&mut Script::new(&[LAST]), out),
                3 => {}
                way => {
                    self.finish_leased(&mut Script::new(&[LAST, 60]), out);
                    if way == 2 {
                        self.receipted();
                    }
                }
            }
        }
    }

    /// Where the newest envelope is found by an input.
    fn newest(&self) -> [u8; 2] {
        [6, self.ledger.envelopes.len().saturating_sub(1) as u8]
    }

    /// Bob accepts the lease, and Alice gets his receipt.
    unsafe fn receipted(&mut self) {
        unsafe {
            self.answer(&mut Script::new(&[LAST, LAST, 0, 4]));
            let opened = [LAST, LAST, 0, 10, 0, LAST, 255, LAST, 1, LAST];
            self.answer(&mut Script::new(&opened));
        }
    }

    unsafe fn stored(&mut self) {
        let [kind, at] = self.newest();
        unsafe {
            self.store(&mut Script::new(&[LAST, LAST, LAST, 0]));
            self.store(&mut Script::new(&[LAST, LAST, LAST, 4, 0]));
            self.store(&mut Script::new(&[LAST, LAST, LAST, 7, kind, at]));
            self.store(&mut Script::new(&[LAST, LAST, LAST, 10]));
        }
    }

    unsafe fn read_anywhere(&mut self, s: &mut Script<'_>) {
        let [kind, at] = self.newest();
        let mut call = |rest: &[u8]| {
            let (offset, length) = (s.byte(), s.byte());
            let script = [&[LAST, 0, 0, LAST, LAST, offset, length], rest].concat();
            unsafe { self.file(&mut Script::new(&script)) };
        };
        call(&[0, kind, at, 0, 0]);
        call(&[2]);
        call(&[4]);
        call(&[5]);
    }

    /// Alice asks whether Bob still has it, and he says no.
    unsafe fn asked(&mut self) {
        let call = |world: &mut Self, who: u8, rest: &[u8]| {
            let script = [&[who, 255, 0, 0, LAST, LAST, LAST, LAST], rest].concat();
            unsafe { world.audit(&mut Script::new(&script)) };
        };
        call(self, 0, &[0, LAST]);
        let [kind, at] = self.newest();
        call(self, 1, &[6, LAST, LAST, kind, at]);
        call(self, 1, &[8]);
        let [kind, at] = self.newest();
        call(self, 0, &[9, kind, at]);
    }

    /// Alice keeps it in an outbox, sends it to Bob, and what he says settles it.
    unsafe fn posted(&mut self, s: &mut Script<'_>) {
        let [kind, at] = self.newest();
        let call = |world: &mut Self, rest: &[u8]| unsafe { world.post(&mut Script::new(rest)) };
        call(self, &[1, LAST, LAST, LAST, 0, 0]);
        call(self, &[1, LAST, LAST, LAST, 1, LAST, 0, 0, 0]);
        call(self, &[0, LAST, 100, 0, 1, 0, 1]);
        call(self, &[0, LAST, 0, 2]);
        call(self, &[0, LAST, 0, 3]);
        call(self, &[1, LAST, LAST, LAST, 2, kind, at]);
        call(self, &[2, LAST, LAST, LAST, 0, 0, 10]);
        call(self, &[2, LAST, LAST, LAST, 0, 3]);
        call(self, &[2, LAST, LAST, LAST, 0, 4, 0]);
        // Bob takes it in, reserved, and answers.
        unsafe { self.read_again(s, 2 << 5) };
        for _ in 0..2 {
            call(self, &[3, LAST, 0, 4, 0, 255, 1, LAST]);
        }
        call(self, &[3, LAST, 0, 1, 0, 10]);
        call(self, &[3, LAST, 0, 3, LAST, LAST]);
    }
}
