//! Sealing sessions.

use std::sync::Arc;

use super::handle::{Out, free, shared};
use super::identity::bulla_identity;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use crate::{OsEntropy, Session};

/// A session: many envelopes of one sender under one ephemeral key, which saves most of the work for each. Relays can tell
/// that they belong together, and who steals that one key opens them all: for batches in one trust domain only. It ends
/// after 10 minutes or 65 536 envelopes, and in a process that was forked off.
pub struct bulla_session {
    pub(super) session: Arc<Session>,
}

/// Begins a session.
///
/// @param identity The sender.
/// @param session Receives the session; free it with bulla_session_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_RANDOM_FAILED, BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_session_new(
    identity: *const bulla_identity,
    session: *mut *mut bulla_session,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(session, "session is NULL")?;
        // SAFETY: as the contract says.
        let identity = unsafe { shared(identity, "identity is NULL") }?;
        let session = Session::begin(&*identity.keys()?, &OsEntropy)?;
        out.give(bulla_session {
            session: Arc::new(session),
        });
        Ok(BULLA_OK)
    })
}

/// Frees a session; sealers that use it keep their share.
///
/// @param session The session; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_session_free(session: *mut bulla_session) {
    // SAFETY: as the contract says.
    unsafe { free(session) }
}
