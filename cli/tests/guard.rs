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
            // Those that came while it was being delivered are told that.
            let working = outcome.stderr.contains("is being worked on");
            outcome.fails(3, if working { "" } else { "already received" });
        }
    }
    assert_eq!(opened, 1);
    stage.open_guarded(&["sealed"]).fails(3, "already received");
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
        stage.open_guarded(&["-o", "out", "second"]).fails(1, words);
        assert!(!stage.path("out").exists());
        // SQLite may leave an empty log beside what it could not read.
        for beside in ["guard-wal", "guard-shm"] {
            let _ = std::fs::remove_file(stage.path(beside));
        }
        assert_eq!(stage.read("guard"), bytes, "left as it was found");
    };
    refuse(b"", "the replay guard guard: its file is damaged");
    refuse(b"something else\n", "its file is damaged");
    refuse(&stage.read("alice.key"), "its file is damaged");
    refuse(
        b"bulla replay guard 1\nhigh 1 2 3\n",
        "the text log of an older version of this program",
    );
    refuse(
        &guard[..guard.len() / 2 / 4096 * 4096],
        "its file is damaged",
    );
    refuse(&guard[..guard.len() - 1], "its file is damaged");
    let number = |at: usize, value: u32| {
        let mut changed = guard.clone();
        changed[at..at + 4].copy_from_slice(&value.to_be_bytes());
        changed
    };
    // Fields of SQLite's header: user_version and application_id.
    refuse(&number(60, 2), "made by a newer version");
    refuse(&number(68, 7), "a database of another program");
    // What is whole goes on.
    stage.write("guard", &guard);
    stage.open_guarded(&["sealed"]).fails(3, "already received");
    stage.open_guarded(&["second"]).ok();
    stage.open_guarded(&["second"]).fails(3, "already received");
}

#[test]
fn a_guard_that_is_no_file() {
    let stage = Stage::sealed(b"hello");
    stage.leaving_nothing(|| {
        for (guard, reason) in [
            (".", "names no file"),
            ("..", "names no file"),
            ("/dev/null", "a folder or a device"),
            ("/dev/full", "a folder or a device"),
            ("no/such/folder", "the folder of its file is not there"),
            ("content/x", "folder of its file"),
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
