//! What `receive` refuses: what is too large, for good or not, and a guard where it stores.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![cfg(unix)]

mod common;

use common::transfer::{RECEIVE, SETTLE, in_inbox, send, stage};
use common::{Stage, content, with, words};
use std::time::{Duration, SystemTime};

use bulla::{Delivery, Identity, Opener, Outcome, Policy, Replay, Senders, SqliteGuard};

const SMALL: [&str; 3] = ["--max-size", "10k", "envelope"];

/// Refused, but it is stored where there is room for it.
#[track_caller]
fn is_new_still(stage: &Stage, receive: &str) {
    assert!(in_inbox(stage).is_empty());
    let stored = stage.run(with(&words(receive), &["envelope"])).ok();
    assert!(
        stored.stderr.contains("verified and stored"),
        "{}",
        stored.stderr
    );
    assert_eq!(in_inbox(stage).len(), 1);
    stage.pipe(words(SETTLE), &stored.stdout).ok();
}

#[test]
fn a_copy_of_what_was_rejected_is_rejected() {
    let stage = stage(&content(100_000));
    send(&stage, &[]);
    let first = stage.run(with(&words(RECEIVE), &SMALL));
    assert_eq!(first.status, Some(3));
    // Wherever it comes to, and however it is reported.
    for more in [&SMALL[..], &["envelope"], &["--report", "none", "envelope"]] {
        let again = stage.run(with(&words(RECEIVE), more));
        assert_eq!(again.stdout, first.stdout, "byte for byte");
        again.fails_late(
            3,
            "it was rejected before, for good, and the receipt says so",
        );
    }
    let json = ["--report", "json", "envelope"];
    let again = stage.run(with(&words(RECEIVE), &json));
    assert_eq!(
        (again.status, &again.stdout),
        (Some(3), &first.stdout),
        "{}",
        again.stderr
    );
    let report = again.json();
    assert_ne!(report["verdict"], "ok", "{report}");
    assert!(in_inbox(&stage).is_empty());
    let settled = stage.pipe(words(SETTLE), &again.stdout);
    assert_eq!(settled.status, Some(4), "{}", settled.stderr);
}

#[test]
fn nobody_wants_to_be_told() {
    let stage = stage(&content(100_000));
    stage.seal("envelope", "photo.jpg", &[]);
    let silent = "without a receipt, for its author asked for none";
    stage
        .run(with(&words(RECEIVE), &SMALL))
        .fails(3, &format!("rejected for good, {silent}"));
    stage
        .run(with(&words(RECEIVE), &["envelope"]))
        .fails(3, &format!("rejected before, for good, {silent}"));
    assert!(in_inbox(&stage).is_empty());
}

#[test]
fn a_stranger_is_not_told_and_may_come_again() {
    let stage = stage(&content(100_000));
    send(&stage, &[]);
    let receive = RECEIVE.replace("--from alice.pub", "--from-anyone");
    for _ in 0..2 {
        stage.run(with(&words(&receive), &SMALL)).fails(
            3,
            "longer than --max-size: its author, who is not listed (see --from), was not told; \
             nothing of it was kept, and it may come again",
        );
    }
    is_new_still(&stage, &receive);
}

#[test]
fn who_was_told_too_often_may_come_again() {
    let stage = stage(&content(20_000));
    let mut told = 0;
    loop {
        send(&stage, &[]);
        let refused = stage.run(with(&words(RECEIVE), &SMALL));
        assert_eq!(refused.status, Some(3), "{}", refused.stderr);
        if refused.stdout.is_empty() {
            refused.fails(
                3,
                "its author, who was told of too many refusals lately, was not told; nothing of it was kept, \
                 and it may come again",
            );
            break;
        }
        told += 1;
        assert!(told < 30, "there is a limit");
    }
    assert!(told >= 20, "{told}");
    is_new_still(&stage, RECEIVE);
}

