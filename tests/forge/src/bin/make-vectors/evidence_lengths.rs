//! Evidence: what it says of the content's length and digest, and where it contradicts itself (statements.md §5, §6).

use bulla_forge::{Forge, Layout, cbor, h};

use crate::cast::honest;
use crate::ok::with_opening_of;
use crate::vector::{Vector, proves, refused, says};

pub fn vectors() -> Vec<Vector> {
    [contradictions(), said(), sizes()].into_iter().flatten().collect()
}

fn known() -> Forge {
    honest().with(|f| f.layout = Layout::LengthKnown)
}

fn unknown() -> Forge {
    honest().with(|f| f.layout = Layout::LengthUnknown)
}

/// The lengths that a rough comparison might take for this one.
fn near(length: u64) -> [(&'static str, &'static str, u64); 7] {
    [
        ("one-less", "one byte too short", length - 1),
        ("one-more", "one byte too long", length + 1),
        ("zero", "0", 0),
        ("more-by-256", "256 bytes too long", length + 256),
        ("more-by-2-16", "2^16 bytes too long", length + (1 << 16)),
        ("more-by-2-32", "2^32 bytes too long", length + (1 << 32)),
        ("more-by-2-63", "2^63 bytes too long", length + (1 << 63)),
    ]
}

/// Layout 2 says the length twice.
fn contradictions() -> Vec<Vector> {
    let real = known().content.len() as u64;
    let not = |name: &str, about: &str, forge: &Forge| {
        Vector::proof(&format!("evidence/{name}"), about, &forge.seal().evidence(), refused("NotAuthentic"))
    };
    let mut all = Vec::new();
    for (name, what, length) in near(real) {
        let closing = known().with(|f| f.closing.claims.set(move |claims| claims.set(-3, cbor::uint(length))));
        let about = format!("layout 2, the length in the closing is {what}, the one in the stamp is right");
        all.push(not(&format!("closing-length-{name}"), &about, &closing));
        let stamp = known().with(|f| f.stamp.length = Some(length));
        let about = format!("layout 2, the length in the stamp is {what}, the one in the closing is right");
        all.push(not(&format!("stamp-length-{name}"), &about, &stamp));
    }
    all
}

/// An author may sign what is not so: nobody can tell without the content, and the evidence says exactly what was signed.
fn said() -> Vec<Vector> {
    let (real, digest) = (honest().content.len() as u64, h(&[&honest().content]));
    let other = h(&[&vec![b'x'; honest().content.len()]]);
    let mut all = Vec::new();
    for (name, what, length) in near(real) {
        let one_shot = honest().with(|f| f.stamp.length = Some(length)).seal();
        let stream = unknown().with(|f| f.closing.claims.set(move |claims| claims.set(-3, cbor::uint(length)))).seal();
        for (layout, place, sealed) in [("one-shot", "stamp", one_shot), ("stream", "closing", stream)] {
            all.push(Vector::proof(
                &format!("evidence/says-{layout}-length-{name}"),
                &format!("the length in the {place} is {what} for the content: what was signed is what is proven"),
                &sealed.evidence(),
                says(&sealed, length, digest),
            ));
        }
    }
    let closing =
        |forge: Forge| forge.with(|f| f.closing.claims.set(move |claims| claims.set(-4, cbor::bytes(&other)))).seal();
    let one_shot = honest().with(|f| f.stamp.digest = Some(other)).seal();
    for (name, sealed) in [
        ("one-shot", one_shot),
        ("stream-length-known", closing(known())),
        ("stream-length-unknown", closing(unknown())),
    ] {
        all.push(Vector::proof(
            &format!("evidence/says-{name}-digest"),
            "the content's length with the digest of another content: what was signed is what is proven",
            &sealed.evidence(),
            says(&sealed, real, other),
        ));
    }
    all
}

fn sizes() -> Vec<Vector> {
    let long = with_opening_of(honest(), 16_385).seal();
    let empty = |forge: Forge| forge.with(|f| f.content.clear()).seal();
    let proof = |name: &str, about: &str, sealed: &bulla_forge::Sealed| {
        Vector::proof(&format!("evidence/{name}"), about, &sealed.evidence(), proves(sealed))
    };
    vec![
        Vector::proof(
            "evidence/opening-16385",
            "an opening of 16 385 bytes, well signed",
            &long.evidence(),
            refused("Malformed"),
        ),
        proof("content-empty", "of content of 0 bytes", &empty(honest())),
        proof("stream-length-known-empty", "of layout 2, content of 0 bytes", &empty(known())),
        proof("stream-length-unknown-empty", "of layout 3, content of 0 bytes", &empty(unknown())),
    ]
}
