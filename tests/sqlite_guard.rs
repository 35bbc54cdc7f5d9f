//! The durable guard: conformance, several processes, restarts and crashes, and files that are not as they should be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod conformance;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla::{
    Claimed, Database, Digest, EntryState, ErrorClass, ErrorKind, GuardLimits, LeaseToken, Order,
    Place, Rate, ReplayGuard, SqliteGuard,
};
use conformance::processes::{self, Other};
use conformance::{claim, token};
use tempfile::TempDir;

/// A folder that vanishes, and a file name in it.
fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("guard");
    (folder, path)
}

fn open(path: &Path) -> SqliteGuard {
    SqliteGuard::open(path).unwrap()
}

/// Not a test of its own: the other process.
#[test]
fn helper() {
    processes::helper(|name| Ok(Box::new(SqliteGuard::open(name)?)));
}

#[test]
fn conforms() {
    let folder = TempDir::new().unwrap();
    let made = AtomicU64::new(0);
    let path = || {
        folder
            .path()
            .join(made.fetch_add(1, Ordering::Relaxed).to_string())
    };
    conformance::all(&|| Box::new(open(&path())));
    conformance::bounds::all(&|limits| {
        Box::new(SqliteGuard::with(Database::open(path()).unwrap(), limits))
    });
}

#[test]
fn two_processes_race() {
    let (_folder, path) = place();
    processes::race(processes::name(&path), 10_000);
    let guard = open(&path);
    guard.check().unwrap();
    assert_eq!(guard.status().unwrap().committed, 10_000);
}

#[test]
fn two_processes_make_the_file_at_once() {
    for _ in 0..20 {
        let (_folder, path) = place();
        processes::race(processes::name(&path), 20);
    }
}

#[test]
fn a_late_holder_in_another_process() {
    let (_folder, path) = place();
    processes::a_late_holder(&open(&path), processes::name(&path));
}

#[test]
fn kill_at_any_instant() {
    let (_folder, path) = place();
    let mut first = 0;
    for round in 0..25_u64 {
        // From 1 to 40 milliseconds, in an order that is the same every time.
        let nap = Duration::from_micros(1000 + (round * 7919) % 40_000);
        first = processes::killed(processes::name(&path), first, nap, &|| {
            let guard = open(&path);
            guard.check().unwrap();
            Box::new(guard)
        });
    }
    let status = open(&path).status().unwrap();
    println!(
        "{} committed, {} reserved",
        status.committed, status.reserved
    );
    assert!(status.committed > 100);
}

/// Also while it makes the file: there is none, or a whole one.
#[test]
fn kill_while_the_file_is_made() {
    for round in 0..20_u64 {
        let (_folder, path) = place();
        let other = Other::start("claim", processes::name(&path), 0);
        std::thread::sleep(Duration::from_micros(1000 + (round * 7919) % 16_000));
        let done = other.kill().len().saturating_sub(1);
        let guard = open(&path);
        guard.check().unwrap();
        assert!(guard.status().unwrap().committed as usize >= done);
    }
}

fn placed(number: u64) -> bulla::Claim {
    let order = Order::Gapless {
        first: 1,
        window: 10,
    };
    let stream = Digest::of(b"stream");
    bulla::Claim {
        place: Some(Place {
            stream,
            number,
            order,
            keep_until: u64::MAX,
        }),
        ..claim(100 + number, 1000)
    }
}

