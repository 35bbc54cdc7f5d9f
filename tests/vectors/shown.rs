//! What the library shows, by the names that the vectors have.

use super::*;

pub(super) fn settled(verified: &Verified) -> Value {
    with_content(
        verified.stamp(),
        verified.content_length(),
        verified.content_digest(),
    )
}

/// The claims with length and digest of the content, also where they came in a closing.
pub(super) fn with_content(from: &Stamp, length: u64, digest: Digest) -> Value {
    let mut claims = stamp(from);
    claims["length"] = json!(length);
    claims["digest"] = json!(digest.to_string());
    claims
}

/// The claims by name, as the vectors have them.
pub(super) fn stamp(stamp: &Stamp) -> Value {
    let mut claims = json!({
        "context": stamp.context(), "issued": stamp.issued(), "message_id": stamp.message_id().to_string(),
        "statement_type": stamp.statement_type() as u8, "signer": stamp.signer().to_string(),
    });
    let mut put = |name: &str, value: Value| claims[name] = value;
    if let Some(expires) = stamp.expires() {
        put("expires", json!(expires));
    }
    if stamp.padding() > 0 {
        put("padding", json!(stamp.padding()));
    }
    if let Some(content_type) = stamp.content_type() {
        put("content_type", json!(content_type));
    }
    let attributes: serde_json::Map<String, Value> = stamp
        .attributes()
        .map(|(name, value)| (name.into(), json!(hex(value))))
        .collect();
    if !attributes.is_empty() {
        put("attributes", Value::Object(attributes));
    }
    if let Some(sequence) = stamp.sequence() {
        put("sequence", json!([hex(&sequence.stream), sequence.number]));
    }
    if let Some(challenge) = stamp.challenge() {
        put("challenge", json!(hex(challenge)));
    }
    if let Some(reply) = stamp.reply_key() {
        let receipts = stamp.receipts();
        let bits = u8::from(receipts.delivered)
            + 2 * u8::from(receipts.stored)
            + 4 * u8::from(receipts.rejected);
        put("receipts", json!(bits));
        put(
            "reply_key",
            json!([
                reply.suite(),
                reply.generation(),
                hex(reply.key().as_bytes())
            ]),
        );
    }
    claims
}

pub(super) fn evidence(input: &[u8]) -> Result<Value, Error> {
    let bytes = match bulla::is_armored(input) {
        true => dearmor(ArmorLabel::Evidence, input)?,
        false => input.to_vec(),
    };
    Evidence::check(&bytes).map(|evidence| {
        with_content(
            evidence.stamp(),
            evidence.content_length(),
            evidence.content_digest(),
        )
    })
}

pub(super) fn identity(input: &[u8]) -> Result<Value, Error> {
    let text = std::str::from_utf8(input).map_err(|_| Error::from(bulla::ErrorKind::Malformed))?;
    let identity: PublicIdentity = text.parse()?;
    let keys: Vec<Value> = identity
        .encryption_keys()
        .iter()
        .map(|key| json!({"suite": key.suite(), "generation": key.generation(), "key": hex(key.key().as_bytes())}))
        .collect();
    Ok(json!({"signing_key": identity.verifying_key().to_string(), "keys": keys}))
}

/// The library does not show secrets: that they are those of the vector shows in their public halves, and in the key
/// file that it writes from them.
pub(super) fn key_file(vector: &Value) -> Result<Value, Error> {
    let passphrase = vector.get("passphrase").and_then(Value::as_str);
    let identity = Identity::from_key_file(&input(vector), passphrase)?;
    let payload = &vector["expect"]["payload"];
    let Some(wanted) = payload["keys"].as_array() else {
        return Ok(json!("read"));
    };
    let array = |text: &Value| -> [u8; 32] { unhex(text.as_str().unwrap()).try_into().unwrap() };
    let person = Person {
        seed: array(&payload["seed"]),
        keys: wanted
            .iter()
            .map(|key| SecretKey {
                suite: 1,
                generation: key["generation"].as_u64().unwrap().try_into().unwrap(),
                not_after: key["not_after"].as_u64().unwrap(),
                secret: array(&key["secret"]),
            })
            .collect(),
    };
    let publics: Vec<[u8; 32]> = person.keys.iter().rev().map(SecretKey::public).collect();
    let held: Vec<[u8; 32]> = identity
        .encryption_keys()
        .iter()
        .map(|key| *key.key().as_bytes())
        .collect();
    assert_eq!(publics, held);
    let written = identity.to_key_file(None, &bulla::OsEntropy)?;
    assert_eq!(
        written.as_str(),
        KeyFile::of(&person, Protection::Plain).armored()
    );
    Ok(payload.clone())
}

/// The types of the proofs say what was judged; this compiles only if they are what they are.
#[allow(dead_code)]
fn types(
    opened: Message<bulla::Opened>,
    reopened: Message<bulla::Reopened>,
) -> (Verified, Verified) {
    ((**opened.proof()).clone(), (**reopened.proof()).clone())
}
