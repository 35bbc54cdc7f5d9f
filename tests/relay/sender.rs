//! The sender: puts each message into its outbox before it is sent, sends what is due, settles what receipts come.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::path::Path;

use bulla::{
    Backoff, Database, Draft, Due, ErrorKind, Identity, Letter, OsEntropy, Outbox, OutboxFilter,
    Receipts, Sealer, VerifyingKey,
};

use crate::frames::{self, Frame, Kind, Mouth, Role, in_parallel};
use crate::world::{self, CONTEXT, OUTBOX, Plan, ToldClock};

/// Where a kill can strike it.
pub(crate) const STAGES: [&str; 7] = [
    "starting",
    "between rounds",
    "sealing and putting",
    "just put",
    "sending",
    "sent, not marked",
    "settling",
];
/// Seconds until something is sent again: the first time, and at most.
pub(crate) const BACKOFF: Backoff = Backoff {
    first: 60,
    longest: 600,
};

struct Sender {
    mouth: Mouth,
    clock: ToldClock,
    alice: Identity,
    bob: Identity,
    outbox: Outbox,
    seed: u64,
    count: u64,
    /// The messages that are not in the outbox yet, the next one last.
    left: Vec<u64>,
}

pub(crate) fn run(folder: &Path, now: u64) {
    let (seed, count) = world::plan(folder);
    let outbox = Outbox::new(Database::open(folder.join(OUTBOX)).unwrap()).backoff(BACKOFF);
    // What was put before this process began is known from the outbox alone.
    let put: HashSet<u64> = outbox
        .list(OutboxFilter::All, usize::MAX)
        .unwrap()
        .iter()
        .map(|entry| entry.note.parse().unwrap())
        .collect();
    let mut sender = Sender {
        mouth: frames::mouth(),
        clock: ToldClock::new(now),
        alice: world::person(folder, "alice"),
        bob: world::person(folder, "bob"),
        outbox,
        seed,
        count,
        left: (0..count)
            .rev()
            .filter(|index| !put.contains(index))
            .collect(),
    };
    frames::play(&mut sender);
}

/// How many messages are put in one round.
pub(crate) fn batch(count: u64) -> u64 {
    (count / 200).clamp(20, 50)
}

impl Role for Sender {
    fn mouth(&self) -> &Mouth {
        &self.mouth
    }

    fn clock(&self) -> &ToldClock {
        &self.clock
    }

    fn parcel(&self, frame: &Frame) {
        self.mouth.stage(6);
        match self.outbox.settle(&self.alice, &frame.bytes, &self.clock) {
            Ok(settled) => {
                let state = settled.entry.state.to_string();
                self.mouth
                    .say(Kind::Settled, frame.number, state.as_bytes());
            }
            Err(error) => {
                let ours = [ErrorKind::Io, ErrorKind::OutboxUnavailable];
                assert!(!ours.contains(&error.kind()), "the sender: {error}");
                let kind = format!("{:?}", error.kind());
                self.mouth.say(Kind::Refused, frame.number, kind.as_bytes());
            }
        }
    }

    fn round(&mut self) -> bool {
        let now = self.clock.time();
        let rest = self.left.len().saturating_sub(batch(self.count) as usize);
        let next = self.left.split_off(rest);
        in_parallel(next, |index| {
            self.mouth.stage(2);
            self.put(index);
            self.mouth.stage(3);
        });
        let due = self.outbox.due(now, 200).unwrap();
        in_parallel(due, |due| self.send(&due, now));
        for over in self.outbox.give_up(now).unwrap() {
            self.mouth
                .say(Kind::GaveUp, over.note.parse().unwrap(), &[]);
        }
        let waiting = self.outbox.list(OutboxFilter::Waiting, 1).unwrap();
        self.left.is_empty() && waiting.is_empty()
    }
}

impl Sender {
    fn send(&self, due: &Due, now: u64) {
        self.mouth.stage(4);
        let mut envelope = Vec::new();
        let mut kept = self.outbox.envelope(&due.header_digest).unwrap();
        kept.read_to_end(&mut envelope).unwrap();
        self.mouth
            .say(Kind::Send, due.note.parse().unwrap(), &envelope);
        self.mouth.stage(5);
        self.outbox.mark_sent(due, now).unwrap();
    }

    fn put(&self, index: u64) {
        let plan = Plan::of(self.seed, index);
        let (content, now) = (plan.content(), self.clock.time());
        let asked = Receipts {
            stored: true,
            rejected: true,
            ..Receipts::default()
        };
        let reply_key = self.alice.public().newest_key().unwrap();
        let draft = Draft::new(CONTEXT)
            .unwrap()
            .ask_receipts(asked, reply_key)
            .unwrap();
        let sealer = Sealer::with(&self.alice, &self.clock, &OsEntropy).to(self.bob.public());
        let bob: VerifyingKey = *self.bob.verifying_key();
        let letter = |sent| {
            Letter::new(sent, CONTEXT, [bob], plan.deadline(now))
                .unwrap()
                .note(&index.to_string())
                .unwrap()
        };
        if plan.as_it_comes {
            let mut outgoing = self.outbox.begin().unwrap();
            let sent = sealer
                .seal_io(&draft, None, &mut content.as_slice(), &mut outgoing)
                .unwrap();
            outgoing.flush().unwrap();
            outgoing.commit(&letter(sent), now).unwrap();
        } else {
            let mut envelope = Vec::new();
            let sent = sealer.seal_into(&draft, &content, &mut envelope).unwrap();
            self.outbox.put(&letter(sent), &envelope, now).unwrap();
        }
    }
}
