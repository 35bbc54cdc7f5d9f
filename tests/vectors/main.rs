//! Every vector of `spec/vectors/`, judged by the library: in one piece, in small pieces, and by random access.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

#[path = "../common/mod.rs"]
mod common;

mod shown;

use base64ct::{Base64, Encoding};
use bulla::{
    ArmorLabel, Decapsulator, Digest, Error, Evidence, FixedClock, Identity, MemoryGuard, Message,
    Mode, OpenStream, Opener, Policy, PublicIdentity, Replay, Stamp, Verified, Verifier, dearmor,
};
use bulla_forge::{KeyFile, Person, Protection, SecretKey};
use common::{hex, readers, unhex};
use serde_json::{Value, json};
use shown::{evidence, identity, key_file, settled};
use std::path::Path;

/// What came of one vector: content handed out provisionally, and the verdict.
struct Outcome {
    released: Vec<u8>,
    verdict: Result<Value, Error>,
}

#[test]
fn every_vector_has_its_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/vectors");
    let (mut passed, mut failed) = (0, Vec::new());
    for layer in std::fs::read_dir(folder).unwrap() {
        let layer = layer.unwrap().path();
        // Receipts and scripts have tests of their own.
        if !layer.is_dir() || layer.ends_with("receipts") || layer.ends_with("scripts") {
            continue;
        }
        for file in std::fs::read_dir(layer).unwrap() {
            let vector: Value =
                serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
            match judge(&vector) {
                Ok(()) => passed += 1,
                Err(why) => failed.push(format!("{}: {why}", vector["name"])),
            }
        }
    }
    println!("{passed} vectors as they should be, {} not", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(passed >= 120, "only {passed} vectors were found");
}

fn judge(vector: &Value) -> Result<(), String> {
    let outcomes = match vector["operation"].as_str().unwrap() {
        "open" | "verify" | "reopen" => openings(vector),
        "evidence" => vec![alone(evidence(&input(vector)))],
        "armor" => vec![alone(
            dearmor(ArmorLabel::Envelope, &input(vector))
                .map(|bytes| json!(Base64::encode_string(&bytes))),
        )],
        "identity" => vec![alone(identity(&input(vector)))],
        "keyfile" => vec![alone(key_file(vector))],
        other => return Err(format!("unknown operation {other}")),
    };
    outcomes
        .iter()
        .try_for_each(|outcome| compare(vector, outcome))
}

fn alone(verdict: Result<Value, Error>) -> Outcome {
    Outcome {
        released: Vec::new(),
        verdict,
    }
}

fn compare(vector: &Value, outcome: &Outcome) -> Result<(), String> {
    let expected = &vector["expect"];
    let verdict = match &outcome.verdict {
        Ok(_) => "ok",
        Err(error) => error.kind().name(),
    };
    if expected["verdict"] != verdict {
        return Err(format!(
            "{verdict} where {} is expected",
            expected["verdict"]
        ));
    }
    if let Ok(found) = &outcome.verdict {
        let wanted = expected.get("stamp").or(expected.get("payload")).unwrap();
        if !agrees(wanted, found) {
            return Err(format!("{found} where {wanted} is expected"));
        }
    }
    if let Some(limit) = expected.get("released") {
        let length = outcome.released.len() as u64;
        let most = limit["length"].as_u64().unwrap();
        if length > most || (verdict == "ok" && length != most) {
            return Err(format!("released {length} bytes where {most} are allowed"));
        }
        if length == most && limit["blake3"] != Digest::of(&outcome.released).to_string() {
            return Err("released other content".into());
        }
    }
    Ok(())
}

/// Every wanted claim is found. (Extension claims, which have numbers for names, are not shown by the library.)
fn agrees(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted
            .iter()
            .filter(|(name, _)| name.parse::<i64>().is_err())
            .all(|(name, value)| found.get(name) == Some(value)),
        _ => wanted == found,
    }
}

fn input(vector: &Value) -> Vec<u8> {
    bytes(&vector["input"])
}

fn bytes(text: &Value) -> Vec<u8> {
    Base64::decode_vec(text.as_str().unwrap()).unwrap()
}

fn policy(vector: &Value) -> Policy {
    readers::policy(&vector["policy"])
}

fn reader(vector: &Value) -> Identity {
    readers::keys(&vector["reader"])
}

