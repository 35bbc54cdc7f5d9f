//! The run: rounds of both processes with the relay between them, and kills in the middle.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::time::Instant;

use bulla::{Digest, Identity, Receipt, Senders, Status};

use crate::check;
use crate::frames::{Frame, Kind};
use crate::process::Process;
use crate::relay::{Relay, Way};
use crate::world::{self, CONTEXT, Dice, Fate, Plan, START, STORED, ToldClock};
use crate::{receiver, sender};

/// Messages of a run, unless `BULLA_RELAY` says otherwise.
const MESSAGES: u64 = 1000;
/// The longest that a run may take by its own clock, in seconds: less than the receiver's greatest age and the deadlines.
const LONGEST: u64 = 20 * 24 * 3600;

/// What the relay sees and the checks need.
pub(crate) struct Seen {
    pub(crate) seed: u64,
    pub(crate) count: u64,
    pub(crate) alice: Identity,
    pub(crate) bob: Identity,
    now: u64,
    /// Which message an envelope is.
    pub(crate) index_of: HashMap<Digest, u64>,
    /// The first answer to each envelope.
    pub(crate) answers: HashMap<Digest, Vec<u8>>,
    pub(crate) answered_again: u64,
    /// Answers to corrupted copies: rejections, for which the stamp was enough.
    pub(crate) answered_by_stamp: u64,
    pub(crate) settled: u64,
    pub(crate) refused: BTreeMap<(&'static str, String), u64>,
    pub(crate) gave_up: BTreeSet<u64>,
    /// The time of each round of the sender, and whether it came to its end.
    pub(crate) sender_rounds: Vec<(u64, bool)>,
}

impl Seen {
    fn new(folder: &Path, seed: u64, count: u64) -> Self {
        let (alice, bob) = (world::person(folder, "alice"), world::person(folder, "bob"));
        Self {
            seed,
            count,
            alice,
            bob,
            now: START,
            index_of: HashMap::new(),
            answers: HashMap::new(),
            answered_again: 0,
            answered_by_stamp: 0,
            settled: 0,
            refused: BTreeMap::new(),
            gave_up: BTreeSet::new(),
            sender_rounds: Vec::new(),
        }
    }

    /// The name of what is stored of a message, as spec/guard.md §2 makes keys.
    pub(crate) fn file_name(&self, id: bulla::MessageId) -> String {
        let parts: [&[u8]; 5] = [
            b"bulla/1 guard key\0",
            self.bob.verifying_key().as_bytes(),
            self.alice.verifying_key().as_bytes(),
            &id.0,
            CONTEXT.as_bytes(),
        ];
        let key = Digest::of(&parts.concat()).to_string();
        format!("{id}-{}", &key[..32])
    }

    fn refusal(&mut self, who: &'static str, frame: &Frame) {
        let why = String::from_utf8(frame.bytes.clone()).unwrap();
        *self.refused.entry((who, why)).or_default() += 1;
    }

    /// Which message this envelope is, or the beginning of one: a beginning can be answered, too, by its stamp. Whether there is
    /// enough of it to tell.
    fn note(&mut self, frame: &Frame) -> bool {
        let Some(seen) = bulla::inspect(&frame.bytes).unwrap() else {
            return false;
        };
        let before = self.index_of.insert(seen.header_digest, frame.number);
        assert!(before.is_none_or(|before| before == frame.number));
        true
    }

    /// What the sender said.
    fn hear_sender(&mut self, relay: &mut Relay, frame: &Frame) {
        match frame.kind {
            Kind::Send => {
                assert!(self.note(frame), "no envelope");
                relay.take(Way::There, frame.number, &frame.bytes, self.now);
            }
            Kind::Settled => {
                let bad = relay.is_bad(frame.number);
                assert!(
                    bad.is_none(),
                    "a receipt that was {bad:?} settled something"
                );
                self.settled += 1;
            }
            Kind::GaveUp => assert!(self.gave_up.insert(frame.number), "given up twice"),
            Kind::Refused => self.refusal("sender", frame),
            other => panic!("{other:?} is not from the sender"),
        }
    }

