//! Step 4: the signer's key, the signature, and what it covers (statements.md §1, §2).

use bulla_forge::cose::{closing_external, opening_external};
use bulla_forge::points::{
    non_canonical_identities, non_canonical_signing_key, not_on_the_curve, small_order_signing_keys,
};
use bulla_forge::{Forge, cbor, ed25519, h};
use curve25519_dalek::scalar::Scalar;

use crate::cast::{alice, bob, carol, honest, mallory};
use crate::vector::{Vector, fails};

pub fn vectors() -> Vec<Vector> {
    [bits(), keys(), points(), moved(), external(), torsion()].into_iter().flatten().collect()
}

/// Any sender is accepted, so that nothing but the signature stands in the way.
fn not_authentic(name: &str, about: &str, forge: &Forge) -> Vector {
    let name = format!("opening/{name}");
    Vector::fails(&name, about, forge, "NotAuthentic", 4).policy(|p| p.senders = None)
}

fn signature(change: fn(&mut Vec<u8>)) -> Forge {
    honest().with(|f| f.opening.after_signing.set(move |cose| change(&mut cose.signature)))
}

fn bits() -> Vec<Vector> {
    vec![
        not_authentic("signature-r-bit", "a bit of R is changed", &signature(|s| s[0] ^= 1)),
        not_authentic("signature-s-bit", "a bit of S is changed", &signature(|s| s[32] ^= 1)),
        not_authentic("signature-zeros", "a signature of zeros", &signature(|s| s.fill(0))),
        not_authentic(
            "signature-s-plus-order",
            "S + L in place of S: the same signature for whoever does not check S < L",
            &signature(|s| {
                let bent = ed25519::add_order(s[..].try_into().expect("64 bytes"));
                s.copy_from_slice(&bent);
            }),
        ),
        not_authentic(
            "payload-bit",
            "a bit of the signed payload is changed, in the message id",
            &honest().with(|f| {
                f.opening.after_signing.set(|cose| {
                    let id = honest().stamp.message_id;
                    let at = cose.payload.windows(16).position(|window| window == id);
                    cose.payload[at.expect("the message id")] ^= 1;
                });
            }),
        ),
    ]
}

fn keys() -> Vec<Vector> {
    vec![
        not_authentic(
            "signed-by-another",
            "the stamp names Alice, Mallory has signed",
            &honest().with(|f| f.opening.seed = mallory().seed),
        ),
        not_authentic(
            "signed-by-recipient",
            "the recipient has signed in the author's name",
            &honest().with(|f| f.opening.seed = bob().seed),
        ),
        not_authentic(
            "signer-replaced",
            "Alice has signed a stamp that names Mallory",
            &honest().with(|f| f.stamp.signer = mallory().signer()),
        ),
        not_authentic(
            "signer-not-on-curve",
            "the signer is no point of the curve",
            &honest().with(|f| f.stamp.signer = not_on_the_curve()),
        ),
        not_authentic(
            "signer-not-canonical",
            "the signer is a point with y >= p, not of small order",
            &honest().with(|f| f.stamp.signer = non_canonical_signing_key()),
        ),
    ]
}

/// A key whose secret scalar is 0 for everybody: S = r fits every message, if `[k]A` is the identity.
fn by_nobody(signer: [u8; 32]) -> Forge {
    honest().with(|f| {
        f.stamp.signer = signer;
        f.opening.sign_with(move |message| {
            // A point of order 8 vanishes for one k in eight: take such a k, reduced or not.
            let sign = |n| ed25519::sign_raw(&Scalar::ZERO, &signer, &ed25519::nonce(n), None, message);
            let fits = |s: &[u8; 64]| ed25519::challenge_is_multiple_of_8(s, &signer, message);
            (0..).map(sign).find(fits).expect("one nonce in 64 will do")
        });
    })
}

