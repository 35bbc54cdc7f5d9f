//! Step 4: the values of the claims, one by one (statements.md §3).

use bulla_forge::points::{minus_one, prime_plus, small_order_encryption_keys};
use bulla_forge::{Claims, Forge, ReplyKey, Sequence, bytes, cbor};

use crate::cast::{alice, honest};
use crate::opening_claims::{Row, rows};
use crate::vector::Vector;

const M: &str = "Malformed";

pub fn vectors() -> Vec<Vector> {
    [rows(&REQUIRED), rows(&OPTIONAL), rows(&TEXTS), rows(&ATTRIBUTES), rows(&ARRAYS), limits(), reply_keys()]
        .into_iter()
        .flatten()
        .collect()
}

const REQUIRED: [Row; 14] = [
    ("context-bytes", "the context is a byte string", M, |c| c.set(3, cbor::bytes(b"file-transfer"))),
    ("issued-negative", "issued at -1", M, |c| c.set(6, cbor::int(-1))),
    ("issued-float", "issued at is a floating-point number", M, |c| {
        c.set(6, [vec![0xFB], 1.8e9f64.to_be_bytes().to_vec()].concat());
    }),
    ("issued-tagged", "issued at with tag 1", M, |c| {
        c.set(6, [vec![0xC1], cbor::uint(bulla_forge::NOW)].concat());
    }),
    ("issued-bignum", "issued at is a bignum of 9 bytes", M, |c| {
        c.set(6, [vec![0xC2], cbor::bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 0])].concat());
    }),
    ("issued-text", "issued at is a text", M, |c| c.set(6, cbor::text("1800000000"))),
    ("message-id-15", "a message id of 15 bytes", M, |c| c.set(7, cbor::bytes(&[7; 15]))),
    ("message-id-17", "a message id of 17 bytes", M, |c| c.set(7, cbor::bytes(&[7; 17]))),
    ("message-id-text", "the message id is a text", M, |c| c.set(7, cbor::text("0123456789abcdef"))),
    ("statement-type-text", "the statement type is a text", M, |c| c.set(-1, cbor::text("message"))),
    ("statement-type-null", "the statement type is null", M, |c| c.set(-1, vec![cbor::NULL])),
    ("signer-31", "a signer of 31 bytes", M, |c| c.set(-2, cbor::bytes(&alice().signer()[..31]))),
    ("signer-33", "a signer of 33 bytes", M, |c| {
        c.set(-2, cbor::bytes(&[&alice().signer()[..], &[0]].concat()));
    }),
    ("signer-text", "the signer is a text", M, |c| c.set(-2, cbor::text(&"a".repeat(32)))),
];

const OPTIONAL: [Row; 16] = [
    ("expires-negative", "expires at -1", M, |c| c.set(4, cbor::int(-1))),
    ("expires-null", "expires is null", M, |c| c.set(4, vec![cbor::NULL])),
    ("expires-bytes", "expires is a byte string", M, |c| c.set(4, cbor::bytes(&[0; 8]))),
    ("length-negative", "a length of -1", M, |c| c.set(-3, cbor::int(-1))),
    ("length-text", "the length is a text", M, |c| c.set(-3, cbor::text("44"))),
    ("digest-31", "a digest of 31 bytes", M, |c| c.set(-4, cbor::bytes(&[1; 31]))),
    ("digest-33", "a digest of 33 bytes", M, |c| c.set(-4, cbor::bytes(&[1; 33]))),
    ("digest-null", "the digest is null", M, |c| c.set(-4, vec![cbor::NULL])),
    ("padding-0", "a padding of 0 is written", M, |c| c.set(-5, cbor::uint(0))),
    ("padding-negative", "a padding of -1", M, |c| c.set(-5, cbor::int(-1))),
    ("padding-bytes", "the padding is a byte string", M, |c| c.set(-5, cbor::bytes(&[0]))),
    ("challenge-31", "a challenge of 31 bytes", M, |c| c.set(-9, cbor::bytes(&[1; 31]))),
    ("challenge-33", "a challenge of 33 bytes", M, |c| c.set(-9, cbor::bytes(&[1; 33]))),
    ("receipts-0", "receipts 0", M, |c| asking(c, cbor::uint(0))),
    ("receipts-8", "receipts 8", M, |c| asking(c, cbor::uint(8))),
    ("receipts-true", "receipts true", M, |c| asking(c, vec![0xF5])),
];

fn asking(claims: &mut Claims, receipts: Vec<u8>) {
    claims.set(-10, receipts);
    replying(claims, 1, 0, &alice().encryption());
}

fn replying(claims: &mut Claims, suite: u64, generation: u64, key: &[u8]) {
    claims.set(-11, cbor::array(&[cbor::uint(suite), cbor::uint(generation), cbor::bytes(key)]));
}

