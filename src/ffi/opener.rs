//! Who opens, and by which rules.

use core::ffi::c_char;
use core::mem::replace;
use std::string::{String, ToString};
use std::sync::Arc;

use super::clock::{bulla_clock, clock};
use super::guard::bulla_guard;
use super::handle::{Exclusive, Out, free, shared};
use super::identity::{Keys, bulla_identity};
use super::input::text;
use super::policy::bulla_policy;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry};
use crate::{
    Archive, Clock, Error, ErrorKind, Opener, Policy, Replay, ReplayGuard, Result, SessionCache,
    SystemClock, Verifier,
};

/// The one gate: opens sealed envelopes, or verifies signed ones, by a policy and a replay guard.
pub struct bulla_opener {
    parts: Exclusive<Arc<OpenerParts>>,
}

/// All that an opener is made of, for each call anew: so it can be changed, and freed, while streams go on.
#[derive(Clone)]
pub(super) struct OpenerParts {
    /// Who reads sealed envelopes; `None` for signed ones.
    keys: Option<Arc<Keys>>,
    policy: Policy,
    replay: Memory,
    clock: Arc<dyn Clock>,
    reader: Option<String>,
    cache: Option<Arc<SessionCache>>,
}

#[derive(Clone)]
enum Memory {
    Guarded(Arc<dyn ReplayGuard>),
    Unguarded,
    /// Everything but freshness.
    Archive,
}

/// What reads: by the kind of envelope, and by whether freshness is demanded.
pub(super) enum Gate<'a> {
    Open(Opener<'a>),
    Reopen(Opener<'a, Archive>),
    Verify(Verifier<'a>),
    Reverify(Verifier<'a, Archive>),
}

impl OpenerParts {
    pub(super) fn gate(&self) -> Gate<'_> {
        let replay = match &self.replay {
            Memory::Guarded(guard) => Some(Replay::Guarded(&**guard)),
            Memory::Unguarded => Some(Replay::Unguarded),
            Memory::Archive => None,
        };
        let (clock, reader) = (&*self.clock, self.reader.as_deref());
        match (&self.keys, replay) {
            (None, Some(replay)) => {
                let reader = reader.unwrap_or_default();
                Gate::Verify(Verifier::with_clock(reader, &self.policy, replay, clock))
            }
            (None, None) => Gate::Reverify(Verifier::archive(&self.policy)),
            (Some(keys), Some(replay)) => {
                let mut opener = Opener::with_clock(&**keys, &self.policy, replay, clock);
                if let Some(reader) = reader {
                    opener = opener.reader_name(reader);
                }
                Gate::Open(match &self.cache {
                    Some(cache) => opener.with_cache(cache),
                    None => opener,
                })
            }
            (Some(keys), None) => Gate::Reopen(Opener::archive(&**keys, &self.policy)),
        }
    }
}

impl bulla_opener {
    pub(super) fn parts(&self) -> Result<Arc<OpenerParts>> {
        self.parts.enter_waiting().map(|parts| Arc::clone(&parts))
    }

    fn change<R>(&self, work: impl FnOnce(&mut OpenerParts) -> R) -> Result<bulla_status> {
        self.parts.change(work)?;
        Ok(BULLA_OK)
    }
}

/// Checks the arguments that the `_new` functions have in common, and makes the handle.
unsafe fn make(
    opener: *mut *mut bulla_opener,
    policy: *const bulla_policy,
    who: impl FnOnce() -> Result<(Option<Arc<Keys>>, Option<String>)>,
    replay: impl FnOnce() -> Result<Memory>,
) -> Result<bulla_status> {
    let out = Out::new(opener, "opener is NULL")?;
    // SAFETY: as the contract says.
    let policy = unsafe { shared(policy, "policy is NULL") }?.get()?;
    let (keys, reader) = who()?;
    let parts = OpenerParts {
        keys,
        policy,
        replay: replay()?,
        clock: Arc::new(SystemClock),
        reader,
        cache: None,
    };
    out.give(bulla_opener {
        parts: Exclusive::new(Arc::new(parts)),
    });
    Ok(BULLA_OK)
}

type Who = (Option<Arc<Keys>>, Option<String>);

unsafe fn reader_of(identity: *const bulla_identity) -> Result<Who> {
    // SAFETY: as the contract says.
    let identity = unsafe { shared(identity, "identity is NULL") }?;
    Ok((Some(identity.keys()?), None))
}

unsafe fn reader_named(reader: *const c_char) -> Result<Who> {
    // SAFETY: as the contract says.
    let reader = unsafe { text(reader, "reader is NULL") }?;
    Ok((None, Some(reader.to_string())))
}

unsafe fn guarded(guard: *const bulla_guard) -> Result<Memory> {
    let what = "guard is NULL: only the functions whose names say unguarded do without one";
    // SAFETY: as the contract says.
    let guard = unsafe { shared(guard, what) }?;
    Ok(Memory::Guarded(Arc::clone(&guard.guard)))
}

/// Makes an opener of sealed envelopes.
///
/// @param identity The reader.
/// @param policy What is accepted; it must name senders. Later changes of it have no effect on the opener.
/// @param guard The replay guard.
/// @param opener Receives the opener; free it with bulla_opener_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_opener_new(
    identity: *const bulla_identity,
    policy: *const bulla_policy,
    guard: *const bulla_guard,
    opener: *mut *mut bulla_opener,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        make(opener, policy, || reader_of(identity), || guarded(guard))
    })
}

