//! A folder with the keys of Alice, Bob and Mallory, and the real program.

#![allow(dead_code, reason = "not every test needs everything")]

pub(crate) mod transfer;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Commands that read an envelope, with what they need but the envelope.
pub(crate) const READERS: [&str; 8] = [
    "open -i bob.key --from alice.pub -c test --no-guard",
    "open -i bob.key --from alice.pub -c test --guard guard -o out",
    "open -i bob.key --from-anyone -c test --no-guard --provisional",
    "reopen -i bob.key --from alice.pub -c test -o out",
    "verify --from alice.pub -c test --no-guard -o out",
    "verify --from alice.pub -c test --archive --content alice.pub",
    "evidence export -i bob.key --from-anyone -c test -o out",
    "inspect",
];

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Demands success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, Some(0), "{}", self.stderr);
        self
    }

    /// Demands a failure with this status: one line that begins with `bulla: ` and holds `words`, and no output.
    #[track_caller]
    pub(crate) fn fails(self, status: i32, words: &str) -> Self {
        assert!(self.stdout.is_empty(), "something was written");
        self.fails_late(status, words)
    }

    /// As [`fails`](Self::fails), after some output.
    #[track_caller]
    pub(crate) fn fails_late(self, status: i32, words: &str) -> Self {
        assert_eq!(self.status, Some(status), "{}", self.stderr);
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "one line: {}", self.stderr);
        assert!(lines[0].starts_with("bulla: "), "{}", self.stderr);
        assert!(lines[0].contains(words), "{words:?} in: {}", self.stderr);
        for sign in ["panicked", "RUST_BACKTRACE", "Error {", "os error"] {
            assert!(!self.stderr.contains(sign), "{}", self.stderr);
        }
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    /// The report of `--report json`, which is one line.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        serde_json::from_str(&self.stderr).unwrap()
    }
}

/// Where a test happens.
pub(crate) struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// With `alice.key`, `alice.pub` and so on.
    pub(crate) fn new() -> Self {
        let stage = Self::empty();
        for name in ["alice", "bob", "mallory"] {
            let made = stage.run(["keygen", "-o", &format!("{name}.key")]).ok();
            stage.write(&format!("{name}.pub"), &made.stdout);
        }
        stage
    }

    /// With an envelope `sealed` from Alice to Bob, of this content.
    pub(crate) fn sealed(content: &[u8]) -> Self {
        let stage = Self::new();
        stage.write("content", content);
        stage.seal("sealed", "content", &[]);
        stage
    }

    #[track_caller]
    pub(crate) fn seal(&self, envelope: &str, content: &str, more: &[&str]) {
        let mut arguments = words("seal -i alice.key -r bob.pub -c test");
        arguments.extend(more);
        arguments.extend(["-o", envelope, content]);
        self.run(arguments).ok();
    }

    /// Bob opens an envelope of Alice, without a guard.
    pub(crate) fn open(&self, more: &[&str]) -> Outcome {
        self.run(with(&words(READERS[0]), more))
    }

    /// Bob opens an envelope of Alice with the guard `guard`.
    pub(crate) fn open_guarded(&self, more: &[&str]) -> Outcome {
        finished(self.open_guarded_command(more).output().unwrap())
    }

    pub(crate) fn open_guarded_command(&self, more: &[&str]) -> Command {
        let open = words("open -i bob.key --from alice.pub -c test --guard guard");
        self.command(with(&open, more))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Every name in the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.root())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The program in this folder; temporary files go to a folder that is watched, too.
    pub(crate) fn command<I: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = I>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulla"));
        command
            .args(arguments)
            .current_dir(self.root())
            .env_remove("BULLA_PASSPHRASE_FILE")
            .env("TMPDIR", self.root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Outcome {
        finished(self.command(arguments).output().unwrap())
    }

    /// Runs with `input` on standard input.
    pub(crate) fn pipe<I: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = I>,
        input: &[u8],
    ) -> Outcome {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // Beside reading the output, for either may wait for the other.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let outcome = finished(child.wait_with_output().unwrap());
        writer.join().unwrap();
        outcome
    }

    /// Demands that `work` leaves nothing behind.
    #[track_caller]
    pub(crate) fn leaving_nothing<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.names();
        let result = work();
        assert_eq!(self.names(), before, "nothing is left behind");
        result
    }
}

pub(crate) fn finished(output: std::process::Output) -> Outcome {
    Outcome {
        status: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Content that shows if a piece is lost or moved.
pub(crate) fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * at % 251) as u8).collect()
}

/// A command line, without the name of the program.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// A command line and more of it.
pub(crate) fn with<'a>(line: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [line, more].concat()
}
