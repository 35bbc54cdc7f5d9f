//! A replay guard in a file, for commands that come and go (spec/opening.md §5).
//!
//! The file is a log: every answer is one line, synced to the disk before it is given, under an exclusive lock. Each line
//! ends with a checksum that covers it and the line before, so that nothing can be changed, left out or put in unnoticed
//! by accident. Of the last line a crash may leave a part: it was never answered, and is cut off. Any other damage makes
//! the guard unavailable. What has expired, and lines in whose place later ones stand, leave when the log is written anew.

mod record;
mod scan;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bulla::{
    Claim, Claimed, Digest, ErrorKind, LeaseToken, NewFile, ReplayGuard, Result as Answer,
};

use crate::failure::reason;
use crate::lock::{self, Access};
use record::{Entry, HEADER, Record};
use scan::Scan;

/// Entries of listed senders, of strangers, of any one listed sender, and of any one stranger.
const KNOWN: usize = 100_000;
const STRANGERS: usize = KNOWN / 4;
const PER_SENDER: usize = KNOWN / 2;
const PER_STRANGER: usize = KNOWN / 8;
/// Lines without use that are tolerated, besides as many as are of use.
const IDLE: usize = 128;

/// Why the guard cannot be used, in words.
type Because = String;

/// The guard in the file `path`.
#[derive(Debug)]
pub(crate) struct FileGuard {
    path: PathBuf,
    /// The library's error has no room for it.
    because: Mutex<Option<Because>>,
    /// Whether the file was not there before.
    new: AtomicBool,
    /// What was accepted last, in case it cannot be delivered.
    accepted: Mutex<Option<Digest>>,
}

impl FileGuard {
    /// Nothing is opened yet; the file is created when it is first needed.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            because: Mutex::new(None),
            new: AtomicBool::new(false),
            accepted: Mutex::new(None),
        }
    }

    /// Whether the file was made by this very guard.
    pub(crate) fn is_new(&self) -> bool {
        self.new.load(Ordering::Relaxed)
    }

    /// Why it could not be used.
    pub(crate) fn because(&self) -> Option<String> {
        let because = self.because.lock().unwrap_or_else(PoisonError::into_inner);
        because
            .as_ref()
            .map(|because| format!("the replay guard {}: {because}", self.path.display()))
    }

    /// Forgets what was accepted last, because nobody has got it.
    pub(crate) fn take_back(&self) -> Answer<()> {
        let accepted = self
            .accepted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(key) = accepted else {
            return Ok(());
        };
        self.answer(|| {
            let mut log = Log::open(&self.path)?;
            let scan = log.scan(None, 0)?;
            let key = key.to_string();
            log.append(&scan, &Record::Release { key: &key })
        })
    }

    fn answer<T>(&self, work: impl FnOnce() -> Result<T, Because>) -> Answer<T> {
        work().map_err(|because| {
            let mut place = self.because.lock().unwrap_or_else(PoisonError::into_inner);
            *place = Some(because);
            ErrorKind::GuardUnavailable.into()
        })
    }

    /// Opens the log, and makes it if it is not there.
    fn open(&self) -> Result<Log, Because> {
        if !self.path.exists() && create(&self.path)? {
            self.new.store(true, Ordering::Relaxed);
        }
        Log::open(&self.path)
    }

    fn decide(&self, claim: &Claim, now: u64) -> Result<Option<Claimed>, Because> {
        let mut log = self.open()?;
        let mut scan = log.scan(Some(claim), now)?;
        let now = now.max(scan.high);
        let idle = scan.idle > scan.entries + IDLE;
        if cfg!(unix) && (idle || (!has_room(claim, &scan) && scan.idle > 0)) {
            log.compact(&self.path, &scan, now)?;
            // Whoever waited for the lock may have come first at the new file.
            log = Log::open(&self.path)?;
            scan = log.scan(Some(claim), now)?;
        }
        let now = now.max(scan.high);
        // Its time is over: an entry would be dropped at once, so none can be made.
        if claim.keep_until <= now {
            return Ok(Some(Claimed::Forgotten));
        }
        if let Some(found) = &scan.found {
            if claim.keep_until > found.keep_until {
                // A copy that lives longer keeps the entry as long, so that it counts once.
                log.append(&scan, &Record::Extend(found.extended(claim, now)))?;
            }
            return Ok(Some(if found.value == claim.value.to_string() {
                Claimed::Same(Vec::new())
            } else {
                Claimed::Replayed
            }));
        }
        if scan.mark.is_some_and(|mark| claim.issued <= mark) {
            return Ok(Some(Claimed::Forgotten));
        }
        if !has_room(claim, &scan) {
            return Ok(None);
        }
        log.append(&scan, &Record::Accept(Entry::new(claim, now)))?;
        *self.accepted.lock().unwrap_or_else(PoisonError::into_inner) = Some(claim.key);
        Ok(Some(Claimed::New(LeaseToken {
            key: claim.key,
            number: scan.entries as u64 + 1,
        })))
    }
}

