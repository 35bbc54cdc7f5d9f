//! Replays the scripts of `spec/vectors/scripts/` (spec/scripts.md) through the real openers, over any guard.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod reader;

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use base64ct::{Base64, Encoding};
use bulla::{
    Claim, Claimed, Clock, Delivery, Digest, Error, Lease, LeaseToken, Outcome, Rate, ReplayGuard,
    Result, StampOnly,
};
use serde_json::{Value, json};

use crate::common::unhex;
use reader::{Reader, policy};

/// How many places a guard has (spec/guard.md §6).
pub(crate) struct Limits {
    pub(crate) known: usize,
    pub(crate) strangers: usize,
    pub(crate) per_sender: usize,
    pub(crate) per_stranger: usize,
}

/// Where the guard of one script keeps what it knows.
pub(crate) trait Store: Send + Sync {
    /// The guard, as a process that starts now gets it: a restart asks for it again. A guard in memory cannot outlive its
    /// process; it gives the same one, so that all else is tested.
    fn guard(&self) -> Arc<dyn ReplayGuard>;
}

/// Makes an empty store, with these limits if some are given.
pub(crate) type Make<'a> = &'a dyn Fn(Option<Limits>) -> Box<dyn Store>;

/// A guard in memory as a store.
pub(crate) struct InMemory(pub(crate) Arc<dyn ReplayGuard>);

impl Store for InMemory {
    fn guard(&self) -> Arc<dyn ReplayGuard> {
        self.0.clone()
    }
}

