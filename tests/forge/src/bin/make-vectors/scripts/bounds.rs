//! Quotas and rates (guard.md §6, §7).

use bulla_forge::{Forge, NOW, Sequence};
use serde_json::json;

use super::script::{Reader, Script, challenge, message};
use crate::cast::{alice, bob, carol, mallory};

pub fn scripts() -> Vec<Script> {
    [full(), pools(), streams(), rates()].into_iter().flatten().collect()
}

fn from(author: &bulla_forge::Person, name: &str) -> Forge {
    let id = message(name).stamp.message_id;
    Forge::sealed(author, &[&bob()]).fresh(name).with(|f| f.stamp.message_id = id)
}

fn anyone(reader: &mut Reader) {
    reader.senders = None;
}

fn full() -> Vec<Script> {
    let some = |name, about| Script::new(name, about).messages(&["1", "2", "3"], |_| {}).limits(2, 2, 2, 2);
    vec![
        some("full", "no room: refused and not claimed; copies are still known; room comes back with time")
            .opens(&["1", "2"], "ok")
            .open("3", "GuardFull")
            .no_lease("3", "GuardFull")
            .opens(&["1", "2"], "Replayed")
            .messages(&["later"], |f| f.stamp.expires = Some(NOW + 9_000))
            .clock(NOW + 7_199)
            .open("later", "GuardFull")
            .clock(NOW + 7_200)
            .open("later", "ok"),
        some("full-restart", "places stay taken over a restart")
            .opens(&["1", "2"], "ok")
            .restart()
            .open("3", "GuardFull")
            .lose()
            .open("3", "ok"),
        some("full-given-up", "what was given up keeps its place, and can be taken over when the guard is full")
            .lease("a", "1", 60)
            .release("a", "ok")
            .open("2", "ok")
            .open("3", "GuardFull")
            .open("1", "ok"),
        some("full-late", "where several refusals are right, being full is the last")
            .envelope(
                "old",
                &message("old").with(|f| {
                    f.stamp.expires = None;
                    f.stamp.issued = NOW - 10;
                }),
            )
            .envelope(
                "brief",
                &message("brief").with(|f| {
                    f.stamp.expires = None;
                    f.stamp.issued = NOW - 10;
                }),
            )
            .policy(|r| r.max_age = Some(100_000))
            .reader("young", |r| r.max_age = Some(10))
            .by("young")
            .open("brief", "ok")
            .clock(NOW + 3_600)
            .sweep()
            .by("bob")
            .messages(&["a", "b"], |f| f.stamp.issued = NOW + 3_500)
            .opens(&["a", "b"], "ok")
            .open("old", "TooOld"),
    ]
}

fn pools() -> Vec<Script> {
    vec![
        Script::new("share-of-a-sender", "no sender takes all places")
            .messages(&["1", "2", "3"], |_| {})
            .envelope("carol", &from(&carol(), "carol"))
            .policy(|r| r.senders = Some(vec![alice().signer(), carol().signer()]))
            .limits(4, 0, 2, 0)
            .opens(&["1", "2"], "ok")
            .open("3", "GuardFull")
            .open("carol", "ok"),
        Script::new("strangers", "strangers have places of their own, and take none of those of listed senders")
            .messages(&["1", "2"], |_| {})
            .envelope("mallory-1", &from(&mallory(), "mallory 1"))
            .envelope("mallory-2", &from(&mallory(), "mallory 2"))
            .envelope("carol-1", &from(&carol(), "carol 1"))
            .envelope("carol-2", &from(&carol(), "carol 2"))
            .reader("anyone", anyone)
            .limits(2, 2, 2, 1)
            .by("anyone")
            .open("mallory-1", "ok")
            .open("mallory-2", "GuardFull")
            .open("carol-1", "ok")
            .open("1", "GuardFull")
            .by("bob")
            .opens(&["1", "2"], "ok")
            .by("anyone")
            .opens(&["1", "mallory-1", "carol-1"], "Replayed"),
        Script::new("challenges-full", "challenges have places, as many as messages of listed senders")
            .messages(&["1"], |f| f.stamp.challenge = Some(challenge("a")))
            .policy(|r| r.challenged = true)
            .limits(2, 0, 2, 0)
            .challenge("a", 60, "ok")
            .challenge("b", 60, "ok")
            .challenge("c", 60, "GuardFull")
            .open("1", "ok")
            .challenge("c", 60, "ok")
            .challenge("d", 60, "GuardFull")
            .clock(NOW + 60)
            .challenge("d", 60, "ok"),
    ]
}

