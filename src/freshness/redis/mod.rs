//! The replay guard of a fleet, on a Redis or Valkey server.
//!
//! What every guard must do is in spec/guard.md. How this one does it:
//!
//! - **One atomic step.** Every step is a script on the server (`lua/`). Plain claims need one round trip, and those of several
//!   threads share it; where nothing is over and all is new, a script does no more than it must. Everything else looks with
//!   one script, decides with the same rules as all guards, and writes with a second script, which writes nothing if anything
//!   that was looked at has changed; then it looks again, for a bounded time.
//! - **Time.** No key has a time to live: a server clock that is wrong, or is set, or a failover would drop entries early, and a
//!   dropped entry is a replay. The time is the high-water mark of the clocks that readers showed; it is stored, and only rises.
//!   Entries are dropped on the server, in the same step that raises the sweep marks, by the rule of every guard. A reader whose
//!   clock runs ahead makes messages look expired to all; so one that is more than an hour ahead of the server's is refused.
//! - **Memory.** Each claim drops up to four entries that are over and makes one. Limits are those of [`RedisGuardBuilder::limits`],
//!   and the server's `maxmemory`; when it is reached, claims are refused as `GuardFull`. A policy that evicts is refused.
//! - **Bounds.** Connecting has one deadline. After it each read and each write has one, but not a whole reply, nor has its
//!   length a limit, for the client crate offers neither: see [`RedisGuardBuilder::response_timeout`].
//! - **Failure.** Whatever is not an answer is a refusal: the error class is `TryAgain`. A claim whose reply was lost may have
//!   been stored; tried again, it is a copy, not a second `New`.
//!
//! Stored under `{prefix}`: `meta` (id, format, marks, counts, tokens), `entries`, their `times`, `streams`, `challenges`, `rates`.

mod ask;
mod fast;
mod group;
mod link;
mod pool;
mod record;
mod script;
mod settings;
mod shelf;

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use core::time::Duration;
use std::thread;
use std::time::Instant;

use redis::Value;

use self::ask::{of_entry, of_stream};
use self::group::{Group, Plain};
use self::link::unavailable;
use self::pool::Pool;
use self::record::{FORMAT, LAST, bounded};
use self::script::Script;
pub use self::settings::RedisGuardBuilder;
use self::shelf::{Applied, Ask, Found, Step};
use crate::crypto::digest::Digest;
use crate::crypto::random::{Entropy, OsEntropy};
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::entry::{Entry, State};
use crate::freshness::guard::{Claim, Claimed, LeaseToken, ReplayGuard};
use crate::freshness::rate::Rate;
use crate::freshness::rules::{self, Swept};
use crate::freshness::table::Limits;

/// Entries that a claim may drop besides making its own.
const DROPS_PER_CLAIM: usize = 4;
/// Entries that are dropped by one script at most: the server does nothing else meanwhile.
const DROPS_AT_ONCE: usize = 500;

/// A replay guard that many processes and machines share, on a Redis or Valkey server.
///
/// It judges exactly as [`MemoryGuard`](crate::MemoryGuard) does. It can be used by many threads at once, and their claims
/// then share round trips. Each wait for the server is bounded; where it cannot be reached or does not answer as it should, the
/// answer is an error of the class [`TryAgain`](crate::ErrorClass::TryAgain), and nothing is accepted. So it is in a process that
/// was forked off: connect after the fork.
///
/// What the server forgets, the guard forgets:
///
/// - With `appendfsync everysec` a crash of the server's machine forgets the last second, and a failover to a replica what was
///   not replicated yet: copies of messages accepted in that time can then be accepted once more. `appendfsync always` and
///   `min-replicas-to-write` narrow it at the price of speed; a store that must not forget at all is the one on disk.
/// - A server that comes back **empty**, or is emptied, is noticed by every guard that was connected before: it refuses
///   (`GuardUnavailable`) until it is made anew. A guard that connects to an empty server begins a new store, and accepts
///   again what was accepted before and is not over by its own time. A host that wants to notice that keeps the
///   [`store_id`](Self::store_id) and [expects](RedisGuardBuilder::expect_store) it.
/// - A server that comes back with an *older* state, from a backup, is not noticed.
///
/// Its user on the server needs the keys `{bulla}:*` (or those of the [prefix](RedisGuardBuilder::prefix)) and the commands
/// `eval evalsha ping info time hmget hget hset hsetnx hdel hincrby hexists hlen zadd zrem zrangebyscore`.
///
/// ```no_run
/// # fn main() -> bulla::Result<()> {
/// let guard = bulla::RedisGuard::connect("rediss://mail:password@guard.example:6379/0")?;
/// # let _ = guard; Ok(()) }
/// ```
pub struct RedisGuard {
    store: Store,
    group: Group,
}

