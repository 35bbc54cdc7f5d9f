//! Step 7: the replay guard (opening.md §5). The content is whole by then, and may have been streamed.

use bulla_forge::{Forge, Layout, NOW, Padding, Sealed};

use crate::cast::{alice, bob, carol, honest};
use crate::vector::{Vector, accepts, late};

pub fn vectors() -> Vec<Vector> {
    [replays(), others(), signed()].into_iter().flatten().collect()
}

fn replayed(name: &str, about: &str, sealed: &Sealed) -> Vector {
    let expect = late("Replayed", 7, &sealed.content);
    Vector::open(&format!("guard/{name}"), about, &sealed.envelope, expect).after(&[&honest().seal()])
}

fn opens(name: &str, about: &str, sealed: &Sealed) -> Vector {
    Vector::open(&format!("guard/{name}"), about, &sealed.envelope, accepts(sealed)).after(&[&honest().seal()])
}

/// The message id of the earlier envelope comes again.
fn replays() -> Vec<Vector> {
    let again = |change: fn(&mut Forge)| honest().fresh("again").with(change).seal();
    vec![
        replayed("same-envelope", "the same envelope again", &honest().seal()),
        replayed("sealed-again", "the same message, honestly sealed again", &again(|_| {})),
        replayed(
            "sealed-again-later",
            "sealed again with later times",
            &again(|f| {
                f.stamp.issued = NOW;
                f.stamp.expires = Some(NOW + 3_600);
            }),
        ),
        replayed(
            "sealed-again-padded",
            "sealed again with padding",
            &again(|f| {
                f.padding = Padding::Zeros(20);
            }),
        ),
        replayed(
            "sealed-again-streamed",
            "sealed again as a stream",
            &again(|f| {
                f.layout = Layout::LengthUnknown;
            }),
        ),
        replayed(
            "other-content",
            "the same message id with other content",
            &again(|f| {
                f.content = b"Eleven measures".to_vec();
            }),
        ),
        replayed(
            "other-content-type",
            "the same message id with a content type",
            &again(|f| {
                f.stamp.content_type = Some("text/plain".to_owned());
            }),
        ),
        replayed("to-two", "sealed again to two recipients", &{
            Forge::sealed(&alice(), &[&carol(), &bob()]).fresh("two").seal()
        }),
        replayed("third-time", "the same envelope after two that differ from it", &honest().seal()).after(&[
            &again(|f| f.stamp.message_id = [1; 16]),
            &honest().seal(),
            &again(|f| f.stamp.message_id = [2; 16]),
        ]),
    ]
}

/// Other messages, though they look alike.
fn others() -> Vec<Vector> {
    let from_carol = Forge::sealed(&carol(), &[&bob()]).fresh("carol").seal();
    let other_id = honest().fresh("other").with(|f| f.stamp.message_id[15] ^= 1).seal();
    vec![
        opens("another-signer", "the same message id from another signer", &from_carol).policy(|p| p.senders = None),
        opens("another-id", "the same content under another message id", &other_id),
        opens("no-guard", "the same envelope again, without a guard", &honest().seal()).policy(|p| p.guard = false),
        opens("reopen-seen-before", "the same envelope again, from an archive", &honest().seal())
            .reopen()
            .policy(|p| p.guard = true),
    ]
}

fn signed() -> Vec<Vector> {
    let attached = Forge::attached(&alice()).seal();
    let again = Forge::attached(&alice()).fresh("again").seal();
    let detached = Forge::detached(&alice()).seal();
    let replayed = |name: &str, about: &str, sealed: &Sealed, earlier: &Sealed| {
        let expect = late("Replayed", 7, &sealed.content);
        Vector::verify(&format!("guard/{name}"), about, &sealed.envelope, expect).after(&[earlier])
    };
    vec![
        replayed("attached-again", "the same signed envelope again", &attached, &attached),
        replayed("attached-signed-again", "the same message, signed again", &again, &attached),
        replayed("detached-again", "the same detached envelope again", &detached, &detached).beside(&detached.content),
    ]
}
