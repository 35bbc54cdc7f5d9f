//! A copy that came damaged: its author learns of it, if he may, and the message stays due.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![cfg(unix)]

mod common;

use common::transfer::{RECEIVE, SETTLE, in_inbox, list, send, stage};
use common::{Stage, content, with, words};

const NOTE: &str = "its stamp is authentic, so a note of the damage is given for its author: the message stays due";

/// The envelope, damaged behind its first chunk, and cut off.
fn damaged(stage: &Stage) -> [Vec<u8>; 2] {
    let envelope = stage.read("envelope");
    let mut changed = envelope.clone();
    changed[50_000] ^= 1;
    [changed, envelope[..60_000].to_vec()]
}

#[test]
fn its_author_is_told_and_nothing_is_final() {
    let stage = stage(&content(100_000));
    send(&stage, &[]);
    for copy in damaged(&stage) {
        let note = stage.pipe(words(RECEIVE), &copy);
        assert!(!note.stdout.is_empty(), "{}", note.stderr);
        let note = note.fails_late(2, NOTE).stdout;
        assert!(in_inbox(&stage).is_empty());
        let settled = stage.pipe(words(SETTLE), &note);
        assert_eq!(settled.status, Some(4), "{}", settled.stderr);
        for said in [
            "NOT settled: a copy came damaged, and the message stays due",
            "damaged: it came damaged",
            "this is not final and settles nothing, the message may still come",
        ] {
            assert!(settled.stderr.contains(said), "{said}: {}", settled.stderr);
        }
        assert_eq!(list(&stage)[0]["state"], "waiting");
        let json = stage.pipe(with(&words(SETTLE), &["--report", "json"]), &note);
        assert_eq!(json.status, Some(4));
        let report = json.stderr.lines().next().unwrap();
        let report: serde_json::Value = serde_json::from_str(report).unwrap();
        assert_eq!(
            (&report["status"], &report["state"]),
            (&"damaged".into(), &"waiting".into())
        );
    }
    // Armored, into a file.
    stage.write("changed", &damaged(&stage)[0]);
    let more = ["--armor", "-o", "note", "changed"];
    stage.run(with(&words(RECEIVE), &more)).fails(2, NOTE);
    assert!(stage.read("note").starts_with(b"-----BEGIN BULLA"));
    assert_eq!(stage.run(with(&words(SETTLE), &["note"])).status, Some(4));
    // The true copy is stored all the same, and that settles it; a note that comes late changes nothing.
    let receipt = stage.run(with(&words(RECEIVE), &["envelope"])).ok();
    stage.pipe(words(SETTLE), &receipt.stdout).ok();
    assert_eq!(list(&stage)[0]["state"], "settled");
    stage.run(with(&words(SETTLE), &["note"])).ok();
}

/// A note proves nothing final, so it neither takes the name of the proof nor replaces it.
#[test]
fn the_proof_is_of_what_made_it_final() {
    let stage = stage(&content(100_000));
    send(&stage, &[]);
    let [changed, _] = damaged(&stage);
    let note = stage.pipe(words(RECEIVE), &changed).stdout;
    let proof = with(&words(SETTLE), &["--proof", "proof"]);
    let noted = stage.leaving_nothing(|| stage.pipe(&proof, &note));
    assert_eq!(noted.status, Some(4), "{}", noted.stderr);
    let receipt = stage.run(with(&words(RECEIVE), &["envelope"])).ok().stdout;
    // Where no proof can be, nothing is settled.
    let nowhere = with(&words(SETTLE), &["--proof", "nowhere/proof"]);
    stage
        .pipe(nowhere, &receipt)
        .fails(1, "cannot write nowhere/proof: ");
    assert_eq!(list(&stage)[0]["state"], "waiting");
    // What has the name already stays; the message is settled all the same.
    stage.write("taken", b"precious");
    let taken = with(&words(SETTLE), &["--proof", "taken", "--report", "none"]);
    stage.pipe(taken, &receipt).fails(
        1,
        "the message is settled, but its proof could not be written to taken: a file of that name holds something else",
    );
    assert_eq!(stage.read("taken"), b"precious");
    assert_eq!(list(&stage)[0]["state"], "settled");
    // Once, twice, and in answer to a note that came late: the same.
    stage.pipe(&proof, &receipt).ok();
    let written = stage.read("proof");
    stage.pipe(&proof, &receipt).ok();
    let late = with(&words(SETTLE), &["--proof", "late"]);
    stage.pipe(late, &note).ok();
    assert_eq!(stage.read("late"), written);
    assert_eq!(stage.read("proof"), written);
    let check = words("evidence check --from bob.pub --content photo.jpg proof");
    let checked = stage.run(check).ok();
    assert!(checked.stderr.contains("stored"), "{}", checked.stderr);
}

#[test]
fn nobody_else_is() {
    let stage = stage(&content(100_000));
    send(&stage, &[]);
    // A stamp that is not authentic, or not whole.
    let envelope = stage.read("envelope");
    for at in [70, 300, 2_000, 10_000] {
        let mut forged = envelope.clone();
        forged[at] ^= 1;
        stage.pipe(words(RECEIVE), &forged).fails(2, "");
        stage.pipe(words(RECEIVE), &envelope[..at]).fails(2, "");
    }
    // A stranger, even where anyone is accepted; another context.
    let anyone = RECEIVE.replace("--from alice.pub", "--from-anyone");
    let stranger = RECEIVE.replace("--from alice.pub", "--from bob.pub");
    let elsewhere = RECEIVE.replace("-c test", "-c elsewhere");
    for copy in damaged(&stage) {
        stage.pipe(words(&anyone), &copy).fails(2, "");
        stage.pipe(words(&stranger), &copy).fails(3, "");
        stage.pipe(words(&elsewhere), &copy).fails(3, "");
    }
    // Who did not ask.
    stage.seal("envelope", "photo.jpg", &["--force"]);
    for copy in damaged(&stage) {
        stage.pipe(words(RECEIVE), &copy).fails(2, "");
    }
    assert!(in_inbox(&stage).is_empty());
}

/// And what damage uses up is not lacking for rejections.
#[test]
fn nobody_is_told_too_often() {
    let stage = stage(&content(20_000));
    send(&stage, &[]);
    let envelope = stage.read("envelope");
    let told = (0..30)
        .filter(|_| {
            let refused = stage.pipe(words(RECEIVE), &envelope[..18_000]);
            assert_eq!(refused.status, Some(2), "{}", refused.stderr);
            assert_eq!(refused.stderr.contains(NOTE), !refused.stdout.is_empty());
            !refused.stdout.is_empty()
        })
        .count();
    assert!((20..25).contains(&told), "{told}");
    stage
        .run(with(&words(RECEIVE), &["--max-size", "10k", "envelope"]))
        .fails_late(3, "and the receipt says so");
    assert!(in_inbox(&stage).is_empty());
}
