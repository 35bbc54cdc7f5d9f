//! The claims of a stamp (statements.md §3), honest by their fields, anything by their pairs.

use crate::cbor;

/// A map of claims: pairs of encoded label and encoded value, in the order in which they stand.
#[derive(Clone, Default)]
pub struct Claims {
    pub pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Written instead of the pairs.
    pub raw: Option<Vec<u8>>,
}

impl Claims {
    /// Sets a claim to an encoded value and sorts: keys bytewise, as deterministic CBOR wants it.
    pub fn set(&mut self, label: i64, value: Vec<u8>) {
        self.remove(label);
        self.pairs.push((cbor::int(label), value));
        self.pairs.sort();
    }

    pub fn remove(&mut self, label: i64) {
        let key = cbor::int(label);
        self.pairs.retain(|(other, _)| *other != key);
    }

    /// The encoded value of a claim.
    #[must_use]
    pub fn get(&self, label: i64) -> Option<&[u8]> {
        let key = cbor::int(label);
        self.pairs.iter().find(|(other, _)| *other == key).map(|(_, value)| &value[..])
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.raw.clone().unwrap_or_else(|| cbor::map(&self.pairs))
    }
}

#[derive(Clone)]
pub struct Sequence {
    pub stream: Vec<u8>,
    pub number: u64,
}

#[derive(Clone)]
pub struct ReplyKey {
    pub suite: u8,
    pub generation: u32,
    pub key: [u8; 32],
}

/// The fields of a stamp. `length`, `digest` and `padding` are filled in by the forge where they are
/// absent and the layout has them.
#[derive(Clone)]
pub struct Stamp {
    pub context: String,
    pub expires: Option<u64>,
    pub issued: u64,
    pub message_id: [u8; 16],
    pub statement: u64,
    pub signer: [u8; 32],
    pub length: Option<u64>,
    pub digest: Option<[u8; 32]>,
    pub padding: Option<u64>,
    pub content_type: Option<String>,
    pub attributes: Vec<(String, Vec<u8>)>,
    pub sequence: Option<Sequence>,
    pub challenge: Option<[u8; 32]>,
    pub receipts: Option<u8>,
    pub reply_key: Option<ReplyKey>,
    pub extensions: Vec<(i64, Vec<u8>)>,
}

impl Stamp {
    /// What every stamp has, with the defaults of this crate.
    #[must_use]
    pub fn of(signer: [u8; 32]) -> Self {
        Self {
            context: crate::CONTEXT.to_owned(),
            expires: Some(crate::NOW + 3_600),
            issued: crate::NOW - 10,
            message_id: crate::named("message id"),
            statement: 1,
            signer,
            length: None,
            digest: None,
            padding: None,
            content_type: None,
            attributes: Vec::new(),
            sequence: None,
            challenge: None,
            receipts: None,
            reply_key: None,
            extensions: Vec::new(),
        }
    }

    /// The claims that the fields stand for, in deterministic form.
    #[must_use]
    pub fn claims(&self) -> Claims {
        let mut claims = Claims::default();
        let mut put = |label: i64, value: Option<Vec<u8>>| {
            if let Some(value) = value {
                claims.set(label, value);
            }
        };
        put(3, Some(cbor::text(&self.context)));
        put(4, self.expires.map(cbor::uint));
        put(6, Some(cbor::uint(self.issued)));
        put(7, Some(cbor::bytes(&self.message_id)));
        put(-1, Some(cbor::uint(self.statement)));
        put(-2, Some(cbor::bytes(&self.signer)));
        put(-3, self.length.map(cbor::uint));
        put(-4, self.digest.map(|digest| cbor::bytes(&digest)));
        put(-5, self.padding.map(cbor::uint));
        put(-6, self.content_type.as_deref().map(cbor::text));
        put(-7, (!self.attributes.is_empty()).then(|| attributes(&self.attributes)));
        put(-8, self.sequence.as_ref().map(sequence));
        put(-9, self.challenge.map(|challenge| cbor::bytes(&challenge)));
        put(-10, self.receipts.map(|receipts| cbor::uint(receipts.into())));
        put(-11, self.reply_key.as_ref().map(reply_key));
        for (label, value) in &self.extensions {
            put(*label, Some(cbor::bytes(value)));
        }
        claims
    }
}

/// The map of attributes, sorted by the encoded names.
#[must_use]
pub fn attributes(attributes: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut pairs: Vec<_> = attributes.iter().map(|(name, value)| (cbor::text(name), cbor::bytes(value))).collect();
    pairs.sort();
    cbor::map(&pairs)
}

/// `[ stream, number ]`
#[must_use]
pub fn sequence(sequence: &Sequence) -> Vec<u8> {
    cbor::array(&[cbor::bytes(&sequence.stream), cbor::uint(sequence.number)])
}

/// `[ suite, generation, key ]`
#[must_use]
pub fn reply_key(reply: &ReplyKey) -> Vec<u8> {
    cbor::array(&[cbor::uint(reply.suite.into()), cbor::uint(reply.generation.into()), cbor::bytes(&reply.key)])
}

/// The claims of a closing (statements.md §5).
#[must_use]
pub fn closing_claims(content: &[u8]) -> Claims {
    let mut claims = Claims::default();
    claims.set(-1, cbor::uint(6));
    claims.set(-3, cbor::uint(content.len() as u64));
    claims.set(-4, cbor::bytes(&crate::h(&[content])));
    claims
}
