//! Order within a stream (guard.md §5).

use bulla_forge::{Forge, NOW, Sequence};
use serde_json::json;

use super::script::{Reader, Script, message};
use crate::cast::{alice, bob, carol};

pub fn scripts() -> Vec<Script> {
    [newer(), newer_leased(), gapless(), gapless_ends()].into_iter().flatten().collect()
}

fn at(number: u64) -> impl Fn(&mut Forge) {
    move |f| f.stamp.sequence = Some(Sequence { stream: b"s".to_vec(), number })
}

/// A message for each number, named like it.
fn numbers(script: Script, numbers: &[u64]) -> Script {
    numbers.iter().fold(script, |script, number| {
        let name = number.to_string();
        script.envelope(&name, &message(&name).with(at(*number)))
    })
}

fn monotonic(reader: &mut Reader) {
    reader.order = json!("monotonic");
}

fn gapless_by(first: u64, window: u64) -> impl FnOnce(&mut Reader) {
    move |reader| reader.order = json!({ "first": first, "window": window })
}

fn only_newer(name: &'static str, about: &'static str, of: &[u64]) -> Script {
    numbers(Script::new(name, about).policy(monotonic), of)
}

fn all_of_them(name: &'static str, about: &'static str, [first, window]: [u64; 2], of: &[u64]) -> Script {
    numbers(Script::new(name, about).policy(gapless_by(first, window)), of)
}

fn newer() -> Vec<Script> {
    vec![
        only_newer("newer", "only what is newer; a copy is a copy, and an equal number is not newer", &[1, 2, 3])
            .envelope("another-2", &message("another 2").with(at(2)))
            .open("2", "ok")
            .open("1", "Superseded")
            .opens(&["2", "2"], "Replayed")
            .open("another-2", "Superseded")
            .open("3", "ok")
            .open("2", "Replayed")
            .missing("3", &[]),
        only_newer("newer-streams", "other streams, other authors, other contexts have their own marks", &[1, 2])
            .envelope(
                "other-stream",
                &message("t").with(|f| {
                    f.stamp.sequence = Some(Sequence { stream: b"t".to_vec(), number: 1 });
                }),
            )
            .envelope(
                "longer-stream",
                &message("sf").with(|f| {
                    f.stamp.sequence = Some(Sequence { stream: b"sf".to_vec(), number: 1 });
                }),
            )
            .envelope("carol", &Forge::sealed(&carol(), &[&bob()]).fresh("carol").with(at(1)))
            .envelope("mail", &message("mail").with(at(1)).with(|f| f.stamp.context = "smtp".to_owned()))
            .policy(|r| {
                monotonic(r);
                r.senders = Some(vec![alice().signer(), carol().signer()]);
            })
            .reader("mail", |r| {
                monotonic(r);
                r.context = "smtp".to_owned();
            })
            // Stream id and context, joined, are those of another stream: only the length tells them apart.
            .envelope(
                "joined",
                &message("joined").with(|f| {
                    f.stamp.context = "ile-transfer".to_owned();
                    f.stamp.sequence = Some(Sequence { stream: b"sf".to_vec(), number: 1 });
                }),
            )
            .reader("joined", |r| {
                monotonic(r);
                r.context = "ile-transfer".to_owned();
            })
            .opens(&["2", "other-stream", "longer-stream", "carol"], "ok")
            .open("1", "Superseded")
            .by("mail")
            .open("mail", "ok")
            .by("joined")
            .open("joined", "ok"),
        only_newer(
            "newer-without-a-number",
            "where an order is demanded, a message without a number is superseded",
            &[],
        )
        .messages(&["plain"], |_| {})
        .reader("any", |_| {})
        .open("plain", "Superseded")
        .by("any")
        .open("plain", "ok"),
        only_newer("newer-mark-outlives", "the mark of a stream outlives its entries", &[1])
            .envelope("2", &message("2").with(at(2)).with(|f| f.stamp.expires = Some(NOW + 10)))
            .envelope("late", &message("late").with(at(1)).with(|f| f.stamp.expires = Some(NOW + 100_000)))
            .open("2", "ok")
            .clock(NOW + 3_610)
            .sweep()
            .restart()
            .opens(&["1", "late"], "Superseded")
            .lose()
            .open("late", "ok"),
        only_newer(
            "superseded-claims-nothing",
            "what is superseded was not accepted: without an order it is new",
            &[1, 2],
        )
        .reader("any", |_| {})
        .open("2", "ok")
        .opens(&["1", "1"], "Superseded")
        .by("any")
        .open("1", "ok")
        .by("bob")
        .open("1", "Replayed"),
        only_newer("unordered-moves-no-mark", "what is accepted without an order moves no mark", &[1, 2, 3])
            .reader("any", |_| {})
            .by("any")
            .open("3", "ok")
            .by("bob")
            .opens(&["1", "2"], "ok"),
        only_newer("newer-forgotten", "a stream that is forgotten begins anew; copies stay copies", &[1, 2, 3])
            .forget("2", false)
            .opens(&["1", "3"], "ok")
            .open("2", "Superseded")
            .forget("2", true)
            .forget("2", false)
            .restart()
            .opens(&["1", "3"], "Replayed")
            .open("2", "ok"),
        only_newer("newer-forgotten-leased", "a reservation in it is then the first of a new one", &[1, 2])
            .lease("one", "1", 60)
            .lease("two", "2", 60)
            .commit("two", b"two", "ok")
            .forget("1", true)
            .commit("one", b"one", "ok")
            .again("2", b"two"),
        only_newer("newer-skip", "numbers given up are superseded", &[1, 4, 5])
            .open("1", "ok")
            .skip("1", 5)
            .open("4", "Superseded")
            .open("5", "ok"),
    ]
}