const TEXTS: [Row; 13] = [
    ("context-empty", "an empty context", M, |c| c.set(3, cbor::text(""))),
    ("context-256", "a context of 256 bytes", M, |c| c.set(3, cbor::text(&"c".repeat(256)))),
    ("context-256-in-128", "a context of 128 characters, 256 bytes", M, |c| {
        c.set(3, cbor::text(&"ö".repeat(128)));
    }),
    ("context-newline", "a line feed in the context", M, |c| c.set(3, cbor::text("file\ntransfer"))),
    ("context-nul", "a zero byte in the context", M, |c| c.set(3, cbor::text("file-transfer\0"))),
    ("context-delete", "U+007F in the context", M, |c| c.set(3, cbor::text("file\u{7F}"))),
    ("context-c1", "U+0085 in the context", M, |c| c.set(3, cbor::text("file\u{85}"))),
    ("context-not-utf-8", "a context that is not UTF-8", M, |c| c.set(3, cbor::text_raw(b"\xFF"))),
    ("content-type-empty", "an empty content type", M, |c| c.set(-6, cbor::text(""))),
    ("content-type-256", "a content type of 256 characters", M, |c| {
        c.set(-6, cbor::text(&"t".repeat(256)));
    }),
    ("content-type-tab", "a tab in the content type", M, |c| c.set(-6, cbor::text("text/\tplain"))),
    ("content-type-not-ascii", "a content type that is not ASCII", M, |c| {
        c.set(-6, cbor::text("text/plän"));
    }),
    ("content-type-bytes", "the content type is a byte string", M, |c| {
        c.set(-6, cbor::bytes(b"text/plain"));
    }),
];

fn attributes(claims: &mut Claims, pairs: &[(Vec<u8>, Vec<u8>)]) {
    claims.set(-7, cbor::map(pairs));
}

fn attribute(claims: &mut Claims, name: Vec<u8>, value: Vec<u8>) {
    attributes(claims, &[(name, value)]);
}

fn value(length: usize) -> Vec<u8> {
    cbor::bytes(&bytes("attribute", length))
}

const ATTRIBUTES: [Row; 12] = [
    ("attributes-none", "a map of no attributes", M, |c| attributes(c, &[])),
    ("attributes-array", "an array in place of the attributes", M, |c| c.set(-7, cbor::array(&[]))),
    ("attributes-65", "one attribute too many", M, |c| {
        let pairs: Vec<_> = (0..65).map(|n| (cbor::text(&format!("{n:02}")), value(0))).collect();
        attributes(c, &pairs);
    }),
    ("attribute-name-empty", "an empty name", M, |c| attribute(c, cbor::text(""), value(1))),
    ("attribute-name-65", "a name of 65 bytes", M, |c| {
        attribute(c, cbor::text(&"n".repeat(65)), value(1));
    }),
    ("attribute-name-control", "a line feed in a name", M, |c| {
        attribute(c, cbor::text("na\nme"), value(1));
    }),
    ("attribute-name-bytes", "a name is a byte string", M, |c| {
        attribute(c, cbor::bytes(b"name"), value(1));
    }),
    ("attribute-name-int", "a name is a number", M, |c| attribute(c, cbor::uint(1), value(1))),
    ("attribute-value-4097", "a value of 4097 bytes", M, |c| {
        attribute(c, cbor::text("name"), value(4_097));
    }),
    ("attribute-value-text", "a value is a text", M, |c| {
        attribute(c, cbor::text("name"), cbor::text("value"));
    }),
    ("attribute-twice", "a name stands twice", M, |c| {
        let pair = (cbor::text("name"), value(1));
        attributes(c, &[pair.clone(), pair]);
    }),
    ("attribute-order", "two names in wrong order", M, |c| {
        attributes(c, &[(cbor::text("b"), value(1)), (cbor::text("a"), value(1))]);
    }),
];

fn sequence(claims: &mut Claims, items: &[Vec<u8>]) {
    claims.set(-8, cbor::array(items));
}

