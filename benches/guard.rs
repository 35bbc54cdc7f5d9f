//! The durable guard: claims per second with group commit, beside one claim per commit, in the same run on the same disk, with
//! a million live entries: `cargo bench --features sqlite --bench guard`, in about two minutes.
//!
//! Arguments: a folder for the file, else it is put beside the program (where a sync costs nothing, in a file system in
//! memory, there is nothing to measure); `--entries N`; `--turns N` of two seconds each; `--check` fails if the ratio with 64
//! threads is below 2.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bulla::{Claim, Claimed, Database, Digest, GuardLimits, ReplayGuard, SqliteGuard};

/// How long one turn takes.
const TURN: Duration = Duration::from_secs(2);
const TURNS: usize = 5;
const NOW: u64 = 1_800_000_000;
/// What the issue of this project demands, with so many threads.
const LEAST_RATIO: f64 = 2.0;
const JUDGED: usize = 64;

/// A message as a guard meets it: its key is as good as random.
fn claim(number: u64) -> Claim {
    let digest = Digest::of(&number.to_be_bytes());
    Claim {
        key: digest,
        value: Digest::of(digest.as_bytes()),
        scope: Digest::of(&(number % 10).to_le_bytes()),
        signer: *Digest::of(&(number % 100).to_le_bytes()).as_bytes(),
        stranger: false,
        issued: NOW,
        keep_until: NOW + 86_400 + number % 1000,
        bounded_by_age: true,
        place: None,
        challenge: None,
    }
}

/// Claims with so many threads until `is_over`, and gives claims per second.
fn run(
    guard: &SqliteGuard,
    next: &AtomicU64,
    threads: usize,
    is_over: impl Fn(u64, Duration) -> bool + Sync,
) -> f64 {
    let (start, first) = (Instant::now(), next.load(Ordering::Relaxed));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !is_over(next.load(Ordering::Relaxed), start.elapsed()) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    match guard.claim(&claim(number), NOW, None).unwrap() {
                        Claimed::New(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    (next.load(Ordering::Relaxed) - first) as f64 / start.elapsed().as_secs_f64()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap()
}

/// The type of the file system of a folder, as Linux tells it.
fn file_system(folder: &Path) -> String {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            let (point, kind) = (words.next()?, words.next()?);
            folder.starts_with(point).then_some((point.len(), kind))
        })
        .max_by_key(|(length, _)| *length)
        .map_or("unknown".to_owned(), |(_, kind)| kind.to_owned())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    let after = |wanted: &str| {
        let at = arguments.iter().position(|argument| argument == wanted)?;
        arguments.get(at + 1)
    };
    // Run as a test, it shows that it works.
    let (turns, turn) = if has("--bench") {
        (TURNS, TURN)
    } else {
        (1, Duration::from_millis(50))
    };
    let entries = match after("--entries") {
        Some(number) => number.parse().unwrap(),
        None if has("--bench") => 1_000_000,
        None => 1000,
    };
    let turns = after("--turns").map_or(turns, |number| number.parse().unwrap());
    let own = std::env::current_exe().unwrap();
    let given = arguments.iter().find(|argument| {
        let is_number = [after("--entries"), after("--turns")].contains(&Some(*argument));
        !argument.starts_with('-') && !is_number
    });
    let folder = given.map_or(own.parent().unwrap().to_owned(), PathBuf::from);
    let folder = tempfile::tempdir_in(folder.canonicalize().unwrap()).unwrap();
    println!("file system: {}", file_system(folder.path()));

    let database = Database::open(folder.path().join("guard")).unwrap();
    let guard = SqliteGuard::with(database, GuardLimits::of(100_000_000));
    let next = AtomicU64::new(0);
    let filling = run(&guard, &next, 256, |number, _| number >= entries);
    let status = guard.status().unwrap();
    println!(
        "{} live entries in {} MB, made at {filling:.0} claims/s",
        status.committed,
        status.file_bytes >> 20
    );

    let since = Instant::now();
    for _ in 0..100 {
        let other = SqliteGuard::open(folder.path().join("alone")).unwrap();
        run(&other, &next, 1, |_, time| !time.is_zero());
    }
    println!("open, claim, close: {:?} each", since.elapsed() / 100);

    let mut good_enough = true;
    for threads in [4, 16, JUDGED] {
        let mut measured = Vec::new();
        for _ in 0..turns {
            let one = run(&guard, &next, 1, |_, time| time >= turn);
            let group = run(&guard, &next, threads, |_, time| time >= turn);
            measured.push((one, group));
        }
        let one = median(measured.iter().map(|(one, _)| *one).collect());
        let group = median(measured.iter().map(|(_, group)| *group).collect());
        let ratio = median(measured.iter().map(|(one, group)| group / one).collect());
        println!(
            "one claim per commit {one:>8.0} claims/s   group commit, {threads:>2} threads {group:>8.0} claims/s   ratio {ratio:.2}"
        );
        good_enough &= threads != JUDGED || ratio >= LEAST_RATIO;
    }
    ExitCode::from(u8::from(has("--check") && !good_enough))
}
