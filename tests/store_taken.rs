//! A name that another file has: the content is kept until the host has chosen another one. And rules that cannot decide now.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr
)]

mod storing;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bulla::{
    ErrorKind, MemoryGuard, OsDisk, Partials, Received, Ruling, Stamp, Store, StoreStream, Target,
};
use storing::faulty::Operation;
use storing::here::Here;
use storing::hooked::Hooked;
use storing::wrapped::Wrapped;
use storing::{content, draft, envelopes, folder, names, seal, store, stored};

const LENGTH: usize = 300_000;

/// All that may have the name instead.
fn others(bytes: &[u8]) -> Vec<Vec<u8>> {
    let changed = |at: usize| {
        let mut other = bytes.to_vec();
        other[at] ^= 1;
        other
    };
    vec![
        Vec::new(),
        b"other".to_vec(),
        bytes[..LENGTH - 1].to_vec(),
        bytes[..65_536].to_vec(),
        [bytes, b"x"].concat(),
        changed(0),
        changed(65_536),
        changed(LENGTH - 1),
    ]
}

fn pushed<'s, 'a>(
    store: &'s Store<'a>,
    envelope: &[u8],
    target: Target<'s>,
) -> StoreStream<'s, 'a> {
    let mut stream = store.stream(target).unwrap();
    for piece in envelope.chunks(10_000) {
        assert!(stream.update(piece));
    }
    stream
}

#[test]
fn another_name_is_chosen_and_nothing_comes_again() {
    let bytes = content(LENGTH);
    for envelope in envelopes(&bytes) {
        for other in others(&bytes) {
            for named in [false, true] {
                let (folder, guard) = (folder(), MemoryGuard::new(100));
                let with_names = Hooked(|_| Ok(()));
                let disk: &dyn bulla::Disk = if named { &with_names } else { &OsDisk };
                let path = folder.path().join("x");
                fs::write(&path, &other).unwrap();
                let store = store(&guard, disk);
                let mut stream = pushed(&store, &envelope, Target::Path(&path));
                for _ in 0..2 {
                    assert_eq!(stream.finish().unwrap_err(), ErrorKind::NameTaken);
                    assert!(stream.is_unnamed());
                    assert!(!stream.update(b"more"));
                    assert!(stream.stamp().is_some());
                    stream.retarget(Target::Path(&path)).unwrap();
                }
                stream.retarget(Target::ById(folder.path())).unwrap();
                let stored = stored(stream.finish());
                let new = stored.path().to_path_buf();
                assert!(!stored.was_there());
                stored.commit(b"receipt").unwrap();
                assert!(fs::read(&new).unwrap() == bytes);
                assert!(fs::read(&path).unwrap() == other);
                assert_eq!(names(folder.path()).len(), 2);
                // It has answered.
                assert!(!stream.is_unnamed());
                assert_eq!(stream.finish().unwrap_err(), ErrorKind::WrongOrder);
            }
        }
    }
}

/// A process that ended between the other name and the commit leaves one file, and no second one comes of it.
#[test]
fn what_was_named_after_the_message_is_found_again() {
    let bytes = content(LENGTH);
    let named = draft().attribute("name", b"x").unwrap();
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let taken = folder.path().join("x");
    fs::write(&taken, b"other").unwrap();
    let (store, envelope) = (store(&guard, &OsDisk), seal(&named, &bytes));
    let mut stream = pushed(&store, &envelope, Target::Suggested(folder.path()));
    assert_eq!(stream.finish().unwrap_err(), ErrorKind::NameTaken);
    stream.retarget(Target::ById(folder.path())).unwrap();
    let first = stored(stream.finish());
    let path = first.path().to_path_buf();
    drop(first);
    fs::write(&path, &bytes).unwrap();
    fs::remove_file(&taken).unwrap();
    let again = stored(pushed(&store, &envelope, Target::Suggested(folder.path())).finish());
    assert!(again.was_there());
    assert_eq!(again.path(), path);
    again.commit(b"receipt").unwrap();
    assert_eq!(names(folder.path()).len(), 1);
}

/// What is no file at all has the name as well.
#[test]
fn folders_and_links_are_names_that_are_taken() {
    let envelope = seal(&draft(), &content(LENGTH));
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let (at, link) = (folder.path().join("folder"), folder.path().join("link"));
    fs::create_dir(&at).unwrap();
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
    let store = store(&guard, &OsDisk);
    let mut stream = pushed(&store, &envelope, Target::Path(&at));
    assert_eq!(stream.finish().unwrap_err(), ErrorKind::NameTaken);
    stream.retarget(Target::Path(&link)).unwrap();
    assert_eq!(stream.finish().unwrap_err(), ErrorKind::NameTaken);
    stream
        .retarget(Target::Path(&folder.path().join("free")))
        .unwrap();
    drop(stored(stream.finish()));
    assert_eq!(names(folder.path()), ["folder", "link"]);
}