/// The store on the server, and how to reach it.
struct Store {
    pool: Pool,
    /// Names the store for as long as it remembers.
    id: String,
    limits: Limits,
    limit_texts: [String; 4],
    /// How far ahead of the server's clock a reader's may be, in seconds.
    ahead: String,
}

/// The store is gone, or another one.
fn lost() -> Error {
    unavailable("the server has lost what the guard remembered: see why, then connect anew")
}

fn foreign() -> Error {
    unavailable(
        "the server holds what this version does not understand: use one version, or another prefix",
    )
}

impl RedisGuard {
    /// A guard on the server of this URL, with the settings that a [builder](RedisGuardBuilder) begins with:
    /// `redis://user:password@host:port/db`, `rediss://…` for TLS, `unix:///path?db=0&user=…&pass=…`.
    ///
    /// # Errors
    ///
    /// Those of [`RedisGuardBuilder::connect`].
    pub fn connect(url: &str) -> Result<Self> {
        RedisGuardBuilder::new(url)?.connect()
    }

    /// Names the store on the server. It stays the same until the server forgets, and is then another.
    #[must_use]
    pub fn store_id(&self) -> &str {
        &self.store.id
    }

    fn open(pool: Pool, limits: Limits, ahead: u64, expected: Option<&str>) -> Result<Self> {
        let new = match expected {
            None => new_id()?,
            Some(_) => String::new(),
        };
        let found = pool.call(Script::Born, &[new.as_bytes(), &[FORMAT]], read_born)?;
        let Some((id, format)) = found else {
            return Err(lost());
        };
        if format != [FORMAT] {
            return Err(foreign());
        }
        if expected.is_some_and(|expected| expected != id) {
            return Err(lost());
        }
        Ok(Self {
            store: Store {
                pool,
                id,
                limit_texts: [
                    limits.known,
                    limits.strangers,
                    limits.per_sender,
                    limits.per_stranger,
                ]
                .map(|limit| limit.to_string()),
                limits,
                ahead: ahead.min(LAST).to_string(),
            },
            group: Group::default(),
        })
    }

    /// Takes a step until what it was decided upon stood still meanwhile.
    fn step<T>(
        &self,
        ask: &Ask<'_>,
        mut rule: impl FnMut(&mut Step<'_>) -> Result<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + self.store.pool.settings.response_timeout;
        let mut pause = Duration::from_micros(50);
        let (mut swept, mut forgot) = (false, false);
        loop {
            let mut step = Step::begin(&self.store, ask)?;
            let answer = rule(&mut step)?;
            match step.apply()? {
                Applied::Done => return Ok(answer),
                Applied::Full if !swept => {
                    self.drop_over(ask.now, DROPS_AT_ONCE)?;
                    swept = true;
                }
                Applied::FullOfStreams if !forgot => {
                    self.drop_streams(ask.now)?;
                    forgot = true;
                }
                Applied::Full | Applied::FullOfStreams => {
                    return Err(ErrorKind::GuardFull.into());
                }
                Applied::Changed if Instant::now() >= deadline => {
                    return Err(unavailable("too many change the same at once"));
                }
                Applied::Changed => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(5));
                }
            }
        }
    }

    fn drop_over(&self, now: u64, drops: usize) -> Result<Swept> {
        let ask = Ask {
            now,
            drops,
            ..Ask::default()
        };
        Found::look(&self.store, &ask).map(|found| found.swept)
    }

    /// Drops also streams that are over, which stay as long as their room is not needed.
    fn drop_streams(&self, now: u64) -> Result<()> {
        let ask = Ask {
            now,
            drops: DROPS_AT_ONCE,
            streams: true,
            ..Ask::default()
        };
        Found::look(&self.store, &ask).map(drop)
    }

    /// A claim in one round trip; `None` if it takes more.
    fn claim_plain(&self, claim: &Claim, now: u64) -> Result<Option<Claimed>> {
        self.store.pool.check_process()?;
        let entry = Entry {
            claim: claim.clone(),
            state: State::Committed {
                receipt: Vec::new(),
            },
        };
        let answer = match self.group.claim(&self.store, &entry, now) {
            Err(error) if error == ErrorKind::GuardFull && error.detail().is_empty() => {
                self.drop_over(now, DROPS_AT_ONCE)?;
                self.group.claim(&self.store, &entry, now)?
            }
            answer => answer?,
        };
        Ok(match answer {
            Plain::New => Some(Claimed::New(LeaseToken {
                key: claim.key,
                number: 0,
            })),
            Plain::Forgotten => Some(Claimed::Forgotten),
            Plain::There(stood, now) => {
                let mut met = Entry::clone(&stood);
                // What is over, or would change, is for the rules with all that they need.
                let stands = stood.claim.keep_until > now;
                met.meet(claim, now).filter(|_| stands && met == *stood)
            }
        })
    }
}

