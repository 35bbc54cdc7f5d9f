//! One script and how it is written (spec/scripts.md).

use bulla_forge::armor::base64;
use bulla_forge::{CONTEXT, Forge, NOW, Person, named};
use serde_json::{Map, Value, json};

use crate::cast::{alice, bob, honest};
use crate::vector::{hex, reader_json};

/// Who reads, and what is accepted.
#[derive(Clone)]
pub struct Reader {
    pub person: Option<Person>,
    /// The name in the guard; needed without a person.
    pub name: Option<&'static str>,
    pub context: String,
    pub senders: Option<Vec<[u8; 32]>>,
    pub max_age: Option<u64>,
    pub skew: u64,
    pub order: Value,
    pub challenged: bool,
}

impl Reader {
    /// This person opens what Alice seals.
    pub fn of(person: Person) -> Self {
        Self {
            person: Some(person),
            name: None,
            context: CONTEXT.to_owned(),
            senders: Some(vec![alice().signer()]),
            max_age: None,
            skew: 120,
            order: Value::Null,
            challenged: false,
        }
    }

    fn json(&self) -> Value {
        let mut out = Map::new();
        if let Some(person) = &self.person {
            out.insert("keys".into(), reader_json(person));
        }
        if let Some(name) = self.name {
            out.insert("name".into(), json!(name));
        }
        let senders = match &self.senders {
            Some(senders) => json!(senders.iter().map(|key| hex(key)).collect::<Vec<_>>()),
            None => json!("anyone"),
        };
        let policy = json!({
            "context": self.context,
            "senders": senders,
            "max_age": self.max_age,
            "skew": self.skew,
            "own": false,
            "order": self.order,
            "challenged": self.challenged,
        });
        out.insert("policy".into(), policy);
        Value::Object(out)
    }
}

/// Outcomes (guard.md §3).
pub const DELIVERED: u8 = 1;
pub const STORED: u8 = 2;
pub const REJECTED: u8 = 3;

fn again(outcome: u8, receipt: &[u8]) -> Value {
    json!({ "verdict": "again", "outcome": outcome, "receipt": base64(receipt) })
}

/// A script: each call adds a step, by the reader who was named last.
pub struct Script {
    name: &'static str,
    about: &'static str,
    limits: Option<Value>,
    readers: Map<String, Value>,
    envelopes: Map<String, Value>,
    steps: Vec<Value>,
    by: &'static str,
    /// Leases of the stamp alone.
    refusals: Vec<&'static str>,
}

impl Script {
    /// Bob reads.
    pub fn new(name: &'static str, about: &'static str) -> Self {
        let script = Self {
            name,
            about,
            limits: None,
            readers: Map::new(),
            envelopes: Map::new(),
            steps: Vec::new(),
            by: "bob",
            refusals: Vec::new(),
        };
        script.reader("bob", |_| {})
    }

    /// Another reader, or other things that a reader accepts: Bob, unless it is changed.
    pub fn reader(mut self, name: &'static str, change: impl FnOnce(&mut Reader)) -> Self {
        let mut reader = Reader::of(bob());
        change(&mut reader);
        self.readers.insert(name.to_owned(), reader.json());
        self
    }

    /// Bob accepts something else.
    pub fn policy(self, change: impl FnOnce(&mut Reader)) -> Self {
        self.reader("bob", change)
    }

    pub fn limits(mut self, known: u64, strangers: u64, per_sender: u64, per_stranger: u64) -> Self {
        self.limits = Some(json!({
            "known": known, "strangers": strangers, "per_sender": per_sender, "per_stranger": per_stranger,
        }));
        self
    }

    pub fn envelope(mut self, name: &str, forge: &Forge) -> Self {
        self.envelopes.insert(name.to_owned(), json!(base64(&forge.seal().envelope)));
        self
    }

    /// Several, each named as its message is.
    pub fn messages(self, names: &[&str], change: impl Fn(&mut Forge)) -> Self {
        names.iter().fold(self, |script, name| script.envelope(name, &message(name).with(&change)))
    }

    pub fn by(mut self, reader: &'static str) -> Self {
        self.by = reader;
        self
    }

    fn step(mut self, step: Value) -> Self {
        self.steps.push(step);
        self
    }

    pub fn clock(self, now: u64) -> Self {
        self.step(json!({ "do": "clock", "now": now }))
    }

    pub fn open(self, envelope: &str, verdict: &str) -> Self {
        let step = json!({ "do": "open", "reader": self.by, "envelope": envelope, "expect": { "verdict": verdict } });
        self.step(step)
    }

    /// All of these in this order.
    pub fn opens(self, envelopes: &[&str], verdict: &str) -> Self {
        envelopes.iter().fold(self, |script, envelope| script.open(envelope, verdict))
    }

    fn leased(self, what: &str, envelope: &str, seconds: u64, lease: Option<&str>, expect: Value) -> Self {
        let mut step = json!({ "do": what, "reader": self.by, "envelope": envelope, "seconds": seconds });
        if let Some(lease) = lease {
            step["as"] = json!(lease);
        }
        step["expect"] = expect;
        self.step(step)
    }

    /// Takes a lease, which must be new.
    pub fn lease(self, lease: &str, envelope: &str, seconds: u64) -> Self {
        self.leased("lease", envelope, seconds, Some(lease), json!({ "verdict": "ok" }))
    }

    /// Asks for a lease and gets none.
    pub fn no_lease(self, envelope: &str, verdict: &str) -> Self {
        self.leased("lease", envelope, 60, None, json!({ "verdict": verdict }))
    }

