//! Audits: a question, its answer, the proof (receipts.md §7).

use bulla_forge::armor::base64;
use bulla_forge::{CONTEXT, Forge, NOW, Person, cbor, h, named};
use serde_json::{Value, json};

use super::scene::{Pairs, Vector, content_pair, message, refused, statement};
use crate::cast::{alice, bob, carol};
use crate::vector::{hex, reader_json};

pub fn vectors() -> Vec<Vector> {
    [questions(), question_bodies(), answers(), wrong_answers(), answer_bodies()].into_iter().flatten().collect()
}

fn challenge() -> [u8; 32] {
    named("audit challenge")
}

fn question_body() -> Pairs {
    let message = message();
    vec![
        (cbor::uint(1), cbor::bytes(&message.stamp.message_id)),
        (cbor::uint(2), content_pair(&message.content)),
        (cbor::uint(3), cbor::bytes(&challenge())),
    ]
}

/// Alice asks Bob.
fn question(body: Vec<u8>) -> Forge {
    statement(&alice(), &bob(), 4, body).with(|f| {
        f.stamp.expires = Some(NOW + 86_400);
        f.stamp.receipts = Some(1);
        f.stamp.reply_key = Some(alice().reply_key());
    })
}

fn asks(name: &str, about: &str, forge: &Forge, expect: Value) -> Vector {
    Vector::new(&format!("audit-question-{name}"), about, "audit-question", &forge.seal().envelope, expect)
        .put("reader", reader_json(&bob()))
        .put("policy", json!({ "context": CONTEXT, "senders": [hex(&alice().signer())] }))
        .put("now", json!(NOW))
}

fn asked() -> Value {
    let message = message();
    json!({ "verdict": "ok", "payload": {
        "message_id": hex(&message.stamp.message_id),
        "content": [message.content.len(), hex(&h(&[&message.content]))],
        "asker": hex(&alice().signer()),
        "holder": hex(&bob().signer()),
        "context": CONTEXT,
    }})
}

fn questions() -> Vec<Vector> {
    let honest = || question(cbor::map(&question_body()));
    vec![
        asks("ok", "a question", &honest(), asked()),
        asks("no-expiry", "a question that does not expire", &honest().with(|f| f.stamp.expires = None), asked())
            .put("policy", json!({ "context": CONTEXT, "senders": [hex(&alice().signer())], "max_age": 600 })),
        asks(
            "no-reply-key",
            "a question that says not where to answer",
            &{ honest().with(|f| (f.stamp.receipts, f.stamp.reply_key) = (None, None)) },
            refused("WrongStatement"),
        ),
        asks(
            "an-answer",
            "an answer is no question",
            &{
                let mut body = question_body();
                body.push((cbor::uint(4), vec![cbor::NULL]));
                question(cbor::map(&body))
            },
            refused("WrongStatement"),
        ),
        asks("a-message", "a message is no question", &honest().with(|f| f.stamp.statement = 1), {
            refused("WrongStatement")
        }),
        asks("a-receipt", "a receipt is no question", &honest().with(|f| f.stamp.statement = 2), {
            refused("WrongStatement")
        }),
        asks(
            "of-a-stranger",
            "asked by somebody who may not",
            &{ statement(&carol(), &bob(), 4, cbor::map(&question_body())) },
            refused("UntrustedSender"),
        ),
        asks(
            "another-context",
            "asked in another context",
            &{ honest().with(|f| f.stamp.context = "smtp".to_owned()) },
            refused("WrongContext"),
        ),
        asks("expired", "a question that has expired", &honest().with(|f| f.stamp.expires = Some(NOW - 120)), {
            refused("Expired")
        }),
    ]
}

