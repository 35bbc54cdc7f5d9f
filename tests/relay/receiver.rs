//! The receiver: stores each message under a name made of its id, and answers with the receipt that was committed.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bulla::{
    Access, Disk, ErrorKind, GuardLimits, Identity, Lease, Opener, OsDisk, OsEntropy, Policy, Rate,
    Reason, Receipter, Received, Rejection, Replay, Senders, SqliteGuard, StampOnly, Store, Target,
    Temporary,
};

use crate::frames::{self, Frame, Kind, Mouth, Role};
use crate::world::{self, CONTEXT, Dice, GUARD, MAX_CONTENT, NO_ROOM, STORED, ToldClock};

/// Where a kill can strike it.
pub(crate) const STAGES: [&str; 6] = [
    "starting",
    "between parcels",
    "opening and storing",
    "stored, not committed",
    "committed, not answered",
    "answered",
];
/// How long a message is reserved, in seconds.
pub(crate) const LEASE: u64 = 60;
/// How often rejections go out.
const REJECTIONS: Rate = Rate {
    every: 10,
    burst: 20,
};

/// The real disk, with a temporary name for every file in the making, as where there are no files without names.
struct NamedDisk;

impl Disk for NamedDisk {
    fn create(&self, folder: &Path) -> io::Result<Temporary> {
        OsDisk.create_named(folder)
    }
    fn open(&self, path: &Path, access: Access) -> io::Result<File> {
        OsDisk.open(path, access)
    }
    fn lock(&self, file: &File) -> io::Result<bool> {
        OsDisk.lock(file)
    }
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        OsDisk.write(file, bytes)
    }
    fn read(&self, file: &File, buffer: &mut [u8]) -> io::Result<usize> {
        OsDisk.read(file, buffer)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        OsDisk.sync(file)
    }
    fn publish(&self, file: &Temporary, path: &Path) -> io::Result<()> {
        OsDisk.publish(file, path)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        OsDisk.sync_folder(folder)
    }
    fn drop_cache(&self, file: &File) -> io::Result<()> {
        OsDisk.drop_cache(file)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove(path)
    }
}

/// Every second life of the receiver has files with temporary names.
pub(crate) fn disk(lives: u64) -> &'static dyn Disk {
    if lives.is_multiple_of(2) {
        &OsDisk
    } else {
        &NamedDisk
    }
}

thread_local! {
    /// Whether the disk was said to be full for the envelope that this thread works on: then its stamp alone is judged.
    static BY_STAMP: Cell<bool> = const { Cell::new(false) };
}

struct Receiver<'a> {
    mouth: Mouth,
    guard: &'a SqliteGuard,
    clock: &'a ToldClock,
    bob: &'a Identity,
    store: Store<'a>,
    folder: PathBuf,
}

pub(crate) fn run(folder: &Path, now: u64, lives: u64) {
    let (seed, count) = world::plan(folder);
    let (alice, bob) = (world::person(folder, "alice"), world::person(folder, "bob"));
    let policy = Policy::new(CONTEXT, Senders::only([*alice.verifying_key()])).unwrap();
    let database = bulla::Database::open(folder.join(GUARD)).unwrap();
    let guard = SqliteGuard::with(database, GuardLimits::of(4 * count as usize));
    let clock = ToldClock::new(now);
    let dice = Mutex::new(Dice::new(seed, 77 + lives));
    let has_room = |_: &Path, length: Option<u64>| {
        // Now and then there is none for a while.
        let room = length != Some(NO_ROOM as u64) && !dice.lock().unwrap().percent(1);
        BY_STAMP.set(!room);
        room
    };
    let opener = Opener::with_clock(&bob, &policy, Replay::Guarded(&guard), &clock);
    let store = Store::new(opener, LEASE, disk(lives))
        .max_content(MAX_CONTENT as u64)
        .has_room(&has_room);
    let mut receiver = Receiver {
        mouth: frames::mouth(),
        guard: &guard,
        clock: &clock,
        bob: &bob,
        store,
        folder: folder.join(STORED),
    };
    frames::play(&mut receiver);
}

impl Role for Receiver<'_> {
    fn mouth(&self) -> &Mouth {
        &self.mouth
    }

    fn clock(&self) -> &ToldClock {
        self.clock
    }

    fn round(&mut self) -> bool {
        true
    }

    fn parcel(&self, frame: &Frame) {
        self.mouth.stage(2);
        BY_STAMP.set(false);
        match self.take(&frame.bytes) {
            Ok(Some(receipt)) => {
                self.mouth.stage(4);
                let header = bulla::inspect(&frame.bytes).unwrap().unwrap().header_digest;
                let by_stamp = [u8::from(BY_STAMP.get())];
                let answer = [header.as_bytes().as_slice(), &by_stamp, &receipt].concat();
                self.mouth.say(Kind::Answer, frame.number, &answer);
                self.mouth.stage(5);
            }
            Ok(None) => self.mouth.say(Kind::Refused, frame.number, b"released"),
            Err(error) => {
                // Nobody else uses this disk and this guard: they have no reason to fail.
                let ours = [
                    ErrorKind::Io,
                    ErrorKind::GuardUnavailable,
                    ErrorKind::GuardFull,
                    ErrorKind::LeaseLost,
                ];
                assert!(!ours.contains(&error.kind()), "the receiver: {error}");
                let kind = format!("{:?}", error.kind());
                self.mouth.say(Kind::Refused, frame.number, kind.as_bytes());
            }
        }
    }
}

impl Receiver<'_> {
    /// The receipt to answer with, if there is one.
    fn take(&self, envelope: &[u8]) -> bulla::Result<Option<Vec<u8>>> {
        match self.store.store(envelope, Target::ById(&self.folder))? {
            Received::Stored(stored) => {
                self.mouth.stage(3);
                let receipter = Receipter::with(self.bob, self.clock, &OsEntropy);
                let receipt = receipter.stored(stored)?.into_receipt();
                Ok(Some(receipt.expect("it was asked for")))
            }
            Received::Again(again) => {
                // If its stamp names the content, the rest of a copy of what is dealt with is not looked at (spec/guard.md §3).
                BY_STAMP.set(true);
                Ok(Some(again.into_receipt().expect("it was asked for")))
            }
            Received::TooLarge(lease) => self.reject(lease, Reason::TOO_LARGE),
            Received::NoRoom(lease) if lease.proof().stamp().length() == Some(NO_ROOM as u64) => {
                self.reject(lease, Reason::FULL)
            }
            Received::NoRoom(lease) => lease.release().map(|()| None),
            other => panic!("{other:?}"),
        }
    }

    fn reject(&self, lease: Lease<'_, StampOnly>, code: u16) -> bulla::Result<Option<Vec<u8>>> {
        let receipter =
            Receipter::with(self.bob, self.clock, &OsEntropy).limited(self.guard, REJECTIONS);
        match receipter.rejected(lease, Reason::new(code, "")?)? {
            Rejection::Final(rejected) => {
                Ok(Some(rejected.into_receipt().expect("it was asked for")))
            }
            // Told too often: it may come again later.
            Rejection::Untold(_) => Ok(None),
        }
    }
}
