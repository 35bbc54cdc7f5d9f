//! A connection to the server, of the client crate: each wait for it is bounded, and one that failed in any way is never used
//! again.

use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use redis::{Client, Cmd, Connection, ConnectionLike, Value};

use crate::error::{Error, ErrorKind, Result};

/// A connection that was idle for longer is asked whether it lives before anything depends on it.
const FRESH: Duration = Duration::from_secs(1);

pub(super) const NOT_UNDERSTOOD: &str =
    "the server gave an answer that is not understood: see that it is a Redis or Valkey server";

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
    pub(super) used: Instant,
}

/// What connects, until it has or a panic ends it.
struct Connecting(Arc<Settings>);

impl Drop for Connecting {
    fn drop(&mut self) {
        self.0.connecting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Link {
    /// Connects in a thread of its own, for not every wait in it can be bounded (names, local sockets).
    pub(super) fn open(settings: &Arc<Settings>) -> Result<Self> {
        if settings.connecting.fetch_add(1, Ordering::AcqRel) >= settings.connections {
            settings.connecting.fetch_sub(1, Ordering::AcqRel);
            return Err(unavailable("the server does not take connections"));
        }
        let (sender, receiver) = mpsc::sync_channel(1);
        let own = Arc::clone(settings);
        let spawned = thread::Builder::new().spawn(move || {
            let connecting = Connecting(own);
            let link = Self::connect(&connecting.0);
            drop(connecting);
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
        let role = self.info("replication", "role:")?;
        if role.is_some_and(|role| role != "master") {
            return Err(unavailable("this server is a replica: name the master"));
        }
        let policy = match self.info("memory", "maxmemory_policy:")? {
            None => self.configured_policy()?,
            policy => policy,
        };
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

    /// `None` if the server refuses to tell, or does not know. Whatever else is no answer ends the connection: one that came
    /// later would be read as the answer to the next command.
    fn info(&mut self, section: &str, field: &str) -> Result<Option<String>> {
        let text = match self.command(redis::cmd("INFO").arg(section))? {
            Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Value::VerbatimString { text, .. } => text,
            Value::ServerError(_) => return Ok(None),
            _ => return Err(unavailable(NOT_UNDERSTOOD)),
        };
        Ok(text
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .map(String::from))
    }

    /// The same as for [`info`](Self::info).
    fn configured_policy(&mut self) -> Result<Option<String>> {
        let mut command = redis::cmd("CONFIG");
        let value = match self.command(command.arg("GET").arg("maxmemory-policy"))? {
            Value::Array(pair) => pair.into_iter().nth(1),
            Value::Map(pairs) => pairs.into_iter().next().map(|(_, value)| value),
            Value::ServerError(_) => None,
            _ => return Err(unavailable(NOT_UNDERSTOOD)),
        };
        match value {
            None => Ok(None),
            Some(Value::BulkString(bytes)) => {
                Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
            }
            Some(_) => Err(unavailable(NOT_UNDERSTOOD)),
        }
    }

    /// Sends a command and reads its reply, which may be that it was refused. After an error the connection is of no more use.
    pub(super) fn command(&mut self, command: &Cmd) -> Result<Value> {
        self.connection.req_command(command).map_err(|error| {
            unavailable(if error.is_timeout() {
                "the server does not answer in time"
            } else if error.is_io_error() {
                "the connection to the server broke"
            } else {
                NOT_UNDERSTOOD
            })
        })
    }

    pub(super) fn lives(&mut self) -> bool {
        self.used.elapsed() < FRESH
            || matches!(self.command(&redis::cmd("PING")), Ok(Value::SimpleString(answer)) if answer == "PONG")
    }
}
