//! What goes wrong with a transfer: lies, full disks, files that are something else.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![cfg(unix)]

mod common;

use common::transfer::{RECEIVE, SEND, SETTLE, stage};
use common::{Outcome, Stage, content, finished, with, words};
use std::process::Stdio;
use std::time::Duration;

use bulla::{Clock, Database, Outbox, OutboxFilter, SystemClock};
use bulla_forge::{Forge, KeyFile, Person, Protection, cbor};

fn names(stage: &Stage, folder: &str) -> Vec<String> {
    let Ok(found) = std::fs::read_dir(stage.path(folder)) else {
        return Vec::new();
    };
    let mut names: Vec<String> = found
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn list(stage: &Stage) -> String {
    stage.run(words("outbox --outbox outbox")).ok().text()
}

/// Runs with files of at most so many KiB: a disk that is full.
fn on_a_full_disk(stage: &Stage, kib: u32, arguments: &str) -> Outcome {
    let program = env!("CARGO_BIN_EXE_bulla");
    let line = format!(
        "trap '' XFSZ; ulimit -f {}; exec {program} {arguments}",
        2 * kib
    );
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &line])
        .current_dir(stage.root())
        .stdin(Stdio::null());
    finished(command.output().unwrap())
}

#[test]
fn other_content_is_loud_and_settles_nothing() {
    let stage = stage(b"content");
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    for (name, person) in [("alice", &alice), ("bob", &bob)] {
        let key = KeyFile::of(person, Protection::Plain).armored();
        let file = format!("{name}.key");
        stage.write(&file, key.as_bytes());
        let public = stage.run(["id", &file]).ok();
        stage.write(&format!("{name}.pub"), &public.stdout);
    }
    stage
        .run(with(&words(SEND), &["-o", "envelope", "photo.jpg"]))
        .ok();
    let outbox = Outbox::new(Database::open_existing(stage.path("outbox")).unwrap());
    let entry = &outbox.list(OutboxFilter::All, 9).unwrap()[0];
    let sent = &outbox.sent(entry.message_id).unwrap()[0];
    let forged = |digest: [u8; 32]| {
        let content = cbor::array(&[cbor::uint(7), cbor::bytes(&digest)]);
        let body = cbor::map(&[
            (cbor::uint(1), cbor::bytes(&sent.message_id.0)),
            (cbor::uint(2), cbor::bytes(sent.header_digest.as_bytes())),
            (cbor::uint(3), cbor::bytes(sent.opening_digest.as_bytes())),
            (cbor::uint(4), cbor::bytes(&alice.signer())),
            (cbor::uint(5), content),
            (cbor::uint(6), cbor::uint(2)),
        ]);
        let now = SystemClock.now().unwrap();
        Forge::sealed(&bob, &[&alice])
            .with(move |forge| {
                forge.stamp.statement = 2;
                forge.stamp.context = "test".into();
                forge.stamp.issued = now;
                forge.content = body;
            })
            .seal()
            .envelope
    };
    let before = list(&stage);
    stage
        .pipe(words(SETTLE), &forged([1; 32]))
        .fails(3, "THE RECIPIENT HAS OTHER CONTENT");
    assert_eq!(list(&stage), before);
    // The forgery fails for that reason alone.
    stage
        .pipe(words(SETTLE), &forged(*sent.content_digest.as_bytes()))
        .ok();
}

#[test]
fn an_outbox_that_cannot_be_used() {
    let stage = stage(&content(300_000));
    stage.leaving_nothing(|| {
        for (outbox, reason) in [
            (
                "no/such/outbox",
                "the outbox no/such/outbox: the folder of its file is not there",
            ),
            (".", "names no file"),
            ("/dev/null", "a folder or a device"),
            ("photo.jpg", "its file is damaged"),
            ("alice.key", "its file is damaged"),
        ] {
            let send = SEND.replace("outbox outbox", &format!("outbox {outbox}"));
            stage
                .run(with(&words(&send), &["-o", "out", "photo.jpg"]))
                .fails(1, reason);
            stage
                .run(with(&words(&send), &["photo.jpg"]))
                .fails(1, reason);
        }
        // Nothing but send makes one.
        for command in ["outbox --outbox outbox", "outbox --outbox outbox --due"] {
            stage.run(words(command)).fails(1, "its file is not there");
        }
        stage
            .pipe(words(SETTLE), b"x")
            .fails(1, "its file is not there");
    });
    stage
        .run(with(&words(SEND), &["-o", "envelope", "photo.jpg"]))
        .ok();
    let whole = stage.read("outbox");
    let number = |at: usize, value: u32| {
        let mut changed = whole.clone();
        changed[at..at + 4].copy_from_slice(&value.to_be_bytes());
        changed
    };
    for (bytes, reason) in [
        (number(60, 2), "made by a newer version"),
        (number(68, 7), "a database of another program"),
        (whole[..whole.len() - 1].to_vec(), "its file is damaged"),
        (Vec::new(), "its file is damaged"),
    ] {
        stage.write("outbox", &bytes);
        stage
            .run(with(&words(SEND), &["photo.jpg"]))
            .fails(1, reason);
        stage.run(words("outbox --outbox outbox")).fails(1, reason);
        assert_eq!(stage.read("outbox"), bytes, "left as it was found");
        for beside in ["outbox-wal", "outbox-shm"] {
            let _ = std::fs::remove_file(stage.path(beside));
        }
    }
    stage.write("outbox", &whole);
    assert_eq!(list(&stage).lines().count(), 1);
}

