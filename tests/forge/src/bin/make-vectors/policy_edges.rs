//! Step 5, times: one second before, at and after each bound, for several skews (opening.md §4).

use bulla_forge::{Forge, Layout, NOW, Stamp};

use crate::cast::{alice, honest};
use crate::vector::{Vector, accepts, fails};

/// Past every bound that a vector is not about.
const FAR: u64 = NOW + 1_000_000;
const AGE: u64 = 1_000;

pub fn vectors() -> Vec<Vector> {
    [skews(), ways(), greatest()].into_iter().flatten().collect()
}

/// A bound: the first second at which it answers otherwise than in the second before.
struct Edge {
    name: &'static str,
    at: u64,
    issued: u64,
    expires: Option<u64>,
    max_age: Option<u64>,
    /// Whether it refuses before that second, or from it on.
    before: bool,
    verdict: &'static str,
}

impl Edge {
    fn refuses(&self, now: u64) -> bool {
        self.before == (now < self.at)
    }

    fn stamp(&self, stamp: &mut Stamp) {
        (stamp.issued, stamp.expires) = (self.issued, self.expires);
    }
}

fn edges(skew: u64) -> [Edge; 3] {
    let edge = Edge {
        name: "issued",
        at: NOW - skew,
        issued: NOW,
        expires: Some(FAR),
        max_age: None,
        before: true,
        verdict: "NotYetValid",
    };
    let expires = Edge {
        name: "expires",
        at: NOW + 500 + skew,
        expires: Some(NOW + 500),
        before: false,
        verdict: "Expired",
        ..edge
    };
    let age = Edge {
        name: "age",
        at: NOW + AGE + skew,
        expires: None,
        max_age: Some(AGE),
        before: false,
        verdict: "TooOld",
        ..edge
    };
    [edge, expires, age]
}

/// What a skew of so many seconds makes of this bound, at this time.
fn vector(way: &str, forge: &Forge, edge: &Edge, skew: u64, (when, now): (&str, u64)) -> Vector {
    let seconds = match when {
        "before" => "one second before",
        "at" => "the very second of",
        _ => "one second after",
    };
    let bound = match edge.name {
        "issued" => "issued - skew",
        "expires" => "expires + skew",
        _ => "issued + greatest age + skew",
    };
    let about = format!("{}, {skew} s of skew: {seconds} {bound}", if way.is_empty() { "sealed" } else { way });
    let name = [&format!("policy/skew-{skew}"), way, edge.name, when].map(ToOwned::to_owned);
    let name: Vec<String> = name.into_iter().filter(|part| !part.is_empty()).collect();
    let sealed = forge.clone().with(|f| edge.stamp(&mut f.stamp)).seal();
    let expect = if edge.refuses(now) { fails(edge.verdict, 5) } else { accepts(&sealed) };
    let made = match forge.kind {
        bulla_forge::SEALED => Vector::open(&name.join("-"), &about, &sealed.envelope, expect),
        bulla_forge::ATTACHED => Vector::verify(&name.join("-"), &about, &sealed.envelope, expect),
        _ => Vector::verify(&name.join("-"), &about, &sealed.envelope, expect).beside(&sealed.content),
    };
    made.now(now).policy(|p| (p.skew, p.max_age, p.guard) = (skew, edge.max_age, way != "unguarded"))
}

fn skews() -> Vec<Vector> {
    let mut all = Vec::new();
    for skew in [0, 1, 59, 120, 3_600] {
        for edge in edges(skew) {
            for when in [("before", edge.at - 1), ("at", edge.at), ("after", edge.at + 1)] {
                all.push(vector("", &honest(), &edge, skew, when));
            }
        }
    }
    all
}

/// The same bounds on other ways through the gate.
fn ways() -> Vec<Vector> {
    let ways = [
        ("unguarded", honest()),
        ("stream-length-known", honest().with(|f| f.layout = Layout::LengthKnown)),
        ("stream", honest().with(|f| f.layout = Layout::LengthUnknown)),
        ("attached", Forge::attached(&alice())),
        ("detached", Forge::detached(&alice())),
    ];
    let mut all = Vec::new();
    for (way, forge) in ways {
        for edge in edges(120) {
            for when in [("before", edge.at - 1), ("at", edge.at)] {
                all.push(vector(way, &forge, &edge, 120, when));
            }
        }
    }
    all
}

/// Where a skew that is added twice, or a sum that wraps, passes the greatest time.
fn greatest() -> Vec<Vector> {
    let max = u64::MAX;
    let at = |issued, expires| honest().with(|f| (f.stamp.issued, f.stamp.expires) = (issued, expires));
    let open = |name: &str, about: &str, forge: &Forge| Vector::opens(&format!("policy/{name}"), about, forge);
    let refused = |name: &str, about: &str, forge: &Forge, verdict| {
        Vector::fails(&format!("policy/{name}"), about, forge, verdict, 5)
    };
    let last = at(max, None);
    let ends = at(NOW, Some(max - 121));
    let aged = at(max - 1_122, None);
    let unguarded = |vector: Vector| vector.policy(|p| p.guard = false);
    let young = |vector: Vector| vector.policy(|p| p.max_age = Some(1_000));
    vec![
        unguarded(open("greatest-issued-at", "issued at 2^64 - 1, which is now + skew", &last).now(max - 120)),
        unguarded(
            refused("greatest-issued-before", "issued at 2^64 - 1, one second after now + skew", &last, "NotYetValid")
                .now(max - 121),
        ),
        open("greatest-expires-skew-before", "expires + skew is 2^64 - 2, in a second", &ends).now(max - 2),
        refused("greatest-expires-skew-at", "expires + skew is 2^64 - 2, now", &ends, "Expired").now(max - 1),
        young(open("greatest-age-skew-before", "issued + age + skew is 2^64 - 3, in a second", &aged).now(max - 3)),
        young(refused("greatest-age-skew-at", "issued + age + skew is 2^64 - 3, now", &aged, "TooOld").now(max - 2)),
    ]
}
