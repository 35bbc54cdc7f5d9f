//! Receipts as proof for third parties (receipts.md §6).

use bulla_forge::armor::{EVIDENCE, armor};
use bulla_forge::{Forge, Layout, cbor};
use serde_json::Value;

use super::scene::{Vector, body_of, message, reason, receipt, refused, told};
use crate::cast::{honest, mallory};

pub fn vectors() -> Vec<Vector> {
    [good(), forms(), parts()].into_iter().flatten().collect()
}

const LABEL: &str = "BULLA RECEIPT PROOF";

fn stored() -> Forge {
    receipt(&body_of(&message(), 2, None))
}

/// Version, evidence, body.
fn items(forge: &Forge) -> Vec<Vec<u8>> {
    let sealed = forge.seal();
    vec![cbor::uint(1), cbor::bytes(&sealed.evidence().encode()), cbor::bytes(&sealed.content)]
}

fn proof(name: &str, about: &str, bytes: &[u8], expect: Value) -> Vector {
    Vector::new(&format!("proof-{name}"), about, "receipt-proof", bytes, expect)
}

fn bad(name: &str, about: &str, bytes: &[u8], verdict: &str) -> Vector {
    proof(name, about, bytes, refused(verdict))
}

fn good() -> Vec<Vector> {
    let rejected = receipt(&body_of(&message(), 3, Some(reason(3, "no executables, please"))));
    let honest_proof = cbor::array(&items(&stored()));
    let expect = told(&message(), "stored", None, true);
    vec![
        proof("stored", "of a receipt that something is stored", &honest_proof, expect.clone()),
        proof("rejected", "of a rejection", &cbor::array(&items(&rejected)), {
            told(&message(), "rejected", Some((3, "no executables, please")), true)
        }),
        proof(
            "streamed",
            "of a receipt that came as a stream",
            &{ cbor::array(&items(&stored().with(|f| f.layout = Layout::LengthUnknown))) },
            expect.clone(),
        ),
        proof("armored", "with armor", armor(LABEL, &honest_proof).as_bytes(), expect),
    ]
}

fn forms() -> Vec<Vector> {
    let whole = cbor::array(&items(&stored()));
    let changed = |change: fn(&mut Vec<Vec<u8>>)| {
        let mut items = items(&stored());
        change(&mut items);
        cbor::array(&items)
    };
    let malformed = |name: &str, about: &str, bytes: &[u8]| bad(name, about, bytes, "Malformed");
    vec![
        malformed("empty", "no byte", b""),
        malformed("cut", "the last byte is missing", &whole[..whole.len() - 1]),
        malformed("trailing-byte", "a byte after it", &[&whole[..], &[0]].concat()),
        malformed("array-of-2", "without a body", &changed(|items| drop(items.pop()))),
        malformed("array-of-4", "a fourth item", &changed(|items| items.push(cbor::uint(0)))),
        malformed("array-indefinite", "an array of indefinite length", &{
            [&[cbor::indefinite(cbor::ARRAY)], &whole[1..], &[cbor::BREAK]].concat()
        }),
        malformed("version-not-shortest", "the version in two bytes", &changed(|items| items[0] = vec![0x18, 1])),
        malformed("version-text", "the version is a text", &changed(|items| items[0] = cbor::text("1"))),
        bad("version-0", "version 0", &changed(|items| items[0] = cbor::uint(0)), "UnsupportedVersion"),
        bad("version-2", "version 2", &changed(|items| items[0] = cbor::uint(2)), "UnsupportedVersion"),
        malformed("evidence-not-wrapped", "the evidence is an array, not a byte string", &{
            changed(|items| items[1] = stored().seal().evidence().encode())
        }),
        malformed("body-not-wrapped", "the body is a map, not a byte string", &{
            changed(|items| items[2] = stored().seal().content)
        }),
        malformed("21521", "longer than 21 520 bytes", &{
            let mut items = items(&stored());
            items[2] = cbor::bytes(&vec![0; 21_521 - 1 - 1 - items[1].len() - 3]);
            cbor::array(&items)
        }),
        malformed("armor-evidence", "armored as evidence", armor(EVIDENCE, &whole).as_bytes()),
        malformed("an-evidence", "evidence of the receipt, and no proof", &stored().seal().evidence().encode()),
    ]
}

fn parts() -> Vec<Vector> {
    let with = |forge: &Forge, change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut items = items(forge);
        change(&mut items);
        cbor::array(&items)
    };
    let other_body = cbor::map(&body_of(&message(), 1, None));
    let broken = |change: fn(&mut bulla_forge::Evidence)| {
        let mut evidence = stored().seal().evidence();
        change(&mut evidence);
        with(&stored(), &|items| items[1] = cbor::bytes(&evidence.encode()))
    };
    vec![
        bad(
            "another-body",
            "another body than the signed one",
            &{ with(&stored(), &|items| items[2] = cbor::bytes(&other_body)) },
            "NotAuthentic",
        ),
        bad(
            "signature-bit",
            "a bit of the signature is changed",
            &{ broken(|evidence| *evidence.opening.last_mut().expect("a signature") ^= 1) },
            "NotAuthentic",
        ),
        bad(
            "header-digest-bit",
            "a bit of the header's digest is changed",
            &{ broken(|evidence| evidence.header_digest[0] ^= 1) },
            "NotAuthentic",
        ),
        bad("evidence-version-2", "evidence of version 2", &broken(|e| e.version = 2), "UnsupportedVersion"),
        bad(
            "evidence-cut",
            "the evidence is cut",
            &{
                with(&stored(), &|items| {
                    let evidence = stored().seal().evidence().encode();
                    items[1] = cbor::bytes(&evidence[..evidence.len() - 1]);
                })
            },
            "Malformed",
        ),
        bad(
            "forged",
            "signed by Mallory in Bob's name",
            &{ cbor::array(&items(&stored().with(|f| f.opening.seed = mallory().seed))) },
            "NotAuthentic",
        ),
        bad("of-a-message", "of a message", &cbor::array(&items(&honest())), "WrongStatement"),
        bad(
            "of-a-malformed-body",
            "signed, and no receipt",
            &{ cbor::array(&items(&stored().with(|f| f.content = b"stored".to_vec()))) },
            "Malformed",
        ),
        bad(
            "author-unfit",
            "the author it names is no acceptable key",
            &{
                let mut body = body_of(&message(), 2, None);
                body[3].1 = cbor::bytes(&[2; 32]);
                cbor::array(&items(&receipt(&body)))
            },
            "NotAuthentic",
        ),
    ]
}
