//! Identity lines (identity.md §1).

use bulla_forge::line::{BECH32, BECH32M, bech32, checksum_holds, fives};
use bulla_forge::points::{
    minus_one, non_canonical_identities, non_canonical_signing_key, not_on_the_curve, prime_plus,
    small_order_encryption_keys, small_order_signing_keys,
};
use bulla_forge::{Line, ed25519};
use serde_json::{Value, json};

use crate::cast::{alice, bob};
use crate::vector::{Vector, hex, reads, refused};

pub fn vectors() -> Vec<Vector> {
    [good(), text(), typos(), structure(), signing(), encryption()].into_iter().flatten().collect()
}

fn payload(line: &Line) -> Value {
    let keys: Vec<_> = line
        .entries
        .iter()
        .map(|(suite, generation, key)| json!({ "suite": suite, "generation": generation, "key": hex(key) }))
        .collect();
    json!({ "signing_key": hex(&line.signing), "keys": keys })
}

fn vector(name: &str, about: &str, text: &str, verdict: &'static str) -> Vector {
    Vector::text("identity", &format!("identity/{name}"), about, text, refused(verdict))
}

fn malformed(name: &str, about: &str, text: &str) -> Vector {
    vector(name, about, text, "Malformed")
}

fn accepted(name: &str, about: &str, line: &Line, text: &str) -> Vector {
    Vector::text("identity", &format!("identity/{name}"), about, text, reads(payload(line)))
}

/// Alice's line with this change.
fn line(change: impl FnOnce(&mut Line)) -> Line {
    let mut line = alice().line();
    change(&mut line);
    line
}

/// So many entries, of Alice's key and rotated ones.
fn entries(count: usize) -> Line {
    let mut person = alice();
    while person.keys.len() < count {
        person = person.rotated();
    }
    person.line()
}

fn good() -> Vec<Vector> {
    let of = |name: &str, about: &str, line: &Line| accepted(name, about, line, &line.encode());
    let alice = alice().line();
    let text = alice.encode();
    vec![
        of("one-key", "one encryption key", &alice),
        of("two-keys", "two generations; four bits of padding", &entries(2)),
        of("three-keys", "three generations; three bits of padding", &entries(3)),
        of("eight-keys", "as many keys as allowed", &entries(8)),
        of("generation-greatest", "the greatest generation", &line(|l| l.entries[0].1 = u32::MAX)),
        of("generations-with-gap", "generations 3 and 900", &{
            let mut line = entries(2);
            (line.entries[0].1, line.entries[1].1) = (3, 900);
            line
        }),
        accepted("line-feed", "a line feed after the line", &alice, &format!("{text}\n")),
        accepted("crlf", "CRLF after the line", &alice, &format!("{text}\r\n")),
        accepted("blanks", "spaces, tabs and line ends around the line", &alice, &format!(" \t\r\n{text} \t\n\n")),
        of(
            "signing-mixed-order",
            "a signing key with a component of order 8: canonical and not of small order",
            &line(|l| l.signing = ed25519::mixed_public(&bob().seed)),
        ),
    ]
}

fn text() -> Vec<Vector> {
    let alice = alice().line();
    let text = alice.encode();
    let data = fives(&alice.data());
    let mixed = format!("{}{}", &text[..20], text[20..].to_uppercase());
    vec![
        malformed("empty", "no text at all", ""),
        malformed("blank", "blanks alone", " \n"),
        malformed("part-only", "the human-readable part alone", "bulla"),
        malformed("part-and-separator", "the human-readable part and the separator", "bulla1"),
        malformed("upper-case", "all in upper case, which Bech32m allows and we do not", &text.to_uppercase()),
        malformed("mixed-case", "partly in upper case", &mixed),
        malformed("part-upper-case", "the human-readable part in upper case", &text.replacen("bulla", "BULLA", 1)),
        malformed("another-part", "another human-readable part, with its checksum", &bech32("bullb", &data, BECH32M)),
        malformed("no-part", "no human-readable part, with its checksum", &bech32("", &data, BECH32M)),
        malformed("longer-part", "a longer human-readable part, with its checksum", &bech32("bulla1", &data, BECH32M)),
        malformed("bech32", "the checksum of Bech32, not Bech32m", &bech32("bulla", &data, BECH32)),
        malformed("nothing-in-it", "a line without data, with its checksum", &bech32("bulla", &[], BECH32M)),
        malformed("two-lines", "two identities", &format!("{text}\n{text}\n")),
        malformed("space-inside", "a space inside the line", &format!("{} {}", &text[..30], &text[30..])),
        malformed("line-end-inside", "a line end inside the line", &format!("{}\n{}", &text[..30], &text[30..])),
        malformed("comment", "a comment before the line", &format!("# Alice\n{text}\n")),
        malformed("vertical-tab", "a vertical tab after the line", &format!("{text}\u{B}")),
        malformed("no-break-space", "a no-break space after the line", &format!("{text}\u{A0}")),
    ]
}