/// The same envelope, opened in every way that the library has; each with a guard of its own.
fn openings(vector: &Value) -> Vec<Outcome> {
    let policy = policy(vector);
    let clock = FixedClock(vector["now"].as_u64().unwrap());
    let guards: Vec<MemoryGuard> = (0..4).map(|_| MemoryGuard::new(100)).collect();
    let replays = guards
        .iter()
        .map(|guard| match vector["policy"]["guard"].as_bool().unwrap() {
            true => Replay::Guarded(guard),
            false => Replay::Unguarded,
        });
    let steps = [usize::MAX, 1, 1000];
    match vector["operation"].as_str().unwrap() {
        "verify" => replays
            .zip(steps)
            .map(|(replay, step)| {
                let verifier = Verifier::with_clock(
                    vector["reader_name"].as_str().unwrap(),
                    &policy,
                    replay,
                    &clock,
                );
                for earlier in earlier(vector) {
                    signed(&verifier, &earlier, content(vector), usize::MAX)
                        .verdict
                        .expect("an earlier one");
                }
                signed(&verifier, &input(vector), content(vector), step)
            })
            .collect(),
        "reopen" => {
            let keys = reader(vector);
            let opener = Opener::archive(&keys, &policy);
            let mut outcomes: Vec<Outcome> = steps
                .map(|step| sealed(opener.stream(), &input(vector), step))
                .into();
            outcomes.push(at_random(&opener, &input(vector)));
            outcomes
        }
        _ => {
            let keys = reader(vector);
            replays
                .zip(steps.into_iter().map(Some).chain([None]))
                .flat_map(|(replay, step)| {
                    let opener = Opener::with_clock(&keys, &policy, replay, &clock);
                    for earlier in earlier(vector) {
                        opener.open(&earlier).expect("an earlier one");
                    }
                    let Some(step) = step else {
                        return vec![at_random(&opener, &input(vector))];
                    };
                    vec![sealed(opener.stream(), &input(vector), step)]
                })
                .collect()
        }
    }
}

fn earlier(vector: &Value) -> Vec<Vec<u8>> {
    let earlier = vector.get("earlier").and_then(Value::as_array);
    earlier.map_or(Vec::new(), |list| list.iter().map(bytes).collect())
}

fn content(vector: &Value) -> Option<Vec<u8>> {
    vector.get("content").map(bytes)
}

fn sealed<M: Mode>(mut stream: OpenStream<'_, M>, envelope: &[u8], step: usize) -> Outcome {
    let mut released = Vec::new();
    let verdict = envelope
        .chunks(step.min(envelope.len().max(1)))
        .try_for_each(|piece| stream.update_provisional(piece, &mut released))
        .and_then(|()| stream.finish(&mut released))
        .map(|proof| settled(&proof));
    Outcome { released, verdict }
}

fn signed(
    verifier: &Verifier<'_>,
    envelope: &[u8],
    content: Option<Vec<u8>>,
    step: usize,
) -> Outcome {
    let Some(content) = content else {
        return sealed(verifier.stream(), envelope, step);
    };
    let verdict = verifier.detached(envelope).and_then(|mut stream| {
        for piece in content.chunks(step.min(content.len().max(1))) {
            stream.update(piece)?;
        }
        stream.finish()
    });
    let verdict = verdict.map(|proof| settled(&proof));
    Outcome {
        released: if verdict.is_ok() { content } else { Vec::new() },
        verdict,
    }
}

/// Random access: the stamp, the content from its end to its start, then the whole.
fn at_random<M: Mode>(opener: &Opener<'_, M>, envelope: &[u8]) -> Outcome {
    let verdict = opener
        .random_access(std::io::Cursor::new(envelope))
        .and_then(|mut file| {
            let length = file.content_length();
            let mut content = vec![0; usize::try_from(length).unwrap_or(0)];
            for (number, piece) in content
                .chunks_mut(5000)
                .enumerate()
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
            {
                file.read_provisional(number as u64 * 5000, piece)?;
            }
            let file = file.verify()?;
            Ok((content, settled(file.proof())))
        });
    match verdict {
        Ok((released, stamp)) => Outcome {
            released,
            verdict: Ok(stamp),
        },
        Err(error) => alone(Err(error)),
    }
}
