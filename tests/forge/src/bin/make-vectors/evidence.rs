//! Evidence (statements.md §6).

use bulla_forge::armor::{ENVELOPE, EVIDENCE, armor};
use bulla_forge::{Claims, Evidence, Forge, Layout, cbor, h, named};

use crate::cast::{alice, honest, mallory};
use crate::ok::{full, with_opening_of};
use crate::vector::{Vector, proves, refused};

pub fn vectors() -> Vec<Vector> {
    [good(), form(), openings(), closings()].into_iter().flatten().collect()
}

fn streamed() -> Forge {
    honest().with(|f| f.layout = Layout::LengthUnknown)
}

fn proven(name: &str, about: &str, forge: &Forge) -> Vector {
    let sealed = forge.seal();
    Vector::proof(&format!("evidence/{name}"), about, &sealed.evidence(), proves(&sealed))
}

fn vector(name: &str, about: &str, bytes: &[u8], verdict: &'static str) -> Vector {
    Vector::evidence(&format!("evidence/{name}"), about, bytes, refused(verdict))
}

fn evidence(forge: &Forge, change: impl FnOnce(&mut Evidence)) -> Vec<u8> {
    let mut evidence = forge.seal().evidence();
    change(&mut evidence);
    evidence.encode()
}

fn good() -> Vec<Vector> {
    let sealed = honest().seal();
    let text = armor(EVIDENCE, &sealed.evidence().encode());
    vec![
        proven("one-shot", "of a one-shot envelope", &honest()),
        proven("every-claim", "of a stamp with every claim", &{
            full(honest()).with(|f| f.stamp.challenge = Some(named("challenge")))
        }),
        proven("stream-length-known", "of layout 2", &honest().with(|f| f.layout = Layout::LengthKnown)),
        proven("stream-length-unknown", "of layout 3", &streamed()),
        proven("attached", "of a signed envelope", &Forge::attached(&alice())),
        proven("detached", "of a detached envelope", &Forge::detached(&alice())),
        proven("longest-opening", "of an opening of 16 384 bytes", &with_opening_of(honest(), 16_384)),
        proven("expired", "of an envelope that expired long ago: times are shown, not judged", &{
            honest().with(|f| f.stamp.expires = Some(1))
        }),
        Vector::evidence("evidence/armored", "with armor", text.as_bytes(), proves(&sealed)),
    ]
}

fn form() -> Vec<Vector> {
    let malformed = |name: &str, about: &str, bytes: &[u8]| vector(name, about, bytes, "Malformed");
    let real = honest().seal().evidence();
    let bytes = real.encode();
    let items = |change: fn(&mut Vec<Vec<u8>>)| {
        let mut items = real.items();
        change(&mut items);
        cbor::array(&items)
    };
    let joined = |head: Vec<u8>, end: &[u8]| [&head[..], &bytes[1..], end].concat();
    let indefinite = vec![cbor::indefinite(cbor::ARRAY)];
    vec![
        malformed("empty", "no byte", b""),
        malformed("trailing-byte", "a byte after the evidence", &joined(vec![0x84], &[0])),
        malformed("cut", "the last byte is missing", &bytes[..bytes.len() - 1]),
        malformed("array-indefinite", "an array of indefinite length", &joined(indefinite, &[0xFF])),
        malformed("array-length-not-shortest", "the length of the array in two bytes", &joined(vec![0x98, 4], &[])),
        malformed("array-of-3", "no closing and no null", &items(|i| drop(i.pop()))),
        malformed("array-of-5", "a fifth item", &items(|i| i.push(cbor::uint(0)))),
        malformed("tagged", "tag 18 before the array", &[&[0xD2], &bytes[..]].concat()),
        vector("version-0", "version 0", &items(|i| i[0] = cbor::uint(0)), "UnsupportedVersion"),
        vector("version-2", "version 2", &items(|i| i[0] = cbor::uint(2)), "UnsupportedVersion"),
        malformed("version-not-shortest", "the version in two bytes", &items(|i| i[0] = vec![0x18, 1])),
        malformed("version-text", "the version is a text", &items(|i| i[0] = cbor::text("1"))),
        malformed("digest-31", "a header digest of 31 bytes", &items(|i| i[1] = cbor::bytes(&[1; 31]))),
        malformed("digest-text", "the header digest is a text", &items(|i| i[1] = cbor::text(&"a".repeat(32)))),
        malformed(
            "opening-not-wrapped",
            "the opening is an array, not a byte string",
            &items(|i| {
                i[2] = honest().seal().opening;
            }),
        ),
        malformed("opening-empty", "an empty opening", &items(|i| i[2] = cbor::bytes(b""))),
        malformed(
            "opening-length-not-shortest",
            "the length of the opening in four bytes",
            &items(|i| {
                let opening = honest().seal().opening;
                i[2] = [cbor::head_wide(cbor::BYTES, opening.len() as u64, 4), opening].concat();
            }),
        ),
        malformed("closing-false", "false in place of null", &items(|i| i[3] = vec![0xF4])),
        malformed("closing-undefined", "undefined in place of null", &items(|i| i[3] = vec![0xF7])),
        malformed("20481", "evidence of 20 481 bytes", &{
            let used = bytes.len() + 2;
            let filler = vec![0; 20_481 - used];
            [&items(|i| drop(i.pop()))[..], &cbor::bytes(&filler)].concat()
        }),
        malformed("armor-envelope", "armored as an envelope", armor(ENVELOPE, &bytes).as_bytes()),
        malformed("an-envelope", "an envelope", &honest().seal().envelope),
    ]
}

