//! A disk whose process is killed right before the operation with a given number.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla::{Access, Disk, OsDisk, Temporary};

pub(crate) struct Dying {
    at: u64,
    count: AtomicU64,
}

impl Dying {
    pub(crate) fn new(at: u64) -> Self {
        Self {
            at,
            count: AtomicU64::new(0),
        }
    }

    fn step(&self) -> &'static OsDisk {
        if self.count.fetch_add(1, Ordering::SeqCst) == self.at {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
            loop {
                std::thread::park();
            }
        }
        &OsDisk
    }
}

impl Disk for Dying {
    fn create(&self, folder: &Path) -> io::Result<Temporary> {
        self.step().create_named(folder)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<File> {
        self.step().open(path, access)
    }

    fn lock(&self, file: &File) -> io::Result<bool> {
        self.step().lock(file)
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        self.step().write(file, bytes)
    }

    fn read(&self, file: &File, buffer: &mut [u8]) -> io::Result<usize> {
        self.step().read(file, buffer)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.step().sync(file)
    }

    fn publish(&self, file: &Temporary, path: &Path) -> io::Result<()> {
        self.step().publish(file, path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step().sync_folder(folder)
    }

    fn drop_cache(&self, file: &File) -> io::Result<()> {
        self.step().drop_cache(file)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step().remove(path)
    }
}