const ARRAYS: [Row; 14] = [
    ("sequence-stream-empty", "a stream id of 0 bytes", M, |c| sequence(c, &[value(0), cbor::uint(1)])),
    ("sequence-stream-65", "a stream id of 65 bytes", M, |c| sequence(c, &[value(65), cbor::uint(1)])),
    ("sequence-stream-text", "the stream id is a text", M, |c| {
        sequence(c, &[cbor::text("ledger"), cbor::uint(1)]);
    }),
    ("sequence-number-negative", "a number of -1", M, |c| sequence(c, &[value(6), cbor::int(-1)])),
    ("sequence-of-1", "a stream id alone", M, |c| sequence(c, &[value(6)])),
    ("sequence-of-3", "a third item", M, |c| {
        sequence(c, &[value(6), cbor::uint(1), cbor::uint(1)]);
    }),
    ("sequence-uint", "a number in place of the sequence", M, |c| c.set(-8, cbor::uint(1))),
    ("sequence-number-not-shortest", "the number in three bytes", M, |c| {
        sequence(c, &[value(6), cbor::head_wide(cbor::UINT, 1, 2)]);
    }),
    ("reply-key-suite-2", "a reply key of suite 2", "UnsupportedVersion", |c| {
        c.set(-10, cbor::uint(1));
        replying(c, 2, 0, &alice().encryption());
    }),
    ("reply-key-generation-2-32", "a generation of 33 bits", M, |c| {
        c.set(-10, cbor::uint(1));
        replying(c, 1, 1 << 32, &alice().encryption());
    }),
    ("reply-key-31", "a reply key of 31 bytes", M, |c| {
        c.set(-10, cbor::uint(1));
        replying(c, 1, 0, &alice().encryption()[..31]);
    }),
    ("reply-key-of-2", "a reply key without its generation", M, |c| {
        c.set(-10, cbor::uint(1));
        c.set(-11, cbor::array(&[cbor::uint(1), cbor::bytes(&alice().encryption())]));
    }),
    ("reply-key-of-4", "a fourth item in the reply key", M, |c| {
        c.set(-10, cbor::uint(1));
        let key = cbor::bytes(&alice().encryption());
        c.set(-11, cbor::array(&[cbor::uint(1), cbor::uint(0), key, cbor::uint(0)]));
    }),
    ("reply-key-bytes", "a reply key that is only the key", M, |c| {
        c.set(-10, cbor::uint(1));
        c.set(-11, cbor::bytes(&alice().encryption()));
    }),
];

/// What is just allowed.
fn limits() -> Vec<Vector> {
    let opens = |name: &str, about: &str, change: fn(&mut Forge)| {
        Vector::opens(&format!("opening/claims-{name}"), about, &honest().with(change))
    };
    let attribute = |name: String, length| vec![(name, bytes("attribute", length))];
    let long_name = honest().with(|f| f.stamp.attributes = attribute("n".repeat(64), 1));
    let long_value = honest().with(|f| f.stamp.attributes = attribute("n".to_owned(), 4_096));
    vec![
        opens("context-255", "a context of 255 bytes", |f| f.stamp.context = "c".repeat(255))
            .policy(|p| p.context = "c".repeat(255)),
        opens("content-type-255", "a content type of 255 characters", |f| {
            f.stamp.content_type = Some("~ ".repeat(127) + "t");
        }),
        opens("attributes-64", "as many attributes as allowed", |f| {
            f.stamp.attributes = (0..64).map(|n| (format!("{n:02}"), Vec::new())).collect();
        }),
        opens("attributes-order", "a short name stands before a long one, whatever its letters", |f| {
            f.stamp.attributes = vec![("aa".to_owned(), vec![1]), ("z".to_owned(), vec![2])];
        }),
        Vector::opens("opening/claims-attribute-name-64", "a name of 64 bytes", &long_name),
        Vector::opens("opening/claims-attribute-value-4096", "a value of 4096 bytes", &long_value),
        opens("sequence-limits", "a stream id of 64 bytes and the greatest number", |f| {
            f.stamp.sequence = Some(Sequence { stream: bytes("stream", 64), number: u64::MAX });
        }),
        opens("reply-key-generation-greatest", "a reply key of the greatest generation", |f| {
            let key = alice().encryption();
            f.stamp.receipts = Some(1);
            f.stamp.reply_key = Some(ReplyKey { suite: 1, generation: u32::MAX, key });
        }),
    ]
}

/// A reply key that is not acceptable is as bad as a signer that is not (statements.md §3).
fn reply_keys() -> Vec<Vector> {
    let mut top_bit = alice().encryption();
    top_bit[31] |= 0x80;
    let rows = [
        ("zero", "zero", small_order_encryption_keys()[0]),
        ("order-8", "a point of order 8", small_order_encryption_keys()[3]),
        ("minus-one", "2^255 - 20", minus_one()),
        ("prime", "2^255 - 19, which is zero", prime_plus(0, false)),
        ("prime-plus-9", "2^255 - 10, which is the base point", prime_plus(9, false)),
        ("top-bit", "an honest key with the top bit set", top_bit),
    ];
    rows.into_iter()
        .map(|(name, what, key)| {
            let forge = honest().with(|f| {
                f.stamp.receipts = Some(1);
                f.stamp.reply_key = Some(ReplyKey { suite: 1, generation: 0, key });
            });
            let name = format!("opening/reply-key-{name}");
            Vector::fails(&name, &format!("the reply key is {what}"), &forge, "NotAuthentic", 4)
        })
        .collect()
}
