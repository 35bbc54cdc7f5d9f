//! What must hold when all is over.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use bulla::{
    Database, Digest, MemoryGuard, Opener, OsDisk, Outbox, OutboxEntry, OutboxFilter, OutboxState,
    Policy, Reason, ReceiptProof, Replay, Senders, Status, Store,
};

use crate::run::Seen;
use crate::world::{CONTEXT, Fate, OUTBOX, Plan, STORED};

pub(crate) fn all(folder: &Path, seen: &Seen) {
    let stored = stored(&folder.join(STORED), seen);
    let outbox = Outbox::new(Database::open_existing(folder.join(OUTBOX)).unwrap());
    let entries = outbox.list(OutboxFilter::All, usize::MAX).unwrap();
    let indices: BTreeSet<u64> = entries.iter().map(index).collect();
    assert_eq!(entries.len() as u64, seen.count, "messages in the outbox");
    assert_eq!(indices.len() as u64, seen.count, "each of them once");

    let mut ends: BTreeMap<(Fate, String), u64> = BTreeMap::new();
    let (mut files, mut proofs) = (BTreeSet::new(), 0_u64);
    for entry in &entries {
        let plan = Plan::of(seen.seed, index(entry));
        let name = seen.file_name(entry.message_id);
        let digest = stored.get(&name);
        check_end(seen, &plan, entry, digest);
        proofs += u64::from(entry.proof.is_some());
        if let Some(digest) = digest {
            assert!(files.insert(name), "two messages of one name");
            assert!(
                *digest == Digest::of(&plan.content()),
                "stored, and other content"
            );
        }
        let end = format!(
            "{}{}",
            entry.state,
            if digest.is_some() { ", stored" } else { "" }
        );
        *ends.entry((plan.fate, end)).or_default() += 1;
    }
    assert_eq!(files.len(), stored.len(), "files of no message");
    let unsaid = given_up(seen, &entries);
    assert!(!seen.answers.is_empty() && seen.answered_again > 0);
    let kept = long_envelopes(folder, &outbox);

    for ((fate, end), times) in &ends {
        println!("  {fate:?}: {end}: {times}");
    }
    for ((who, why), times) in &seen.refused {
        println!("  the {who} refused, {why}: {times}");
    }
    println!(
        "  answers: {} first ones, {} to copies, each the same byte for byte; receipts taken: {}; proofs checked: {proofs}",
        seen.answers.len(),
        seen.answered_again,
        seen.settled
    );
    println!(
        "  corrupted copies that were answered by their stamp, which was whole: {}; all others counted for nothing",
        seen.answered_by_stamp
    );
    println!(
        "  told as given up: {}; {unsaid} were not told, for the sender died before it could",
        seen.gave_up.len()
    );
    println!(
        "  files: {}, each of one message; long envelopes left beside the outbox: {kept}",
        stored.len()
    );
}

fn index(entry: &OutboxEntry) -> u64 {
    entry.note.parse().unwrap()
}

/// One message: its state is one that its fate allows, and the proof is about what is on the disk.
fn check_end(seen: &Seen, plan: &Plan, entry: &OutboxEntry, stored: Option<&Digest>) {
    let (fate, state, is_stored) = (plan.fate, entry.state, stored.is_some());
    let allowed = match fate {
        Fate::Usual | Fate::CorruptedFirst => state == OutboxState::Settled && is_stored,
        Fate::TooLarge | Fate::NoRoom => state == OutboxState::Rejected && !is_stored,
        Fate::Swallowed => state == OutboxState::GivenUp && !is_stored,
        Fate::Unanswered => state == OutboxState::GivenUp,
        // Nothing but corrupted copies may have come of the answers.
        Fate::AnsweredLate => {
            state == OutboxState::GivenUp || state == OutboxState::Settled && is_stored
        }
    };
    let index = index(entry);
    assert!(
        allowed,
        "message {index}, {fate:?}: {state}, stored: {is_stored}"
    );
    let Some(proof) = &entry.proof else {
        assert_eq!(state, OutboxState::GivenUp, "message {index} has no proof");
        return;
    };
    let proof = ReceiptProof::check(proof).unwrap();
    assert_eq!(proof.recipient(), seen.bob.verifying_key());
    assert_eq!(proof.author(), seen.alice.verifying_key());
    assert_eq!(proof.context(), CONTEXT);
    assert_eq!(proof.message_id(), entry.message_id);
    assert_eq!(proof.header_digest(), entry.header_digest);
    match (fate, proof.status()) {
        (Fate::TooLarge, Status::Rejected(reason)) => assert_eq!(reason.code(), Reason::TOO_LARGE),
        (Fate::NoRoom, Status::Rejected(reason)) => assert_eq!(reason.code(), Reason::FULL),
        (_, Status::Stored) => {
            let content = (plan.length as u64, *stored.unwrap());
            assert_eq!(proof.content(), Some(content), "message {index}");
        }
        (_, status) => panic!("message {index}, {fate:?}: {status}"),
    }
}

