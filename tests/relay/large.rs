//! 100 MiB that are received by a process that is killed again and again, until it is through.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bulla::{
    Digest, Draft, Opener, OsEntropy, Partials, Policy, Receipt, Receipter, Receipts, Received,
    Replay, Sealer, Senders, Sent, SqliteGuard, Status, Store, Target,
};

use crate::process;
use crate::receiver::{LEASE, disk};
use crate::world::{self, CONTEXT, Dice, GUARD, START, STORED, ToldClock};

const LENGTH: usize = 100 << 20;
const NAME: &str = "large";
const PARTS: &str = "parts";
/// A process that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// The role: takes one envelope from its input, stores it, and gives the receipt. `how`: its number, and the digest of the header
/// if what is held is to be completed.
pub(crate) fn store_one(folder: &Path, now: u64, how: &str) {
    let (lives, header) = how.split_once(':').unwrap();
    let (alice, bob) = (world::person(folder, "alice"), world::person(folder, "bob"));
    let policy = Policy::new(CONTEXT, Senders::only([*alice.verifying_key()])).unwrap();
    let guard = SqliteGuard::open(folder.join(GUARD)).unwrap();
    let clock = ToldClock::new(now);
    let opener = Opener::with_clock(&bob, &policy, Replay::Guarded(&guard), &clock);
    let mut store = Store::new(opener, LEASE, disk(lives.parse().unwrap()));
    let path = folder.join(STORED).join(NAME);
    let (input, mut output) = (std::io::stdin(), std::io::stdout());
    let mut held = 0;
    let header = digest(header);
    if let Some(header) = &header {
        store = store.resumable(Partials::new(&folder.join(PARTS), 4, u64::MAX));
        held = store.held(header).unwrap();
    }
    // The relay sends from there on.
    output.write_all(&held.to_be_bytes()).unwrap();
    output.flush().unwrap();
    let received = match header {
        Some(header) if held > 0 => store.resume(&header, input.lock(), Target::Path(&path)),
        _ => store.store(input.lock(), Target::Path(&path)),
    };
    let receipt = match received.unwrap() {
        Received::Stored(stored) => {
            let receipter = Receipter::with(&bob, &clock, &OsEntropy);
            receipter.stored(stored).unwrap().into_receipt()
        }
        Received::Again(again) => again.into_receipt(),
        other => panic!("{other:?}"),
    };
    output.write_all(&receipt.unwrap()).unwrap();
    output.flush().unwrap();
}

fn digest(hex: &str) -> Option<Digest> {
    let byte = |at: usize| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
    Some(Digest::from_bytes(bytes?.try_into().ok()?))
}

struct Scene<'a> {
    folder: &'a Path,
    envelope: Arc<Vec<u8>>,
    sent: &'a Sent,
    resumes: bool,
    now: u64,
    lives: u64,
    /// The receipt that came first.
    receipt: Option<Vec<u8>>,
    struck: Struck,
}

/// What the kills met, and what was there afterwards.
#[derive(Debug, Default)]
struct Struck {
    kills: u64,
    while_it_came: u64,
    after_it_came: u64,
    then_the_file_was_there: u64,
    then_it_was_committed: u64,
    resumed: u64,
    bytes_not_sent_again: u64,
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Kill {
    Never,
    /// So long after the beginning.
    After(Duration),
    /// So long after the last byte was sent.
    AfterAll(Duration),
}

struct Outcome {
    killed: bool,
    receipt: Vec<u8>,
    all_sent: bool,
    took: Duration,
    after_all: Duration,
}

impl Scene<'_> {
    fn attempt(&mut self, kill: Kill) -> Outcome {
        // Whoever held the lease holds it no longer.
        self.now += LEASE + 1;
        self.lives += 1;
        let header = if self.resumes {
            self.sent.header_digest.to_string()
        } else {
            String::new()
        };
        let how = format!("{}:{header}", self.lives);
        let folder = self.folder.to_str().unwrap();
        let mut command =
            process::command(&["role-store-one", folder, &self.now.to_string(), &how]);
        let mut child = command.spawn().unwrap();
        let all_sent = Arc::new(AtomicBool::new(false));
        let (feeder, reader) = transport(&mut child, Arc::clone(&self.envelope), &all_sent);
        let (status, took, after_all) = watch(&mut child, kill, &all_sent);
        feeder.join().unwrap();
        let (held, receipt) = reader.join().unwrap();
        let killed = status.signal() == Some(9);
        assert!(killed || status.success(), "it ended by itself: {status}");
        self.struck.resumed += u64::from(held > 0);
        self.struck.bytes_not_sent_again += held;
        Outcome {
            killed,
            receipt,
            all_sent: all_sent.load(Ordering::SeqCst),
            took,
            after_all,
        }
    }

