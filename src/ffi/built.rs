//! What needs a feature: the real thing, or, in a library built without it, a stand-in of which there is never one. So the
//! functions are the same in every build, and say what is missing.

use std::path::Path;
use std::string::String;
use std::sync::Arc;

use super::database::bulla_guard_counts;
#[cfg(feature = "sqlite")]
use super::guard_list::{
    BULLA_ENTRY_COMMITTED, BULLA_ENTRY_RELEASED, BULLA_ENTRY_RESERVED, bulla_guard_stream,
};
use super::guard_list::{Stream, bulla_guard_entry};
#[cfg(feature = "sqlite")]
use super::types::bulla_key;
use crate::{GuardLimits, ReplayGuard, Result};

#[cfg(feature = "redis")]
pub(super) use with_redis::redis_guard;
#[cfg(feature = "sqlite")]
pub(super) use with_sqlite::{Database, Durable};
#[cfg(not(feature = "redis"))]
pub(super) use without_redis::redis_guard;
#[cfg(not(feature = "sqlite"))]
pub(super) use without_sqlite::{Database, Durable};

/// What is said to a guard on a server; `None` and `false` are as usual.
#[derive(Default)]
#[cfg_attr(not(feature = "redis"), allow(dead_code))]
pub(super) struct RedisSettings<'a> {
    pub(super) prefix: Option<&'a str>,
    pub(super) expected: Option<&'a str>,
    pub(super) roots: Option<&'a [u8]>,
    /// Certificate and key.
    pub(super) own: Option<(&'a [u8], &'a [u8])>,
    pub(super) limits: Option<GuardLimits>,
    pub(super) connect_ms: Option<u32>,
    pub(super) response_ms: Option<u32>,
    pub(super) connections: Option<u32>,
    pub(super) ahead: Option<u64>,
    pub(super) unknown_eviction: bool,
}

#[cfg(feature = "sqlite")]
mod with_sqlite {
    use std::vec::Vec;

    use super::{Arc, GuardLimits, Path, ReplayGuard, Result, bulla_guard_counts};
    use super::{
        BULLA_ENTRY_COMMITTED, BULLA_ENTRY_RELEASED, BULLA_ENTRY_RESERVED, Stream,
        bulla_guard_entry, bulla_guard_stream, bulla_key,
    };
    use crate::{Digest, EntryState, GuardEntry, GuardStream, SqliteGuard};

    #[derive(Clone)]
    pub(in crate::ffi) struct Database(pub(in crate::ffi) crate::Database);

    impl Database {
        pub(in crate::ffi) fn open(path: &Path, may_create: bool) -> Result<Self> {
            let opened = if may_create {
                crate::Database::open(path)
            } else {
                crate::Database::open_existing(path)
            };
            opened.map(Self)
        }
    }

    pub(in crate::ffi) struct Durable(SqliteGuard);

    impl Durable {
        pub(in crate::ffi) fn new(database: &Database, limits: GuardLimits) -> Result<Self> {
            Ok(Self(SqliteGuard::with(database.0.clone(), limits)))
        }

        pub(in crate::ffi) fn guard(&self) -> Arc<dyn ReplayGuard> {
            Arc::new(self.0.clone())
        }

        pub(in crate::ffi) fn counts(&self) -> Result<bulla_guard_counts> {
            let status = self.0.status()?;
            Ok(bulla_guard_counts {
                reserved: status.reserved,
                released: status.released,
                committed: status.committed,
                strangers: status.strangers,
                streams: status.streams,
                challenges: status.challenges,
                high_water: status.high_water,
                file_bytes: status.file_bytes,
                schema_version: status.schema_version,
            })
        }

        pub(in crate::ffi) fn check(&self) -> Result<()> {
            self.0.check()
        }

        pub(in crate::ffi) fn entries(
            &self,
            after: Option<&Digest>,
            at_most: usize,
        ) -> Result<Vec<bulla_guard_entry>> {
            let found = self.0.entries(after, at_most)?;
            Ok(found.iter().map(bulla_guard_entry::from).collect())
        }

        pub(in crate::ffi) fn streams(
            &self,
            after: Option<&Digest>,
            at_most: usize,
        ) -> Result<Vec<Stream>> {
            let found = self.0.streams(after, at_most)?;
            Ok(found
                .into_iter()
                .map(|stream| (bulla_guard_stream::from(&stream), stream.missing))
                .collect())
        }
    }

    impl From<&GuardEntry> for bulla_guard_entry {
        fn from(entry: &GuardEntry) -> Self {
            let mut to = Self {
                name: entry.key.into(),
                signer: bulla_key {
                    bytes: entry.signer,
                },
                issued: entry.issued,
                keep_until: entry.keep_until,
                stranger: u8::from(entry.stranger),
                ..Self::default()
            };
            // No catch-all: a new state must get a number.
            to.state = match entry.state {
                EntryState::Reserved { until } => {
                    to.lease_until = until;
                    BULLA_ENTRY_RESERVED
                }
                EntryState::Released => BULLA_ENTRY_RELEASED,
                EntryState::Committed { answer } => {
                    // All but the byte of the outcome.
                    to.answer_length = answer.saturating_sub(1);
                    BULLA_ENTRY_COMMITTED
                }
            };
            to
        }
    }