    /// What the receiver said.
    fn hear_receiver(&mut self, folder: &Path, relay: &mut Relay, frame: &Frame) {
        match frame.kind {
            Kind::Answer => {
                let (header, rest) = frame.bytes.split_at(32);
                let (judged_by_stamp, receipt) = (rest[0] == 1, &rest[1..]);
                let header = Digest::from_bytes(header.try_into().unwrap());
                let index = self.index_of[&header];
                if let Some(bad) = relay.is_bad(frame.number) {
                    // A rejection needs no more than the stamp, which can be whole; the content is never looked at. So
                    // does the answer to a copy for which there is no room just now: the receipt of the whole, which is
                    // checked below (spec/guard.md §3).
                    let fate = Plan::of(self.seed, index).fate;
                    let by_stamp = judged_by_stamp || matches!(fate, Fate::TooLarge | Fate::NoRoom);
                    assert!(by_stamp, "an envelope that was {bad} was answered");
                    self.answered_by_stamp += 1;
                }
                if let Some(first) = self.answers.get(&header) {
                    assert!(first == receipt, "message {index} got two receipts");
                    self.answered_again += 1;
                } else {
                    self.check_answer(folder, index, receipt);
                    self.answers.insert(header, receipt.to_vec());
                }
                relay.take(Way::Back, index, receipt, self.now);
            }
            Kind::Refused => self.refusal("receiver", frame),
            other => panic!("{other:?} is not from the receiver"),
        }
    }

    /// A receipt leaves only for what is on the disk at this instant.
    fn check_answer(&self, folder: &Path, index: u64, receipt: &[u8]) {
        let bob = Senders::only([*self.bob.verifying_key()]);
        let clock = ToldClock::new(self.now);
        let receipt = Receipt::open_by(&self.alice, CONTEXT, bob, receipt, &clock).unwrap();
        let plan = Plan::of(self.seed, index);
        let path = folder
            .join(STORED)
            .join(self.file_name(receipt.message_id()));
        match receipt.status() {
            Status::Stored => {
                let stored = std::fs::read(path).unwrap();
                assert!(
                    stored == plan.content(),
                    "message {index} is not what is stored"
                );
                let content = (stored.len() as u64, Digest::of(&stored));
                assert_eq!(receipt.content(), Some(content));
            }
            Status::Rejected(_) => {
                assert!(matches!(plan.fate, Fate::TooLarge | Fate::NoRoom));
                assert!(!path.exists(), "message {index} is rejected and stored");
            }
            other => panic!("message {index}: {other}"),
        }
    }
}

/// How many kills a run has at least.
pub(crate) fn kills_wanted(count: u64) -> u64 {
    (count / 50).max(40)
}

/// Decides who is killed, and when in a round.
struct Killer {
    dice: Dice,
    /// Chance in 100, of each process in each round.
    chance: u64,
    left: u64,
    /// More kills, for those that met a process that had nothing left to do.
    more: u64,
}

impl Killer {
    fn new(seed: u64, count: u64) -> Self {
        let wanted = kills_wanted(count);
        let rounds = count.div_ceil(sender::batch(count));
        Self {
            dice: Dice::new(seed, 9),
            chance: (wanted * 60 / rounds).min(60),
            left: wanted + wanted / 10,
            more: 2 * wanted,
        }
    }

    fn decide(&mut self) -> Option<f64> {
        if self.left == 0 || !self.dice.percent(self.chance) {
            return None;
        }
        self.left -= 1;
        Some(self.dice.below(1000) as f64 / 1000.0)
    }

