//! Every vector of `spec/vectors/receipts/`, judged by the library (spec/receipts.md).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use std::path::Path;

use base64ct::{Base64, Encoding};
use bulla::{
    ArmorLabel, Asked, Digest, Draft, FixedClock, Identity, MessageId, OsEntropy, Policy, Question,
    Receipt, ReceiptProof, Replay, Result, Sealer, Senders, Sent, Status, VerifyingKey, dearmor,
    is_armored,
};
use bulla_forge::Person;
use common::{hex, unhex};
use serde_json::{Value, json};

#[test]
fn every_vector_has_its_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/vectors/receipts");
    let (mut passed, mut failed) = (0, Vec::new());
    for file in std::fs::read_dir(folder).unwrap() {
        let vector: Value =
            serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        let found = match judge(&vector) {
            Ok(payload) => json!({ "verdict": "ok", "payload": payload }),
            Err(error) => json!({ "verdict": error.kind().name() }),
        };
        if found == vector["expect"] {
            passed += 1;
        } else {
            let wanted = &vector["expect"];
            failed.push(format!(
                "{}: {found} where {wanted} is expected",
                vector["name"]
            ));
        }
    }
    println!("{passed} vectors as they should be, {} not", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(passed >= 180, "only {passed} vectors were found");
}

fn judge(vector: &Value) -> Result<Value> {
    let input = bytes(&vector["input"]);
    match text(&vector["operation"]) {
        "receipt" => receipt(vector, &input),
        "receipt-proof" => proof(&input),
        "audit-question" => question(vector, &input),
        "audit-answer" => answer(vector, &input),
        other => panic!("unknown operation {other}"),
    }
}

fn receipt(vector: &Value, input: &[u8]) -> Result<Value> {
    let (keys, clock) = (reader(vector), clock(vector));
    let context = text(&vector["policy"]["context"]);
    let receipt = Receipt::open_by(&keys, context, senders(vector), input, &clock)?;
    let sent: Vec<Sent> = vector["sent"]
        .as_array()
        .unwrap()
        .iter()
        .map(sent)
        .collect();
    let answered = receipt.check(&sent)?;
    let mut told = told(receipt.status(), receipt.content());
    told["message_id"] = json!(receipt.message_id().to_string());
    told["recipient"] = json!(receipt.recipient().to_string());
    told["author"] = json!(keys.verifying_key().to_string());
    told["context"] = json!(receipt.context());
    told["issued"] = json!(receipt.issued());
    told["header_digest"] = json!(answered.header_digest.to_string());
    // What was checked can be shown to others.
    let proof = ReceiptProof::check(&receipt.proof()).unwrap();
    assert_eq!(proof.status(), receipt.status());
    Ok(told)
}

fn proof(input: &[u8]) -> Result<Value> {
    let bytes = match is_armored(input) {
        true => dearmor(ArmorLabel::ReceiptProof, input)?,
        false => input.to_vec(),
    };
    let proof = ReceiptProof::check(&bytes)?;
    let mut told = told(proof.status(), proof.content());
    told["message_id"] = json!(proof.message_id().to_string());
    told["recipient"] = json!(proof.recipient().to_string());
    told["author"] = json!(proof.author().to_string());
    told["context"] = json!(proof.context());
    told["issued"] = json!(proof.issued());
    told["header_digest"] = json!(proof.header_digest().to_string());
    Ok(told)
}

fn told(status: &Status, content: Option<(u64, Digest)>) -> Value {
    let mut told = json!({ "status": status.name() });
    if let Some(reason) = status.reason() {
        told["reason"] = json!([reason.code(), reason.text()]);
    }
    if let Some((length, digest)) = content {
        told["content"] = json!([length, digest.to_string()]);
    }
    told
}

/// As the sealing gave it: only a sealing can.
fn sent(said: &Value) -> Sent {
    let alice = Identity::generate(&OsEntropy).unwrap();
    let mut sent = Sealer::new(&alice)
        .sign_into(&Draft::new("any").unwrap(), b"", &mut Vec::new())
        .unwrap();
    let digest = |name: &str| Digest::from_bytes(array(&said[name]));
    sent.message_id = MessageId(unhex(text(&said["message_id"])).try_into().unwrap());
    sent.header_digest = digest("header_digest");
    sent.opening_digest = digest("opening_digest");
    sent.content_digest = digest("content_digest");
    sent.content_length = said["content_length"].as_u64().unwrap();
    sent.issued = said["issued"].as_u64().unwrap();
    sent
}

fn question(vector: &Value, input: &[u8]) -> Result<Value> {
    let (keys, clock) = (reader(vector), clock(vector));
    let policy = Policy::new(text(&vector["policy"]["context"]), senders(vector))
        .unwrap()
        .max_age(vector["policy"]["max_age"].as_u64());
    let asked = Asked::open(&keys, &policy, Replay::Unguarded, input, &clock)?;
    let question = asked.question();
    let (length, digest) = question.content();
    Ok(json!({
        "message_id": question.message_id().to_string(),
        "content": [length, digest.to_string()],
        "asker": question.asker().to_string(),
        "holder": question.holder().to_string(),
        "context": question.context(),
    }))
}

fn answer(vector: &Value, input: &[u8]) -> Result<Value> {
    let said = &vector["question"];
    let context = text(&said["context"]).as_bytes();
    // As `Question::to_bytes` writes it.
    let question = [
        &unhex(text(&said["asker"]))[..],
        &unhex(text(&said["holder"])),
        &[u8::try_from(context.len()).unwrap()],
        context,
        &bytes(&said["body"]),
    ]
    .concat();
    let question = Question::from_bytes(&question).unwrap();
    let proof = question.answer(&reader(vector), input, &clock(vector))?;
    let mut prover = question.prover();
    prover.update(&bytes(&vector["content"]));
    let wanted = prover.finish();
    assert!(wanted.is_some(), "the content is not that of the question");
    Ok(json!(match proof {
        None => "not held",
        found if found == wanted => "held",
        Some(_) => "wrong proof",
    }))
}

fn reader(vector: &Value) -> Identity {
    common::readers::keys(&vector["reader"])
}

fn senders(vector: &Value) -> Senders {
    match vector["policy"]["senders"].as_array() {
        Some(keys) => Senders::only(
            keys.iter()
                .map(|key| VerifyingKey::from_bytes(&array(key)).unwrap()),
        ),
        None => Senders::anyone(),
    }
}

fn clock(vector: &Value) -> FixedClock {
    FixedClock(vector["now"].as_u64().unwrap())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    Base64::decode_vec(text(value)).unwrap()
}

fn array(value: &Value) -> [u8; 32] {
    unhex(text(value)).try_into().unwrap()
}

/// The names that the vectors and the library use for keys are the same.
#[test]
fn keys_are_shown_in_hex() {
    let person = Person::new("alice");
    assert_eq!(common::key(&person).to_string(), hex(&person.signer()));
}