/// Each class of typo; that the checksum really fails is checked here.
fn typos() -> Vec<Vector> {
    let text = alice().line().encode();
    let replaced = |at: usize, with: char| {
        let mut typo = text.clone();
        typo.replace_range(at..=at, &with.to_string());
        typo
    };
    let other = |at: usize| {
        if text.as_bytes()[at] == b'q' { 'p' } else { 'q' }
    };
    let swap = (40..).find(|&at| text.as_bytes()[at] != text.as_bytes()[at + 1]).expect("a pair");
    let swapped = format!("{}{}{}{}", &text[..swap], &text[swap + 1..swap + 2], &text[swap..=swap], &text[swap + 2..]);
    let last = text.len() - 1;
    let rows = [
        ("typo-first", "the first character of the data is another", replaced(6, other(6))),
        ("typo-middle", "a character in the middle is another", replaced(60, other(60))),
        ("typo-last", "the last character is another", replaced(last, other(last))),
        ("typo-part", "a character of the human-readable part is another", replaced(1, 'o')),
        ("typo-separator", "the separator is another character", replaced(5, 'l')),
        ("typo-not-in-alphabet", "a \"b\" in the data, which has none", replaced(60, 'b')),
        ("typo-digit-one", "a \"1\" in the data", replaced(60, '1')),
        ("typo-not-ascii", "a character that is not ASCII", replaced(60, 'ä')),
        ("typo-transposed", "two neighbours have changed places", swapped),
        ("typo-missing", "a character is missing", text[..60].to_owned() + &text[61..]),
        ("typo-doubled", "a character stands twice", text[..60].to_owned() + &text[59..]),
        ("typo-last-missing", "the last character is missing", text[..last].to_owned()),
        ("typo-character-after", "a character after the line", format!("{text}q")),
    ];
    rows.into_iter()
        .map(|(name, about, typo)| {
            assert!(!checksum_holds(&typo), "{name} is no typo");
            malformed(name, about, &typo)
        })
        .collect()
}

