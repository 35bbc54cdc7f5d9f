//! Bad input: a clear error of one line, the right status, and nothing left behind.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use common::{READERS, Stage, content, with, words};

/// Makes a guard that has accepted one message, so that none appears later.
fn guard_in_use(stage: &Stage) {
    stage.seal("first", "content", &[]);
    stage.open_guarded(&["first"]).ok();
}

/// What every reader refuses with status 2, and words that must be in the error.
fn not_envelopes(stage: &Stage) -> Vec<(Vec<u8>, &'static str)> {
    let armored = stage
        .run(words("seal -i alice.key -r bob.pub -c test -a content"))
        .ok()
        .stdout;
    let mut wrong_character = armored.clone();
    wrong_character[100] = b'*';
    // A header that claims 10 000 recipients, and ends there.
    let mut crowded = b"BULLA\x01\x01\x01".to_vec();
    crowded.resize(56, 7);
    crowded.extend_from_slice(&10_000_u16.to_be_bytes());
    assert_eq!(crowded.len(), 58);
    let mut overcrowded = crowded.clone();
    overcrowded[56..].copy_from_slice(&[0xff, 0xff]);
    overcrowded.resize(1000, 7);
    vec![
        (Vec::new(), "not a well-formed"),
        (b"garbage".to_vec(), "not a well-formed"),
        (content(100_000), "not a well-formed"),
        (b"BUL".to_vec(), "not a well-formed"),
        (b"BULLA\x01\x01\x01".to_vec(), "not a well-formed"),
        (
            b"BULLA\x02\x01\x01 a later version".to_vec(),
            "newer version",
        ),
        (crowded, "inside the header"),
        (overcrowded, "not a well-formed"),
        (wrong_character, "not a well-formed"),
        (
            b"-----BEGIN BULLA ENVELOPE-----\n".to_vec(),
            "armor is not whole",
        ),
        (stage.read("alice.pub"), "not a well-formed"),
        (stage.read("alice.key"), "armor holds something else"),
    ]
}

#[test]
fn what_is_no_envelope() {
    let stage = Stage::sealed(b"hello");
    for (input, reason) in not_envelopes(&stage) {
        stage.write("input", &input);
        for reader in READERS {
            stage.leaving_nothing(|| {
                stage.run(with(&words(reader), &["input"])).fails(2, reason);
                stage.pipe(words(reader), &input).fails(2, reason);
            });
        }
    }
    let refused = stage.pipe(with(&words(READERS[0]), &["--report", "json"]), b"garbage");
    assert_eq!(refused.status, Some(2));
    assert_eq!(refused.json()["verdict"], "Malformed");
    assert_eq!(refused.json()["code"], 20);
}

#[test]
fn one_wrong_character_in_an_armor() {
    let stage = Stage::new();
    let armored = stage
        .pipe(words("seal -i alice.key -r bob.pub -c test -a"), b"hello")
        .ok()
        .stdout;
    stage.leaving_nothing(|| {
        stage
            .pipe(words(READERS[0]), &armored[..armored.len() - 5])
            .fails(2, "armor is not whole");
        for at in (0..armored.len()).step_by(7) {
            for wrong in *b"*A \n" {
                let mut changed = armored.clone();
                if changed[at] == wrong {
                    continue;
                }
                changed[at] = wrong;
                stage.pipe(words(READERS[0]), &changed).fails(2, "");
            }
        }
    });
}

#[test]
fn cut_and_flipped_envelopes() {
    let stage = Stage::new();
    stage.write("content", &content(40_000));
    guard_in_use(&stage);
    for way in [&[][..], &["--stream"]] {
        stage.seal("sealed", "content", &with(way, &["--force"]));
        let envelope = stage.read("sealed");
        stage.leaving_nothing(|| {
            for at in (0..envelope.len()).step_by(1_999) {
                stage.pipe(words(READERS[0]), &envelope[..at]).fails(2, "");
                let mut flipped = envelope.clone();
                flipped[at] ^= 1;
                stage.pipe(words(READERS[1]), &flipped).fails(2, "");
            }
        });
    }
}

#[test]
fn a_tampered_last_chunk_lets_nothing_out_but_provisionally() {
    let stage = Stage::new();
    // Longer than what waits in memory, so that the file without a name is used.
    stage.write("content", &content(3_000_000));
    guard_in_use(&stage);
    stage.seal("sealed", "content", &["--stream"]);
    let mut envelope = stage.read("sealed");
    let last = envelope.len() - 1;
    envelope[last] ^= 1;
    stage.write("sealed", &envelope);
    stage.leaving_nothing(|| {
        for reader in &READERS[..2] {
            stage
                .run(with(&words(reader), &["sealed"]))
                .fails(2, "not authentic");
        }
        let provisional = stage.run(with(&words(READERS[2]), &["sealed"]));
        assert!(!provisional.stdout.is_empty());
        provisional.fails_late(2, "not authentic");
    });
    let known = stage.run(["guard", "guard"]).ok().text();
    assert!(
        known.contains("committed      1\n"),
        "only the first: {known}"
    );
    assert!(known.contains("reserved       0\n"), "{known}");
}

