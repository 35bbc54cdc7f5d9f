//! Opening to files, provably.

use core::ffi::{CStr, c_char, c_void};
use std::path::Path;
use std::sync::Arc;

use super::clock::bulla_drop;
use super::handle::{Exclusive, Out, free, null, shared};
use super::input::{Context, path, value};
use super::opener::{Gate, OpenerParts, bulla_opener};
use super::stamp::bulla_stamp;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use super::types::bulla_digest;
use crate::{Error, ErrorKind, OsDisk, Partials, Reason, Result, Ruling, Stamp, Store};

/// For the length of content that is not known yet.
pub const BULLA_CONTENT_UNKNOWN: u64 = u64::MAX;

/// Whether there is room for so many bytes of content (or BULLA_CONTENT_UNKNOWN) in this folder: 1 or 0. Asked before anything is
/// written. The folder is not closed with NUL.
pub type bulla_has_room = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        folder: *const u8,
        folder_length: usize,
        content: u64,
    ) -> u8,
>;

/// Length of the room for the text of a reason, its closing NUL included, in bytes.
pub const BULLA_REASON_TEXT: usize = 256;

/// The answer of a bulla_judge that cannot tell now: nothing is reserved and nothing written, BULLA_UNDECIDED comes of it, and the
/// message may come again. It is no code of a reason.
pub const BULLA_JUDGE_LATER: u16 = 1023;

/// Whether a message with this stamp, which is verified and judged, is accepted: 0, or else the code of the reason why it is not
/// (BULLA_REASON_FULL to BULLA_REASON_FAILED, or a number of the host's own from 1024). Then words for the sender may be written
/// to `words`, which has room for BULLA_REASON_TEXT bytes of UTF-8 and holds nothing yet, closed with NUL. A code or words that
/// cannot be sent become BULLA_REASON_POLICY without words. A refusal is final: where it cannot be told now (a database does not
/// answer, there is no memory) BULLA_JUDGE_LATER is given, and no words. The stamp is good until the function returns, and is not
/// freed.
pub type bulla_judge = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        stamp: *const bulla_stamp,
        words: *mut c_char,
    ) -> u16,
>;

/// Opens envelopes to files, and says `stored` only of what it has read again from the disk: written, synced, named without
/// writing over anything, synced with its folder, read again and compared. At no instant is there half a file under a final
/// name.
pub struct bulla_store {
    parts: Exclusive<Arc<StoreParts>>,
}

#[derive(Clone)]
pub(super) struct StoreParts {
    opener: Arc<OpenerParts>,
    lease: u64,
    max_content: u64,
    has_room: Option<Arc<HasRoom>>,
    judge: Option<Arc<Judge>>,
    partials: Option<Partials>,
}

type Judge = dyn Fn(&Stamp) -> Ruling + Send + Sync;
type HasRoom = dyn Fn(&Path, Option<u64>) -> bool + Send + Sync;

impl StoreParts {
    pub(super) fn store(&self) -> Result<Store<'_>> {
        let Gate::Open(opener) = self.opener.gate() else {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "a store needs an opener of sealed envelopes with a replay guard",
            ));
        };
        let mut store = Store::new(opener, self.lease, &OsDisk).max_content(self.max_content);
        if let Some(has_room) = &self.has_room {
            store = store.has_room(&**has_room);
        }
        if let Some(judge) = &self.judge {
            store = store.judge(&**judge);
        }
        Ok(match &self.partials {
            Some(partials) => store.resumable(partials.clone()),
            None => store,
        })
    }
}

impl bulla_store {
    pub(super) fn parts(&self) -> Result<Arc<StoreParts>> {
        self.parts.enter_waiting().map(|parts| Arc::clone(&parts))
    }

    /// As after a defect in the middle of a call.
    #[cfg(test)]
    pub(super) fn poison(&self) {
        super::status::quietly(|| {
            let _ = self.change(|_| std::panic::resume_unwind(std::boxed::Box::new(())));
        });
    }

    fn change<R>(&self, work: impl FnOnce(&mut StoreParts) -> R) -> Result<bulla_status> {
        self.parts.change(work)?;
        Ok(BULLA_OK)
    }
}

/// Makes a store.
///
/// @param opener An opener of sealed envelopes with a replay guard. Later changes of it have no effect on the store.
/// @param seconds For how long a message is reserved at a time: enough for a sync of the disk, 60 for example.
/// @param store Receives the store; free it with bulla_store_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_new(
    opener: *const bulla_opener,
    seconds: u64,
    store: *mut *mut bulla_store,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(store, "store is NULL")?;
        // SAFETY: as the contract says.
        let opener = unsafe { shared(opener, "opener is NULL") }?.parts()?;
        let parts = StoreParts {
            opener,
            lease: seconds,
            max_content: u64::MAX,
            has_room: None,
            judge: None,
            partials: None,
        };
        parts.store()?;
        out.give(bulla_store {
            parts: Exclusive::new(Arc::new(parts)),
        });
        Ok(BULLA_OK)
    })
}

/// Accepts content of at most so many bytes. What is longer is BULLA_TOO_LARGE.
///
/// @param store The store.
/// @param length The greatest length in bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_max_content(
    store: *mut bulla_store,
    length: u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let store = unsafe { shared(store, "store is NULL") }?;
        store.change(|parts| parts.max_content = length)
    })
}