fn structure() -> Vec<Vector> {
    let text = |line: &Line| line.encode();
    let raw = |data: &[u8]| bech32("bulla", &fives(data), BECH32M);
    let data = alice().line().data();
    let fives_of = |line: &Line| fives(&line.data());
    let mut bit = fives_of(&entries(2));
    *bit.last_mut().expect("data") |= 1;
    let mut group = fives_of(&alice().line());
    group.push(0);
    let unsupported = |name: &str, about: &str, line: &Line| vector(name, about, &line.encode(), "UnsupportedVersion");
    vec![
        unsupported("version-0", "version 0", &line(|l| l.version = 0)),
        unsupported("version-2", "version 2", &line(|l| l.version = 2)),
        unsupported("suite-0", "a key of suite 0", &line(|l| l.entries[0].0 = 0)),
        unsupported("suite-2", "a key of suite 2", &line(|l| l.entries[0].0 = 2)),
        unsupported("second-suite-2", "a second key, of suite 2", &{
            let mut line = entries(2);
            line.entries[1].0 = 2;
            line
        }),
        malformed("no-key", "no encryption key", &text(&line(|l| l.entries.clear()))),
        malformed("nine-keys", "one key too many", &text(&entries(9))),
        malformed("long", "more than 1023 characters", &text(&entries(17))),
        malformed("version-only", "a version and no more", &raw(&data[..1])),
        malformed("signing-key-cut", "the signing key has 31 bytes, nothing follows", &raw(&data[..32])),
        malformed("entry-cut", "the key has 31 bytes", &raw(&data[..69])),
        malformed("entry-longer", "a byte follows the last key", &raw(&[&data[..], &[1]].concat())),
        malformed(
            "descending",
            "two keys in wrong order",
            &text(&{
                let mut line = entries(2);
                line.entries.swap(0, 1);
                line
            }),
        ),
        malformed(
            "generation-twice",
            "two keys of one generation",
            &text(&{
                let mut line = entries(2);
                line.entries[1].1 = 0;
                line
            }),
        ),
        malformed(
            "entry-twice",
            "the same key twice",
            &text(&line(|l| {
                let entry = l.entries[0].clone();
                l.entries.push(entry);
            })),
        ),
        malformed("padding-bit", "a bit of the padding is set", &bech32("bulla", &bit, BECH32M)),
        malformed("padding-group", "five bits of padding", &bech32("bulla", &group, BECH32M)),
    ]
}

fn signing() -> Vec<Vector> {
    let with = |signing: [u8; 32]| line(|l| l.signing = signing).encode();
    let small = small_order_signing_keys();
    let mut all = vec![
        malformed("signing-not-on-curve", "the signing key is no point", &with(not_on_the_curve())),
        malformed("signing-not-canonical", "the signing key has y >= p", &with(non_canonical_signing_key())),
        malformed("signing-all-ones", "a signing key of 32 bytes 0xFF", &with([0xFF; 32])),
    ];
    let names = ["identity", "order-8", "order-4", "order-8-b", "order-2", "order-8-c", "order-4-b", "order-8-d"];
    for (name, key) in names.into_iter().zip(small) {
        let about = "the signing key is of small order";
        all.push(malformed(&format!("signing-{name}"), about, &with(key)));
    }
    for (name, key) in ["y", "y-and-sign", "sign"].into_iter().zip(non_canonical_identities()) {
        let about = "the signing key is the identity, not canonically encoded";
        all.push(malformed(&format!("signing-identity-{name}"), about, &with(key)));
    }
    all
}

fn encryption() -> Vec<Vector> {
    let with = |key: [u8; 32]| line(|l| l.entries[0].2 = key.to_vec()).encode();
    let mut top_bit = alice().encryption();
    top_bit[31] |= 0x80;
    let mut zero_top_bit = [0; 32];
    zero_top_bit[31] = 0x80;
    let mut all = vec![
        malformed("key-prime", "the key is 2^255 - 19, which is zero", &with(prime_plus(0, false))),
        malformed("key-prime-plus-1", "the key is 2^255 - 18, which is one", &with(prime_plus(1, false))),
        malformed("key-prime-plus-9", "the key is the base point, not canonical", &with(prime_plus(9, false))),
        malformed("key-greatest", "the key is 2^255 - 1", &with(prime_plus(18, false))),
        malformed("key-top-bit", "an honest key with the top bit set", &with(top_bit)),
        malformed("key-zero-top-bit", "zero with the top bit set", &with(zero_top_bit)),
        malformed("key-all-ones", "a key of 32 bytes 0xFF", &with([0xFF; 32])),
    ];
    let names = ["zero", "one", "minus-one", "order-8", "order-8-other"];
    assert_eq!(small_order_encryption_keys()[2], minus_one());
    for (name, key) in names.into_iter().zip(small_order_encryption_keys()) {
        let about = "the encryption key is of small order";
        all.push(malformed(&format!("key-{name}"), about, &with(key)));
    }
    let mut second = entries(2);
    second.entries[1].2 = small_order_encryption_keys()[3].clone().to_vec();
    all.push(malformed("second-key-order-8", "the second key is of small order", &second.encode()));
    all
}