fn points() -> Vec<Vector> {
    let mut all = Vec::new();
    let names = ["identity", "order-8", "order-4", "order-8-b", "order-2"];
    for (name, signer) in names.into_iter().zip(small_order_signing_keys()) {
        let about = "the signer is of small order; the equation holds";
        all.push(not_authentic(&format!("signer-{name}"), about, &by_nobody(signer)));
    }
    let names = ["y", "y-and-sign", "sign"];
    for (name, signer) in names.into_iter().zip(non_canonical_identities()) {
        let about = "the signer is the identity, not canonically encoded; the equation holds";
        all.push(not_authentic(&format!("signer-identity-{name}"), about, &by_nobody(signer)));
    }
    // With r = 0 the signature is honest but for R, the identity.
    let zero_nonce = |encoded: [u8; 32]| {
        honest().with(|f| {
            let (seed, public) = (alice().seed, alice().signer());
            f.opening.sign_with(move |message| {
                let secret = ed25519::scalar(&seed);
                ed25519::sign_raw(&secret, &public, &Scalar::ZERO, Some(encoded), message)
            });
        })
    };
    all.push(not_authentic(
        "signature-r-identity",
        "R is the identity; the equation holds",
        &zero_nonce(small_order_signing_keys()[0]),
    ));
    all.push(not_authentic(
        "signature-r-not-canonical",
        "R is the identity, not canonically encoded; the equation of points holds",
        &zero_nonce(non_canonical_identities()[0]),
    ));
    all
}

/// An opening that was honestly made, for another envelope.
fn moved() -> Vec<Vector> {
    // Alice has sealed to Carol; Carol puts Alice's opening and content under a header for Bob.
    let to_carol = Forge::sealed(&alice(), &[&carol()]).fresh("carol").seal();
    let forwarded =
        |opening: Vec<u8>| honest().with(|f| f.opening.encoded.set(move |encoded| encoded.clone_from(&opening)));
    let attached = Forge::attached(&alice()).fresh("attached").seal();
    let stolen = honest().seal().opening;
    let published = Forge::attached(&alice())
        .fresh("published")
        .with(|f| f.opening.encoded.set(move |encoded| encoded.clone_from(&stolen)))
        .seal();
    vec![
        not_authentic(
            "surreptitious-forwarding",
            "a recipient has put the author's opening under a header for somebody else",
            &forwarded(to_carol.opening),
        ),
        not_authentic(
            "opening-of-attached",
            "the opening of a signed envelope in a sealed one",
            &forwarded(attached.opening),
        ),
        Vector::verify(
            "opening/attached-opening-of-sealed",
            "the opening and content of a sealed envelope published as signed",
            &published.envelope,
            fails("NotAuthentic", 4),
        ),
    ]
}

fn external() -> Vec<Vector> {
    let external =
        |external: Vec<u8>| honest().with(|f| f.opening.external.set(move |data| data.clone_from(&external)));
    let header = honest().make_header();
    vec![
        not_authentic("external-empty", "signed with empty external data", &external(Vec::new())),
        not_authentic(
            "external-closing-label",
            "signed under the label of the closing",
            &external([&b"bulla/1 closing\0"[..], &h(&[&header])].concat()),
        ),
        not_authentic(
            "external-closing",
            "signed with the external data of a closing",
            &external(closing_external(&header, b"")),
        ),
        not_authentic(
            "external-header-itself",
            "signed over the header instead of its digest",
            &external([&b"bulla/1 opening\0"[..], &header].concat()),
        ),
        not_authentic(
            "external-another-header",
            "signed over the digest of another header",
            &external(opening_external(&honest().fresh("another").make_header())),
        ),
        not_authentic(
            "another-cose-context",
            "signed with the context string of a COSE_Sign signer",
            &honest().with(|f| {
                f.opening.sign_with(|message| {
                    let rest = &message[1 + 11..];
                    let bent = [&[message[0]][..], &cbor::text("Signature"), rest].concat();
                    ed25519::sign(&alice().seed, &bent)
                });
            }),
        ),
        not_authentic(
            "signed-without-structure",
            "signed over the payload alone",
            &honest().with(|f| {
                let payload = f.seal().stamp.claims().encode();
                f.opening.sign_with(move |_| ed25519::sign(&alice().seed, &payload));
            }),
        ),
    ]
}

fn torsion() -> Vec<Vector> {
    let mixed = |holds| {
        honest().with(|f| {
            f.stamp.signer = ed25519::mixed_public(&alice().seed);
            f.opening.sign_with(move |message| ed25519::sign_mixed(&alice().seed, message, holds));
        })
    };
    vec![
        Vector::opens(
            "opening/signer-mixed-order",
            "the signer has a component of order 8 and is acceptable; the cofactorless equation holds",
            &mixed(true),
        )
        .policy(|p| p.senders = None),
        not_authentic(
            "signer-mixed-order-cofactored",
            "the signer has a component of order 8; only the cofactored equation holds",
            &mixed(false),
        ),
        not_authentic(
            "signature-r-mixed-order",
            "R has a component of order 8; only the cofactored equation holds",
            &honest().with(|f| {
                f.opening.sign_with(|message| ed25519::sign_torsion_r(&alice().seed, message));
            }),
        ),
    ]
}
