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
static FOLDER: LazyLock<(PathBuf, CString)> = LazyLock::new(|| {
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
            let before = bulla_buffer_length(out);
            let status = match s.byte() % 8 {
                0 => {
                    let content = copy((data, length));
                    let status = judged(|e| bulla_armor(what, data, length, out, e));
                    if status == 0 {
                        // What was armored is what comes out of it, to the same buffer.
                        let text = since(out, before);
                        let at = bulla_buffer_length(out);
                        let (text, size) = (text.as_ptr(), text.len());
                        let back = judged(|e| bulla_dearmor(what, text, size, out, e));
                        assert!(back == 14 || (back == 0 && since(out, at) == content));
                    }
                    status
                }
                1 => judged(|e| bulla_dearmor(what, data, length, out, e)),
                2 => self
                    .armor_writers
                    .take(done, |place, e| bulla_armor_writer_new(what, place, e)),
                3 => judged(|e| bulla_armor_writer_update(writer, data, length, out, e)),
                4 => judged(|e| bulla_armor_writer_finish(writer, out, e)),
                5 => self
                    .armor_readers
                    .take(done, |place, e| bulla_armor_reader_new(what, place, e)),
                6 => judged(|e| bulla_armor_reader_update(reader, data, length, out, e)),
                _ => judged(|e| bulla_armor_reader_finish(reader, e)),
            };
            assert!(status == 0 || bulla_buffer_length(out) == before);
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
            let before = bulla_buffer_length(out);
            let status = match s.byte() % 10 {
                0 => {
                    let (holder, sent) = (self.publics.pick(s), &raw const self.sent);
                    let context = c"fuzz".as_ptr();
                    self.questions.take(done, |place, e| {
                        bulla_question_ask(identity, clock, holder, context, sent, out, place, e)
                    })
                }
                1 => judged(|e| bulla_question_to_bytes(question, out, e)),
                2 => {
                    let (data, length) = self.input(s);
                    self.questions.take(done, |place, e| {
                        bulla_question_from_bytes(data, length, place, e)
                    })
                }
                3 => {
                    seen(bulla_question_context(question));
                    // Now and then one that belongs to what was asked.
                    let inner = bulla_asked_question(asked);
                    let question = if inner.is_null() { question } else { inner };
                    self.provers
                        .take(done, |place, e| bulla_question_prover(question, place, e))
                }
                4 => {
                    let (data, length) = self.input(s);
                    judged(|e| bulla_prover_update(prover, data, length, e))
                }
                5 => self
                    .proofs
                    .take(done, |place, e| bulla_prover_finish(prover, place, e)),
                6 => {
                    let (policy, guard) = (self.policies.pick(s), self.guards.pick(s));
                    let (data, length) = self.input(s);
                    self.askeds.take(done, |place, e| {
                        bulla_asked_open(identity, policy, guard, clock, data, length, place, e)
                    })
                }
                7 => judged(|e| bulla_asked_answer(asked, identity, clock, proof, out, e)),
                8 => judged(|e| bulla_asked_answer_not_held(asked, identity, clock, out, e)),
                _ => {
                    let (data, length) = self.input(s);
                    self.proofs.take(done, |place, e| {
                        bulla_question_answer(question, identity, clock, data, length, place, e)
                    })
                }
            };
            let after = since(out, before);
            assert!(status == 0 || after.is_empty());
            if !after.is_empty() {
                self.ledger.keep(after);
            }
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
            let before = bulla_buffer_length(out);
            let status = match s.byte() % 6 {
                0 | 1 => {
                    let bytes = copy(self.input(s)).into();
                    let mood = Mood::new(s.byte(), s.byte());
                    let store = Box::into_raw(Box::new(hosts::Store { bytes, mood }));
                    let source = hosts::source(store);
                    let status = self.provisional_files.take(done, |place, e| {
                        bulla_provisional_file_of_source(opener, &raw const source, place, e)
                    });
                    if status != 0 {
                        // It is still the host's.
                        drop(Box::from_raw(store));
                    }
                    status
                }
                2 => judged(|e| bulla_provisional_file_read(file, offset, length, out, e)),
                3 => {
                    look(bulla_provisional_file_stamp(file));
                    let _ = bulla_provisional_file_content_length(file);
                    0
                }
                4 => {
                    let Self {
                        verified_files,
                        messages,
                        ..
                    } = self;
                    let status = verified_files.take(done, |place, error| {
                        messages.take_with(done, error, |message, error| {
                            bulla_provisional_file_verify(file, place, message, error)
                        })
                    });
                    if status == 0 {
                        let content = self.ledger.known(self.messages.last());
                        let file = self.verified_files.last();
                        self.verified.insert(file.addr(), content);
                    }
                    status
                }
                _ => {
                    let status =
                        judged(|e| bulla_verified_file_read(verified, offset, length, out, e));
                    if status == 0 {
                        let content = &self.verified[&verified.addr()];
                        let start = content.len().min(offset as usize);
                        let end = content.len().min(start + length);
                        assert!(since(out, before) == content[start..end], "other content");
                    }
                    status
                }
            };
            assert!(status == 0 || bulla_buffer_length(out) == before);
        }
    }

    pub unsafe fn store(&mut self, s: &mut Script<'_>) {
        let (opener, store, stream) = (
            self.openers.pick(s),
            self.stores.pick(s),
            self.store_streams.pick(s),
        );
        let (folder, name) = &*FOLDER;
        unsafe {
            match s.byte() % 10 {
                0 | 1 => {
                    self.stores
                        .take(done, |place, e| bulla_store_new(opener, 60, place, e));
                }
                2 => {
                    let length = s.number();
                    judged(|e| bulla_store_max_content(store, length, e));
                }
                3 => {
                    let (envelopes, length) = (s.byte().into(), s.number());
                    judged(|e| bulla_store_resumable(store, name.as_ptr(), envelopes, length, e));
                }
                4 | 5 => {
                    self.stored = true;
                    std::fs::create_dir_all(folder).unwrap();
                    let kind = u32::from(2 + s.byte() % 2);
                    self.store_streams.take(done, |place, e| {
                        bulla_store_stream_new(store, kind, name.as_ptr(), place, e)
                    });
                }
                6 | 7 => {
                    let (data, length) = self.input(s);
                    judged(|e| bulla_store_stream_update(stream, data, length, e));
                    look(bulla_store_stream_stamp(stream));
                }
                8 => {
                    let sent = &raw const self.sent.header_digest;
                    let mut held = 0;
                    judged(|e| bulla_store_held(store, sent, &raw mut held, e));
                    self.store_streams.take(done, |place, e| {
                        bulla_store_stream_resume(store, sent, 2, name.as_ptr(), place, e)
                    });
                }
                _ => {
                    let status = self.leased(|lease, again, e| {
                        bulla_store_stream_finish(stream, lease, again, e)
                    });
                    if status == 0 {
                        let lease = self.leases.last();
                        let path = bulla_lease_path(lease);
                        let path = std::ffi::OsStr::from_bytes(std::slice::from_raw_parts(
                            path.data,
                            path.length,
                        ))
                        .to_owned();
                        let content = std::fs::read(path).unwrap();
                        self.ledger.reserved(bulla_lease_stamp(lease), &content);
                    }
                }
            }
        }
    }
}

/// What the stores of a script left behind.
pub fn sweep() {
    std::fs::remove_dir_all(&FOLDER.0).unwrap();
}
