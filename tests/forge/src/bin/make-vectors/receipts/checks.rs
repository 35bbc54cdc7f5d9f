//! Who says what about which message (receipts.md §3, §4).

use bulla_forge::{CONTEXT, Forge, Layout, NOW, Padding, Sealed, Stanza, cbor, h};
use serde_json::json;

use super::scene::{Pairs, Vector, body_of, message, reason, receipt, refused, sent_json, statement, told};
use crate::cast::{alice, bob, carol, honest, mallory};
use crate::vector::{hex, reader_json};

pub fn vectors() -> Vec<Vector> {
    [statuses(), reasons(), sealings(), envelopes(), others(), differing()].into_iter().flatten().collect()
}

fn ok(name: &str, about: &str, status: u64, why: Option<(u64, &str)>) -> Vector {
    let word = ["delivered", "stored", "rejected", "damaged"][usize::try_from(status).expect("small") - 1];
    let body = body_of(&message(), status, why.map(|(code, text)| reason(code, text)));
    Vector::receipt(name, about, &receipt(&body), told(&message(), word, why, status != 4))
}

fn stored() -> Pairs {
    body_of(&message(), 2, None)
}

fn statuses() -> Vec<Vector> {
    let by_the_stamp: Pairs = {
        let mut body = body_of(&message(), 3, Some(reason(2, "")));
        body.remove(4);
        body
    };
    vec![
        ok("delivered", "opened and handed over", 1, None),
        ok("stored", "stored and read again", 2, None),
        ok("rejected", "rejected after all of it was verified", 3, Some((1, "the disk is full"))),
        Vector::receipt(
            "rejected-by-the-stamp",
            "rejected by the stamp alone: the content is not named",
            &receipt(&by_the_stamp),
            told(&message(), "rejected", Some((2, "")), false),
        ),
        ok("damaged", "a copy came damaged", 4, Some((6, ""))),
    ]
}

fn reasons() -> Vec<Vector> {
    let long = "ü".repeat(127);
    vec![
        ok("reason-full", "no room", 3, Some((1, ""))),
        ok("reason-too-large", "too large", 3, Some((2, ""))),
        ok("reason-policy", "the recipient's rules", 3, Some((3, "no executables, please"))),
        ok("reason-no-such-place", "no such place", 3, Some((4, "/outbox"))),
        ok("reason-failed", "it failed", 3, Some((5, ""))),
        ok("reason-unknown", "a code that is not known yet is shown as it is", 3, Some((7, "?"))),
        ok("reason-of-an-application", "a code of an application", 3, Some((1024, "paper jam"))),
        ok("reason-greatest", "the greatest code, and a text of 254 bytes", 3, Some((65_535, &long))),
        ok("reason-text-255", "a text of 255 bytes", 3, Some((3, &"x".repeat(255)))),
    ]
}

fn sealings() -> Vec<Vector> {
    let again = honest().fresh("again").with(|f| f.padding = Padding::Zeros(20)).seal();
    let of_second = body_of(&again, 2, None);
    let own: Sealed = Forge::sealed(&alice(), &[&alice()]).fresh("own").seal();
    let own_receipt = statement(&alice(), &alice(), 2, cbor::map(&body_of(&own, 2, None)));
    let streamed: Sealed = honest().with(|f| f.layout = Layout::LengthUnknown).seal();
    let told_own = {
        let mut expect = told(&own, "stored", None, true);
        expect["payload"]["recipient"] = json!(hex(&alice().signer()));
        expect
    };
    vec![
        Vector::receipt(
            "of-the-second-sealing",
            "it answers one of two sealings of the message",
            &receipt(&of_second),
            told(&again, "stored", None, true),
        )
        .put("sent", json!([sent_json(&message()), sent_json(&again)])),
        Vector::receipt(
            "of-a-stream",
            "it answers a message that was streamed",
            &receipt(&body_of(&streamed, 2, None)),
            told(&streamed, "stored", None, true),
        )
        .put("sent", json!([sent_json(&streamed)])),
        Vector::receipt(
            "streamed",
            "the receipt itself came as a stream",
            &receipt(&stored()).with(|f| f.layout = Layout::LengthUnknown),
            told(&message(), "stored", None, true),
        ),
        Vector::receipt(
            "padded",
            "the receipt is padded",
            &receipt(&stored()).with(|f| f.padding = Padding::Zeros(100)),
            told(&message(), "stored", None, true),
        ),
        Vector::receipt("of-oneself", "of what one has sent to oneself", &own_receipt, told_own)
            .put("policy", json!({ "context": CONTEXT, "senders": [hex(&alice().signer())] }))
            .put("sent", json!([sent_json(&own)])),
        Vector::receipt(
            "anyone",
            "from anyone: who says so is told",
            &receipt(&stored()),
            told(&message(), "stored", None, true),
        )
        .put("policy", json!({ "context": CONTEXT, "senders": "anyone" })),
        Vector::receipt(
            "years-later",
            "it comes years later, and is worth the same",
            &receipt(&stored()),
            told(&message(), "stored", None, true),
        )
        .put("now", json!(NOW + 1_000_000_000)),
    ]
}

