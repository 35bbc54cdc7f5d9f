//! How content gets its final name: published, synced with its folder, and read again.

use std::boxed::Box;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::making::{
    Making, Stop, another, came_meanwhile, changed_meanwhile, is_taken, read_some,
};
use super::partial::Partial;
use super::received::{NotStored, Received};
use super::stored::Stored;
use crate::crypto::digest::Hasher;
use crate::crypto::secret::Wiped;
use crate::disk::os::{is_same_file, is_same_file_system};
use crate::disk::{Access, Disk, folder_of};
use crate::envelope::lease::Lease;
use crate::envelope::stamp::Stamp;
use crate::envelope::verdict::Verified;
use crate::error::{Error, ErrorKind, Result};

/// Bytes read again at once.
const BUFFER: usize = 256 * 1024;

/// What came of an envelope whose end has come.
#[allow(clippy::large_enum_variant)] // As of `Received`.
pub(super) enum Concluded<'a> {
    Received(Received<'a>),
    /// Another file has the name.
    Unnamed(Box<Unnamed<'a>>),
}

impl<'a> Concluded<'a> {
    /// For those who do not choose another name.
    pub(super) fn or_taken(self) -> Result<Received<'a>, NotStored> {
        match self {
            Self::Received(received) => Ok(received),
            Self::Unnamed(unnamed) => {
                drop(unnamed);
                Err(another().into())
            }
        }
    }
}

/// Content that is verified, reserved and on the disk, and has no name.
pub(super) struct Unnamed<'a> {
    // In this order: the file goes before the reservation does.
    making: Making<'a>,
    partial: Option<Partial<'a>>,
    publishing: Publishing<'a>,
    lease: Lease<'a>,
}

impl<'a> Unnamed<'a> {
    pub(super) fn stamp(&self) -> &Stamp {
        self.lease.proof().stamp()
    }

    /// Whether it can get a name in this folder: to find out when that is tried would cost the content.
    pub(super) fn check_folder(&self, folder: &Path) -> Result<()> {
        let here = folder_of(&self.publishing.path);
        if is_same_file_system(here, folder).unwrap_or(false) {
            return Ok(());
        }
        Err(Error::with(
            ErrorKind::InvalidInput,
            "the folder of another target must be there, and on the file system of the first one",
        ))
    }

    pub(super) fn rename(&mut self, path: PathBuf) {
        self.publishing.path = path;
    }

    pub(super) fn publish(self) -> Result<Concluded<'a>, NotStored> {
        let Self {
            making,
            partial,
            publishing,
            lease,
        } = self;
        // The host has taken its time to choose.
        if let Err(error) = lease.renew(publishing.seconds) {
            drop(making);
            let stop = Stop::Failed(error);
            Partial::after(partial, &stop, true);
            return Err(stop.into_error().into());
        }
        publishing.publish(Some(making), partial, lease)
    }
}

/// How content gets its final name.
pub(super) struct Publishing<'a> {
    pub(super) disk: &'a dyn Disk,
    /// For how long a message is reserved at a time.
    pub(super) seconds: u64,
    pub(super) path: PathBuf,
}

