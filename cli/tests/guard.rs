//! The file of the replay guard, across processes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use common::{Stage, finished, with, words};

#[test]
fn of_fifty_at_once_exactly_one_succeeds() {
    let stage = Stage::sealed(b"hello");
    // The file is created by one of them, too.
    let children: Vec<_> = (0..50)
        .map(|_| stage.open_guarded_command(&["sealed"]).spawn().unwrap())
        .collect();
    let mut opened = 0;
    for child in children {
        let outcome = finished(child.wait_with_output().unwrap());
        if outcome.status == Some(0) {
            assert_eq!(outcome.stdout, b"hello");
            opened += 1;
        } else {
            outcome.fails(3, "already received");
        }
    }
    assert_eq!(opened, 1);
    let mut names = stage.names();
    names.retain(|name| name.contains("guard"));
    assert_eq!(names, ["guard"]);
}

#[test]
fn fifty_different_ones_at_once_all_succeed() {
    let stage = Stage::new();
    stage.write("content", b"hello");
    let names: Vec<String> = (0..50).map(|n| format!("sealed{n}")).collect();
    for name in &names {
        stage.seal(name, "content", &[]);
    }
    let open = |name: &String| stage.open_guarded_command(&[name]).spawn().unwrap();
    let children: Vec<_> = names.iter().map(open).collect();
    for child in children {
        finished(child.wait_with_output().unwrap()).ok();
    }
    for name in &names {
        stage.open_guarded(&[name]).fails(3, "already received");
    }
}

#[test]
fn damage_is_never_accepted() {
    let stage = Stage::sealed(b"hello");
    stage.seal("second", "content", &[]);
    stage.open_guarded(&["sealed"]).ok();
    let guard = stage.read("guard");
    let refuse = |bytes: &[u8], words: &str| {
        stage.write("guard", bytes);
        stage.leaving_nothing(|| stage.open_guarded(&["-o", "out", "second"]).fails(1, words));
        assert_eq!(stage.read("guard"), bytes, "left as it was found");
    };
    refuse(b"", "no replay guard");
    refuse(b"something else\n", "no replay guard");
    refuse(&stage.read("alice.key"), "no replay guard");
    let text = String::from_utf8(guard.clone()).unwrap();
    refuse(
        text.replacen("guard 1", "guard 2", 1).as_bytes(),
        "another version",
    );
    let mut damaged = guard.clone();
    let middle = guard.len() / 2;
    damaged[middle] ^= 1;
    refuse(&damaged, "it is damaged");
    // A torn tail is cut, and what stands before it counts.
    stage.write("guard", &[&guard[..], b"accept 0123"].concat());
    stage.open_guarded(&["sealed"]).fails(3, "already received");
    stage.open_guarded(&["second"]).ok();
    stage.open_guarded(&["second"]).fails(3, "already received");
}

#[test]
fn a_guard_that_is_no_file() {
    let stage = Stage::sealed(b"hello");
    stage.leaving_nothing(|| {
        for (guard, reason) in [
            (".", "not a regular file"),
            ("/dev/null", "not a regular file"),
            ("/dev/full", "not a regular file"),
            ("no/such/folder", "cannot be created"),
            ("content/x", "cannot be created"),
        ] {
            let open = words("open -i bob.key --from alice.pub -c test sealed");
            stage
                .run(with(&open, &["--guard", guard, "-o", "out"]))
                .fails(1, reason);
        }
    });
}

#[test]
fn one_envelope_for_two_readers_with_one_guard() {
    let stage = Stage::sealed(b"hello");
    stage.seal("both", "content", &["-r", "mallory.pub"]);
    for who in ["bob.key", "mallory.key"] {
        let open = format!("open -i {who} --from alice.pub -c test --guard guard both");
        let open = words(&open);
        stage.run(&open).ok();
        stage.run(open).fails(3, "already received");
    }
}