fn envelopes() -> Vec<Vector> {
    let not =
        |name: &str, about: &str, forge: Forge, verdict: &str| Vector::receipt(name, about, &forge, refused(verdict));
    let honest_receipt = || receipt(&stored());
    vec![
        not("a-message", "a message is no receipt", honest_receipt().with(|f| f.stamp.statement = 1), "WrongStatement"),
        not("an-audit", "an audit is no receipt", honest_receipt().with(|f| f.stamp.statement = 4), "WrongStatement"),
        not(
            "another-recipient",
            "signed by somebody whose receipt is not awaited",
            statement(&carol(), &alice(), 2, cbor::map(&stored())),
            "UntrustedSender",
        ),
        not(
            "forged",
            "signed by Mallory in Bob's name",
            honest_receipt().with(|f| f.opening.seed = mallory().seed),
            "NotAuthentic",
        ),
        not(
            "another-context",
            "made in another context than the message",
            honest_receipt().with(|f| f.stamp.context = "smtp".to_owned()),
            "WrongContext",
        ),
        not(
            "from-the-future",
            "dated 121 s ahead",
            honest_receipt().with(|f| f.stamp.issued = NOW + 121),
            "NotYetValid",
        ),
        not(
            "expired",
            "a receipt that has expired",
            honest_receipt().with(|f| f.stamp.expires = Some(NOW - 120)),
            "Expired",
        ),
        not(
            "to-another",
            "sealed to somebody else",
            honest_receipt().with(|f| f.stanzas = vec![Stanza::to(&carol())]),
            "NotForMe",
        ),
        Vector::receipt(
            "signed-alone",
            "signed and not sealed",
            &Forge::attached(&bob()).with(|f| {
                f.stamp.statement = 2;
                f.content = cbor::map(&stored());
            }),
            refused("WrongKind"),
        ),
    ]
}

fn with(label: u64, value: Vec<u8>) -> Forge {
    let mut body = stored();
    for (key, part) in &mut body {
        if *key == cbor::uint(label) {
            part.clone_from(&value);
        }
    }
    receipt(&body)
}

fn others() -> Vec<Vector> {
    let wrong = |name: &str, about: &str, forge: Forge| Vector::receipt(name, about, &forge, refused("WrongReceipt"));
    let other = honest().fresh("other").seal();
    vec![
        wrong(
            "transplanted",
            "it answers a co-recipient's own message, and was passed on by him",
            with(4, cbor::bytes(&carol().signer())),
        ),
        wrong("author-unfit", "the author it names is no acceptable key", with(4, cbor::bytes(&[2; 32]))),
        wrong("another-message", "it is about another message", with(1, cbor::bytes(&[1; 16]))),
        wrong(
            "another-header",
            "it is about an envelope of this message that was never sent",
            with(2, cbor::bytes(&h(&[&other.header]))),
        ),
        wrong("another-opening", "it is about another stamp", with(3, cbor::bytes(&h(&[&other.opening])))),
        Vector::receipt("nothing-sent", "nothing was sent", &receipt(&stored()), refused("WrongReceipt"))
            .put("sent", json!([])),
        Vector::receipt(
            "read-by-another",
            "read by Carol, who is not its author",
            &{ statement(&bob(), &carol(), 2, cbor::map(&stored())) },
            refused("WrongReceipt"),
        )
        .put("reader", reader_json(&carol())),
        Vector::receipt(
            "another-message-and-content",
            "about another message with other content: it settles nothing",
            &{
                let mut body = body_of(&honest().with(|f| f.content = b"Eleven measures".to_vec()).seal(), 2, None);
                body[0].1 = cbor::bytes(&[1; 16]);
                receipt(&body)
            },
            refused("WrongReceipt"),
        ),
    ]
}

fn differing() -> Vec<Vector> {
    let message = message();
    let length = message.content.len() as u64;
    let differs =
        |name: &str, about: &str, forge: &Forge| Vector::receipt(name, about, forge, refused("ContentDiffers"));
    let pair = |length: u64, digest: &[u8]| cbor::array(&[cbor::uint(length), cbor::bytes(digest)]);
    let digest = h(&[&message.content]);
    let rejected = {
        let mut body = body_of(&message, 3, Some(reason(1, "")));
        body[4].1 = pair(length, &[1; 32]);
        receipt(&body)
    };
    vec![
        differs("digest-differs", "the recipient has other content", &with(5, pair(length, &[1; 32]))),
        differs("length-differs", "the recipient has content of another length", &with(5, pair(length + 1, &digest))),
        differs("rejected-digest-differs", "the recipient rejects other content", &rejected),
        Vector::receipt(
            "older-than-the-message",
            "made 121 s before the message",
            &receipt(&stored()).with(|f| f.stamp.issued = NOW - 10 - 121),
            refused("TooOld"),
        ),
        Vector::receipt(
            "little-older-than-the-message",
            "made 120 s before the message, by another clock",
            &receipt(&stored()).with(|f| f.stamp.issued = NOW - 10 - 120),
            {
                let mut expect = told(&message, "stored", None, true);
                expect["payload"]["issued"] = json!(NOW - 130);
                expect
            },
        ),
    ]
}