fn has_room(claim: &Claim, scan: &Scan) -> bool {
    if claim.stranger {
        scan.strangers < STRANGERS && scan.of_signer < PER_STRANGER
    } else {
        scan.entries - scan.strangers < KNOWN && scan.of_signer < PER_SENDER
    }
}

impl ReplayGuard for FileGuard {
    fn observe(&self, now: u64) -> Answer<u64> {
        self.answer(|| {
            let mut log = self.open()?;
            let scan = log.scan(None, now)?;
            if now > scan.high {
                log.append(&scan, &Record::High { now })?;
            }
            Ok(now.max(scan.high))
        })
    }

    fn claim(&self, claim: &Claim, now: u64, lease: Option<u64>) -> Answer<Claimed> {
        if lease.is_some() {
            return self.answer(|| Err("it cannot reserve, only accept".to_owned()));
        }
        let decided = self.answer(|| self.decide(claim, now))?;
        decided.ok_or_else(|| ErrorKind::GuardFull.into())
    }

    fn commit(&self, _: &LeaseToken, _: &[u8]) -> Answer<()> {
        Err(ErrorKind::LeaseLost.into())
    }

    fn release(&self, _: &LeaseToken) -> Answer<()> {
        Err(ErrorKind::LeaseLost.into())
    }

    fn renew(&self, _: &LeaseToken, _: u64, _: u64) -> Answer<()> {
        Err(ErrorKind::LeaseLost.into())
    }

    /// The log is written anew by itself, when there is enough to drop.
    fn sweep(&self, _: u64, _: usize) -> Answer<usize> {
        Ok(0)
    }
}

/// The open file, locked until it is dropped.
struct Log {
    file: File,
}

impl Log {
    fn open(path: &Path) -> Result<Self, Because> {
        match lock::at(path, Access::ReadWrite, || {}) {
            Ok(file) => Ok(Self { file }),
            Err(error) => Err(format!("it cannot be opened: {}", reason(&error))),
        }
    }

    fn scan(&mut self, claim: Option<&Claim>, now: u64) -> Result<Scan, Because> {
        self.file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        Scan::read(&mut self.file, claim, now)
    }

    /// Writes one line behind the last whole one, and syncs it.
    fn append(&mut self, scan: &Scan, record: &Record<'_>) -> Result<(), Because> {
        let (line, _) = record.line(&scan.check);
        let file = &mut self.file;
        let written = file
            .set_len(scan.end)
            .and_then(|()| file.seek(SeekFrom::Start(scan.end)))
            .and_then(|_| file.write_all(line.as_bytes()))
            .and_then(|()| file.sync_data());
        written.map_err(|error| {
            // Nothing was answered: take back what came through.
            let _ = file.set_len(scan.end);
            format!("it cannot be written: {}", reason(&error))
        })
    }

    /// Writes the log anew, without what is of no use any more.
    fn compact(&mut self, path: &Path, scan: &Scan, now: u64) -> Result<(), Because> {
        let failed = |error: bulla::Error| {
            let known = crate::failure::Failure::from(error);
            format!("it cannot be written anew: {}", known.text())
        };
        let path = path.canonicalize().map_err(unreadable)?;
        let mut new = NewFile::create(&path, true, true).map_err(failed)?;
        scan::rewrite(
            &mut self.file,
            &mut BufWriter::new(&mut new),
            scan.high,
            now,
        )?;
        new.commit().map_err(failed)
    }
}

fn unreadable(error: io::Error) -> Because {
    format!("it cannot be read: {}", reason(&error))
}

/// Makes the file, unless another process was faster: then the answer is `false`. It appears under its name with its first
/// line whole, so that an empty file is always damage.
fn create(path: &Path) -> Result<bool, Because> {
    let created = NewFile::create(path, false, true).and_then(|mut file| {
        file.write_all(HEADER.as_bytes())?;
        file.write_all(b"\n")?;
        file.commit()
    });
    match created {
        Ok(()) => Ok(true),
        Err(_) if path.metadata().is_ok() => Ok(false),
        Err(error) => Err(format!(
            "it cannot be created: {}",
            crate::failure::Failure::from(error).text()
        )),
    }
}
