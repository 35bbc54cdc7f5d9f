//! A connection to the server: each command on it is bounded, and one that failed in any way is never used again.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::reply::{self, MAX_REPLY, Progress, Reply};
use super::socket::{Place, Socket};
use crate::error::{Error, ErrorKind, Result};

/// A connection that was idle for longer is asked whether it lives before anything depends on it.
const FRESH: Duration = Duration::from_secs(1);

/// Room for a reply at first, in bytes.
const RECEIVED: usize = 16 << 10;
const NO_WAY: &str =
    "the server cannot be connected to: see its address, its certificate, and that it runs";

const NOT_KNOWN: &str = "the server does not accept the user name and password";

pub(super) const fn unavailable(detail: &'static str) -> Error {
    Error::with(ErrorKind::GuardUnavailable, detail)
}

pub(super) struct Settings {
    pub(super) place: Place,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: i64,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) connections: usize,
    pub(super) allow_unknown_eviction: bool,
    /// What connects at this moment, abandoned attempts included.
    pub(super) connecting: AtomicUsize,
}

pub(super) struct Link {
    socket: Socket,
    timeout: Duration,
    /// The command, as it is sent.
    packed: Vec<u8>,
    /// Room for the reply.
    received: Vec<u8>,
    pub(super) used: Instant,
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
        let socket = Socket::connect(&settings.place, Instant::now() + settings.connect_timeout)
            .map_err(|_| unavailable(NO_WAY))?;
        let mut link = Self {
            socket,
            timeout: settings.response_timeout,
            packed: Vec::new(),
            received: vec![0; RECEIVED],
            used: Instant::now(),
        };
        link.introduce(settings)?;
        link.check(settings.allow_unknown_eviction)?;
        Ok(link)
    }

    /// Says who it is, and chooses the database of the URL.
    fn introduce(&mut self, settings: &Settings) -> Result<()> {
        if let Some(password) = &settings.password {
            let mut parts: Vec<&[u8]> = vec![b"AUTH"];
            parts.extend(settings.user.iter().map(String::as_bytes));
            parts.push(password.as_bytes());
            if !self.command(&parts).map_err(at_the_door)?.is_okay() {
                return Err(unavailable(NOT_KNOWN));
            }
        }
        match self.command(&[b"PING"]).map_err(at_the_door)? {
            Reply::Refused(why) if why.starts_with("NOAUTH") => return Err(unavailable(NOT_KNOWN)),
            _ => {}
        }
        let database = settings.database.to_string();
        if settings.database != 0 && !self.command(&[b"SELECT", database.as_bytes()])?.is_okay() {
            return Err(unavailable(
                "the server does not let this user have the database of the URL",
            ));
        }
        Ok(())
    }

    /// Only a master that forgets nothing by itself will do. Asked on every connection, for settings and roles change.
    fn check(&mut self, allow_unknown_eviction: bool) -> Result<()> {
        // Who may not ask for the role learns it from the first write.
        if self
            .info("replication", "role:")?
            .is_some_and(|role| role != "master")
        {
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

    fn info(&mut self, section: &str, field: &str) -> Result<Option<String>> {
        let Reply::Bytes(bytes) = self.command(&[b"INFO", section.as_bytes()])? else {
            return Ok(None);
        };
        Ok(String::from_utf8_lossy(&bytes)
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .map(String::from))
    }

    fn configured_policy(&mut self) -> Result<Option<String>> {
        let reply = self.command(&[b"CONFIG", b"GET", b"maxmemory-policy"])?;
        Ok(match reply {
            Reply::List(pair) => match pair.into_iter().nth(1) {
                Some(Reply::Bytes(bytes)) => String::from_utf8(bytes).ok(),
                _ => None,
            },
            _ => None,
        })
    }

    /// Sends a command and reads its reply, which may be that it was refused. All of it is bounded, in time and in length.
    pub(super) fn command(&mut self, parts: &[&[u8]]) -> Result<Reply> {
        self.socket.allow(self.timeout);
        pack(&mut self.packed, parts);
        self.socket
            .send(&self.packed)
            .map_err(|error| broken(&error))?;
        let reply = self.receive();
        // What one reply took is not kept for good.
        self.received.truncate(RECEIVED);
        reply
    }

    fn receive(&mut self) -> Result<Reply> {
        let (mut length, mut needed) = (0, 1);
        loop {
            while length < needed {
                // As much as has come, and as much again: never what the server says will come.
                if length == self.received.len() {
                    self.received.resize((2 * length).min(MAX_REPLY), 0);
                }
                let free = self.received.get_mut(length..).unwrap_or_default();
                match self.socket.receive(free).map_err(|error| broken(&error))? {
                    0 => return Err(unavailable(BROKEN)),
                    more => length += more,
                }
            }
            match reply::read(self.received.get(..length).unwrap_or_default()) {
                Progress::Needs(bytes) => needed = bytes,
                // More than what was asked for is no answer either.
                Progress::Whole(reply, end) if end == length => return Ok(reply),
                _ => {
                    return Err(unavailable(
                        "the server gave an answer that is not understood, or too long: see that it is a Redis or Valkey server",
                    ));
                }
            }
        }
    }

    pub(super) fn lives(&mut self) -> bool {
        self.used.elapsed() < FRESH
            || matches!(self.command(&[b"PING"]), Ok(Reply::Word(answer)) if answer == "PONG")
    }
}

const BROKEN: &str = "the connection to the server broke";

fn broken(error: &std::io::Error) -> Error {
    unavailable(match error.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
            "the server does not answer in time"
        }
        _ => BROKEN,
    })
}

/// What goes wrong before the server has said anything is most often TLS, on either side.
fn at_the_door(error: Error) -> Error {
    if error.detail() == BROKEN {
        return unavailable(NO_WAY);
    }
    error
}

/// RESP: an array of strings.
fn pack(bytes: &mut Vec<u8>, parts: &[&[u8]]) {
    bytes.clear();
    line(bytes, b'*', parts.len());
    for part in parts {
        line(bytes, b'$', part.len());
        bytes.extend_from_slice(part);
        bytes.extend(b"\r\n");
    }
}

fn line(bytes: &mut Vec<u8>, mark: u8, number: usize) {
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
}
