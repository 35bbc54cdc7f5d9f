//! Files that are not as they should be: of another kind, cut, replaced, not writable, with others beside them.

use super::*;

/// The detail of what stands in the way; the file must be as it was.
fn refused(path: &Path) -> String {
    let before = fs::read(path).ok();
    let error = SqliteGuard::open(path).unwrap_err();
    assert_eq!(error, ErrorKind::GuardUnavailable);
    assert_eq!(error.kind().class(), ErrorClass::TryAgain);
    assert_eq!(fs::read(path).ok(), before);
    assert!(!error.to_string().contains('\n'));
    println!("{}: {error}", path.display());
    error.detail().to_owned()
}

#[test]
fn files_of_other_kinds_are_refused_and_stay() {
    let (folder, path) = place();
    drop(open(&path));
    let good = fs::read(&path).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        fs::write(&path, bytes).unwrap();
        refused(&path)
    };
    // Version, application, write-ahead log (SQLite's file format, §1.3).
    assert!(with(63, 2).contains("newer version"));
    assert!(with(63, 0).contains("damaged"));
    assert!(with(71, 0).contains("another program"));
    let mut unlogged = good.clone();
    unlogged[18..20].fill(1);
    fs::write(&path, unlogged).unwrap();
    assert!(refused(&path).contains("write-ahead log"));
    fs::write(
        &path,
        b"A text of some length, and no database at all.\n".repeat(200),
    )
    .unwrap();
    assert!(refused(&path).contains("damaged"));
    let noise: Vec<u8> = (0..40_960_u32)
        .map(|n| Digest::of(&n.to_be_bytes()).as_bytes()[0])
        .collect();
    fs::write(&path, noise).unwrap();
    assert!(refused(&path).contains("damaged"));
    // An empty file is one that was cut: it must not become a guard that remembers nothing.
    fs::write(&path, b"").unwrap();
    assert!(refused(&path).contains("damaged"));
    assert!(refused(folder.path()).contains("folder"));
    assert!(refused(&folder.path().join("none/guard")).contains("folder"));
    assert!(refused(&path.join("guard")).contains("folder"));
    assert!(refused(Path::new("/")).contains("names no file"));
    let missing = folder.path().join("missing");
    assert!(Database::open_existing(&missing).is_err());
    assert!(!missing.exists());
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let (_folder, path) = place();
    let guard = open(&path);
    for number in 0..500 {
        token(guard.claim(&claim(number, 1000), 1000, None));
    }
    drop(guard);
    let good = fs::read(&path).unwrap();
    assert!(good.len() > 100_000);
    for length in [
        1,
        99,
        100,
        512,
        4095,
        4096,
        4097,
        8192,
        good.len() / 2,
        good.len() / 8192 * 4096,
        good.len() - 4096,
        good.len() - 1,
    ] {
        fs::write(&path, &good[..length]).unwrap();
        refused(&path);
    }
    // Damage inside is met when it is met, and nothing is accepted over it.
    for page in 0..good.len() / 4096 {
        let mut bytes = good.clone();
        bytes[page * 4096 + if page == 0 { 100 } else { 0 }..][..3000].fill(0xa5);
        fs::write(&path, &bytes).unwrap();
        let Ok(guard) = SqliteGuard::open(&path) else {
            continue;
        };
        assert_eq!(guard.check().unwrap_err(), ErrorKind::GuardUnavailable);
        for number in 0..500 {
            match guard.claim(&claim(number, 1000), 1000, None) {
                Ok(Claimed::Same(_)) => {}
                Ok(other) => panic!("page {page}, message {number}: {other:?}"),
                Err(error) => assert_eq!(error, ErrorKind::GuardUnavailable),
            }
        }
    }
}

#[test]
fn a_log_without_its_file_is_not_mixed_with_a_new_one() {
    let (_folder, path) = place();
    let guard = open(&path);
    token(guard.claim(&claim(1, 1000), 1000, None));
    fs::remove_file(&path).unwrap();
    assert!(refused(&path).contains("-wal"));
}

