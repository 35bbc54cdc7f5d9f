//! Evidence says exactly which content it is about: its length to the byte, and its digest (spec/statements.md §6).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use bulla::{Digest, Evidence, FixedClock, Opener, Policy, Replay, Senders, Verified, Verifier};
use bulla_forge::{ATTACHED, CONTEXT, DETACHED, Forge, Layout, NOW, Padding, Person, cbor, h};
use common::{identity, key};

const LAYOUTS: [Layout; 3] = [Layout::OneShot, Layout::LengthKnown, Layout::LengthUnknown];

fn people() -> (Person, Person) {
    (Person::new("alice"), Person::new("bob"))
}

/// Every kind and layout of this content that there is, as the forge makes it and as the gate has verified it.
fn verified(content: &[u8]) -> Vec<(bulla_forge::Sealed, Verified)> {
    let (alice, bob) = people();
    let keys = identity(&bob);
    let policy = Policy::new(CONTEXT, Senders::only([key(&alice)])).unwrap();
    let clock = FixedClock(NOW);
    let opener = Opener::with_clock(&keys, &policy, Replay::Unguarded, &clock);
    let verifier = Verifier::with_clock("me", &policy, Replay::Unguarded, &clock);
    let mut forges = vec![
        Forge::detached(&alice),
        Forge::sealed(&alice, &[&bob]).with(|f| f.padding = Padding::Zeros(40)),
    ];
    for layout in LAYOUTS {
        forges.push(Forge::sealed(&alice, &[&bob]).with(|f| f.layout = layout));
        forges.push(Forge::attached(&alice).with(|f| f.layout = layout));
    }
    let verify = |forge: Forge| {
        let sealed = forge.with(|f| f.content = content.to_vec()).seal();
        let envelope = &sealed.envelope;
        let proof = match envelope[7] {
            DETACHED => (*verifier.verify_detached(envelope, content).unwrap()).clone(),
            ATTACHED => (**verifier.verify(envelope).unwrap().proof()).clone(),
            _ => (**opener.open(envelope).unwrap().proof()).clone(),
        };
        (sealed, proof)
    };
    forges.into_iter().map(verify).collect()
}

/// Contents that are nearly this one.
fn others(content: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![
        [content, &[0]].concat(),
        [content, b"x"].concat(),
        [&[0], content].concat(),
        [content, &[0; 256]].concat(),
        [content, &[0; 65_536]].concat(),
    ];
    if let Some((last, start)) = content.split_last() {
        all.extend([start.to_vec(), content[1..].to_vec(), Vec::new()]);
        all.push([content, content].concat());
        // Of the same length.
        all.push([start, &[last ^ 1]].concat());
        all.push([&[content[0] ^ 0x80], &content[1..]].concat());
        all.push(vec![0; content.len()]);
    }
    all.retain(|other| other != content);
    all
}

#[test]
fn it_is_about_its_content_and_no_other() {
    let contents: [&[u8]; 4] = [b"", b"5", b"Ten measures of barley.", &[7; 16_384]];
    for content in contents {
        for (sealed, proof) in verified(content) {
            assert_eq!(
                (proof.content_length(), proof.content_digest()),
                (content.len() as u64, Digest::of(content))
            );
            let bytes = proof.evidence();
            assert_eq!(bytes, sealed.evidence().encode());
            let evidence = Evidence::check(&bytes).unwrap();
            assert_eq!(
                (evidence.content_length(), evidence.content_digest()),
                (content.len() as u64, Digest::of(content))
            );
            assert!(evidence.is_about(content));
            for other in others(content) {
                assert!(!evidence.is_about(&other), "{} bytes", other.len());
            }
        }
    }
}

/// An author can sign the digest of one content with the length of another: such evidence is about no content.
#[test]
fn with_a_length_that_is_not_the_digest_s_it_is_about_nothing() {
    let (alice, bob) = people();
    let content = Forge::attached(&alice).content;
    let real = content.len() as u64;
    let lengths = [
        0,
        real - 1,
        real + 1,
        real + 256,
        real + (1 << 32),
        u64::MAX,
    ];
    for (length, layout) in lengths
        .into_iter()
        .flat_map(|length| LAYOUTS.map(|layout| (length, layout)))
    {
        let evidence = Forge::sealed(&alice, &[&bob])
            .with(|f| f.layout = layout)
            .with(|f| {
                if layout != Layout::LengthUnknown {
                    f.stamp.length = Some(length);
                }
                f.closing
                    .claims
                    .set(move |claims| claims.set(-3, cbor::uint(length)));
            })
            .seal()
            .evidence()
            .encode();
        let evidence = Evidence::check(&evidence).unwrap();
        assert_eq!(
            (evidence.content_length(), evidence.content_digest()),
            (length, Digest::of(&content))
        );
        assert!(!evidence.is_about(&content), "{length}");
        for other in others(&content) {
            assert!(!evidence.is_about(&other), "{length}");
        }
    }
}

/// The right length with the digest of something else is about something else.
#[test]
fn with_another_digest_it_is_about_that() {
    let (alice, bob) = people();
    let content = Forge::attached(&alice).content;
    let signed = vec![b'x'; content.len()];
    for layout in LAYOUTS {
        let digest = h(&[&signed]);
        let evidence = Forge::sealed(&alice, &[&bob])
            .with(|f| f.layout = layout)
            .with(|f| {
                if layout == Layout::OneShot {
                    f.stamp.digest = Some(digest);
                }
                f.closing
                    .claims
                    .set(move |claims| claims.set(-4, cbor::bytes(&digest)));
            })
            .seal()
            .evidence()
            .encode();
        let evidence = Evidence::check(&evidence).unwrap();
        assert!(!evidence.is_about(&content) && evidence.is_about(&signed));
    }
}