fn bad_bodies() -> Vec<(&'static str, &'static str, Pairs)> {
    let with = |at: usize, value: Vec<u8>| {
        let mut body = question_body();
        body[at].1 = value;
        body
    };
    let changed = |change: fn(&mut Pairs)| {
        let mut body = question_body();
        change(&mut body);
        body
    };
    vec![
        ("no-message-id", "without its message id", changed(|body| drop(body.remove(0)))),
        ("no-content", "without its content", changed(|body| drop(body.remove(1)))),
        ("no-challenge", "without its challenge", changed(|body| drop(body.remove(2)))),
        ("message-id-15", "a message id of 15 bytes", with(0, cbor::bytes(&[1; 15]))),
        ("content-of-1", "a content without its digest", with(1, cbor::array(&[cbor::uint(44)]))),
        ("challenge-31", "a challenge of 31 bytes", with(2, cbor::bytes(&[1; 31]))),
        ("challenge-text", "the challenge is a text", with(2, cbor::text(&"a".repeat(32)))),
        ("order", "two labels in the wrong order", changed(|body| body.swap(0, 1))),
        ("label-not-shortest", "a label in two bytes", changed(|body| body[0].0 = vec![0x18, 1])),
        ("proof-31", "a proof of 31 bytes", changed(|body| body.push((cbor::uint(4), cbor::bytes(&[1; 31]))))),
        ("proof-false", "false for a proof", changed(|body| body.push((cbor::uint(4), vec![0xF4])))),
        ("proof-undefined", "undefined for a proof", changed(|body| body.push((cbor::uint(4), vec![0xF7])))),
    ]
}

/// What a later version might say besides.
fn newer_bodies() -> Vec<(&'static str, &'static str, Pairs)> {
    let more = |pairs: Pairs| [question_body(), pairs].concat();
    vec![
        ("label-5", "a label that is not known", more(vec![(cbor::uint(5), cbor::uint(1))])),
        ("label-1000", "a label that is not known, of three bytes", more(vec![(cbor::uint(1000), cbor::uint(1))])),
        ("label-5-after-proof", "a label that is not known, after a proof", {
            more(vec![(cbor::uint(4), cbor::bytes(&[1; 32])), (cbor::uint(5), cbor::uint(1))])
        }),
        ("label-5-after-null", "a label that is not known, after null for a proof", {
            more(vec![(cbor::uint(4), vec![0xF6]), (cbor::uint(5), cbor::uint(1))])
        }),
    ]
}

fn question_bodies() -> Vec<Vector> {
    let bodies = bad_bodies().into_iter().map(|(name, about, body)| (name, about, cbor::map(&body)));
    let whole = cbor::map(&question_body());
    let more = [
        ("empty", "no byte", Vec::new()),
        ("trailing-byte", "a byte after it", [&whole[..], &[0]].concat()),
        ("map-indefinite", "a map of indefinite length", {
            [&[cbor::indefinite(cbor::MAP)], &whole[1..], &[cbor::BREAK]].concat()
        }),
    ];
    let all = bodies.chain(more);
    let newer = newer_bodies().into_iter().map(|(name, about, body)| (name, about, cbor::map(&body)));
    let all = all.map(|all| (all, "Malformed")).chain(newer.map(|newer| (newer, "UnsupportedVersion")));
    all.map(|((name, about, bytes), verdict)| asks(&format!("body-{name}"), about, &question(bytes), refused(verdict)))
        .collect()
}

/// receipts.md §7
fn proof(asker: &Person, holder: &Person, challenge: &[u8; 32], content: &[u8]) -> [u8; 32] {
    let message = message();
    let key = h(&[
        b"bulla/1 audit\0",
        challenge,
        &asker.signer(),
        &holder.signer(),
        &message.stamp.message_id,
        &(message.content.len() as u64).to_be_bytes(),
        &h(&[&message.content]),
    ]);
    *blake3::keyed_hash(&key, content).as_bytes()
}

fn answered(proof: Vec<u8>) -> Pairs {
    let mut body = question_body();
    body.push((cbor::uint(4), proof));
    body
}

/// Bob answers Alice.
fn answer(body: &Pairs) -> Forge {
    statement(&bob(), &alice(), 4, cbor::map(body))
}

