//! Challenges (guard.md §4).

use bulla_forge::{Forge, NOW, Sequence};
use serde_json::json;

use super::script::{Reader, Script, challenge, message, sealed_again};
use crate::cast::{alice, bob, carol};

pub fn scripts() -> Vec<Script> {
    [once(), whose(), times(), leased()].into_iter().flatten().collect()
}

fn answering(name: &str) -> impl Fn(&mut Forge) {
    let challenge = challenge(name);
    move |f| f.stamp.challenge = Some(challenge)
}

fn challenged(reader: &mut Reader) {
    reader.challenged = true;
}

/// `answer` and `second` answer the challenge "c".
fn asked(name: &'static str, about: &'static str) -> Script {
    Script::new(name, about).policy(challenged).messages(&["answer", "second"], answering("c"))
}

fn once() -> Vec<Script> {
    vec![
        asked("challenge", "answered once; a copy is a copy, a second answer is none")
            .challenge("c", 60, "ok")
            .open("answer", "ok")
            .open("answer", "Replayed")
            .open("second", "WrongChallenge"),
        asked("challenge-unasked", "a challenge that was never made, and none at all")
            .messages(&["plain"], |_| {})
            .open("answer", "WrongChallenge")
            .open("plain", "WrongChallenge")
            .challenge("c", 60, "ok")
            .open("plain", "WrongChallenge")
            .open("answer", "ok"),
        asked("challenge-asked-again", "the same challenge, expected anew, is answered anew")
            .challenge("c", 60, "ok")
            .open("answer", "ok")
            .challenge("c", 60, "ok")
            .open("answer", "Replayed")
            .open("second", "ok"),
        asked("challenge-restart", "a challenge outlives a restart, and is lost with the state")
            .challenge("c", 60, "ok")
            .restart()
            .open("answer", "ok")
            .challenge("c", 60, "ok")
            .lose()
            .open("second", "WrongChallenge"),
        asked(
            "challenge-not-demanded",
            "where none is demanded, an answer is refused, before and after, and uses up nothing",
        )
        .reader("any", |_| {})
        .challenge("c", 60, "ok")
        .by("any")
        .opens(&["answer", "second"], "WrongChallenge")
        .no_lease("answer", "WrongChallenge")
        .by("bob")
        .open("answer", "ok")
        .by("any")
        .opens(&["answer", "second"], "WrongChallenge")
        // The entry is over, and the times of the stamp are not.
        .clock(NOW + 3_660)
        .sweep()
        .opens(&["answer", "second"], "WrongChallenge"),
        asked("challenge-and-order", "with an order, too")
            .envelope(
                "1",
                &message("1").with(answering("a")).with(|f| {
                    f.stamp.sequence = Some(Sequence { stream: b"s".to_vec(), number: 1 });
                }),
            )
            .envelope(
                "2",
                &message("2").with(answering("b")).with(|f| {
                    f.stamp.sequence = Some(Sequence { stream: b"s".to_vec(), number: 2 });
                }),
            )
            .policy(|r| {
                challenged(r);
                r.order = json!("monotonic");
            })
            .challenge("b", 60, "ok")
            .open("2", "ok")
            .open("1", "WrongChallenge")
            .challenge("a", 60, "ok")
            .opens(&["1", "1"], "Superseded"),
    ]
}

fn whose() -> Vec<Script> {
    let of_carol = Forge::sealed(&carol(), &[&bob()]).fresh("carol").with(answering("c"));
    vec![
        asked("challenge-by-a-stranger", "who is not accepted uses up no challenge")
            .envelope("carol", &of_carol)
            .challenge("c", 60, "ok")
            .open("carol", "UntrustedSender")
            .open("answer", "ok"),
        asked("challenge-by-another-author", "any author who is accepted may answer, but only one")
            .envelope("carol", &of_carol)
            .policy(|r| {
                challenged(r);
                r.senders = Some(vec![alice().signer(), carol().signer()]);
            })
            .challenge("c", 60, "ok")
            .open("carol", "ok")
            .open("answer", "WrongChallenge"),
        asked("challenge-of-another-reader", "a challenge is open for the reader and the context that made it")
            .envelope("mail", &message("mail").with(answering("c")).with(|f| f.stamp.context = "smtp".to_owned()))
            .reader("named", |r| {
                challenged(r);
                r.name = Some("named");
            })
            .reader("mail", |r| {
                challenged(r);
                r.context = "smtp".to_owned();
            })
            .by("named")
            .challenge("c", 60, "ok")
            .by("mail")
            .open("mail", "WrongChallenge")
            .by("bob")
            .open("answer", "WrongChallenge")
            .by("named")
            .open("answer", "ok"),
    ]
}

