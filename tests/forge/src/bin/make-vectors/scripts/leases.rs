//! Leases and fencing tokens (guard.md §3).

use bulla_forge::{Forge, Layout, NOW};

use super::script::{DELIVERED, REJECTED, STORED, Script, message, sealed_again};

pub fn scripts() -> Vec<Script> {
    [ends(), lost(), times(), values(), by_the_stamp()].into_iter().flatten().collect()
}

fn one(name: &'static str, about: &'static str) -> Script {
    Script::new(name, about).messages(&["first"], |_| {})
}

fn ends() -> Vec<Script> {
    vec![
        one("lease-commit", "held, then committed: copies get the same receipt")
            .lease("a", "first", 60)
            .no_lease("first", "Pending")
            .open("first", "Pending")
            .commit("a", b"receipt", "ok")
            .again("first", b"receipt")
            .again("first", b"receipt")
            .open("first", "Replayed")
            .restart()
            .again("first", b"receipt"),
        one("lease-release", "given up: free at once, and then done once")
            .lease("a", "first", 60)
            .release("a", "ok")
            .lease("b", "first", 60)
            .commit("b", b"done", "ok")
            .again("first", b"done"),
        one("lease-release-open", "given up, then opened without a lease")
            .lease("a", "first", 60)
            .release("a", "ok")
            .open("first", "ok")
            .again("first", b""),
        one("lease-crash", "the holder dies: free when the lease ends, and not before")
            .lease("a", "first", 60)
            .crash("a")
            .clock(NOW + 59)
            .no_lease("first", "Pending")
            .clock(NOW + 60)
            .lease("b", "first", 60)
            .commit("b", b"second", "ok")
            .again("first", b"second"),
        one("lease-empty-receipt", "without a receipt copies get none")
            .lease("a", "first", 60)
            .commit("a", b"", "ok")
            .again_as("first", STORED, b""),
        one("lease-receipt-length", "a receipt of 4096 bytes is refused, one of 4095 stored")
            .lease("a", "first", 60)
            .commit("a", &[7; 4096], "InvalidInput")
            .lease("b", "first", 60)
            .commit("b", &[7; 4095], "ok")
            .again("first", &[7; 4095]),
        outcomes(),
        one("opened-then-leased", "opened without a lease: a lease finds it done")
            .open("first", "ok")
            .again("first", b""),
    ]
}

fn outcomes() -> Script {
    let script = Script::new("lease-outcomes", "copies get the outcome that was committed; others cannot be committed")
        .messages(&["1", "2", "3", "128", "255"], |_| {});
    let script = [("1", DELIVERED), ("2", STORED), ("3", REJECTED), ("128", 128), ("255", 255)].into_iter().fold(
        script,
        |script, (name, outcome)| {
            [0, 4, 5, 127]
                .into_iter()
                .fold(script, |script, wrong| {
                    script.lease("wrong", name, 60).commit_as("wrong", wrong, b"receipt", "InvalidInput")
                })
                .lease(name, name, 60)
                .commit_as(name, outcome, name.as_bytes(), "ok")
        },
    );
    script
        .restart()
        .again_as("1", DELIVERED, b"1")
        .again_as("2", STORED, b"2")
        .again_as("3", REJECTED, b"3")
        .again_as("128", 128, b"128")
        .again_as("255", 255, b"255")
}

