//! How a guard reaches its server, and how much it may keep there.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::AtomicUsize;
use core::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, TlsCertificates,
};

use super::RedisGuard;
use super::link::Settings;
use super::pool::Pool;
use super::script;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::policy::MAX_SKEW;
use crate::freshness::table::Limits;

/// Default of both timeouts.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Bounds of the timeouts.
const TIMEOUTS: core::ops::RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_secs(60);
const CONNECTIONS: usize = 8;
const PREFIX: &str = "bulla";
/// About 400 bytes each: 4 GB for the listed senders.
const LIMITS: Limits = Limits {
    known: 10_000_000,
    strangers: 1_000_000,
    per_sender: 5_000_000,
    per_stranger: 100_000,
};

/// Settings of a [`RedisGuard`].
///
/// ```no_run
/// # fn main() -> bulla::Result<()> {
/// use std::time::Duration;
/// let guard = bulla::RedisGuardBuilder::new("redis://127.0.0.1/")?
///     .prefix("mail")
///     .response_timeout(Duration::from_millis(500))
///     .connect()?;
/// # let _ = guard; Ok(()) }
/// ```
pub struct RedisGuardBuilder {
    info: ConnectionInfo,
    prefix: String,
    connect_timeout: Duration,
    response_timeout: Duration,
    connections: usize,
    limits: Limits,
    allow_unknown_eviction: bool,
    clock_ahead: u64,
    expected: Option<String>,
    roots: Option<Vec<u8>>,
    own: Option<(Vec<u8>, Vec<u8>)>,
}

fn wrong(detail: &'static str) -> Error {
    Error::with(ErrorKind::InvalidInput, detail)
}

