//! Keys, passphrases, lists of identities; help, man pages and completions.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use common::{Stage, with, words};

#[test]
fn keys_are_private_and_rotate() {
    let stage = Stage::sealed(b"to the first key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for file in ["alice.key", "bob.key"] {
            let mode = stage.path(file).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        stage.open_guarded(&["-o", "received", "sealed"]).ok();
        for file in ["received", "guard"] {
            let mode = stage.path(file).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
    let first = stage.read("bob.pub");
    assert_eq!(stage.run(["id", "bob.key"]).ok().stdout, first);
    let second = stage.run(["rotate", "bob.key", "--keep", "1s"]).ok();
    assert!(
        second.stderr.contains("1 kept, 0 destroyed"),
        "{}",
        second.stderr
    );
    assert_ne!(second.stdout, first);
    assert_eq!(stage.run(["id", "bob.key"]).ok().stdout, second.stdout);
    stage.open(&["sealed"]).ok();
    stage.write("bob.pub", &second.stdout);
    stage.seal("sealed2", "content", &[]);
    stage.open(&["sealed2"]).ok();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let third = stage.run(["rotate", "bob.key", "--destroy-expired"]).ok();
    assert!(
        third.stderr.contains("1 kept, 1 destroyed"),
        "{}",
        third.stderr
    );
    stage.open(&["sealed"]).fails(2, "not sealed to this key");
    stage.open(&["sealed2"]).ok();
    let fourth = stage.run(["rotate", "bob.key", "--destroy-old"]).ok();
    assert!(
        fourth.stderr.contains("0 kept, 2 destroyed"),
        "{}",
        fourth.stderr
    );
    stage.open(&["sealed2"]).fails(2, "not sealed to this key");
    stage
        .run(words("rotate bob.key --destroy-old --keep 1d"))
        .fails(1, "cannot be used with");
    for _ in 0..31 {
        stage.run(["rotate", "bob.key"]).ok();
    }
    stage.run(["rotate", "bob.key"]).fails(1, "--destroy-old");
    stage.run(["rotate", "bob.key", "--destroy-old"]).ok();
}

#[test]
fn passphrases_come_from_a_file() {
    let stage = Stage::new();
    stage.write("content", b"hello");
    stage.write("secret", "correct horse\u{fc}\r\nsecond line\n".as_bytes());
    stage.write("wrong", b"incorrect horse\n");
    stage.write("empty", b"\nx");
    let made = stage
        .run(words("keygen -o c.key --passphrase-file secret"))
        .ok();
    stage.write("c.pub", &made.stdout);
    let id = ["id", "c.key", "--passphrase-file", "secret"];
    assert_eq!(stage.run(id).ok().stdout, made.stdout);
    let by_environment = stage
        .command(["id", "c.key"])
        .env("BULLA_PASSPHRASE_FILE", "secret")
        .output()
        .unwrap();
    assert_eq!(by_environment.stdout, made.stdout);
    stage.leaving_nothing(|| {
        let wrong = ["id", "c.key", "--passphrase-file", "wrong"];
        stage.run(wrong).fails(1, "the passphrase is wrong");
        stage
            .run(["rotate", "c.key", "--passphrase-file", "wrong"])
            .fails(1, "wrong");
        stage
            .run(["id", "c.key", "--passphrase-file", "empty"])
            .fails(1, "is empty");
        stage
            .run(["id", "c.key", "--passphrase-file", "none"])
            .fails(1, "cannot read none");
        stage
            .run(words("keygen -o d.key --passphrase-file empty"))
            .fails(1, "is empty");
    });
    let rotated = stage
        .run(["rotate", "c.key", "--passphrase-file", "secret"])
        .ok();
    assert_eq!(stage.run(id).ok().stdout, rotated.stdout);
    let sealed = words("seal -i c.key -r bob.pub -c test -o sealed content");
    stage
        .run(with(&sealed, &["--passphrase-file", "secret"]))
        .ok();
    let open = words("open -i bob.key --from c.pub -c test --no-guard sealed");
    assert_eq!(stage.run(open).ok().stdout, b"hello");
}

#[test]
fn lists_of_identities() {
    let stage = Stage::new();
    let lines = |names: &[&str]| {
        let mut text = "# friends\n\n".to_owned();
        for name in names {
            text += &format!(
                "  {}\r\n\n#\n",
                String::from_utf8(stage.read(name)).unwrap().trim()
            );
        }
        text
    };
    stage.write("friends", lines(&["mallory.pub", "bob.pub"]).as_bytes());
    stage.write("content", b"hello");
    let line = String::from_utf8(stage.read("bob.pub")).unwrap();
    let seal = words("seal -i alice.key -c test -o sealed --force content");
    stage.run(with(&seal, &["-r", "friends"])).ok();
    for who in ["bob.key", "mallory.key"] {
        let open = [
            "open",
            "-i",
            who,
            "--from-anyone",
            "-c",
            "test",
            "--no-guard",
            "sealed",
        ];
        assert_eq!(stage.run(open).ok().stdout, b"hello");
    }
    stage
        .run(with(&seal, &["-r", &line, "-r", "mallory.pub"]))
        .ok();
    stage
        .run(with(&seal, &["-r", &line, "-r", "friends"]))
        .fails(1, "same encryption key");
    stage.write("friends", lines(&["mallory.pub", "alice.pub"]).as_bytes());
    let open = words("open -i bob.key -c test --no-guard sealed --from");
    stage.run(with(&open, &["friends"])).ok();
    stage
        .run(with(&open, &["mallory.pub"]))
        .fails(3, "not accepted here");
    // Alice opens her own copy only if that is meant.
    stage.run(with(&seal, &["-r", "alice.pub"])).ok();
    let own = words("open -i alice.key --from alice.pub -c test --no-guard sealed");
    stage.run(&own).fails(3, "this very key");
    stage.run(with(&own, &["--allow-own"])).ok();
}

#[test]
fn packagers_get_pages_and_completions() {
    let stage = Stage::empty();
    stage.run(["generate", "out"]).ok();
    let commands = words("keygen id rotate seal open reopen sign verify evidence inspect");
    for command in commands {
        let page = stage.read(&format!("out/bulla-{command}.1"));
        let page = String::from_utf8(page).unwrap();
        assert!(
            page.contains(".SH NAME") && page.contains("Examples"),
            "{command}"
        );
    }
    assert!(!stage.path("out/bulla-generate.1").exists());
    for completion in words("bulla.bash _bulla bulla.fish _bulla.ps1 bulla.elv") {
        let text = String::from_utf8(stage.read(&format!("out/{completion}"))).unwrap();
        assert!(
            text.contains("reopen") && text.contains("provisional"),
            "{completion}"
        );
    }
}

#[test]
fn help_has_examples_and_the_version_is_the_crates() {
    let stage = Stage::empty();
    let version = stage.run(["--version"]).ok().text();
    assert_eq!(version, format!("bulla {}\n", env!("CARGO_PKG_VERSION")));
    for command in words("keygen id rotate seal open reopen sign verify evidence inspect demo") {
        let help = stage.run([command, "--help"]).ok().text();
        assert!(help.contains("Examples:\n  bulla "), "{command}");
    }
    let help = stage.run(["open", "--help"]).ok().text();
    assert!(help.contains("DANGER"));
}