fn lost() -> Vec<Script> {
    vec![
        one("lease-taken-over", "the lease ran out and another has it: the first can do nothing any more")
            .lease("slow", "first", 60)
            .clock(NOW + 60)
            .lease("fast", "first", 60)
            .renew("slow", 60, "LeaseLost")
            .commit("slow", b"slow", "LeaseLost")
            .no_lease("first", "Pending")
            .commit("fast", b"fast", "ok")
            .again("first", b"fast"),
        one("lease-taken-over-release", "who has lost a lease gives nothing of another's up")
            .lease("slow", "first", 60)
            .clock(NOW + 60)
            .lease("fast", "first", 60)
            .release("slow", "LeaseLost")
            .no_lease("first", "Pending")
            .commit("fast", b"fast", "ok"),
        one("lease-taken-over-done", "the lease ran out and another has finished")
            .lease("slow", "first", 60)
            .clock(NOW + 61)
            .open("first", "ok")
            .commit("slow", b"slow", "LeaseLost")
            .again("first", b""),
        one("lease-taken-over-given-up", "the lease ran out, another had it and gave it up: the first stays stale")
            .lease("slow", "first", 60)
            .clock(NOW + 60)
            .lease("fast", "first", 60)
            .release("fast", "ok")
            .commit("slow", b"slow", "LeaseLost")
            .open("first", "ok"),
        one("lease-restart", "a reservation outlives a restart of the guard, and so does its token")
            .lease("a", "first", 60)
            .restart()
            .no_lease("first", "Pending")
            .commit("a", b"receipt", "ok")
            .restart()
            .again("first", b"receipt"),
        one("lease-state-lost", "with the state the reservation is lost")
            .lease("a", "first", 60)
            .lose()
            .commit("a", b"receipt", "LeaseLost")
            .open("first", "ok"),
        Script::new("lease-two-messages", "leases of two messages have nothing to do with each other")
            .messages(&["1", "2"], |_| {})
            .lease("a", "1", 60)
            .lease("b", "2", 60)
            .release("a", "ok")
            .no_lease("2", "Pending")
            .commit("b", b"two", "ok")
            .lease("c", "1", 60)
            .commit("c", b"one", "ok")
            .again("2", b"two")
            .again("1", b"one"),
    ]
}