fn new_id() -> Result<String> {
    let mut bytes = [0_u8; 32];
    OsEntropy
        .fill(&mut bytes)
        .map_err(|_| unavailable("the random generator of the system failed"))?;
    let mut id = Digest::of(&bytes).to_string();
    id.truncate(32);
    Ok(id)
}

#[allow(clippy::option_option)]
fn read_born(value: Value) -> Option<Option<(String, Vec<u8>)>> {
    let Value::Array(values) = value else {
        return None;
    };
    let values: [Value; 2] = values.try_into().ok()?;
    match values {
        [Value::BulkString(id), Value::BulkString(format)] => {
            Some(Some((core::str::from_utf8(&id).ok()?.to_owned(), format)))
        }
        [Value::Nil, _] => Some(None),
        _ => None,
    }
}

impl core::fmt::Debug for RedisGuard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Not the URL: it may hold a password.
        f.debug_struct("RedisGuard")
            .field("store_id", &self.store.id)
            .field("limits", &self.store.limits)
            .finish_non_exhaustive()
    }
}

impl ReplayGuard for RedisGuard {
    fn observe(&self, now: u64) -> Result<u64> {
        let ask = Ask {
            now,
            drops: DROPS_PER_CLAIM,
            ..Ask::default()
        };
        Ok(Found::look(&self.store, &ask)?.now.max(now))
    }

    fn claim(&self, claim: &Claim, now: u64, lease: Option<u64>) -> Result<Claimed> {
        let claim = bounded(claim);
        if lease.is_none()
            && claim.place.is_none()
            && claim.challenge.is_none()
            && let Some(answer) = self.claim_plain(&claim, now)?
        {
            return Ok(answer);
        }
        let ask = Ask {
            now,
            drops: DROPS_PER_CLAIM,
            token: lease.is_some(),
            scope: Some(&claim.scope),
            stream: claim.place.as_ref().map(|place| &place.stream),
            challenge: claim.challenge.as_ref(),
            ..of_entry(&claim.key)
        };
        self.step(&ask, |step| rules::claim(step, &claim, now, lease))
    }

    fn look(&self, claim: &Claim) -> Result<Option<Vec<u8>>> {
        let claim = bounded(claim);
        self.step(&of_entry(&claim.key), |step| {
            crate::freshness::look::look(step, &claim, 0)
        })
    }

    fn commit(&self, token: &LeaseToken, receipt: &[u8]) -> Result<()> {
        self.step(&of_entry(&token.key), |step| {
            rules::commit(step, token, receipt)
        })?
        .map_err(Into::into)
    }

    fn release(&self, token: &LeaseToken) -> Result<()> {
        self.step(&of_entry(&token.key), |step| rules::release(step, token))
    }

    fn renew(&self, token: &LeaseToken, now: u64, lease: u64) -> Result<()> {
        let ask = Ask {
            now,
            entry: Some(&token.key),
            ..Ask::default()
        };
        self.step(&ask, |step| rules::renew(step, token, now, lease))
    }

    fn sweep(&self, now: u64, at_most: usize) -> Result<usize> {
        rules::sweep_in_steps(at_most, DROPS_AT_ONCE, |step| self.drop_over(now, step))
    }

    fn expect(&self, challenge: &Digest, until: u64, now: u64) -> Result<()> {
        let until = until.min(LAST);
        let ask = Ask {
            now,
            drops: DROPS_PER_CLAIM,
            challenge: Some(challenge),
            ..Ask::default()
        };
        self.step(&ask, |step| rules::expect(step, challenge, until, now))
    }

    fn missing(&self, stream: &Digest) -> Result<Vec<RangeInclusive<u64>>> {
        self.step(&of_stream(stream), |step| rules::missing(step, stream))
    }

    fn skip(&self, stream: &Digest, before: u64) -> Result<()> {
        self.step(&of_stream(stream), |step| rules::skip(step, stream, before))
    }

    fn forget_stream(&self, stream: &Digest) -> Result<bool> {
        self.step(&of_stream(stream), |step| {
            rules::forget_stream(step, stream)
        })
    }

    fn permit(&self, what: &Digest, now: u64, rate: Rate) -> Result<bool> {
        let ask = Ask {
            now,
            drops: DROPS_PER_CLAIM,
            rate: Some(what),
            ..Ask::default()
        };
        self.step(&ask, |step| rules::permit(step, what, now, rate))
    }
}
