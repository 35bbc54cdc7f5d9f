//! What is over: whatever ended, or failed in a way that ends it, is refused by every call from then on, and gives nothing more.
//! A call that was refused for its arguments has ended no stream: where it is known to go on, it is tried.

use super::*;
use bulla::ErrorKind;
use bulla::ffi::open_leased::bulla_open_stream_finish_leased;
use bulla::ffi::store_stream::*;

/// A call may not go on.
macro_rules! refused {
    ($status:expr) => {
        assert_eq!($status, BULLA_WRONG_ORDER, "it went on after its end")
    };
}

/// A call may go on, and comes to something or to another failure.
macro_rules! goes_on {
    ($status:expr) => {
        assert_ne!(
            $status, BULLA_WRONG_ORDER,
            "refused arguments have ended it"
        )
    };
}

const BULLA_INVALID_INPUT: i32 = ErrorKind::InvalidInput.code();
const BULLA_WRONG_ORDER: i32 = ErrorKind::WrongOrder.code();
const BULLA_BUFFER_TOO_SMALL: i32 = ErrorKind::BufferTooSmall.code();
const BULLA_NAME_TAKEN: i32 = ErrorKind::NameTaken.code();
const BULLA_MALFORMED: i32 = ErrorKind::Malformed.code();

const MORE: &[u8; 4] = b"more";

/// Whether a call that ends something, whatever it returns, did: not if an argument was none.
const fn ends(status: i32) -> bool {
    status != BULLA_INVALID_INPUT
}

/// Whether a call that fails has ended what it was about.
const fn failed(status: i32) -> bool {
    ends(status) && 0 < status && status < 100
}

impl World {
    pub unsafe fn sealing_failed(&mut self, status: i32, stream: *mut bulla_seal_stream) {
        if failed(status) {
            unsafe { self.sealing_over(0, stream) };
        } else if !ends(status) {
            unsafe { self.sealing_over(status, stream) };
        }
    }

    pub unsafe fn sealing_over(&mut self, status: i32, stream: *mut bulla_seal_stream) {
        if !ends(status) {
            return unsafe { self.sealing_goes_on(stream) };
        }
        self.ledger.writing.remove(&stream.addr());
        unsafe {
            let (out, data) = (self.roomy(), MORE.as_ptr());
            refused!(judge!(bulla_seal_stream_update(stream, data, 4, out)));
            refused!(judge!(bulla_seal_stream_pad(stream, out)));
            let (status, _) = value!(bulla_seal_stream_finish(stream, out));
            refused!(status);
        }
    }

    /// No more content is taken once there is padding.
    unsafe fn sealing_goes_on(&mut self, stream: *mut bulla_seal_stream) {
        let out = unsafe { self.roomy() };
        let Some(writing) = self.ledger.writing.get_mut(&stream.addr()) else {
            return;
        };
        if writing.padded {
            return;
        }
        unsafe {
            let data = MORE.as_ptr();
            goes_on!(judge!(bulla_seal_stream_update(stream, data, 0, out)));
            writing.envelope.extend(since(out, 0));
        }
    }

    pub unsafe fn signing_over(&mut self, status: i32, signer: *mut bulla_detached_signer) {
        if !ends(status) {
            if self.ledger.writing.contains_key(&signer.addr()) {
                let data = MORE.as_ptr();
                goes_on!(unsafe { judge!(bulla_detached_signer_update(signer, data, 0)) });
            }
            return;
        }
        self.ledger.writing.remove(&signer.addr());
        unsafe {
            let (out, data) = (self.roomy(), MORE.as_ptr());
            refused!(judge!(bulla_detached_signer_update(signer, data, 4)));
            let (status, _) = value!(bulla_detached_signer_finish(signer, out));
            refused!(status);
        }
    }

    pub unsafe fn reading_failed(&mut self, status: i32, stream: *mut bulla_open_stream) {
        if failed(status) {
            unsafe { self.reading_over(0, stream) };
        }
    }

    /// After `BULLA_BUFFER_TOO_SMALL` it may be ended once more.
    pub unsafe fn reading_over(&mut self, status: i32, stream: *mut bulla_open_stream) {
        if !ends(status) || status == BULLA_BUFFER_TOO_SMALL {
            return;
        }
        unsafe {
            let (out, data) = (self.roomy(), MORE.as_ptr());
            refused!(judge!(bulla_open_stream_update_provisional(
                stream, data, 4, out
            )));
            refused!(judge!(bulla_open_stream_settle_provisional(stream, out)));
            refused!(take!(self.messages, bulla_open_stream_finish(stream, out)));
            let from = stream.addr();
            refused!(self.leased(from, |lease, again, e| {
                call!(bulla_open_stream_finish_leased(
                    stream, 60, out, lease, again, e
                ))
            }));
        }
    }

