//! The outbox: nothing that was sent is lost in silence (spec/receipts.md §8).
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod receipts;
mod room;

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use bulla::{
    Backoff, Database, Delivery, Draft, ErrorKind, FixedClock, Identity, Lease, Letter,
    MemoryGuard, Opener, OsEntropy, Outbox, OutboxFilter, OutboxState, Policy, Reason,
    ReceiptProof, Receipter, Receipts, Replay, Sealer, Senders, Sent, Status,
};

const NOW: u64 = 1_800_000_000;
const HOUR: u64 = 3600;
const ALL: Receipts = Receipts {
    delivered: true,
    stored: true,
    rejected: true,
};

struct Scene {
    folder: tempfile::TempDir,
    alice: Identity,
    bob: Identity,
    guard: MemoryGuard,
}

impl Scene {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            alice: Identity::generate(&OsEntropy).unwrap(),
            bob: Identity::generate(&OsEntropy).unwrap(),
            guard: MemoryGuard::new(1000),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("outbox")
    }

    /// As a new process would.
    fn outbox(&self) -> Outbox {
        Outbox::new(Database::open(self.path()).unwrap())
    }

    fn seal(&self, content: &[u8]) -> (Vec<u8>, Sent) {
        let reply = self.alice.public().newest_key().unwrap();
        let draft = Draft::new("test")
            .unwrap()
            .ask_receipts(ALL, reply)
            .unwrap();
        let mut envelope = Vec::new();
        let sent = Sealer::with(&self.alice, &FixedClock(NOW), &OsEntropy)
            .to(self.bob.public())
            .seal_into(&draft, content, &mut envelope)
            .unwrap();
        (envelope, sent)
    }

    fn letter(&self, sent: &Sent) -> Letter {
        Letter::new(
            sent.clone(),
            "test",
            [*self.bob.verifying_key()],
            NOW + 2 * HOUR,
        )
        .unwrap()
    }

    fn put(&self, content: &[u8]) -> (Vec<u8>, Sent) {
        let (envelope, sent) = self.seal(content);
        let letter = self.letter(&sent).note("to bob").unwrap();
        self.outbox().put(&letter, &envelope, NOW).unwrap();
        (envelope, sent)
    }

    fn answer(
        &self,
        envelope: &[u8],
        make: impl Fn(&Receipter<'_>, Lease<'_>) -> bulla::Result<Option<Vec<u8>>>,
    ) -> Vec<u8> {
        let policy = Policy::new("test", Senders::only([*self.alice.verifying_key()])).unwrap();
        let clock = FixedClock(NOW + 5);
        // The test asks for several answers, which no honest recipient would give: so each has a guard of its own.
        let guard = MemoryGuard::new(1);
        let opener = Opener::with_clock(&self.bob, &policy, Replay::Guarded(&guard), &clock);
        let Delivery::New(message) = opener.open_leased(envelope, 60).unwrap() else {
            panic!("it is new");
        };
        let receipter = Receipter::with(&self.bob, &clock, &OsEntropy);
        make(&receipter, message.into_parts().1).unwrap().unwrap()
    }

    fn delivered(&self, envelope: &[u8]) -> Vec<u8> {
        self.answer(envelope, |receipter, lease| {
            Ok(receipter.delivered(lease)?.into_receipt())
        })
    }

    fn rejected(&self, envelope: &[u8]) -> Vec<u8> {
        self.answer(envelope, |receipter, lease| {
            let reason = Reason::new(Reason::FULL, "")?;
            Ok(receipter.rejected(lease, reason)?.into_receipt())
        })
    }

    fn settle(&self, receipt: &[u8]) -> bulla::Result<bulla::Settled> {
        self.outbox()
            .settle(&self.alice, receipt, &FixedClock(NOW + 9))
    }
}

fn read(outbox: &Outbox, sent: &Sent) -> Vec<u8> {
    let mut envelope = Vec::new();
    outbox
        .envelope(&sent.header_digest)
        .unwrap()
        .read_to_end(&mut envelope)
        .unwrap();
    envelope
}

#[test]
fn an_envelope_is_read_from_any_place_on() {
    let scene = Scene::new();
    for length in [10, 100_000] {
        let (envelope, sent) = scene.put(&vec![7; length]);
        let mut reader = scene.outbox().envelope(&sent.header_digest).unwrap();
        assert_eq!(
            reader.seek(SeekFrom::End(0)).unwrap(),
            envelope.len() as u64
        );
        reader.seek(SeekFrom::Start(20)).unwrap();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert!(rest == envelope[20..]);
    }
}

