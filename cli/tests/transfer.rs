//! A transfer that is complete: send, receive, settle, between real processes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![cfg(unix)]

mod common;

use common::transfer::{RECEIVE, SEND, SETTLE, in_inbox, list, send, shell, stage};
use common::{content, with, words};

#[test]
fn three_processes_and_two_pipes_make_a_verified_transfer() {
    // At once in memory; in the folder beside the outbox; streamed.
    for length in [0, 11, 200_000, 5_000_000] {
        let bytes = content(length);
        let stage = stage(&bytes);
        let line = format!(
            "bulla {SEND} photo.jpg | sh -c 'bulla {RECEIVE} --suggested-name' | bulla {SETTLE} --proof proof"
        );
        let outcome = shell(&stage, &line).ok();
        assert_eq!(outcome.stdout, b"");
        for words in [
            "is recorded in outbox",
            "verified and stored",
            "settled",
            "status       stored",
            "exactly this content is on its disk",
        ] {
            assert!(
                outcome.stderr.contains(words),
                "{words} in {}",
                outcome.stderr
            );
        }
        assert_eq!(in_inbox(&stage), ["photo.jpg"]);
        assert_eq!(stage.read("inbox/photo.jpg"), bytes);
        let entry = &list(&stage)[0];
        assert_eq!(entry["state"], "settled");
        assert_eq!(entry["note"], "photo.jpg");
        // The proof convinces a third party, without a key.
        let check = words("evidence check --from bob.pub --content photo.jpg proof");
        let proven = stage.run(&check).ok();
        assert!(
            proven.stderr.contains("valid proof of a receipt"),
            "{}",
            proven.stderr
        );
        stage
            .run(words("evidence check --from alice.pub proof"))
            .fails(3, "sender who is not accepted");
        stage
            .run(words("evidence check --content alice.pub proof"))
            .fails(2, "about other content");
        // Long envelopes are not kept once they are settled.
        let kept = std::fs::read_dir(stage.path("outbox.d")).map_or(0, Iterator::count);
        assert_eq!(kept, 0);
    }
}

#[test]
fn armored_all_the_way() {
    let stage = stage(b"hello");
    let line = format!(
        "bulla {SEND} -a photo.jpg | bulla {RECEIVE} -a --name kept | tee receipt | bulla {SETTLE} --report json"
    );
    shell(&stage, &line).ok();
    assert!(
        stage
            .read("receipt")
            .starts_with(b"-----BEGIN BULLA ENVELOPE")
    );
    assert_eq!(in_inbox(&stage), ["kept"]);
}

#[test]
fn copies_count_once_and_get_the_same_receipt() {
    let stage = stage(b"hello");
    let envelope = send(&stage, &[]);
    let first = stage.run(with(&words(RECEIVE), &["envelope"])).ok();
    let names = in_inbox(&stage);
    assert_eq!(names.len(), 1);
    let second = stage.run(with(&words(RECEIVE), &["envelope"])).ok();
    assert_eq!(first.stdout, second.stdout, "byte for byte");
    assert!(second.stderr.contains("nothing was stored again"));
    assert_eq!(in_inbox(&stage), names);
    // Until the receipt is there, it can be sent again: the identical envelope.
    let again = words("outbox --outbox outbox --envelope");
    let again = stage.run(with(&again, &[&envelope])).ok();
    assert_eq!(again.stdout, stage.read("envelope"));
    let settled = stage.pipe(words(SETTLE), &first.stdout).ok();
    assert!(
        settled.stderr.contains("bulla: settled\n"),
        "{}",
        settled.stderr
    );
    // Settled twice: the same answer, and no news.
    let twice = stage.pipe(words(SETTLE), &second.stdout).ok();
    assert!(twice.stderr.contains("settled before"), "{}", twice.stderr);
    let json = stage
        .pipe(with(&words(SETTLE), &["--report", "json"]), &first.stdout)
        .ok()
        .json();
    assert_eq!(
        (&json["new"], &json["status"]),
        (&false.into(), &"stored".into())
    );
}

