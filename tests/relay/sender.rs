//! The sender: puts each message into its outbox before it is sent, sends what is due, settles what receipts come.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::path::Path;

use bulla::{
    Backoff, Database, Draft, Identity, Letter, OsEntropy, Outbox, OutboxFilter, Receipts, Sealer,
    VerifyingKey,
};

use crate::frames::{Ends, Kind};
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
    ends: Ends,
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
        ends: Ends::new(),
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
    sender.ends.stage(1);
    loop {
        let frame = sender.ends.next();
        match frame.kind {
            Kind::Parcel => sender.settle(frame.number, &frame.bytes),
            Kind::Clock => sender.clock.set(frame.number),
            Kind::Round => sender.round(),
            other => panic!("{other:?} is not for the sender"),
        }
        sender.ends.stage(1);
    }
}

/// How many messages are put in one round.
pub(crate) fn batch(count: u64) -> u64 {
    (count / 200).clamp(20, 50)
}

impl Sender {
    fn round(&mut self) {
        let now = self.clock.time();
        for _ in 0..batch(self.count) {
            let Some(index) = self.left.pop() else { break };
            self.ends.stage(2);
            self.put(index);
            self.ends.stage(3);
        }
        for due in self.outbox.due(now, 200).unwrap() {
            self.ends.stage(4);
            let mut envelope = Vec::new();
            let mut kept = self.outbox.envelope(&due.header_digest).unwrap();
            kept.read_to_end(&mut envelope).unwrap();
            self.ends
                .say(Kind::Send, due.note.parse().unwrap(), &envelope);
            self.ends.stage(5);
            self.outbox.mark_sent(&due, now).unwrap();
        }
        for over in self.outbox.give_up(now).unwrap() {
            self.ends.say(Kind::GaveUp, over.note.parse().unwrap(), &[]);
        }
        let waiting = self.outbox.list(OutboxFilter::Waiting, 1).unwrap();
        let over = self.left.is_empty() && waiting.is_empty();
        self.ends.stage(1);
        self.ends.say(Kind::Done, u64::from(over), &[]);
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

    fn settle(&mut self, parcel: u64, receipt: &[u8]) {
        self.ends.stage(6);
        match self.outbox.settle(&self.alice, receipt, &self.clock) {
            Ok(settled) => {
                let state = settled.entry.state.to_string();
                self.ends.say(Kind::Settled, parcel, state.as_bytes());
            }
            Err(error) => {
                let kind = format!("{:?}", error.kind());
                self.ends.say(Kind::Refused, parcel, kind.as_bytes());
            }
        }
    }
}
