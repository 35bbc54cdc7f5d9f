//! A disk with faults: the k-th operation fails, or does less than it should, or lies.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla::{Access, Disk, OsDisk, Temporary};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Open,
    Lock,
    Write,
    Read,
    Sync,
    Publish,
    SyncFolder,
    DropCache,
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does nothing and fails.
    Fails(ErrorKind),
    /// It is done, and then fails.
    FailsAfter(ErrorKind),
    /// Writes and reads only part.
    Short,
    /// After the sync a bit is another one.
    Flips(u64),
    /// After the sync the file is shorter by one byte.
    Truncates,
}

/// Which operation the fault meets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// The one with this number, from 0 on.
    Number(u64),
    /// The first ones of this kind, so many.
    First(Operation, u64),
    /// Each of this kind.
    Each(Operation),
}

#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) when: When,
    pub(crate) fault: Fault,
    /// Gives files in the making a name.
    pub(crate) named: bool,
    count: AtomicU64,
    of_kind: AtomicU64,
    met: Mutex<Option<Operation>>,
}

impl Faulty {
    pub(crate) fn new(when: When, fault: Fault, named: bool) -> Self {
        Self {
            when,
            fault,
            named,
            count: AtomicU64::new(0),
            of_kind: AtomicU64::new(0),
            met: Mutex::new(None),
        }
    }

    /// The operation that met the fault.
    pub(crate) fn met(&self) -> Option<Operation> {
        *self.met.lock().unwrap()
    }

    pub(crate) fn operations(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    fn hit(&self, operation: Operation) -> bool {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let hit = match self.when {
            When::Number(at) => number == at,
            When::Each(kind) => kind == operation,
            When::First(kind, times) => {
                kind == operation && self.of_kind.fetch_add(1, Ordering::SeqCst) < times
            }
        };
        if hit {
            *self.met.lock().unwrap() = Some(operation);
        }
        hit
    }

    fn with<T>(&self, operation: Operation, run: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if !self.hit(operation) {
            return run();
        }
        match self.fault {
            Fault::Fails(kind) => Err(kind.into()),
            // Of a file that was made all the same nobody could know.
            Fault::FailsAfter(kind) if operation == Operation::Create => Err(kind.into()),
            Fault::FailsAfter(kind) => run().and(Err(kind.into())),
            _ => run(),
        }
    }
}

impl Disk for Faulty {
    fn create(&self, folder: &Path) -> io::Result<Temporary> {
        self.with(Operation::Create, || {
            if self.named {
                OsDisk.create_named(folder)
            } else {
                OsDisk.create(folder)
            }
        })
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<File> {
        self.with(Operation::Open, || OsDisk.open(path, access))
    }

    fn lock(&self, file: &File) -> io::Result<bool> {
        self.with(Operation::Lock, || OsDisk.lock(file))
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let hit = self.hit(Operation::Write);
        match self.fault {
            Fault::Fails(kind) if hit => Err(kind.into()),
            // Half of it is written, and nobody is told.
            Fault::FailsAfter(kind) if hit => {
                OsDisk.write(file, &bytes[..bytes.len() / 2])?;
                Err(kind.into())
            }
            Fault::Short if hit => OsDisk.write(file, &bytes[..bytes.len().div_ceil(3)]),
            _ => OsDisk.write(file, bytes),
        }
    }

    fn read(&self, file: &File, buffer: &mut [u8]) -> io::Result<usize> {
        let hit = self.hit(Operation::Read);
        match self.fault {
            Fault::Fails(kind) | Fault::FailsAfter(kind) if hit => Err(kind.into()),
            Fault::Short if hit => {
                let most = buffer.len().div_ceil(3);
                OsDisk.read(file, &mut buffer[..most])
            }
            _ => OsDisk.read(file, buffer),
        }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let hit = self.hit(Operation::Sync);
        match self.fault {
            // As Linux does it: what could not be written counts as clean from now on, and the next sync succeeds.
            Fault::Fails(kind) | Fault::FailsAfter(kind) if hit => Err(kind.into()),
            _ => {
                OsDisk.sync(file)?;
                let length = file.metadata()?.len();
                match self.fault {
                    Fault::Flips(at) if hit && length > 0 => {
                        let mut byte = [0];
                        file.read_exact_at(&mut byte, at / 8 % length)?;
                        byte[0] ^= 1 << (at % 8);
                        file.write_all_at(&byte, at / 8 % length)
                    }
                    Fault::Truncates if hit => file.set_len(length.saturating_sub(1)),
                    _ => Ok(()),
                }
            }
        }
    }

    fn publish(&self, file: &Temporary, path: &Path) -> io::Result<()> {
        self.with(Operation::Publish, || OsDisk.publish(file, path))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.with(Operation::SyncFolder, || OsDisk.sync_folder(folder))
    }

    fn drop_cache(&self, file: &File) -> io::Result<()> {
        self.with(Operation::DropCache, || OsDisk.drop_cache(file))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.with(Operation::Remove, || OsDisk.remove(path))
    }
}
