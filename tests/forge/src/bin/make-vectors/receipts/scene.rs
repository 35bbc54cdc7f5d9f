//! Alice has sent Bob a message; Bob answers. And how a vector about it is written (spec/vectors/README.md).

use bulla_forge::armor::base64;
use bulla_forge::{CONTEXT, Forge, NOW, Person, Sealed, cbor, h, named};
use serde_json::{Map, Value, json};

use crate::cast::{alice, bob, honest};
use crate::vector::{hex, reader_json};

pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The message that receipts are about.
pub fn message() -> Sealed {
    honest().seal()
}

/// `[ length, digest ]`
pub fn content_pair(content: &[u8]) -> Vec<u8> {
    cbor::array(&[cbor::uint(content.len() as u64), cbor::bytes(&h(&[content]))])
}

pub fn reason(code: u64, text: &str) -> Vec<u8> {
    cbor::array(&[cbor::uint(code), cbor::text(text)])
}

/// The honest body of a receipt, label by label.
pub fn body_of(sealed: &Sealed, status: u64, why: Option<Vec<u8>>) -> Pairs {
    let mut body = vec![
        (cbor::uint(1), cbor::bytes(&sealed.stamp.message_id)),
        (cbor::uint(2), cbor::bytes(&h(&[&sealed.header]))),
        (cbor::uint(3), cbor::bytes(&h(&[&sealed.opening]))),
        (cbor::uint(4), cbor::bytes(&sealed.stamp.signer)),
    ];
    if status != 4 {
        body.push((cbor::uint(5), content_pair(&sealed.content)));
    }
    body.push((cbor::uint(6), cbor::uint(status)));
    body.extend(why.map(|why| (cbor::uint(7), why)));
    body
}

/// A statement of this type with this body, from one to another.
pub fn statement(from: &Person, to: &Person, kind: u64, body: Vec<u8>) -> Forge {
    Forge::sealed(from, &[to]).fresh("receipt").with(|f| {
        f.stamp.statement = kind;
        f.stamp.message_id = named("message id of a receipt");
        f.stamp.issued = NOW;
        f.stamp.expires = None;
        f.content = body;
    })
}

/// A receipt from Bob to Alice.
pub fn receipt(body: &Pairs) -> Forge {
    statement(&bob(), &alice(), 2, cbor::map(body))
}

pub fn sent_json(sealed: &Sealed) -> Value {
    json!({
        "message_id": hex(&sealed.stamp.message_id),
        "header_digest": hex(&h(&[&sealed.header])),
        "opening_digest": hex(&h(&[&sealed.opening])),
        "content_length": sealed.content.len(),
        "content_digest": hex(&h(&[&sealed.content])),
        "issued": sealed.stamp.issued,
    })
}

/// A vector: keys in the order in which they were put.
pub struct Vector {
    pub name: String,
    fields: Map<String, Value>,
}

impl Vector {
    pub fn new(name: &str, about: &str, operation: &str, input: &[u8], expect: Value) -> Self {
        let name = format!("receipts/{name}");
        let mut fields = Map::new();
        fields.insert("name".into(), json!(name));
        fields.insert("about".into(), json!(about));
        fields.insert("operation".into(), json!(operation));
        fields.insert("input".into(), json!(base64(input)));
        fields.insert("expect".into(), expect);
        Self { name, fields }
    }

    /// Alice checks a receipt of Bob's.
    pub fn receipt(name: &str, about: &str, forge: &Forge, expect: Value) -> Self {
        Self::new(name, about, "receipt", &forge.seal().envelope, expect)
            .put("reader", reader_json(&alice()))
            .put("policy", json!({ "context": CONTEXT, "senders": [hex(&bob().signer())] }))
            .put("now", json!(NOW))
            .put("sent", json!([sent_json(&message())]))
    }

    pub fn put(mut self, key: &str, value: Value) -> Self {
        // What is expected stays at the end.
        let expect = self.fields.remove("expect");
        self.fields.insert(key.to_owned(), value);
        self.fields.extend(expect.map(|expect| ("expect".to_owned(), expect)));
        self
    }

    pub fn file(&self) -> String {
        serde_json::to_string_pretty(&Value::Object(self.fields.clone())).expect("plain JSON") + "\n"
    }
}

pub fn refused(verdict: &str) -> Value {
    json!({ "verdict": verdict })
}

/// What an honest receipt of `message()` tells.
pub fn told(sealed: &Sealed, status: &str, why: Option<(u64, &str)>, content: bool) -> Value {
    let mut payload = json!({
        "status": status,
        "message_id": hex(&sealed.stamp.message_id),
        "recipient": hex(&bob().signer()),
        "author": hex(&sealed.stamp.signer),
        "context": CONTEXT,
        "issued": NOW,
        "header_digest": hex(&h(&[&sealed.header])),
    });
    if content {
        payload["content"] = json!([sealed.content.len(), hex(&h(&[&sealed.content]))]);
    }
    if let Some((code, text)) = why {
        payload["reason"] = json!([code, text]);
    }
    json!({ "verdict": "ok", "payload": payload })
}
