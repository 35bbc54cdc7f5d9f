//! Files and devices that cannot be read or written: a clear error of one line, and nothing left behind.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use common::{Outcome, READERS, Stage, content, finished, with, words};
use std::io::Read;
use std::process::Stdio;

#[test]
fn what_cannot_be_read() {
    let stage = Stage::sealed(b"hello");
    stage.leaving_nothing(|| {
        for reader in READERS {
            stage
                .run(with(&words(reader), &["missing"]))
                .fails(1, "cannot read missing");
            stage
                .run(with(&words(reader), &["."]))
                .fails(1, "cannot read .: is a directory");
        }
        let seal = words("seal -i alice.key -r bob.pub -c test -o out");
        stage.run(with(&seal, &["."])).fails(1, "is a directory");
        stage
            .run(with(&seal, &["missing"]))
            .fails(1, "no such file");
        stage
            .run(with(&seal, &["--stream", "missing"]))
            .fails(1, "no such file");
        // A name that would steer the terminal.
        stage
            .run(with(&seal, &["a\u{1b}[2Jb"]))
            .fails(1, "a\\u{1b}[2Jb");
    });
}

#[test]
fn output_that_exists_stays() {
    let stage = Stage::sealed(b"hello");
    stage.write("out", b"precious");
    std::fs::create_dir(stage.path("folder")).unwrap();
    stage.leaving_nothing(|| {
        for reader in &READERS[..2] {
            let arguments: Vec<&str> = words(reader)
                .into_iter()
                .filter(|a| *a != "-o" && *a != "out")
                .collect();
            stage
                .run(with(&arguments, &["-o", "out", "sealed"]))
                .fails(1, "replace it with --force");
            stage
                .run(with(&arguments, &["-o", "folder", "sealed"]))
                .fails(1, "is a directory");
            stage
                .run(with(&arguments, &["-o", "no/folder", "sealed"]))
                .fails(1, "cannot write no/folder");
        }
        let seal = words("seal -i alice.key -r bob.pub -c test content -o out");
        stage.run(&seal).fails(1, "replace it with --force");
        stage
            .run(["keygen", "-o", "alice.key"])
            .fails(1, "never written over");
    });
    assert_eq!(stage.read("out"), b"precious");
    // Nothing was claimed by what was refused before anything was read.
    stage.open_guarded(&["-o", "out", "--force", "sealed"]).ok();
    assert_eq!(stage.read("out"), b"hello");
}

#[test]
#[cfg(unix)]
fn a_link_is_followed_and_a_device_is_not_replaced() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let stage = Stage::sealed(b"hello");
    stage.write("target", b"old");
    symlink(stage.path("target"), stage.path("link")).unwrap();
    stage.open(&["-o", "link", "--force", "sealed"]).ok();
    assert_eq!(stage.read("target"), b"hello");
    assert!(stage.path("link").symlink_metadata().unwrap().is_symlink());
    symlink("/dev/null", stage.path("device")).unwrap();
    stage.open(&["-o", "device", "--force", "sealed"]).ok();
    stage.open(&["-o", "/dev/null", "sealed"]).ok();
    let null = std::path::Path::new("/dev/null").metadata().unwrap();
    assert!(null.file_type().is_char_device());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk() {
    let stage = Stage::sealed(&content(200_000));
    stage.seal("small", "alice.pub", &["--stream"]);
    let full = || {
        Stdio::from(
            std::fs::File::options()
                .write(true)
                .open("/dev/full")
                .unwrap(),
        )
    };
    let full_disk = "no space left on device";
    stage.open_guarded(&["sealed", "-o", "/dev/null"]).ok();
    stage.leaving_nothing(|| {
        let seal = words("seal -i alice.key -r bob.pub -c test content");
        let commands: [Vec<&str>; 7] = [
            with(&words(READERS[0]), &["sealed"]),
            with(&words(READERS[0]), &["small"]),
            with(&words(READERS[2]), &["sealed"]),
            seal.to_vec(),
            with(&seal, &["--stream"]),
            vec!["inspect", "sealed"],
            vec!["id", "alice.key"],
        ];
        for command in &commands {
            let outcome = finished(stage.command(command).stdout(full()).output().unwrap());
            outcome.fails(1, full_disk);
        }
        for command in [&commands[0][..], &commands[1], &commands[3], &commands[4]] {
            stage
                .run(with(command, &["-o", "/dev/full"]))
                .fails(1, full_disk);
            stage
                .run(with(command, &["-o", "/dev/full", "--force"]))
                .fails(1, full_disk);
        }
        // Nobody has got it, so it may come again.
        for small in ["small", "small"] {
            stage
                .open_guarded(&[small, "-o", "/dev/full"])
                .fails(1, full_disk);
        }
    });
    stage.open_guarded(&["small"]).ok();
    stage.open_guarded(&["small"]).fails(3, "already received");
}

