//! Step 2: the reader's stanza (envelope.md §3).

use bulla_forge::hpke::{hpke_key, stanza_info};
use bulla_forge::points::{prime_plus, small_order_encryption_keys};
use bulla_forge::{Forge, Stanza, gcm_seal, hpke, named};

use crate::cast::{alice, bob, carol, honest, mallory};
use crate::vector::{Vector, accepts, fails};

pub fn vectors() -> Vec<Vector> {
    [damage(), binding(), small_orders(), several(), generations()].into_iter().flatten().collect()
}

fn not_for_me(name: &str, about: &str, forge: &Forge) -> Vector {
    Vector::fails(&format!("stanza/{name}"), about, forge, "NotForMe", 2)
}

fn flip(at: usize, bits: u8) -> Forge {
    honest().with(|f| f.envelope.set(move |envelope| envelope[at] ^= bits))
}

fn damage() -> Vec<Vector> {
    vec![
        not_for_me("first-bit", "a bit of the only stanza is changed", &flip(58, 0x80)),
        not_for_me("last-bit", "a bit of its tag is changed", &flip(105, 1)),
        not_for_me("nonce-bit", "a bit of the nonce is changed, which is in info", &flip(8, 1)),
        not_for_me("enc-bit", "a bit of enc is changed", &flip(24, 1)),
        not_for_me(
            "enc-top-bit",
            "the top bit of enc is changed: X25519 ignores it, the KEM context does not",
            &flip(55, 0x80),
        ),
        not_for_me("zeros", "a stanza of zeros", &honest().with(|f| f.stanzas = vec![Stanza::Raw(vec![0; 48])])),
    ]
}

fn binding() -> Vec<Vector> {
    let only = |stanza: Stanza| honest().with(|f| f.stanzas = vec![stanza.clone()]);
    let bob_as = |signer| only(Stanza::to_keys(bob().encryption(), signer));
    let mut enc = hpke::x25519_public(&honest().ephemeral);
    enc[31] |= 0x80;
    vec![
        not_for_me("another-recipient", "sealed to somebody else", &only(Stanza::to(&carol()))),
        not_for_me(
            "identity-misbinding",
            "Mallory has published Bob's encryption key as his own: info names Mallory",
            &bob_as(mallory().signer()),
        ),
        not_for_me(
            "another-nonce",
            "info has another nonce than the header: a stanza moved from another envelope",
            &only(Stanza::to(&bob()).with(|to| to.nonce = Some(named("another nonce")))),
        ),
        not_for_me(
            "another-ephemeral",
            "the stanza was made with another ephemeral key than enc",
            &only(Stanza::to(&bob()).with(|to| to.ephemeral = Some(named("another ephemeral")))),
        ),
        Vector::opens(
            "stanza/enc-top-bit-from-the-start",
            "enc has its top bit set, and the sender knew it: an RFC 9180 sender could have made it",
            &honest().with(|f| f.enc = Some(enc)),
        ),
    ]
}

/// Whoever makes the Diffie-Hellman result zero knows it, and can make a stanza that would open.
fn zero_shared(enc: [u8; 32]) -> Forge {
    let forge = honest();
    let info = stanza_info(&forge.nonce, &bob().signer());
    let (key, nonce) = hpke_key(&[0; 32], &enc, &bob().encryption(), &info);
    let stanza = gcm_seal(&key, &nonce, b"", &forge.content_key);
    forge.with(|f| (f.enc, f.stanzas) = (Some(enc), vec![Stanza::Raw(stanza)]))
}

fn small_orders() -> Vec<Vector> {
    let names = ["zero", "one", "minus-one", "order-8", "order-8-other"];
    let mut all: Vec<Vector> = names
        .into_iter()
        .zip(small_order_encryption_keys())
        .map(|(name, enc)| {
            let about = "enc is of small order, and the stanza made for a shared secret of zeros";
            not_for_me(&format!("enc-small-order-{name}"), about, &zero_shared(enc))
        })
        .collect();
    all.push(not_for_me(
        "enc-small-order-not-canonical",
        "enc is 2^255 - 19, which is zero",
        &zero_shared(prime_plus(0, false)),
    ));
    all
}

fn several() -> Vec<Vector> {
    let to_bob = || Stanza::to(&bob());
    let wrong_key = || to_bob().with(|to| to.content_key = Some(named("another content key")));
    let decoy = Stanza::decoy;
    let with = |stanzas: Vec<Stanza>| honest().with(|f| f.stanzas = stanzas.clone());
    let seal_to_two = Forge::sealed(&alice(), &[&bob(), &carol()]).seal();
    vec![
        Vector::opens(
            "stanza/decoys-before",
            "two decoys before the reader's stanza",
            &with(vec![decoy("1"), decoy("2"), to_bob()]),
        ),
        Vector::opens(
            "stanza/decoys-after",
            "two decoys after the reader's stanza",
            &with(vec![to_bob(), decoy("1"), decoy("2")]),
        ),
        Vector::open(
            "stanza/co-recipient",
            "the other recipient opens the same envelope",
            &seal_to_two.envelope,
            accepts(&seal_to_two),
        )
        .reader(&carol()),
        not_for_me("only-decoys", "decoys alone", &with(vec![decoy("1"), decoy("2")])),
        Vector::fails(
            "stanza/first-that-opens-decides",
            "two stanzas open, the first gives a wrong content key: no other is tried",
            &with(vec![wrong_key(), to_bob()]),
            "NotAuthentic",
            3,
        ),
        Vector::opens(
            "stanza/second-that-opens-is-ignored",
            "two stanzas open, the second would give a wrong content key",
            &with(vec![to_bob(), wrong_key()]),
        ),
    ]
}

fn generations() -> Vec<Vector> {
    let rotated = bob().rotated();
    let old = || Stanza::to(&bob());
    let new = Stanza::to(&rotated);
    let wrong = |stanza: Stanza| stanza.with(|to| to.content_key = Some(named("another key")));
    let with = |stanzas: Vec<Stanza>| honest().with(|f| f.stanzas = stanzas.clone());
    vec![
        Vector::opens("stanza/old-generation", "sealed to the key before", &with(vec![old()])).reader(&rotated),
        Vector::opens("stanza/new-generation", "sealed to the newest key", &with(vec![new.clone()])).reader(&rotated),
        not_for_me(
            "generation-not-held",
            "sealed to a generation that this reader does not have",
            &with(vec![new.clone()]),
        ),
        Vector::fails(
            "stanza/newest-generation-decides",
            "the stanza for the newest key gives a wrong content key; an earlier stanza for the \
             older key, which would be right, is not tried",
            &with(vec![old(), wrong(new.clone())]),
            "NotAuthentic",
            3,
        )
        .reader(&rotated),
        Vector::opens(
            "stanza/older-generation-is-ignored",
            "the first stanza, for the older key, would give a wrong content key; the newest key \
             is tried before it",
            &with(vec![wrong(old()), new]),
        )
        .reader(&rotated),
        Vector::open(
            "stanza/no-key",
            "the reader has destroyed every key but another one",
            &honest().seal().envelope,
            fails("NotForMe", 2),
        )
        .reader(&{
            let mut reader = bob().rotated();
            reader.keys.remove(0);
            reader
        }),
    ]
}
