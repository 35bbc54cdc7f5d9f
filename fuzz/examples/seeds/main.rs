//! Writes real inputs into the corpus folders, so that the fuzzer starts behind the door: `fuzz/run` calls it.

mod calls;
mod calls_failing;
mod calls_later;
mod steps;

use bulla::{ArmorLabel, armor};
use bulla_forge::{
    Forge, KeyFile, Layout, NOW, Padding, Person, Protection, Sealed, Stanza, Statement,
};
use bulla_fuzz::{open_all_ways, verify_all_ways};
use std::fs;
use std::path::Path;

/// Envelopes of every kind and layout, with little and with much in them.
fn envelopes() -> Vec<(&'static str, Sealed)> {
    let (alice, bob, carol) = (
        Person::new("alice"),
        Person::new("bob"),
        Person::new("carol"),
    );
    let sealed = || Forge::sealed(&alice, &[&bob]);
    let rich = |forge: Forge| {
        forge.with(|f| {
            f.stamp.content_type = Some("text/plain".to_owned());
            f.stamp.attributes = vec![
                ("to".to_owned(), b"bob".to_vec()),
                ("name".to_owned(), b"x".to_vec()),
            ];
            f.stamp.sequence = Some(bulla_forge::Sequence {
                stream: b"s".to_vec(),
                number: 300,
            });
            f.stamp.receipts = Some(5);
            f.stamp.reply_key = Some(alice.reply_key());
            f.stamp.extensions = vec![(256, b"e".to_vec()), (-257, Vec::new())];
        })
    };
    let with = |forge: Forge, layout| forge.with(|f| f.layout = layout);
    let long = |forge: Forge| forge.with(|f| f.content = vec![0x5a; 16_500]);
    let forges = vec![
        ("one-shot", sealed()),
        ("padded", sealed().with(|f| f.padding = Padding::Padme)),
        ("rich", rich(sealed())),
        ("sized", with(sealed(), Layout::LengthKnown)),
        (
            "sized-padded",
            with(sealed(), Layout::LengthKnown).with(|f| f.padding = Padding::Zeros(40)),
        ),
        ("open-ended", with(sealed(), Layout::LengthUnknown)),
        ("long", long(sealed())),
        (
            "long-open-ended",
            long(with(sealed(), Layout::LengthUnknown)),
        ),
        ("empty", sealed().with(|f| f.content = Vec::new())),
        ("three", Forge::sealed(&alice, &[&carol, &bob, &alice])),
        (
            "decoy",
            sealed().with(|f| f.stanzas.insert(0, Stanza::decoy("a"))),
        ),
        ("stranger", Forge::sealed(&carol, &[&bob])),
        (
            "wrong-author",
            sealed().with(|f| f.opening = Statement::by(carol.seed)),
        ),
        ("expired", sealed().with(|f| f.stamp.expires = Some(1))),
        // Just in time: one bit less and it is expired.
        (
            "in-skew",
            sealed().with(|f| f.stamp.expires = Some(NOW - 100)),
        ),
        ("receipt", sealed().with(|f| f.stamp.statement = 2)),
        ("attached", rich(Forge::attached(&alice))),
        (
            "attached-sized",
            with(Forge::attached(&alice), Layout::LengthKnown),
        ),
        (
            "attached-open-ended",
            with(Forge::attached(&alice), Layout::LengthUnknown),
        ),
        ("detached", Forge::detached(&alice)),
    ];
    forges
        .into_iter()
        .map(|(name, forge)| (name, forge.seal()))
        .collect()
}

/// The content is beside, or something is wrong with it.
const BESIDE_OR_BAD: [&str; 5] = ["detached", "stranger", "wrong-author", "expired", "receipt"];

struct Corpus<'a>(&'a Path);

