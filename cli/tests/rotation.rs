//! Key files that several processes change at once, and the keys by which reports name people.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use common::{Stage, finished, with, words};
use std::time::Duration;

#[test]
fn of_two_rotations_at_once_none_is_lost() {
    let stage = Stage::new();
    let rotate = || stage.command(["rotate", "bob.key"]).spawn().unwrap();
    let children: Vec<_> = (0..12).map(|_| rotate()).collect();
    let mut lines: Vec<String> = Vec::new();
    for child in children {
        lines.push(finished(child.wait_with_output().unwrap()).ok().text());
    }
    // Each made a key of its own, and all of them are in the file.
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), 12);
    let last = stage.run(["rotate", "bob.key"]).ok();
    assert!(last.stderr.contains("13 kept"), "{}", last.stderr);
    let mut names = stage.names();
    names.retain(|name| name.contains("bob"));
    assert_eq!(names, ["bob.key", "bob.pub"], "no lock is left behind");
}

#[test]
#[cfg(unix)]
fn a_rotation_waits_for_another() {
    let stage = Stage::new();
    // Through a link, which is followed.
    std::os::unix::fs::symlink("bob.key", stage.path("link")).unwrap();
    let lock = std::fs::File::open(stage.path("bob.key")).unwrap();
    lock.lock().unwrap();
    let mut child = stage.command(["rotate", "link"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    // The other has put a new file in the place of the old one, as a rotation does.
    let before = stage.read("bob.key");
    stage.write("new.key", &before);
    std::fs::rename(stage.path("new.key"), stage.path("bob.key")).unwrap();
    drop(lock);
    let outcome = finished(child.wait_with_output().unwrap()).ok();
    assert!(
        outcome.stderr.starts_with("bulla: waiting for another"),
        "{}",
        outcome.stderr
    );
    assert_ne!(stage.read("bob.key"), before);
    assert_eq!(stage.run(["id", "bob.key"]).ok().text(), outcome.text());
    // Who only reads does not wait.
    let lock = std::fs::File::open(stage.path("bob.key")).unwrap();
    lock.lock().unwrap();
    stage.run(["id", "bob.key"]).ok();
}

#[test]
fn what_cannot_be_rotated() {
    let stage = Stage::new();
    stage.leaving_nothing(|| {
        stage
            .run(["rotate", "missing"])
            .fails(1, "cannot read missing: no such file");
        stage
            .run(["rotate", "."])
            .fails(1, "cannot read .: is a directory");
        stage
            .run(["rotate", "/dev/null"])
            .fails(1, "cannot read /dev/null: it is not a regular file");
        stage
            .run(["rotate", "bob.pub"])
            .fails(1, "this is a public identity, not a key file");
    });
}

#[test]
fn refusals_name_the_signing_key() {
    let stage = Stage::sealed(b"hello");
    let line = String::from_utf8(stage.read("alice.pub")).unwrap();
    let key = stage.run(["id", "--signing-key", "alice.key"]).ok().text();
    assert_eq!((key.len(), key.lines().count()), (65, 1));
    for named in ["alice.pub", line.trim()] {
        assert_eq!(stage.run(["id", "--signing-key", named]).ok().text(), key);
    }
    // A file of lines, one key for each; and the key stays when the line changes.
    let rotated = stage.run(["rotate", "alice.key"]).ok().text();
    assert_ne!(rotated, line);
    stage.write("both", format!("# two\n{rotated}{line}").as_bytes());
    let both = stage.run(["id", "--signing-key", "both"]).ok().text();
    assert_eq!(both, format!("{key}{key}"));

    let key = key.trim();
    let open = words("open -i bob.key --from mallory.pub -c test --no-guard sealed");
    stage.run(&open).fails(3, key);
    stage.run(&open).fails(3, "bulla id --signing-key");
    let refused = stage.run(with(&open, &["--report", "json"])).json();
    assert_eq!(refused["verdict"], "UntrustedSender");
    assert_eq!(refused["signer"], key);
    let opened = stage.open(&["--report", "json", "sealed"]).ok().json();
    assert_eq!(opened["signer"], key);
    let elsewhere = words("open -i bob.key --from alice.pub -c other --no-guard sealed");
    let refused = stage.run(with(&elsewhere, &["--report", "json"])).json();
    assert_eq!(refused["verdict"], "WrongContext");
    assert!(refused.get("signer").is_none());
    // Evidence, too.
    let export = words("evidence export -i bob.key --from alice.pub -c test -o evidence sealed");
    stage.run(export).ok();
    let check = words("evidence check --from mallory.pub evidence");
    stage.run(check).fails(3, key);

    stage.leaving_nothing(|| {
        let id = |what: &str| stage.run(["id", "--signing-key", what]);
        id("missing").fails(1, "cannot read missing");
        id("sealed").fails(1, "no identity in it");
        id(&line[..40]).fails(1, "copy the whole line again");
        stage.run(["id", "alice.pub"]).fails(1, "not a key file");
    });
}
