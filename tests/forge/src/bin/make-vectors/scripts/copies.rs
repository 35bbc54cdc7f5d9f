//! Copies, re-seals, several readers (guard.md §3).

use bulla_forge::{CONTEXT, Forge, NOW, Padding, Person};

use super::script::{Script, message, sealed_again};
use crate::cast::{alice, bob, carol};

pub fn scripts() -> Vec<Script> {
    [copies(), seals(), readers(), refused()].into_iter().flatten().collect()
}

fn one(name: &'static str, about: &'static str) -> Script {
    Script::new(name, about).messages(&["first"], |_| {})
}

fn copies() -> Vec<Script> {
    vec![
        one("copy", "a copy, and a third one").open("first", "ok").opens(&["first", "first"], "Replayed"),
        one("copy-after-restart", "a copy after the reader was started again")
            .open("first", "ok")
            .restart()
            .open("first", "Replayed"),
        one("state-lost", "what was accepted is accepted once more if the guard's state is lost")
            .open("first", "ok")
            .lose()
            .open("first", "ok")
            .open("first", "Replayed"),
        Script::new("reordered", "without an order messages come as they come, each once")
            .messages(&["1", "2", "3"], |_| {})
            .opens(&["3", "1", "2"], "ok")
            .opens(&["2", "3", "1"], "Replayed"),
    ]
}

fn seals() -> Vec<Script> {
    let first = message("first");
    let with = |name: &'static str, about: &'static str, again: Forge| {
        Script::new(name, about).envelope("first", &first).envelope("again", &again)
    };
    let later = |f: &mut Forge| {
        f.stamp.issued = NOW + 5;
        f.stamp.expires = Some(NOW + 20_000);
    };
    vec![
        with("sealed-again", "an honest re-seal, padded, is the same message", {
            sealed_again(&first, |f| f.padding = Padding::Zeros(20))
        })
        .open("first", "ok")
        .opens(&["again", "first"], "Replayed"),
        with("sealed-again-first", "the re-seal comes first", sealed_again(&first, |_| {}))
            .open("again", "ok")
            .open("first", "Replayed"),
        with("sealed-again-later", "a copy with a later end keeps the entry as long", sealed_again(&first, later))
            .open("first", "ok")
            .open("again", "Replayed")
            .clock(NOW + 7_200)
            .sweep()
            .open("again", "Replayed")
            .clock(NOW + 20_119)
            .open("again", "Replayed")
            .clock(NOW + 20_120)
            .open("again", "Expired"),
        with(
            "sealed-again-later-unseen",
            "a copy with a later end that comes after the entry has left is new: hence no re-seal may have one",
            sealed_again(&first, later),
        )
        .open("first", "ok")
        .clock(NOW + 7_200)
        .sweep()
        .open("again", "ok")
        .open("again", "Replayed"),
        with(
            "other-content",
            "the same message id with other content is refused, and changes nothing",
            sealed_again(&first, |f| f.content = b"Eleven measures".to_vec()),
        )
        .open("first", "ok")
        .opens(&["again", "first", "again"], "Replayed"),
        with(
            "other-extension-and-receipts",
            "claims that the application does not see make no other message",
            sealed_again(&first, |f| {
                f.stamp.extensions = vec![(300, b"x".to_vec())];
                f.stamp.receipts = Some(1);
                f.stamp.reply_key = Some(alice().reply_key());
            }),
        )
        .lease("a", "first", 60)
        .no_lease("again", "Pending")
        .commit("a", b"receipt", "ok")
        .again("again", b"receipt"),
    ]
}

fn readers() -> Vec<Script> {
    let to_two = message("first").with(|f| f.stanzas.push(bulla_forge::Stanza::to(&carol())));
    let signed = Forge::attached(&alice());
    vec![
        Script::new("two-readers", "one envelope to two readers with one guard: each accepts it once")
            .envelope("first", &to_two)
            .reader("carol", |r| r.person = Some(carol()))
            .open("first", "ok")
            .by("carol")
            .open("first", "ok")
            .open("first", "Replayed")
            .by("bob")
            .open("first", "Replayed"),
        one("two-names", "two mailboxes of one identity are two readers, by their names")
            .reader("left", |r| r.name = Some("left"))
            .reader("right", |r| r.name = Some("right"))
            .by("left")
            .open("first", "ok")
            .by("right")
            .open("first", "ok")
            .open("first", "Replayed")
            .by("bob")
            .open("first", "ok"),
        Script::new("signed", "readers of a signed envelope are known by their names")
            .envelope("page", &signed)
            .envelope("again", &signed.clone().fresh("again"))
            .reader("browser", |r| (r.person, r.name) = (None, Some("browser")))
            .reader("archive", |r| (r.person, r.name) = (None, Some("archive")))
            .by("browser")
            .open("page", "ok")
            .open("again", "Replayed")
            .by("archive")
            .open("again", "ok")
            .open("page", "Replayed"),
        Script::new("two-authors", "one message id of two authors is two messages")
            .envelope("alice", &message("first"))
            .envelope("carol", &{
                let id = message("first").stamp.message_id;
                Forge::sealed(&carol(), &[&bob()]).fresh("carol").with(|f| f.stamp.message_id = id)
            })
            .policy(|r| r.senders = Some(vec![alice().signer(), carol().signer()]))
            .opens(&["alice", "carol"], "ok")
            .opens(&["carol", "alice"], "Replayed"),
        Script::new("two-contexts", "one message id in two contexts is two messages")
            .messages(&["first"], |_| {})
            .envelope("other", &sealed_again(&message("first"), |f| f.stamp.context = "smtp".to_owned()))
            .reader("mail", |r| r.context = "smtp".to_owned())
            .open("first", "ok")
            .by("mail")
            .open("other", "ok")
            .open("other", "Replayed"),
    ]
}

fn refused() -> Vec<Script> {
    let damaged = message("first").with(|f| {
        f.chunks.set(|chunks| {
            if let Some(byte) = chunks.last_mut().and_then(|chunk| chunk.last_mut()) {
                *byte ^= 1;
            }
        });
    });
    vec![
        one("damaged-first", "a damaged copy claims nothing: the true one is accepted")
            .envelope("damaged", &damaged)
            .open("damaged", "NotAuthentic")
            .no_lease("damaged", "NotAuthentic")
            .open("first", "ok")
            .open("damaged", "NotAuthentic"),
        one("refused-first", "what is refused by the policy claims nothing")
            .reader("elsewhere", |r| r.context = "smtp".to_owned())
            .reader("distrustful", |r| r.senders = Some(vec![carol().signer()]))
            .reader("mallory", |r| r.person = Some(Person::new("mallory")))
            .by("elsewhere")
            .open("first", "WrongContext")
            .by("distrustful")
            .open("first", "UntrustedSender")
            .by("mallory")
            .open("first", "NotForMe")
            .by("bob")
            .clock(NOW - 131)
            .open("first", "NotYetValid")
            .clock(NOW - 130)
            .open("first", "ok"),
        Script::new("unbounded", "with a guard every message needs an end")
            .messages(&["first"], |f| f.stamp.expires = None)
            .reader("bounded", |r| r.max_age = Some(600))
            .open("first", "Unbounded")
            .by("bounded")
            .open("first", "ok")
            .by("bob")
            .open("first", "Unbounded"),
        Script::new("context-of-another", "a context that begins like another is another")
            .messages(&["first"], |f| f.stamp.context = format!("{CONTEXT}/1"))
            .open("first", "WrongContext"),
    ]
}
