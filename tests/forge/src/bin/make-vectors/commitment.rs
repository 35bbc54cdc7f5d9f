//! Step 3: the key commitment (envelope.md §4). Whatever changes the header ends here.

use bulla_forge::cobblestone::body_context;
use bulla_forge::{Forge, Stanza, h, named};

use crate::cast::{alice, bob, carol, honest};
use crate::vector::Vector;

pub fn vectors() -> Vec<Vector> {
    [body(), header(), spliced()].into_iter().flatten().collect()
}

fn fails(name: &str, about: &str, forge: &Forge) -> Vector {
    Vector::fails(&format!("commitment/{name}"), about, forge, "NotAuthentic", 3)
}

/// The body of the honest envelope starts at byte 106: salt, commitment, chunks.
fn body() -> Vec<Vector> {
    let body = |change: fn(&mut Vec<u8>)| honest().with(|f| f.body.set(change));
    let to_wrong_key = Stanza::to(&bob()).with(|to| to.content_key = Some(named("another key")));
    vec![
        fails("first-bit", "a bit of the commitment is changed", &body(|body| body[24] ^= 0x80)),
        fails("last-bit", "its last bit is changed", &body(|body| body[55] ^= 1)),
        fails("zeros", "a commitment of zeros", &body(|body| body[24..56].fill(0))),
        fails("salt-bit", "a bit of the salt is changed", &body(|body| body[0] ^= 1)),
        fails("empty", "no body", &body(Vec::clear)),
        fails("cut-in-salt", "the body ends inside the salt", &body(|body| body.truncate(10))),
        fails("salt-only", "the body ends after the salt", &body(|body| body.truncate(24))),
        fails("cut", "the body ends inside the commitment", &body(|body| body.truncate(55))),
        fails("byte-before", "a byte before the body", &body(|body| body.insert(0, 0))),
        fails(
            "another-content-key",
            "the stanza opens to another content key than the body's",
            &honest().with(|f| f.stanzas = vec![to_wrong_key.clone()]),
        ),
        fails(
            "another-label",
            "the body's context has the label of the opening",
            &honest().with(|f| {
                let header = f.make_header();
                f.context.set(move |context| {
                    *context = [&b"bulla/1 opening\0"[..], &h(&[&header])].concat();
                });
            }),
        ),
        fails("header-not-hashed", "the body's context is empty", &honest().with(|f| f.context.set(Vec::clear))),
    ]
}

fn two() -> Forge {
    Forge::sealed(&alice(), &[&bob(), &carol()])
}

/// The honest envelope to two, changed.
fn header() -> Vec<Vector> {
    let envelope = |change: fn(&mut Vec<u8>)| two().with(|f| f.envelope.set(change));
    vec![
        fails(
            "other-stanza-bit",
            "a bit of the other recipient's stanza is changed",
            &envelope(|envelope| envelope[58 + 48] ^= 1),
        ),
        fails(
            "stanzas-swapped",
            "the two stanzas have changed places",
            &envelope(|envelope| envelope[58..154].rotate_left(48)),
        ),
        fails(
            "stanza-removed",
            "the other recipient's stanza is removed, the count is 1",
            &envelope(|envelope| {
                envelope.drain(106..154);
                envelope[57] = 1;
            }),
        ),
        fails(
            "stanza-added",
            "a decoy is added, the count is 3",
            &envelope(|envelope| {
                envelope.splice(154..154, [0x5A; 48]);
                envelope[57] = 3;
            }),
        ),
        fails(
            "stanza-doubled",
            "the reader's stanza stands twice, the count is 3",
            &envelope(|envelope| {
                let stanza = envelope[58..106].to_vec();
                envelope.splice(106..106, stanza);
                envelope[57] = 3;
            }),
        ),
        fails(
            "count-takes-from-body",
            "the count is 3: what starts the body is read as a stanza",
            &envelope(|envelope| envelope[57] = 3),
        ),
        fails(
            "count-leaves-to-body",
            "the count is 1: the second stanza is read as the start of the body",
            &envelope(|envelope| envelope[57] = 1),
        ),
    ]
}

/// Parts of two envelopes that are each honest.
fn spliced() -> Vec<Vector> {
    // Carol knows the content key; she makes another header around the same content key.
    let moved = two().with(|f| {
        let header = f.make_header();
        f.stanzas = vec![Stanza::to(&bob())];
        f.context.set(move |context| *context = body_context(&header));
    });
    let spliced = two().with(|f| {
        let other = two().fresh("another").seal();
        let header = f.make_header().len();
        f.envelope.set(move |envelope| {
            envelope.truncate(header);
            envelope.extend_from_slice(&other.envelope[header..]);
        });
    });
    vec![
        fails(
            "body-of-another-envelope",
            "the header of one envelope with the body of another, of the same people",
            &spliced,
        ),
        fails(
            "header-made-anew",
            "a co-recipient has put another header before the same body, around the same content \
             key",
            &moved,
        ),
    ]
}
