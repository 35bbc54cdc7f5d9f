//! A real `redis-server` on loopback, ended with the test, and a proxy before it that can be told to fail.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bulla::{ErrorKind, RedisGuard, RedisGuardBuilder};

pub(crate) fn builder(url: &str) -> RedisGuardBuilder {
    RedisGuardBuilder::new(url)
        .unwrap()
        .connect_timeout(Duration::from_millis(1000))
        .response_timeout(Duration::from_millis(500))
}

pub(crate) fn guard(url: &str) -> RedisGuard {
    builder(url).connect().unwrap()
}

/// Runs something that must be refused as unavailable, in bounded time.
pub(crate) fn unavailable<T: std::fmt::Debug>(run: impl FnOnce() -> bulla::Result<T>) -> String {
    let began = Instant::now();
    let error = run().unwrap_err();
    assert_eq!(error, ErrorKind::GuardUnavailable);
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    error.to_string()
}

pub(crate) struct Server {
    child: Child,
    port: u16,
    args: Vec<String>,
    folder: tempfile::TempDir,
    tls: bool,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

impl Server {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), args, false)
    }

    /// In a folder in which `args` find their files; with TLS and nothing else on the port if so asked.
    pub(crate) fn start_in(folder: tempfile::TempDir, args: &[&str], tls: bool) -> Self {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        // The port was free a moment ago; if somebody took it, another one.
        for _ in 0..5 {
            let port = free_port();
            if let Some(child) = launch(&folder, &args, port, tls) {
                return Self {
                    child,
                    port,
                    args,
                    folder,
                    tls,
                };
            }
        }
        panic!("redis-server does not start");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// After [`kill`](Self::kill): on the same port, with what it has kept.
    pub(crate) fn start_again(&mut self) {
        self.child = launch(&self.folder, &self.args, self.port, self.tls)
            .expect("redis-server starts again");
    }

    pub(crate) fn stop(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(done.success());
    }

    /// Sends a command by hand and gives the first part of the answer.
    pub(crate) fn command(&self, line: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn launch(folder: &tempfile::TempDir, args: &[String], port: u16, tls: bool) -> Option<Child> {
    let log = folder.path().join("log");
    drop(std::fs::remove_file(&log));
    let port = port.to_string();
    let ports = if tls {
        ["--port", "0", "--tls-port", &port]
    } else {
        ["--port", &port, "--tcp-backlog", "128"]
    };
    let mut child = Command::new("redis-server")
        .args(ports)
        .args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--daemonize",
            "no",
            "--logfile",
            "log",
        ])
        .args(args)
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is missing: install Debian's package redis-server");
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if std::fs::read_to_string(&log)
            .is_ok_and(|log| log.contains("Ready to accept connections"))
        {
            return Some(child);
        }
        if child.try_wait().unwrap().is_some() {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    drop(child.kill());
    drop(child.wait());
    println!("{}", std::fs::read_to_string(&log).unwrap_or_default());
    None
}

/// Passes everything on to a server, until it is told to cut: then it passes on so many bytes of what the server says, and
/// closes the connection.
pub(crate) struct Proxy {
    port: u16,
    cut_after: Arc<AtomicUsize>,
}

const PASS: usize = usize::MAX;

impl Proxy {
    pub(crate) fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut_after = Arc::new(AtomicUsize::new(PASS));
        let (target, cut) = (server.port, Arc::clone(&cut_after));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", target)))
                else {
                    continue;
                };
                let (mut to, mut from) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || {
                    drop(std::io::copy(&mut from, &mut to));
                    drop(to.shutdown(Shutdown::Both));
                });
                let cut = Arc::clone(&cut);
                thread::spawn(move || pump(server, client, &cut));
            }
        });
        Self { port, cut_after }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn cut_after(&self, bytes: usize) {
        self.cut_after.store(bytes, Ordering::SeqCst);
    }

    pub(crate) fn pass(&self) {
        self.cut_after.store(PASS, Ordering::SeqCst);
    }
}

fn pump(mut server: TcpStream, mut client: TcpStream, cut: &AtomicUsize) {
    let mut bytes = [0; 65_536];
    while let Ok(length) = server.read(&mut bytes) {
        let cut = cut.load(Ordering::SeqCst);
        let passed = length.min(cut);
        if length == 0 || client.write_all(&bytes[..passed]).is_err() || cut != PASS {
            break;
        }
    }
    drop(client.shutdown(Shutdown::Both));
    drop(server.shutdown(Shutdown::Both));
}