#[test]
fn everything_survives_a_restart() {
    let (_folder, path) = place();
    let rate = Rate {
        every: 10,
        burst: 1,
    };
    let (asked, what, stream) = (
        Digest::of(b"asked"),
        Digest::of(b"x"),
        Digest::of(b"stream"),
    );
    let guard = open(&path);
    let held = token(guard.claim(&claim(1, 1000), 1000, Some(30)));
    let kept = token(guard.claim(&claim(2, 1000), 1000, Some(500)));
    let mut stranger = claim(3, 1000);
    stranger.stranger = true;
    let released = token(guard.claim(&stranger, 1000, Some(30)));
    guard.release(&released).unwrap();
    guard.commit(&held, b"the receipt").unwrap();
    token(guard.claim(&placed(2), 1000, None));
    token(guard.claim(&placed(5), 1000, None));
    guard.expect(&asked, 1500, 1010).unwrap();
    assert!(guard.permit(&what, 1010, rate).unwrap());
    drop(guard);

    let guard = open(&path);
    assert_eq!(guard.observe(0).unwrap(), 1010);
    assert_eq!(
        guard.claim(&claim(1, 1000), 1000, Some(9)).unwrap(),
        Claimed::Same(b"the receipt".to_vec())
    );
    assert_eq!(
        guard.claim(&claim(2, 1000), 1000, Some(9)).unwrap(),
        Claimed::Pending
    );
    let again = token(guard.claim(&stranger, 1000, Some(9)));
    assert!(again.number > released.number);
    assert_eq!(guard.missing(&stream).unwrap(), [1..=1, 3..=4]);
    assert_eq!(
        guard.claim(&placed(2), 1000, None).unwrap(),
        Claimed::Same(vec![])
    );
    assert!(!guard.permit(&what, 1019, rate).unwrap());
    assert!(guard.permit(&what, 1020, rate).unwrap());
    let mut answer = claim(50, 1000);
    answer.challenge = Some(asked);
    token(guard.claim(&answer, 1020, None));
    looks_right(&guard);
    guard.commit(&kept, b"").unwrap();
    // What was dropped by age stays refused, with the mark that is left of it.
    guard.sweep(1200, usize::MAX).unwrap();
    drop(guard);
    let guard = open(&path);
    assert_eq!(guard.observe(0).unwrap(), 1200);
    let mut old = claim(1, 1000);
    old.keep_until = 9000;
    assert_eq!(guard.claim(&old, 1000, None).unwrap(), Claimed::Forgotten);
    assert_eq!(guard.missing(&stream).unwrap(), [1..=1, 3..=4]);
    guard.check().unwrap();
}

/// What the command line is shown of the guard above.
fn looks_right(guard: &SqliteGuard) {
    let status = guard.status().unwrap();
    assert_eq!(
        (status.committed, status.reserved, status.released),
        (4, 2, 0)
    );
    assert_eq!((status.strangers, status.streams), (1, 1));
    assert_eq!((status.challenges, status.high_water), (0, 1020));
    assert!(status.file_bytes > 4096 && status.schema_version == 1);
    let streams = guard.streams(None, 10).unwrap();
    assert_eq!(streams[0].greatest, Some(5));
    assert_eq!(streams[0].missing, [1..=1, 3..=4]);
    // The list in pieces is the list.
    let all = guard.entries(None, usize::MAX).unwrap();
    assert_eq!(all.len(), 6);
    let first = guard.entries(None, 4).unwrap();
    let rest = guard.entries(Some(&first[3].key), 4).unwrap();
    assert_eq!([first, rest].concat(), all);
    let state_of = |number| {
        let key = claim(number, 0).key;
        all.iter().find(|entry| entry.key == key).unwrap().state
    };
    assert_eq!(state_of(1), EntryState::Committed { receipt: 11 });
    assert_eq!(state_of(2), EntryState::Reserved { until: 1500 });
}

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

/// The system lets no file grow beyond 200 KB: the log cannot be written. What was answered before stands.
#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_more() {
    let (_folder, path) = place();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -f 400; trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap());
    let said = Other::start_as(command, "fill", processes::name(&path), 0).finish();
    println!("{said:?}");
    let done: u64 = said[0].parse().unwrap();
    assert!(done > 5, "{said:?}");
    assert!(said[1].starts_with("GuardUnavailable"), "{said:?}");
    assert!(said[1].contains("disk"), "{said:?}");
    let guard = open(&path);
    guard.check().unwrap();
    for number in 0..done {
        assert_eq!(
            guard.claim(&claim(number, 1000), 1000, None).unwrap(),
            Claimed::Same(vec![])
        );
    }
    token(guard.claim(&claim(done, 1000), 1000, None));
}

