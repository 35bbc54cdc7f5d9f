//! What stands beside messages: armor, audits, random access, the store.

use super::hosts::{self, Mood};
use super::ledger::copy;
use super::*;
use bulla::ffi::audit::*;
use bulla::ffi::store::*;
use bulla::ffi::store_stream::*;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::LazyLock;

/// Where files are stored, in memory if there is such a place: a sync of a disk takes too long here.
pub static FOLDER: LazyLock<(PathBuf, CString)> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    let folder = parent.join(format!("bulla-fuzz-calls-{}", std::process::id()));
    let name = CString::new(folder.as_os_str().as_bytes()).unwrap();
    (folder, name)
});

impl World {
    pub unsafe fn armor(&mut self, s: &mut Script<'_>) {
        let (what, out) = (u32::from(s.byte() % 6), self.out(s));
        let (writer, reader) = (self.armor_writers.pick(s), self.armor_readers.pick(s));
        unsafe {
            let (data, length) = self.input(s);
            let before = call!(bulla_buffer_length(out));
            match s.byte() % 8 {
                0 => {
                    let content = copy((data, length));
                    if judge!(bulla_armor(what, data, length, out)) == 0 {
                        // What was armored is what comes out of it, to the same buffer.
                        let text = since(out, before);
                        let at = call!(bulla_buffer_length(out));
                        let (text, size) = (text.as_ptr(), text.len());
                        let back = judge!(bulla_dearmor(what, text, size, out));
                        assert!(back == 14 || (back == 0 && since(out, at) == content));
                    }
                }
                1 => {
                    judge!(bulla_dearmor(what, data, length, out));
                }
                2 => {
                    take!(self.armor_writers, bulla_armor_writer_new(what));
                }
                3 => {
                    judge!(bulla_armor_writer_update(writer, data, length, out));
                }
                4 => {
                    let status = judge!(bulla_armor_writer_finish(writer, out));
                    self.armoring_over(status, writer);
                }
                5 => {
                    take!(self.armor_readers, bulla_armor_reader_new(what));
                }
                6 => {
                    let status = judge!(bulla_armor_reader_update(reader, data, length, out));
                    self.text_failed(status, reader);
                }
                _ => {
                    let status = judge!(bulla_armor_reader_finish(reader));
                    self.text_over(status, reader);
                }
            }
        }
    }

    pub unsafe fn audit(&mut self, s: &mut Script<'_>) {
        let (identity, clock, out) = (self.identities.pick(s), self.clocks.pick(s), self.out(s));
        let (question, prover, asked, proof) = (
            self.questions.pick(s),
            self.provers.pick(s),
            self.askeds.pick(s),
            self.proofs.pick(s),
        );
        unsafe {
            let before = call!(bulla_buffer_length(out));
            match s.byte() % 10 {
                0 => {
                    let (holder, sent) = (self.publics.pick(s), &raw const self.sent);
                    let context = c"fuzz".as_ptr();
                    take!(
                        self.questions,
                        bulla_question_ask(identity, clock, holder, context, sent, out)
                    )
                }
                1 => judge!(bulla_question_to_bytes(question, out)),
                2 => {
                    let (data, length) = self.input(s);
                    take!(self.questions, bulla_question_from_bytes(data, length))
                }
                3 => {
                    seen(call!(bulla_question_context(question)));
                    // Now and then one that belongs to what was asked.
                    let inner = call!(bulla_asked_question(asked));
                    let question = if inner.is_null() { question } else { inner };
                    take!(self.provers, bulla_question_prover(question))
                }
                4 => {
                    let (data, length) = self.input(s);
                    judge!(bulla_prover_update(prover, data, length))
                }
                5 => self.finish_proof(prover),
                6 => {
                    let (policy, guard) = (self.policies.pick(s), self.guards.pick(s));
                    let (data, length) = self.input(s);
                    take!(
                        self.askeds,
                        bulla_asked_open(identity, policy, guard, clock, data, length)
                    )
                }
                7 => judge!(bulla_asked_answer(asked, identity, clock, proof, out)),
                8 => judge!(bulla_asked_answer_not_held(asked, identity, clock, out)),
                _ => {
                    let (data, length) = self.input(s);
                    take!(
                        self.proofs,
                        bulla_question_answer(question, identity, clock, data, length)
                    )
                }
            };
            let after = since(out, before);
            if !after.is_empty() {
                self.ledger.keep(after);
            }
        }
    }

