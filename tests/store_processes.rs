//! Several processes, and processes that are killed: no half file under a final name, nothing lost, nothing stored twice.
//!
//! `BULLA_KILLS` (30) says how often a process is killed, `BULLA_SEED` (3) at which instants.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod storing;

use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bulla::{Digest, ErrorKind, Hasher, Opener, OsDisk, Partials, Received, Replay, Store, Target};
use storing::faulty::{Fault, Faulty, When};
use storing::file_guard::FileGuard;
use storing::hooked::Hooked;
use storing::{bob, content, draft, folder, names, next, policy, seal};

/// Where a child works; without it, the test that is a child does nothing.
const CHILD: &str = "BULLA_STORE_CHILD";
/// How long a reservation of a child that was killed still holds, in seconds.
const LEASE: u64 = 1;
const MIB: usize = 1 << 20;

/// How a child stores.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// Gives files in the making a name.
    named: bool,
    resumable: bool,
}

impl Way {
    fn number(number: u64) -> Self {
        Self {
            named: number & 1 == 0,
            resumable: number & 2 == 0,
        }
    }
}

/// What a process makes of it: the name of the verdict.
fn receive(work: &Path, way: Way) -> String {
    let guard = FileGuard::new(&work.join("guard"));
    let inbox = work.join("inbox");
    // No fault is ever met: it only gives files a name.
    let disk = Faulty::new(When::Number(u64::MAX), Fault::Short, way.named);
    let opener = Opener::new(bob(), policy(), Replay::Guarded(&guard));
    let mut store = Store::new(opener, LEASE, &disk);
    if way.resumable {
        store = store.resumable(Partials::new(&inbox, 2, u64::MAX));
    }
    let envelope = File::open(work.join("envelope")).unwrap();
    let path = inbox.join("final");
    match store.store(envelope, Target::Path(&path)) {
        Ok(Received::Stored(stored)) => {
            let receipt = format!("by {}", std::process::id());
            match stored.commit(receipt.as_bytes()) {
                Ok(_) => "stored".to_owned(),
                Err(error) => error.kind().name().to_owned(),
            }
        }
        Ok(Received::Again(again)) => {
            assert!(again.receipt().unwrap().starts_with(b"by "));
            "again".to_owned()
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => error.kind().name().to_owned(),
    }
}

#[test]
fn child() {
    let Ok(work) = env::var(CHILD) else { return };
    let way = Way::number(env::var("BULLA_STORE_WAY").unwrap().parse().unwrap());
    let work = Path::new(&work);
    // All of a race begin at once.
    while !work.join("go").exists() {
        std::hint::spin_loop();
    }
    fs::write(
        work.join(format!("verdict-{}", std::process::id())),
        receive(work, way),
    )
    .unwrap();
}

fn start(work: &Path, way: u64) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--test-threads", "1"])
        .env(CHILD, work)
        .env("BULLA_STORE_WAY", way.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn work(envelope: &[u8]) -> tempfile::TempDir {
    let work = folder();
    fs::create_dir(work.path().join("inbox")).unwrap();
    fs::write(work.path().join("envelope"), envelope).unwrap();
    work
}

fn verdict(work: &Path, mut child: Child) -> String {
    let id = child.id();
    assert!(child.wait().unwrap().success());
    fs::read_to_string(work.join(format!("verdict-{id}"))).unwrap()
}

#[test]
fn of_two_processes_one_stores() {
    let bytes = content(2 * MIB);
    let mut seen = [0; 3];
    for round in 0..40 {
        let work = work(&seal(&draft(), &bytes));
        let children = [start(work.path(), round), start(work.path(), round / 2)];
        if round % 2 == 0 {
            // Ready at the same time; otherwise as they come.
            sleep(Duration::from_millis(30));
        }
        fs::write(work.path().join("go"), b"").unwrap();
        let mut verdicts = children.map(|child| verdict(work.path(), child));
        verdicts.sort();
        match verdicts.each_ref().map(String::as_str) {
            ["Pending", "stored"] => seen[0] += 1,
            ["again", "stored"] => seen[1] += 1,
            other => panic!("{other:?}"),
        }
        let mut left = names(&work.path().join("inbox"));
        left.retain(|name| !name.ends_with(".partial"));
        assert_eq!(left, ["final"]);
        assert!(fs::read(work.path().join("inbox/final")).unwrap() == bytes);
        seen[2] += 1;
    }
    println!(
        "of {} races, the other one found it pending {} times and done {} times",
        seen[2], seen[0], seen[1]
    );
    assert!(seen[0] > 0, "they never met: the test shows nothing");
}

fn digest_of(path: &Path) -> Digest {
    let (mut hasher, bytes) = (Hasher::new(), fs::read(path).unwrap());
    hasher.update(&bytes);
    hasher.finish()
}

/// Kills a process that stores 100 MiB at so many instants, and completes it each time.
fn kill(times: u64, seed: u64) {
    let bytes = content(100 * MIB);
    let (expected, envelope) = (Digest::of(&bytes), seal(&draft(), &bytes));
    drop(bytes);
    let once = work(&envelope);
    fs::write(once.path().join("go"), b"").unwrap();
    // The longest of the ways, so that every instant of every way is reached.
    let began = Instant::now();
    assert_eq!(verdict(once.path(), start(once.path(), 0)), "stored");
    let whole = began.elapsed();
    drop(once);
    let mut state = seed;
    let (mut before, mut published, mut done) = (0, 0, 0);
    for round in 0..times {
        let work = work(&envelope);
        let (inbox, path) = (work.path().join("inbox"), work.path().join("inbox/final"));
        fs::write(work.path().join("go"), b"").unwrap();
        let mut child = start(work.path(), round);
        sleep(Duration::from_micros(
            next(&mut state) % (whole.as_micros() as u64 * 11 / 10),
        ));
        child.kill().unwrap();
        child.wait().unwrap();
        let committed = work.path().join(format!("verdict-{}", child.id())).exists();
        match path.exists() {
            // Whole, or not there.
            true => assert_eq!(digest_of(&path), expected, "round {round} of seed {seed}"),
            false => assert!(!committed),
        }
        *match (path.exists(), committed) {
            (false, _) => &mut before,
            (true, false) => &mut published,
            (true, true) => &mut done,
        } += 1;
        complete(work.path(), round, committed);
        assert_eq!(digest_of(&path), expected);
        let left = names(&inbox);
        let whole = left.iter().filter(|name| !name.starts_with(".bulla-"));
        assert_eq!(whole.collect::<Vec<_>>(), ["final"]);
        // What is left of a file that had a temporary name goes after a day.
        for name in left.iter().filter(|name| name.starts_with(".bulla-")) {
            File::open(inbox.join(name))
                .unwrap()
                .set_modified(std::time::UNIX_EPOCH)
                .unwrap();
        }
        let guard = FileGuard::new(&work.path().join("guard"));
        let store = storing::store(&guard, &OsDisk).resumable(Partials::new(&inbox, 5, u64::MAX));
        assert_eq!(store.clean(&inbox).unwrap(), left.len() - 1);
        assert_eq!(names(&inbox), ["final"]);
    }
    println!(
        "killed {times} times within {whole:?} (seed {seed}): {before} before the final name, {published} between it and the end, {done} after"
    );
    assert!(
        before > 0 && published + done > 0,
        "the instants do not reach far enough"
    );
}

/// The message comes again until it is stored; says that it is new exactly if nobody committed it.
fn complete(work: &Path, way: u64, committed: bool) {
    let began = Instant::now();
    let verdict = loop {
        let verdict = receive(work, Way::number(way));
        if verdict != ErrorKind::Pending.name() {
            break verdict;
        }
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "it stays pending"
        );
        sleep(Duration::from_millis(50));
    };
    match verdict.as_str() {
        "again" => {}
        "stored" => assert!(!committed),
        other => panic!("{other}"),
    }
    assert_eq!(receive(work, Way::number(way)), "again");
}

#[test]
fn a_process_that_is_killed_leaves_no_half_file_and_loses_nothing() {
    let times = env::var("BULLA_KILLS").map_or(30, |times| times.parse().unwrap());
    let seed = env::var("BULLA_SEED").map_or(3, |seed| seed.parse().unwrap());
    kill(times, seed);
}

#[test]
fn a_kill_between_every_two_operations() {
    // Instead of an instant, the operation: the process is gone right before the one with this number.
    let bytes = content(MIB);
    let envelope = seal(&draft(), &bytes);
    for number in 0.. {
        let work = work(&envelope);
        fs::write(work.path().join("go"), b"").unwrap();
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child_that_dies", "--test-threads", "1"])
            .env(CHILD, work.path())
            .env("BULLA_STORE_DIES", number.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let died = !child.wait().unwrap().success();
        let path = work.path().join("inbox/final");
        if path.exists() {
            assert!(fs::read(&path).unwrap() == bytes, "operation {number}");
        }
        complete(work.path(), number, !died);
        assert!(fs::read(&path).unwrap() == bytes);
        if !died {
            assert!(number > 10);
            break;
        }
    }
}

#[test]
fn child_that_dies() {
    let Ok(work) = env::var(CHILD) else { return };
    let at: u64 = env::var("BULLA_STORE_DIES").unwrap().parse().unwrap();
    let work = Path::new(&work);
    let guard = FileGuard::new(&work.join("guard"));
    let count = AtomicU64::new(0);
    let disk = Hooked(|_| {
        if count.fetch_add(1, Ordering::SeqCst) == at {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
        }
        Ok(())
    });
    let opener = Opener::new(bob(), policy(), Replay::Guarded(&guard));
    let path = work.join("inbox/final");
    let envelope = File::open(work.join("envelope")).unwrap();
    let store = Store::new(opener, LEASE, &disk);
    let Received::Stored(stored) = store.store(envelope, Target::Path(&path)).unwrap() else {
        panic!("it is new")
    };
    let _ = stored.commit(b"by one that lived").unwrap();
}