#[test]
fn files_that_vanish_or_are_replaced_while_open() {
    for which in ["", "-wal", "-shm"] {
        let (folder, path) = place();
        let guard = open(&path);
        token(guard.claim(&claim(1, 1000), 1000, None));
        let gone = PathBuf::from(format!("{}{which}", path.display()));
        let aside = folder.path().join("aside");
        fs::rename(&gone, &aside).unwrap();
        let refused = |guard: &SqliteGuard| {
            for number in [1, 2] {
                let error = guard.claim(&claim(number, 1000), 1000, None).unwrap_err();
                assert_eq!(error, ErrorKind::GuardUnavailable);
                assert!(error.detail().contains("removed or replaced"), "{error}");
            }
            assert!(guard.observe(1000).is_err());
            assert!(guard.missing(&Digest::of(b"stream")).is_err());
        };
        refused(&guard);
        fs::copy(&aside, &gone).unwrap();
        refused(&guard);
    }
}

#[cfg(unix)]
#[test]
fn the_files_are_private_and_links_are_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (folder, path) = place();
    let guard = open(&path);
    token(guard.claim(&claim(1, 1000), 1000, None));
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    drop(guard);
    // The log is in the file, and only the file is left.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(refused(&link).contains("link"));
    let dangling = folder.path().join("dangling");
    symlink(folder.path().join("elsewhere"), &dangling).unwrap();
    assert!(refused(&dangling).contains("link"));
    assert!(!folder.path().join("elsewhere").exists());
    // A link to the folder is a way like any other.
    let way = folder.path().join("way");
    symlink(folder.path(), &way).unwrap();
    let guard = open(&way.join("guard"));
    assert_eq!(
        guard.claim(&claim(1, 1000), 1000, None).unwrap(),
        Claimed::Same(vec![])
    );
}

/// What another process, that may write nothing, says of this guard. Root may write everything, so it becomes nobody.
#[cfg(unix)]
fn as_nobody(folder: &Path, path: &Path) -> Vec<String> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    // The test itself may be where nobody can read.
    let program = folder.join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    command.current_dir("/");
    if fs::metadata(&program).unwrap().uid() == 0 {
        command.uid(65_534).gid(65_534);
    }
    let said = Other::start_as(command, "fill", processes::name(path), 0).finish();
    fs::remove_file(&program).unwrap();
    said
}

#[cfg(unix)]
#[test]
fn what_cannot_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = place();
    let guard = open(&path);
    token(guard.claim(&claim(1, 1000), 1000, None));
    drop(guard);
    let before = fs::read(&path).unwrap();
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for (of_file, of_folder) in [(0o444, 0o755), (0o444, 0o777), (0o000, 0o777)] {
        mode(&path, of_file);
        mode(folder.path(), of_folder);
        let said = as_nobody(folder.path(), &path);
        println!("{of_file:o} in {of_folder:o}: {said:?}");
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("GuardUnavailable"), "{said:?}");
        assert!(said[0].contains("folder"), "{said:?}");
    }
    // The file may be written, but no log made beside it. (For its owner there is no such folder.)
    mode(&path, 0o666);
    mode(folder.path(), 0o555);
    if fs::write(folder.path().join("root-may"), b"").is_ok() {
        fs::remove_file(folder.path().join("root-may")).unwrap();
        let said = as_nobody(folder.path(), &path);
        assert!(said[0].starts_with("GuardUnavailable"), "{said:?}");
        let none = folder.path().join("none");
        let said = as_nobody(folder.path(), &none);
        assert!(said[0].contains("permissions of the folder"), "{said:?}");
    }
    mode(folder.path(), 0o755);
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// SQLite plays back a journal that it finds beside a file, whoever put it there: a file that somebody sent, for example.
#[test]
fn a_journal_of_somebody_else_is_not_played_back() {
    let (folder, path) = place();
    let guard = open(&path);
    token(guard.claim(&claim(1, 1000), 1000, None));
    drop(guard);
    let before = fs::read(&path).unwrap();
    let name = format!("{}-journal", path.file_name().unwrap().to_str().unwrap());
    let journal = folder.path().join(name);
    for content in [&b""[..], b"anything"] {
        fs::write(&journal, content).unwrap();
        let refused = SqliteGuard::open(&path).unwrap_err();
        assert_eq!(refused, ErrorKind::GuardUnavailable);
        assert!(refused.to_string().contains("-journal"), "{refused}");
        assert!(journal.exists() && fs::read(&path).unwrap() == before);
    }
    fs::remove_file(&journal).unwrap();
    let same = open(&path).claim(&claim(1, 1000), 1000, None).unwrap();
    assert_eq!(same, Claimed::Same(vec![]));
}