#[test]
fn a_receipt_that_is_not_for_this_changes_nothing() {
    let stage = stage(b"hello");
    send(&stage, &[]);
    let receipt = stage.run(with(&words(RECEIVE), &["envelope"])).ok().stdout;
    // Mallory was sent something too, and answers for herself; another outbox knows nothing of this message.
    let to_mallory =
        "send -i alice.key -r mallory.pub -c test --outbox other -o for-mallory photo.jpg";
    stage.run(words(to_mallory)).ok();
    let mallory =
        "receive -i mallory.key --from alice.pub -c test --guard m.guard --dir inbox for-mallory";
    let foreign = stage.run(words(mallory)).ok().stdout;
    let before = stage.read("outbox");
    let state = list(&stage);
    let refuse = |receipt: &[u8], status: i32, words_: &str| {
        stage
            .pipe(with(&words(SETTLE), &["--proof", "proof"]), receipt)
            .fails(status, words_);
        assert!(!stage.path("proof").exists());
        assert_eq!(list(&stage), state);
        assert_eq!(stage.read("outbox"), before, "untouched");
    };
    refuse(
        &foreign,
        3,
        "an authentic receipt, but not for this message",
    );
    refuse(&stage.read("envelope"), 2, "not sealed to this key");
    refuse(&receipt[..receipt.len() - 1], 2, "");
    refuse(&receipt[..10], 2, "not a well-formed");
    refuse(b"something else", 2, "not a well-formed");
    let mut changed = receipt.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    refuse(&changed, 2, "not authentic");
    refuse(&content(100_000), 1, "too long for a receipt");
    refuse(b"", 4, "no receipt came");
    // Nor does it mean anything to somebody else, or as a message.
    let bobs = stage.pipe(words("settle -i bob.key --outbox outbox"), &receipt);
    bobs.fails(2, "not sealed to this key");
    let open = words("open -i alice.key --from bob.pub -c test --no-guard");
    stage.pipe(open, &receipt).fails(3, "not a message");
    stage.pipe(words(SETTLE), &receipt).ok();
}

#[test]
fn too_large_is_rejected_for_good() {
    let stage = stage(&content(100_000));
    send(&stage, &[]);
    let limited = with(&words(RECEIVE), &["--max-size", "10k", "envelope"]);
    let rejected = stage.run(&limited);
    let receipt = rejected.stdout.clone();
    rejected.fails_late(
        3,
        "longer than --max-size: rejected for good, and the receipt says so",
    );
    assert!(in_inbox(&stage).is_empty());
    // Also where there would be room: a copy gets the same answer.
    let again = stage.run(with(&words(RECEIVE), &["envelope"]));
    assert_eq!(again.stdout, receipt);
    again.fails_late(3, "rejected before, for good, and the receipt says so");
    assert!(in_inbox(&stage).is_empty());
    let settled = stage.pipe(words(SETTLE), &receipt);
    assert_eq!(settled.status, Some(4));
    assert!(
        settled.stderr.contains("REJECTED by the recipient"),
        "{}",
        settled.stderr
    );
    assert!(
        settled.stderr.contains("too large: at most 10240 bytes"),
        "{}",
        settled.stderr
    );
    let failed = stage.run(words("outbox --outbox outbox --failed"));
    assert!(failed.text().starts_with("rejected"));
    failed.fails_late(4, "1 of what was sent failed");
    let quiet = with(&words(SETTLE), &["--report", "none"]);
    stage
        .pipe(quiet, &receipt)
        .fails(4, "not settled: rejected");
}

#[test]
fn what_is_not_answered_comes_again_and_is_given_up() {
    let stage = stage(b"hello");
    let envelope = send(&stage, &["--deadline", "2s", "--note", "bob at home"]);
    // It was just sent: not due for a minute.
    let due = words("outbox --outbox outbox --due");
    assert_eq!(stage.run(&due).ok().text(), "");
    let entry = &list(&stage)[0];
    assert_eq!(
        (&entry["state"], &entry["attempts"]),
        (&"waiting".into(), &1.into())
    );
    assert_eq!(entry["note"], "bob at home");
    stage
        .run(with(&words("outbox --outbox outbox --sent"), &[&envelope]))
        .ok();
    std::thread::sleep(std::time::Duration::from_millis(3100));
    // To look changes nothing, and tells how it is: who asks for what is due is told that it is over, once.
    for _ in 0..2 {
        let entry = &list(&stage)[0];
        assert_eq!(entry["state"], "given up");
        assert!(entry["next_due"].is_null());
    }
    let given_up = stage.run(&due);
    assert_eq!(given_up.status, Some(4), "{}", given_up.stderr);
    assert!(
        given_up.stderr.contains("given up: "),
        "{}",
        given_up.stderr
    );
    stage.run(&due).ok();
    stage
        .run(words("outbox --outbox outbox --failed"))
        .fails_late(4, "failed");
    // The receipt comes late, and is true all the same.
    let receipt = stage.run(with(&words(RECEIVE), &["envelope"])).ok().stdout;
    stage.pipe(words(SETTLE), &receipt).ok();
    stage.run(words("outbox --outbox outbox --failed")).ok();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let forgotten = stage.run(words("outbox --outbox outbox --forget 0s")).ok();
    assert_eq!(forgotten.text(), "1\n");
    assert!(list(&stage).is_empty());
    let gone = with(&words("outbox --outbox outbox --envelope"), &[&envelope]);
    stage
        .run(gone)
        .fails(1, "the outbox outbox: no such envelope");
}