#[test]
fn given_up_it_leaves_nothing_and_may_come_again() {
    let bytes = content(LENGTH);
    for envelope in envelopes(&bytes) {
        let (folder, guard) = (folder(), MemoryGuard::new(100));
        let path = folder.path().join("x");
        fs::write(&path, b"other").unwrap();
        let disk = Hooked(|_| Ok(()));
        let store = store(&guard, &disk);
        let mut stream = pushed(&store, &envelope, Target::Path(&path));
        assert_eq!(stream.finish().unwrap_err(), ErrorKind::NameTaken);
        // While the host chooses, nobody else has it.
        let meanwhile = store.store(envelope.as_slice(), Target::ById(folder.path()));
        assert_eq!(meanwhile.unwrap_err(), ErrorKind::Pending);
        drop(stream);
        assert_eq!(names(folder.path()), ["x"]);
        let again = store.store(envelope.as_slice(), Target::ById(folder.path()));
        stored(again).commit(b"receipt").unwrap();
    }
}

#[test]
fn a_target_is_chosen_when_it_is_asked_for() {
    let envelope = seal(&draft(), &content(LENGTH));
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let path = folder.path().join("x");
    let free = folder.path().join("y");
    fs::write(&path, b"other").unwrap();
    let store = store(&guard, &OsDisk);
    let mut stream = store.stream(Target::Path(&path)).unwrap();
    let wrong = |stream: &mut StoreStream<'_, '_>| {
        let refused = stream.retarget(Target::Path(&free)).unwrap_err();
        assert_eq!(refused, ErrorKind::WrongOrder);
    };
    wrong(&mut stream);
    stream.update(&envelope);
    wrong(&mut stream);
    assert_eq!(stream.finish().unwrap_err(), ErrorKind::NameTaken);
    // What is no target leaves it as it was.
    let refused = stream.retarget(Target::Path(Path::new(".."))).unwrap_err();
    assert_eq!(refused, ErrorKind::InvalidInput);
    stream.retarget(Target::Path(&free)).unwrap();
    let _ = stored(stream.finish()).commit(b"receipt").unwrap();
    wrong(&mut stream);
}

/// A name is given within one file system only: to find that out at the end would cost the content.
#[test]
fn a_folder_that_is_none_or_elsewhere_is_no_target() {
    let folder = folder();
    let device = |at: &Path| at.metadata().unwrap().dev();
    let elsewhere = tempfile::tempdir_in("/dev/shm")
        .ok()
        .filter(|elsewhere| device(elsewhere.path()) != device(folder.path()));
    if elsewhere.is_none() {
        eprintln!("NOT TESTED: there is no other file system in /dev/shm: set TMPDIR");
    }
    let elsewhere = elsewhere
        .as_ref()
        .map_or(Path::new("/proc"), tempfile::TempDir::path);
    let (guard, bytes) = (MemoryGuard::new(100), content(LENGTH));
    let (path, free) = (folder.path().join("x"), folder.path().join("y"));
    fs::write(&path, b"other").unwrap();
    let store = store(&guard, &OsDisk);
    let envelope = seal(&draft(), &bytes);
    let mut stream = pushed(&store, &envelope, Target::Path(&path));
    assert_eq!(stream.finish().unwrap_err(), ErrorKind::NameTaken);
    for wrong in [
        Target::Path(&folder.path().join("missing").join("y")),
        Target::ById(&folder.path().join("missing")),
        Target::Path(&path.join("y")),
        Target::Suggested(&path),
        Target::Path(&elsewhere.join("y")),
        Target::ById(elsewhere),
    ] {
        let refused = stream.retarget(wrong).unwrap_err();
        assert_eq!(refused, ErrorKind::InvalidInput);
    }
    // It is as it was.
    assert_eq!(stream.finish().unwrap_err(), ErrorKind::NameTaken);
    stream.retarget(Target::Path(&free)).unwrap();
    let _ = stored(stream.finish()).commit(b"receipt").unwrap();
    assert!(fs::read(&free).unwrap() == bytes);
}

#[test]
fn whoever_takes_too_long_to_choose_has_lost_it() {
    let (folder, guard) = (folder(), Wrapped::new());
    let path = folder.path().join("x");
    fs::write(&path, b"other").unwrap();
    let store = store(&guard, &OsDisk);
    let envelope = seal(&draft(), &content(LENGTH));
    let mut stream = pushed(&store, &envelope, Target::Path(&path));
    assert_eq!(stream.finish().unwrap_err(), ErrorKind::NameTaken);
    *guard.renew.lock().unwrap() = Some((0, ErrorKind::LeaseLost));
    stream
        .retarget(Target::Path(&folder.path().join("y")))
        .unwrap();
    assert_eq!(stream.finish().unwrap_err(), ErrorKind::LeaseLost);
    assert_eq!(stream.finish().unwrap_err(), ErrorKind::WrongOrder);
    assert_eq!(names(folder.path()), ["x"]);
}

