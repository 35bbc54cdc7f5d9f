//! Every command does what it is for.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use common::{READERS, Stage, content, with, words};

#[test]
fn a_file_goes_from_alice_to_bob() {
    let sent = content(100_000);
    let stage = Stage::sealed(&sent);
    let opened = stage.open_guarded(&["-o", "received", "sealed"]).ok();
    assert!(opened.stdout.is_empty());
    assert_eq!(stage.read("received"), sent);
    for words in [
        "bulla: verified\n",
        "(alice.pub)",
        "\"test\"",
        "freshness    judged; the guard is new",
    ] {
        assert!(opened.stderr.contains(words), "{}", opened.stderr);
    }
    stage.open_guarded(&["sealed"]).fails(3, "already received");
}

#[test]
fn every_way_to_seal_opens() {
    let stage = Stage::new();
    let ways: &[&[&str]] = &[
        &[],
        &["-a"],
        &["--stream"],
        &["--stream", "-a"],
        &["--no-padding"],
        &["--decoys", "7"],
        &words("--stream --no-padding --decoys 1 -a"),
    ];
    for size in [0, 1, 47, 16_384, 70_000, 1_300_000] {
        let sent = content(size);
        stage.write("content", &sent);
        for way in ways {
            stage.seal("sealed", "content", &with(way, &["--force"]));
            let mut piped = words("seal -i alice.key -r bob.pub -c test");
            piped.extend(*way);
            let piped = stage.pipe(&piped, &sent).ok().stdout;
            let from_file = stage.open(&["sealed"]).ok();
            assert!(from_file.stdout == sent, "{size} {way:?}");
            let mut open = words(READERS[0]);
            assert!(stage.pipe(&open, &piped).ok().stdout == sent);
            open.push("--provisional");
            assert!(stage.pipe(&open, &piped).ok().stdout == sent);
            stage.open(&["-o", "received", "--force", "sealed"]).ok();
            assert!(stage.read("received") == sent);
        }
    }
}