fn streams() -> Vec<Script> {
    let of = |stream: &'static str, number: u64, expires: u64| {
        message(&format!("{stream} {number}")).with(|f| {
            f.stamp.sequence = Some(Sequence { stream: stream.into(), number });
            f.stamp.expires = Some(NOW + expires);
        })
    };
    let ordered = |name, about| Script::new(name, about).policy(|r| r.order = json!("monotonic"));
    let mut scripts = streams_of_strangers();
    scripts.extend([
        ordered("streams-full", "streams have places, which they keep when their messages have left")
            .envelope("s1", &of("s", 1, 10))
            .envelope("t1", &of("t", 1, 10))
            .envelope("s2", &of("s", 2, 9_000))
            .envelope("u1", &of("u", 1, 9_000))
            .limits(2, 0, 2, 0)
            .opens(&["s1", "t1"], "ok")
            .clock(NOW + 3_610)
            .sweep()
            .open("u1", "GuardFull")
            .open("s2", "ok")
            .restart()
            .open("u1", "GuardFull"),
        ordered("streams-full-at-commit", "a new stream may find no room at the commit")
            .envelope("s1", &of("s", 1, 10))
            .envelope("t1", &of("t", 1, 9_000))
            .envelope("u1", &of("u", 1, 9_000))
            .limits(2, 0, 2, 0)
            .open("s1", "ok")
            .clock(NOW + 3_610)
            .sweep()
            .lease("t", "t1", 60)
            .lease("u", "u1", 60)
            .commit("u", b"u", "ok")
            .commit("t", b"t", "GuardFull")
            .again("u1", b"u"),
        ordered("streams-full-forgotten", "the place of a stream that is forgotten is free")
            .envelope("s1", &of("s", 1, 10))
            .envelope("t1", &of("t", 1, 9_000))
            .limits(1, 0, 1, 0)
            .open("s1", "ok")
            .clock(NOW + 3_610)
            .open("t1", "GuardFull")
            .forget("s1", true)
            .restart()
            .open("t1", "ok"),
        ordered("streams-of-listed-stay", "a listed sender's stream does not leave, however old it is")
            .policy(|r| {
                r.order = json!("monotonic");
                r.max_age = Some(1_000);
            })
            .envelope("s2", &of("s", 2, 10))
            .envelope("s1", &late(of("s", 1, 2_000_000)))
            .envelope("t1", &late(of("t", 1, 2_000_000)))
            .limits(1, 0, 1, 0)
            .open("s2", "ok")
            .clock(NOW + 1_000_000)
            .open("t1", "GuardFull")
            .open("s1", "Superseded"),
    ]);
    scripts
}

/// Issued a million seconds later.
fn late(forge: Forge) -> Forge {
    forge.with(|f| f.stamp.issued = NOW + 1_000_000)
}