/// All scripts, each over a store of its own; at least `at_least` of them.
pub(crate) fn all(make: Make<'_>, at_least: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/vectors/scripts");
    let (mut passed, mut steps, mut failed) = (0, 0, Vec::new());
    for file in std::fs::read_dir(folder).unwrap() {
        let script: Value =
            serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        match replay(&script, make) {
            Ok(count) => (passed, steps) = (passed + 1, steps + count),
            Err(why) => failed.push(format!("{}: {why}", script["name"])),
        }
    }
    println!(
        "{passed} scripts with {steps} steps as they should be, {} not",
        failed.len()
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(passed >= at_least, "only {passed} scripts were found");
}

/// The guard that is there now, behind the openers and leases of a whole script.
struct Current(
    RwLock<(Box<dyn Store>, Arc<dyn ReplayGuard>)>,
    /// Whether the next commit is one of what is stored.
    AtomicBool,
);

impl Current {
    fn new(store: Box<dyn Store>) -> Self {
        let guard = store.guard();
        Self(RwLock::new((store, guard)), AtomicBool::new(false))
    }

    fn get(&self) -> Arc<dyn ReplayGuard> {
        self.0.read().unwrap().1.clone()
    }

    /// The old guard is gone before the new one is there, as with processes.
    fn restart(&self) {
        let mut current = self.0.write().unwrap();
        // Holds nothing, and stands here for no longer than this line.
        current.1 = Arc::new(bulla::MemoryGuard::new(0));
        current.1 = current.0.guard();
    }

    fn lose(&self, store: Box<dyn Store>) {
        let guard = store.guard();
        *self.0.write().unwrap() = (store, guard);
    }
}

impl ReplayGuard for Current {
    fn observe(&self, now: u64) -> Result<u64> {
        self.get().observe(now)
    }
    fn claim(&self, claim: &Claim, now: u64, lease: Option<u64>) -> Result<Claimed> {
        self.get().claim(claim, now, lease)
    }
    fn commit(&self, token: &LeaseToken, receipt: &[u8]) -> Result<()> {
        let mut answer = receipt.to_vec();
        if self.1.load(Ordering::SeqCst) {
            answer[0] = number(Outcome::Stored);
        }
        self.get().commit(token, &answer)
    }
    fn release(&self, token: &LeaseToken) -> Result<()> {
        self.get().release(token)
    }
    fn renew(&self, token: &LeaseToken, now: u64, lease: u64) -> Result<()> {
        self.get().renew(token, now, lease)
    }
    fn sweep(&self, now: u64, at_most: usize) -> Result<usize> {
        self.get().sweep(now, at_most)
    }
    fn expect(&self, challenge: &Digest, until: u64, now: u64) -> Result<()> {
        self.get().expect(challenge, until, now)
    }
    fn missing(&self, stream: &Digest) -> Result<Vec<RangeInclusive<u64>>> {
        self.get().missing(stream)
    }
    fn skip(&self, stream: &Digest, before: u64) -> Result<()> {
        self.get().skip(stream, before)
    }
    fn forget_stream(&self, stream: &Digest) -> Result<bool> {
        self.get().forget_stream(stream)
    }
    fn permit(&self, what: &Digest, now: u64, rate: Rate) -> Result<bool> {
        self.get().permit(what, now, rate)
    }
}

/// A clock that the script sets.
#[derive(Default)]
struct Hands(AtomicU64);

impl Clock for Hands {
    fn now(&self) -> Result<u64> {
        Ok(self.0.load(Ordering::SeqCst))
    }
}

// There are few of them, and none is moved often.
#[allow(clippy::large_enum_variant)]
enum Held<'a> {
    Whole(Lease<'a>),
    Stamp(Lease<'a, StampOnly>),
}

struct Play<'a> {
    script: &'a Value,
    fresh: &'a dyn Fn() -> Box<dyn Store>,
    guard: &'a Current,
    clock: &'a Hands,
    readers: HashMap<&'a str, Reader<'a>>,
    leases: HashMap<&'a str, Held<'a>>,
}

/// Replays one script and says how many steps it had, or what is wrong.
pub(crate) fn replay(script: &Value, make: Make<'_>) -> Result<usize, String> {
    let limits = || {
        script.get("limits").map(|limits| {
            let number = |name: &str| usize::try_from(limits[name].as_u64().unwrap()).unwrap();
            Limits {
                known: number("known"),
                strangers: number("strangers"),
                per_sender: number("per_sender"),
                per_stranger: number("per_stranger"),
            }
        })
    };
    let fresh = || make(limits());
    let guard = Current::new(fresh());
    let clock = Hands(script["now"].as_u64().unwrap().into());
    let said = script["readers"].as_object().unwrap();
    let parts: Vec<_> = said
        .iter()
        .map(|(name, reader)| (name.as_str(), reader, policy(reader), reader::keys(reader)))
        .collect();
    let readers = parts.iter().map(|(name, reader, policy, keys)| {
        let reader = Reader::new(reader, policy, keys.as_ref(), &guard, &clock);
        (*name, reader)
    });
    let mut play = Play {
        script,
        fresh: &fresh,
        guard: &guard,
        clock: &clock,
        readers: readers.collect(),
        leases: HashMap::new(),
    };
    let steps = script["steps"].as_array().unwrap();
    for (number, step) in steps.iter().enumerate() {
        let standing = clock.now().unwrap();
        if let Some(now) = step.get("now") {
            clock.0.store(now.as_u64().unwrap(), Ordering::SeqCst);
        }
        let found = play.step(step);
        if step["do"] != "clock" {
            clock.0.store(standing, Ordering::SeqCst);
        }
        let wanted = step.get("expect").unwrap_or(&Value::Null);
        if *wanted != found {
            return Err(format!(
                "step {}: {found} where {wanted} is expected",
                number + 1
            ));
        }
    }
    Ok(steps.len())
}

impl<'a> Play<'a> {
    /// Does one step, and says what is to be expected of it.
    fn step(&mut self, step: &'a Value) -> Value {
        let seconds = || step["seconds"].as_u64().unwrap();
        match step["do"].as_str().unwrap() {
            "clock" => Value::Null,
            "restart" => {
                self.guard.restart();
                Value::Null
            }
            "lose" => {
                self.guard.lose((self.fresh)());
                Value::Null
            }
            "sweep" => {
                let now = self.clock.now().unwrap();
                self.guard.sweep(now, usize::MAX).unwrap();
                Value::Null
            }
            "open" => verdict(self.reader(step).open(&self.envelope(step))),
            "lease" => {
                let found = self.reader(step).lease(&self.envelope(step), seconds());
                self.held(step, found.map(|found| hold(found, Held::Whole)))
            }
            "refuse" => {
                let found = self.reader(step).refuse(&self.envelope(step), seconds());
                self.held(step, found.map(|found| hold(found, Held::Stamp)))
            }
            "renew" => verdict(match &self.leases[name(&step["lease"])] {
                Held::Whole(lease) => lease.renew(seconds()),
                Held::Stamp(lease) => lease.renew(seconds()),
            }),
            "commit" => {
                let (outcome, receipt) = (outcome(&step["outcome"]), bytes(&step["receipt"]));
                verdict(match self.take(step) {
                    // What is stored only a store commits: here the guard is given what it would give.
                    Held::Whole(lease) if outcome == Outcome::Stored => {
                        self.guard.1.store(true, Ordering::SeqCst);
                        let committed = lease.commit(Outcome::Own(128), &receipt).map(drop);
                        self.guard.1.store(false, Ordering::SeqCst);
                        committed
                    }
                    Held::Whole(lease) => lease.commit(outcome, &receipt).map(drop),
                    Held::Stamp(lease) => {
                        assert_eq!(outcome, Outcome::Rejected);
                        lease.reject(&receipt).map(drop)
                    }
                })
            }
            "release" => verdict(match self.take(step) {
                Held::Whole(lease) => lease.release(),
                Held::Stamp(lease) => lease.release(),
            }),
            "crash" => {
                // What dies says nothing to the guard.
                std::mem::forget(self.take(step));
                Value::Null
            }
            _ => self.ask(step),
        }
    }

    fn ask(&self, step: &Value) -> Value {
        let number = |name: &str| step[name].as_u64().unwrap();
        let now = self.clock.now().unwrap();
        match step["do"].as_str().unwrap() {
            "challenge" => {
                let name = self.reader(step).challenge_name(&step["challenge"]);
                let until = self.guard.observe(now).unwrap() + number("seconds");
                verdict(self.guard.expect(&name, until, now))
            }
            "missing" => {
                let missing = self.reader(step).missing(&self.envelope(step)).unwrap();
                let ranges = missing.iter().map(|range| [*range.start(), *range.end()]);
                json!({ "missing": ranges.collect::<Vec<_>>() })
            }
            "skip" => {
                let before = number("before");
                self.reader(step)
                    .skip(&self.envelope(step), before)
                    .unwrap();
                Value::Null
            }
            "forget" => {
                let known = self.reader(step).forget_stream(&self.envelope(step));
                json!({ "known": known.unwrap() })
            }
            "permit" => {
                let what = unhex(name(&step["what"])).try_into().unwrap();
                let rate = Rate {
                    every: number("every"),
                    burst: number("burst").try_into().unwrap(),
                };
                let permitted = self.guard.permit(&Digest::from_bytes(what), now, rate);
                json!({ "permitted": permitted.unwrap() })
            }
            other => panic!("no step is called {other}"),
        }
    }

    fn reader(&self, step: &Value) -> &Reader<'a> {
        &self.readers[name(&step["reader"])]
    }

    fn envelope(&self, step: &Value) -> Vec<u8> {
        bytes(&self.script["envelopes"][name(&step["envelope"])])
    }

    fn take(&mut self, step: &Value) -> Held<'a> {
        self.leases.remove(name(&step["lease"])).unwrap()
    }

    fn held(&mut self, step: &'a Value, found: Result<Delivered<'a>>) -> Value {
        match found {
            Ok(Delivered::New(held)) => {
                if let Some(lease) = step.get("as") {
                    self.leases.insert(name(lease), held);
                }
                json!({ "verdict": "ok" })
            }
            Ok(Delivered::Again(again)) => {
                let receipt = again.receipt().unwrap_or_default();
                json!({
                    "verdict": "again",
                    "outcome": number(again.outcome()),
                    "receipt": Base64::encode_string(receipt),
                })
            }
            Err(error) => verdict(Err::<(), _>(error)),
        }
    }
}

