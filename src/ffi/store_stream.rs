//! Storing what is pushed in pieces.

use core::ffi::c_char;
use std::boxed::Box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::answer::bulla_answer;
use super::handle::{Exclusive, Kept, Once, Out, free, null, shared};
use super::input::{bytes, path, value};
use super::lease::{Landed, Places, Reserved, bulla_lease, land};
use super::stamp::bulla_stamp;
use super::status::{
    BULLA_MORE, BULLA_NO_ROOM, BULLA_OK, BULLA_REFUSED, BULLA_TOO_LARGE, bulla_error, bulla_status,
    entry, plain,
};
use super::store::{StoreParts, bulla_store};
use super::types::bulla_digest;
use crate::{
    Damaged, Delivery, Error, ErrorKind, Lease, Reason, Received, Result, StampOnly, Store,
    StoreStream, Target,
};

/// Under the path that is given; its folder must be there.
pub const BULLA_TARGET_PATH: u32 = 1;
/// In the folder that is given, under a name made of message id, reader, sender and context.
pub const BULLA_TARGET_BY_ID: u32 = 2;
/// In the folder that is given, under the name that the sender suggests, made harmless; without one, as BULLA_TARGET_BY_ID.
pub const BULLA_TARGET_SUGGESTED: u32 = 3;

/// An envelope on its way to a file.
pub struct bulla_store_stream {
    stream: Once<Kept<StoreStream<'static, 'static>, Owner>>,
    damaged: Exclusive<Option<Damaged>>,
}

/// What such a stream borrows from.
struct Owner {
    store: Kept<Store<'static>, StoreParts>,
    target: PathBuf,
    kind: u32,
}

impl bulla_store_stream {
    pub(super) fn damaged(&self) -> Result<Option<Damaged>> {
        Ok(self.damaged.enter()?.clone())
    }
}

fn target(kind: u32, target: &Path) -> Result<Target<'_>> {
    match kind {
        BULLA_TARGET_PATH => Ok(Target::Path(target)),
        BULLA_TARGET_BY_ID => Ok(Target::ById(target)),
        BULLA_TARGET_SUGGESTED => Ok(Target::Suggested(target)),
        _ => Err(Error::with(
            ErrorKind::InvalidInput,
            "there is no such target",
        )),
    }
}

/// Checks the arguments of a beginning, and begins.
unsafe fn begin(
    store: *const bulla_store,
    (kind, place): (u32, *const c_char),
    stream: *mut *mut bulla_store_stream,
    work: impl FnOnce(&'static Store<'static>, Target<'static>) -> Result<StoreStream<'static, 'static>>,
) -> Result<bulla_status> {
    let out = Out::new(stream, "stream is NULL")?;
    // SAFETY: as the contract says.
    let (store, place) = unsafe {
        (
            shared(store, "store is NULL")?,
            path(place, "target is NULL")?,
        )
    };
    let store = Kept::try_new(store.parts()?, StoreParts::store)?;
    let owner = Owner {
        store,
        target: place.to_path_buf(),
        kind,
    };
    let stream = Kept::try_new(Arc::new(owner), |owner| {
        work(&owner.store, target(owner.kind, &owner.target)?)
    })?;
    out.give(bulla_store_stream {
        stream: Once::new(stream),
        damaged: Exclusive::new(None),
    });
    Ok(BULLA_OK)
}

/// Begins to store an envelope that is pushed in pieces.
///
/// @param store The store. It may be changed or freed while the stream goes on.
/// @param kind BULLA_TARGET_PATH, BULLA_TARGET_BY_ID or BULLA_TARGET_SUGGESTED.
/// @param target The path, or the folder, closed with NUL.
/// @param stream Receives the stream; free it with bulla_store_stream_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_stream_new(
    store: *const bulla_store,
    kind: u32,
    target: *const c_char,
    stream: *mut *mut bulla_store_stream,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        begin(store, (kind, target), stream, |store, target| {
            store.stream(target)
        })
    })
}

/// Begins to complete an envelope: what follows the bytes that bulla_store_held() tells is pushed in pieces.
///
/// @param store A store that keeps what has come (bulla_store_resumable()).
/// @param header_digest Names the envelope, as in bulla_sent.
/// @param kind BULLA_TARGET_PATH, BULLA_TARGET_BY_ID or BULLA_TARGET_SUGGESTED.
/// @param target The path, or the folder, closed with NUL.
/// @param stream Receives the stream; free it with bulla_store_stream_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_INVALID_INPUT also if nothing is held; BULLA_PENDING if another process works on it; BULLA_IO.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_stream_resume(
    store: *const bulla_store,
    header_digest: *const bulla_digest,
    kind: u32,
    target: *const c_char,
    stream: *mut *mut bulla_store_stream,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        unsafe {
            let header = value(header_digest, "header_digest is NULL")?;
            begin(store, (kind, target), stream, |store, target| {
                store.resume_stream(&(*header).into(), target)
            })
        }
    })
}

/// Takes the next piece of the envelope.
///
/// @param stream The stream.
/// @param envelope The piece, without armor.
/// @param length Its length in bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_MORE if more of it is wanted; BULLA_OK if it is decided what comes of it: call bulla_store_stream_finish().
///         BULLA_INVALID_INPUT for NULL; BULLA_WRONG_ORDER after bulla_store_stream_finish(): nothing is taken, and the stream is as
///         it was.
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_stream_update(
    stream: *mut bulla_store_stream,
    envelope: *const u8,
    length: usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (stream, envelope) = unsafe {
            (
                shared(stream, "stream is NULL")?,
                bytes(envelope, length, "envelope is NULL")?,
            )
        };
        let wanted = stream.stream.with(|stream| {
            if stream.is_unnamed() {
                return Err(Error::with(
                    ErrorKind::WrongOrder,
                    "the envelope has come to its end: another one needs a stream of its own",
                ));
            }
            Ok(stream.update(envelope))
        })?;
        Ok(if wanted { BULLA_MORE } else { BULLA_OK })
    })
}

