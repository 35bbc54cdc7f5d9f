//! Step 6: streams, settled by their closing (envelope.md §5, statements.md §5).

use bulla_forge::cose::{Cose, opening_external};
use bulla_forge::{Claims, Forge, Layout, Padding, Sealed, cbor, ed25519, h};

use crate::cast::{after_opening, alice, bob, carol, content, cut, honest, mallory, sized};
use crate::content::fails;
use crate::vector::{Vector, late};

/// The greatest closing and its length: what a reader of layout 3 holds back.
const HELD: usize = 514;

pub fn vectors() -> Vec<Vector> {
    [closings(), ends(), known(), known_content(), unknown(), chunks(), attached()].into_iter().flatten().collect()
}

pub fn stream_known() -> Forge {
    honest().with(|f| (f.layout, f.content) = (Layout::LengthKnown, content(700)))
}

pub fn stream_unknown() -> Forge {
    honest().with(|f| (f.layout, f.content) = (Layout::LengthUnknown, content(700)))
}

/// Layout 2: the signed length may have been handed out, whatever is read as content.
pub fn fails_known(name: &str, about: &str, forge: &Forge) -> Vector {
    let sealed = forge.seal();
    let signed = sealed.stamp.length.expect("layout 2") as usize;
    let released = signed.min(after_opening(&sealed).len());
    fails(&format!("stream-known-{name}"), about, &sealed, released)
}

/// Layout 3: all but what is held back.
pub fn fails_unknown(name: &str, about: &str, forge: &Forge) -> Vector {
    let sealed = forge.seal();
    let released = held_back(&sealed);
    fails(&format!("stream-{name}"), about, &sealed, released)
}

fn held_back(sealed: &Sealed) -> usize {
    after_opening(sealed).len().saturating_sub(HELD)
}

fn closings() -> Vec<Vector> {
    let claims = |change: fn(&mut Claims)| stream_unknown().with(|f| f.closing.claims.set(change));
    let cose = |change: fn(&mut Cose)| stream_unknown().with(|f| f.closing.after_signing.set(change));
    let fails = fails_unknown;
    let mut all = vec![
        fails("closing-signature-bit", "a bit of the closing's signature is changed", &cose(|c| c.signature[40] ^= 1)),
        fails(
            "closing-s-plus-order",
            "S + L in the closing's signature",
            &cose(|c| {
                let bent = ed25519::add_order(c.signature[..].try_into().expect("64 bytes"));
                c.signature = bent.to_vec();
            }),
        ),
        fails("closing-tagged", "the closing has tag 18", &cose(|c| c.before = vec![0xD2])),
        fails("closing-trailing-byte", "a byte after the closing, within its length", &cose(|c| c.trailing = vec![0])),
        fails(
            "closing-unprotected",
            "a key id in the closing's unprotected header",
            &cose(|c| {
                c.unprotected = vec![0xA1, 0x04, 0x41, 0x00];
            }),
        ),
        fails("closing-extra-claim", "an extension in the closing", &claims(|c| c.set(256, cbor::bytes(b"x")))),
        fails(
            "closing-signer-claim",
            "a signer in the closing",
            &claims(|c| {
                c.set(-2, cbor::bytes(&alice().signer()));
            }),
        ),
        fails("closing-type-1", "the closing is of statement type 1", &claims(|c| c.set(-1, cbor::uint(1)))),
        fails("closing-no-type", "the closing has no statement type", &claims(|c| c.remove(-1))),
        fails("closing-no-length", "the closing has no length", &claims(|c| c.remove(-3))),
        fails("closing-no-digest", "the closing has no digest", &claims(|c| c.remove(-4))),
        fails("closing-digest-31", "the closing's digest has 31 bytes", &claims(|c| c.set(-4, cbor::bytes(&[1; 31])))),
        fails("closing-order", "the closing's labels are in wrong order", &claims(|c| c.pairs.swap(1, 2))),
        fails(
            "closing-not-shortest",
            "the closing's statement type in two bytes",
            &claims(|c| {
                c.set(-1, cbor::head_wide(cbor::UINT, 6, 1));
            }),
        ),
        fails("closing-length-less", "the closing's length is one less", &claims(|c| c.set(-3, cbor::uint(699)))),
        fails("closing-length-more", "the closing's length is one more", &claims(|c| c.set(-3, cbor::uint(701)))),
        fails(
            "closing-digest",
            "the closing's digest is another",
            &claims(|c| {
                c.set(-4, cbor::bytes(&h(&[b"another"])));
            }),
        ),
    ];
    all.extend(bound());
    all
}