#[test]
fn what_is_put_is_due_until_it_is_settled() {
    let scene = Scene::new();
    let (envelope, sent) = scene.put(b"content");
    let due = scene.outbox().due(NOW, 10).unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].attempts, due[0].note.as_str()), (1, "to bob"));
    assert_eq!(read(&scene.outbox(), &sent), envelope);
    // It is given to one alone, and comes back if that one dies.
    assert!(scene.outbox().due(NOW + 599, 10).unwrap().is_empty());
    let again = scene.outbox().due(NOW + 600, 10).unwrap();
    assert_eq!(again[0].attempts, 2);
    // Who is late to say that he sent it changes nothing.
    scene.outbox().mark_sent(&due[0], NOW + 601).unwrap();
    scene.outbox().mark_sent(&again[0], NOW + 601).unwrap();
    let next = scene.outbox().list(OutboxFilter::Waiting, 10).unwrap()[0].next_due;
    assert!(
        (NOW + 601 + 90..=NOW + 601 + 150).contains(&next),
        "{}",
        next - NOW
    );
    // A receipt that is not enough, then one that is.
    let delivered = scene.settle(&scene.delivered(&envelope)).unwrap();
    assert_eq!(
        (delivered.entry.state, delivered.is_new),
        (OutboxState::Waiting, false)
    );
    assert_eq!(delivered.receipt.status(), &Status::Delivered);
    assert!(
        scene
            .outbox()
            .list(OutboxFilter::Settled, 10)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn one_envelope_is_taken_by_its_name() {
    let scene = Scene::new();
    let (envelope, sent) = scene.put(b"content");
    let (_, other) = scene.put(b"other");
    let outbox = scene.outbox();
    assert!(outbox.taken(&sent.header_digest).unwrap().is_empty());
    let taken = outbox.take(&sent.header_digest, NOW).unwrap();
    assert_eq!((taken.len(), taken[0].attempts), (1, 1));
    assert_eq!(taken[0].header_digest, sent.header_digest);
    // Another process finds it by its name alone, and nobody else is given it meanwhile.
    assert_eq!(scene.outbox().taken(&sent.header_digest).unwrap(), taken);
    let due = outbox.due(NOW, 10).unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].header_digest, other.header_digest);
    outbox.mark_sent(&taken[0], NOW).unwrap();
    assert!(outbox.due(NOW + 30, 10).unwrap().is_empty());
    assert_eq!(
        outbox.take(&sent.header_digest, NOW).unwrap()[0].attempts,
        2
    );
    // What is answered is not sent again.
    scene.settle(&scene.rejected(&envelope)).unwrap();
    assert!(outbox.take(&sent.header_digest, NOW).unwrap().is_empty());
    assert!(outbox.taken(&sent.header_digest).unwrap().is_empty());
    let nothing = bulla::Digest::from_bytes([0; 32]);
    assert!(outbox.take(&nothing, NOW).unwrap().is_empty());
}

#[test]
fn nobody_answered() {
    let scene = Scene::new();
    let (envelope, sent) = scene.put(b"content");
    assert!(
        scene
            .outbox()
            .give_up(NOW + 2 * HOUR - 1)
            .unwrap()
            .is_empty()
    );
    assert!(scene.outbox().due(NOW + 2 * HOUR, 10).unwrap().is_empty());
    let over = scene.outbox().give_up(NOW + 2 * HOUR).unwrap();
    assert_eq!(
        (over.len(), over[0].state, over[0].message_id),
        (1, OutboxState::GivenUp, sent.message_id)
    );
    // It is told once, and stays on the list of failures.
    assert!(scene.outbox().give_up(NOW + 3 * HOUR).unwrap().is_empty());
    assert_eq!(
        scene.outbox().list(OutboxFilter::Failed, 10).unwrap().len(),
        1
    );
    // A rejection that comes late tells why.
    let late = scene.settle(&scene.rejected(&envelope)).unwrap();
    assert_eq!(late.entry.state, OutboxState::Rejected);
    assert_eq!(scene.outbox().forget(NOW).unwrap(), 0);
    assert_eq!(scene.outbox().forget(NOW + 9 * HOUR).unwrap(), 1);
    assert!(
        scene
            .outbox()
            .list(OutboxFilter::All, 10)
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        scene.settle(&scene.rejected(&envelope)).unwrap_err(),
        ErrorKind::WrongReceipt
    );
}