fn newer_leased() -> Vec<Script> {
    vec![
        only_newer(
            "newer-judged-again",
            "the order is judged once more at the commit, and the reservation given up",
            &[1, 2],
        )
        .lease("one", "1", 60)
        .lease("two", "2", 60)
        .commit("two", b"two", "ok")
        .commit("one", b"one", "Superseded")
        .no_lease("1", "Superseded")
        .again("2", b"two"),
        only_newer("newer-reserved", "a reservation moves no mark", &[1, 2])
            .lease("two", "2", 60)
            .open("1", "ok")
            .commit("two", b"two", "ok")
            .again("1", b""),
        only_newer("newer-taken-over", "who takes over is judged by the order, too", &[1, 2])
            .lease("one", "1", 60)
            .crash("one")
            .open("2", "ok")
            .no_lease("1", "Pending")
            .clock(NOW + 60)
            .no_lease("1", "Superseded"),
        all_of_them("gapless-reserved", "only what is committed counts", [1, 10], &[1, 2, 3])
            .lease("a", "1", 60)
            .lease("c", "3", 60)
            .missing("3", &[])
            .commit("c", b"three", "ok")
            .missing("3", &[[1, 2]])
            .commit("a", b"one", "ok")
            .missing("3", &[[2, 2]])
            .restart()
            .missing("3", &[[2, 2]])
            .open("2", "ok")
            .missing("3", &[]),
        all_of_them(
            "gapless-twice-reserved",
            "two messages of one number: the second to commit is superseded",
            [1, 10],
            &[1],
        )
        .envelope("another", &message("another").with(at(1)))
        .lease("a", "1", 60)
        .lease("b", "another", 60)
        .commit("b", b"another", "ok")
        .commit("a", b"one", "Superseded")
        .again("another", b"another"),
    ]
}