    /// What must hold after every attempt, however it ended; says whether the file is there.
    fn check(&mut self, outcome: &Outcome) -> bool {
        let mut names: Vec<String> = fs::read_dir(self.folder.join(STORED))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| !name.starts_with(".bulla-"));
        let is_there = names == [NAME];
        assert!(is_there || names.is_empty(), "what is there: {names:?}");
        if is_there {
            let stored = fs::read(self.folder.join(STORED).join(NAME)).unwrap();
            let found = (stored.len() as u64, Digest::of(&stored));
            let sent = (self.sent.content_length, self.sent.content_digest);
            assert!(found == sent, "a file under the final name is not whole");
        }
        if !outcome.receipt.is_empty() {
            assert!(is_there, "a receipt for what is not there");
            match &self.receipt {
                Some(first) => assert!(*first == outcome.receipt, "another receipt"),
                None => self.receipt = Some(outcome.receipt.clone()),
            }
        }
        assert!(
            is_there || self.receipt.is_none(),
            "it was stored, and is gone"
        );
        is_there
    }
}

/// How much was held, and the receipt.
type Said = (u64, Vec<u8>);

/// Sends what is not held, and hears what the process says.
fn transport(
    child: &mut Child,
    envelope: Arc<Vec<u8>>,
    all_sent: &Arc<AtomicBool>,
) -> (JoinHandle<()>, JoinHandle<Said>) {
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let all_sent = Arc::clone(all_sent);
    let (tell, held) = std::sync::mpsc::channel();
    let feeder = std::thread::spawn(move || {
        let Ok(held) = held.recv() else { return };
        let rest = envelope.get(held as usize..).unwrap();
        all_sent.store(input.write_all(rest).is_ok(), Ordering::SeqCst);
    });
    let reader = std::thread::spawn(move || {
        let mut head = [0; 8];
        if output.read_exact(&mut head).is_err() {
            return (0, Vec::new());
        }
        let held = u64::from_be_bytes(head);
        let _ = tell.send(held);
        let mut receipt = Vec::new();
        let _ = output.read_to_end(&mut receipt);
        (held, receipt)
    });
    (feeder, reader)
}

/// Kills it in time, and waits for its end: how it ended, how long it took, and how long from the last byte on.
fn watch(child: &mut Child, kill: Kill, all_sent: &AtomicBool) -> (ExitStatus, Duration, Duration) {
    let began = Instant::now();
    let (mut over, mut killed) = (None, false);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if over.is_none() && all_sent.load(Ordering::SeqCst) {
            over = Some(Instant::now());
        }
        let strike = match kill {
            Kill::Never => false,
            Kill::After(delay) => began.elapsed() >= delay,
            Kill::AfterAll(delay) => over.is_some_and(|over| over.elapsed() >= delay),
        };
        if strike && !killed {
            killed = child.kill().is_ok();
        }
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it hangs");
        }
        std::thread::sleep(Duration::from_micros(200));
    };
    let after_all = over.map(|over| over.elapsed()).unwrap_or_default();
    (status, began.elapsed(), after_all)
}

/// Removes what the last one left, so that the next one begins anew.
fn begin_anew(folder: &Path) {
    for name in [STORED, PARTS] {
        let _ = fs::remove_dir_all(folder.join(name));
        fs::create_dir(folder.join(name)).unwrap();
    }
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(folder.join(format!("{GUARD}{end}")));
    }
}