/// It takes room only once it is known to be another file, and that is asked for then.
#[test]
fn room_is_asked_for_when_it_is_needed() {
    let bytes = content(LENGTH);
    let mut other = bytes.clone();
    other[200_000] ^= 1;
    for envelope in envelopes(&bytes) {
        let (folder, guard, asked) = (folder(), MemoryGuard::new(100), AtomicUsize::new(0));
        let path = folder.path().join("x");
        let none = |_: &Path, _: Option<u64>| {
            asked.fetch_add(1, Ordering::SeqCst);
            false
        };
        fs::write(&path, &other).unwrap();
        let store = store(&guard, &OsDisk).has_room(&none);
        let mut stream = store.stream(Target::Path(&path)).unwrap();
        assert!(stream.update(&envelope[..150_000]));
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        stream.update(&envelope[150_000..]);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        // Never a final word while a file of its length has the name.
        assert_eq!(stream.finish().unwrap_err(), ErrorKind::Pending);
        assert_eq!(names(folder.path()), ["x"]);
    }
}

#[test]
fn what_is_completed_can_be_named_otherwise() {
    let (here, guard) = (Here::new(LENGTH), MemoryGuard::new(100));
    let partials = Partials::new(here.folder.path(), 5, u64::MAX);
    let store = here.store(&guard).resumable(partials);
    let held = here.cut(&store, 150_000);
    fs::write(&here.path, b"other").unwrap();
    let mut stream = store.resume_stream(&here.header, here.target()).unwrap();
    assert!(stream.update(&here.envelope[held as usize..]));
    assert_eq!(stream.finish().unwrap_err(), ErrorKind::NameTaken);
    let other = here.folder.path().join("y");
    stream.retarget(Target::Path(&other)).unwrap();
    let _ = stored(stream.finish()).commit(b"receipt").unwrap();
    assert!(fs::read(&other).unwrap() == here.bytes);
    // What was kept of it is gone with the commit.
    assert_eq!(names(here.folder.path()), ["x", "y"]);
}

/// It was this content while it was compared, so nothing was written; and then it is not any more.
#[test]
fn a_file_that_changes_while_it_is_looked_at_decides_nothing() {
    let bytes = content(LENGTH);
    for envelope in envelopes(&bytes) {
        let (folder, guard) = (folder(), MemoryGuard::new(100));
        let path = folder.path().join("x");
        fs::write(&path, &bytes).unwrap();
        let disk = Hooked(|operation| {
            if operation == Operation::DropCache {
                let mut other = bytes.clone();
                other[5] ^= 1;
                fs::write(&path, other)?;
            }
            Ok::<_, io::Error>(())
        });
        let store = store(&guard, &disk);
        let mut stream = pushed(&store, &envelope, Target::Path(&path));
        assert_eq!(stream.finish().unwrap_err(), ErrorKind::Pending);
        assert_eq!(stream.finish().unwrap_err(), ErrorKind::WrongOrder);
    }
}

#[test]
fn rules_may_say_that_they_cannot_tell_now() {
    let bytes = content(LENGTH);
    for envelope in envelopes(&bytes) {
        let (folder, guard, ready) = (folder(), MemoryGuard::new(100), AtomicBool::new(false));
        let rules = |_: &Stamp| match ready.load(Ordering::SeqCst) {
            true => Ruling::Accept,
            false => Ruling::Later,
        };
        let target = Target::ById(folder.path());
        let store = store(&guard, &OsDisk).judge(&rules);
        let undecided = store.store(envelope.as_slice(), target).unwrap_err();
        assert_eq!(undecided, ErrorKind::Undecided);
        assert_eq!(undecided.kind().class(), bulla::ErrorClass::TryAgain);
        assert!(undecided.damaged().is_none());
        let mut stream = store.stream(target).unwrap();
        stream.update(&envelope);
        assert_eq!(stream.finish().unwrap_err(), ErrorKind::Undecided);
        // Nothing is written, and nothing reserved.
        assert_eq!(names(folder.path()), [""; 0]);
        assert!(guard.is_empty());
        ready.store(true, Ordering::SeqCst);
        drop(stored(store.store(envelope.as_slice(), target)));
    }
}

/// What is kept of it stays, to be completed when they can.
#[test]
fn what_is_kept_outlives_rules_that_cannot_tell() {
    let (here, guard) = (Here::new(LENGTH), MemoryGuard::new(100));
    let held = here.cut(&here.store(&guard), 150_000);
    assert!(held > 0);
    let later = |_: &Stamp| Ruling::Later;
    let waiting = here.store(&guard).judge(&later);
    let rest = &here.envelope[held as usize..];
    let undecided = waiting.resume(&here.header, rest, here.target());
    assert_eq!(undecided.unwrap_err(), ErrorKind::Undecided);
    assert_eq!(waiting.held(&here.header).unwrap(), held);
    let store = here.store(&guard);
    match store.resume(&here.header, rest, here.target()).unwrap() {
        Received::Stored(stored) => drop(stored.commit(b"receipt").unwrap()),
        other => panic!("{other:?}"),
    }
    here.is_well(&store);
}
