//! Audits, orders and challenges, between real processes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![cfg(unix)]

mod common;

use common::transfer::{RECEIVE, SETTLE, list, send, stage};
use common::{Outcome, Stage, with, words};

#[test]
fn an_audit_is_answered_by_who_has_it() {
    let stage = stage(b"hello");
    send(&stage, &[]);
    let receipt = stage
        .run(with(&words(RECEIVE), &["--name", "kept", "envelope"]))
        .ok()
        .stdout;
    stage.pipe(words(SETTLE), &receipt).ok();
    let entry = &list(&stage)[0];
    let id = entry["message_id"].as_str().unwrap();
    let ask = |n: u8| {
        let line = format!(
            "audit ask -i alice.key -r bob.pub --outbox outbox --message {id} --question keep{n} -o question{n}"
        );
        stage.run(words(&line)).ok();
    };
    let answer = "audit answer -i bob.key --from alice.pub -c test --guard guard";
    let check = |n: u8, answer: &[u8]| {
        let line = format!("audit check -i alice.key --question keep{n} --content photo.jpg");
        stage.pipe(words(&line), answer)
    };
    (0..3).for_each(ask);
    let shown = stage.run(with(&words(answer), &["question0"])).ok().text();
    assert!(shown.contains(id) && shown.contains("5 bytes"), "{shown}");
    let held = with(&words(answer), &["--file", "inbox/kept", "question0"]);
    let held_answer = stage.run(&held).ok().stdout;
    assert!(
        check(0, &held_answer)
            .ok()
            .stderr
            .contains("held, and proven")
    );
    stage.run(&held).fails(3, "already received");
    check(1, &held_answer).fails(3, "");
    let missing = stage
        .run(with(&words(answer), &["--missing", "question1"]))
        .ok()
        .stdout;
    check(1, &missing).fails(4, "has the content no more");
    stage.write("inbox/kept", b"hellO");
    let differs = stage.run(with(&words(answer), &["--file", "inbox/kept", "question2"]));
    let differing = differs.stdout.clone();
    differs.fails_late(4, "this file is not the content in question");
    check(2, &differing).fails(4, "has the content no more");
    check(2, b"").fails(4, "no answer came");
    check(2, &receipt).fails(3, "");
    let other = words("audit check -i alice.key --question keep0 --content alice.pub");
    stage
        .pipe(other, &held_answer)
        .fails(1, "alice.pub is not the content in question");
    let nobody = format!(
        "audit ask -i alice.key -r mallory.pub --outbox outbox --message {id} --question keep9"
    );
    stage
        .run(words(&nobody))
        .fails(1, "no such message to this identity");
    assert!(!stage.path("keep9").exists());
}

fn a_stream_is_forgotten(stage: &Stage, newer: impl Fn(&str) -> Outcome) {
    let listed = stage.run(words("guard --entries 9 newer")).ok().text();
    let line = listed
        .lines()
        .find(|line| line.starts_with("stream "))
        .unwrap();
    assert!(line.ends_with("kept until it is forgotten"), "{line}");
    let stream = line.split_whitespace().nth(1).unwrap();
    let forget = |name: &str| stage.run(with(&words("guard newer --forget-stream"), &[name]));
    forget(&"00".repeat(32)).fails(1, "it knows no stream of this name");
    let forgotten = forget(stream).ok().text();
    assert!(forgotten.contains("streams        0"), "{forgotten}");
    forget(stream).fails(1, "it knows no stream of this name");
    // What it warns of; a copy is a copy all the same.
    newer("m2").ok();
    newer("m3").fails(3, "already received");
}

