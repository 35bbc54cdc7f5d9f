//! Identities and their keys: made, written to files, read again, rotated.

use super::beside::FOLDER;
use super::hosts::Mood;
use super::*;
use bulla::ffi::keys::*;
use bulla::ffi::public::*;
use bulla::ffi::types::bulla_key;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

impl World {
    pub unsafe fn key(&mut self, s: &mut Script<'_>) {
        let (identity, public, number) =
            (self.identities.pick(s), self.publics.pick(s), s.number());
        unsafe {
            match s.byte() % 12 {
                0 | 1 => {
                    let mood = Mood::new(s.byte(), s.byte());
                    self.make_external(s.byte(), mood);
                }
                2 => {
                    self.make_public(s);
                }
                3 => self.read_line(s, public),
                4 => {
                    take!(self.identities, bulla_identity_generate());
                }
                5 => self.in_file(s, identity),
                6 => {
                    judge!(bulla_identity_rotate(identity, number));
                }
                7 => {
                    value!(bulla_identity_destroy_expired(identity, number));
                }
                8 => {
                    let index = number as usize;
                    value!(bulla_identity_generation(identity, index));
                    value!(bulla_public_encryption_key(public, index));
                }
                9 => {
                    let out = self.out(s);
                    let key: Option<bulla_key> = value!(bulla_public_key(public)).1;
                    let key = key.unwrap_or_else(|| bulla_key {
                        bytes: [s.byte(); 32],
                    });
                    judge!(bulla_key_text(&raw const key, out));
                }
                10 => {
                    let out = self.out(s);
                    judge!(bulla_identity_text(identity, core::ptr::null(), out));
                }
                _ => {
                    let out = self.out(s);
                    judge!(bulla_public_line(public, out));
                }
            }
        }
    }

    /// A line that is one, with something changed in it or not: what it says is who it was.
    unsafe fn read_line(&mut self, s: &mut Script<'_>, public: *const bulla_public) {
        unsafe {
            let out = self.roomy();
            if judge!(bulla_public_line(public, out)) != 0 {
                return;
            }
            let mut line = since(out, 0);
            let changed = s.byte();
            if changed != 0 {
                let at = usize::from(s.byte()) % line.len();
                line[at] ^= changed;
            }
            let Ok(line) = CString::new(line) else {
                return;
            };
            // Before the new one may push it out.
            let key: Option<bulla_key> = value!(bulla_public_key(public)).1;
            let status = take!(self.publics, bulla_public_parse(line.as_ptr()));
            assert!(status == 0 || changed != 0);
            if status == 0 {
                let read: Option<bulla_key> = value!(bulla_public_key(self.publics.last())).1;
                assert!(read.unwrap().bytes == key.unwrap().bytes, "another key");
            }
        }
    }

    /// Writes a key file and reads it again. One that is there is not written over, unless that is asked for.
    unsafe fn in_file(&mut self, s: &mut Script<'_>, identity: *const bulla_identity) {
        self.furnish_folder();
        let file = FOLDER.0.join("key");
        let there = file.exists();
        let name = CString::new(file.as_os_str().as_bytes()).unwrap();
        let (name, none) = (name.as_ptr(), core::ptr::null());
        unsafe {
            match s.byte() % 4 {
                0 | 1 => {
                    let status = judge!(bulla_identity_save(identity, name, none));
                    assert!(status != 0 || !there, "it was written over");
                }
                2 => {
                    judge!(bulla_identity_replace(identity, name, none));
                }
                _ => {
                    let word = c"not needed".as_ptr();
                    take!(self.identities, bulla_identity_load(name, word));
                }
            }
        }
    }
}