#[allow(clippy::large_enum_variant)]
enum Delivered<'a> {
    New(Held<'a>),
    Again(bulla::Again),
}

fn hold<'a, P>(found: Delivery<P>, held: impl Fn(P) -> Held<'a>) -> Delivered<'a> {
    match found {
        Delivery::New(lease) => Delivered::New(held(lease)),
        Delivery::Again(again) => Delivered::Again(again),
    }
}

fn verdict<T>(found: Result<T>) -> Value {
    let name = found.as_ref().err().map(Error::kind);
    json!({ "verdict": name.map_or("ok", |kind| kind.name()) })
}

fn name(text: &Value) -> &str {
    text.as_str().unwrap()
}

fn bytes(text: &Value) -> Vec<u8> {
    Base64::decode_vec(name(text)).unwrap()
}

/// spec/guard.md §3.
fn outcome(number: &Value) -> Outcome {
    match number.as_u64().unwrap().try_into().unwrap() {
        1 => Outcome::Delivered,
        2 => Outcome::Stored,
        3 => Outcome::Rejected,
        own => Outcome::Own(own),
    }
}

fn number(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Delivered => 1,
        Outcome::Stored => 2,
        Outcome::Rejected => 3,
        Outcome::Own(own) => own,
        other => panic!("{other:?} is new"),
    }
}