#[test]
fn signatures_verify() {
    let stage = Stage::new();
    let sent = content(50_000);
    stage.write("content", &sent);
    let verify = words("verify --from alice.pub -c test");
    let verify = |more: &[&'static str]| with(&verify, more);
    for way in [&[][..], &["-a"], &["--stream"], &["--stream", "-a"]] {
        let sign = with(&words("sign -i alice.key -c test content"), way);
        let envelope = stage.run(sign).ok().stdout;
        let verified = stage.pipe(verify(&["--no-guard"]), &envelope).ok();
        assert!(verified.stdout == sent);
        assert!(
            verified
                .stderr
                .contains("NOT judged whether it came before")
        );
        let archived = stage.pipe(verify(&["--archive"]), &envelope).ok();
        assert!(archived.stderr.contains("NOT JUDGED"));
        stage.write("envelope", &envelope);
        for name in ["one", "two"] {
            let guarded = verify(&["--guard", "guard", "envelope", "--reader-name", name]);
            stage.run(&guarded).ok();
            stage.run(&guarded).fails(3, "already received");
        }
    }
    let detached = words("sign -i alice.key -c test --detached -a");
    let envelope = stage.pipe(&detached, &sent).ok().stdout;
    assert!(envelope.starts_with(b"-----BEGIN BULLA ENVELOPE-----\n"));
    stage.write("sig", &envelope);
    let verified = stage
        .run(verify(&["--no-guard", "--content", "content", "sig"]))
        .ok();
    assert!(verified.stdout.is_empty());
    let verified = stage
        .pipe(verify(&["--no-guard", "--content", "-", "sig"]), &sent)
        .ok();
    assert!(verified.stderr.contains("verified"));
    stage.write("content", b"other content");
    stage
        .run(verify(&["--no-guard", "--content", "content", "sig"]))
        .fails(2, "not authentic");
    stage
        .run(verify(&["--no-guard", "sig"]))
        .fails(2, "need their content");
    stage
        .run(verify(&["--no-guard", "--content", "-", "-"]))
        .fails(1, "cannot both come from standard input");
}

#[test]
fn the_report_says_what_was_signed_and_harms_no_terminal() {
    let stage = Stage::new();
    stage.write("content", b"hello");
    let evil = "evil=a\u{1b}]0;evil\u{7}";
    let more = words("--expires 1d --type text/plain --attr name=Grüße --attr");
    stage.seal("sealed", "content", &with(&more, &[evil]));
    let report = stage.open(&["--report", "json", "sealed"]).ok().json();
    assert_eq!(report["verdict"], "ok");
    assert_eq!(report["context"], "test");
    assert_eq!(report["length"], 5);
    assert_eq!(report["content_type"], "text/plain");
    assert_eq!(report["attributes"]["name"], "Grüße");
    assert_eq!(report["attributes"]["evil"]["base64"], "YRtdMDtldmlsBw==");
    assert_eq!(report["freshness"], "judged");
    assert_eq!(report["replay"], "not judged");
    assert_eq!(
        report["expires"].as_u64().unwrap(),
        report["issued"].as_u64().unwrap() + 86_400
    );
    assert_eq!(report["signer"].as_str().unwrap().len(), 64);
    assert_eq!(report["message_id"].as_str().unwrap().len(), 32);
    assert_eq!(
        report["digest"],
        "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"
    );
    for report in ["human", "json"] {
        let told = stage.open(&["--report", report, "sealed"]).ok().stderr;
        assert!(
            !told.contains('\u{1b}') && !told.contains('\u{7}'),
            "{told}"
        );
    }
    let human = stage.open(&["sealed"]).ok().stderr;
    assert!(human.contains("0x611b5d303b6576696c07"), "{human}");
    assert!(human.contains("T") && human.contains("Z"), "{human}");
    assert!(
        stage
            .open(&["--report", "none", "sealed"])
            .ok()
            .stderr
            .is_empty()
    );
}

#[test]
fn the_report_of_a_refusal_is_one_line_of_json() {
    let stage = Stage::sealed(b"hello");
    let wrong = words("open -i bob.key --from alice.pub -c other --no-guard --report json sealed");
    let refused = stage.run(&wrong);
    assert_eq!(refused.status, Some(3));
    assert_eq!(refused.json()["verdict"], "WrongContext");
    assert_eq!(refused.json()["code"], 43);
    let missing = stage.open(&["--report", "json", "missing"]);
    assert_eq!(missing.status, Some(1));
    assert_eq!(missing.json()["verdict"], "Io");
}

#[test]
fn archives_open_without_freshness() {
    let stage = Stage::sealed(b"old");
    let arguments = words("reopen -i bob.key --from alice.pub -c test sealed");
    for _ in 0..2 {
        let reopened = stage.run(&arguments).ok();
        assert_eq!(reopened.stdout, b"old");
        assert!(reopened.stderr.contains("NOT JUDGED"));
    }
    let report = stage
        .run(with(&arguments, &["--report", "json"]))
        .ok()
        .json();
    assert_eq!(report["freshness"], "not judged");
    stage.seal("brief", "content", &["--expires", "1s"]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    stage.open(&["--skew", "0s", "brief"]).fails(3, "expired");
    stage.open(&["--skew", "1h", "brief"]).ok();
    stage
        .open(&words("--max-age 0s --skew 0s sealed"))
        .fails(3, "older than");
    stage
        .open_guarded(&["--max-age", "none", "sealed"])
        .fails(3, "greatest age");
    stage
        .open_guarded(&words("--max-age none --skew 1h brief"))
        .ok();
    let reopened = words("reopen -i bob.key --from alice.pub -c test brief");
    assert_eq!(stage.run(&reopened).ok().stdout, b"old");
}

#[test]
fn evidence_convinces_a_third_party() {
    let stage = Stage::sealed(b"I owe you 5");
    stage.seal("streamed", "content", &["--stream", "-a"]);
    stage
        .run(words("sign -i alice.key -c test -o signed content"))
        .ok();
    let detached = words("sign -i alice.key -c test --detached -o sig content");
    stage.run(&detached).ok();
    let export = words("evidence export --from alice.pub -c test -o ev --force");
    let ways: [&[&str]; 6] = [
        &["-i", "bob.key", "sealed"],
        &["-i", "bob.key", "sealed", "-a"],
        &["-i", "bob.key", "streamed"],
        &["signed"],
        &["sig", "--content", "content"],
        &["sig", "--content", "content", "-a"],
    ];
    for way in ways {
        let exported = stage.run(with(&export, way)).ok();
        assert!(exported.stderr.contains("NOT JUDGED"));
        let check = |more: &[&str]| stage.run(with(&["evidence", "check", "ev"], more));
        assert!(check(&[]).ok().stderr.contains("valid evidence"));
        check(&["--from", "alice.pub", "--content", "content"]).ok();
        check(&["--from", "bob.pub"]).fails(3, "not accepted here");
        check(&["--content", "alice.pub"]).fails(2, "other content");
        let report = check(&["--report", "json"]).ok().json();
        assert_eq!(report["length"], 11);
        let mut bytes = stage.read("ev");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        stage.write("ev", &bytes);
        check(&[]).fails(2, "evidence");
    }
    stage
        .run(["evidence", "check", "sealed"])
        .fails(2, "not well-formed evidence");
    stage
        .run(words("evidence export --from-anyone -c test sealed"))
        .fails(2, "another kind");
}

#[test]
fn inspection_shows_what_anyone_sees_and_no_more() {
    let stage = Stage::sealed(b"hidden");
    stage.seal(
        "armored",
        "content",
        &words("-a --decoys 4 --attr name=hidden"),
    );
    let shown = stage.run(["inspect", "sealed"]).ok().text();
    assert!(
        shown.contains("sealed") && shown.contains("1 at most"),
        "{shown}"
    );
    let shown = stage.run(["inspect", "armored"]).ok().text();
    assert!(
        shown.contains("5 at most") && shown.contains("armored        yes"),
        "{shown}"
    );
    assert!(!shown.contains("hidden") && !shown.contains("test"));
    let signed = stage
        .run(words("sign -i alice.key -c test content"))
        .ok()
        .stdout;
    let shown = stage.pipe(["inspect"], &signed).ok().text();
    assert!(
        shown.contains("content inside") && !shown.contains("hidden"),
        "{shown}"
    );
}

#[test]
fn the_demonstration_goes_as_told() {
    let stage = Stage::empty();
    stage.write("it's a file.txt", &content(100_000));
    stage.leaving_nothing(|| {
        for file in [None, Some("it's a file.txt")] {
            let told = stage.run(["demo"].into_iter().chain(file)).ok();
            assert!(told.text().ends_with("Every step went as told.\n"));
            assert!(told.stderr.is_empty());
        }
        stage
            .run(["demo", "missing"])
            .fails(1, "cannot read missing");
        stage.run(["demo", "."]).fails(1, "not a regular file");
    });
}