impl RedisGuardBuilder {
    /// Settings for the server of this URL: `redis://user:password@host:port/db`, `rediss://…` for TLS,
    /// `unix:///path?db=0&user=…&pass=…`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if it is no such URL, or asks for TLS without checks.
    pub fn new(url: &str) -> Result<Self> {
        let info = url.into_connection_info().map_err(|_| {
            wrong("the URL of the server is not understood: redis://user:password@host:port/db")
        })?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
            return Err(wrong(
                "TLS without checks is no protection: leave #insecure out of the URL",
            ));
        }
        Ok(Self {
            info,
            prefix: PREFIX.to_owned(),
            connect_timeout: TIMEOUT,
            response_timeout: TIMEOUT,
            connections: CONNECTIONS,
            limits: LIMITS,
            allow_unknown_eviction: false,
            clock_ahead: MAX_SKEW,
            expected: None,
            roots: None,
            own: None,
        })
    }

    /// Under which prefix the keys stand on the server: `bulla` if not said. Guards of one prefix are one guard.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// How long connecting may take, checks included: 2 s if not said; from 1 ms to 60 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the server may be silent, and how long a free connection is waited for: 2 s if not said; from 1 ms to 60 s.
    ///
    /// This bounds each read, and neither a whole reply nor its length. A server that means harm, or whoever answers in its
    /// place where there is no TLS, can drip: with a byte now and then it holds as many callers as there are connections for
    /// as long as it likes. All others are refused, each after three times the sum of both timeouts at the latest; while one
    /// plain claim (without lease, order and challenge) is held so, all other plain claims are. What it announces costs no
    /// memory; what it really sends as one reply is kept until that is whole. Nothing is accepted by this that the server
    /// could not have made accepted anyway.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// How many connections it may have at a time: 8 if not said, at least 1.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// How many entries there may be: of listed senders, of strangers, of any one listed sender, and of any one stranger.
    /// It knows as many ordered streams, and expects as many answers to challenges.
    ///
    /// If not said, 10 million, 1 million, 5 million and 100 000. An entry takes about 400 bytes on the server, and its receipt.
    /// The server's `maxmemory` bounds all of it.
    #[must_use]
    pub fn limits(
        mut self,
        known: usize,
        strangers: usize,
        per_sender: usize,
        per_stranger: usize,
    ) -> Self {
        self.limits = Limits {
            known,
            strangers,
            per_sender,
            per_stranger,
        };
        self
    }

    /// As [`limits`](Self::limits), as the other guards take them.
    #[must_use]
    pub fn guard_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Trusts only these root certificates (PEM) instead of those of the system.
    #[must_use]
    pub fn root_certificates(mut self, pem: &[u8]) -> Self {
        self.roots = Some(pem.to_vec());
        self
    }

    /// Shows the server this certificate, with this key (both PEM).
    #[must_use]
    pub fn client_certificate(mut self, certificate: &[u8], key: &[u8]) -> Self {
        self.own = Some((certificate.to_vec(), key.to_vec()));
        self
    }

    /// Accepts a server that does not tell its `maxmemory-policy`. See to it that it is `noeviction`: a server that evicts
    /// forgets what was accepted.
    #[must_use]
    pub fn allow_unknown_eviction(mut self, allow: bool) -> Self {
        self.allow_unknown_eviction = allow;
        self
    }

    /// How far ahead of the server's clock a reader's may be, in seconds: [`MAX_SKEW`](crate::MAX_SKEW) if not said. One that
    /// is further ahead is refused (`GuardUnavailable`), for the time it shows would be that of the whole fleet, and could not
    /// be taken back.
    ///
    /// What more of it risks: one reader with a clock that is wrong by so much makes everything look expired to all readers for
    /// as long (refused, not accepted), and what it makes look over is dropped for good; only a new store helps sooner. What
    /// less of it risks: a reader, or the server, whose clock is a little off is refused. Where the times of messages are not
    /// those of the server's clock (a replay of the past, a simulation) it can be `u64::MAX`: then no clock is compared.
    #[must_use]
    pub fn max_clock_ahead(mut self, seconds: u64) -> Self {
        self.clock_ahead = seconds;
        self
    }

    /// Uses only the store of this [id](RedisGuard::store_id), and makes none.
    #[must_use]
    pub fn expect_store(mut self, id: &str) -> Self {
        self.expected = Some(id.to_owned());
        self
    }

    /// Connects, and finds or makes the store.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if a setting is not acceptable; [`ErrorKind::GuardUnavailable`] if the server cannot be
    /// reached or used, may evict entries, is a replica, or has not the expected store; [`ErrorKind::GuardFull`] if it has no
    /// memory left.
    pub fn connect(self) -> Result<RedisGuard> {
        let plain = |c: u8| c.is_ascii_graphic() && !b"{}".contains(&c);
        if !(1..=64).contains(&self.prefix.len()) || !self.prefix.bytes().all(plain) {
            return Err(wrong(
                "a prefix is 1 to 64 visible ASCII characters without braces",
            ));
        }
        if [self.connect_timeout, self.response_timeout]
            .iter()
            .any(|timeout| !TIMEOUTS.contains(timeout))
        {
            return Err(wrong("a timeout is from 1 ms to 60 s"));
        }
        if self.expected.as_ref().is_some_and(String::is_empty) {
            return Err(wrong("the id of the expected store is empty"));
        }
        let keys = script::keys(&self.prefix);
        let (limits, ahead, expected) = (self.limits, self.clock_ahead, self.expected.clone());
        let pool = Pool::new(
            Settings {
                connect_timeout: self.connect_timeout,
                response_timeout: self.response_timeout,
                connections: self.connections,
                allow_unknown_eviction: self.allow_unknown_eviction,
                connecting: AtomicUsize::new(0),
                client: self.client()?,
            },
            keys,
        );
        RedisGuard::open(pool, limits, ahead, expected.as_deref())
    }

    fn client(self) -> Result<Client> {
        let redis = self.info.redis_settings().clone().set_skip_set_lib_name();
        let info = self
            .info
            .set_redis_settings(redis)
            .set_tcp_settings(TcpSettings::default().set_nodelay(true));
        if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            if self.roots.is_some() || self.own.is_some() {
                return Err(wrong(
                    "certificates are for TLS: the URL begins with rediss://",
                ));
            }
            return Client::open(info).map_err(|_| wrong("the URL of the server cannot be used"));
        }
        // Without a default provider rustls panics; one that the program has chosen stays.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let certificates = TlsCertificates {
            client_tls: self.own.map(|(client_cert, client_key)| ClientTlsConfig {
                client_cert,
                client_key,
            }),
            root_cert: self.roots,
        };
        Client::build_with_tls(info, certificates)
            .map_err(|_| wrong("a certificate or its key cannot be read: both are PEM"))
    }
}

impl core::fmt::Debug for RedisGuardBuilder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Not the URL: it may hold a password.
        f.debug_struct("RedisGuardBuilder")
            .field("prefix", &self.prefix)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
