//! Real processes of a transfer that are killed at any instant: nothing is lost, and nothing counts twice.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]
#![cfg(unix)]

mod common;

use common::transfer::{RECEIVE, SEND, SETTLE, in_inbox, stage};
use common::{Outcome, Stage, content, finished, with, words};
use std::time::{Duration, Instant};

use bulla::{Database, Outbox, OutboxEntry, OutboxFilter, OutboxState};

/// Kills of each kind of command, at least.
const ENOUGH: usize = 15;
/// Tries after which there must have been enough.
const MOST: usize = 300;
/// Messages that get into the outbox, at least.
const MESSAGES: usize = 25;

/// Kills one kind of command, at instants spread over the time that it takes here and now.
struct Killer {
    dice: u64,
    whole: Duration,
    /// The time that it takes at most, as far as is known.
    measured: Duration,
    /// How often it was killed before it ended by itself.
    kills: usize,
    /// How often after a quarter of that time.
    late: usize,
    /// How often it had come to what it is about by then, and how often not.
    met: [usize; 2],
}

impl Killer {
    /// Measures a run that nobody disturbs.
    fn of(stage: &Stage, arguments: Vec<&str>) -> (Self, Outcome) {
        let began = Instant::now();
        let outcome = stage.run(arguments).ok();
        let whole = began.elapsed();
        let this = Self {
            dice: 7,
            whole,
            measured: whole,
            kills: 0,
            late: 0,
            met: [0; 2],
        };
        (this, outcome)
    }

    fn kill(&mut self, stage: &Stage, arguments: &[&str], is_done: impl Fn() -> bool) -> Outcome {
        let next = self.dice.wrapping_mul(6_364_136_223_846_793_005);
        self.dice = next.wrapping_add(1);
        let share = (self.dice >> 33) as f64 / f64::from(u32::MAX >> 1);
        let mut child = stage.command(arguments).spawn().unwrap();
        let began = Instant::now();
        std::thread::sleep(self.whole.mul_f64(share));
        child.kill().unwrap();
        let lived = began.elapsed();
        let outcome = finished(child.wait_with_output().unwrap());
        if outcome.status.is_none() {
            let is_done = is_done();
            self.kills += 1;
            self.late += usize::from(lived > self.measured / 4);
            self.met[usize::from(is_done)] += 1;
            // Where it is quick now and slow then, the instants follow.
            let later = if is_done { 1.0 } else { 1.1 };
            self.whole = self.whole.mul_f64(later);
        } else if outcome.status == Some(0) {
            // One that fails is quicker, and says nothing of this.
            self.whole = self.whole.mul_f64(0.85);
            self.measured = self.measured.min(lived);
        }
        outcome
    }

    /// Whether there were enough kills, before it and after it.
    fn is_enough(&self) -> bool {
        self.kills >= ENOUGH && self.met.iter().all(|times| *times > 1)
    }

    fn report(&self, what: &str) {
        println!(
            "{what} killed {} times, {} times late; {} times it had done it; in the end it takes some {:?}",
            self.kills, self.late, self.met[1], self.whole
        );
        assert!(self.kills >= ENOUGH, "too few kills");
    }
}