/// The digest of every file under a final name. What killed processes left under temporary names goes when it is old.
fn stored(folder: &Path, seen: &Seen) -> HashMap<String, Digest> {
    let two_days_ago = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
    let mut left = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_str().unwrap().starts_with(".bulla-") {
            let file = File::options().write(true).open(entry.path()).unwrap();
            file.set_modified(two_days_ago).unwrap();
            left += 1;
        }
    }
    let policy = Policy::new(CONTEXT, Senders::only([])).unwrap();
    let guard = MemoryGuard::new(1);
    let opener = Opener::new(&seen.bob, &policy, Replay::Guarded(&guard));
    let store = Store::new(opener, 60, &OsDisk);
    assert_eq!(store.clean(folder).unwrap(), left);
    println!("  temporary files that kills left, and that were cleaned away: {left}");
    let digest = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, Digest::of(&fs::read(entry.path()).unwrap()))
    };
    fs::read_dir(folder).unwrap().map(digest).collect()
}

/// What was told as given up is what was given up: each such message once, unless the sender died in the very round in which it
/// would have told it. Says how many are untold.
fn given_up(seen: &Seen, entries: &[OutboxEntry]) -> usize {
    let late = |fate: Fate| matches!(fate, Fate::Unanswered | Fate::AnsweredLate);
    let mut untold = 0;
    for entry in entries {
        let (index, is_given_up) = (index(entry), entry.state == OutboxState::GivenUp);
        let fate = Plan::of(seen.seed, index).fate;
        if seen.gave_up.contains(&index) {
            // A receipt that comes later still counts.
            let settled_late = entry.state == OutboxState::Settled && late(fate);
            assert!(
                is_given_up || settled_late,
                "message {index} was told as given up, and is {}",
                entry.state
            );
        } else if is_given_up {
            let mut rounds = seen.sender_rounds.iter();
            let first = rounds.find(|(time, _)| *time >= entry.deadline);
            assert!(
                first.is_some_and(|(_, done)| !done),
                "message {index} is given up, and nobody was told"
            );
            untold += 1;
        }
    }
    let indices: BTreeSet<u64> = entries.iter().map(index).collect();
    assert!(seen.gave_up.is_subset(&indices), "of no message");
    assert!(seen.count < 1000 || !seen.gave_up.is_empty());
    untold
}

/// How many envelopes are left in the folder beside the outbox: only what a kill left, or what was given up.
fn long_envelopes(folder: &Path, outbox: &Outbox) -> usize {
    let beside = folder.join(format!("{OUTBOX}.d"));
    if !beside.exists() {
        return 0;
    }
    let two_days_ago = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
    let files = || fs::read_dir(&beside).unwrap().map(Result::unwrap);
    let left = files().count();
    for entry in files() {
        let file = File::options().write(true).open(entry.path()).unwrap();
        file.set_modified(two_days_ago).unwrap();
    }
    outbox.clean().unwrap();
    assert_eq!(files().count(), 0, "nobody awaits them any more");
    left
}
