//! Answers that are known before all of the envelope has come: who writes the rest must not fail for that, and who waits for the
//! answer has it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![cfg(unix)]

mod common;

use common::transfer::{RECEIVE, SEND, SETTLE, list, send, shell, stage};
use common::{content, finished, with, words};
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn a_copy_is_heard_to_its_end() {
    let stage = stage(&content(3_000_000));
    send(&stage, &[]);
    for copies in 0..2 {
        let line =
            format!("{{ cat envelope; echo $? > ended; }} | bulla {RECEIVE} -o receipt{copies}");
        shell(&stage, &line).ok();
        assert_eq!(stage.read("ended"), b"0\n");
    }
    assert_eq!(stage.read("receipt0"), stage.read("receipt1"));
}

#[test]
fn so_is_what_is_rejected_by_its_stamp() {
    let stage = stage(&content(3_000_000));
    let line = format!(
        "{{ bulla {SEND} photo.jpg; echo $? > ended; }} | bulla {RECEIVE} --max-size 10k | bulla {SETTLE}"
    );
    let rejected = shell(&stage, &line);
    assert_eq!(rejected.status, Some(4), "{}", rejected.stderr);
    for said in ["rejected for good", "REJECTED by the recipient"] {
        assert!(rejected.stderr.contains(said), "{}", rejected.stderr);
    }
    assert_eq!(stage.read("ended"), b"0\n", "{}", rejected.stderr);
    assert_eq!(list(&stage)[0]["state"], "rejected");
}

#[test]
fn so_is_what_came_damaged() {
    let stage = stage(&content(3_000_000));
    send(&stage, &[]);
    let mut envelope = stage.read("envelope");
    envelope[50_000] ^= 1;
    stage.write("envelope", &envelope);
    let line = format!(
        "{{ cat envelope; echo $? > ended; }} | bulla {RECEIVE} | bulla {SETTLE} --report none"
    );
    let noted = shell(&stage, &line);
    assert_eq!(noted.status, Some(4), "{}", noted.stderr);
    assert_eq!(stage.read("ended"), b"0\n", "{}", noted.stderr);
}

/// Not without end: whoever writes for ever is left alone at last, with one line that says what to do.
#[test]
fn there_is_an_end_to_it() {
    let stage = stage(&content(30_000_000));
    let line = format!(
        "{{ bulla {SEND} photo.jpg 2> said; echo $? > ended; }} | bulla {RECEIVE} --max-size 10k | bulla {SETTLE}"
    );
    let rejected = shell(&stage, &line);
    // What is sealed as it is read has no signed length; with one it is refused at once.
    assert_eq!(rejected.status, Some(4), "{}", rejected.stderr);
    let (said, ended) = (stage.read("said"), stage.read("ended"));
    let said = String::from_utf8(said).unwrap();
    assert_eq!(ended, b"1\n", "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for words in ["stopped before its end", "the message is in the outbox"] {
        assert!(said.contains(words), "{said}");
    }
}

/// Who writes stalls: the answer is out, and its end, long before his.
#[test]
fn nobody_waits_for_one_who_stalls() {
    let stage = stage(&content(3_000_000));
    send(&stage, &[]);
    let receipt = stage.run(with(&words(RECEIVE), &["envelope"])).ok().stdout;
    let envelope = stage.read("envelope");
    let mut child = stage
        .command(words(RECEIVE))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&envelope[..100_000]).unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut answer = Vec::new();
        stdout.read_to_end(&mut answer).unwrap();
        let _ = tell.send(answer);
    });
    let answer = told.recv_timeout(Duration::from_secs(20));
    let is_running = child.try_wait().unwrap().is_none();
    // Whatever came of it: the rest is heard, and then it ends.
    let rest = stdin.write_all(&envelope[100_000..]);
    drop(stdin);
    let began = Instant::now();
    let outcome = finished(child.wait_with_output().unwrap()).ok();
    assert!(
        outcome.stderr.contains("it came before"),
        "{}",
        outcome.stderr
    );
    reader.join().unwrap();
    assert_eq!(answer.expect("the answer does not wait"), receipt);
    assert!(is_running && rest.is_ok());
    assert!(began.elapsed() < Duration::from_secs(20));
}

/// Nothing was answered, and nobody was heard: what fails does not wait for one who stalls.
#[test]
fn what_fails_without_an_answer_ends_at_once() {
    let stage = stage(&content(3_000_000));
    send(&stage, &[]);
    let envelope = stage.read("envelope");
    let other = RECEIVE.replace("-c test", "-c other");
    assert_ne!(other, RECEIVE);
    let not_armor = [
        b"-----BEGIN BULLA ENVELOPE-----\n!\n".as_slice(),
        &[b'!'; 1000],
    ]
    .concat();
    for (words, begins) in [(&other, &envelope[..100_000]), (&other, &not_armor)] {
        let mut child = stage
            .command(words.split(' ').collect::<Vec<_>>())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // It may have ended before it has all of this.
        let _ = stdin.write_all(begins);
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let has_ended = child.try_wait().unwrap().is_some();
        drop(stdin);
        let outcome = finished(child.wait_with_output().unwrap());
        assert!(has_ended, "{}", outcome.stderr);
        assert!(outcome.status != Some(0) && outcome.stdout.is_empty());
    }
}