/// The receipt: what a dead process had reserved falls free when its lease ends.
fn in_the_end(stage: &Stage, receive: &[&str], began: Instant) -> Vec<u8> {
    loop {
        let received = stage.run(receive);
        if !received.stderr.contains("is being worked on") {
            return received.ok().stdout;
        }
        let waited = began.elapsed();
        assert!(waited < Duration::from_secs(90), "{}", received.stderr);
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn all(outbox: &Outbox) -> Vec<OutboxEntry> {
    outbox.list(OutboxFilter::All, usize::MAX).unwrap()
}

fn fetch(stage: &Stage, entry: &OutboxEntry) {
    let digest = entry.header_digest.to_string();
    let fetch = words("outbox --outbox outbox -o envelope --force --envelope");
    stage.run(with(&fetch, &[&digest])).ok();
}

/// What has a final name; a killed process may leave others.
fn stored(stage: &Stage) -> Vec<String> {
    let mut names = in_inbox(stage);
    names.retain(|name| !name.starts_with('.'));
    names
}

#[test]
fn killed_at_any_instant_nothing_is_lost_and_nothing_counts_twice() {
    let stage = stage(&content(700_000));
    let send = |out: &str| -> Vec<String> {
        let send = with(&words(SEND), &["-o", out, "photo.jpg"]);
        send.into_iter().map(str::to_owned).collect()
    };
    let first = send("first");
    let (mut killer, _) = Killer::of(&stage, first.iter().map(String::as_str).collect());
    let outbox = Outbox::new(Database::open_existing(stage.path("outbox")).unwrap());
    for round in 0..MOST {
        if killer.is_enough() && all(&outbox).len() >= MESSAGES {
            break;
        }
        let (before, out) = (all(&outbox).len(), format!("out{round}"));
        let send = send(&out);
        let send: Vec<&str> = send.iter().map(String::as_str).collect();
        killer.kill(&stage, &send, || all(&outbox).len() > before);
        let given = stage.path(&out).exists();
        assert!(
            !given || all(&outbox).len() > before,
            "what was given out was recorded before"
        );
    }
    killer.report("send");
    assert!(killer.is_enough(), "all at one stage");
    let recorded = all(&outbox);
    let began = received(&stage, &recorded);
    settled(&stage, &outbox, &recorded, began);
    assert_eq!(stored(&stage).len(), recorded.len(), "each exactly once");
    for name in stored(&stage) {
        assert!(stage.read(&format!("inbox/{name}")) == content(700_000));
    }
    for entry in all(&outbox) {
        assert_eq!(entry.state, OutboxState::Settled);
    }
}

/// Kills many that receive; says when the last one was killed.
fn received(stage: &Stage, recorded: &[OutboxEntry]) -> Instant {
    fetch(stage, &recorded[0]);
    let receive = with(&words(RECEIVE), &["envelope"]);
    let (mut killer, _) = Killer::of(stage, receive.clone());
    for entry in recorded.iter().skip(1).cycle().take(MOST) {
        if killer.is_enough() {
            break;
        }
        fetch(stage, entry);
        let before = stored(stage).len();
        killer.kill(stage, &receive, || stored(stage).len() > before);
    }
    killer.report("receive");
    assert!(killer.is_enough(), "all at one stage");
    Instant::now()
}

/// Each is received in the end, and those that settle it are killed, too.
fn settled(stage: &Stage, outbox: &Outbox, recorded: &[OutboxEntry], began: Instant) {
    let settle = with(&words(SETTLE), &["receipt"]);
    let mut killer: Option<Killer> = None;
    for entry in recorded {
        let is_settled = || {
            let entry = &outbox.of_message(entry.message_id).unwrap()[0];
            entry.state == OutboxState::Settled
        };
        fetch(stage, entry);
        let receipt = in_the_end(stage, &with(&words(RECEIVE), &["envelope"]), began);
        stage.write("receipt", &receipt);
        match &mut killer {
            None => killer = Some(Killer::of(stage, settle.clone()).0),
            Some(killer) => {
                for _ in 0..10 {
                    if is_settled() {
                        break;
                    }
                    killer.kill(stage, &settle, is_settled);
                }
                stage.run(settle.clone()).ok();
            }
        }
        assert!(is_settled());
    }
    killer.unwrap().report("settle");
}

/// A guard and an inbox of its own: what a dead process has reserved stays so for a while.
fn place(stage: &Stage, number: usize) -> (String, String) {
    let (guard, inbox) = (format!("guard{number}"), format!("inbox{number}"));
    std::fs::create_dir(stage.path(&inbox)).unwrap();
    let receive = RECEIVE
        .replace("inbox", &inbox)
        .replace("--guard guard", &format!("--guard {guard}"));
    (receive, inbox)
}

/// Whether it is there, once and whole.
fn is_stored(stage: &Stage, inbox: &str, photo: &[u8]) -> bool {
    let names = std::fs::read_dir(stage.path(inbox)).unwrap();
    let names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    assert!(names.len() < 2, "{names:?}");
    for name in &names {
        assert!(stage.read(&format!("{inbox}/{name}")) == photo);
    }
    !names.is_empty()
}

#[test]
fn a_large_one_is_stored_once_and_whole() {
    let stage = stage(&content(100 << 20));
    let send = with(&words(SEND), &["-o", "envelope", "photo.jpg"]);
    stage.run(send).ok();
    let photo = stage.read("photo.jpg");
    let (first, _) = place(&stage, 0);
    let (mut killer, _) = Killer::of(&stage, with(&words(&first), &["envelope"]));
    let mut killed = Vec::new();
    for number in 1..=MOST {
        if killer.kills >= 10 && killer.late >= 5 {
            break;
        }
        let (receive, inbox) = place(&stage, number);
        let arguments = with(&words(&receive), &["envelope"]);
        let is_stored = || is_stored(&stage, &inbox, &photo);
        if killer.kill(&stage, &arguments, is_stored).status.is_none() {
            killed.push((receive, inbox));
            continue;
        }
        assert!(is_stored());
        std::fs::remove_dir_all(stage.path(&inbox)).unwrap();
    }
    println!(
        "{} kills, {:?}, {} late",
        killer.kills, killer.met, killer.late
    );
    assert!(
        killer.kills >= 10 && killer.late >= 5,
        "all at the beginning"
    );
    let began = Instant::now();
    for (receive, inbox) in killed {
        let arguments = with(&words(&receive), &["envelope"]);
        let receipt = in_the_end(&stage, &arguments, began);
        assert!(is_stored(&stage, &inbox, &photo));
        stage.pipe(words(SETTLE), &receipt).ok();
        std::fs::remove_dir_all(stage.path(&inbox)).unwrap();
    }
}