    impl From<&GuardStream> for bulla_guard_stream {
        fn from(stream: &GuardStream) -> Self {
            Self {
                name: stream.name.into(),
                signer: bulla_key {
                    bytes: stream.signer,
                },
                keep_until: stream.keep_until.unwrap_or_default(),
                greatest: stream.greatest.unwrap_or_default(),
                stays: u8::from(stream.keep_until.is_none()),
                has_greatest: u8::from(stream.greatest.is_some()),
                stranger: u8::from(stream.stranger),
                reserved: [0; 5],
            }
        }
    }
}

#[cfg(not(feature = "sqlite"))]
mod without_sqlite {
    use std::vec::Vec;

    use super::{
        Arc, GuardLimits, Path, ReplayGuard, Result, Stream, bulla_guard_counts, bulla_guard_entry,
    };
    use crate::{Digest, Error, ErrorKind};

    #[derive(Clone)]
    pub(in crate::ffi) enum Database {}

    impl Database {
        pub(in crate::ffi) const fn open(_path: &Path, _may_create: bool) -> Result<Self> {
            Err(Error::with(
                ErrorKind::InvalidInput,
                "this library was built without the durable store: build it with the feature sqlite",
            ))
        }
    }

    pub(in crate::ffi) enum Durable {}

    impl Durable {
        pub(in crate::ffi) const fn new(database: &Database, _limits: GuardLimits) -> Result<Self> {
            match *database {}
        }

        pub(in crate::ffi) fn guard(&self) -> Arc<dyn ReplayGuard> {
            match *self {}
        }

        pub(in crate::ffi) const fn counts(&self) -> Result<bulla_guard_counts> {
            match *self {}
        }

        pub(in crate::ffi) const fn check(&self) -> Result<()> {
            match *self {}
        }

        pub(in crate::ffi) const fn entries(
            &self,
            _after: Option<&Digest>,
            _at_most: usize,
        ) -> Result<Vec<bulla_guard_entry>> {
            match *self {}
        }

        pub(in crate::ffi) const fn streams(
            &self,
            _after: Option<&Digest>,
            _at_most: usize,
        ) -> Result<Vec<Stream>> {
            match *self {}
        }
    }
}

#[cfg(feature = "redis")]
mod with_redis {
    use core::time::Duration;
    use std::borrow::ToOwned;

    use super::{Arc, RedisSettings, ReplayGuard, Result, String};
    use crate::RedisGuardBuilder;

    /// The guard, and the id of its store.
    pub(in crate::ffi) fn redis_guard(
        url: &str,
        settings: &RedisSettings<'_>,
    ) -> Result<(Arc<dyn ReplayGuard>, String)> {
        let mut builder = RedisGuardBuilder::new(url)?;
        builder = builder.allow_unknown_eviction(settings.unknown_eviction);
        if let Some(prefix) = settings.prefix {
            builder = builder.prefix(prefix);
        }
        if let Some(id) = settings.expected {
            builder = builder.expect_store(id);
        }
        if let Some(pem) = settings.roots {
            builder = builder.root_certificates(pem);
        }
        if let Some((certificate, key)) = settings.own {
            builder = builder.client_certificate(certificate, key);
        }
        if let Some(limits) = settings.limits {
            builder = builder.guard_limits(limits);
        }
        if let Some(timeout) = settings.connect_ms {
            builder = builder.connect_timeout(Duration::from_millis(timeout.into()));
        }
        if let Some(timeout) = settings.response_ms {
            builder = builder.response_timeout(Duration::from_millis(timeout.into()));
        }
        if let Some(count) = settings.connections {
            builder = builder.connections(usize::try_from(count).unwrap_or(usize::MAX));
        }
        if let Some(seconds) = settings.ahead {
            builder = builder.max_clock_ahead(seconds);
        }
        let guard = builder.connect()?;
        let id = guard.store_id().to_owned();
        Ok((Arc::new(guard), id))
    }
}

#[cfg(not(feature = "redis"))]
mod without_redis {
    use super::{Arc, RedisSettings, ReplayGuard, Result, String};
    use crate::{Error, ErrorKind};

    pub(in crate::ffi) fn redis_guard(
        _url: &str,
        _settings: &RedisSettings<'_>,
    ) -> Result<(Arc<dyn ReplayGuard>, String)> {
        Err(Error::with(
            ErrorKind::InvalidInput,
            "this library was built without Redis: build it with the feature redis",
        ))
    }
}