/// A closing that was honestly made, for something else.
fn bound() -> Vec<Vector> {
    let external =
        |external: Vec<u8>| stream_unknown().with(|f| f.closing.external.set(move |data| data.clone_from(&external)));
    let replaced = |other: Sealed| {
        let closing = other.closing.expect("a stream");
        stream_unknown().with(|f| f.closing.encoded.set(move |bytes| bytes.clone_from(&closing)))
    };
    let header = stream_unknown().make_header();
    let same_header = stream_unknown().with(|f| f.stamp.message_id = [9; 16]).seal();
    let other_header = stream_unknown().fresh("another").seal();
    let opening = stream_unknown().seal().opening;
    let fails = fails_unknown;
    vec![
        fails(
            "closing-of-another-opening",
            "the closing of another opening under the same header",
            &replaced(same_header),
        ),
        fails("closing-of-another-header", "the closing of another envelope", &replaced(other_header)),
        fails(
            "closing-by-another",
            "Mallory has signed the closing",
            &stream_unknown().with(|f| {
                f.closing.seed = mallory().seed;
            }),
        ),
        fails(
            "closing-as-opening",
            "the closing is signed with the external data of the opening",
            &external(opening_external(&header)),
        ),
        fails(
            "closing-without-opening",
            "the closing is signed over the header's digest alone",
            &external([&b"bulla/1 closing\0"[..], &h(&[&header])].concat()),
        ),
        fails(
            "closing-opening-itself",
            "the closing is signed over the opening instead of its digest",
            &external([&b"bulla/1 closing\0"[..], &h(&[&header]), &opening].concat()),
        ),
        fails(
            "closing-is-opening",
            "the opening stands in place of the closing",
            &stream_unknown().with(|f| {
                f.closing.encoded.set(move |bytes| bytes.clone_from(&opening));
            }),
        ),
    ]
}

/// A closing of 513 bytes: else it is one as far as it can be, but the extension alone is a fault too.
fn long_closing() -> Forge {
    let real = stream_unknown().seal().closing.expect("a stream").len();
    let long = stream_unknown().with(|f| {
        f.closing.claims.set(move |c| c.set(256, cbor::bytes(&vec![0; 513 - real - 7])));
    });
    assert_eq!(long.seal().closing.expect("a stream").len(), 513);
    long
}

/// The last bytes of layout 3.
fn ends() -> Vec<Vector> {
    let end = |change: fn(&mut Vec<u8>)| stream_unknown().with(|f| f.end.set(change));
    let said = |length: u16| {
        stream_unknown().with(|f| {
            f.end.set(move |end| {
                let at = end.len() - 2;
                end[at..].copy_from_slice(&length.to_be_bytes());
            });
        })
    };
    let real = stream_unknown().seal().closing.expect("a stream").len() as u16;
    let fails = fails_unknown;
    vec![
        fails("end-missing", "neither closing nor its length", &end(Vec::clear)),
        fails(
            "closing-missing",
            "the closing is missing, its length is there",
            &end(|end| drop(end.drain(..end.len() - 2))),
        ),
        fails("closing-length-cut", "the second byte of the closing's length is missing", &end(cut)),
        fails("closing-length-missing", "the closing's length is missing", &end(|end| end.truncate(end.len() - 2))),
        fails(
            "closing-cut",
            "the closing has lost its last byte, its length is honest",
            &end(|end| _ = end.remove(end.len() - 3)),
        ),
        fails("closing-length-0", "the closing's length is said to be 0", &said(0)),
        fails("closing-length-one-less", "the closing's length is said to be one less", &said(real - 1)),
        fails("closing-length-one-more", "the closing's length is said to be one more", &said(real + 1)),
        fails("closing-length-513", "the closing's length is said to be 513", &said(513)),
        fails("closing-length-65535", "the closing's length is said to be 65 535", &said(65_535)),
        fails("closing-513", "a closing of 513 bytes", &long_closing()),
        fails("closing-twice", "the closing and its length stand twice", &end(|end| end.extend_from_within(..))),
        fails("byte-after-end", "a byte follows the closing's length", &end(|end| end.push(0))),
        fails(
            "content-0-end-missing",
            "no content, and nothing after the opening",
            &stream_unknown().with(|f| {
                f.content.clear();
                f.end.set(Vec::clear);
            }),
        ),
        fails(
            "content-1-end-missing",
            "one byte after the opening",
            &stream_unknown().with(|f| {
                f.content.truncate(1);
                f.end.set(Vec::clear);
            }),
        ),
        fails(
            "content-0-closing-past-start",
            "no content; the closing would start in the opening",
            &said(real + 1).with(|f| f.content.clear()),
        ),
    ]
}

fn known() -> Vec<Vector> {
    let end = |change: fn(&mut Vec<u8>)| stream_known().with(|f| f.end.set(change));
    let fails = fails_known;
    vec![
        fails("end-missing", "neither closing nor its length", &end(Vec::clear)),
        fails("closing-length-missing", "the closing's length is missing", &end(|end| end.truncate(end.len() - 2))),
        fails("closing-length-cut", "the second byte of the closing's length is missing", &end(cut)),
        fails(
            "closing-length-0",
            "the closing's length is said to be 0",
            &end(|end| {
                let at = end.len() - 2;
                end[at..].fill(0);
            }),
        ),
        fails(
            "closing-length-one-less",
            "the closing's length is said to be one less",
            &end(|end| {
                let at = end.len() - 1;
                end[at] -= 1;
            }),
        ),
        fails("byte-before-closing", "a byte between content and closing", &end(|end| end.insert(0, 0))),
        fails("byte-after-end", "a byte follows the closing's length", &end(|end| end.push(0))),
        fails(
            "closing-signature-bit",
            "a bit of the closing's signature is changed",
            &stream_known().with(|f| {
                f.closing.after_signing.set(|cose| cose.signature[40] ^= 1);
            }),
        ),
    ]
}