#[test]
#[cfg(unix)]
fn a_closed_pipe_ends_it_quietly() {
    let stage = Stage::sealed(&content(3_000_000));
    let quiet = |arguments: &[&str], some: usize| {
        let mut child = stage.command(arguments).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut first = vec![0; some];
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        let outcome: Outcome = finished(output);
        (outcome.status, outcome.stderr)
    };
    let seal = words("seal -i alice.key -r bob.pub -c test content");
    stage.leaving_nothing(|| {
        for some in [0, 10_000] {
            for command in [
                &seal[..],
                &with(&seal, &["--stream"]),
                &with(&words(READERS[0]), &["sealed"]),
            ] {
                assert_eq!(quiet(command, some), (Some(1), String::new()));
            }
        }
    });
    // What went out in part may have been used: it stays accepted, and that is said, or it would be lost without a word.
    let guarded = words("open -i bob.key --from alice.pub -c test --guard guard sealed");
    let (status, said) = quiet(&guarded, 10_000);
    assert_eq!((status, said.lines().count()), (Some(1), 1), "{said}");
    assert!(
        said.contains("the guard counts it as received: use reopen"),
        "{said}"
    );
    stage.run(&guarded).fails(3, "reopen it as an archive");
    // Before it is counted nothing is lost.
    stage.seal("other", "content", &[]);
    let early = words("open -i bob.key --from alice.pub -c test --guard guard --provisional other");
    assert_eq!(quiet(&early, 10_000), (Some(1), String::new()));
    stage.open_guarded(&["other", "-o", "/dev/null"]).ok();
}

#[test]
#[cfg(unix)]
fn what_may_not_be_read() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let stage = Stage::sealed(b"hello");
    let allow = |name: &str, mode: u32| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(stage.path(name), permissions).unwrap();
    };
    let root = stage.path("alice.key").metadata().unwrap().uid() == 0;
    // Root may read everything: be somebody else, with a copy of the program that everybody reaches.
    let program = stage.path("program");
    std::fs::copy(env!("CARGO_BIN_EXE_bulla"), &program).unwrap();
    allow("program", 0o755);
    allow(".", 0o777);
    allow("bob.key", 0o644);
    stage.open_guarded(&["-o", "/dev/null", "sealed"]).ok();
    stage.seal("other", "content", &[]);
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(&program);
        command
            .args(arguments)
            .current_dir(stage.root())
            .stdin(Stdio::null());
        if root {
            command.uid(65_534).gid(65_534);
        }
        finished(command.output().unwrap())
    };
    run(&with(&words(READERS[0]), &["sealed"])).ok();
    // The guard may be read and not be written.
    allow("guard", 0o444);
    let denied = run(&words(
        "open -i bob.key --from alice.pub -c test --guard guard other",
    ));
    denied.fails(1, "the replay guard guard: its file cannot be written");
    for (unreadable, reason) in [
        ("sealed", "cannot read sealed: permission denied"),
        ("bob.key", "cannot read bob.key: permission denied"),
        ("alice.pub", "cannot read alice.pub: permission denied"),
    ] {
        allow(unreadable, 0o000);
        run(&with(&words(READERS[0]), &["sealed"])).fails(1, reason);
        allow(unreadable, 0o644);
    }
    allow(".", 0o555);
    stage.leaving_nothing(|| {
        run(&with(&words(READERS[1]), &["sealed"])).fails(1, "permission denied");
        run(&["keygen", "-o", "new.key"]).fails(1, "cannot create new.key: permission denied");
        run(&["rotate", "bob.key"]).fails(1, "which is unchanged");
    });
    allow(".", 0o755);
}