#[test]
fn a_key_file_that_is_none() {
    let stage = Stage::sealed(b"hello");
    stage.seal("armored", "content", &["-a"]);
    stage.write("nothing", b"");
    stage.write("long", &content(100_000));
    let mut changed = stage.read("bob.key");
    changed[100] = if changed[100] == b'A' { b'B' } else { b'A' };
    stage.write("changed", &changed);
    stage.leaving_nothing(|| {
        for (file, reason) in [
            ("sealed", "this is an envelope, not a key file"),
            ("armored", "this is an envelope, not a key file"),
            ("alice.pub", "this is a public identity, not a key file"),
            ("content", "this is not a key file"),
            ("nothing", "this is not a key file"),
            ("long", "too long for a key file"),
            ("changed", "the key file cannot be used"),
            ("missing", "cannot read missing: no such file"),
            (".", "cannot read .: is a directory"),
        ] {
            for command in [
                &[
                    "open",
                    "-i",
                    file,
                    "--from-anyone",
                    "-c",
                    "test",
                    "--no-guard",
                    "sealed",
                ][..],
                &[
                    "seal", "-i", file, "-r", "bob.pub", "-c", "test", "-o", "out", "content",
                ],
                &["id", file],
                &["rotate", file],
            ] {
                stage.run(command).fails(1, reason);
            }
        }
    });
    assert_eq!(stage.read("changed"), changed);
}

#[test]
fn an_identity_that_is_none() {
    let stage = Stage::sealed(b"hello");
    let line = String::from_utf8(stage.read("bob.pub"))
        .unwrap()
        .trim()
        .to_owned();
    let typo = line.replacen('q', "p", 1);
    let typo = if typo == line {
        line.replacen('p', "q", 1)
    } else {
        typo
    };
    stage.write("typo", format!("# Bob\n{typo}\n").as_bytes());
    stage.write("comments", b"# nobody\n\n");
    let capital = line.replacen("bulla1", "BULLA1", 1);
    stage.leaving_nothing(|| {
        for (identity, reason) in [
            (typo.as_str(), "copy the whole line again"),
            ("bulla1", "copy the whole line again"),
            (&line[..80], "copy the whole line again"),
            (&capital, "begins with bulla1"),
            ("typo", "typo, line 2 cannot be used"),
            ("comments", "no identity in it"),
            ("bob.key", "secret key file"),
            ("sealed", "no identity in it"),
            ("missing", "cannot read missing"),
            ("-", "cannot come from standard input"),
            ("", "cannot read"),
            (".", "is a directory"),
        ] {
            let seal = words("seal -i alice.key -c test -o out content -r");
            stage.run(with(&seal, &[identity])).fails(1, reason);
            let open = words("open -i bob.key -c test --no-guard sealed --from");
            stage.run(with(&open, &[identity])).fails(1, reason);
        }
    });
}

#[test]
fn arguments_out_of_their_limits() {
    let stage = Stage::sealed(b"hello");
    let seal = words("seal -i alice.key -r bob.pub -c test -o out content");
    let long = "x".repeat(300);
    let large = format!("name={}", "x".repeat(5000));
    stage.leaving_nothing(|| {
        for (more, reason) in [
            (&["--expires", "3"][..], "the unit is missing"),
            (&["--expires", "0s"], "over before it begins"),
            (&["--expires", "soon"], "90s, 15m, 12h, 3d, 2w"),
            (&["--attr", "name"], "an equals sign"),
            (&["--attr", "=x"], "an equals sign"),
            (&["--attr", "a=1", "--attr", "a=2"], "given twice"),
            (&["--attr", &large], "an attribute has a name"),
            (&["--type", "a\tb"], "printable ASCII"),
            (&["--decoys", "10000"], "10000"),
            (&["--decoys", "-1"], "-1"),
            (&["-r", "bob.pub"], "same encryption key"),
            (&["--unknown"], "--unknown"),
            (&["one", "too many"], "unexpected argument"),
        ] {
            stage.run(with(&seal, more)).fails(1, reason);
        }
        for context in ["", "a\nb", &long] {
            let seal = words("seal -i alice.key -r bob.pub -o out content -c");
            stage
                .run(with(&seal, &[context]))
                .fails(1, "a context is 1 to 255 bytes");
        }
        for (arguments, reason) in [
            (&[][..], "no command was given"),
            (&["evidence"], "no command was given"),
            (&["opne"], "`bulla --help`"),
            (&["open"], "--from-anyone> <--guard"),
            (
                &["open", "--from-anyone", "--from", "x"],
                "cannot be used with",
            ),
            (
                &["verify", "--archive", "--no-guard"],
                "cannot be used with",
            ),
            (&["open", "--provisional", "-o", "x"], "cannot be used with"),
            (&["keygen"], "--output"),
            (&["keygen", "-o", "-"], "name a file"),
            (&["keygen", "-o", "."], "exists already"),
            (&["keygen", "-o", "no/such/folder"], "cannot create"),
            (&["generate", "/dev/null/x"], "cannot write"),
        ] {
            stage.run(arguments).fails(1, reason);
        }
    });
}
