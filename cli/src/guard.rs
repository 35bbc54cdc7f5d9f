//! The replay guard in the file that `--guard` names, for commands that come and go (spec/guard.md §8).

use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use bulla::{
    Claim, Claimed, Digest, Error, ErrorKind, LeaseToken, Rate, ReplayGuard, Result as Answer,
    SqliteGuard,
};

use crate::failure::Failure;

/// What the files of the first versions of this program began with: a log of text lines.
const OLD: &[u8] = b"bulla replay guard 1";
const IS_OLD: &str = "its file is the text log of an older version of this program, which this one does not read: move it \
    away, and what was accepted before can be accepted again until it is older than --max-age";

/// The guard in a file. It is opened when it is first asked, and made if it is not there: what is refused before that leaves
/// nothing behind.
#[derive(Debug)]
pub(crate) struct LazyGuard {
    path: PathBuf,
    guard: OnceLock<SqliteGuard>,
    /// Whether the file was not there before.
    new: AtomicBool,
}

impl LazyGuard {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            guard: OnceLock::new(),
            new: AtomicBool::new(false),
        }
    }

    /// Whether the file was made by this very guard.
    pub(crate) fn is_new(&self) -> bool {
        self.new.load(Ordering::Relaxed)
    }

    /// A failure, with the name of the file where the guard is what failed.
    pub(crate) fn failed(&self, error: Error) -> Failure {
        match error.kind() {
            ErrorKind::GuardUnavailable => of_store("replay guard", &self.path, error),
            _ => error.into(),
        }
    }

    fn open(&self) -> Answer<&SqliteGuard> {
        if let Some(guard) = self.guard.get() {
            return Ok(guard);
        }
        let was_there = self.path.symlink_metadata().is_ok();
        refuse_old(&self.path)?;
        let guard = SqliteGuard::open(&self.path)?;
        self.new.store(!was_there, Ordering::Relaxed);
        Ok(self.guard.get_or_init(|| guard))
    }
}

/// A failure of the guard or the outbox in this file, in words that name it; any other as it is.
pub(crate) fn of_store(what: &str, path: &Path, error: Error) -> Failure {
    let (kind, detail) = (error.kind(), error.detail());
    let own = matches!(
        kind,
        ErrorKind::GuardUnavailable | ErrorKind::OutboxUnavailable | ErrorKind::InvalidInput
    );
    if own && !detail.is_empty() {
        let text = format!("the {what} {}: {detail}", path.display());
        return Failure::verdict(kind, text);
    }
    error.into()
}

/// Says what to do with the file of an older version, of which a database would only say that it is none.
pub(crate) fn refuse_old(path: &Path) -> Answer<()> {
    // Asked first, for opening a pipe may wait for ever.
    if !path.symlink_metadata().is_ok_and(|found| found.is_file()) {
        return Ok(());
    }
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| {
        let most = OLD.len() as u64;
        file.take(most).read_to_end(&mut start)
    });
    // What cannot be read is told by the guard itself.
    if read.is_ok() && start == OLD {
        return Err(Error::with(ErrorKind::GuardUnavailable, IS_OLD));
    }
    Ok(())
}

impl ReplayGuard for LazyGuard {
    fn observe(&self, now: u64) -> Answer<u64> {
        self.open()?.observe(now)
    }

    fn claim(&self, claim: &Claim, now: u64, lease: Option<u64>) -> Answer<Claimed> {
        self.open()?.claim(claim, now, lease)
    }

    fn look(&self, claim: &Claim) -> Answer<Option<Vec<u8>>> {
        self.open()?.look(claim)
    }

    fn commit(&self, token: &LeaseToken, receipt: &[u8]) -> Answer<()> {
        self.open()?.commit(token, receipt)
    }

    fn release(&self, token: &LeaseToken) -> Answer<()> {
        self.open()?.release(token)
    }

    fn renew(&self, token: &LeaseToken, now: u64, lease: u64) -> Answer<()> {
        self.open()?.renew(token, now, lease)
    }

    fn sweep(&self, now: u64, at_most: usize) -> Answer<usize> {
        self.open()?.sweep(now, at_most)
    }

    fn expect(&self, challenge: &Digest, until: u64, now: u64) -> Answer<()> {
        self.open()?.expect(challenge, until, now)
    }

    fn missing(&self, stream: &Digest) -> Answer<Vec<RangeInclusive<u64>>> {
        self.open()?.missing(stream)
    }

    fn skip(&self, stream: &Digest, before: u64) -> Answer<()> {
        self.open()?.skip(stream, before)
    }

    fn forget_stream(&self, stream: &Digest) -> Answer<bool> {
        self.open()?.forget_stream(stream)
    }

    fn permit(&self, what: &Digest, now: u64, rate: Rate) -> Answer<bool> {
        self.open()?.permit(what, now, rate)
    }
}
