//! Alice sends to Bob.

use std::fs::read_dir;
use std::process::Stdio;

use super::{Outcome, Stage, finished, with, words};

pub(crate) const SEND: &str = "send -i alice.key -r bob.pub -c test --outbox outbox";
pub(crate) const RECEIVE: &str =
    "receive -i bob.key --from alice.pub -c test --guard guard --dir inbox";
pub(crate) const SETTLE: &str = "settle -i alice.key --outbox outbox";

pub(crate) fn stage(bytes: &[u8]) -> Stage {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("inbox")).unwrap();
    stage.write("photo.jpg", bytes);
    stage
}

pub(crate) fn in_inbox(stage: &Stage) -> Vec<String> {
    let mut names: Vec<String> = read_dir(stage.path("inbox"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn list(stage: &Stage) -> Vec<serde_json::Value> {
    let listed = stage.run(words("outbox --outbox outbox --json")).ok();
    let text = listed.text();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Sends, and gives the envelope's name.
pub(crate) fn send(stage: &Stage, more: &[&str]) -> String {
    let arguments = with(&words(SEND), more);
    let before = list_or_none(stage);
    stage
        .run(with(
            &arguments,
            &["-o", "envelope", "--force", "photo.jpg"],
        ))
        .ok();
    let after = list(stage);
    let mut new = after
        .iter()
        .map(|it| it["envelope"].as_str().unwrap().to_owned());
    new.find(|name| !before.contains(name)).unwrap()
}

pub(crate) fn list_or_none(stage: &Stage) -> Vec<String> {
    if !stage.path("outbox").exists() {
        return Vec::new();
    }
    list(stage)
        .iter()
        .map(|it| it["envelope"].as_str().unwrap().to_owned())
        .collect()
}

/// Runs a line of the shell, in which `bulla` is this program.
pub(crate) fn shell(stage: &Stage, line: &str) -> Outcome {
    let line = line.replace("bulla ", &format!("{} ", env!("CARGO_BIN_EXE_bulla")));
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &line])
        .current_dir(stage.root())
        .env("TMPDIR", stage.root())
        .stdin(Stdio::null());
    finished(command.output().unwrap())
}
