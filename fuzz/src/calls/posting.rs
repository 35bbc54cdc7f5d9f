//! The outbox: letters, what is due, receipts that settle it.

use super::beside::FOLDER;
use super::ledger::copy;
use super::*;
use bulla::ffi::database::*;
use bulla::ffi::letter::*;
use bulla::ffi::outbox::*;
use bulla::ffi::outbox_list::*;
use bulla::ffi::outbox_reader::*;
use bulla::ffi::outbox_send::*;
use bulla::ffi::outbox_settle::*;
use bulla::ffi::receipt::bulla_receipt_status;
use bulla::ffi::types::bulla_key;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

impl World {
    /// The one durable file of a script.
    pub unsafe fn make_database(&mut self, s: &mut Script<'_>) -> i32 {
        self.furnish_folder();
        let file = FOLDER.0.join("durable");
        let name = CString::new(file.as_os_str().as_bytes()).unwrap();
        let name = name.as_ptr();
        unsafe {
            if s.byte() & 1 == 0 {
                take!(self.databases, bulla_database_open(name))
            } else {
                let there = file.exists();
                let status = take!(self.databases, bulla_database_open_existing(name));
                assert_eq!(status == 0, there);
                status
            }
        }
    }

    pub unsafe fn post(&mut self, s: &mut Script<'_>) {
        unsafe {
            match s.byte() % 4 {
                0 => self.write_letter(s),
                1 => self.put(s),
                2 => self.send(s),
                _ => self.follow(s),
            }
        }
    }

    unsafe fn write_letter(&mut self, s: &mut Script<'_>) {
        let (letter, number) = (self.letters.pick(s), s.number());
        unsafe {
            match s.byte() % 5 {
                0 | 1 => {
                    let key: Option<bulla_key> = value!(bulla_public_key(self.publics.pick(s))).1;
                    let keys = [
                        key.unwrap_or_default(),
                        READERS.keys[usize::from(s.byte() & 1)],
                    ];
                    let (keys, count) = (keys.as_ptr(), usize::from(s.byte() % 3));
                    let (sent, context) = (&raw const self.sent, c"fuzz".as_ptr());
                    let deadline = NOW.wrapping_add(number);
                    let status = take!(
                        self.letters,
                        bulla_letter_new(sent, context, keys, count, deadline)
                    );
                    if status == 0 {
                        let named = self.sent.header_digest.bytes;
                        self.named.insert(self.letters.last().addr(), named);
                    }
                }
                2 => {
                    judge!(bulla_letter_until_delivered(letter));
                }
                _ => {
                    judge!(bulla_letter_note(letter, c"to bob@example.org".as_ptr()));
                }
            }
        }
    }

    unsafe fn put(&mut self, s: &mut Script<'_>) {
        let (outbox, letter, outgoing) = (
            self.outboxes.pick(s),
            self.letters.pick(s),
            self.outgoings.pick(s),
        );
        unsafe {
            match s.byte() % 8 {
                0 => {
                    self.make_database(s);
                }
                1 => {
                    let database = self.databases.pick(s);
                    let backoff = bulla_backoff {
                        first: s.number(),
                        longest: s.number(),
                    };
                    let backoff = if s.byte() & 1 == 0 {
                        core::ptr::null()
                    } else {
                        &raw const backoff
                    };
                    take!(self.outboxes, bulla_outbox_new(database, backoff));
                }
                2 | 3 => {
                    let (data, length) = self.input(s);
                    let envelope = copy((data, length));
                    let status = judge!(bulla_outbox_put(outbox, letter, data, length, NOW));
                    self.is_put(status, letter, envelope);
                }
                4 => {
                    if take!(self.outgoings, bulla_outbox_begin(outbox)) == 0 {
                        let at = self.outgoings.last().addr();
                        self.outgoing.insert(at, Vec::new());
                    }
                }
                5 | 6 => {
                    let (data, length) = self.input(s);
                    let piece = copy((data, length));
                    if judge!(bulla_outgoing_write(outgoing, data, length)) == 0 {
                        let whole = self.outgoing.get_mut(&outgoing.addr()).unwrap();
                        whole.extend(piece);
                    }
                }
                _ => {
                    let status = judge!(bulla_outgoing_commit(outgoing, letter, NOW));
                    let envelope = self.outgoing.get(&outgoing.addr()).cloned();
                    self.is_put(status, letter, envelope.unwrap_or_default());
                    self.posting_over(status, outgoing, letter);
                }
            }
        }
    }

    fn is_put(&mut self, status: i32, letter: *const bulla_letter, envelope: Vec<u8>) {
        if status == 0 {
            let named = self.named[&letter.addr()];
            self.shelf.entry(named).or_default().push(envelope);
        }
    }