impl<'a> Publishing<'a> {
    /// Publishes a file that is written and synced, and whose message is reserved. Without one it must be there already.
    pub(super) fn publish(
        self,
        mut making: Option<Making<'a>>,
        partial: Option<Partial<'a>>,
        lease: Lease<'a>,
    ) -> Result<Concluded<'a>, NotStored> {
        let stop = match self.settle_on_disk(&mut making, &lease) {
            Ok(making) => {
                return Ok(Concluded::Received(Received::Stored(Stored {
                    making,
                    partial,
                    path: self.path,
                    lease,
                })));
            }
            Err(stop) => stop,
        };
        let stop = match (stop, making) {
            (Stop::Failed(error), Some(making)) if error == ErrorKind::NameTaken => {
                return Ok(Concluded::Unnamed(Box::new(Unnamed {
                    making,
                    partial,
                    publishing: self,
                    lease,
                })));
            }
            (Stop::Failed(error), None) if error == ErrorKind::NameTaken => {
                Stop::Failed(changed_meanwhile())
            }
            (stop, making) => {
                drop(making);
                stop
            }
        };
        let length = lease.proof().content_length();
        let stop = match stop {
            Stop::NoRoom if is_taken(&self.path, Some(length)) => Stop::Failed(came_meanwhile()),
            stop => stop,
        };
        Partial::after(partial, &stop, true);
        match stop {
            Stop::NoRoom => Ok(Concluded::Received(Received::NoRoom(
                lease.into_stamp_only(),
            ))),
            // The others rest on what was judged before all of it had come.
            stop => Err(stop.into_error().into()),
        }
    }

    /// Publishes, syncs the folder, and reads again. On failure what was published is removed; what could not be, because another
    /// file has the name, stays in `making`.
    fn settle_on_disk(
        &self,
        making: &mut Option<Making<'a>>,
        lease: &Lease<'_>,
    ) -> Result<Making<'a>, Stop> {
        let (path, mut renewal) = (&self.path, Renewal::new(lease, self.seconds));
        let verified: &Verified = lease.proof();
        let (making, found) = match publish(making, path)? {
            Some(making) => (making, false),
            None => (self.find(verified)?, true),
        };
        self.disk.sync_folder(folder_of(path))?;
        renewal.renew()?;
        if read_again(&making, path, verified, &mut renewal)? {
            // Whoever took the message over meanwhile decides what becomes of it.
            renewal.renew()?;
            Ok(making)
        } else if found {
            Err(another().into())
        } else {
            Err(changed().into())
        }
    }

    /// An attempt may have ended between the final name and its commit. What it left counts if it is this very content, now on
    /// the disk: nobody can tell the difference.
    ///
    /// A sync of that attempt may have failed, and ours succeed because the system does not try again what it could not write
    /// once. That deceives nobody: the content is read again from the disk, where what was lost is missing. As for the name, an
    /// attempt that saw the failure removes the file; and a file system with a journal takes nothing more once it could not
    /// write a folder.
    fn find(&self, verified: &Verified) -> Result<Making<'a>, Stop> {
        let making = Making::found(self.disk, &self.path)?;
        if making.file().metadata()?.len() != verified.content_length() {
            return Err(another().into());
        }
        making.sync()?;
        Ok(making)
    }
}

/// Gives a file its final name, and takes it; `None` if there is none, or if another file has that name.
fn publish<'a>(making: &mut Option<Making<'a>>, path: &Path) -> Result<Option<Making<'a>>, Stop> {
    let published = match making {
        None => false,
        Some(making) => making.publish(path)?,
    };
    Ok(if published { making.take() } else { None })
}

/// Reads the file from the disk by its final name, and says whether it is what was verified.
fn read_again(
    making: &Making<'_>,
    path: &Path,
    verified: &Verified,
    renewal: &mut Renewal<'_, '_>,
) -> Result<bool, Stop> {
    let disk = making.disk();
    let file = disk.open(path, Access::Read)?;
    if !is_same_file(&file, making.file())? {
        return Err(replaced().into());
    }
    disk.drop_cache(&file)?;
    let mut hasher = Hasher::new();
    let mut buffer = Wiped::new(std::vec![0; BUFFER]);
    let mut length = 0;
    loop {
        let read = read_some(disk, &file, &mut buffer)?;
        length += read as u64;
        if read == 0 || length > verified.content_length() {
            break;
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
        renewal.if_due()?;
    }
    Ok(length == verified.content_length() && hasher.finish() == verified.content_digest())
}

fn changed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "what was read again from the disk is not what was written: do not rely on this disk",
    )
}

fn replaced() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "another file took the name of the one that was stored: let nothing else write to this folder",
    )
}

/// Keeps a reservation alive while the disk takes its time.
struct Renewal<'l, 'a> {
    lease: &'l Lease<'a>,
    seconds: u64,
    last: Instant,
}

impl<'l, 'a> Renewal<'l, 'a> {
    fn new(lease: &'l Lease<'a>, seconds: u64) -> Self {
        Self {
            lease,
            seconds,
            last: Instant::now(),
        }
    }

    fn renew(&mut self) -> Result<()> {
        self.last = Instant::now();
        self.lease.renew(self.seconds)
    }

    fn if_due(&mut self) -> Result<()> {
        if self.last.elapsed() < Duration::from_secs(self.seconds) / 3 {
            return Ok(());
        }
        self.renew()
    }
}
