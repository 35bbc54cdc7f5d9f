//! Clocks that jump, and what is forgotten (opening.md §4, guard.md §3).

use bulla_forge::{Forge, NOW};

use super::script::{Reader, Script, message, sealed_again};
use crate::cast::{alice, bob, carol};

pub fn scripts() -> Vec<Script> {
    [clocks(), marks(), more_marks(), no_marks()].into_iter().flatten().collect()
}

fn one(name: &'static str, about: &'static str) -> Script {
    Script::new(name, about).messages(&["first"], |_| {})
}

/// Bounded by the greatest age of the reader alone.
fn endless(f: &mut Forge) {
    f.stamp.expires = None;
}

fn issued(at: u64) -> impl Fn(&mut Forge) {
    move |f| {
        f.stamp.expires = None;
        f.stamp.issued = at;
    }
}

fn aged(seconds: u64) -> impl FnOnce(&mut Reader) {
    move |reader| reader.max_age = Some(seconds)
}

fn clocks() -> Vec<Script> {
    vec![
        one("clock-back-expired", "what has expired by the greatest clock stays so when the clock is set back")
            .clock(NOW + 3_720)
            .open("first", "Expired")
            .clock(NOW)
            .open("first", "Expired")
            .lose()
            .open("first", "ok"),
        one(
            "clock-forward-and-back",
            "the clock ran ahead, the entry left, the clock was set right: not accepted again",
        )
        .open("first", "ok")
        .clock(NOW + 1_000_000)
        .sweep()
        .clock(NOW + 10)
        .open("first", "Expired"),
        one("clock-far-ahead", "a clock that once ran far ahead: nothing is accepted until the guard is made anew")
            .messages(&["second"], |_| {})
            .open("first", "ok")
            .clock(u64::MAX)
            .sweep()
            .clock(NOW + 5)
            .open("second", "Expired")
            .restart()
            .open("second", "Expired")
            .lose()
            .open("second", "ok"),
        Script::new("clock-back-not-yet", "the greatest clock counts for what is dated ahead, too")
            .messages(&["first"], |f| f.stamp.issued = NOW + 1_000)
            .open("first", "NotYetValid")
            .clock(NOW + 880)
            .sweep()
            .clock(NOW)
            .open("first", "ok"),
        one("greatest-skew", "an entry is kept for the greatest skew, whatever that of the reader who made it")
            .reader("exact", |r| r.skew = 0)
            .reader("lax", |r| r.skew = 3_600)
            .by("exact")
            .open("first", "ok")
            .clock(NOW + 7_199)
            .sweep()
            .open("first", "Expired")
            .by("lax")
            .open("first", "Replayed")
            .clock(NOW + 7_200)
            .open("first", "Expired"),
    ]
}

/// Kept until issued + 10 + 3600 = NOW + 3600.
fn raised(name: &'static str, about: &'static str) -> Script {
    Script::new(name, about).messages(&["first"], endless).policy(aged(10)).reader("raised", aged(100_000))
}

/// More than a claim drops besides.
const MANY: [&str; 12] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];

fn marks() -> Vec<Script> {
    vec![
        raised("raised-age", "the greatest age is raised after the entry has left: it is not accepted again")
            .open("first", "ok")
            .clock(NOW + 3_600)
            .sweep()
            .by("raised")
            .open("first", "TooOld"),
        raised("raised-age-restart", "the sweep mark outlives a restart")
            .open("first", "ok")
            .clock(NOW + 3_600)
            .sweep()
            .restart()
            .by("raised")
            .open("first", "TooOld")
            .lose()
            .open("first", "ok"),
        raised("raised-age-before", "the greatest age is raised before the entry has left: a copy keeps it as long")
            .open("first", "ok")
            .clock(NOW + 3_599)
            .by("raised")
            .open("first", "Replayed")
            .clock(NOW + 50_000)
            .sweep()
            .open("first", "Replayed"),
        raised("raised-age-unseen", "what is as old as what was forgotten is refused, what is newer is not")
            .envelope("as-old", &message("as old").with(issued(NOW - 10)))
            .envelope("older", &message("older").with(issued(NOW - 500)))
            .envelope("newer", &message("newer").with(issued(NOW - 9)))
            .open("first", "ok")
            .clock(NOW + 3_600)
            .sweep()
            .by("raised")
            .opens(&["as-old", "older"], "TooOld")
            .open("newer", "ok"),
        Script::new("raised-age-not-swept", "an entry that is over is absent, also where no sweep came")
            .messages(&MANY, endless)
            .policy(aged(10))
            .reader("raised", aged(100_000))
            .opens(&MANY, "ok")
            .clock(NOW + 3_600)
            .by("raised")
            .opens(&MANY, "TooOld"),
        Script::new("raised-age-with-an-expiry", "the greatest age ended it before its expiry: that leaves a mark")
            .messages(&["first"], |f| f.stamp.expires = Some(NOW + 50_000))
            .policy(aged(10))
            .reader("raised", aged(100_000))
            .open("first", "ok")
            .clock(NOW + 3_600)
            .sweep()
            .by("raised")
            .open("first", "TooOld"),
        raised("raised-age-other-scope", "another context, or another reader, has another sweep mark")
            .envelope("mail", &message("mail").with(issued(NOW - 10)).with(|f| f.stamp.context = "smtp".to_owned()))
            .reader("mail", |r| {
                aged(100_000)(r);
                r.context = "smtp".to_owned();
            })
            .reader("named", |r| {
                aged(100_000)(r);
                r.name = Some("named");
            })
            .open("first", "ok")
            .clock(NOW + 3_600)
            .sweep()
            .by("mail")
            .open("mail", "ok")
            .by("named")
            .open("first", "ok")
            .by("raised")
            .open("first", "TooOld"),
    ]
}