/// Their messages expire soon, so that only the places of streams count; the greatest age is 1000 s.
fn streams_of_strangers() -> Vec<Script> {
    let of = |stream: &'static str, number: u64, [issued, expires]: [u64; 2]| {
        message(&format!("{stream} {number} of {issued}")).with(|f| {
            f.stamp.sequence = Some(Sequence { stream: stream.into(), number });
            (f.stamp.issued, f.stamp.expires) = (NOW + issued, Some(NOW + expires));
        })
    };
    let ordered = |name, about| {
        let policy = |r: &mut Reader| {
            (r.order, r.max_age, r.senders) = (json!("monotonic"), Some(1_000), None);
        };
        Script::new(name, about).policy(policy).limits(2, 2, 2, 2)
    };
    let brief = [0, 10];
    vec![
        ordered(
            "streams-of-strangers-leave",
            "for want of room, once their last message is older than the greatest age",
        )
        .reader("patient", |r| (r.order, r.max_age, r.senders) = (json!("monotonic"), Some(100_000), None))
        .envelope("s2", &of("s", 2, brief))
        .envelope("t1", &of("t", 1, [5, 15]))
        .envelope("held-back", &of("t", 0, [5, 100_000]))
        .envelope("newer", &of("t", 0, [6, 100_000]))
        .envelope("early", &of("u", 1, [4_000, 4_010]))
        .envelope("u1", &of("u", 1, [4_600, 4_610]))
        .envelope("s1", &of("s", 1, [4_600, 4_610]))
        .envelope("w1", &of("w", 1, [8_215, 8_225]))
        .opens(&["s2", "t1"], "ok")
        .clock(NOW + 4_000)
        .open("early", "GuardFull")
        .clock(NOW + 4_599)
        .open("u1", "GuardFull")
        // Over, and still there: as long as nobody needs its room it counts.
        .clock(NOW + 4_600)
        .open("s1", "Superseded")
        .restart()
        .open("u1", "ok")
        .open("s1", "GuardFull")
        // No message of it is left: only the mark that t left behind tells what was held back.
        .clock(NOW + 8_215)
        .sweep()
        .open("w1", "ok")
        .by("patient")
        .open("held-back", "TooOld")
        .forget("u1", true)
        .open("newer", "ok"),
        ordered("streams-of-strangers-kept-on", "each message that is settled keeps its stream on")
            .envelope("s1", &of("s", 1, brief))
            .envelope("s2", &of("s", 2, [4_000, 4_010]))
            .envelope("t1", &of("t", 1, [8_600, 8_610]))
            .limits(1, 1, 1, 1)
            .open("s1", "ok")
            .clock(NOW + 4_000)
            .open("s2", "ok")
            .clock(NOW + 7_610)
            .sweep()
            .clock(NOW + 8_599)
            .open("t1", "GuardFull")
            .clock(NOW + 8_600)
            .open("t1", "ok"),
        ordered("streams-of-strangers-listed", "a stream that a listed sender settled stays, whoever made it known")
            .reader("listed", |r| (r.order, r.max_age) = (json!("monotonic"), Some(1_000)))
            .envelope("s1", &of("s", 1, brief))
            .envelope("s2", &of("s", 2, brief))
            .envelope("t1", &of("t", 1, [1_000_000, 1_000_010]))
            .limits(1, 1, 1, 1)
            .open("s1", "ok")
            .by("listed")
            .open("s2", "ok")
            .by("bob")
            .clock(NOW + 1_000_000)
            .open("t1", "GuardFull"),
        ordered(
            "streams-of-strangers-ageless",
            "an order for anyone needs a greatest age: without one no stream of a stranger would ever leave",
        )
        .reader("ageless", |r| (r.order, r.senders) = (json!("monotonic"), None))
        .envelope("s1", &of("s", 1, brief))
        .by("ageless")
        .open("s1", "InvalidInput")
        .no_lease("s1", "InvalidInput")
        .by("bob")
        .open("s1", "ok"),
        ordered(
            "streams-of-strangers-copied",
            "what is settled dates its stream, not a copy that came while it was reserved",
        )
        .reader("listed", |r| r.max_age = Some(100_000))
        .envelope("s1", &of("s", 1, brief).with(|f| f.stamp.expires = None))
        .envelope(
            "copy",
            &of("s", 1, brief).fresh("copy").with(|f| (f.stamp.issued, f.stamp.expires) = (NOW + 50, None)),
        )
        .envelope("t1", &of("t", 1, [40, 60]))
        .envelope("u1", &of("u", 1, [4_600, 4_610]))
        .envelope("as-old", &message("as old").with(|f| (f.stamp.issued, f.stamp.expires) = (NOW, None)))
        .envelope("newer", &message("newer").with(|f| (f.stamp.issued, f.stamp.expires) = (NOW + 1, None)))
        .lease("s", "s1", 60)
        .no_lease("copy", "Pending")
        .commit("s", b"s", "ok")
        .open("t1", "ok")
        // Its stream is over, and leaves for want of room.
        .clock(NOW + 4_600)
        .open("u1", "ok")
        .by("listed")
        .open("newer", "ok")
        .open("as-old", "TooOld"),
        ordered("streams-of-strangers-challenged", "a stream that an answer settled stays: its times were not judged")
            .policy(|r| {
                (r.order, r.max_age, r.senders) = (json!("monotonic"), Some(1_000), None);
                r.challenged = true;
            })
            .envelope("s1", &of("s", 1, brief).with(|f| f.stamp.challenge = Some(challenge("c"))))
            .envelope("t1", &of("t", 1, brief).with(|f| f.stamp.challenge = Some(challenge("d"))))
            .limits(1, 1, 1, 1)
            .challenge("c", 60, "ok")
            .open("s1", "ok")
            .clock(NOW + 1_000_000)
            .challenge("d", 60, "ok")
            .open("t1", "GuardFull"),
    ]
}

fn rates() -> Vec<Script> {
    let script = |name, about| Script::new(name, about).messages(&["unused"], |_| {});
    vec![
        script("rate", "a burst, and then one at a time")
            .permit("a", [10, 3], true)
            .permit("a", [10, 3], true)
            .permit("a", [10, 3], true)
            .permit("a", [10, 3], false)
            .permit("b", [10, 3], true)
            .clock(NOW + 9)
            .permit("a", [10, 3], false)
            .clock(NOW + 10)
            .permit("a", [10, 3], true)
            .permit("a", [10, 3], false)
            .clock(NOW + 30)
            .permit("a", [10, 3], true)
            .permit("a", [10, 3], true)
            .permit("a", [10, 3], false)
            .clock(NOW + 1_000)
            .permit("a", [10, 3], true)
            .permit("a", [10, 3], true)
            .permit("a", [10, 3], true)
            .permit("a", [10, 3], false),
        script("rate-restart", "it is counted over a restart, and forgotten with the state")
            .permit("a", [10, 1], true)
            .restart()
            .permit("a", [10, 1], false)
            .lose()
            .permit("a", [10, 1], true),
        script("rate-clock-back", "a clock that is set back makes nothing earlier nor later")
            .clock(NOW + 100)
            .permit("a", [10, 1], true)
            .clock(NOW)
            .permit("a", [10, 1], false)
            .clock(NOW + 110)
            .permit("a", [10, 1], true),
        script("rate-none", "a burst of 0 permits nothing, a wait of 0 everything")
            .permit("a", [10, 0], false)
            .permit("b", [0, 1], true)
            .permit("b", [0, 1], true)
            .permit("b", [0, 0], true),
        script("rate-changed", "another rate is judged by what was done before")
            .permit("a", [10, 2], true)
            .permit("a", [10, 2], true)
            .permit("a", [10, 3], true)
            .permit("a", [10, 2], false)
            .permit("a", [1, 100], true),
    ]
}
