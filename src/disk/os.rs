//! The file system of the operating system (Unix).

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};

use super::{Access, Disk, Temporary, temporary_name};

/// The file system of the operating system.
///
/// On Linux a file in the making has no name where the file system can do that (`O_TMPFILE`), so that nothing of it is left
/// after a crash. The final name is given by `linkat` or `renameat2(RENAME_NOREPLACE)`; never by a look and a rename.
///
/// Whether what is read again truly comes from the disk is up to the system: on Linux `posix_fadvise` drops what was synced,
/// unless somebody else has it mapped; elsewhere nothing is dropped, and the cache may answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDisk;

impl OsDisk {
    /// As [`create`](Disk::create), but always with a temporary name.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn create_named(&self, folder: &Path) -> io::Result<Temporary> {
        let path = folder.join(temporary_name()?);
        let file = open(&path, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)?;
        Ok(Temporary {
            file,
            path: Some(path),
        })
    }

    /// `None` where the file system, or this process, has no way to do it.
    #[cfg(target_os = "linux")]
    fn create_unnamed(folder: &Path) -> io::Result<Option<Temporary>> {
        use rustix::io::Errno;
        let opened = rustix::fs::open(
            folder,
            OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC,
            owner_only(),
        );
        let file = match opened {
            Ok(file) => File::from(file),
            // The last two: kernels that do not know the flag take the folder for what is to be opened.
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::ISDIR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // It gets its name through /proc, which may be missing in a sandbox.
        let reachable = std::fs::metadata(by_handle(&file))
            .is_ok_and(|seen| file.metadata().is_ok_and(|own| same(&seen, &own)));
        Ok(reachable.then_some(Temporary { file, path: None }))
    }

    #[cfg(not(target_os = "linux"))]
    fn create_unnamed(_: &Path) -> io::Result<Option<Temporary>> {
        Ok(None)
    }
}

impl Disk for OsDisk {
    fn create(&self, folder: &Path) -> io::Result<Temporary> {
        match Self::create_unnamed(folder)? {
            Some(temporary) => Ok(temporary),
            None => self.create_named(folder),
        }
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<File> {
        let flags = match access {
            Access::Read => OFlags::RDONLY,
            Access::Write => OFlags::RDWR,
            Access::Create => OFlags::RDWR | OFlags::CREATE,
        };
        let file = open(path, flags | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ))
        }
    }

    fn lock(&self, file: &File) -> io::Result<bool> {
        match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    fn read(&self, mut file: &File, buffer: &mut [u8]) -> io::Result<usize> {
        file.read(buffer)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn publish(&self, file: &Temporary, path: &Path) -> io::Result<()> {
        let Some(temporary) = &file.path else {
            return publish_unnamed(&file.file, path);
        };
        publish_named(temporary, path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn drop_cache(&self, file: &File) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?;
        let _ = file;
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }
}

/// Gives the file of this temporary name another one, which must be free.
pub(super) fn publish_named(temporary: &Path, path: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, temporary, CWD, path, RenameFlags::NOREPLACE) {
            // Not every file system knows the flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return Ok(done?),
        }
    }
    std::fs::hard_link(temporary, path).map_err(no_such_step)?;
    // If the other name cannot be removed, the file is there all the same.
    drop(std::fs::remove_file(temporary));
    Ok(())
}

#[cfg(target_os = "linux")]
fn publish_unnamed(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, linkat};
    linkat(CWD, by_handle(file), CWD, path, AtFlags::SYMLINK_FOLLOW)
        .map_err(|error| no_such_step(error.into()))
}

#[cfg(not(target_os = "linux"))]
fn publish_unnamed(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A file system without hard links refuses them in several ways.
fn no_such_step(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied => io::Error::new(
            error.kind(),
            "this file system cannot give a file its name without maybe writing over another: use another one",
        ),
        _ => error,
    }
}

#[cfg(target_os = "linux")]
fn by_handle(file: &File) -> std::string::String {
    use std::os::fd::AsRawFd;
    std::format!("/proc/self/fd/{}", file.as_raw_fd())
}

fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(rustix::fs::open(path, flags, owner_only())?.into())
}

fn owner_only() -> Mode {
    Mode::RUSR | Mode::WUSR
}

/// Whether a name stands for the very file that is open.
pub(crate) fn is_same(file: &File, path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(seen) => Ok(same(&seen, &file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether two handles are of the same file.
pub(crate) fn is_same_file(one: &File, other: &File) -> io::Result<bool> {
    Ok(same(&one.metadata()?, &other.metadata()?))
}

/// Whether two folders are of the same file system. A file would say less: where layers lie over each other (overlayfs), it and its
/// own folder may differ.
pub(crate) fn is_same_file_system(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok(other.is_dir() && one.dev() == other.dev())
}

fn same(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