    pub unsafe fn verifying_over(&mut self, status: i32, stream: *mut bulla_detached_stream) {
        if !ends(status) {
            if self.ledger.reading.contains_key(&stream.addr()) {
                let data = MORE.as_ptr();
                goes_on!(unsafe { judge!(bulla_detached_stream_update(stream, data, 0)) });
            }
            return;
        }
        self.ledger.reading.remove(&stream.addr());
        unsafe {
            let data = MORE.as_ptr();
            refused!(judge!(bulla_detached_stream_update(stream, data, 4)));
            refused!(take!(self.messages, bulla_detached_stream_finish(stream)));
        }
    }

    /// A lease is used up by whatever may become of it; after refused arguments it may be so.
    pub unsafe fn lease_over(&mut self, status: i32, lease: *mut bulla_lease) {
        if !ends(status) {
            return;
        }
        unsafe {
            refused!(judge!(bulla_lease_renew(lease, 60)));
            let answer = MORE.as_ptr();
            refused!(take!(
                self.answers,
                bulla_lease_commit(lease, 128, answer, 4)
            ));
            refused!(take!(self.answers, bulla_lease_accept_unanswered(lease)));
            refused!(judge!(bulla_lease_release(lease)));
        }
    }

    /// A stream of a store goes on after `BULLA_NAME_TAKEN`, with another target, and takes no more of the envelope.
    pub unsafe fn storing_over(&mut self, status: i32, stream: *mut bulla_store_stream) {
        if !ends(status) {
            return;
        }
        unsafe {
            let data = MORE.as_ptr();
            refused!(judge!(bulla_store_stream_update(stream, data, 4)));
            if status == BULLA_NAME_TAKEN {
                return;
            }
            let folder = beside::FOLDER.1.as_ptr();
            refused!(judge!(bulla_store_stream_retarget(stream, 2, folder)));
            refused!(self.leased(stream.addr(), |lease, again, e| {
                call!(bulla_store_stream_finish(stream, lease, again, e))
            }));
        }
    }

    pub unsafe fn posting_over(
        &mut self,
        status: i32,
        outgoing: *mut bulla_outgoing,
        letter: *const bulla_letter,
    ) {
        if !ends(status) {
            return;
        }
        unsafe {
            let data = MORE.as_ptr();
            refused!(judge!(bulla_outgoing_write(outgoing, data, 4)));
            if !letter.is_null() {
                refused!(judge!(bulla_outgoing_commit(outgoing, letter, NOW)));
            }
        }
    }

    pub unsafe fn armoring_over(&mut self, status: i32, writer: *mut bulla_armor_writer) {
        if !ends(status) || status == BULLA_BUFFER_TOO_SMALL {
            return;
        }
        unsafe {
            let (out, data) = (self.roomy(), MORE.as_ptr());
            refused!(judge!(bulla_armor_writer_update(writer, data, 4, out)));
            refused!(judge!(bulla_armor_writer_finish(writer, out)));
        }
    }

    /// Nothing is taken after text that was wrong, and its end is not the end of anything.
    pub unsafe fn text_failed(&mut self, status: i32, reader: *mut bulla_armor_reader) {
        if status != BULLA_MALFORMED {
            return;
        }
        unsafe {
            let out = self.roomy();
            let (good, length) = (c"\n".as_ptr().cast(), 1);
            let status = judge!(bulla_armor_reader_update(reader, good, length, out));
            assert_eq!(status, BULLA_MALFORMED, "it went on after a failure");
            let status = judge!(bulla_armor_reader_finish(reader));
            assert_eq!(status, BULLA_MALFORMED, "it ended well after a failure");
            self.text_over(0, reader);
        }
    }

    pub unsafe fn text_over(&mut self, status: i32, reader: *mut bulla_armor_reader) {
        if !ends(status) {
            return;
        }
        unsafe {
            let (out, data) = (self.roomy(), MORE.as_ptr());
            refused!(judge!(bulla_armor_reader_update(reader, data, 4, out)));
            refused!(judge!(bulla_armor_reader_finish(reader)));
        }
    }

    pub unsafe fn proving_over(&mut self, status: i32, prover: *mut bulla_prover) {
        if !ends(status) {
            return;
        }
        unsafe {
            refused!(judge!(bulla_prover_update(prover, MORE.as_ptr(), 4)));
            refused!(take!(self.proofs, bulla_prover_finish(prover)));
        }
    }

    pub unsafe fn file_over(&mut self, status: i32, file: *mut bulla_provisional_file) {
        if !ends(status) {
            return;
        }
        unsafe {
            let out = self.roomy();
            refused!(judge!(bulla_provisional_file_read(file, 0, 4, out)));
            let status = self.verified_files.take(done, |place, error| {
                self.messages.take_with(done, error, |message, error| {
                    call!(bulla_provisional_file_verify(file, place, message, error))
                })
            });
            refused!(status);
        }
    }
}
