//! One vector and how it is written (spec/vectors/README.md).

use bulla_forge::armor::base64;
use bulla_forge::{CONTEXT, Evidence, Forge, NOW, Person, Sealed, Stamp, h};
use serde_json::{Map, Value, json};

use crate::cast::{alice, bob};

/// What the reader accepts.
#[derive(Clone)]
pub struct Policy {
    pub context: String,
    /// Signing keys; nobody named means anyone.
    pub senders: Option<Vec<[u8; 32]>>,
    pub max_age: Option<u64>,
    pub skew: u64,
    pub own: bool,
    pub guard: bool,
}

/// What must come out.
#[derive(Clone)]
pub struct Expect {
    verdict: &'static str,
    step: Option<u8>,
    released: Option<Vec<u8>>,
    stamp: Option<Value>,
    payload: Option<Value>,
}

/// A vector, with the defaults of its operation.
pub struct Vector {
    pub name: String,
    about: String,
    operation: &'static str,
    input: Vec<u8>,
    content: Option<Vec<u8>>,
    reader: Option<Person>,
    reader_name: Option<String>,
    policy: Option<Policy>,
    now: Option<u64>,
    earlier: Vec<Vec<u8>>,
    passphrase: Option<String>,
    expect: Expect,
}

/// A failure at a step of opening.md §2 before content could have been handed out.
pub fn fails(verdict: &'static str, step: u8) -> Expect {
    Expect { released: Some(Vec::new()), ..refused(verdict).at(step) }
}

/// A failure of step 6 or 7; a streaming reader may have handed out these bytes, at most.
pub fn late(verdict: &'static str, step: u8, released: &[u8]) -> Expect {
    Expect { released: Some(released.to_vec()), ..refused(verdict).at(step) }
}

/// A failure of an operation that is not an opening.
pub fn refused(verdict: &'static str) -> Expect {
    Expect { verdict, step: None, released: None, stamp: None, payload: None }
}

/// A success that was read into this payload.
pub fn reads(payload: Value) -> Expect {
    Expect { payload: Some(payload), ..refused("ok") }
}

/// A success of an opening.
pub fn accepts(sealed: &Sealed) -> Expect {
    Expect { released: Some(sealed.content.clone()), ..proves(sealed) }
}

/// A success of an evidence.
pub fn proves(sealed: &Sealed) -> Expect {
    says(sealed, sealed.content.len() as u64, h(&[&sealed.content]))
}

/// A success of an evidence in which the author says this of the content, be it true or not.
pub fn says(sealed: &Sealed, length: u64, digest: [u8; 32]) -> Expect {
    Expect { stamp: Some(stamp_json(&sealed.stamp, length, digest)), ..refused("ok") }
}

impl Expect {
    fn at(self, step: u8) -> Self {
        Self { step: Some(step), ..self }
    }

    fn json(&self) -> Value {
        let mut out = Map::new();
        out.insert("verdict".into(), json!(self.verdict));
        put(&mut out, "step", self.step.map(|step| json!(step)));
        let released = self.released.as_ref();
        let released = released.map(|bytes| json!({ "length": bytes.len(), "blake3": hex(&h(&[bytes])) }));
        put(&mut out, "released", released);
        put(&mut out, "stamp", self.stamp.clone());
        put(&mut out, "payload", self.payload.clone());
        Value::Object(out)
    }
}

impl Vector {
    fn new(name: &str, about: &str, operation: &'static str, input: &[u8], expect: Expect) -> Self {
        Self {
            name: name.to_owned(),
            about: about.to_owned(),
            operation,
            input: input.to_vec(),
            content: None,
            reader: None,
            reader_name: None,
            policy: None,
            now: None,
            earlier: Vec::new(),
            passphrase: None,
            expect,
        }
    }

    /// Bob opens, and trusts Alice.
    pub fn open(name: &str, about: &str, envelope: &[u8], expect: Expect) -> Self {
        Self {
            reader: Some(bob()),
            policy: Some(Policy::default()),
            now: Some(NOW),
            ..Self::new(name, about, "open", envelope, expect)
        }
    }

    /// An envelope that Bob accepts.
    pub fn opens(name: &str, about: &str, forge: &Forge) -> Self {
        let sealed = forge.seal();
        Self::open(name, about, &sealed.envelope, accepts(&sealed))
    }

    /// An envelope that fails before any content.
    pub fn fails(name: &str, about: &str, forge: &Forge, verdict: &'static str, step: u8) -> Self {
        Self::open(name, about, &forge.seal().envelope, fails(verdict, step))
    }

    /// The same for a signed envelope with attached content.
    pub fn verify(name: &str, about: &str, envelope: &[u8], expect: Expect) -> Self {
        Self {
            operation: "verify",
            reader: None,
            reader_name: Some("vectors".to_owned()),
            ..Self::open(name, about, envelope, expect)
        }
    }

    /// A signed envelope that is accepted; a detached one with its content.
    pub fn verifies(name: &str, about: &str, forge: &Forge) -> Self {
        let sealed = forge.seal();
        let vector = Self::verify(name, about, &sealed.envelope, accepts(&sealed));
        if forge.kind == bulla_forge::DETACHED { vector.beside(&sealed.content) } else { vector }
    }

