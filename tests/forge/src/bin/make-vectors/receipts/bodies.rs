//! Bodies that are wrong in one way each (receipts.md §2).

use bulla_forge::cbor;

use super::scene::{Pairs, Vector, body_of, message, reason, refused, statement};
use crate::cast::{alice, bob};

pub fn vectors() -> Vec<Vector> {
    [forms(), missing(), fields(), contents(), statuses(), reasons(), unknown()].into_iter().flatten().collect()
}

fn body(name: &str, about: &str, bytes: Vec<u8>) -> Vector {
    verdict(name, about, bytes, "Malformed")
}

fn verdict(name: &str, about: &str, bytes: Vec<u8>, verdict: &str) -> Vector {
    let forge = statement(&bob(), &alice(), 2, bytes);
    Vector::receipt(&format!("body-{name}"), about, &forge, refused(verdict))
}

fn stored() -> Pairs {
    body_of(&message(), 2, None)
}

fn changed(body: Pairs, change: impl FnOnce(&mut Pairs)) -> Vec<u8> {
    let mut body = body;
    change(&mut body);
    cbor::map(&body)
}

/// A `stored` body with another value under the label at this place.
fn value(at: usize, value: Vec<u8>) -> Vec<u8> {
    changed(stored(), |body| body[at].1 = value)
}

fn forms() -> Vec<Vector> {
    let whole = cbor::map(&stored());
    let array = cbor::array(&stored().into_iter().map(|(_, value)| value).collect::<Vec<_>>());
    vec![
        body("empty", "no byte", Vec::new()),
        body("text", "a text", b"stored".to_vec()),
        body("empty-map", "an empty map", vec![0xA0]),
        body("array", "an array of the values", array),
        body("cut", "the last byte is missing", whole[..whole.len() - 1].to_vec()),
        body("trailing-byte", "a byte after the map", [&whole[..], &[0]].concat()),
        body("tagged", "a tag before the map", [&[0xC6], &whole[..]].concat()),
        body(
            "map-indefinite",
            "a map of indefinite length",
            [&[cbor::indefinite(cbor::MAP)], &whole[1..], &[cbor::BREAK]].concat(),
        ),
        body("map-not-shortest", "the length of the map in two bytes", [&[0xB8, 6], &whole[1..]].concat()),
        body("map-short", "the map counts one pair less", [&[0xA5], &whole[1..]].concat()),
        body("map-long", "the map counts one pair more", [&[0xA7], &whole[1..]].concat()),
        body("map-huge", "the map counts 2^64 - 1 pairs", [&cbor::head(cbor::MAP, u64::MAX)[..], &whole[1..]].concat()),
        body("1025-bytes", "1025 bytes", {
            let mut long = body_of(&message(), 3, Some(reason(1, "")));
            let used = cbor::map(&long).len();
            long.push((cbor::uint(8), cbor::bytes(&vec![0; 1025 - used - 4])));
            cbor::map(&long)
        }),
        body("order", "two labels in the wrong order", changed(stored(), |body| body.swap(0, 1))),
        body("label-twice", "a label twice", changed(stored(), |body| body.insert(1, body[0].clone()))),
        body("label-not-shortest", "a label in two bytes", changed(stored(), |body| body[0].0 = vec![0x18, 1])),
        body("label-text", "a label is a text", changed(stored(), |body| body[0].0 = cbor::text("1"))),
        body("label-0", "a label 0", changed(stored(), |body| body.insert(0, (cbor::uint(0), cbor::uint(0))))),
    ]
}

fn missing() -> Vec<Vector> {
    let names = ["message-id", "header-digest", "opening-digest", "author", "content", "status"];
    let without = |(at, name): (usize, &&str)| {
        let bytes = changed(stored(), |body| drop(body.remove(at)));
        body(&format!("no-{name}"), &format!("without its {}", name.replace('-', " ")), bytes)
    };
    names.iter().enumerate().map(without).collect()
}

fn fields() -> Vec<Vector> {
    let lengths = [("message-id", 16), ("header-digest", 32), ("opening-digest", 32), ("author", 32)];
    let mut vectors = Vec::new();
    for (at, (name, length)) in lengths.into_iter().enumerate() {
        for length in [length - 1, length + 1] {
            let about = format!("{} of {length} bytes", name.replace('-', " "));
            vectors.push(body(&format!("{name}-{length}"), &about, value(at, cbor::bytes(&vec![1; length]))));
        }
        let about = format!("{} is a text", name.replace('-', " "));
        vectors.push(body(&format!("{name}-text"), &about, value(at, cbor::text(&"a".repeat(length)))));
    }
    vectors
}

