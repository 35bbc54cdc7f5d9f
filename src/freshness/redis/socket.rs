//! The way to the server: TCP, TLS over it, or a local socket. Each exchange on it has a deadline, which bounds all reads and
//! writes of it together: a timeout for each alone would let a server that drips hold its caller for as long as it likes.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// How long a thread that waits stays awake, and lets others run: to be put to sleep and woken costs more than a short wait.
const AWAKE: Duration = Duration::from_micros(50);

/// Where the server is.
pub(super) enum Place {
    Tcp(String, u16),
    Tls(String, u16, Arc<ClientConfig>),
    #[cfg(unix)]
    Local(std::path::PathBuf),
}

/// A connection, in the clear or not.
pub(super) enum Socket {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Socket {
    /// Connects until the deadline; looking up a name is not bounded.
    pub(super) fn connect(place: &Place, deadline: Instant) -> Result<Self> {
        match place {
            Place::Tcp(host, port) => Ok(Self::Plain(tcp(host, *port, deadline)?)),
            Place::Tls(host, port, config) => {
                let name = ServerName::try_from(host.to_owned())
                    .map_err(|_| Error::from(ErrorKind::InvalidInput))?;
                let session =
                    ClientConnection::new(Arc::clone(config), name).map_err(Error::other)?;
                let stream = StreamOwned::new(session, tcp(host, *port, deadline)?);
                Ok(Self::Tls(Box::new(stream)))
            }
            #[cfg(unix)]
            Place::Local(path) => {
                let raw = Raw::Local(std::os::unix::net::UnixStream::connect(path)?);
                Ok(Self::Plain(Timed::new(raw, deadline)?))
            }
        }
    }

    /// From now on, everything together may take so long.
    pub(super) fn allow(&mut self, time: Duration) {
        match self {
            Self::Plain(timed) => timed.allow(time),
            Self::Tls(stream) => stream.sock.allow(time),
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Plain(timed) => timed.write_all(bytes),
            Self::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Reads what has come, at least a byte, or nothing at the end.
    pub(super) fn receive(&mut self, into: &mut [u8]) -> Result<usize> {
        loop {
            let read = match self {
                Self::Plain(timed) => timed.read(into),
                Self::Tls(stream) => stream.read(into),
            };
            match read {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

fn tcp(host: &str, port: u16, deadline: Instant) -> Result<Timed> {
    let mut failed = Error::from(ErrorKind::NotFound);
    for address in (host, port).to_socket_addrs()? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Timed::new(Raw::Tcp(stream), deadline);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

enum Raw {
    Tcp(TcpStream),
    #[cfg(unix)]
    Local(std::os::unix::net::UnixStream),
}

impl Raw {
    fn set_nonblocking(&self, is: bool) -> Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nonblocking(is),
            #[cfg(unix)]
            Self::Local(stream) => stream.set_nonblocking(is),
        }
    }

    fn set_timeouts(&self, time: Duration) -> Result<()> {
        let time = Some(time);
        match self {
            Self::Tcp(stream) => stream
                .set_read_timeout(time)
                .and_then(|()| stream.set_write_timeout(time)),
            #[cfg(unix)]
            Self::Local(stream) => stream
                .set_read_timeout(time)
                .and_then(|()| stream.set_write_timeout(time)),
        }
    }
}

/// A socket whose reads and writes end at a deadline, or a sixteenth of the time later.
pub(super) struct Timed {
    raw: Raw,
    deadline: Instant,
    /// How long all may take.
    time: Duration,
    /// What the system was told about one wait.
    told: Duration,
}

impl Timed {
    fn new(raw: Raw, deadline: Instant) -> Result<Self> {
        raw.set_nonblocking(true)?;
        Ok(Self {
            raw,
            deadline,
            time: deadline.saturating_duration_since(Instant::now()),
            told: Duration::ZERO,
        })
    }

    fn allow(&mut self, time: Duration) {
        self.time = time;
        self.deadline = Instant::now() + time;
    }

    /// Reads or writes as soon as that can be done: first asks again and again for a moment, then sleeps.
    fn when_ready(&mut self, mut act: impl FnMut(&mut Raw) -> Result<usize>) -> Result<usize> {
        let began = Instant::now();
        let left = self.deadline.saturating_duration_since(began);
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        loop {
            match act(&mut self.raw) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
            if began.elapsed() >= AWAKE.min(left) {
                break;
            }
            thread::yield_now();
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        if self.told.abs_diff(left) > self.time / 16 {
            self.raw.set_timeouts(left)?;
            self.told = left;
        }
        self.raw.set_nonblocking(false)?;
        let done = act(&mut self.raw);
        self.raw.set_nonblocking(true)?;
        done
    }
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        self.when_ready(|raw| match raw {
            Raw::Tcp(stream) => stream.read(into),
            #[cfg(unix)]
            Raw::Local(stream) => stream.read(into),
        })
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.when_ready(|raw| match raw {
            Raw::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Raw::Local(stream) => stream.write(bytes),
        })
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
