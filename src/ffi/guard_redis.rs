//! The replay guard of a fleet, on a Redis or Valkey server.

use core::ffi::c_char;
use core::mem::offset_of;

use super::buffer::bulla_buffer;
use super::built::{RedisSettings, redis_guard};
use super::guard::{bulla_guard, bulla_guard_limits, limits};
use super::handle::{Out, shared};
use super::input::{Grows, bytes, grown, maybe_text, text};
use super::status::{BULLA_NOTHING, BULLA_OK, bulla_error, bulla_status, entry};
use crate::{Error, ErrorKind, Result};

/// How a guard reaches its server, and how much it may keep there. Set all of it to zero, then `size`, then what is wanted: what
/// is zero is as usual.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bulla_redis_settings {
    /// sizeof(bulla_redis_settings).
    pub size: usize,
    /// Under which prefix the keys stand on the server: 1 to 64 visible ASCII characters without braces, closed with NUL. NULL:
    /// "bulla". Guards of one prefix are one guard.
    pub prefix: *const c_char,
    /// Uses only the store of this id (bulla_guard_store_id()), and makes none; closed with NUL. NULL: any store, and a new one
    /// where there is none.
    pub expected_store: *const c_char,
    /// Trusts only these root certificates (PEM) instead of those of the system. NULL: those of the system.
    pub root_certificates: *const u8,
    /// Length of `root_certificates` in bytes.
    pub root_certificates_length: usize,
    /// The certificate (PEM) that is shown to the server. NULL: none.
    pub client_certificate: *const u8,
    /// Length of `client_certificate` in bytes.
    pub client_certificate_length: usize,
    /// The key (PEM) of that certificate.
    pub client_key: *const u8,
    /// Length of `client_key` in bytes.
    pub client_key_length: usize,
    /// How much it remembers. NULL: 10 million messages of named senders, 5 million of one, 1 million of others, 100 000 of one.
    /// A message takes about 400 bytes on the server.
    pub how_much: *const bulla_guard_limits,
    /// How far ahead of the server's clock a reader's may be, in seconds. 0: 3600.
    pub clock_ahead: u64,
    /// How long connecting may take, in milliseconds, 1 to 60 000. 0: 2000.
    pub connect_timeout: u32,
    /// How long the server may be silent, in milliseconds, 1 to 60 000. 0: 2000.
    pub response_timeout: u32,
    /// How many connections it may have at a time. 0: 8.
    pub connections: u32,
    /// 1: accepts a server that does not tell whether it evicts entries. It must not.
    pub allow_unknown_eviction: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

// SAFETY: pointers and numbers, and the size first.
unsafe impl Grows for bulla_redis_settings {
    const FIRST: usize = offset_of!(Self, reserved) + size_of::<[u8; 3]>();
}

/// What zero does not stand for.
fn set<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

unsafe fn maybe_bytes<'a>(data: *const u8, length: usize) -> Result<Option<&'a [u8]>> {
    if data.is_null() && length == 0 {
        return Ok(None);
    }
    // SAFETY: as the contract says.
    unsafe {
        bytes(
            data,
            length,
            "a certificate or its key is NULL, with a length",
        )
    }
    .map(Some)
}

impl bulla_redis_settings {
    /// What the pointers in it point to.
    unsafe fn read<'a>(&self) -> Result<RedisSettings<'a>> {
        // What a later version means by it, this one would not heed.
        if self.reserved != [0; 3] {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "the field reserved is not zero: set all of the settings to zero first",
            ));
        }
        // SAFETY: as the contract says, all of them.
        let (prefix, expected, roots, certificate, key) = unsafe {
            (
                maybe_text(self.prefix)?,
                maybe_text(self.expected_store)?,
                maybe_bytes(self.root_certificates, self.root_certificates_length)?,
                maybe_bytes(self.client_certificate, self.client_certificate_length)?,
                maybe_bytes(self.client_key, self.client_key_length)?,
            )
        };
        let own = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                return Err(Error::with(
                    ErrorKind::InvalidInput,
                    "a certificate and its key go together",
                ));
            }
        };
        let limits = if self.how_much.is_null() {
            None
        } else {
            // SAFETY: as the contract says.
            Some(unsafe { limits(self.how_much) }?)
        };
        Ok(RedisSettings {
            prefix,
            expected,
            roots,
            own,
            limits,
            connect_ms: set(self.connect_timeout),
            response_ms: set(self.response_timeout),
            connections: set(self.connections),
            ahead: set(self.clock_ahead),
            unknown_eviction: self.allow_unknown_eviction != 0,
        })
    }
}

/// Makes a guard that many processes and machines share, on a Redis or Valkey server. It connects at once; each process that is
/// forked off makes its own. Where the server cannot be reached or is silent nothing is accepted, and no silence is waited for
/// longer than the settings say. A reply that comes drop by drop is waited for as long as it comes.
///
/// What the server forgets, the guard forgets: it must not evict, and its persistence says what a crash costs. A server that
/// comes back empty is noticed by the guards that were connected before, and by those with `expected_store`.
///
/// @param url redis://user:password@host:port/db, rediss:// with the same for TLS, or unix:///path?db=0; closed with NUL. No
///        error shows it.
/// @param settings How to reach it; NULL: all as usual.
/// @param guard Receives the guard; free it with bulla_guard_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_GUARD_UNAVAILABLE if the server cannot be reached or used, may evict entries, is a replica, or has
///         not the expected store; BULLA_GUARD_FULL if it has no memory left; BULLA_INVALID_INPUT for NULL and for settings
///         that are not acceptable, and in a library without the feature "redis".
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_redis(
    url: *const c_char,
    settings: *const bulla_redis_settings,
    guard: *mut *mut bulla_guard,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(guard, "guard is NULL")?;
        // SAFETY: as the contract says.
        let url = unsafe { text(url, "url is NULL") }?;
        let settings = if settings.is_null() {
            RedisSettings::default()
        } else {
            // SAFETY: as the contract says.
            unsafe { grown(settings, "settings is NULL")?.read()? }
        };
        let (guard, id) = redis_guard(url, &settings)?;
        out.give(bulla_guard {
            store: Some(id),
            ..bulla_guard::of(guard)
        });
        Ok(BULLA_OK)
    })
}

/// The id of the store on the server. It stays the same until the server forgets: keep it, and expect it at the next start
/// (`expected_store`), to notice that.
///
/// @param guard The guard.
/// @param id The id, in ASCII, is appended to this buffer, without a closing NUL; at most 64 bytes.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_NOTHING for a guard that is not on a server; BULLA_BUFFER_TOO_SMALL; BULLA_INVALID_INPUT for NULL.
/// Threads: any for the guard, one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_guard_store_id(
    guard: *const bulla_guard,
    id: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (guard, out) = unsafe { (shared(guard, "guard is NULL")?, shared(id, "id is NULL")?) };
        let Some(store) = &guard.store else {
            return Ok(BULLA_NOTHING);
        };
        out.add(store.as_bytes())?;
        Ok(BULLA_OK)
    })
}