fn times() -> Vec<Script> {
    vec![
        asked("challenge-late", "an answer is awaited until its time, and not at it")
            .messages(&["late"], answering("d"))
            .challenge("c", 60, "ok")
            .challenge("d", 60, "ok")
            .clock(NOW + 59)
            .open("answer", "ok")
            .clock(NOW + 60)
            .open("late", "WrongChallenge")
            .clock(NOW)
            .open("late", "WrongChallenge"),
        {
            let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
            let script =
                Script::new("challenge-late-many", "challenges that are over, and no sweep came").policy(challenged);
            let script = names.iter().fold(script, |script, name| {
                script.envelope(name, &message(name).with(answering(name))).challenge(name, 60, "ok")
            });
            script.clock(NOW + 60).opens(&names, "WrongChallenge")
        },
        asked("challenge-whatever-the-times", "the author's clock and the expiry do not count")
            .envelope(
                "past",
                &message("past").with(answering("past")).with(|f| {
                    f.stamp.issued = 5;
                    f.stamp.expires = Some(6);
                }),
            )
            .envelope(
                "ahead",
                &message("ahead").with(answering("ahead")).with(|f| {
                    f.stamp.issued = NOW + 1_000_000;
                    f.stamp.expires = None;
                }),
            )
            .challenge("past", 60, "ok")
            .challenge("ahead", 60, "ok")
            .opens(&["past", "ahead"], "ok")
            .opens(&["past", "ahead"], "Replayed"),
        asked("challenge-kept", "the entry is kept until the end of the challenge and 3600 s more")
            .messages(&["expired"], |f| {
                answering("e")(f);
                f.stamp.expires = Some(NOW - 5);
            })
            .challenge("e", 60, "ok")
            .open("expired", "ok")
            .clock(NOW + 3_659)
            .sweep()
            .open("expired", "Replayed")
            .clock(NOW + 3_660)
            .open("expired", "WrongChallenge"),
        asked("challenge-marks-nothing", "the times of an answer, which nobody judged, raise no sweep mark")
            .messages(&["ahead"], |f| {
                answering("ahead")(f);
                f.stamp.issued = NOW + 1_000_000;
                f.stamp.expires = None;
            })
            .policy(|r| {
                challenged(r);
                r.max_age = Some(600);
            })
            .reader("plain", |r| r.max_age = Some(600))
            .envelope("message", &message("message").with(|f| f.stamp.issued = NOW + 3_660))
            .challenge("ahead", 60, "ok")
            .open("ahead", "ok")
            .open("ahead", "Replayed")
            .clock(NOW + 3_660)
            .sweep()
            .by("plain")
            .open("message", "ok"),
    ]
}

fn leased() -> Vec<Script> {
    let other = sealed_again(&message("answer").with(answering("d")), |f| f.content = b"Other".to_vec());
    vec![
        asked("challenge-leased", "given up: the same answer may come again, and no other")
            .challenge("c", 60, "ok")
            .lease("a", "answer", 60)
            .no_lease("answer", "Pending")
            .open("second", "WrongChallenge")
            .release("a", "ok")
            .open("second", "WrongChallenge")
            .lease("b", "answer", 60)
            .commit("b", b"done", "ok")
            .again("answer", b"done"),
        asked("challenge-leased-late", "given up: the same answer may come again, also after the end of the challenge")
            .challenge("c", 60, "ok")
            .lease("a", "answer", 30)
            .crash("a")
            .clock(NOW + 1_000)
            .lease("b", "answer", 60)
            .commit("b", b"done", "ok"),
        asked("challenge-taken-over", "who takes over with another challenge must be asked for that one")
            .envelope("other", &other)
            .challenge("c", 60, "ok")
            .lease("a", "answer", 60)
            .release("a", "ok")
            .no_lease("other", "WrongChallenge")
            .challenge("d", 60, "ok")
            .open("other", "ok")
            .open("answer", "Replayed"),
        asked(
            "challenge-taken-over-plain",
            "an entry made without a challenge is taken over only with one that is open",
        )
        .reader("plain", |_| {})
        .envelope("plain", &sealed_again(&message("answer"), |_| {}))
        .by("plain")
        .lease("a", "plain", 60)
        .release("a", "ok")
        .by("bob")
        .open("answer", "WrongChallenge")
        .challenge("c", 60, "ok")
        .open("answer", "ok")
        .open("second", "WrongChallenge"),
    ]
}