#[test]
fn a_full_disk() {
    let (_folder, path) = place();
    let guard = open(&path);
    let held = token(guard.claim(&claim(u64::MAX, 1000), 1000, Some(60)));
    guard.database().limit_pages(40).unwrap();
    let mut done = 0;
    let error = loop {
        match guard.claim(&claim(done, 1000), 1000, None) {
            Ok(_) => done += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, ErrorKind::GuardUnavailable);
    assert!(error.detail().contains("disk is full"), "{error}");
    guard.check().unwrap();
    let status = guard.status().unwrap();
    assert_eq!((status.committed, status.reserved), (done, 1));
    assert!(guard.commit(&held, &[7; 4096]).is_err());
    // What leaves makes room; and with room everything goes on.
    guard.database().limit_pages(4000).unwrap();
    guard.commit(&held, &[7; 4096]).unwrap();
    token(guard.claim(&claim(done, 1000), 1000, None));
    guard.check().unwrap();
}

#[test]
fn nobody_pays_for_anothers_refusal() {
    let (_folder, path) = place();
    let limits = GuardLimits::of(100_000).per_sender(50);
    let guard = SqliteGuard::with(Database::open(path).unwrap(), limits);
    let counts: Vec<(usize, usize)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u8)
            .map(|sender| {
                let guard = &guard;
                scope.spawn(move || {
                    let (mut new, mut full) = (0, 0);
                    for number in 0..200 {
                        let mut message = claim(u64::from(sender) << 32 | number, 1000);
                        // Half of the threads are one sender.
                        message.signer = [sender.max(4); 32];
                        match guard.claim(&message, 1000, None) {
                            Ok(Claimed::New(_)) => new += 1,
                            Err(error) if error.kind() == ErrorKind::GuardFull => full += 1,
                            other => panic!("{other:?}"),
                        }
                        let stale = LeaseToken {
                            key: message.key,
                            number: 0,
                        };
                        assert_eq!(guard.release(&stale).unwrap_err(), ErrorKind::LeaseLost);
                    }
                    (new, full)
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let of_one: usize = counts[..5].iter().map(|(new, _)| new).sum();
    assert_eq!(of_one, 50);
    assert!(counts[5..].iter().all(|counts| *counts == (50, 150)));
    guard.check().unwrap();
}

/// A day: one message a second, kept for an hour, some of them copies, and a sweep now and then.
#[test]
fn a_days_load_keeps_the_file_bounded() {
    let (_folder, path) = place();
    let guard = open(&path);
    let second = AtomicU64::new(0);
    let largest: Vec<AtomicU64> = (0..24).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let at = second.fetch_add(1, Ordering::Relaxed);
                    let Some(hour) = largest.get(at as usize / 3600) else {
                        break;
                    };
                    let now = 1_000_000 + at;
                    let mut message = claim(at, now);
                    message.keep_until = now + 3600;
                    message.scope = Digest::of(&(at % 5000).to_be_bytes());
                    token(guard.claim(&message, now, None));
                    if at.is_multiple_of(10) {
                        let answer = guard.claim(&message, now, None).unwrap();
                        assert_eq!(answer, Claimed::Same(vec![]));
                    }
                    if at.is_multiple_of(600) {
                        let bytes = guard.status().unwrap().file_bytes;
                        hour.fetch_max(bytes, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let largest: Vec<u64> = largest.into_iter().map(AtomicU64::into_inner).collect();
    println!("largest length in each hour: {largest:?}");
    let early = largest[..4].iter().max().unwrap();
    assert!(largest.iter().all(|bytes| *bytes <= early + (2 << 20)));
    guard.check().unwrap();
    // When the load is over, the room goes back.
    let before = guard.status().unwrap().file_bytes;
    for _ in 0..10 {
        guard.sweep(2_000_000, usize::MAX).unwrap();
    }
    drop(guard);
    let status = open(&path).status().unwrap();
    assert_eq!(status.committed, 0);
    println!("{before} bytes, and {} when empty", status.file_bytes);
    assert!(status.file_bytes < 5 << 20);
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
