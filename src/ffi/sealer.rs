//! Who seals, and to whom.

use core::mem::replace;
use std::sync::Arc;
use std::vec::Vec;

use zeroize::Zeroizing;

use super::clock::{bulla_clock, clock};
use super::handle::{Exclusive, Out, free, shared};
use super::identity::{Keys, bulla_identity};
use super::input::bytes;
use super::public::bulla_public;
use super::session::bulla_session;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use crate::{
    Clock, Error, ErrorKind, OsEntropy, Padding, PublicIdentity, Result, Sealer, Session,
    SystemClock,
};

/// No padding: relays see the length of the content.
pub const BULLA_PADDING_NONE: u32 = 0;
/// The length is rounded up by at most 12 %, so that relays see its size class only (Padmé). What a new sealer does.
pub const BULLA_PADDING_PADME: u32 = 1;

/// Seals to recipients, and signs.
pub struct bulla_sealer {
    parts: Exclusive<Arc<SealerParts>>,
}

/// All that a sealer is made of, for each call anew: so it can be changed, and freed, while streams go on.
#[derive(Clone)]
pub(super) struct SealerParts {
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    recipients: Vec<PublicIdentity>,
    padding: Padding,
    decoys: usize,
    extra: Zeroizing<Vec<u8>>,
    session: Option<Arc<Session>>,
}

impl SealerParts {
    pub(super) fn sealer(&self) -> Sealer<'_> {
        let mut sealer = Sealer::with(&*self.keys, &*self.clock, &OsEntropy)
            .to_all(&self.recipients)
            .padding(self.padding)
            .decoys(self.decoys);
        if !self.extra.is_empty() {
            sealer = sealer.extra_entropy(&self.extra);
        }
        match &self.session {
            Some(session) => sealer.in_session(session),
            None => sealer,
        }
    }
}

impl bulla_sealer {
    fn of(keys: Arc<Keys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            parts: Exclusive::new(Arc::new(SealerParts {
                keys,
                clock,
                recipients: Vec::new(),
                padding: Padding::Padme,
                decoys: 0,
                extra: Zeroizing::default(),
                session: None,
            })),
        }
    }

    pub(super) fn parts(&self) -> Result<Arc<SealerParts>> {
        self.parts.enter_waiting().map(|parts| Arc::clone(&parts))
    }

    fn change<R>(&self, work: impl FnOnce(&mut SealerParts) -> R) -> Result<bulla_status> {
        self.parts.change(work)?;
        Ok(BULLA_OK)
    }
}

/// Makes a sealer that signs with this identity, by the clock of the system. It has no recipients yet.
///
/// @param identity The sender.
/// @param sealer Receives the sealer; free it with bulla_sealer_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sealer_new(
    identity: *const bulla_identity,
    sealer: *mut *mut bulla_sealer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(sealer, "sealer is NULL")?;
        // SAFETY: as the contract says.
        let identity = unsafe { shared(identity, "identity is NULL") }?;
        out.give(bulla_sealer::of(identity.keys()?, Arc::new(SystemClock)));
        Ok(BULLA_OK)
    })
}

/// Goes by a clock of the host's from now on.
///
/// @param sealer The sealer.
/// @param host_clock The clock.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sealer_clock(
    sealer: *mut bulla_sealer,
    host_clock: *const bulla_clock,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (sealer, clock) = unsafe { (shared(sealer, "sealer is NULL")?, clock(host_clock)?) };
        sealer.change(|parts| replace(&mut parts.clock, Arc::clone(clock)))
    })
}

/// Adds a recipient, to its newest encryption key. All recipients open the same envelope, and do not learn of each other.
///
/// @param sealer The sealer.
/// @param recipient The recipient.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NO_USABLE_KEY if the recipient has no encryption key; BULLA_INVALID_INPUT for NULL, and at 10 000
///         recipients.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sealer_to(
    sealer: *mut bulla_sealer,
    recipient: *const bulla_public,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (sealer, recipient) = unsafe {
            let sealer = shared(sealer, "sealer is NULL")?;
            (sealer, shared(recipient, "recipient is NULL")?)
        };
        if recipient.identity.newest_key().is_none() {
            return Err(ErrorKind::NoUsableKey.into());
        }
        if sealer.parts()?.recipients.len() >= crate::limits::MAX_STANZAS {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "an envelope has at most 10 000 recipients",
            ));
        }
        sealer.change(|parts| parts.recipients.push(recipient.identity.clone()))
    })
}

/// Forgets the recipients, to seal to others.
///
/// @param sealer The sealer.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sealer_to_nobody(
    sealer: *mut bulla_sealer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let sealer = unsafe { shared(sealer, "sealer is NULL") }?;
        sealer.change(|parts| parts.recipients.clear())
    })
}

/// How the length of sealed content is hidden.
///
/// @param sealer The sealer.
/// @param padding BULLA_PADDING_PADME or BULLA_PADDING_NONE.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sealer_padding(
    sealer: *mut bulla_sealer,
    padding: u32,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let sealer = unsafe { shared(sealer, "sealer is NULL") }?;
        let padding = match padding {
            BULLA_PADDING_NONE => Padding::None,
            BULLA_PADDING_PADME => Padding::Padme,
            _ => {
                return Err(Error::with(
                    ErrorKind::InvalidInput,
                    "there is no such padding",
                ));
            }
        };
        sealer.change(|parts| parts.padding = padding)
    })
}

/// Adds random stanzas beside those of the recipients, so that relays do not learn how many there are.
///
/// @param sealer The sealer.
/// @param count How many; with the recipients at most 10 000.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL; too many are told by bulla_seal().
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sealer_decoys(
    sealer: *mut bulla_sealer,
    count: usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let sealer = unsafe { shared(sealer, "sealer is NULL") }?;
        sealer.change(|parts| parts.decoys = count)
    })
}

/// Stirs bytes of the host's into what is random, for systems whose generator is not trusted alone.
///
/// @param sealer The sealer.
/// @param entropy Bytes that others do not know; they are copied.
/// @param length How many, at most 1024.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sealer_extra_entropy(
    sealer: *mut bulla_sealer,
    entropy: *const u8,
    length: usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (sealer, entropy) = unsafe {
            let sealer = shared(sealer, "sealer is NULL")?;
            (sealer, bytes(entropy, length, "entropy is NULL")?)
        };
        if entropy.len() > 1024 {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "more than 1024 bytes of entropy",
            ));
        }
        sealer.change(|parts| parts.extra = Zeroizing::new(entropy.to_vec()))
    })
}

/// Seals in a session from now on (see bulla_session_new()).
///
/// @param sealer The sealer.
/// @param session A session of the same identity.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL. That the session is another sender's, or over, is told by bulla_seal() as
///         BULLA_SESSION_OVER.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sealer_session(
    sealer: *mut bulla_sealer,
    session: *const bulla_session,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (sealer, session) = unsafe {
            let sealer = shared(sealer, "sealer is NULL")?;
            (sealer, shared(session, "session is NULL")?)
        };
        sealer.change(|parts| parts.session.replace(Arc::clone(&session.session)))
    })
}

/// Frees a sealer.
///
/// @param sealer The sealer; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_sealer_free(sealer: *mut bulla_sealer) {
    // SAFETY: as the contract says.
    unsafe { free(sealer) }
}
