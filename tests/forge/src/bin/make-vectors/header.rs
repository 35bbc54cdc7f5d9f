//! Step 1: the header (envelope.md §2).

use bulla_forge::{DETACHED, Forge, Stanza};

use crate::cast::{alice, honest};
use crate::vector::{Vector, fails};

pub fn vectors() -> Vec<Vector> {
    [fields(), kinds(), cuts(), counts()].into_iter().flatten().collect()
}

fn fields() -> Vec<Vector> {
    type Row = (&'static str, &'static str, &'static str, fn(&mut Forge));
    let rows: [Row; 9] = [
        ("magic-last-byte", "the last byte of the magic differs", "Malformed", |f| {
            f.magic = b"BULLB".to_vec();
        }),
        ("magic-lower-case", "the magic in lower case", "Malformed", |f| {
            f.magic = b"bulla".to_vec();
        }),
        ("version-0", "version 0", "UnsupportedVersion", |f| f.version = 0),
        ("version-2", "version 2", "UnsupportedVersion", |f| f.version = 2),
        ("suite-0", "suite 0", "UnsupportedVersion", |f| f.suite = 0),
        ("suite-2", "suite 2, which is not in version 1 yet", "UnsupportedVersion", |f| f.suite = 2),
        ("kind-0", "kind 0", "UnsupportedVersion", |f| f.kind = 0),
        ("kind-4", "kind 4", "UnsupportedVersion", |f| f.kind = 4),
        ("kind-255", "kind 255", "UnsupportedVersion", |f| f.kind = 255),
    ];
    rows.into_iter()
        .map(|(name, about, verdict, change)| {
            Vector::fails(&format!("header/{name}"), about, &honest().with(change), verdict, 1)
        })
        .collect()
}

fn kinds() -> Vec<Vector> {
    let sealed = honest().seal();
    let attached = Forge::attached(&alice()).seal();
    let detached = Forge::detached(&alice()).seal();
    let relabelled = honest().with(|f| f.envelope.set(|envelope| envelope[7] = 2)).seal();
    let wrong = || fails("WrongKind", 1);
    let cut = || fails("Malformed", 1);
    vec![
        Vector::open("header/attached-to-open", "attached, to open", &attached.envelope, wrong()),
        Vector::open("header/detached-to-open", "detached, to open", &detached.envelope, wrong()),
        Vector::open(
            "header/sealed-relabelled",
            "a sealed envelope whose kind was changed to attached",
            &relabelled.envelope,
            wrong(),
        ),
        // The kind is judged after the whole header (opening.md §2).
        Vector::open(
            "header/attached-to-open-cut",
            "attached, to open, ends inside the nonce",
            &attached.envelope[..20],
            cut(),
        ),
        Vector::verify(
            "header/sealed-to-verify-cut",
            "sealed, to verify, ends inside the stanza",
            &sealed.envelope[..100],
            cut(),
        ),
        Vector::verify("header/sealed-to-verify", "sealed, to verify", &sealed.envelope, wrong()),
        Vector::verify(
            "header/detached-without-content",
            "detached, where an attached envelope was expected",
            &detached.envelope,
            wrong(),
        ),
        Vector::verify(
            "header/attached-with-content",
            "attached, where content beside was expected",
            &attached.envelope,
            wrong(),
        )
        .beside(&attached.content),
    ]
}

fn cuts() -> Vec<Vector> {
    let envelope = honest().seal().envelope;
    let signed = Forge::attached(&alice()).seal().envelope;
    let detached = Forge { kind: DETACHED, ..Forge::attached(&alice()) }.seal();
    let rows = [
        (0, "empty input"),
        (3, "ends inside the magic"),
        (5, "ends after the magic"),
        (6, "ends after the version"),
        (7, "ends after the suite"),
        (8, "ends after the kind"),
        (23, "ends inside the nonce"),
        (24, "ends after the nonce"),
        (55, "ends inside enc"),
        (56, "ends after enc"),
        (57, "ends inside the count"),
        (58, "ends after the count"),
        (105, "ends inside the only stanza"),
    ];
    let mut all: Vec<Vector> = rows
        .into_iter()
        .map(|(length, about)| {
            let name = format!("header/cut-at-{length}");
            Vector::open(&name, about, &envelope[..length], fails("Malformed", 1))
        })
        .collect();
    all.push(Vector::verify(
        "header/attached-cut-at-23",
        "a signed envelope ends inside the nonce",
        &signed[..23],
        fails("Malformed", 1),
    ));
    all.push(
        Vector::verify(
            "header/detached-cut-at-8",
            "a detached envelope ends after the kind",
            &detached.envelope[..8],
            fails("Malformed", 1),
        )
        .beside(&detached.content),
    );
    all
}

fn counts() -> Vec<Vector> {
    let count = |count| honest().with(|f| f.count = Some(count));
    let fails = |name, about, forge: &Forge| Vector::fails(name, about, forge, "Malformed", 1);
    let two = honest().with(|f| {
        f.stanzas.push(Stanza::decoy("cut"));
        f.envelope.set(|envelope| envelope.truncate(58 + 95));
    });
    vec![
        fails("header/count-0", "no stanza", &honest().with(|f| f.stanzas.clear())),
        fails("header/count-0-stanza-there", "the count is 0, a stanza follows", &count(0)),
        fails("header/count-10000-not-there", "more stanzas than bytes", &count(10_000)),
        fails("header/count-10001", "one stanza more than the limit", &count(10_001)),
        fails("header/count-65535", "the greatest count", &count(65_535)),
        fails("header/second-stanza-cut", "ends inside the second of two stanzas", &two),
    ]
}
