//! The connections of a guard, and what becomes of a script that is run over one of them.

use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use redis::{ServerError, Value};

use super::link::{Link, NOT_UNDERSTOOD, Settings, unavailable};
use super::script::Script;
use crate::error::{Error, ErrorKind, Result};
use crate::process::Process;

#[derive(Default)]
struct Links {
    idle: Vec<Link>,
    out: usize,
    /// Who waits for one: waking nobody costs a call of the system too.
    waiting: usize,
}

pub(super) struct Pool {
    pub(super) settings: Arc<Settings>,
    links: Mutex<Links>,
    freed: Condvar,
    keys: Vec<Vec<u8>>,
    process: Process,
}

impl Pool {
    pub(super) fn new(settings: Settings, keys: Vec<Vec<u8>>) -> Self {
        Self {
            settings: Arc::new(settings),
            links: Mutex::default(),
            freed: Condvar::new(),
            keys,
            process: Process::this(),
        }
    }

    /// The connections are those of one process: another one would read its answers.
    pub(super) fn check_process(&self) -> Result<()> {
        self.process.check(
            ErrorKind::GuardUnavailable,
            "it was carried over a fork: connect after the fork",
        )
    }

    /// Runs a script and reads its reply; a reply that cannot be read is as bad as none.
    pub(super) fn call<T>(
        &self,
        script: Script,
        args: &[&[u8]],
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<T> {
        self.check_process()?;
        let (mut link, right) = self.take()?;
        let outcome = Self::run(&mut link, &self.keys, script, args);
        let outcome = match outcome {
            Ok(Value::ServerError(refusal)) => Err(refused(&refusal)),
            Ok(value) => read(value).ok_or_else(|| unavailable(NOT_UNDERSTOOD)),
            Err(error) => Err(error),
        };
        // After anything else than an answer, or that the server is full, nothing is known about the connection.
        let sound = match &outcome {
            Ok(_) => true,
            Err(error) => *error == ErrorKind::GuardFull,
        };
        right.give(sound.then_some(link));
        outcome
    }

    fn run(link: &mut Link, keys: &[Vec<u8>], script: Script, args: &[&[u8]]) -> Result<Value> {
        let keys = keys.get(..script.keys()).unwrap_or(keys);
        let call = |verb: &str, what: &str| {
            let mut command = redis::cmd(verb);
            command.arg(what).arg(keys.len()).arg(keys).arg(args);
            command
        };
        match link.command(&call("EVALSHA", script.name()))? {
            // It was not run.
            Value::ServerError(refusal) if refusal.code() == "NOSCRIPT" => {
                link.command(&call("EVAL", script.source()))
            }
            reply => Ok(reply),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Links> {
        // Every change under this lock is whole in itself.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<(Link, Right<'_>)> {
        let deadline = Instant::now() + self.settings.response_timeout;
        let mut links = self.lock();
        loop {
            if let Some(mut link) = links.idle.pop() {
                links.out += 1;
                drop(links);
                let right = Right(self);
                if link.lives() {
                    return Ok((link, right));
                }
                drop(right);
                links = self.lock();
            } else if links.out < self.settings.connections {
                links.out += 1;
                drop(links);
                let right = Right(self);
                return Ok((Link::open(&self.settings)?, right));
            } else {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(unavailable("all connections are busy: allow more of them"));
                }
                links.waiting += 1;
                links = self
                    .freed
                    .wait_timeout(links, left)
                    .map_or_else(|poisoned| poisoned.into_inner().0, |(links, _)| links);
                links.waiting -= 1;
            }
        }
    }

    /// Gives back a connection, or, if it broke, the right to have one: then the others are not trusted either.
    fn give(&self, link: Option<Link>) {
        let mut links = self.lock();
        links.out = links.out.saturating_sub(1);
        let stale = match link {
            Some(link) => {
                links.idle.push(link);
                Vec::new()
            }
            None => core::mem::take(&mut links.idle),
        };
        let is_awaited = links.waiting > 0;
        drop(links);
        drop(stale);
        if is_awaited {
            self.freed.notify_one();
        }
    }
}

/// The right to one connection, which comes back also after a panic.
struct Right<'a>(&'a Pool);

impl Right<'_> {
    /// With the connection, if it is sound.
    fn give(self, link: Option<Link>) {
        let link = link.map(|mut link| {
            link.used = Instant::now();
            link
        });
        self.0.give(link);
        core::mem::forget(self);
    }
}

impl Drop for Right<'_> {
    fn drop(&mut self) {
        self.0.give(None);
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
