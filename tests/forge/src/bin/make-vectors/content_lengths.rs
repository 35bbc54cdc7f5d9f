//! Step 6: lengths that are nearly right, where everything else is (envelope.md §5, statements.md §5).

use bulla_forge::{Claims, Forge, Padding, cbor, h};

use crate::cast::{alice, honest};
use crate::content::fails;
use crate::content_streams::{fails_known, fails_unknown, stream_known, stream_unknown};
use crate::vector::{Vector, late};

pub fn vectors() -> Vec<Vector> {
    [one_shot(), streams()].into_iter().flatten().collect()
}

/// The digest is the content's; only the length that is signed beside it is wrong.
fn one_shot() -> Vec<Vector> {
    let real = honest().content.len();
    let rows = [
        ("one-less", "one byte too short", real as u64 - 1),
        ("one-more", "one byte too long", real as u64 + 1),
        ("more-by-2-32", "2^32 bytes too long", real as u64 + (1 << 32)),
    ];
    let mut all = Vec::new();
    for (name, what, length) in rows {
        let about = |way: &str| format!("the digest is right, the signed length {what}{way}");
        let wrong = |forge: Forge| forge.with(|f| f.stamp.length = Some(length)).seal();
        let released = real.min(length as usize);
        let sealed = wrong(honest());
        all.push(fails(&format!("length-{name}"), &about(""), &sealed, released));
        let late = late("NotAuthentic", 6, &sealed.content[..released]);
        let (attached, detached) = (wrong(Forge::attached(&alice())), wrong(Forge::detached(&alice())));
        let verify = |way: &str, envelope: &[u8], expect| {
            Vector::verify(&format!("content/{way}-length-{name}"), &about(&format!(", {way}")), envelope, expect)
        };
        all.push(verify("attached", &attached.envelope, late.clone()));
        all.push(verify("detached", &detached.envelope, late).beside(&detached.content));
    }
    let zero = honest().with(|f| {
        f.content.push(0);
        f.stamp.length = Some(f.content.len() as u64 - 1);
        (f.padding, f.padding_bytes) = (Padding::Zeros(3), Some(vec![0; 2]));
    });
    all.push(fails(
        "length-last-byte-as-padding",
        "by the signed lengths, the last byte of the content, a zero, is padding; the digest has it in the content",
        &zero.seal(),
        real,
    ));
    all
}

/// The content has 700 bytes.
fn streams() -> Vec<Vector> {
    let closing = |forge: Forge, change: fn(&mut Claims)| forge.with(|f| f.closing.claims.set(change));
    let known = |change: fn(&mut Claims)| closing(stream_known(), change);
    let both = |length: u64| {
        stream_known().with(|f| {
            f.stamp.length = Some(length);
            f.closing.claims.set(move |claims| claims.set(-3, cbor::uint(length)));
        })
    };
    vec![
        fails_known(
            "closing-length-less",
            "content as the stamp says, the closing signs one byte less",
            &known(|claims| claims.set(-3, cbor::uint(699))),
        ),
        fails_known(
            "closing-length-more-by-2-32",
            "content as the stamp says, the closing signs 2^32 bytes more",
            &known(|claims| claims.set(-3, cbor::uint(700 + (1 << 32)))),
        ),
        fails_known(
            "closing-digest",
            "content as the stamp says, the closing signs the digest of another",
            &known(|claims| claims.set(-4, cbor::bytes(&h(&[b"another"])))),
        ),
        fails_known("lengths-less", "stamp and closing both sign one byte less than there is", &both(699)),
        fails_known("lengths-more", "stamp and closing both sign one byte more than there is", &both(701)),
        fails_unknown(
            "closing-length-more-by-2-32",
            "the closing's length is 2^32 more",
            &closing(stream_unknown(), |claims| claims.set(-3, cbor::uint(700 + (1 << 32)))),
        ),
    ]
}