    unsafe fn finish_proof(&mut self, prover: *mut bulla_prover) -> i32 {
        unsafe {
            let status = take!(self.proofs, bulla_prover_finish(prover));
            self.proving_over(status, prover);
            status
        }
    }

    pub unsafe fn file(&mut self, s: &mut Script<'_>) {
        let (opener, out, file, verified) = (
            self.openers.pick(s),
            self.out(s),
            self.provisional_files.pick(s),
            self.verified_files.pick(s),
        );
        let (offset, length) = (s.number(), usize::from(s.byte()) * 16);
        unsafe {
            let before = call!(bulla_buffer_length(out));
            match s.byte() % 7 {
                6 => self.file_on_disk(s, opener),
                0 | 1 => self.file_of_source(s, opener),
                2 => {
                    judge!(bulla_provisional_file_read(file, offset, length, out));
                }
                3 => {
                    look(call!(bulla_provisional_file_stamp(file)));
                    let _ = call!(bulla_provisional_file_content_length(file));
                }
                4 => self.verify_file(file),
                _ => {
                    let status = judge!(bulla_verified_file_read(verified, offset, length, out));
                    if status == 0 {
                        let content = &self.verified[&verified.addr()];
                        let start = content.len().min(offset as usize);
                        let end = content.len().min(start + length);
                        assert!(since(out, before) == content[start..end], "other content");
                    }
                }
            }
        }
    }

    /// An envelope that the host reads.
    unsafe fn file_of_source(&mut self, s: &mut Script<'_>, opener: *const bulla_opener) {
        unsafe {
            let bytes = copy(self.input(s)).into();
            let mood = Mood::new(s.byte(), s.byte());
            let store = Box::into_raw(Box::new(hosts::Store { bytes, mood }));
            let source = hosts::source(store);
            let status = take!(
                self.provisional_files,
                bulla_provisional_file_of_source(opener, &raw const source)
            );
            if status != 0 {
                // It is still the host's.
                drop(Box::from_raw(store));
            } else {
                self.promises.pass(opener, self.provisional_files.last());
            }
        }
    }

    unsafe fn verify_file(&mut self, file: *mut bulla_provisional_file) {
        let Self {
            verified_files,
            messages,
            ..
        } = self;
        unsafe {
            let status = verified_files.take(done, |place, error| {
                messages.take_with(done, error, |message, error| {
                    call!(bulla_provisional_file_verify(file, place, message, error))
                })
            });
            if status == 0 {
                let message = self.messages.last();
                self.promises.came(file, message);
                let content = self.ledger.known(message);
                let verified = self.verified_files.last();
                self.verified.insert(verified.addr(), content);
            }
            self.file_over(status, file);
        }
    }

    /// To a name of its own, to one that is suggested, or to one where the very content is already, or another.
    unsafe fn store_to(&mut self, s: &mut Script<'_>, store: *const bulla_store) {
        self.furnish_folder();
        let (choice, file) = (s.byte() % 4, FOLDER.0.join("stored"));
        let kind = [2, 3, 1, 1][usize::from(choice)];
        let name = if kind == 1 {
            if choice == 3 {
                std::fs::write(&file, b"another").unwrap();
            } else if let Some(content) = self.ledger.content(&self.sent.header_digest) {
                std::fs::write(&file, content).unwrap();
            }
            CString::new(file.as_os_str().as_bytes()).unwrap()
        } else {
            FOLDER.1.clone()
        };
        unsafe {
            let status = take!(
                self.store_streams,
                bulla_store_stream_new(store, kind, name.as_ptr())
            );
            if status == 0 {
                let stream = self.store_streams.last();
                self.promises.pass(store, stream);
                self.pushed.insert(stream.addr(), 0);
            }
        }
    }

    /// The next piece of the newest envelope.
    unsafe fn push(&mut self, s: &mut Script<'_>, stream: *mut bulla_store_stream) {
        let count = s.byte();
        let Some(envelope) = self.ledger.envelopes.last().map(Rc::clone) else {
            return;
        };
        let at = self.pushed.entry(stream.addr()).or_default();
        let rest = &envelope[envelope.len().min(*at)..];
        let piece = &rest[..piece_length(count, rest.len())];
        *at += piece.len();
        unsafe {
            judge!(bulla_store_stream_update(
                stream,
                piece.as_ptr(),
                piece.len()
            ));
            look(call!(bulla_store_stream_stamp(stream)));
        }
    }