fn contents() -> Vec<Vector> {
    let (length, digest) = (cbor::uint(44), cbor::bytes(&[1; 32]));
    let content =
        |name: &str, about: &str, content: Vec<u8>| body(&format!("content-{name}"), about, value(4, content));
    vec![
        content("number", "a content that is a number", cbor::uint(44)),
        content("of-1", "a content without its digest", cbor::array(std::slice::from_ref(&length))),
        content("of-3", "a content of three parts", cbor::array(&[length.clone(), digest.clone(), cbor::uint(0)])),
        content("length-negative", "a length of -1", cbor::array(&[cbor::int(-1), digest.clone()])),
        content("length-not-shortest", "a length in three bytes", cbor::array(&[vec![0x19, 0, 44], digest.clone()])),
        content("digest-31", "a digest of 31 bytes", cbor::array(&[length.clone(), cbor::bytes(&[1; 31])])),
        content("indefinite", "an array of indefinite length", {
            [&[cbor::indefinite(cbor::ARRAY)], &length[..], &digest, &[cbor::BREAK]].concat()
        }),
    ]
}

fn statuses() -> Vec<Vector> {
    let of = |status: u64, why: Option<Vec<u8>>| body_of(&message(), status, why);
    let drop_content = |mut body: Pairs| {
        body.remove(4);
        cbor::map(&body)
    };
    let damaged_with_content = changed(of(3, Some(reason(6, ""))), |body| body[5].1 = cbor::uint(4));
    vec![
        body("status-0", "status 0", value(5, cbor::uint(0))),
        body("status-text", "the status is a text", value(5, cbor::text("stored"))),
        body("status-negative", "status -1", value(5, cbor::int(-1))),
        body("status-not-shortest", "the status in two bytes", value(5, vec![0x18, 2])),
        body("delivered-without-content", "delivered, and no content named", drop_content(of(1, None))),
        body("stored-without-content", "stored, and no content named", drop_content(of(2, None))),
        body("delivered-with-reason", "delivered, with a reason", cbor::map(&of(1, Some(reason(1, ""))))),
        body("stored-with-reason", "stored, with a reason", cbor::map(&of(2, Some(reason(1, ""))))),
        body("rejected-without-reason", "rejected, and not why", cbor::map(&of(3, None))),
        body("damaged-without-reason", "damaged, and not why", cbor::map(&of(4, None))),
        body("damaged-with-content", "damaged, with a content that was verified", damaged_with_content),
    ]
}

fn reasons() -> Vec<Vector> {
    let why = |name: &str, about: &str, why: Vec<u8>| {
        body(&format!("reason-{name}"), about, cbor::map(&body_of(&message(), 3, Some(why))))
    };
    let text = cbor::text("");
    vec![
        why("number", "a reason that is a number", cbor::uint(1)),
        why("of-1", "a reason without a text", cbor::array(&[cbor::uint(1)])),
        why("of-3", "a reason of three parts", cbor::array(&[cbor::uint(1), text.clone(), text.clone()])),
        why("code-65536", "a code over 65 535", cbor::array(&[cbor::uint(65_536), text.clone()])),
        why("code-negative", "a code of -1", cbor::array(&[cbor::int(-1), text])),
        why("text-256", "a text of 256 bytes", reason(1, &"x".repeat(256))),
        why("text-bytes", "the text is a byte string", cbor::array(&[cbor::uint(1), cbor::bytes(b"full")])),
        why("text-no-utf8", "the text is not UTF-8", cbor::array(&[cbor::uint(1), cbor::text_raw(&[0xFF])])),
        why("text-line-feed", "a line feed in the text", reason(1, "full\nstored")),
        why("text-escape", "an escape character in the text", reason(1, "\u{1b}[2J")),
        why("text-c1", "a control character of two bytes in the text", reason(1, "\u{9b}2J")),
    ]
}

fn unknown() -> Vec<Vector> {
    let newer = |name: &str, about: &str, bytes: Vec<u8>| verdict(name, about, bytes, "UnsupportedVersion");
    let more = |body: Pairs| changed(body, |body| body.push((cbor::uint(8), cbor::uint(1))));
    vec![
        newer("label-8", "a label that is not known", more(stored())),
        newer("label-8-rejected", "a label that is not known, after a reason", {
            more(body_of(&message(), 3, Some(reason(1, ""))))
        }),
        newer("status-5", "a status that is not known", value(5, cbor::uint(5))),
        newer("status-5-with-reason", "a status that is not known, with a reason", {
            cbor::map(&body_of(&message(), 5, Some(reason(1, ""))))
        }),
        newer("status-258", "status 258, which is 2 in its low byte", value(5, cbor::uint(258))),
        newer("status-greatest", "a status of 64 bits", value(5, cbor::uint(u64::MAX))),
        newer("label-1000", "a label that is not known, of three bytes", {
            changed(stored(), |body| body.push((cbor::uint(1000), cbor::uint(1))))
        }),
    ]
}