/// The content of layout 2, and its padding.
fn known_content() -> Vec<Vector> {
    let fails = fails_known;
    vec![
        fails(
            "forged",
            "a co-recipient has forged the content",
            &stream_known().with(|f| {
                f.signed_content = Some(f.content.clone());
                f.content[0] ^= 1;
            }),
        ),
        fails(
            "shorter",
            "the content lacks a byte of the signed length; the closing is right about it",
            &stream_known().with(|f| {
                f.stamp.length = Some(701);
            }),
        ),
        fails(
            "longer",
            "the content has a byte more than the signed length; the closing is right about it",
            &stream_known().with(|f| {
                f.stamp.length = Some(699);
            }),
        ),
        fails(
            "closing-length-differs",
            "content as the stamp says, the closing signs one byte more",
            &stream_known().with(|f| {
                f.closing.claims.set(|claims| claims.set(-3, cbor::uint(701)));
            }),
        ),
        fails(
            "padding-bit",
            "a byte of the padding is 1",
            &stream_known().with(|f| {
                (f.padding, f.padding_bytes) = (Padding::Zeros(3), Some(vec![0, 0, 1]));
            }),
        ),
        fails(
            "padding-missing",
            "no padding, though it is signed",
            &stream_known().with(|f| {
                (f.padding, f.padding_bytes) = (Padding::Zeros(3), Some(Vec::new()));
            }),
        ),
        fails(
            "padding-unsigned",
            "padding that no claim speaks of",
            &stream_known().with(|f| {
                f.padding_bytes = Some(vec![0; 3]);
            }),
        ),
    ]
}

fn unknown() -> Vec<Vector> {
    let signed = content(700);
    let with = |content: Vec<u8>| {
        Forge::sealed(&alice(), &[&bob(), &carol()]).with(|f| {
            (f.layout, f.content) = (Layout::LengthUnknown, content);
            f.signed_content = Some(signed.clone());
        })
    };
    let mut bit = signed.clone();
    bit[0] ^= 1;
    let fails = fails_unknown;
    vec![
        fails("forged", "a co-recipient has forged the content", &with(bit)),
        fails("shorter", "the content has lost its last byte", &with(signed[..699].to_vec())),
        fails("longer", "a byte follows the content", &with([&signed[..], &[0]].concat())),
        fails("missing", "the content is missing", &with(Vec::new())),
    ]
}

/// What of a stream over two chunks may have been handed out before the second failed.
fn chunks() -> Vec<Vector> {
    let two = |change: fn(&mut Vec<Vec<u8>>)| sized(stream_unknown(), 17_000).with(|f| f.chunks.set(change)).seal();
    let of = |name: &str, about: &str, sealed: &Sealed| {
        let opening = sealed.plaintext.len() - after_opening(sealed).len();
        fails(&format!("stream-chunk-{name}"), about, sealed, 16_384 - opening - HELD)
    };
    vec![
        of("bit", "a bit of the second chunk is changed", &two(|chunks| chunks[1][0] ^= 1)),
        of("last-missing", "the last chunk is missing", &two(|chunks| chunks.truncate(1))),
    ]
}

fn attached() -> Vec<Vector> {
    let fails = |name: &str, about: &str, layout, change: fn(&mut Forge)| {
        let forge = Forge::attached(&alice());
        let sealed = forge.with(|f| (f.layout, f.content) = (layout, content(700))).with(change).seal();
        let released = if layout == Layout::LengthKnown { 700 } else { held_back(&sealed) };
        let expect = late("NotAuthentic", 6, &after_opening(&sealed)[..released]);
        Vector::verify(&format!("content/attached-stream-{name}"), about, &sealed.envelope, expect)
    };
    vec![
        fails("bit", "a bit of the content is changed", Layout::LengthUnknown, |f| {
            f.signed_content = Some(f.content.clone());
            f.content[0] ^= 1;
        }),
        fails("cut", "the last byte is missing", Layout::LengthUnknown, |f| {
            f.plaintext.set(cut);
        }),
        fails("known-bit", "a bit of the content is changed", Layout::LengthKnown, |f| {
            f.signed_content = Some(f.content.clone());
            f.content[0] ^= 1;
        }),
        fails("known-closing-by-another", "Mallory has signed the closing", Layout::LengthKnown, |f| {
            f.closing.seed = mallory().seed;
        }),
    ]
}