    /// Goes on with what was cut off, and feeds the rest of it or leaves that.
    unsafe fn resume(&mut self, s: &mut Script<'_>, store: *const bulla_store) {
        let (sent, name) = (self.sent.header_digest, FOLDER.1.as_ptr());
        let header = &raw const sent;
        unsafe {
            let held: Option<u64> = value!(bulla_store_held(store, header)).1;
            let status = take!(
                self.store_streams,
                bulla_store_stream_resume(store, header, 2, name)
            );
            if status != 0 {
                return;
            }
            let stream = self.store_streams.last();
            self.promises.pass(store, stream);
            if s.byte() & 1 == 0 {
                // What is held was put by this script: it is no longer than the envelope.
                let held = held.unwrap() as usize;
                let whole = Rc::clone(&self.ledger.whole[&sent.bytes]);
                let rest = &whole[held.min(whole.len())..];
                judge!(bulla_store_stream_update(stream, rest.as_ptr(), rest.len()));
            }
        }
    }

    /// An envelope in a file.
    unsafe fn file_on_disk(&mut self, s: &mut Script<'_>, opener: *const bulla_opener) {
        self.furnish_folder();
        let file = FOLDER.0.join("envelope");
        let name = CString::new(file.as_os_str().as_bytes()).unwrap();
        unsafe {
            std::fs::write(&file, copy(self.input(s))).unwrap();
            let status = take!(
                self.provisional_files,
                bulla_provisional_file_open(opener, name.as_ptr())
            );
            if status == 0 {
                self.promises.pass(opener, self.provisional_files.last());
            }
        }
    }

    pub unsafe fn store(&mut self, s: &mut Script<'_>) {
        let (opener, store, stream) = (
            self.openers.pick(s),
            self.stores.pick(s),
            self.store_streams.pick(s),
        );
        let name = &FOLDER.1;
        unsafe {
            match s.byte() % 12 {
                0 | 1 => {
                    if take!(self.stores, bulla_store_new(opener, 60)) == 0 {
                        self.promises.pass(opener, self.stores.last());
                    }
                }
                2 => {
                    let length = s.number();
                    judge!(bulla_store_max_content(store, length));
                }
                3 => {
                    let (envelopes, length) = (s.byte().into(), s.number());
                    judge!(bulla_store_resumable(
                        store,
                        name.as_ptr(),
                        envelopes,
                        length
                    ));
                }
                4 => {
                    self.store_to(s, store);
                }
                5 | 6 => self.push(s, stream),
                7 => {
                    let (data, length) = self.input(s);
                    judge!(bulla_store_stream_update(stream, data, length));
                    look(call!(bulla_store_stream_stamp(stream)));
                }
                8 => self.resume(s, store),
                9 => {
                    self.furnish_folder();
                    let _: (_, Option<usize>) = value!(bulla_store_clean(store, name.as_ptr()));
                }
                11 => {
                    self.furnish_folder();
                    judge!(bulla_store_stream_retarget(stream, 2, name.as_ptr()));
                }
                _ => self.finish_storing(stream),
            }
        }
    }

    unsafe fn finish_storing(&mut self, stream: *mut bulla_store_stream) {
        unsafe {
            let status = self.leased(stream.addr(), |lease, again, e| {
                call!(bulla_store_stream_finish(stream, lease, again, e))
            });
            if status == 0 {
                let lease = self.leases.last();
                let path = call!(bulla_lease_path(lease));
                let path = std::slice::from_raw_parts(path.data, path.length);
                let content = std::fs::read(std::ffi::OsStr::from_bytes(path)).unwrap();
                let stamp = call!(bulla_lease_stamp(lease));
                self.ledger.reserved(stamp, &content);
            }
            self.storing_over(status, stream);
        }
    }
}

impl World {
    /// There is a folder from now on.
    pub fn furnish_folder(&mut self) {
        self.stored = true;
        std::fs::create_dir_all(&FOLDER.0).unwrap();
    }
}

/// What a script left behind.
pub fn sweep() {
    std::fs::remove_dir_all(&FOLDER.0).unwrap();
}