    unsafe fn send(&mut self, s: &mut Script<'_>) {
        let (outbox, reader, list) = (
            self.outboxes.pick(s),
            self.outbox_readers.pick(s),
            self.dues.pick(s),
        );
        let (now, name) = (NOW.wrapping_add(s.number()), self.sent.header_digest);
        let name = &raw const name;
        unsafe {
            match s.byte() % 9 {
                0 => {
                    let most = s.number() as usize;
                    if take!(self.dues, bulla_outbox_due(outbox, now, most)) == 0 {
                        let count = call!(bulla_due_list_count(self.dues.last()));
                        assert!(count <= most, "more than asked for");
                    }
                }
                1 => {
                    take!(self.dues, bulla_outbox_take(outbox, name, now));
                }
                2 => {
                    take!(self.dues, bulla_outbox_taken(outbox, name));
                }
                3 => {
                    for index in 0..call!(bulla_due_list_count(list)) {
                        let due: Option<bulla_due> = value!(bulla_due_list_at(list, index)).1;
                        seen(due.unwrap().note);
                    }
                }
                4 => {
                    let index = s.byte().into();
                    judge!(bulla_outbox_mark_sent(outbox, list, index, now));
                }
                5 => {
                    let out = self.out(s);
                    let before = call!(bulla_buffer_length(out));
                    let status = judge!(bulla_outbox_envelope(outbox, name, out));
                    let read = since(out, before);
                    if status == 0 {
                        let put = &self.shelf[&(*name).bytes];
                        assert!(put.contains(&read), "another envelope");
                    } else {
                        assert!(read.is_empty());
                    }
                }
                6 => {
                    if take!(self.outbox_readers, bulla_outbox_reader_new(outbox, name)) == 0 {
                        let at = self.outbox_readers.last().addr();
                        self.posted.insert(at, ((*name).bytes, 0));
                    }
                }
                _ => self.read_outbox(s, reader),
            }
        }
    }

    /// Reads on, or goes to another place. What comes is what was put.
    unsafe fn read_outbox(&mut self, s: &mut Script<'_>, reader: *mut bulla_outbox_reader) {
        let (out, number) = (self.out(s), s.number());
        unsafe {
            let before = call!(bulla_buffer_length(out));
            if s.byte() & 1 == 0 {
                // If it is not so long, its length is told all the same.
                let (status, length) = crate::hands::value_with(
                    |status| matches!(status, 0 | 102),
                    |place, error| call!(bulla_outbox_reader_seek(reader, number, place, error)),
                );
                if let Some(length) = length {
                    let (name, at) = self.posted.get_mut(&reader.addr()).unwrap();
                    let put = &self.shelf[&*name];
                    assert!(put.iter().any(|it| it.len() as u64 == length));
                    if status == 0 {
                        *at = number as usize;
                    }
                }
                return;
            }
            let status = judge!(bulla_outbox_reader_read(reader, number as usize, out));
            let read = since(out, before);
            if status == 0 {
                let (name, at) = self.posted.get_mut(&reader.addr()).unwrap();
                let mut put = self.shelf[&*name].iter().filter_map(|it| it.get(*at..));
                assert!(put.any(|it| it.starts_with(&read)), "another envelope");
                *at += read.len();
            } else {
                assert!(read.is_empty());
            }
        }
    }

    unsafe fn follow(&mut self, s: &mut Script<'_>) {
        let (outbox, now) = (self.outboxes.pick(s), NOW.wrapping_add(s.number()));
        unsafe {
            match s.byte() % 8 {
                0 => {
                    take!(self.entry_lists, bulla_outbox_give_up(outbox, now));
                }
                1 => {
                    let (filter, most) = (u32::from(s.byte() % 5), s.number() as usize);
                    take!(self.entry_lists, bulla_outbox_list(outbox, filter, most));
                }
                2 => {
                    let id = &raw const self.sent.message_id;
                    take!(self.entry_lists, bulla_outbox_of_message(outbox, id));
                    take!(self.sent_lists, bulla_outbox_sent(outbox, id));
                }
                3 => {
                    let list = self.entry_lists.pick(s);
                    for index in 0..call!(bulla_entry_list_count(list)) {
                        read_entry(value!(bulla_entry_list_at(list, index)).1.unwrap());
                    }
                    let list = self.sent_lists.pick(s);
                    let count = call!(bulla_sent_list_count(list));
                    let items = call!(bulla_sent_list_items(list));
                    if count > 0 {
                        let items = std::slice::from_raw_parts(items, count);
                        assert!(items.iter().all(|it| it.reserved == [0; 7]));
                    }
                }
                4 | 5 => self.settle(s, outbox),
                6 => {
                    let forgotten: Option<usize> = value!(bulla_outbox_forget(outbox, now)).1;
                    if forgotten.is_some_and(|it| it > 0) {
                        self.settled_once.clear();
                    }
                }
                _ => {
                    judge!(bulla_outbox_clean(outbox));
                }
            }
        }
    }

    /// A receipt comes: from an answer that is here, or anything.
    unsafe fn settle(&mut self, s: &mut Script<'_>, outbox: *const bulla_outbox) {
        let (identity, clock) = (self.identities.pick(s), self.clocks.pick(s));
        unsafe {
            let (data, length) = if s.byte().is_multiple_of(4) {
                self.input(s)
            } else {
                let view = call!(bulla_answer_receipt(self.answers.pick(s)));
                (view.data, view.length)
            };
            let envelope = copy((data, length));
            let status = take!(
                self.settleds,
                bulla_outbox_settle(outbox, identity, clock, data, length)
            );
            if status == 0 {
                let settled = self.settleds.last();
                let is_new = call!(bulla_settled_is_new(settled)) == 1;
                let receipt = call!(bulla_settled_receipt(settled));
                // A note of damage settles nothing.
                let ends = call!(bulla_receipt_status(receipt)) != 4;
                let first = self.settled_once.insert(envelope);
                assert!(first || !is_new || !ends, "settled twice");
                read_entry(value!(bulla_settled_entry(settled)).1.unwrap());
                looking::read_receipt(receipt);
            }
        }
    }
}

unsafe fn read_entry(entry: bulla_outbox_entry) {
    assert!((1..=4).contains(&entry.state) && entry.awaits_stored <= 1);
    for view in [entry.context, entry.note, entry.told, entry.proof] {
        unsafe { seen(view) };
    }
}
