//! Connections to the server: each wait is bounded, and one that failed in any way is never used again.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Instant;

use redis::{Client, Connection, ServerError, Value};

use super::script::Script;
use crate::error::{Error, ErrorKind, Result};

/// A connection that was idle for longer is asked whether it lives before anything depends on it.
const FRESH: Duration = Duration::from_secs(1);

pub(super) const fn unavailable(detail: &'static str) -> Error {
    Error::with(ErrorKind::GuardUnavailable, detail)
}

pub(super) struct Settings {
    pub(super) client: Client,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) connections: usize,
    pub(super) allow_unknown_eviction: bool,
    /// What connects at this moment, abandoned attempts included.
    pub(super) connecting: AtomicUsize,
}

pub(super) struct Link {
    connection: Connection,
    used: Instant,
}

impl Link {
    /// Connects in a thread of its own, for not every wait in it can be bounded (names, local sockets).
    fn open(settings: &Arc<Settings>) -> Result<Self> {
        if settings.connecting.fetch_add(1, Ordering::AcqRel) >= settings.connections {
            settings.connecting.fetch_sub(1, Ordering::AcqRel);
            return Err(unavailable("the server does not take connections"));
        }
        let (sender, receiver) = mpsc::sync_channel(1);
        let own = Arc::clone(settings);
        let spawned = thread::Builder::new().spawn(move || {
            let link = Self::connect(&own);
            own.connecting.fetch_sub(1, Ordering::AcqRel);
            // Where nobody waits any more, the connection is closed.
            drop(sender.send(link));
        });
        if spawned.is_err() {
            settings.connecting.fetch_sub(1, Ordering::AcqRel);
            return Err(unavailable("no thread could be started to connect"));
        }
        receiver
            .recv_timeout(settings.connect_timeout)
            .map_err(|_| {
                unavailable("the server does not answer: it could not be connected to in time")
            })?
    }

    fn connect(settings: &Settings) -> Result<Self> {
        let connection = settings
            .client
            .get_connection_with_timeout(settings.connect_timeout)
            .map_err(|error| match error.kind() {
                redis::ErrorKind::AuthenticationFailed => {
                    unavailable("the server does not accept the user name and password")
                }
                redis::ErrorKind::InvalidClientConfig => {
                    unavailable("the URL of the server cannot be used: see its host and its options")
                }
                _ => unavailable("the server cannot be connected to: see its address, its certificate, and that it runs"),
            })?;
        let timeout = Some(settings.response_timeout);
        connection
            .set_read_timeout(timeout)
            .and_then(|()| connection.set_write_timeout(timeout))
            .map_err(|_| unavailable("a timeout could not be set"))?;
        let mut link = Self {
            connection,
            used: Instant::now(),
        };
        link.check(settings.allow_unknown_eviction)?;
        Ok(link)
    }

    /// Only a master that forgets nothing by itself will do. Asked on every connection, for settings and roles change.
    fn check(&mut self, allow_unknown_eviction: bool) -> Result<()> {
        // Who may not ask for the role learns it from the first write.
        if self
            .info("replication", "role:")
            .is_some_and(|role| role != "master")
        {
            return Err(unavailable("this server is a replica: name the master"));
        }
        let policy = self
            .info("memory", "maxmemory_policy:")
            .or_else(|| self.configured_policy());
        match policy.as_deref() {
            Some("noeviction") => Ok(()),
            Some(_) => Err(unavailable(
                "the server may evict what the guard remembers: set its maxmemory-policy to noeviction",
            )),
            None if allow_unknown_eviction => Ok(()),
            None => Err(unavailable(
                "the server does not tell its maxmemory-policy: let this user call INFO, or allow an unknown policy",
            )),
        }
    }

    fn info(&mut self, section: &str, field: &str) -> Option<String> {
        let reply = self.command(&[b"INFO", section.as_bytes()]).ok()?;
        let text = match reply {
            Value::BulkString(bytes) => String::from_utf8(bytes).ok()?,
            Value::VerbatimString { text, .. } => text,
            _ => return None,
        };
        text.lines()
            .find_map(|line| line.strip_prefix(field))
            .map(String::from)
    }