#[test]
fn an_outbox_that_may_only_be_read() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let stage = stage(b"hello");
    stage
        .run(with(&words(SEND), &["-o", "envelope", "photo.jpg"]))
        .ok();
    let allow = |name: &str, mode: u32| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(stage.path(name), permissions).unwrap();
    };
    let root = stage.path("alice.key").metadata().unwrap().uid() == 0;
    let program = stage.path("program");
    std::fs::copy(env!("CARGO_BIN_EXE_bulla"), &program).unwrap();
    allow("program", 0o755);
    allow("alice.key", 0o644);
    allow("outbox", 0o444);
    allow(".", 0o777);
    let before = stage.read("outbox");
    let mut command = std::process::Command::new(&program);
    command.args(with(&words(SEND), &["photo.jpg"]));
    command.current_dir(stage.root()).stdin(Stdio::null());
    if root {
        command.uid(65_534).gid(65_534);
    }
    // Another thread that forks just now holds the copy open for writing a moment longer: then it is busy.
    let output = (0..100).find_map(|_| match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
            std::thread::sleep(Duration::from_millis(20));
            None
        }
        done => Some(done.unwrap()),
    });
    let refused = finished(output.unwrap());
    refused.fails(1, "the outbox outbox: its file cannot be written");
    assert_eq!(stage.read("outbox"), before);
}

#[test]
fn an_outbox_on_a_full_disk() {
    let stage = stage(&content(3_000_000));
    stage.write("small", b"hello");
    // No room for the file itself.
    stage
        .leaving_nothing(|| on_a_full_disk(&stage, 4, &format!("{SEND} small")).fails(1, "outbox"));
    stage
        .run(with(&words(SEND), &["-o", "envelope", "small"]))
        .ok();
    let before = (list(&stage), names(&stage, "outbox.d"));
    // No room for the log, or for the envelope beside it.
    for (kib, file) in [(8, "small"), (200, "photo.jpg"), (2000, "photo.jpg")] {
        on_a_full_disk(&stage, kib, &format!("{SEND} {file}")).fails(1, "the outbox outbox: ");
        assert_eq!((list(&stage), names(&stage, "outbox.d")), before, "{kib}");
        on_a_full_disk(&stage, kib, &format!("{SEND} -o out {file}"))
            .fails(1, "the outbox outbox: ");
        assert_eq!((list(&stage), names(&stage, "outbox.d")), before, "{kib}");
        assert!(!stage.path("out").exists());
    }
    // Settling on a full disk settles nothing; later it does.
    let receipt = stage.run(with(&words(RECEIVE), &["envelope"])).ok().stdout;
    stage.write("receipt", &receipt);
    on_a_full_disk(&stage, 4, &format!("{SETTLE} receipt")).fails(1, "the outbox outbox: ");
    assert_eq!(list(&stage), before.0);
    stage.run(with(&words(SETTLE), &["receipt"])).ok();
    // There is nothing to give out where output fails, but it is recorded, and that is said.
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let send = with(&words(SEND), &["small"]);
    let unsent = finished(stage.command(send).stdout(full).output().unwrap());
    unsent.fails(1, "the message is in the outbox, and is to be sent again");
    assert_eq!(list(&stage).lines().count(), 2);
}

#[test]
fn an_inbox_on_a_full_disk() {
    let stage = stage(&content(3_000_000));
    stage
        .run(with(&words(SEND), &["-o", "envelope", "photo.jpg"]))
        .ok();
    on_a_full_disk(&stage, 1000, &format!("{RECEIVE} envelope")).fails(1, "inbox");
    assert!(names(&stage, "inbox").is_empty());
    on_a_full_disk(&stage, 8, &format!("{RECEIVE} envelope")).fails(1, "");
    assert!(names(&stage, "inbox").is_empty());
    // Neither is anything given out that the guard could not remember.
    let open = "open -i bob.key --from alice.pub -c test --guard guard envelope";
    on_a_full_disk(&stage, 8, open).fails(1, "the replay guard guard: ");
    // Nothing is lost by it, unless that is wanted.
    let rejecting = format!("{RECEIVE} --reject-full --guard other -o rejection envelope");
    let rejecting = rejecting.replace("--guard guard ", "");
    on_a_full_disk(&stage, 1000, &rejecting).fails(
        3,
        "there is no room for it (--reject-full): rejected for good",
    );
    assert!(names(&stage, "inbox").is_empty());
    let receipt = stage.run(with(&words(RECEIVE), &["envelope"])).ok().stdout;
    stage.pipe(words(SETTLE), &receipt).ok();
    assert_eq!(names(&stage, "inbox").len(), 1);
}