fn checks(name: &str, about: &str, forge: &Forge, expect: Value) -> Vector {
    Vector::new(&format!("audit-answer-{name}"), about, "audit-answer", &forge.seal().envelope, expect)
        .put("reader", reader_json(&alice()))
        .put("now", json!(NOW))
        .put(
            "question",
            json!({
                "asker": hex(&alice().signer()),
                "holder": hex(&bob().signer()),
                "context": CONTEXT,
                "body": base64(&cbor::map(&question_body())),
            }),
        )
        .put("content", json!(base64(&message().content)))
}

fn says(what: &str) -> Value {
    json!({ "verdict": "ok", "payload": what })
}

fn answers() -> Vec<Vector> {
    let content = message().content;
    let held = cbor::bytes(&proof(&alice(), &bob(), &challenge(), &content));
    let by = |proof: [u8; 32]| answer(&answered(cbor::bytes(&proof)));
    vec![
        checks("held", "the holder has it", &answer(&answered(held.clone())), says("held")),
        checks("held-late", "the answer comes years later", &answer(&answered(held)), says("held"))
            .put("now", json!(NOW + 1_000_000_000)),
        checks("not-held", "the holder has it no more", &answer(&answered(vec![cbor::NULL])), says("not held")),
        checks("guessed", "a proof that is none", &by([7; 32]), says("wrong proof")),
        checks(
            "of-another-holder",
            "the proof of another who has it",
            &{ by(proof(&alice(), &carol(), &challenge(), &content)) },
            says("wrong proof"),
        ),
        checks(
            "of-another-challenge",
            "the proof of an earlier question",
            &{ by(proof(&alice(), &bob(), &named("an earlier challenge"), &content)) },
            says("wrong proof"),
        ),
        checks(
            "of-other-content",
            "the proof of content with one byte changed",
            &{
                let mut changed = content.clone();
                changed[0] ^= 1;
                by(proof(&alice(), &bob(), &challenge(), &changed))
            },
            says("wrong proof"),
        ),
        checks(
            "of-the-digest",
            "a proof made of the digest, without the content",
            &{ by(proof(&alice(), &bob(), &challenge(), &h(&[&content]))) },
            says("wrong proof"),
        ),
    ]
}

fn wrong_answers() -> Vec<Vector> {
    let held = || answered(cbor::bytes(&proof(&alice(), &bob(), &challenge(), &message().content)));
    let with = |at: usize, value: Vec<u8>| {
        let mut body = held();
        body[at].1 = value;
        answer(&body)
    };
    let wrong = |name: &str, about: &str, forge: &Forge, verdict: &str| checks(name, about, forge, refused(verdict));
    vec![
        wrong("another-message", "about another message", &with(0, cbor::bytes(&[1; 16])), "WrongReceipt"),
        wrong("another-content", "about other content", &with(1, content_pair(b"other")), "WrongReceipt"),
        wrong("another-question", "to another question", &with(2, cbor::bytes(&[1; 32])), "WrongReceipt"),
        wrong("a-question", "the question, given back", &answer(&question_body()), "WrongReceipt"),
        wrong(
            "by-another",
            "answered by somebody else",
            &{ statement(&carol(), &alice(), 4, cbor::map(&held())) },
            "UntrustedSender",
        ),
        wrong(
            "another-context",
            "answered in another context",
            &{ answer(&held()).with(|f| f.stamp.context = "smtp".to_owned()) },
            "WrongContext",
        ),
        wrong(
            "a-receipt",
            "a receipt is no answer",
            &answer(&held()).with(|f| f.stamp.statement = 2),
            "WrongStatement",
        ),
    ]
}

fn answer_bodies() -> Vec<Vector> {
    let bodies = bad_bodies().into_iter().filter(|(name, ..)| name.starts_with("proof") || name.starts_with("label"));
    let all = bodies.map(|body| (body, "Malformed"));
    all.chain(newer_bodies().into_iter().map(|body| (body, "UnsupportedVersion")))
        .map(|((name, about, body), verdict)| checks(&format!("body-{name}"), about, &answer(&body), refused(verdict)))
        .collect()
}