    fn configured_policy(&mut self) -> Option<String> {
        let reply = self
            .command(&[b"CONFIG", b"GET", b"maxmemory-policy"])
            .ok()?;
        let value = match reply {
            Value::Array(pair) => pair.into_iter().nth(1)?,
            Value::Map(pairs) => pairs.into_iter().next()?.1,
            _ => return None,
        };
        match value {
            Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// Sends a command and reads its reply, which may be that it was refused.
    fn command(&mut self, parts: &[&[u8]]) -> Result<Value> {
        self.connection
            .send_packed_command(&pack(parts))
            .and_then(|()| self.connection.recv_response())
            .map_err(|error| {
                if error.is_timeout() {
                    unavailable("the server does not answer in time")
                } else {
                    unavailable("the connection to the server broke")
                }
            })
    }

    fn lives(&mut self) -> bool {
        self.used.elapsed() < FRESH
            || matches!(self.command(&[b"PING"]), Ok(Value::SimpleString(answer)) if answer == "PONG")
    }
}

/// RESP: an array of strings.
fn pack(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes =
        Vec::with_capacity(64 + parts.iter().map(|part| part.len() + 16).sum::<usize>());
    let line = |bytes: &mut Vec<u8>, mark: u8, number: usize| {
        let mut digits = [0_u8; 20];
        let mut rest = number;
        let mut length = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            length += 1;
            if rest == 0 {
                break;
            }
        }
        bytes.push(mark);
        bytes.extend(digits.iter().skip(20 - length));
        bytes.extend(b"\r\n");
    };
    line(&mut bytes, b'*', parts.len());
    for part in parts {
        line(&mut bytes, b'$', part.len());
        bytes.extend_from_slice(part);
        bytes.extend(b"\r\n");
    }
    bytes
}

#[derive(Default)]
struct Links {
    idle: Vec<Link>,
    out: usize,
}

pub(super) struct Pool {
    pub(super) settings: Arc<Settings>,
    links: Mutex<Links>,
    freed: Condvar,
    keys: Vec<Vec<u8>>,
}

impl Pool {
    pub(super) fn new(settings: Settings, keys: Vec<Vec<u8>>) -> Self {
        Self {
            settings: Arc::new(settings),
            links: Mutex::default(),
            freed: Condvar::new(),
            keys,
        }
    }

    /// Runs a script and reads its reply; a reply that cannot be read is as bad as none.
    pub(super) fn call<T>(
        &self,
        script: Script,
        args: &[&[u8]],
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<T> {
        let mut link = self.take()?;
        let outcome = Self::run(&mut link, &self.keys, script, args);
        let outcome = match outcome {
            Ok(Value::ServerError(refusal)) => Err(refused(&refusal)),
            Ok(value) => read(value)
                .ok_or_else(|| unavailable("the server gave an answer that is not understood")),
            Err(error) => Err(error),
        };
        // After anything else than an answer, or that the server is full, nothing is known about the connection.
        let sound = match &outcome {
            Ok(_) => true,
            Err(error) => *error == ErrorKind::GuardFull,
        };
        self.give(sound.then_some(link));
        outcome
    }

    fn run(link: &mut Link, keys: &[Vec<u8>], script: Script, args: &[&[u8]]) -> Result<Value> {
        let name = script.name();
        let count = keys.len().to_string();
        let mut parts: Vec<&[u8]> = Vec::with_capacity(3 + keys.len() + args.len());
        parts.extend([b"EVALSHA", name.as_bytes(), count.as_bytes()]);
        parts.extend(keys.iter().map(Vec::as_slice));
        parts.extend(args);
        let reply = link.command(&parts)?;
        match reply {
            // It was not run.
            Value::ServerError(refusal) if refusal.code() == "NOSCRIPT" => {
                if let Some([verb, what]) = parts.first_chunk_mut::<2>() {
                    (*verb, *what) = (b"EVAL", script.source().as_bytes());
                }
                link.command(&parts)
            }
            reply => Ok(reply),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Links> {
        // Every change under this lock is whole in itself.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Link> {
        let deadline = Instant::now() + self.settings.response_timeout;
        let mut links = self.lock();
        loop {
            if let Some(mut link) = links.idle.pop() {
                links.out += 1;
                drop(links);
                if link.lives() {
                    return Ok(link);
                }
                self.give(None);
                links = self.lock();
            } else if links.out < self.settings.connections {
                links.out += 1;
                drop(links);
                return Link::open(&self.settings).inspect_err(|_| self.give(None));
            } else {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(unavailable("all connections are busy: allow more of them"));
                }
                links = self
                    .freed
                    .wait_timeout(links, left)
                    .map_or_else(|poisoned| poisoned.into_inner().0, |(links, _)| links);
            }
        }
    }

    /// Gives back a connection, or, if it broke, the right to have one: then the others are not trusted either.
    fn give(&self, link: Option<Link>) {
        let mut links = self.lock();
        links.out = links.out.saturating_sub(1);
        let stale = match link {
            Some(mut link) => {
                link.used = Instant::now();
                links.idle.push(link);
                Vec::new()
            }
            None => core::mem::take(&mut links.idle),
        };
        drop(links);
        drop(stale);
        self.freed.notify_one();
    }
}

fn refused(refusal: &ServerError) -> Error {
    let details = refusal.details().unwrap_or_default();
    match refusal.code() {
        // Old servers wrap what happens inside a script.
        code if code == "OOM" || details.contains("OOM command not allowed") => Error::with(
            ErrorKind::GuardFull,
            "the server has no memory left: raise its maxmemory",
        ),
        "CLOCK" => unavailable(
            "this clock is far ahead of the server's: set it right, or that of the server",
        ),
        "READONLY" => unavailable("the server became a replica"),
        "MOVED" | "ASK" | "CROSSSLOT" | "CLUSTERDOWN" => unavailable(
            "the server is a node of a cluster, and another one has the store: name that",
        ),
        "NOPERM" | "NOAUTH" => {
            unavailable("the server does not let this user run the guard's scripts")
        }
        "LOADING" | "BUSY" | "MASTERDOWN" | "MISCONF" | "NOREPLICAS" => {
            unavailable("the server takes no writes now: see its log")
        }
        _ => unavailable("the server refused"),
    }
}