fn openings() -> Vec<Vector> {
    let not = |name: &str, about: &str, bytes: &[u8]| vector(name, about, bytes, "NotAuthentic");
    let of = |forge: Forge| evidence(&forge, |_| {});
    let claims = |change: fn(&mut Claims)| of(honest().with(|f| f.opening.claims.set(change)));
    vec![
        not(
            "header-digest-bit",
            "a bit of the header's digest is changed",
            &evidence(&honest(), |e| e.header_digest[0] ^= 1),
        ),
        not(
            "header-digest-of-another",
            "the digest of another header",
            &evidence(&honest(), |e| {
                e.header_digest = h(&[&honest().fresh("another").make_header()]).to_vec();
            }),
        ),
        not(
            "signature-bit",
            "a bit of the opening's signature is changed",
            &evidence(&honest(), |e| {
                *e.opening.last_mut().expect("a signature") ^= 1;
            }),
        ),
        not(
            "signed-by-another",
            "Mallory has signed in Alice's name",
            &of(honest().with(|f| f.opening.seed = mallory().seed)),
        ),
        vector(
            "opening-tagged",
            "the opening has tag 18",
            &of(honest().with(|f| {
                f.opening.after_signing.set(|cose| cose.before = vec![0xD2]);
            })),
            "Malformed",
        ),
        vector(
            "opening-trailing-byte",
            "a byte after the opening, within its length",
            &of(honest().with(|f| {
                f.opening.after_signing.set(|cose| cose.trailing = vec![0]);
            })),
            "Malformed",
        ),
        vector("no-context", "a stamp without context", &claims(|c| c.remove(3)), "Malformed"),
        vector(
            "label-255",
            "a critical label that is not known",
            &claims(|c| c.set(255, cbor::bytes(b""))),
            "UnsupportedVersion",
        ),
        vector("digest-without-length", "a digest without a length", &claims(|c| c.remove(-3)), "Malformed"),
    ]
}

fn closings() -> Vec<Vector> {
    let not = |name: &str, about: &str, bytes: &[u8]| vector(&format!("closing-{name}"), about, bytes, "NotAuthentic");
    let of = |forge: Forge| evidence(&forge, |_| {});
    let closing = || streamed().seal().closing;
    let other = streamed().fresh("another").seal().closing;
    vec![
        not("null", "null, where the stamp has no digest", &evidence(&streamed(), |e| e.closing = None)),
        not("superfluous", "a closing, where the stamp has a digest", &evidence(&honest(), |e| e.closing = closing())),
        not("empty", "an empty closing", &evidence(&streamed(), |e| e.closing = Some(Vec::new()))),
        not(
            "signature-bit",
            "a bit of the closing's signature is changed",
            &evidence(&streamed(), |e| {
                *e.closing.as_mut().and_then(|closing| closing.last_mut()).expect("a signature") ^= 1;
            }),
        ),
        not("of-another", "the closing of another envelope", &evidence(&streamed(), |e| e.closing = other)),
        not("by-another", "Mallory has signed the closing", &of(streamed().with(|f| f.closing.seed = mallory().seed))),
        not(
            "tagged",
            "the closing has tag 18",
            &of(streamed().with(|f| {
                f.closing.after_signing.set(|cose| cose.before = vec![0xD2]);
            })),
        ),
        not(
            "trailing-byte",
            "a byte after the closing, within its length",
            &evidence(&streamed(), |e| {
                e.closing.as_mut().expect("a stream").push(0);
            }),
        ),
        not(
            "type-1",
            "the closing is of statement type 1",
            &of(streamed().with(|f| {
                f.closing.claims.set(|claims| claims.set(-1, cbor::uint(1)));
            })),
        ),
        not(
            "length-differs",
            "layout 2, the closing signs another length than the stamp",
            &of(honest().with(|f| {
                f.layout = Layout::LengthKnown;
                f.closing.claims.set(|claims| claims.set(-3, cbor::uint(1)));
            })),
        ),
    ]
}
