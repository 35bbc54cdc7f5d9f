//! Every vector of `spec/vectors/`, judged by the library: in one piece, in small pieces, and by random access.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use base64ct::{Base64, Encoding};
use bulla::{
    ArmorLabel, Decapsulator, Digest, Error, Evidence, FixedClock, Identity, MemoryGuard, Message,
    Mode, OpenStream, Opener, Policy, PublicIdentity, Replay, Senders, Stamp, Verified, Verifier,
    VerifyingKey, dearmor,
};
use bulla_forge::{KeyFile, Person, Protection, SecretKey};
use common::{hex, unhex};
use serde_json::{Value, json};
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
    let said = &vector["policy"];
    let senders = match said["senders"].as_array() {
        Some(keys) => Senders::only(keys.iter().map(|key| {
            VerifyingKey::from_bytes(&unhex(key.as_str().unwrap()).try_into().unwrap()).unwrap()
        })),
        None => Senders::anyone(),
    };
    Policy::new(said["context"].as_str().unwrap(), senders)
        .unwrap()
        .max_age(said["max_age"].as_u64())
        .skew(said["skew"].as_u64().unwrap())
        .allow_own(said["own"].as_bool().unwrap())
}

fn reader(vector: &Value) -> Identity {
    let said = &vector["reader"];
    let array = |text: &Value| -> [u8; 32] { unhex(text.as_str().unwrap()).try_into().unwrap() };
    let keys = said["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| SecretKey {
            suite: 1,
            generation: key["generation"].as_u64().unwrap().try_into().unwrap(),
            not_after: 0,
            secret: array(&key["secret"]),
        });
    let person = Person {
        seed: array(&said["seed"]),
        keys: keys.collect(),
    };
    common::identity(&person)
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

fn settled(verified: &Verified) -> Value {
    with_content(
        verified.stamp(),
        verified.content_length(),
        verified.content_digest(),
    )
}

/// The claims with length and digest of the content, also where they came in a closing.
fn with_content(from: &Stamp, length: u64, digest: Digest) -> Value {
    let mut claims = stamp(from);
    claims["length"] = json!(length);
    claims["digest"] = json!(digest.to_string());
    claims
}

/// The claims by name, as the vectors have them.
fn stamp(stamp: &Stamp) -> Value {
    let mut claims = json!({
        "context": stamp.context(), "issued": stamp.issued(), "message_id": stamp.message_id().to_string(),
        "statement_type": stamp.statement_type() as u8, "signer": stamp.signer().to_string(),
    });
    let mut put = |name: &str, value: Value| claims[name] = value;
    if let Some(expires) = stamp.expires() {
        put("expires", json!(expires));
    }
    if stamp.padding() > 0 {
        put("padding", json!(stamp.padding()));
    }
    if let Some(content_type) = stamp.content_type() {
        put("content_type", json!(content_type));
    }
    let attributes: serde_json::Map<String, Value> = stamp
        .attributes()
        .map(|(name, value)| (name.into(), json!(hex(value))))
        .collect();
    if !attributes.is_empty() {
        put("attributes", Value::Object(attributes));
    }
    if let Some(sequence) = stamp.sequence() {
        put("sequence", json!([hex(&sequence.stream), sequence.number]));
    }
    if let Some(challenge) = stamp.challenge() {
        put("challenge", json!(hex(challenge)));
    }
    if let Some(reply) = stamp.reply_key() {
        let receipts = stamp.receipts();
        let bits = u8::from(receipts.delivered)
            + 2 * u8::from(receipts.stored)
            + 4 * u8::from(receipts.rejected);
        put("receipts", json!(bits));
        put(
            "reply_key",
            json!([
                reply.suite(),
                reply.generation(),
                hex(reply.key().as_bytes())
            ]),
        );
    }
    claims
}

fn evidence(input: &[u8]) -> Result<Value, Error> {
    let bytes = match bulla::is_armored(input) {
        true => dearmor(ArmorLabel::Evidence, input)?,
        false => input.to_vec(),
    };
    Evidence::check(&bytes).map(|evidence| {
        with_content(
            evidence.stamp(),
            evidence.content_length(),
            evidence.content_digest(),
        )
    })
}

fn identity(input: &[u8]) -> Result<Value, Error> {
    let text = std::str::from_utf8(input).map_err(|_| Error::from(bulla::ErrorKind::Malformed))?;
    let identity: PublicIdentity = text.parse()?;
    let keys: Vec<Value> = identity
        .encryption_keys()
        .iter()
        .map(|key| json!({"suite": key.suite(), "generation": key.generation(), "key": hex(key.key().as_bytes())}))
        .collect();
    Ok(json!({"signing_key": identity.verifying_key().to_string(), "keys": keys}))
}

/// The library does not show secrets: that they are those of the vector shows in their public halves, and in the key
/// file that it writes from them.
fn key_file(vector: &Value) -> Result<Value, Error> {
    let passphrase = vector.get("passphrase").and_then(Value::as_str);
    let identity = Identity::from_key_file(&input(vector), passphrase)?;
    let payload = &vector["expect"]["payload"];
    let Some(wanted) = payload["keys"].as_array() else {
        return Ok(json!("read"));
    };
    let array = |text: &Value| -> [u8; 32] { unhex(text.as_str().unwrap()).try_into().unwrap() };
    let person = Person {
        seed: array(&payload["seed"]),
        keys: wanted
            .iter()
            .map(|key| SecretKey {
                suite: 1,
                generation: key["generation"].as_u64().unwrap().try_into().unwrap(),
                not_after: key["not_after"].as_u64().unwrap(),
                secret: array(&key["secret"]),
            })
            .collect(),
    };
    let publics: Vec<[u8; 32]> = person.keys.iter().rev().map(SecretKey::public).collect();
    let held: Vec<[u8; 32]> = identity
        .encryption_keys()
        .iter()
        .map(|key| *key.key().as_bytes())
        .collect();
    assert_eq!(publics, held);
    let written = identity.to_key_file(None, &bulla::OsEntropy)?;
    assert_eq!(
        written.as_str(),
        KeyFile::of(&person, Protection::Plain).armored()
    );
    Ok(payload.clone())
}

/// The types of the proofs say what was judged; this compiles only if they are what they are.
#[allow(dead_code)]
fn types(
    opened: Message<bulla::Opened>,
    reopened: Message<bulla::Reopened>,
) -> (Verified, Verified) {
    ((**opened.proof()).clone(), (**reopened.proof()).clone())
}
