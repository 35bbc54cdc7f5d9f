//! Envelopes that are accepted.

use bulla_forge::{Forge, Layout, Padding, Sequence, Stanza, bytes};

use crate::cast::{alice, bob, carol, content, honest, sized};
use crate::vector::Vector;

pub fn vectors() -> Vec<Vector> {
    [one_shot(), sizes(), edges(), padded(), streams(), signed()].into_iter().flatten().collect()
}

/// Every claim that a stamp can have, but for a challenge: who demands none refuses it.
pub fn full(forge: Forge) -> Forge {
    forge.with(|f| {
        let stamp = &mut f.stamp;
        stamp.content_type = Some("text/plain; charset=utf-8".to_owned());
        stamp.attributes = vec![("name".to_owned(), b"barley.txt".to_vec()), ("empty".to_owned(), Vec::new())];
        stamp.sequence = Some(Sequence { stream: b"ledger".to_vec(), number: 7 });
        stamp.receipts = Some(7);
        stamp.reply_key = Some(alice().reply_key());
        stamp.extensions = vec![(256, b"extension".to_vec()), (-257, Vec::new())];
    })
}

fn one_shot() -> Vec<Vector> {
    let many = honest().with(|f| {
        f.stanzas = (0..99).map(|number| Stanza::decoy(&number.to_string())).collect();
        f.stanzas.push(Stanza::to(&bob()));
    });
    let second = Forge::sealed(&alice(), &[&carol(), &bob()]);
    let wide = honest().with(|f| f.stamp.context = "größe/計".to_owned());
    vec![
        Vector::opens("ok/sealed", "sealed to one recipient, one-shot", &honest()),
        Vector::opens("ok/second-recipient", "the reader's stanza is the second", &second),
        Vector::opens("ok/hundred-stanzas", "the reader's stanza comes after 99 decoys", &many),
        Vector::opens("ok/every-claim", "every claim and two extensions", &full(honest())),
        Vector::opens(
            "ok/issued-zero",
            "issued at 0, without an end: times have no sense to them but the policy's",
            &honest().with(|f| (f.stamp.issued, f.stamp.expires) = (0, None)),
        )
        .policy(|p| p.guard = false),
        Vector::opens("ok/context-not-ascii", "a context of several alphabets", &wide)
            .policy(|p| p.context = "größe/計".to_owned()),
    ]
}

fn sizes() -> Vec<Vector> {
    let of = |length| honest().with(|f| f.content = content(length));
    // An opening above 16 381 bytes reaches into the second chunk.
    let large = |opening: usize| with_opening_of(honest(), opening);
    vec![
        Vector::opens("ok/content-empty", "content of 0 bytes", &of(0)),
        Vector::opens("ok/content-1", "content of 1 byte", &of(1)),
        Vector::opens("ok/content-40000", "content over three chunks", &of(40_000)),
        Vector::opens("ok/opening-fills-first-chunk", "the opening ends where the first chunk ends", &large(16_381)),
        Vector::opens("ok/opening-16384", "the longest opening, over two chunks", &large(16_384)),
    ]
}

/// Plaintext lengths about 16 000 bytes, which is no boundary, and about every multiple of the chunk's 16 384.
fn edges() -> Vec<Vector> {
    let layouts = [
        ("", "one-shot", Layout::OneShot),
        ("stream-known-", "layout 2", Layout::LengthKnown),
        ("stream-", "layout 3", Layout::LengthUnknown),
    ];
    let mut all = Vec::new();
    for (way, what, layout) in layouts {
        for length in [15_999, 16_000, 16_001, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 49_152] {
            // Two are among the streams, under other names.
            if [("stream-known-", 32_768), ("stream-", 16_385)].contains(&(way, length)) {
                continue;
            }
            let last = if length % 16_384 == 0 { ": an empty last chunk follows" } else { "" };
            let about = format!("{what}, a plaintext of {length} bytes{last}");
            let forge = sized(honest().with(|f| f.layout = layout), length);
            all.push(Vector::opens(&format!("ok/{way}plaintext-{length}"), &about, &forge));
        }
    }
    for (name, plaintext, padding) in [("one", 16_384, 500), ("two", 32_768, 17_000), ("one-stream", 16_384, 500)] {
        let layout = if name == "one-stream" { Layout::LengthKnown } else { Layout::OneShot };
        let forge = honest().with(|f| (f.layout, f.padding) = (layout, Padding::Zeros(padding)));
        let about = format!("padding up to a plaintext of {plaintext} bytes: an empty last chunk follows");
        all.push(Vector::opens(&format!("ok/padding-to-{name}"), &about, &sized(forge, plaintext)));
    }
    all
}