fn times() -> Vec<Script> {
    vec![
        one("lease-renewed", "renewed: held so long from then on, longer or shorter")
            .lease("a", "first", 60)
            .clock(NOW + 50)
            .renew("a", 100, "ok")
            .clock(NOW + 149)
            .no_lease("first", "Pending")
            .renew("a", 5, "ok")
            .clock(NOW + 154)
            .lease("b", "first", 60)
            .commit("b", b"receipt", "ok"),
        one("lease-ran-out-commit", "the lease ran out and nobody else came: it can be committed")
            .lease("a", "first", 60)
            .clock(NOW + 1_000)
            .commit("a", b"late", "ok")
            .again("first", b"late"),
        one("lease-ran-out-renew", "the lease ran out and nobody else came: it can be renewed")
            .lease("a", "first", 60)
            .clock(NOW + 1_000)
            .renew("a", 60, "ok")
            .no_lease("first", "Pending")
            .commit("a", b"late", "ok"),
        one("lease-of-no-time", "a lease of 0 seconds has run out at once")
            .lease("a", "first", 0)
            .lease("b", "first", 0)
            .commit("a", b"a", "LeaseLost")
            .commit("b", b"b", "ok"),
        one("lease-clock-back", "a lease is judged by the greatest clock that the guard has seen")
            .lease("a", "first", 60)
            .clock(NOW + 60)
            .sweep()
            .clock(NOW - 100)
            .lease("b", "first", 60)
            .clock(NOW + 119)
            .no_lease("first", "Pending")
            .commit("a", b"a", "LeaseLost")
            .commit("b", b"b", "ok"),
        one("lease-holder-with-a-slow-clock", "a holder whose clock is behind renews by the guard's time")
            .clock(NOW + 40)
            .lease("a", "first", 60)
            .clock(NOW + 90)
            .sweep()
            .renew_at(NOW - 5_000, "a", 20, "ok")
            .clock(NOW + 109)
            .no_lease("first", "Pending")
            .clock(NOW + 110)
            .lease("b", "first", 60)
            .commit("b", b"b", "ok"),
        one("lease-keeps-the-entry", "a lease that outlives the message keeps the entry until it ends")
            .clock(NOW + 3_700)
            .lease("a", "first", 5_000)
            .clock(NOW + 8_699)
            .sweep()
            .commit("a", b"stored", "ok"),
        one("lease-over", "lease and entry are over: it is absent, swept or not")
            .lease("a", "first", 60)
            .clock(NOW + 7_199)
            .renew("a", 1, "ok")
            .clock(NOW + 7_200)
            .sweep()
            .commit("a", b"late", "LeaseLost"),
        Script::new("lease-over-not-swept", "leases and entries are over, and no sweep came: absent all the same")
            .messages(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"], |_| {})
            .opens(&["1", "2", "3", "4", "5", "6"], "ok")
            .lease("a", "7", 60)
            .lease("b", "8", 60)
            .lease("c", "9", 60)
            .lease("d", "10", 60)
            .lease("e", "11", 60)
            .lease("f", "12", 60)
            .envelope("later", &message("later").with(|f| f.stamp.expires = Some(NOW + 10_000)))
            .clock(NOW + 9_000)
            .open("later", "ok")
            .renew("a", 60, "LeaseLost")
            .renew("b", 60, "LeaseLost")
            .commit("a", b"late", "LeaseLost")
            .commit("b", b"late", "LeaseLost")
            .commit("c", b"late", "LeaseLost")
            .commit("d", b"late", "LeaseLost")
            .release("e", "LeaseLost")
            .release("f", "LeaseLost"),
    ]
}

fn values() -> Vec<Script> {
    let first = message("first");
    let other = sealed_again(&first, |f| f.content = b"Eleven measures".to_vec());
    let again = sealed_again(&first, |_| {});
    vec![
        Script::new("lease-sealed-again", "a re-seal of what is held waits, and then gets the same receipt")
            .envelope("first", &first)
            .envelope("again", &again)
            .lease("a", "first", 60)
            .no_lease("again", "Pending")
            .commit("a", b"receipt", "ok")
            .again("again", b"receipt"),
        Script::new("lease-other-content", "other content under one id: refused while it is held, free when it is not")
            .envelope("first", &first)
            .envelope("other", &other)
            .lease("a", "first", 60)
            .no_lease("other", "Replayed")
            .open("other", "Replayed")
            .release("a", "ok")
            .lease("b", "other", 60)
            .no_lease("first", "Replayed")
            .commit("b", b"eleven", "ok")
            .no_lease("first", "Replayed")
            .again("other", b"eleven"),
    ]
}

fn by_the_stamp() -> Vec<Script> {
    let streamed = |f: &mut Forge| f.layout = Layout::LengthUnknown;
    vec![
        one("refused-by-the-stamp", "refused by the stamp, which names the content: the whole gets the same answer")
            .refuse("a", "first", 60)
            .no_lease("first", "Pending")
            .commit("a", b"too large", "ok")
            .again_as("first", REJECTED, b"too large")
            .refused_again("first", REJECTED, b"too large")
            .open("first", "Replayed"),
        Script::new(
            "refused-by-the-stamp-streamed",
            "refused by a stamp that does not name the content: the whole gets the same answer",
        )
        .messages(&["first"], streamed)
        .refuse("a", "first", 60)
        .no_lease("first", "Pending")
        .commit("a", b"too large", "ok")
        .refused_again("first", REJECTED, b"too large")
        .again_as("first", REJECTED, b"too large")
        .open("first", "Replayed"),
        Script::new(
            "stored-then-judged-by-the-stamp",
            "a copy that is judged by its stamp alone gets what the whole got",
        )
        .messages(&["first"], streamed)
        .lease("a", "first", 60)
        .commit("a", b"stored", "ok")
        .refused_again("first", STORED, b"stored"),
        Script::new(
            "refused-by-the-stamp-given-up",
            "the refusal is given up: the whole is new, and then has its value",
        )
        .messages(&["first"], streamed)
        .envelope("other", &{ sealed_again(&message("first"), |f| f.content = b"Eleven measures".to_vec()) })
        .refuse("a", "first", 60)
        .release("a", "ok")
        .lease("b", "first", 60)
        .commit("b", b"stored", "ok")
        .no_lease("other", "Replayed")
        .refused_again("first", STORED, b"stored"),
        Script::new("streamed", "a stream is the same message as its re-seal in one piece")
            .envelope("first", &message("first").with(streamed))
            .envelope("whole", &sealed_again(&message("first"), |_| {}))
            .lease("a", "first", 60)
            .commit("a", b"receipt", "ok")
            .again("whole", b"receipt"),
    ]
}
