//! Step 4, before the statement: the chunks that hold the opening, form, length (envelope.md §4, §5).

use bulla_forge::Forge;

use crate::cast::{alice, honest, sized};
use crate::ok::with_opening_of;
use crate::vector::{Vector, fails};

pub fn vectors() -> Vec<Vector> {
    [chunks(), splits(), form(), length(), signed()].into_iter().flatten().collect()
}

fn fails_with(verdict: &'static str, name: &str, about: &str, forge: &Forge) -> Vector {
    Vector::fails(&format!("opening/{name}"), about, forge, verdict, 4)
}

fn chunks() -> Vec<Vector> {
    let chunks = |change: fn(&mut Vec<Vec<u8>>)| honest().with(|f| f.chunks.set(change));
    let fails = |name, about, forge: &Forge| fails_with("NotAuthentic", name, about, forge);
    let large = |change: fn(&mut Vec<Vec<u8>>)| with_opening_of(honest(), 16_384).with(|f| f.chunks.set(change));
    vec![
        fails("chunk-bit", "a bit of the first chunk is changed", &chunks(|c| c[0][0] ^= 1)),
        fails("chunk-form-bit", "the form's bit is changed in the ciphertext", &chunks(|c| c[0][0] ^= 3)),
        fails(
            "chunk-last-bit",
            "a bit of the first chunk's tag is changed",
            &chunks(|c| {
                *c[0].last_mut().expect("a tag") ^= 1;
            }),
        ),
        fails(
            "chunk-cut",
            "the only chunk has lost its last byte",
            &chunks(|c| {
                c[0].pop();
            }),
        ),
        fails("chunk-longer", "a byte stands after the only chunk", &chunks(|c| c[0].push(0))),
        fails("chunk-shorter-than-tag", "the only chunk has 15 bytes", &chunks(|c| c[0].truncate(15))),
        fails("no-chunk", "nothing follows the commitment", &chunks(Vec::clear)),
        fails(
            "empty-chunk-after",
            "an empty chunk follows the last chunk",
            &honest().with(|f| f.pieces.set(|pieces| pieces.push(Vec::new()))),
        ),
        fails(
            "first-chunk-is-second",
            "the only chunk was encrypted as number 1",
            &honest().with(|f| {
                f.pieces.set(|pieces| pieces.insert(0, Vec::new()));
                f.chunks.set(|chunks| drop(chunks.remove(0)));
            }),
        ),
        fails(
            "second-chunk-of-opening-bit",
            "the opening reaches into the second chunk, where a bit is changed",
            &large(|c| c[1][0] ^= 1),
        ),
        fails(
            "second-chunk-of-opening-missing",
            "the opening reaches into the second chunk, which is missing",
            &large(|c| c.truncate(1)),
        ),
    ]
}

/// Plaintext that is cut elsewhere than after 16 384 bytes.
fn splits() -> Vec<Vector> {
    let cut = |at: usize| {
        sized(honest(), 20_000).with(|f| {
            f.pieces.set(move |pieces| {
                let mut first = pieces.concat();
                let second = first.split_off(at);
                *pieces = vec![first, second];
            });
        })
    };
    let fails = |name, about, forge: &Forge| fails_with("NotAuthentic", name, about, forge);
    vec![
        fails("first-chunk-one-less", "the first chunk carries 16 383 bytes, and a second follows", &cut(16_383)),
        fails("first-chunk-one-more", "the first chunk carries 16 385 bytes, and a second follows", &cut(16_385)),
        fails("first-chunk-16000", "the first chunk carries 16 000 bytes, and a second follows", &cut(16_000)),
    ]
}

fn form() -> Vec<Vector> {
    let form = |form| honest().with(|f| f.form = form);
    let fails = |name, about, forge: &Forge| fails_with("UnsupportedVersion", name, about, forge);
    vec![
        fails("form-0", "form 0", &form(0)),
        fails("form-2", "form 2, reserved for batch signatures", &form(2)),
        fails("form-255", "form 255", &form(255)),
    ]
}

fn length() -> Vec<Vector> {
    let fails = |name, about, forge: &Forge| fails_with("Malformed", name, about, forge);
    let plaintext = |length| honest().with(|f| f.plaintext.set(move |p| p.truncate(length)));
    let real = honest().seal();
    let opening = real.opening.len() as u16;
    let said = |length| honest().with(|f| f.opening_length = Some(length));
    let rest = (real.plaintext.len() - 3) as u16;
    vec![
        fails("plaintext-empty", "a plaintext of 0 bytes", &plaintext(0)),
        fails("plaintext-1", "the plaintext ends after the form", &plaintext(1)),
        fails("plaintext-2", "the plaintext ends inside the length of the opening", &plaintext(2)),
        fails("plaintext-3", "the plaintext ends after the length of the opening", &plaintext(3)),
        fails("length-0", "the length of the opening is 0", &said(0)),
        fails(
            "length-16385",
            "an opening of 16 385 bytes, which is all there and signed",
            &with_opening_of(honest(), 16_385),
        ),
        fails("length-past-end", "the opening reaches one byte past the end", &said(rest + 1)),
        fails("length-65535", "the greatest length of an opening", &said(65_535)),
        fails("length-one-less", "the length leaves out the opening's last byte", &said(opening - 1)),
        fails("length-one-more", "the length takes a byte of the content", &said(opening + 1)),
        fails("cut-inside", "the plaintext ends inside the opening", &plaintext(3 + usize::from(opening) - 1)),
    ]
}

fn signed() -> Vec<Vector> {
    let verify = |name: &str, about, forge: Forge, verdict| {
        let name = format!("opening/{name}");
        Vector::verify(&name, about, &forge.seal().envelope, fails(verdict, 4))
    };
    let attached = || Forge::attached(&alice());
    let cut = |length: usize| attached().with(|f| f.envelope.set(move |e| e.truncate(length)));
    vec![
        verify("attached-nothing", "nothing follows the header", cut(24), "Malformed"),
        verify("attached-cut-in-length", "ends inside the length of the opening", cut(26), "Malformed"),
        verify("attached-cut-in-opening", "ends inside the opening", cut(100), "Malformed"),
        verify("attached-form-2", "form 2", attached().with(|f| f.form = 2), "UnsupportedVersion"),
        verify(
            "attached-relabelled-detached",
            "a detached envelope whose kind was changed to attached",
            Forge::detached(&alice()).with(|f| f.envelope.set(|envelope| envelope[7] = 2)),
            "NotAuthentic",
        ),
    ]
}