/// Makes an opener of sealed envelopes without a replay guard: the same message is accepted as often as it comes.
///
/// @param identity The reader.
/// @param policy What is accepted; it must name senders. Later changes of it have no effect on the opener.
/// @param opener Receives the opener; free it with bulla_opener_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_opener_new_unguarded(
    identity: *const bulla_identity,
    policy: *const bulla_policy,
    opener: *mut *mut bulla_opener,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        make(
            opener,
            policy,
            || reader_of(identity),
            || Ok(Memory::Unguarded),
        )
    })
}

/// Makes an opener of archived envelopes: everything is checked but freshness, and bulla_message_is_fresh() says so.
///
/// @param identity The reader.
/// @param policy What is accepted; it must name senders.
/// @param opener Receives the opener; free it with bulla_opener_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_opener_new_archive(
    identity: *const bulla_identity,
    policy: *const bulla_policy,
    opener: *mut *mut bulla_opener,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        make(
            opener,
            policy,
            || reader_of(identity),
            || Ok(Memory::Archive),
        )
    })
}

/// Makes an opener of signed envelopes, which verifies them. It has no key, so the guard knows it by a name.
///
/// @param reader The name of the reader, closed with NUL: each reader that is to accept a message once for itself has its own.
/// @param policy What is accepted; it must name senders.
/// @param guard The replay guard.
/// @param opener Receives the opener; free it with bulla_opener_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_verifier_new(
    reader: *const c_char,
    policy: *const bulla_policy,
    guard: *const bulla_guard,
    opener: *mut *mut bulla_opener,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        make(opener, policy, || reader_named(reader), || guarded(guard))
    })
}

/// Makes an opener of signed envelopes without a replay guard: the same message is accepted as often as it comes.
///
/// @param policy What is accepted; it must name senders.
/// @param opener Receives the opener; free it with bulla_opener_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_verifier_new_unguarded(
    policy: *const bulla_policy,
    opener: *mut *mut bulla_opener,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        make(
            opener,
            policy,
            || Ok((None, None)),
            || Ok(Memory::Unguarded),
        )
    })
}

/// Makes an opener of archived signed envelopes: everything is checked but freshness, and bulla_message_is_fresh() says so.
///
/// @param policy What is accepted; it must name senders.
/// @param opener Receives the opener; free it with bulla_opener_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_verifier_new_archive(
    policy: *const bulla_policy,
    opener: *mut *mut bulla_opener,
    error: *mut bulla_error,
) -> bulla_status {
    // SAFETY: as the contract says.
    entry(error, || unsafe {
        make(opener, policy, || Ok((None, None)), || Ok(Memory::Archive))
    })
}

/// Goes by a clock of the host's from now on.
///
/// @param opener The opener.
/// @param host_clock The clock.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_opener_clock(
    opener: *mut bulla_opener,
    host_clock: *const bulla_clock,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (opener, clock) = unsafe { (shared(opener, "opener is NULL")?, clock(host_clock)?) };
        opener.change(|parts| replace(&mut parts.clock, Arc::clone(clock)))
    })
}

/// By which name the guard knows the reader, instead of by its signing key: for readers that share a key and are each to
/// accept a message once.
///
/// @param opener An opener of sealed envelopes; those of signed ones have their name from the beginning.
/// @param reader The name, closed with NUL.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_opener_reader_name(
    opener: *mut bulla_opener,
    reader: *const c_char,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (opener, reader) = unsafe {
            (
                shared(opener, "opener is NULL")?,
                text(reader, "reader is NULL")?,
            )
        };
        if opener.parts()?.keys.is_none() {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "an opener of signed envelopes has its name from the beginning",
            ));
        }
        opener.change(|parts| parts.reader = Some(reader.to_string()))
    })
}

/// Remembers the keys of senders' sessions, which saves most of the work for each further envelope of one.
///
/// @param opener An opener of sealed envelopes.
/// @param sessions How many sessions at most.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_opener_cache(
    opener: *mut bulla_opener,
    sessions: usize,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let opener = unsafe { shared(opener, "opener is NULL") }?;
        if sessions > 1 << 20 {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "more than a million sessions",
            ));
        }
        let cache = Arc::new(SessionCache::new(sessions));
        opener.change(|parts| parts.cache.replace(cache))
    })
}

/// Frees an opener; streams made with it go on.
///
/// @param opener The opener; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_opener_free(opener: *mut bulla_opener) {
    // SAFETY: as the contract says.
    unsafe { free(opener) }
}
