//! Step 4: the one encoding of COSE_Sign1 (statements.md §1).

use bulla_forge::{Cose, Forge, cbor};

use crate::cast::{alice, cut, honest};
use crate::vector::Vector;

type Row = (&'static str, &'static str, fn(&mut Cose));

/// Properly signed as they stand, so that nothing but the form is wrong.
const SIGNED: [Row; 12] = [
    ("tagged", "tag 18 before the array", |c| c.before = vec![0xD2]),
    ("self-described", "tag 55799 before the array", |c| c.before = vec![0xD9, 0xD9, 0xF7]),
    ("alg-eddsa", "alg is -8 (EdDSA)", |c| c.protected = vec![0x43, 0xA1, 0x01, 0x27]),
    ("alg-es256", "alg is -7", |c| c.protected = vec![0x43, 0xA1, 0x01, 0x26]),
    ("alg-not-shortest", "alg is -19 in two bytes", |c| {
        c.protected = vec![0x44, 0xA1, 0x01, 0x38, 0x12];
    }),
    ("protected-empty", "an empty protected header", |c| c.protected = vec![0x40]),
    ("protected-empty-map", "a protected header of an empty map", |c| c.protected = vec![0x41, 0xA0]),
    ("protected-extra", "a key id in the protected header", |c| {
        c.protected = cbor::bytes(&[0xA2, 0x01, 0x32, 0x04, 0x41, 0x00]);
    }),
    ("protected-not-wrapped", "the protected header is a map, not a byte string", |c| {
        c.protected = vec![0xA1, 0x01, 0x32];
    }),
    ("protected-length-not-shortest", "the length of the protected header has two bytes", |c| {
        c.protected = vec![0x58, 0x03, 0xA1, 0x01, 0x32];
    }),
    ("payload-empty", "an empty payload", |c| c.payload.clear()),
    ("payload-zeros", "a payload of zeros, which is not one CBOR item", |c| c.payload = vec![0; 9]),
];

/// Not covered by the signature.
const UNSIGNED: [Row; 20] = [
    ("unprotected-extra", "a key id in the unprotected header", |c| {
        c.unprotected = vec![0xA1, 0x04, 0x41, 0x00];
    }),
    ("unprotected-alg", "alg stands in the unprotected header too", |c| {
        c.unprotected = vec![0xA1, 0x01, 0x32];
    }),
    ("unprotected-indefinite", "an unprotected header of indefinite length", |c| {
        c.unprotected = vec![0xBF, 0xFF];
    }),
    ("unprotected-not-map", "the unprotected header is an empty array", |c| {
        c.unprotected = vec![0x80];
    }),
    ("array-indefinite", "an array of indefinite length", |c| {
        (c.array, c.trailing) = (vec![0x9F], vec![0xFF]);
    }),
    ("array-length-not-shortest", "the length of the array has two bytes", |c| {
        c.array = vec![0x98, 0x04];
    }),
    ("array-of-3", "the head says three items, four follow", |c| c.array = vec![0x83]),
    ("array-of-5", "a fifth item, null", |c| {
        (c.array, c.trailing) = (vec![0x85], vec![cbor::NULL]);
    }),
    ("array-of-5-missing", "the head says five items, four follow", |c| c.array = vec![0x85]),
    ("map-instead", "a map of two pairs in place of the array", |c| c.array = vec![0xA2]),
    ("trailing-byte", "a byte after the array", |c| c.trailing = vec![0]),
    ("payload-null", "a detached payload", |c| c.payload_item = Some(vec![cbor::NULL])),
    ("payload-text", "the payload is a text string", |c| {
        c.payload_item = Some(cbor::text_raw(&c.payload));
    }),
    ("payload-not-wrapped", "the payload is a map, not a byte string", |c| {
        c.payload_item = Some(c.payload.clone());
    }),
    ("payload-length-not-shortest", "the length of the payload has four bytes", |c| {
        let head = cbor::head_wide(cbor::BYTES, c.payload.len() as u64, 4);
        c.payload_item = Some([head, c.payload.clone()].concat());
    }),
    ("payload-indefinite", "a payload in one piece of indefinite length", |c| {
        let open = vec![cbor::indefinite(cbor::BYTES)];
        c.payload_item = Some([open, cbor::bytes(&c.payload), vec![cbor::BREAK]].concat());
    }),
    ("signature-63", "a signature of 63 bytes", |c| cut(&mut c.signature)),
    ("signature-65", "a signature of 65 bytes", |c| c.signature.push(0)),
    ("signature-empty", "a signature of 0 bytes", |c| c.signature.clear()),
    ("signature-length-not-shortest", "the length of the signature has two bytes", |c| {
        let head = cbor::head_wide(cbor::BYTES, 64, 2);
        c.signature_item = Some([head, c.signature.clone()].concat());
    }),
];

pub fn vectors() -> Vec<Vector> {
    let fails = |name: &str, about: &str, forge: &Forge| {
        Vector::fails(&format!("opening/cose-{name}"), about, forge, "Malformed", 4)
    };
    let mut all = Vec::new();
    for (name, about, change) in SIGNED {
        all.push(fails(name, about, &honest().with(|f| f.opening.before_signing.set(change))));
    }
    for (name, about, change) in UNSIGNED {
        all.push(fails(name, about, &honest().with(|f| f.opening.after_signing.set(change))));
    }
    let encoded = |change: fn(&mut Vec<u8>)| honest().with(|f| f.opening.encoded.set(change));
    all.push(fails("zeros", "zeros in place of the statement", &encoded(|o| o.fill(0))));
    all.push(fails("nested", "arrays in arrays, without end", &encoded(|o| o.fill(0x81))));
    all.push(fails(
        "huge-length",
        "a byte string that is said to have 2^63 bytes",
        &encoded(|o| *o = [&[0x84][..], &cbor::head(cbor::BYTES, 1 << 63), &[0; 9]].concat()),
    ));
    let attached = Forge::attached(&alice()).with(|f| f.opening.after_signing.set(|c| c.before = vec![0xD2])).seal();
    all.push(Vector::verify(
        "opening/attached-cose-tagged",
        "a signed envelope with tag 18",
        &attached.envelope,
        crate::vector::fails("Malformed", 4),
    ));
    all
}