fn more_marks() -> Vec<Script> {
    vec![
        Script::new("left-by-its-expiry", "an entry that left by its own expiry leaves no mark")
            .messages(&["brief"], |f| f.stamp.expires = Some(NOW + 60))
            .envelope("older", &message("older").with(issued(NOW - 500)))
            .policy(aged(100_000))
            .open("brief", "ok")
            .clock(NOW + 3_660)
            .sweep()
            .open("older", "ok"),
        Script::new("lowered-age", "a greatest age that is lowered lets no entry leave earlier")
            .messages(&["first"], endless)
            .policy(aged(1_000))
            .reader("lowered", aged(10))
            .open("first", "ok")
            .clock(NOW + 130)
            .by("lowered")
            .open("first", "TooOld")
            .clock(NOW + 900)
            .sweep()
            .by("bob")
            .open("first", "Replayed"),
        Script::new("mark-of-the-later-copy", "a copy that was sealed again later raises the mark to its own time")
            .messages(&["first"], endless)
            .envelope("again", &sealed_again(&message("first"), issued(NOW + 50)))
            .envelope("between", &message("between").with(issued(NOW + 40)))
            .policy(aged(10))
            .reader("raised", aged(100_000))
            .lease("a", "first", 10)
            .release("a", "ok")
            .clock(NOW + 60)
            .lease("b", "again", 10)
            .release("b", "ok")
            .clock(NOW + 3_660)
            .sweep()
            .by("raised")
            .opens(&["again", "first", "between"], "TooOld"),
        Script::new("mark-of-a-copy-without-an-expiry", "a copy that only its age bounds leaves a mark, too")
            .messages(&["first"], |f| f.stamp.expires = Some(NOW + 60))
            .envelope("again", &sealed_again(&message("first"), endless))
            .policy(aged(100_000))
            .reader("young", aged(100))
            .open("first", "ok")
            .by("young")
            .open("again", "Replayed")
            .clock(NOW + 3_690)
            .sweep()
            .by("bob")
            .open("again", "TooOld"),
        Script::new("mark-of-what-was-given-up", "what was only reserved leaves a mark, too")
            .messages(&["first"], endless)
            .policy(aged(10))
            .reader("raised", aged(100_000))
            .lease("a", "first", 10)
            .release("a", "ok")
            .clock(NOW + 3_600)
            .sweep()
            .by("raised")
            .open("first", "TooOld"),
    ]
}

/// One sender must not make the messages of others too old: the mark is of what an age bounds, never later than that age ago.
fn no_marks() -> Vec<Script> {
    const AGE: u64 = 14 * 24 * 3_600;
    let old = message("first").with(issued(NOW - AGE + 60));
    let brief = |f: &mut Forge| {
        f.stamp.issued = NOW + 120;
        f.stamp.expires = Some(NOW + 121);
    };
    // An hour old when it comes, where two weeks are allowed.
    let honest = Forge::sealed(&carol(), &[&bob()]).fresh("honest").with(issued(NOW + 100));
    let script = |name, about, again: Forge| {
        Script::new(name, about)
            .envelope("old", &old)
            .envelope("brief", &again)
            .envelope("honest", &honest)
            .policy(|r| {
                r.senders = Some(vec![alice().signer(), carol().signer()]);
                r.max_age = Some(AGE);
            })
            .reader("raised", |r| r.max_age = Some(2 * AGE))
    };
    let later = |script: Script| {
        script.clock(NOW + 3_721).sweep().restart().open("honest", "ok").by("raised").open("old", "TooOld")
    };
    vec![
        later(
            script(
                "no-mark-of-a-brief-copy",
                "a copy that ends by its expiry raises no mark: it makes nothing of others too old",
                sealed_again(&old, brief),
            )
            .open("old", "ok")
            .open("brief", "Replayed"),
        ),
        later(
            script("no-mark-of-a-brief-copy-first", "nor where it came first", sealed_again(&old, brief))
                .open("brief", "ok")
                .open("old", "Replayed"),
        ),
        later(
            script(
                "no-mark-of-a-brief-other-content",
                "nor one that says something else",
                sealed_again(&old, brief).with(|f| f.content = b"Eleven measures".to_vec()),
            )
            .open("old", "ok")
            .open("brief", "Replayed"),
        ),
        later(
            script("no-mark-of-a-brief-successor", "nor one that takes over", sealed_again(&old, brief))
                .lease("a", "old", 10)
                .release("a", "ok")
                .open("brief", "ok"),
        ),
    ]
}