#[test]
fn order_and_challenges() {
    let stage = stage(b"hello");
    for number in [1, 2, 3, 5] {
        let place = format!("config:{number}");
        stage.seal(&format!("m{number}"), "photo.jpg", &["--sequence", &place]);
    }
    let gapless =
        |name: &str| stage.open_guarded(&["--order", "gapless", "--report", "json", name]);
    assert_eq!(gapless("m1").ok().json()["missing"], serde_json::json!([]));
    assert_eq!(
        gapless("m5").ok().json()["missing"],
        serde_json::json!([[2, 4]])
    );
    assert_eq!(
        gapless("m3").ok().json()["missing"],
        serde_json::json!([[2, 2], [4, 4]])
    );
    let shown = stage
        .run(words("guard --entries 9 --check guard"))
        .ok()
        .text();
    assert!(shown.contains("missing: 2, 4"), "{shown}");
    let human = stage.open_guarded(&["--order", "gapless", "m2"]).ok();
    assert!(
        human.stderr.contains("missing      4 (so far)"),
        "{}",
        human.stderr
    );
    let newer = |name: &str| {
        let line = format!(
            "open -i bob.key --from alice.pub -c test --guard newer --order monotonic {name}"
        );
        stage.run(words(&line))
    };
    newer("m3").ok();
    newer("m2").fails(3, "a newer one is already known");
    a_stream_is_forgotten(&stage, newer);
    newer("m5").ok();
    let needs = words("open -i bob.key --from alice.pub -c test --no-guard --order gapless m1");
    stage.run(needs).fails(1, "");

    let challenge = stage
        .run(words("challenge -i bob.key -c test --guard guard"))
        .ok()
        .text();
    let challenge = challenge.trim();
    assert_eq!(challenge.len(), 64);
    stage.seal("answer", "photo.jpg", &["--answers", challenge]);
    stage.seal("more", "photo.jpg", &["--answers", challenge]);
    stage.open_guarded(&["--challenged", "m1"]).fails(3, "");
    stage.open_guarded(&["--challenged", "answer"]).ok();
    stage
        .open_guarded(&["--challenged", "answer"])
        .fails(3, "already received");
    stage
        .open_guarded(&["--challenged", "more"])
        .fails(3, "answers no challenge that is open here");
}

#[test]
fn a_signed_answer_and_an_ordered_file() {
    let stage = stage(b"hello");
    let challenge = words("challenge --reader-name gate -c test --guard guard --lifetime 5m");
    let challenge = stage.run(challenge).ok().text();
    let sign = words("sign -i alice.key -c test -o signed photo.jpg --answers");
    stage.run(with(&sign, &[challenge.trim()])).ok();
    let verify = |name: &str| {
        let line = format!(
            "verify --from alice.pub -c test --guard guard --challenged --reader-name {name} signed"
        );
        stage.run(words(&line))
    };
    verify("other").fails(3, "answers no challenge that is open here");
    assert_eq!(verify("gate").ok().stdout, b"hello");
    verify("gate").fails(3, "already received");
    for wrong in [
        "challenge -c test --guard g",
        "challenge -i bob.key --reader-name x -c test --guard g",
    ] {
        stage.run(words(wrong)).fails(1, "--");
    }
    for wrong in ["12", "zz", ""] {
        stage
            .run(with(&sign, &[wrong]))
            .fails(1, "64 hexadecimal digits");
    }
    for wrong in ["x", "x:", ":1", "x:-1", "x:99999999999999999999"] {
        let seal = words("seal -i alice.key -r bob.pub -c test photo.jpg --sequence");
        stage
            .run(with(&seal, &[wrong]))
            .fails(1, "a colon and a number");
    }

    send(&stage, &["--sequence", "photos:2"]);
    let ordered = with(
        &words(RECEIVE),
        &["--order", "gapless", "--report", "json", "envelope"],
    );
    let stored = stage.run(&ordered).ok();
    assert_eq!(stored.json()["missing"], serde_json::json!([[1, 1]]));
    stage.pipe(words(SETTLE), &stored.stdout).ok();
    stage.seal("late", "photo.jpg", &["--sequence", "photos:2"]);
    let refused = with(&words(RECEIVE), &["--order", "gapless", "late"]);
    stage.run(refused).fails(3, "a newer one is already known");
}
