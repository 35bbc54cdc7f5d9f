//! The real file system: names are given once, links are not followed, locks hold.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla::{Access, Disk, NewFile, OsDisk};

#[test]
fn files_in_the_making_are_for_their_owner_alone_and_read_and_write() {
    let folder = tempfile::tempdir().unwrap();
    for named in [false, true] {
        let made = if named {
            OsDisk.create_named(folder.path()).unwrap()
        } else {
            OsDisk.create(folder.path()).unwrap()
        };
        let mode = made.file().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(OsDisk.write(made.file(), b"content").unwrap(), 7);
        assert!(OsDisk.lock(made.file()).unwrap());
        if let Some(path) = made.path() {
            assert_eq!(path.parent().unwrap(), folder.path());
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let digits = name
                .strip_prefix(".bulla-")
                .unwrap()
                .strip_suffix(".part")
                .unwrap();
            assert_eq!(digits.len(), 16);
            let other = OsDisk.open(path, Access::Read).unwrap();
            assert!(!OsDisk.lock(&other).unwrap());
        }
        let path = folder.path().join(if named { "named" } else { "unnamed" });
        OsDisk.publish(&made, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"content");
        assert!(made.path().is_none_or(|name| !name.exists()));
        let other = OsDisk.open(&path, Access::Write).unwrap();
        assert!(!OsDisk.lock(&other).unwrap());
        drop(made);
        assert!(OsDisk.lock(&other).unwrap());
        OsDisk.drop_cache(&other).unwrap();
        OsDisk.sync_folder(folder.path()).unwrap();
    }
}

#[test]
fn a_name_that_is_taken_is_not_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for named in [false, true] {
        for what in 0..4 {
            match what {
                0 => fs::write(&path, b"other").unwrap(),
                1 => fs::create_dir(&path).unwrap(),
                2 => symlink("nowhere", &path).unwrap(),
                _ => symlink(folder.path(), &path).unwrap(),
            }
            let before = path.symlink_metadata().unwrap().file_type();
            let made = if named {
                OsDisk.create_named(folder.path()).unwrap()
            } else {
                OsDisk.create(folder.path()).unwrap()
            };
            let refused = OsDisk.publish(&made, &path).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
            assert_eq!(path.symlink_metadata().unwrap().file_type(), before);
            assert!(!folder.path().join("nowhere").exists());
            if what != 0 {
                // Nor is it opened, for whatever.
                for access in [Access::Read, Access::Write, Access::Create] {
                    OsDisk.open(&path, access).unwrap_err();
                }
            }
            if let Some(name) = made.path() {
                OsDisk.remove(name).unwrap();
            }
            if what == 1 {
                fs::remove_dir(&path).unwrap();
            } else {
                fs::remove_file(&path).unwrap();
            }
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn of_many_that_want_a_name_one_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..200 {
        let path = folder.path().join(round.to_string());
        let (winners, barrier) = (AtomicUsize::new(0), Barrier::new(4));
        std::thread::scope(|scope| {
            for number in 0..4 {
                let (path, winners, barrier) = (&path, &winners, &barrier);
                scope.spawn(move || {
                    let folder = path.parent().unwrap();
                    if number == 3 {
                        let file = NewFile::create(path, false, true);
                        barrier.wait();
                        let done = file.and_then(NewFile::commit).is_ok();
                        winners.fetch_add(usize::from(done), Ordering::SeqCst);
                        return;
                    }
                    let made = if number == 0 {
                        OsDisk.create(folder).unwrap()
                    } else {
                        OsDisk.create_named(folder).unwrap()
                    };
                    barrier.wait();
                    let done = OsDisk.publish(&made, path).is_ok();
                    winners.fetch_add(usize::from(done), Ordering::SeqCst);
                    if let (false, Some(name)) = (done, made.path()) {
                        OsDisk.remove(name).unwrap();
                    }
                });
            }
        });
        assert_eq!(winners.load(Ordering::SeqCst), 1);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 200);
}
