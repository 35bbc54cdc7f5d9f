//! Step 6: the content of a one-shot envelope, and the chunks (envelope.md §4, §5).

use bulla_forge::{Forge, Layout, Padding, Sealed};

use crate::cast::{after_opening, alice, bob, carol, cut, honest, sized};
use crate::vector::{Vector, late};

pub fn vectors() -> Vec<Vector> {
    [forged(), padding(), chunks(), splits(), attached(), detached()].into_iter().flatten().collect()
}

/// `NotAuthentic` at step 6; at most these bytes after the opening were handed out.
pub fn fails(name: &str, about: &str, sealed: &Sealed, released: usize) -> Vector {
    let released = late("NotAuthentic", 6, &after_opening(sealed)[..released]);
    Vector::open(&format!("content/{name}"), about, &sealed.envelope, released)
}

/// A co-recipient knows the content key and has the author's opening: all but the content is honest.
fn forged() -> Vec<Vector> {
    let signed = honest().content;
    let length = signed.len();
    let with = |content: Vec<u8>| {
        let forge = Forge::sealed(&alice(), &[&bob(), &carol()]);
        forge.with(|f| (f.content, f.signed_content) = (content, Some(signed.clone()))).seal()
    };
    let mut bit = signed.clone();
    bit[length - 1] ^= 1;
    let longer = [&signed[..], b"."].concat();
    let streamed = honest().with(|f| {
        let closing = f.clone().with(|f| f.layout = Layout::LengthKnown).seal().closing;
        let closing = closing.expect("a streamed envelope has a closing");
        let length = (closing.len() as u16).to_be_bytes();
        f.plaintext.set(move |p| p.extend_from_slice(&[&closing[..], &length].concat()));
    });
    vec![
        fails("forged", "a co-recipient has forged the content", &with(bit), length),
        fails("shorter", "the content's last byte is missing", &with(signed[..length - 1].to_vec()), length - 1),
        fails("missing", "the content is missing", &with(Vec::new()), 0),
        fails("longer", "a byte follows the content", &with(longer), length),
        fails(
            "zero-after",
            "a zero byte follows, which no claim calls padding",
            &with([&signed[..], &[0]].concat()),
            length,
        ),
        fails("closing-after", "a closing follows content that has its digest in the stamp", &streamed.seal(), length),
    ]
}

fn padding() -> Vec<Vector> {
    let padded =
        |bytes: Vec<u8>| honest().with(|f| (f.padding, f.padding_bytes) = (Padding::Zeros(40), Some(bytes))).seal();
    let length = honest().content.len();
    let with = |at: usize| {
        let mut bytes = vec![0; 40];
        bytes[at] = 1;
        bytes
    };
    let far = honest()
        .with(|f| {
            let mut bytes = vec![0; 17_000];
            bytes[16_999] = 0x80;
            (f.padding, f.padding_bytes) = (Padding::Zeros(17_000), Some(bytes));
        })
        .seal();
    vec![
        fails("padding-first", "the first byte of the padding is 1", &padded(with(0)), length),
        fails("padding-last", "the last byte of the padding is 1", &padded(with(39)), length),
        fails("padding-shorter", "a byte of the padding is missing", &padded(vec![0; 39]), length),
        fails("padding-longer", "a byte of padding too many", &padded(vec![0; 41]), length),
        fails("padding-missing", "no padding, though it is signed", &padded(Vec::new()), length),
        fails("padding-in-second-chunk", "the last byte of a padding over two chunks", &far, length),
    ]
}

/// Faults of chunks after those that hold the opening.
fn chunks() -> Vec<Vector> {
    let two = |change: fn(&mut Vec<Vec<u8>>)| sized(honest(), 16_500).with(|f| f.chunks.set(change));
    let three = |change: fn(&mut Vec<Vec<u8>>)| sized(honest(), 32_800).with(|f| f.chunks.set(change));
    let four = |change: fn(&mut Vec<Vec<u8>>)| sized(honest(), 49_160).with(|f| f.chunks.set(change));
    // What of the content stands in the first so many chunks.
    let of = |name: &str, about: &str, forge: Forge, chunks: usize| {
        let sealed = forge.seal();
        let opening = sealed.plaintext.len() - after_opening(&sealed).len();
        let released = (16_384 * chunks).min(sealed.plaintext.len()) - opening;
        fails(&format!("chunk-{name}"), about, &sealed, released)
    };
    let exact = |change: fn(&mut Vec<Vec<u8>>)| sized(honest(), 16_384).with(|f| f.pieces.set(change));
    vec![
        of("bit", "a bit of the second chunk is changed", two(|c| c[1][0] ^= 1), 1),
        of("cut", "the last chunk has lost its last byte", two(|c| cut(&mut c[1])), 1),
        of("longer", "a byte stands after the last chunk", two(|c| c[1].push(0)), 1),
        of("last-missing", "the last chunk is missing", two(|c| c.truncate(1)), 1),
        of("last-only-tag", "the last chunk has become shorter than a tag", two(|c| c[1].truncate(15)), 1),
        of("middle-missing", "the second of three chunks is missing", three(|c| drop(c.remove(1))), 1),
        of("swapped", "the middle two of four chunks have changed places", four(|c| c.swap(1, 2)), 1),
        of("doubled", "the first chunk stands twice", two(|c| c.insert(1, c[0].clone())), 1),
        of(
            "empty-last-missing",
            "the plaintext fills a chunk; the empty last chunk is missing",
            exact(|p| drop(p.pop())),
            1,
        ),
        of(
            "empty-last-doubled",
            "the plaintext fills a chunk; two empty last chunks follow",
            exact(|pieces| pieces.push(Vec::new())),
            1,
        ),
        of(
            "last-from-another",
            "the last chunk comes from another envelope of the same length",
            sized(honest(), 16_500).with(|f| {
                let other = sized(honest().fresh("another"), 16_500).seal();
                f.chunks.set(move |chunks| {
                    let length = chunks[1].len();
                    chunks[1] = other.envelope[other.envelope.len() - length..].to_vec();
                });
            }),
            1,
        ),
    ]
}