impl Corpus<'_> {
    fn add(&self, target: &str, name: &str, parts: &[&[u8]]) {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("seed-{name}")), parts.concat()).unwrap();
    }

    fn add_envelope(&self, name: &str, sealed: &Sealed) {
        let (envelope, stamp) = (&sealed.envelope[..], &sealed.stamp);
        // A seed that is refused by mistake would leave the fuzzer at the door.
        let accepted = open_all_ways(envelope).is_ok() || verify_all_ways(envelope).is_ok();
        assert!(accepted || BESIDE_OR_BAD.contains(&name), "{name}");
        let claims = stamp.claims().encode();
        self.add("header", name, &[envelope]);
        self.add("open", name, &[envelope]);
        if name.starts_with("detached") {
            let length = u8::try_from(sealed.content.len()).unwrap();
            self.add("open", name, &[&[length], &sealed.content, envelope]);
        }
        self.add("open_inside", name, &[&[0], &sealed.plaintext]);
        let tail = u8::from(sealed.closing.is_some());
        let zeros = u8::try_from(stamp.padding.unwrap_or(0)).unwrap();
        let as_claims = format!("{name}-claims");
        self.add("open_inside", &as_claims, &[&[1, tail, zeros], &claims]);
        self.add("evidence", &as_claims, &[&[tail], &claims]);
        self.add("evidence", name, &[&sealed.evidence().encode()]);
        self.add("stamp", &as_claims, &[&claims]);
        self.add("stamp", name, &[&sealed.opening]);
        if let Some(closing) = &sealed.closing {
            self.add("stamp", &format!("{name}-closing"), &[closing]);
        }
        if sealed.envelope.len() < 2000 {
            let text = armor(ArmorLabel::Envelope, envelope);
            self.add("armor", name, &[text.as_bytes()]);
        }
    }

    fn add_person(&self, name: &str, person: &Person) {
        let line = person.line();
        self.add(
            "identity",
            &format!("{name}-line"),
            &[line.encode().as_bytes()],
        );
        self.add("identity", name, &[&line.data()]);
        for (kind, protection) in [
            ("plain", Protection::Plain),
            ("protected", Protection::passphrase("correct horse")),
        ] {
            let file = KeyFile::of(person, protection);
            let name = format!("{name}-{kind}");
            self.add("keyfile", &name, &[&[0], file.armored().as_bytes()]);
            self.add("keyfile", &format!("{name}-bytes"), &[&[1], &file.bytes()]);
            let mode = if kind == "plain" { 2 } else { 3 };
            self.add(
                "keyfile",
                &format!("{name}-secrets"),
                &[&[mode], &file.secrets],
            );
            self.add("armor", &name, &[file.armored().as_bytes()]);
        }
    }
}

fn main() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let corpus = Corpus(&corpus);
    for (name, sealed) in envelopes() {
        corpus.add_envelope(name, &sealed);
    }
    let closing = bulla_fuzz::closing_claims(b"Ten measures of barley to the northern gate.");
    corpus.add("open_inside", "closing", &[&[2], &closing]);
    corpus.add("stamp", "closing-claims", &[&closing]);
    for (which, sealed) in (0..).zip(bulla_fuzz::honest()) {
        let tail = &sealed.plaintext[3 + sealed.opening.len()..];
        let name = format!("tail-{which}");
        corpus.add("open_inside", &name, &[&[3, which], tail]);
    }
    let dave = Person::new("dave");
    corpus.add_person("dave", &dave);
    corpus.add_person("rotated", &dave.rotated().rotated());
    for layout in 0..7_u8 {
        // The enum is chosen by the high bits of four bytes; the rest is for the fuzzer to find.
        let choice = (u32::from(layout) * (u32::MAX / 7) + 1).to_le_bytes();
        let message: Vec<u8> = (0..400_u16).map(|at| (at % 97) as u8).collect();
        corpus.add(
            "round_trip",
            &format!("layout-{layout}"),
            &[&choice, &message],
        );
    }
    for (name, script) in calls::scripts() {
        corpus.add("calls", &name, &[&script]);
    }
}