pub(crate) fn killed_while_it_stores(seed: u64) {
    let wanted = if std::env::var("BULLA_RELAY").is_ok() {
        32
    } else {
        8
    };
    let began = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    world::make(folder, seed, 0);
    let (envelope, sent) = seal(folder, seed);
    for resumes in [false, true] {
        let mut dice = Dice::new(seed, 20 + u64::from(resumes));
        let mut total = Struck::default();
        let mut through = 0;
        while total.kills < wanted / 2 {
            begin_anew(folder);
            let mut scene = Scene {
                folder,
                envelope: Arc::clone(&envelope),
                sent: &sent,
                resumes,
                now: START,
                lives: dice.below(2),
                receipt: None,
                struck: total,
            };
            let enough = (scene.struck.kills + 4).min(wanted / 2);
            until_it_is_through(&mut scene, &mut dice, enough);
            total = scene.struck;
            through += 1;
        }
        let how = if resumes {
            "completed"
        } else {
            "sent whole each time"
        };
        println!("  100 MiB, {how}: {through} times through; {total:?}");
    }
    println!("  {:.1} s", began.elapsed().as_secs_f64());
}

fn until_it_is_through(scene: &mut Scene<'_>, dice: &mut Dice, wanted: u64) {
    // What it takes here and now, without a kill, in a folder of its own.
    let (whole, tail) = undisturbed(scene);
    loop {
        let share = dice.below(1000) as f64 / 1000.0;
        let kill = if scene.struck.kills >= wanted {
            Kill::Never
        } else if dice.percent(60) {
            Kill::After(whole.mul_f64(share))
        } else {
            Kill::AfterAll(tail.mul_f64(share))
        };
        let outcome = scene.attempt(kill);
        let is_there = scene.check(&outcome);
        if !outcome.killed {
            break;
        }
        let struck = &mut scene.struck;
        struck.kills += 1;
        struck.while_it_came += u64::from(!outcome.all_sent);
        struck.after_it_came += u64::from(outcome.all_sent);
        struck.then_the_file_was_there += u64::from(is_there);
        struck.then_it_was_committed += u64::from(!outcome.receipt.is_empty());
    }
    let first = scene.receipt.clone().expect("it is through");
    check_receipt(scene, &first);
    // A copy gets the same receipt.
    let again = scene.attempt(Kill::Never);
    assert!(again.receipt == first);
    scene.check(&again);
}

fn undisturbed(scene: &mut Scene<'_>) -> (Duration, Duration) {
    let outcome = scene.attempt(Kill::Never);
    scene.check(&outcome);
    scene.receipt = None;
    begin_anew(scene.folder);
    (outcome.took, outcome.after_all)
}

fn check_receipt(scene: &Scene<'_>, receipt: &[u8]) {
    let (alice, bob) = (
        world::person(scene.folder, "alice"),
        world::person(scene.folder, "bob"),
    );
    let bob = Senders::only([*bob.verifying_key()]);
    let clock = ToldClock::new(scene.now);
    let receipt = Receipt::open_by(&alice, CONTEXT, bob, receipt, &clock).unwrap();
    receipt.check(std::slice::from_ref(scene.sent)).unwrap();
    assert_eq!(receipt.status(), &Status::Stored);
}

fn seal(folder: &Path, seed: u64) -> (Arc<Vec<u8>>, Sent) {
    let (alice, bob) = (world::person(folder, "alice"), world::person(folder, "bob"));
    let mut dice = Dice::new(seed, 30);
    let mut content = Vec::with_capacity(LENGTH);
    while content.len() < LENGTH {
        content.extend_from_slice(&dice.next().to_le_bytes());
    }
    let asked = Receipts {
        stored: true,
        ..Receipts::default()
    };
    let draft = Draft::new(CONTEXT)
        .unwrap()
        .ask_receipts(asked, alice.public().newest_key().unwrap())
        .unwrap();
    let mut envelope = Vec::new();
    let sent = Sealer::with(&alice, &ToldClock::new(START), &OsEntropy)
        .to(bob.public())
        .seal_into(&draft, &content, &mut envelope)
        .unwrap();
    (Arc::new(envelope), sent)
}