/// Sets attributes so that the opening has this length.
pub fn with_opening_of(forge: Forge, length: usize) -> Forge {
    let with = |last: usize| {
        forge.clone().with(|f| {
            let value = |name: &str, length| (name.to_owned(), bytes(name, length));
            f.stamp.attributes = vec![value("a", 4_096), value("b", 4_096), value("c", 4_096), value("d", last)];
        })
    };
    let last = 3_000 + length - with(3_000).seal().opening.len();
    let forge = with(last);
    assert_eq!(forge.seal().opening.len(), length, "attributes that fill the opening");
    forge
}

fn padded() -> Vec<Vector> {
    let zeros = |n| honest().with(|f| f.padding = Padding::Zeros(n));
    vec![
        Vector::opens("ok/padding-1", "one byte of padding", &zeros(1)),
        Vector::opens("ok/padding-23", "the longest padding whose claim has 1 byte", &zeros(23)),
        Vector::opens("ok/padding-24", "the shortest padding whose claim has 2 bytes", &zeros(24)),
        Vector::opens("ok/padding-256", "the shortest padding whose claim has 3 bytes", &zeros(256)),
        Vector::opens("ok/padding-across-chunks", "padding that goes on in the second chunk", &zeros(16_384)),
        Vector::opens(
            "ok/padme",
            "padded to a Padmé length",
            &honest().with(|f| (f.padding, f.content) = (Padding::Padme, content(1_000))),
        ),
    ]
}

fn streams() -> Vec<Vector> {
    let known = || honest().with(|f| f.layout = Layout::LengthKnown);
    let unknown = || honest().with(|f| f.layout = Layout::LengthUnknown);
    let padded = known().with(|f| f.padding = Padding::Zeros(600));
    // The closing and its length have about 130 bytes.
    vec![
        Vector::opens("ok/stream-length-known", "layout 2", &known()),
        Vector::opens("ok/stream-length-known-padded", "layout 2 with padding", &padded),
        Vector::opens("ok/stream-length-unknown", "layout 3", &unknown()),
        Vector::opens("ok/stream-every-claim", "layout 3 with every other claim", &full(unknown())),
        Vector::opens(
            "ok/stream-length-known-empty",
            "layout 2, content of 0 bytes",
            &known().with(|f| f.content.clear()),
        ),
        Vector::opens(
            "ok/stream-length-unknown-empty",
            "layout 3, content of 0 bytes",
            &unknown().with(|f| f.content.clear()),
        ),
        Vector::opens(
            "ok/stream-closing-across-chunks",
            "layout 3, the closing starts in the first chunk and ends in the second",
            &sized(unknown(), 16_384 + 40),
        ),
        Vector::opens(
            "ok/stream-closing-length-across-chunks",
            "layout 3, the two bytes of the closing's length stand in two chunks",
            &sized(unknown(), 16_384 + 1),
        ),
        Vector::opens(
            "ok/stream-closing-in-second-chunk",
            "layout 2, the closing fills the end of the second chunk",
            &sized(known(), 32_768),
        ),
    ]
}

fn signed() -> Vec<Vector> {
    let attached = || Forge::attached(&alice());
    let detached = || Forge::detached(&alice());
    vec![
        Vector::verifies("ok/attached", "signed, content attached", &attached()),
        Vector::verifies("ok/attached-every-claim", "signed, every claim", &full(attached())),
        Vector::verifies("ok/attached-empty", "signed, content of 0 bytes", &attached().with(|f| f.content.clear())),
        Vector::verifies(
            "ok/attached-stream-length-known",
            "signed, layout 2",
            &attached().with(|f| f.layout = Layout::LengthKnown),
        ),
        Vector::verifies(
            "ok/attached-stream-length-unknown",
            "signed, layout 3",
            &attached().with(|f| f.layout = Layout::LengthUnknown),
        ),
        Vector::verifies(
            "ok/attached-20000",
            "signed, content longer than a chunk would be",
            &attached().with(|f| f.content = content(20_000)),
        ),
        Vector::verifies("ok/detached", "signed, content beside", &detached()),
        Vector::verifies(
            "ok/detached-empty",
            "signed, content of 0 bytes beside",
            &detached().with(|f| f.content.clear()),
        ),
    ]
}