/// What the sender signed, as soon as it is verified and judged.
///
/// @param stream The stream.
/// @return The stamp, which lives until the next call on the stream and is not freed; NULL if nothing is known yet.
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_stream_stamp(
    stream: *const bulla_store_stream,
) -> *const bulla_stamp {
    plain(core::ptr::null(), || {
        // SAFETY: as the contract says.
        let stream = unsafe { shared(stream, "") }.ok()?;
        stream
            .stream
            .with_ref(|stream| stream.stamp().map(bulla_stamp::of).ok_or(null("")))
            .ok()
    })
}

/// The end of the envelope has come. The stream can then only be freed, and a note of damage made of it; but after BULLA_NAME_TAKEN
/// it goes on: give it another target (bulla_store_stream_retarget()), and call this again.
///
/// @param stream The stream.
/// @param lease With BULLA_OK, receives the reservation of what is stored: commit it with bulla_receipter_accept() or
///        bulla_lease_commit(). With BULLA_TOO_LARGE, BULLA_NO_ROOM and BULLA_REFUSED, one to reject or to release; nothing of this
///        copy is left. With BULLA_TOO_LARGE and BULLA_REFUSED a file may have the final name all the same, from an attempt that
///        ended between the name and the commit: under a name made of the message it is the message's own, and the host's to
///        remove before it rejects the message, if the content is not to lie there. Free it with bulla_lease_free().
/// @param again With BULLA_AGAIN, receives what became of it when it came before; free it with bulla_answer_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_TOO_LARGE, BULLA_NO_ROOM, BULLA_REFUSED or BULLA_AGAIN; else nothing is left but what is kept to be completed, and the
///         message may come again: as bulla_open_leased(); BULLA_IO also if what was read again is not what was written;
///         BULLA_PENDING also if another process works on a file of that name; BULLA_UNDECIDED if the host's rules
///         (bulla_store_judge()) say so. BULLA_NAME_TAKEN if there is another file of that name: the content is kept, and the message
///         reserved for the seconds of bulla_store_new(), until the stream is freed. Each call of this renews that, also one with the
///         name that is taken; BULLA_LEASE_LOST if the next one came later.
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_stream_finish(
    stream: *mut bulla_store_stream,
    lease: *mut *mut bulla_lease,
    again: *mut *mut bulla_answer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let places = Places::new(lease, again)?;
        // SAFETY: as the contract says.
        let stream = unsafe { shared(stream, "stream is NULL") }?;
        let mut status = BULLA_OK;
        let mut damaged = stream.damaged.enter()?;
        let finish = |stream: &mut StoreStream<'static, 'static>| {
            let received = stream.finish().map_err(|failed| {
                *damaged = failed.damaged().cloned();
                Error::from(failed)
            })?;
            let (delivery, told) = sort(received)?;
            status = told;
            Ok(delivery)
        };
        let delivery = stream
            .stream
            .end_unless(|stream| stream.is_unnamed(), |stream| stream.draw(finish))?;
        let landed = land(delivery, Ok)?;
        let is_new = matches!(landed, Landed::New(_));
        let put = places.put(landed);
        Ok(if is_new { status } else { put })
    })
}

const fn refused(lease: Lease<'static, StampOnly>, reason: Option<Reason>) -> Delivery<Reserved> {
    Delivery::New(Reserved::Refused(lease, reason))
}

/// What was received, as a delivery and a status.
fn sort(received: Received<'static>) -> Result<(Delivery<Reserved>, bulla_status)> {
    Ok(match received {
        Received::Stored(stored) => (Delivery::New(Reserved::Stored(Box::new(stored))), BULLA_OK),
        Received::Again(again) => (Delivery::Again(again), BULLA_OK),
        Received::TooLarge(lease) => (refused(lease, None), BULLA_TOO_LARGE),
        Received::NoRoom(lease) => (refused(lease, None), BULLA_NO_ROOM),
        Received::Refused(lease, reason) => (refused(lease, Some(reason)), BULLA_REFUSED),
    })
}

/// Another target, after bulla_store_stream_finish() has said BULLA_NAME_TAKEN. Nothing of the envelope is to come again.
///
/// @param stream The stream.
/// @param kind BULLA_TARGET_PATH, BULLA_TARGET_BY_ID or BULLA_TARGET_SUGGESTED.
/// @param target The path, or the folder, closed with NUL. The folder must be there, and on the same file system.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK: call bulla_store_stream_finish() again. BULLA_INVALID_INPUT; BULLA_WRONG_ORDER at any other time. After a failure
///         the stream is as it was.
/// Threads: one at a time for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_stream_retarget(
    stream: *mut bulla_store_stream,
    kind: u32,
    target: *const c_char,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (stream, place) = unsafe {
            (
                shared(stream, "stream is NULL")?,
                path(target, "target is NULL")?,
            )
        };
        let target = self::target(kind, place)?;
        stream.stream.with(|stream| stream.retarget(target))?;
        Ok(BULLA_OK)
    })
}

/// Frees a stream. One that is not finished leaves nothing but what is kept to be completed.
///
/// @param stream The stream; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_stream_free(stream: *mut bulla_store_stream) {
    // SAFETY: as the contract says.
    unsafe { free(stream) }
}