/// Plaintext cut at other places than every 16 384 bytes; each piece is a chunk with the number and tag of its place.
fn splits() -> Vec<Vector> {
    let cut = |plaintext: usize, layout: Layout, cuts: &'static [usize]| {
        let forge = sized(honest().with(|f| f.layout = layout), plaintext);
        forge.with(|f| {
            f.pieces.set(move |pieces| {
                let whole = pieces.concat();
                let ends = cuts.iter().copied().chain([whole.len()]);
                let starts = [0].into_iter().chain(cuts.iter().copied());
                *pieces = starts.zip(ends).map(|(start, end)| whole[start..end].to_vec()).collect();
            });
        })
    };
    let rows: [(&str, &str, usize, &[usize]); 6] = [
        ("one-less", "the second chunk carries 16 383 bytes, and a third follows", 33_000, &[16_384, 32_767]),
        ("one-more", "the second chunk carries 16 385 bytes, and a third follows", 33_000, &[16_384, 32_769]),
        ("16000", "the second chunk carries 16 000 bytes, and a third follows", 33_000, &[16_384, 32_384]),
        ("early-end", "a short chunk stands before the last, both together would be one", 20_000, &[16_384, 18_000]),
        ("full-last", "the second chunk is full and the last", 32_768, &[16_384]),
        ("long-last", "the second chunk carries 16 385 bytes and is the last", 32_769, &[16_384]),
    ];
    let mut all = Vec::new();
    for (name, about, plaintext, cuts) in rows {
        for (way, layout, held) in [("", Layout::OneShot, 0), ("stream-", Layout::LengthUnknown, 514)] {
            let sealed = cut(plaintext, layout, cuts).seal();
            let opening = sealed.plaintext.len() - after_opening(&sealed).len();
            // A full chunk is one like any other; that it was the last shows only at the end.
            let chunks = if name == "full-last" { 2 } else { 1 };
            let released = (16_384 * chunks - opening - held).min(sealed.content.len());
            all.push(fails(&format!("{way}chunk-split-{name}"), about, &sealed, released));
        }
    }
    all
}

fn attached() -> Vec<Vector> {
    let length = honest().content.len();
    let fails = |name: &str, about: &str, change: fn(&mut Vec<u8>), released: usize| {
        let sealed = Forge::attached(&alice()).with(|f| f.plaintext.set(change)).seal();
        let expect = late("NotAuthentic", 6, &after_opening(&sealed)[..released]);
        Vector::verify(&format!("content/attached-{name}"), about, &sealed.envelope, expect)
    };
    vec![
        fails("bit", "a bit of the content is changed", |p| *p.last_mut().expect("content") ^= 1, length),
        fails("cut", "the last byte of the content is missing", cut, length - 1),
        fails("longer", "a byte follows the content", |p| p.push(b'.'), length),
    ]
}

fn detached() -> Vec<Vector> {
    let sealed = Forge::detached(&alice()).seal();
    let content = sealed.content.clone();
    let beside = |name: &str, about: &str, content: &[u8]| {
        let released = &content[..content.len().min(sealed.content.len())];
        let expect = late("NotAuthentic", 6, released);
        Vector::verify(&format!("content/detached-{name}"), about, &sealed.envelope, expect).beside(content)
    };
    let mut bit = content.clone();
    bit[0] ^= 1;
    let with_content = Forge::detached(&alice())
        .with(|f| {
            let content = f.content.clone();
            f.plaintext.set(move |plaintext| plaintext.extend_from_slice(&content));
        })
        .seal();
    vec![
        beside("bit", "a bit of the content beside is changed", &bit),
        beside("cut", "the content beside lacks its last byte", &content[..content.len() - 1]),
        beside("empty", "the content beside is empty", b""),
        beside("longer", "a byte follows the content beside", &[&content[..], b"."].concat()),
        Vector::verify(
            "content/detached-with-content",
            "the content stands beside and, once more, in the envelope",
            &with_content.envelope,
            late("NotAuthentic", 6, &content),
        )
        .beside(&content),
        Vector::verify(
            "content/detached-trailing-byte",
            "a byte follows the opening",
            &[&sealed.envelope[..], &[0]].concat(),
            late("NotAuthentic", 6, &content),
        )
        .beside(&content),
    ]
}