fn gapless() -> Vec<Script> {
    vec![
        all_of_them(
            "gapless",
            "in any order within the window, and what is missing is known",
            [1, 5],
            &[1, 2, 3, 4, 5, 6, 9],
        )
        .open("6", "Gap")
        .opens(&["5", "2", "3"], "ok")
        .missing("5", &[[1, 1], [4, 4]])
        .open("1", "ok")
        .missing("5", &[[4, 4]])
        .open("9", "Gap")
        .open("6", "ok")
        .missing("6", &[[4, 4]])
        .open("4", "ok")
        .missing("4", &[])
        .open("9", "ok")
        .missing("9", &[[7, 8]])
        .opens(&["1", "2", "3", "4", "5", "6", "9"], "Replayed"),
        all_of_them("gapless-again", "another message of a number that is settled is superseded", [1, 5], &[1, 3])
            .envelope("another-1", &message("another 1").with(at(1)))
            .envelope("another-3", &message("another 3").with(at(3)))
            .opens(&["1", "3"], "ok")
            .opens(&["another-1", "another-3"], "Superseded"),
        all_of_them(
            "gapless-gap-claims-nothing",
            "what came too far ahead is accepted once the gap is filled",
            [1, 2],
            &[1, 2, 3],
        )
        .opens(&["3", "3"], "Gap")
        .no_lease("3", "Gap")
        .opens(&["1", "3", "2"], "ok"),
        all_of_them("gapless-skip", "what is given up is superseded, and no longer missing", [1, 10], &[1, 2, 3, 4, 7])
            .opens(&["4", "7"], "ok")
            .missing("7", &[[1, 3], [5, 6]])
            .skip("7", 3)
            .missing("7", &[[3, 3], [5, 6]])
            .opens(&["1", "2"], "Superseded")
            .open("3", "ok")
            .missing("7", &[[5, 6]])
            .skip("7", 3)
            .skip("7", 0)
            .missing("7", &[[5, 6]])
            .skip("7", 7)
            .missing("7", &[]),
        all_of_them(
            "gapless-skip-unknown",
            "of a stream that is not known nothing is missing, nor can be given up",
            [1, 10],
            &[1, 2],
        )
        .missing("1", &[])
        .skip("1", 2)
        .open("1", "ok")
        .missing("1", &[]),
        all_of_them(
            "gapless-restart",
            "what is settled and what is missing outlive a restart",
            [1, 5],
            &[1, 2, 4, 6, 7],
        )
        .opens(&["4", "1"], "ok")
        .restart()
        .missing("4", &[[2, 3]])
        .open("7", "Gap")
        .opens(&["6", "2"], "ok")
        .missing("6", &[[3, 3], [5, 5]])
        .lose()
        .missing("6", &[])
        .open("6", "Gap"),
    ]
}

fn gapless_ends() -> Vec<Script> {
    const LAST: u64 = u64::MAX;
    vec![
        all_of_them("gapless-first", "numbers before the first one are superseded", [10, 5], &[9, 10, 14, 15])
            .open("9", "Superseded")
            .open("15", "Gap")
            .open("14", "ok")
            .missing("14", &[[10, 13]])
            .open("10", "ok")
            .missing("14", &[[11, 13]])
            .open("15", "ok"),
        all_of_them("gapless-from-0", "a stream may begin with 0", [0, 2], &[0, 1, 2])
            .open("2", "Gap")
            .open("1", "ok")
            .missing("1", &[[0, 0]])
            .opens(&["0", "2"], "ok")
            .missing("2", &[]),
        all_of_them("gapless-window-0", "a window of 0 counts as 1: one after the other", [1, 0], &[1, 2, 3])
            .open("2", "Gap")
            .open("1", "ok")
            .open("3", "Gap")
            .opens(&["2", "3"], "ok"),
        all_of_them(
            "gapless-window-greatest",
            "a window of more than 4096 counts as 4096",
            [1, 5_000],
            &[4_096, 4_097],
        )
        .open("4097", "Gap")
        .open("4096", "ok")
        .missing("4096", &[[1, 4_095]]),
        all_of_them("gapless-to-the-end", "up to the greatest number", [1, 5], &[1, LAST - 1, LAST])
            .open("1", "ok")
            .skip("1", LAST - 1)
            .open("18446744073709551615", "ok")
            .missing("1", &[[LAST - 1, LAST - 1]])
            .open("18446744073709551614", "ok")
            .missing("1", &[]),
        only_newer("newer-to-the-end", "up to the greatest number", &[0, LAST - 1, LAST])
            .open("0", "ok")
            .open("18446744073709551615", "ok")
            .open("18446744073709551614", "Superseded")
            .open("0", "Replayed"),
    ]
}