    /// So many kills met nothing, in all.
    fn idle(&mut self, known: &mut u64, idle: u64) {
        let again = (idle - *known).min(self.more);
        (*known, self.more, self.left) = (idle, self.more - again, self.left + again);
    }
}

pub(crate) fn bad_relay(seed: u64) {
    let count = match std::env::var("BULLA_RELAY") {
        Ok(count) => count.parse().expect("BULLA_RELAY is a number of messages"),
        Err(_) => MESSAGES,
    };
    let began = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    world::make(folder, seed, count);
    let mut seen = Seen::new(folder, seed, count);
    let mut relay = Relay::new(seed);
    let mut killer = Killer::new(seed, count);
    let mut sender = Process::new("role-sender", folder, sender::STAGES.len());
    let mut receiver = Process::new("role-receiver", folder, receiver::STAGES.len());
    let (mut rounds, mut idle) = (0_u64, 0);
    loop {
        rounds += 1;
        let (receipts, messages) = (
            relay.arrived(Way::Back, seen.now),
            relay.arrived(Way::There, seen.now),
        );
        sender.begin(seen.now, &receipts, killer.decide());
        receiver.begin(seen.now, &messages, killer.decide());
        let (said, torn, over) = sender.end();
        seen.sender_rounds.push((seen.now, sender.done));
        for frame in &said {
            seen.hear_sender(&mut relay, frame);
        }
        if let Some(torn) = torn.filter(|torn| torn.kind == Kind::Send) {
            seen.note(&torn);
            relay.take_torn(Way::There, torn.bytes, seen.now);
        }
        let (said, torn, _) = receiver.end();
        for frame in &said {
            seen.hear_receiver(folder, &mut relay, frame);
        }
        if let Some(torn) = torn.filter(|torn| torn.kind == Kind::Answer && torn.bytes.len() > 33) {
            relay.take_torn(Way::Back, torn.bytes[33..].to_vec(), seen.now);
        }
        killer.idle(&mut idle, sender.idle_kills + receiver.idle_kills);
        if over && relay.is_empty() {
            break;
        }
        let busy = relay.next().is_some_and(|next| next <= seen.now + 60);
        seen.now += if busy { 5 } else { 60 };
        assert!(seen.now < START + LONGEST, "it does not end");
    }
    let took = began.elapsed();
    println!(
        "  {count} messages in {rounds} rounds, {} h of its clock, {:.1} s",
        (seen.now - START) / 3600,
        took.as_secs_f64()
    );
    report(&relay, &sender, &receiver);
    check_kills(count, &sender, &receiver);
    drop((sender, receiver));
    check::all(folder, &seen);
}

/// Enough of them, in the middle of what must not be torn.
fn check_kills(count: u64, sender: &Process, receiver: &Process) {
    let at_work = sender.kills_at_work() + receiver.kills_at_work();
    assert!(at_work >= kills_wanted(count), "{at_work} kills at work");
    let mut all = 0;
    for (process, stages, stage, least) in [
        (sender, &sender::STAGES[..], "sealing and putting", 4),
        (sender, &sender::STAGES[..], "sent, not marked", 3),
        (receiver, &receiver::STAGES[..], "opening and storing", 10),
        (receiver, &receiver::STAGES[..], "stored, not committed", 3),
    ] {
        let at = stages.iter().position(|name| *name == stage).unwrap();
        let times = process.killed_at[at];
        all += times;
        // A small run may miss one of them by chance, but not all.
        assert!(
            count < 10_000 || times >= least,
            "{stage}: killed {times} times"
        );
    }
    assert!(all >= kills_wanted(count) / 5, "{all} in the middle");
}

fn report(relay: &Relay, sender: &Process, receiver: &Process) {
    for (name, way) in [("messages", Way::There), ("receipts", Way::Back)] {
        println!("  relay, {name}: {:?}", relay.counts(way));
    }
    for (name, process, stages) in [
        ("sender", sender, &sender::STAGES[..]),
        ("receiver", receiver, &receiver::STAGES[..]),
    ] {
        let struck: Vec<String> = stages
            .iter()
            .zip(&process.killed_at)
            .map(|(stage, times)| format!("{stage} {times}"))
            .collect();
        println!(
            "  {name} killed {} times: {}; {} with nothing left to do",
            process.kills,
            struck.join(", "),
            process.idle_kills,
        );
    }
}
