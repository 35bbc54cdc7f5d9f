//! A disk that asks before every operation.

use std::fs::File;
use std::io;
use std::path::Path;

use super::faulty::Operation;
use bulla::{Access, Disk, OsDisk, Temporary};

/// Files in the making have a temporary name.
pub(crate) struct Hooked<F>(pub(crate) F);

impl<F: Fn(Operation) -> io::Result<()> + Send + Sync> Disk for Hooked<F> {
    fn create(&self, folder: &Path) -> io::Result<Temporary> {
        self.0(Operation::Create)?;
        OsDisk.create_named(folder)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<File> {
        self.0(Operation::Open)?;
        OsDisk.open(path, access)
    }

    fn lock(&self, file: &File) -> io::Result<bool> {
        self.0(Operation::Lock)?;
        OsDisk.lock(file)
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        self.0(Operation::Write)?;
        OsDisk.write(file, bytes)
    }

    fn read(&self, file: &File, buffer: &mut [u8]) -> io::Result<usize> {
        self.0(Operation::Read)?;
        OsDisk.read(file, buffer)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.0(Operation::Sync)?;
        OsDisk.sync(file)
    }

    fn publish(&self, file: &Temporary, path: &Path) -> io::Result<()> {
        self.0(Operation::Publish)?;
        OsDisk.publish(file, path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.0(Operation::SyncFolder)?;
        OsDisk.sync_folder(folder)
    }

    fn drop_cache(&self, file: &File) -> io::Result<()> {
        self.0(Operation::DropCache)?;
        OsDisk.drop_cache(file)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0(Operation::Remove)?;
        OsDisk.remove(path)
    }
}