/// Asks the host whether there is room before anything is written. What has none is BULLA_NO_ROOM.
///
/// @param store The store.
/// @param has_room The function.
/// @param context Given to it with each call; may be NULL.
/// @param drop Called with the context when the store and its streams are freed; may be NULL. If this call fails it is not
///        called.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_ask_for_room(
    store: *mut bulla_store,
    has_room: bulla_has_room,
    context: *mut c_void,
    drop: bulla_drop,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let store = unsafe { shared(store, "store is NULL") }?;
        let ask = has_room.ok_or(null("has_room is NULL"))?;
        store.change(|parts| {
            // It is the host's until nothing can fail any more.
            let pointer = context;
            let context = Context { pointer, drop };
            parts.has_room.replace(Arc::new(move |folder, length| {
                let whole = &context;
                let folder = folder.as_os_str().as_encoded_bytes();
                let length = length.unwrap_or(BULLA_CONTENT_UNKNOWN);
                // SAFETY: the host's own function, with the host's own context, as the contract says.
                unsafe { ask(whole.pointer, folder.as_ptr(), folder.len(), length) != 0 }
            }))
        })
    })
}

/// Asks the host's own rules about each message that is new, once its stamp is verified and judged and before anything of it is
/// written. What they do not accept is BULLA_REFUSED, and what they cannot decide now BULLA_UNDECIDED. What is to be decided on the
/// content is decided after it is stored and before it is committed: bulla_receipter_reject() takes such a lease too, and removes the
/// file.
///
/// @param store The store.
/// @param judge The function.
/// @param context Given to it with each call; may be NULL.
/// @param drop Called with the context when the store and its streams are freed; may be NULL. If this call fails it is not
///        called.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_judge(
    store: *mut bulla_store,
    judge: bulla_judge,
    context: *mut c_void,
    drop: bulla_drop,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let store = unsafe { shared(store, "store is NULL") }?;
        let ask = judge.ok_or(null("judge is NULL"))?;
        store.change(|parts| {
            // As above.
            let pointer = context;
            let context = Context { pointer, drop };
            parts
                .judge
                .replace(Arc::new(move |stamp| ruling(ask, &context, stamp)))
        })
    })
}

type Ask = unsafe extern "C" fn(*mut c_void, *const bulla_stamp, *mut c_char) -> u16;

/// What the host's rules say.
fn ruling(ask: Ask, context: &Context, stamp: &Stamp) -> Ruling {
    let mut words: [c_char; BULLA_REASON_TEXT] = [0; BULLA_REASON_TEXT];
    let stamp = bulla_stamp::of(stamp);
    // SAFETY: the host's own function, with the host's own context, as the contract says.
    let code = unsafe { ask(context.pointer, stamp, words.as_mut_ptr()) };
    match code {
        0 => Ruling::Accept,
        BULLA_JUDGE_LATER => Ruling::Later,
        code => Ruling::Refuse(reason(code, &words)),
    }
}

/// The host's reason. It was refused in any case.
fn reason(code: u16, words: &[c_char; BULLA_REASON_TEXT]) -> Reason {
    let bytes = words.map(c_char::to_ne_bytes).concat();
    let text = CStr::from_bytes_until_nul(&bytes)
        .ok()
        .and_then(|words| words.to_str().ok());
    let told = text.and_then(|text| Reason::new(code, text).ok());
    told.unwrap_or_else(Reason::by_rules)
}

/// Keeps what has come of envelopes that do not come whole, so that they can be completed. It costs writing every byte twice.
///
/// @param store The store.
/// @param folder Where it is kept, closed with NUL.
/// @param envelopes How many at most.
/// @param length Of each at most so many bytes from its beginning.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_resumable(
    store: *mut bulla_store,
    folder: *const c_char,
    envelopes: usize,
    length: u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (store, folder) = unsafe {
            (
                shared(store, "store is NULL")?,
                path(folder, "folder is NULL")?,
            )
        };
        let partials = Partials::new(folder, envelopes, length);
        store.change(|parts| parts.partials = Some(partials))
    })
}

/// From which byte of an envelope on it is to be sent, to be completed.
///
/// @param store A store that keeps what has come (bulla_store_resumable()).
/// @param header_digest Names the envelope, as in bulla_sent.
/// @param held Receives how many bytes are kept of it; 0 if none are.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_IO, BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_held(
    store: *const bulla_store,
    header_digest: *const bulla_digest,
    held: *mut u64,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(held, "held is NULL")?;
        // SAFETY: as the contract says.
        let (store, header) = unsafe {
            (
                shared(store, "store is NULL")?,
                value(header_digest, "header_digest is NULL")?,
            )
        };
        out.put(store.parts()?.store()?.held(&(*header).into())?);
        Ok(BULLA_OK)
    })
}

/// Removes what processes that were killed more than a day ago left behind in a folder: files that are not whole.
///
/// @param store The store.
/// @param folder The folder, closed with NUL.
/// @param removed Receives how many files; may be NULL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_IO, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_clean(
    store: *const bulla_store,
    folder: *const c_char,
    removed: *mut usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (store, folder) = unsafe {
            (
                shared(store, "store is NULL")?,
                path(folder, "folder is NULL")?,
            )
        };
        let count = store.parts()?.store()?.clean(folder)?;
        if let Ok(place) = Out::new(removed, "") {
            place.put(count);
        }
        Ok(BULLA_OK)
    })
}

/// Frees a store; its streams go on.
///
/// @param store The store; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_store_free(store: *mut bulla_store) {
    // SAFETY: as the contract says.
    unsafe { free(store) }
}