#[test]
fn what_was_given_up_takes_no_room() {
    let stage = stage(&content(200_000));
    let waits = send(&stage, &[]);
    let over = send(&stage, &["--deadline", "1s"]);
    let kept = |name: &str| stage.path(&format!("outbox.d/{name}.bulla"));
    let two_days = std::time::Duration::from_secs(2 * 24 * 3600);
    for name in [&waits, &over] {
        let file = std::fs::File::options().write(true).open(kept(name));
        let then = std::time::SystemTime::now() - two_days;
        file.unwrap().set_modified(then).unwrap();
    }
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let due = stage.run(words("outbox --outbox outbox --due"));
    assert_eq!(due.status, Some(4), "{}", due.stderr);
    assert!(kept(&waits).exists() && !kept(&over).exists());
    let fetch = words("outbox --outbox outbox --envelope");
    stage.run(with(&fetch, &[&waits])).ok();
    stage
        .run(with(&fetch, &[&over]))
        .fails(1, "nobody awaits it any more");
}

#[test]
fn a_cut_envelope_is_completed() {
    let bytes = content(1_000_000);
    let stage = stage(&bytes);
    let digest = send(&stage, &[]);
    let envelope = stage.read("envelope");
    let resumable = with(&words(RECEIVE), &["--resumable"]);
    stage
        .pipe(&resumable, &envelope[..600_000])
        .fails_late(2, "");
    let held = stage
        .run(with(&words(RECEIVE), &["--held", &digest]))
        .ok()
        .text();
    let held: usize = held.trim().parse().unwrap();
    assert!((400_000..600_000).contains(&held), "{held}");
    let line = format!(
        "tail -c +{} envelope | bulla {RECEIVE} --resume {digest} --name photo | bulla {SETTLE}",
        held + 1
    );
    shell(&stage, &line).ok();
    assert_eq!(in_inbox(&stage), ["photo"], "what was kept is gone");
    assert_eq!(stage.read("inbox/photo"), bytes);
    let held = with(&words(RECEIVE), &["--held", &digest]);
    assert_eq!(stage.run(&held).ok().text(), "0\n");
    stage
        .pipe(with(&words(RECEIVE), &["--resume", &digest]), b"x")
        .fails(1, "bulla: nothing is held of this envelope");
}

#[test]
fn names_stay_in_the_folder() {
    let stage = stage(b"hello");
    send(&stage, &["--attr", "name=../../etc/passwd"]);
    for name in ["../x", "a/b", "/x", ".", "..", ""] {
        stage
            .run(with(&words(RECEIVE), &["--name", name, "envelope"]))
            .fails(1, "");
    }
    let elsewhere = RECEIVE.replace("inbox", "nowhere");
    stage
        .run(with(&words(&elsewhere), &["envelope"]))
        .fails(1, "nowhere is not a folder: make it");
    stage.write("inbox/taken", b"precious");
    stage
        .run(with(&words(RECEIVE), &["--name", "taken", "envelope"]))
        .fails(
            1,
            "cannot store in inbox: there is a file of that name already",
        );
    assert_eq!(stage.read("inbox/taken"), b"precious");
    stage
        .run(with(&words(RECEIVE), &["--suggested-name", "envelope"]))
        .ok();
    assert_eq!(in_inbox(&stage), ["_.._etc_passwd", "taken"]);
}

#[test]
fn an_author_who_asked_for_nothing_gets_nothing() {
    let stage = stage(b"hello");
    stage.seal("sealed", "photo.jpg", &[]);
    let stored = stage
        .run(with(&words(RECEIVE), &["-o", "receipt", "sealed"]))
        .ok();
    assert!(
        stored.stderr.contains("asked for no receipt"),
        "{}",
        stored.stderr
    );
    assert!(!stage.path("receipt").exists());
    assert_eq!(in_inbox(&stage).len(), 1);
}

#[test]
fn what_comes_through_a_pipe_and_to_two_recipients() {
    let stage = stage(b"hello");
    let send = words(
        "send -i alice.key -r bob.pub -r mallory.pub -c test --outbox outbox --await delivered -o envelope -",
    );
    stage.pipe(send, &content(100_000)).ok();
    let entries = list(&stage);
    assert_eq!(entries.len(), 2);
    assert!(entries.iter().all(|entry| entry["awaits"] == "delivered"));
    assert_eq!(entries[0]["envelope"], entries[1]["envelope"]);
    let receipt = stage.run(with(&words(RECEIVE), &["envelope"])).ok().stdout;
    // Stored is more than delivered.
    stage.pipe(words(SETTLE), &receipt).ok();
    let states: Vec<_> = list(&stage)
        .iter()
        .map(|entry| entry["state"].clone())
        .collect();
    assert!(states.contains(&"settled".into()) && states.contains(&"waiting".into()));
    let mallory = RECEIVE.replace("bob", "mallory");
    let receipt = stage
        .run(with(&words(&mallory), &["--name", "hers", "envelope"]))
        .ok()
        .stdout;
    stage.pipe(words(SETTLE), &receipt).ok();
    assert!(list(&stage).iter().all(|entry| entry["state"] == "settled"));
    assert_eq!(stage.read("inbox/hers"), content(100_000));
}