#[test]
fn long_envelopes_lie_beside_it() {
    let scene = Scene::new();
    let (envelope, sent) = scene.seal(&vec![7; 300_000]);
    let outbox = scene.outbox();
    let letter = scene.letter(&sent).until_delivered();
    let mut outgoing = outbox.begin().unwrap();
    for piece in envelope.chunks(10_000) {
        outgoing.write_all(piece).unwrap();
    }
    outgoing.commit(&letter, NOW).unwrap();
    outbox.put(&letter, &envelope, NOW).unwrap();
    assert_eq!(read(&scene.outbox(), &sent), envelope);
    let files = || {
        std::fs::read_dir(scene.folder.path().join("outbox.d"))
            .unwrap()
            .count()
    };
    assert_eq!(files(), 1);
    // What is not committed leaves nothing.
    let mut dropped = outbox.begin().unwrap();
    dropped.write_all(&envelope).unwrap();
    drop(dropped);
    assert_eq!(files(), 1);
    // Another envelope under this letter is refused.
    let (other, _) = scene.seal(b"other");
    assert_eq!(
        outbox.put(&letter, &other, NOW).unwrap_err(),
        ErrorKind::InvalidInput
    );
    let (long, _) = scene.seal(&vec![8; 300_000]);
    for wrong in [long.as_slice(), &envelope[..40]] {
        assert_eq!(
            outbox.put(&letter, wrong, NOW).unwrap_err(),
            ErrorKind::InvalidInput
        );
    }
    assert_eq!(read(&scene.outbox(), &sent), envelope);
    assert_eq!(files(), 1);
    // Settled, it is not needed any more.
    scene.settle(&scene.delivered(&envelope)).unwrap();
    assert_eq!(files(), 0);
    let gone = outbox.envelope(&sent.header_digest).unwrap_err();
    assert_eq!(gone, ErrorKind::InvalidInput);
    // That is no mistake of whoever asks.
    assert!(gone.detail().contains("nobody awaits"), "{gone}");
    let unknown = outbox.envelope(&bulla::Digest::of(b"another")).unwrap_err();
    assert_eq!(unknown, ErrorKind::InvalidInput);
    assert!(unknown.detail().contains("no such envelope"), "{unknown}");
    assert!(!unknown.detail().contains("nobody awaits"), "{unknown}");
}

#[test]
fn waiting_times_grow() {
    let scene = Scene::new();
    let (envelope, sent) = scene.seal(b"content");
    let backoff = Backoff {
        first: 10,
        longest: 100,
    };
    let outbox = scene.outbox().backoff(backoff);
    let letter = Letter::new(sent, "test", [*scene.bob.verifying_key()], u64::MAX).unwrap();
    outbox.put(&letter, &envelope, NOW).unwrap();
    let (mut now, mut waits) = (NOW, Vec::new());
    for _ in 0..8 {
        let due = outbox.due(now, 1).unwrap();
        outbox.mark_sent(&due[0], now).unwrap();
        let next = outbox.list(OutboxFilter::Waiting, 1).unwrap()[0].next_due;
        waits.push(next - now);
        assert!(outbox.due(next - 1, 1).unwrap().is_empty());
        now = next;
    }
    for (wait, middle) in waits.into_iter().zip([10, 20, 40, 80, 100, 100, 100, 100]) {
        assert!(
            (middle - middle / 4..=middle + middle / 4).contains(&wait),
            "{wait} for {middle}"
        );
    }
}

#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    let scene = Scene::new();
    scene.put(b"first");
    let database = Database::open(scene.path()).unwrap();
    database.limit_pages(1).unwrap();
    let outbox = Outbox::new(database);
    let (envelope, sent) = scene.seal(&[7; 50_000]);
    let refused = outbox
        .put(&scene.letter(&sent), &envelope, NOW)
        .unwrap_err();
    assert_eq!(refused, ErrorKind::OutboxUnavailable);
    assert!(refused.to_string().contains("make room"), "{refused}");
    assert_eq!(scene.outbox().list(OutboxFilter::All, 10).unwrap().len(), 1);
    assert!(scene.outbox().envelope(&sent.header_digest).is_err());
}

/// What a crash left is removed once it is old, and what is awaited stays however old it is.
#[test]
fn only_what_nobody_awaits_is_cleaned() {
    let scene = Scene::new();
    let (_, sent) = scene.put(&vec![7; 300_000]);
    let folder = scene.folder.path().join("outbox.d");
    let orphan = |number: usize| format!("{number:064x}.bulla");
    let mut old: Vec<String> = (0..40).map(orphan).collect();
    old.push(".bulla-0123456789abcdef.part".to_owned());
    let others = [
        orphan(99),
        "a-note.txt".to_owned(),
        format!("{}.bulla", sent.header_digest),
    ];
    let days_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 24 * 3600);
    for name in old.iter().chain(&others) {
        let path = folder.join(name);
        if !path.exists() {
            std::fs::write(&path, b"left").unwrap();
        }
        if *name != others[0] {
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(days_ago).unwrap();
        }
    }
    // What is no file is nobody's to remove.
    let stuck = folder.join(orphan(77));
    std::fs::create_dir(&stuck).unwrap();
    scene.outbox().clean().unwrap();
    for name in &old {
        assert!(!folder.join(name).exists(), "{name}");
    }
    for name in &others {
        assert!(folder.join(name).exists(), "{name}");
    }
    assert!(stuck.exists());
    assert!(!read(&scene.outbox(), &sent).is_empty());
}