    pub fn evidence(name: &str, about: &str, input: &[u8], expect: Expect) -> Self {
        Self::new(name, about, "evidence", input, expect)
    }

    pub fn proof(name: &str, about: &str, evidence: &Evidence, expect: Expect) -> Self {
        Self::evidence(name, about, &evidence.encode(), expect)
    }

    pub fn text(operation: &'static str, name: &str, about: &str, text: impl AsRef<[u8]>, expect: Expect) -> Self {
        Self::new(name, about, operation, text.as_ref(), expect)
    }

    /// For archives, so without a guard.
    pub fn reopen(mut self) -> Self {
        self.operation = "reopen";
        self.policy(|policy| policy.guard = false)
    }

    pub fn beside(mut self, content: &[u8]) -> Self {
        self.content = Some(content.to_vec());
        self
    }

    pub fn reader(mut self, reader: &Person) -> Self {
        self.reader = Some(reader.clone());
        self
    }

    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(self.policy.as_mut().expect("an opening has a policy"));
        self
    }

    pub fn now(mut self, now: u64) -> Self {
        self.now = Some(now);
        self
    }

    pub fn after(mut self, earlier: &[&Sealed]) -> Self {
        self.earlier = earlier.iter().map(|sealed| sealed.envelope.clone()).collect();
        self
    }

    pub fn passphrase(mut self, passphrase: &str) -> Self {
        self.passphrase = Some(passphrase.to_owned());
        self
    }

    /// The file: keys in the order of the README, LF at the end.
    pub fn file(&self) -> String {
        let mut out = Map::new();
        out.insert("name".into(), json!(self.name));
        out.insert("about".into(), json!(self.about));
        out.insert("operation".into(), json!(self.operation));
        out.insert("input".into(), json!(base64(&self.input)));
        put(&mut out, "content", self.content.as_ref().map(|content| json!(base64(content))));
        put(&mut out, "reader", self.reader.as_ref().map(reader_json));
        put(&mut out, "reader_name", self.reader_name.as_ref().map(|name| json!(name)));
        put(&mut out, "policy", self.policy.as_ref().map(Policy::json));
        put(&mut out, "now", self.now.map(|now| json!(now)));
        if !self.earlier.is_empty() {
            let earlier: Vec<_> = self.earlier.iter().map(|bytes| base64(bytes)).collect();
            out.insert("earlier".into(), json!(earlier));
        }
        put(&mut out, "passphrase", self.passphrase.as_ref().map(|text| json!(text)));
        out.insert("expect".into(), self.expect.json());
        let text = serde_json::to_string_pretty(&Value::Object(out)).expect("plain JSON");
        text + "\n"
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            context: CONTEXT.to_owned(),
            senders: Some(vec![alice().signer()]),
            max_age: None,
            skew: 120,
            own: false,
            guard: true,
        }
    }
}

impl Policy {
    fn json(&self) -> Value {
        let senders = match &self.senders {
            Some(senders) => json!(senders.iter().map(|key| hex(key)).collect::<Vec<_>>()),
            None => json!("anyone"),
        };
        json!({
            "context": self.context,
            "senders": senders,
            "max_age": self.max_age,
            "skew": self.skew,
            "own": self.own,
            "guard": self.guard,
        })
    }
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value);
    }
}

pub fn reader_json(person: &Person) -> Value {
    let keys: Vec<_> = person
        .keys
        .iter()
        .map(|key| json!({ "suite": key.suite, "generation": key.generation, "secret": hex(&key.secret) }))
        .collect();
    json!({ "seed": hex(&person.seed), "keys": keys })
}

/// The claims by name; length and digest also where a closing told them.
fn stamp_json(stamp: &Stamp, length: u64, digest: [u8; 32]) -> Value {
    let mut out = Map::new();
    out.insert("context".into(), json!(stamp.context));
    put(&mut out, "expires", stamp.expires.map(|time| json!(time)));
    out.insert("issued".into(), json!(stamp.issued));
    out.insert("message_id".into(), json!(hex(&stamp.message_id)));
    out.insert("statement_type".into(), json!(stamp.statement));
    out.insert("signer".into(), json!(hex(&stamp.signer)));
    out.insert("length".into(), json!(length));
    out.insert("digest".into(), json!(hex(&digest)));
    put(&mut out, "padding", stamp.padding.map(|padding| json!(padding)));
    put(&mut out, "content_type", stamp.content_type.as_ref().map(|kind| json!(kind)));
    if !stamp.attributes.is_empty() {
        let pairs = stamp.attributes.iter().map(|(name, value)| (name.clone(), json!(hex(value))));
        out.insert("attributes".into(), Value::Object(pairs.collect()));
    }
    let sequence = stamp.sequence.as_ref();
    put(&mut out, "sequence", sequence.map(|at| json!([hex(&at.stream), at.number])));
    put(&mut out, "challenge", stamp.challenge.map(|challenge| json!(hex(&challenge))));
    put(&mut out, "receipts", stamp.receipts.map(|receipts| json!(receipts)));
    let reply = stamp.reply_key.as_ref();
    put(&mut out, "reply_key", reply.map(|r| json!([r.suite, r.generation, hex(&r.key)])));
    for (label, value) in &stamp.extensions {
        out.insert(label.to_string(), json!(hex(value)));
    }
    Value::Object(out)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
