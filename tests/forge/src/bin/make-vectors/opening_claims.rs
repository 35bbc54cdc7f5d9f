//! Step 4: the map of claims: its form, what must be there, what is critical (statements.md §1, §3).

use bulla_forge::{ATTACHED, Claims, DETACHED, Forge, Layout, Padding, bytes, cbor};

use crate::cast::{alice, honest};
use crate::vector::{Vector, fails};

pub type Row = (&'static str, &'static str, &'static str, fn(&mut Claims));

/// Each row changes the claims before they are signed.
pub fn rows(rows: &[Row]) -> Vec<Vector> {
    rows.iter()
        .map(|(name, about, verdict, change)| {
            let forge = honest().with(|f| f.opening.claims.set(*change));
            Vector::fails(&format!("opening/claims-{name}"), about, &forge, verdict, 4)
        })
        .collect()
}

pub fn vectors() -> Vec<Vector> {
    [rows(&FORM), rows(&MISSING), rows(&LABELS), extensions(), layout()].into_iter().flatten().collect()
}

const FORM: [Row; 15] = [
    ("label-twice", "a label stands twice, with one value", "Malformed", |c| {
        c.pairs.insert(1, c.pairs[0].clone());
    }),
    ("label-twice-other-value", "a label stands twice, with two values", "Malformed", |c| {
        let pair = (cbor::int(-1), cbor::uint(2));
        let at = c.pairs.iter().position(|(key, _)| *key == cbor::int(-2)).expect("a signer");
        c.pairs.insert(at, pair);
    }),
    ("order", "two labels have changed places", "Malformed", |c| c.pairs.swap(0, 1)),
    ("order-negative-first", "the negative labels stand first", "Malformed", |c| {
        c.pairs.rotate_left(4);
    }),
    ("label-not-shortest", "label 3 in two bytes", "Malformed", |c| {
        c.pairs[0].0 = cbor::head_wide(cbor::UINT, 3, 1);
    }),
    ("value-not-shortest", "the statement type in two bytes", "Malformed", |c| {
        c.set(-1, cbor::head_wide(cbor::UINT, 1, 1));
    }),
    ("time-not-shortest", "issued at in nine bytes", "Malformed", |c| {
        c.set(6, cbor::head_wide(cbor::UINT, bulla_forge::NOW, 8));
    }),
    ("length-not-shortest", "the length of the context in two bytes", "Malformed", |c| {
        let context = bulla_forge::CONTEXT;
        let head = cbor::head_wide(cbor::TEXT, context.len() as u64, 1);
        c.set(3, [head, context.as_bytes().to_vec()].concat());
    }),
    ("string-indefinite", "the context in pieces of indefinite length", "Malformed", |c| {
        let context = cbor::text(bulla_forge::CONTEXT);
        c.set(3, [vec![cbor::indefinite(cbor::TEXT)], context, vec![cbor::BREAK]].concat());
    }),
    ("map-indefinite", "a map of indefinite length", "Malformed", |c| {
        let pairs = cbor::map(&c.pairs)[1..].to_vec();
        c.raw = Some([vec![cbor::indefinite(cbor::MAP)], pairs, vec![cbor::BREAK]].concat());
    }),
    ("map-length-not-shortest", "the length of the map in two bytes", "Malformed", |c| {
        let pairs = cbor::map(&c.pairs)[1..].to_vec();
        c.raw = Some([cbor::head_wide(cbor::MAP, c.pairs.len() as u64, 1), pairs].concat());
    }),
    ("map-longer", "the head says one pair more than there is", "Malformed", |c| {
        let mut raw = cbor::map(&c.pairs);
        raw[0] += 1;
        c.raw = Some(raw);
    }),
    ("trailing-byte", "a byte after the map", "Malformed", |c| {
        c.raw = Some([cbor::map(&c.pairs), vec![0]].concat());
    }),
    ("array", "an array in place of the map", "Malformed", |c| {
        let items: Vec<_> = c.pairs.iter().map(|(_, value)| value.clone()).collect();
        c.raw = Some(cbor::array(&items));
    }),
    ("tagged", "a tag before the map", "Malformed", |c| {
        c.raw = Some([vec![0xD8, 0x3D], cbor::map(&c.pairs)].concat());
    }),
];

const MISSING: [Row; 5] = [
    ("no-context", "no context", "Malformed", |c| c.remove(3)),
    ("no-issued", "no issued at", "Malformed", |c| c.remove(6)),
    ("no-message-id", "no message id", "Malformed", |c| c.remove(7)),
    ("no-statement-type", "no statement type", "Malformed", |c| c.remove(-1)),
    ("no-signer", "no signer", "Malformed", |c| c.remove(-2)),
];

const LABELS: [Row; 18] = [
    ("label-0", "label 0, not known", "UnsupportedVersion", |c| c.set(0, cbor::bytes(b""))),
    ("label-1", "iss, not known here", "UnsupportedVersion", |c| c.set(1, cbor::text("Alice"))),
    ("label-5", "nbf, not known here", "UnsupportedVersion", |c| c.set(5, cbor::uint(0))),
    ("label-8", "cnf, not known here", "UnsupportedVersion", |c| c.set(8, cbor::map(&[]))),
    ("label-255", "the greatest critical label", "UnsupportedVersion", |c| {
        c.set(255, cbor::bytes(b"x"));
    }),
    ("label-minus-12", "card, reserved", "UnsupportedVersion", |c| c.set(-12, cbor::bytes(b"x"))),
    ("label-minus-13", "card digest, reserved", "UnsupportedVersion", |c| {
        c.set(-13, cbor::bytes(&[0; 32]));
    }),
    ("label-minus-14", "a claim of another statement type", "UnsupportedVersion", |c| {
        c.set(-14, cbor::bytes(b"x"));
    }),
    ("label-minus-25", "a label that nobody has", "UnsupportedVersion", |c| {
        c.set(-25, cbor::bytes(b"x"));
    }),
    ("label-minus-256", "the least critical label", "UnsupportedVersion", |c| {
        c.set(-256, cbor::bytes(b"x"));
    }),
    ("label-text", "a text label", "Malformed", |c| {
        c.pairs.push((cbor::text("note"), cbor::bytes(b"x")));
    }),
    ("label-2-63", "label 2^63: not a signed number of 64 bits", "Malformed", |c| {
        c.pairs.push((cbor::head(cbor::UINT, 1 << 63), cbor::bytes(b"x")));
        c.pairs.sort();
    }),
    ("label-under-minus-2-63", "label -2^63 - 1", "Malformed", |c| {
        c.pairs.push((cbor::head(cbor::NEGATIVE, 1 << 63), cbor::bytes(b"x")));
        c.pairs.sort();
    }),
    ("label-bytes", "a label of bytes", "Malformed", |c| {
        let at = c.pairs.len();
        c.pairs.insert(at, (cbor::bytes(b"note"), cbor::bytes(b"x")));
    }),
    ("statement-type-0", "statement type 0", "UnsupportedVersion", |c| c.set(-1, cbor::uint(0))),
    ("statement-type-6", "a closing's statement type", "UnsupportedVersion", |c| {
        c.set(-1, cbor::uint(6));
    }),
    ("statement-type-9", "statement type 9", "UnsupportedVersion", |c| c.set(-1, cbor::uint(9))),
    ("statement-type-greatest", "statement type 2^64 - 1", "UnsupportedVersion", |c| {
        c.set(-1, cbor::uint(u64::MAX));
    }),
];

/// The same extension twice in a row, where it belongs.
fn doubled_extension(claims: &mut Claims, label: i64) {
    claims.set(label, cbor::bytes(b"x"));
    let at = place(claims, label);
    claims.pairs.insert(at, claims.pairs[at].clone());
}

/// Two extensions, each in the place of the other.
fn swapped_extensions(claims: &mut Claims, [one, two]: [i64; 2]) {
    claims.set(one, cbor::bytes(b"x"));
    claims.set(two, cbor::bytes(b"x"));
    let (one, two) = (place(claims, one), place(claims, two));
    claims.pairs.swap(one, two);
}

fn place(claims: &Claims, label: i64) -> usize {
    let label = cbor::int(label);
    claims.pairs.iter().position(|(other, _)| *other == label).expect("a claim that was set")
}

fn extensions() -> Vec<Vector> {
    let with = |extensions: Vec<(i64, Vec<u8>)>| honest().with(|f| f.stamp.extensions = extensions.clone());
    let many = |count: i64| with((0..count).map(|n| (1_000 + n, Vec::new())).collect());
    let edges = [256, i64::MAX, -257, i64::MIN].map(|label| (label, bytes("extension", 3)));
    let mut all = rows(&[
        ("extension-uint", "an extension that is a number", "Malformed", |c| {
            c.set(256, cbor::uint(1));
        }),
        ("extension-text", "an extension that is a text", "Malformed", |c| {
            c.set(-257, cbor::text("x"));
        }),
        ("extension-map", "an extension that is a map", "Malformed", |c| {
            c.set(70_000, cbor::map(&[]));
        }),
        ("extension-twice", "an extension twice", "Malformed", |c| doubled_extension(c, 300)),
        ("extension-negative-twice", "an extension of negative label twice", "Malformed", |c| {
            doubled_extension(c, -300)
        }),
        ("extension-order", "two extensions in wrong order", "Malformed", |c| swapped_extensions(c, [300, 400])),
        ("extension-negative-order", "two extensions of negative label in wrong order", "Malformed", |c| {
            swapped_extensions(c, [-300, -400]);
        }),
        ("extension-positive-last", "an extension of positive label after one of negative label", "Malformed", |c| {
            c.set(-300, cbor::bytes(b"x"));
            c.pairs.push((cbor::int(300), cbor::bytes(b"x")));
        }),
    ]);
    all.extend([
        Vector::opens(
            "opening/claims-extension-edges",
            "extensions at both ends of both ranges of labels",
            &with(edges.to_vec()),
        ),
        Vector::opens("opening/claims-extensions-64", "as many extensions as allowed", &many(64)),
        Vector::fails("opening/claims-extensions-65", "one extension too many", &many(65), "Malformed", 4),
    ]);
    all
}

/// Rules between claims, and between claims and the kind.
fn layout() -> Vec<Vector> {
    let mut all = rows(&[
        ("digest-without-length", "a digest without a length", "Malformed", |c| c.remove(-3)),
        ("receipts-without-reply-key", "receipts asked, no reply key", "Malformed", |c| {
            c.set(-10, cbor::uint(1));
        }),
        ("reply-key-without-receipts", "a reply key, no receipts asked", "Malformed", |c| {
            c.set(-11, bulla_forge::cbor::array(&[cbor::uint(1), cbor::uint(0), cbor::bytes(&alice().encryption())]));
        }),
    ]);
    let padded_stream = honest().with(|f| {
        (f.layout, f.padding) = (Layout::LengthUnknown, Padding::Zeros(5));
    });
    all.push(Vector::fails(
        "opening/claims-padding-without-length",
        "padding in a stream of unknown length",
        &padded_stream,
        "Malformed",
        4,
    ));
    let signed = |kind, layout, padding| {
        let forge = Forge { kind, ..Forge::attached(&alice()) };
        forge.with(|f| (f.layout, f.padding) = (layout, padding)).seal()
    };
    let padded = signed(ATTACHED, Layout::OneShot, Padding::Zeros(5));
    let detached_padded = signed(DETACHED, Layout::OneShot, Padding::Zeros(5));
    let known = signed(DETACHED, Layout::LengthKnown, Padding::None);
    let unknown = signed(DETACHED, Layout::LengthUnknown, Padding::None);
    let verify = |name, about, sealed: &bulla_forge::Sealed| {
        Vector::verify(name, about, &sealed.envelope, fails("Malformed", 4))
    };
    all.extend([
        verify("opening/attached-padded", "padding in a signed envelope", &padded),
        verify("opening/detached-padded", "padding in a detached envelope", &detached_padded)
            .beside(&detached_padded.content),
        verify("opening/detached-without-digest", "layout 2, detached", &known).beside(&known.content),
        verify("opening/detached-without-length", "layout 3, detached", &unknown).beside(&unknown.content),
    ]);
    all
}