    /// Asks for a lease and gets the stored receipt: of what was opened there is none.
    pub fn again(self, envelope: &str, receipt: &[u8]) -> Self {
        let outcome = if receipt.is_empty() { DELIVERED } else { STORED };
        self.again_as(envelope, outcome, receipt)
    }

    /// Asks for a lease and gets this outcome and this receipt.
    pub fn again_as(self, envelope: &str, outcome: u8, receipt: &[u8]) -> Self {
        self.leased("lease", envelope, 60, None, again(outcome, receipt))
    }

    pub fn refuse(mut self, lease: &'static str, envelope: &str, seconds: u64) -> Self {
        self.refusals.push(lease);
        self.leased("refuse", envelope, seconds, Some(lease), json!({ "verdict": "ok" }))
    }

    pub fn refused_again(self, envelope: &str, outcome: u8, receipt: &[u8]) -> Self {
        self.leased("refuse", envelope, 60, None, again(outcome, receipt))
    }

    /// As stored; a refusal as rejected.
    pub fn commit(self, lease: &str, receipt: &[u8], verdict: &str) -> Self {
        let outcome = if self.refusals.contains(&lease) { REJECTED } else { STORED };
        self.commit_as(lease, outcome, receipt, verdict)
    }

    pub fn commit_as(self, lease: &str, outcome: u8, receipt: &[u8], verdict: &str) -> Self {
        let (receipt, expect) = (base64(receipt), json!({ "verdict": verdict }));
        let step = json!({ "do": "commit", "lease": lease, "outcome": outcome, "receipt": receipt, "expect": expect });
        self.step(step)
    }

    pub fn release(self, lease: &str, verdict: &str) -> Self {
        self.step(json!({ "do": "release", "lease": lease, "expect": { "verdict": verdict } }))
    }

    pub fn renew(self, lease: &str, seconds: u64, verdict: &str) -> Self {
        self.step(json!({ "do": "renew", "lease": lease, "seconds": seconds, "expect": { "verdict": verdict } }))
    }

    /// The same, by a holder with a clock of its own.
    pub fn renew_at(self, now: u64, lease: &str, seconds: u64, verdict: &str) -> Self {
        let expect = json!({ "verdict": verdict });
        self.step(json!({ "do": "renew", "now": now, "lease": lease, "seconds": seconds, "expect": expect }))
    }

    pub fn crash(self, lease: &str) -> Self {
        self.step(json!({ "do": "crash", "lease": lease }))
    }

    pub fn restart(self) -> Self {
        self.step(json!({ "do": "restart" }))
    }

    pub fn lose(self) -> Self {
        self.step(json!({ "do": "lose" }))
    }

    pub fn sweep(self) -> Self {
        self.step(json!({ "do": "sweep" }))
    }

    pub fn challenge(self, challenge: &str, seconds: u64, verdict: &str) -> Self {
        let step = json!({
            "do": "challenge", "reader": self.by, "challenge": hex(&self::challenge(challenge)), "seconds": seconds,
            "expect": { "verdict": verdict },
        });
        self.step(step)
    }

    /// What is missing in the stream of this envelope's message.
    pub fn missing(self, envelope: &str, missing: &[[u64; 2]]) -> Self {
        let step =
            json!({ "do": "missing", "reader": self.by, "envelope": envelope, "expect": { "missing": missing } });
        self.step(step)
    }

    pub fn skip(self, envelope: &str, before: u64) -> Self {
        let step = json!({ "do": "skip", "reader": self.by, "envelope": envelope, "before": before });
        self.step(step)
    }

    /// Forgets that stream.
    pub fn forget(self, envelope: &str, known: bool) -> Self {
        let step = json!({ "do": "forget", "reader": self.by, "envelope": envelope, "expect": { "known": known } });
        self.step(step)
    }

    pub fn permit(self, what: &str, [every, burst]: [u64; 2], permitted: bool) -> Self {
        let what = hex(&named::<32>(&format!("limited {what}")));
        let expect = json!({ "permitted": permitted });
        self.step(json!({ "do": "permit", "what": what, "every": every, "burst": burst, "expect": expect }))
    }

    pub fn file_name(&self) -> String {
        format!("scripts/{}", self.name)
    }

    /// The file: keys in the order of spec/scripts.md, a step on each line, LF at the end.
    pub fn file(&self) -> String {
        let mut out =
            vec![format!("  \"name\": {}", json!(self.file_name())), format!("  \"about\": {}", json!(self.about))];
        if let Some(limits) = &self.limits {
            out.push(format!("  \"limits\": {limits}"));
        }
        for (name, part) in [("readers", &self.readers), ("envelopes", &self.envelopes)] {
            let lines: Vec<_> = part.iter().map(|(key, value)| format!("    {}: {value}", json!(key))).collect();
            out.push(format!("  \"{name}\": {{\n{}\n  }}", lines.join(",\n")));
        }
        out.push(format!("  \"now\": {NOW}"));
        let steps: Vec<_> = self.steps.iter().map(|step| format!("    {step}")).collect();
        out.push(format!("  \"steps\": [\n{}\n  ]", steps.join(",\n")));
        format!("{{\n{}\n}}\n", out.join(",\n"))
    }
}

/// A message of its own, from Alice to Bob.
pub fn message(name: &str) -> Forge {
    honest().fresh(name).with(|f| f.stamp.message_id = named(&format!("message id {name}")))
}

/// The same message, sealed again.
pub fn sealed_again(forge: &Forge, change: impl FnOnce(&mut Forge)) -> Forge {
    forge.clone().fresh("again").with(change)
}

/// 32 bytes that a reader might have made.
pub fn challenge(name: &str) -> [u8; 32] {
    named(&format!("challenge {name}"))
}