#[test]
fn what_another_program_committed_is_dealt_with_as_it_said() {
    for (outcome, status) in [
        (Outcome::Delivered, Some(0)),
        (Outcome::Own(200), Some(0)),
        (Outcome::Rejected, Some(3)),
    ] {
        for receipt in [&b"a receipt"[..], b""] {
            let stage = stage(b"hello");
            send(&stage, &[]);
            let bob = Identity::from_key_file(&stage.read("bob.key"), None).unwrap();
            let policy = Policy::new("test", Senders::anyone()).unwrap();
            let guard = SqliteGuard::open(stage.path("guard")).unwrap();
            let opener = Opener::new(&bob, &policy, Replay::Guarded(&guard));
            let envelope = stage.read("envelope");
            let Delivery::New(message) = opener.open_leased(&envelope, 60).unwrap() else {
                panic!("it is new");
            };
            let lease = message.into_parts().1;
            if receipt.is_empty() && !matches!(outcome, Outcome::Own(_)) {
                // The author asked to be told.
                let silent = lease.commit(outcome, receipt);
                assert_eq!(silent.unwrap_err(), bulla::ErrorKind::InvalidInput);
                continue;
            }
            let _ = lease.commit(outcome, receipt).unwrap();
            let again = stage.run(with(&words(RECEIVE), &["envelope"]));
            assert_eq!(again.status, status, "{}", again.stderr);
            assert_eq!(again.stdout, receipt);
            assert!(in_inbox(&stage).is_empty());
        }
    }
}

#[test]
fn the_guard_is_not_where_it_stores() {
    let stage = stage(b"hello");
    send(&stage, &[]);
    std::fs::create_dir(stage.path("inbox/below")).unwrap();
    std::os::unix::fs::symlink("inbox/below", stage.path("link")).unwrap();
    std::os::unix::fs::symlink("inbox", stage.path("door")).unwrap();
    stage.leaving_nothing(|| {
        for (guard, folder) in [
            ("inbox/guard", "inbox"),
            ("inbox/below/guard", "inbox"),
            ("link/guard", "inbox"),
            ("link/../guard", "inbox"),
            ("inbox/guard", "door"),
            ("guard", "."),
            ("./guard", "inbox/.."),
        ] {
            let receive = RECEIVE.replace("--guard guard --dir inbox", "");
            let place = ["--guard", guard, "--dir", folder, "envelope"];
            stage.run(with(&words(receive.trim_end()), &place)).fails(
                1,
                &format!("the replay guard {guard} is in the folder {folder}: "),
            );
        }
    });
    assert_eq!(in_inbox(&stage), ["below"]);
    // Beside it, or above: also by a name that begins alike.
    std::fs::create_dir(stage.path("inbox2")).unwrap();
    let beside = RECEIVE.replace("--guard guard", "--guard inbox2/guard");
    stage.run(with(&words(&beside), &["envelope"])).ok();
}

#[test]
fn what_was_left_behind_long_ago_is_removed() {
    let stage = stage(&content(1_000_000));
    send(&stage, &[]);
    let envelope = stage.read("envelope");
    let resumable = with(&words(RECEIVE), &["--resumable"]);
    stage
        .pipe(&resumable, &envelope[..600_000])
        .fails_late(2, "");
    let kept = in_inbox(&stage);
    assert_eq!(kept.len(), 1);
    let age = |seconds| {
        let file = std::fs::File::options()
            .write(true)
            .open(stage.path("inbox").join(&kept[0]))
            .unwrap();
        let then = SystemTime::now() - Duration::from_secs(seconds);
        file.set_modified(then).unwrap();
    };
    age(60 * 60);
    stage.pipe(&resumable, b"").fails(2, "");
    assert_eq!(in_inbox(&stage), kept);
    age(2 * 24 * 60 * 60);
    stage.pipe(words(RECEIVE), b"").fails(2, "");
    assert_eq!(in_inbox(&stage), kept);
    stage.pipe(&resumable, b"").fails(2, "");
    assert!(in_inbox(&stage).is_empty());
    // What may be content in the clear goes in any case.
    let content = stage.path("inbox").join(".bulla-0123456789abcdef.part");
    for (days, goes) in [(0, false), (2, true)] {
        let file = std::fs::File::create(&content).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60))
            .unwrap();
        stage.pipe(words(RECEIVE), b"").fails(2, "");
        assert_eq!(content.exists(), !goes);
    }
}

/// Reading a long folder for every message would cost much, so it is cleaned at times.
#[test]
fn a_long_folder_is_cleaned_in_the_end() {
    let stage = stage(b"content");
    let inbox = stage.path("inbox");
    let long = "x".repeat(200);
    for number in 0..1000 {
        std::fs::write(inbox.join(format!("{long}{number}")), b"").unwrap();
    }
    let content = inbox.join(".bulla-0123456789abcdef.part");
    let file = std::fs::File::create(&content).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60))
        .unwrap();
    // That 300 of them all pass over it happens once in 250 million times.
    let gone = (0..300).any(|_| {
        stage.pipe(words(RECEIVE), b"").fails(2, "");
        !content.exists()
    });
    assert!(gone);
}
