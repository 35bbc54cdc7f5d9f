//! Step 5: what the reader accepts, in the order of opening.md §2, and times (§4).

use bulla_forge::{Forge, NOW, Stamp};

use crate::cast::{alice, bob, carol, honest, mallory};
use crate::vector::{Policy, Vector, fails, late};

pub fn vectors() -> Vec<Vector> {
    [statements(), senders(), contexts(), orders(), times(), saturation(), unbounded(), reopen()]
        .into_iter()
        .flatten()
        .collect()
}

fn refused(name: &str, about: &str, forge: &Forge, verdict: &'static str) -> Vector {
    Vector::fails(&format!("policy/{name}"), about, forge, verdict, 5)
}

fn opens(name: &str, about: &str, forge: &Forge) -> Vector {
    Vector::opens(&format!("policy/{name}"), about, forge)
}

fn stamped(change: impl Fn(&mut Stamp)) -> Forge {
    honest().with(|f| change(&mut f.stamp))
}

fn statements() -> Vec<Vector> {
    let rows = [(2, "receipt"), (3, "challenge"), (4, "audit"), (5, "card")];
    let mut all: Vec<Vector> = rows
        .into_iter()
        .map(|(statement, what)| {
            let forge = stamped(|stamp| stamp.statement = statement);
            let about = format!("an authentic {what} offered as a message");
            refused(&format!("statement-{what}"), &about, &forge, "WrongStatement")
        })
        .collect();
    let signed = Forge::attached(&alice()).with(|f| f.stamp.statement = 5).seal();
    all.push(Vector::verify(
        "policy/attached-card",
        "an authentic card offered as a signed message",
        &signed.envelope,
        fails("WrongStatement", 5),
    ));
    all
}

fn senders() -> Vec<Vector> {
    let from_bob = || Forge::sealed(&bob(), &[&bob()]);
    let from_mallory = || Forge::sealed(&mallory(), &[&bob()]);
    let list = |senders: Vec<[u8; 32]>| move |p: &mut Policy| p.senders = Some(senders);
    let untrusted = Forge::attached(&mallory()).seal();
    vec![
        refused("own-message", "the reader's own message", &from_bob(), "OwnMessage")
            .policy(list(vec![alice().signer(), bob().signer()])),
        refused("own-message-anyone", "the reader's own message, where anyone is accepted", &from_bob(), "OwnMessage")
            .policy(|p| p.senders = None),
        opens("own-message-asked-for", "the reader's own message, asked for", &from_bob())
            .policy(list(vec![bob().signer()]))
            .policy(|p| p.own = true),
        refused(
            "own-message-not-listed",
            "own messages are asked for, but the reader is not among the senders",
            &from_bob(),
            "UntrustedSender",
        )
        .policy(|p| p.own = true),
        refused("untrusted", "an authentic message from a stranger", &from_mallory(), "UntrustedSender"),
        refused("nobody-trusted", "an empty list of senders", &honest(), "UntrustedSender").policy(list(Vec::new())),
        refused(
            "answer-not-demanded",
            "an answer to a challenge, where none is demanded",
            &stamped(|stamp| stamp.challenge = Some([7; 32])),
            "WrongChallenge",
        ),
        opens("anyone", "from a stranger, where anyone is accepted", &from_mallory()).policy(|p| p.senders = None),
        opens("second-of-senders", "the sender is the last of the list", &honest()).policy(list(vec![
            carol().signer(),
            mallory().signer(),
            alice().signer(),
        ])),
        Vector::verify(
            "policy/attached-untrusted",
            "a signed message from a stranger",
            &untrusted.envelope,
            fails("UntrustedSender", 5),
        ),
    ]
}

fn contexts() -> Vec<Vector> {
    let rows =
        [("another", "smtp"), ("case", "File-transfer"), ("shorter", "file-transfe"), ("longer", "file-transfer2")];
    rows.into_iter()
        .map(|(name, context)| {
            let forge = stamped(|stamp| stamp.context = context.to_owned());
            let about = format!("made for {context:?}");
            refused(&format!("context-{name}"), &about, &forge, "WrongContext")
        })
        .collect()
}

/// Two faults each: the earlier one is reported.
fn orders() -> Vec<Vector> {
    let from_bob = || Forge::sealed(&bob(), &[&bob()]);
    let from_mallory = || Forge::sealed(&mallory(), &[&bob()]);
    let late_content = || honest().with(|f| f.signed_content = Some(vec![0; f.content.len()]));
    vec![
        refused(
            "order-statement-own",
            "the reader's own receipt",
            &from_bob().with(|f| f.stamp.statement = 2),
            "WrongStatement",
        ),
        refused("order-own-sender", "own, and not listed", &from_bob(), "OwnMessage"),
        refused(
            "order-sender-context",
            "from a stranger, for another context",
            &from_mallory().with(|f| f.stamp.context = "smtp".to_owned()),
            "UntrustedSender",
        ),
        refused(
            "order-context-time",
            "for another context, and expired",
            &stamped(|s| (s.context, s.expires) = ("smtp".to_owned(), Some(NOW - 1_000))),
            "WrongContext",
        ),
        refused(
            "order-future-expired",
            "issued in the future, expired in the past",
            &stamped(|s| (s.issued, s.expires) = (NOW + 1_000, Some(NOW - 1_000))),
            "NotYetValid",
        ),
        refused(
            "order-expired-too-old",
            "expired, and too old",
            &stamped(|s| (s.issued, s.expires) = (NOW - 2_000, Some(NOW - 1_000))),
            "Expired",
        )
        .policy(|p| p.max_age = Some(500)),
        refused(
            "order-time-content",
            "expired, and the content is not as signed",
            &late_content().with(|f| f.stamp.expires = Some(NOW - 1_000)),
            "Expired",
        ),
        Vector::fails(
            "opening/order-signature-sender",
            "a bad signature in a stranger's name",
            &from_mallory().with(|f| f.opening.seed = alice().seed),
            "NotAuthentic",
            4,
        ),
    ]
}

/// Both edges of each bound; the skew is 120 seconds.
fn times() -> Vec<Vector> {
    let issued = |time| stamped(|stamp| stamp.issued = time);
    let expires = |time| stamped(|stamp| stamp.expires = Some(time));
    let aged = |time| stamped(|s| (s.issued, s.expires) = (time, None));
    let hour = |p: &mut Policy| p.max_age = Some(3_600);
    let no_skew = |p: &mut Policy| p.skew = 0;
    vec![
        opens("issued-last", "issued at now + skew", &issued(NOW + 120)),
        refused("issued-after", "issued one second later", &issued(NOW + 121), "NotYetValid"),
        opens("issued-now-no-skew", "issued now, without skew", &issued(NOW)).policy(no_skew),
        refused("issued-next-no-skew", "issued in a second, without skew", &issued(NOW + 1), "NotYetValid")
            .policy(no_skew),
        opens("expires-last", "now is expires + skew - 1", &expires(NOW - 119)),
        refused("expires-after", "now is expires + skew", &expires(NOW - 120), "Expired"),
        opens("expires-next-no-skew", "expires in a second, without skew", &expires(NOW + 1)).policy(no_skew),
        refused("expires-now-no-skew", "expires now, without skew", &expires(NOW), "Expired").policy(no_skew),
        opens(
            "expires-before-issued",
            "expires before it is issued: allowed, while the skew lasts",
            &stamped(|s| (s.issued, s.expires) = (NOW, Some(NOW - 1))),
        ),
        refused("expires-zero", "expires at 0", &expires(0), "Expired"),
        opens("age-last", "now is issued + age + skew - 1", &aged(NOW - 3_719)).policy(hour),
        refused("age-after", "now is issued + age + skew", &aged(NOW - 3_720), "TooOld").policy(hour),
        opens("age-zero", "a greatest age of 0, while the skew lasts", &aged(NOW - 119))
            .policy(|p| p.max_age = Some(0)),
        refused("age-zero-no-skew", "a greatest age of 0 without skew: nothing is young enough", &aged(NOW), "TooOld")
            .policy(|p| (p.max_age, p.skew) = (Some(0), 0)),
        opens("age-and-expires", "both bounds, neither reached", &issued(NOW - 3_000)).policy(hour),
        refused(
            "age-though-not-expired",
            "not expired, but older than the reader wants",
            &issued(NOW - 3_720),
            "TooOld",
        )
        .policy(hour),
    ]
}

fn saturation() -> Vec<Vector> {
    let max = u64::MAX;
    let at = |issued, expires| stamped(|s| (s.issued, s.expires) = (issued, expires));
    let no_guard = |p: &mut Policy| p.guard = false;
    vec![
        opens("greatest-issued", "issued at 2^64 - 1, now + skew is no more", &at(max, None))
            .now(max - 10)
            .policy(no_guard),
        refused("greatest-issued-early", "issued at 2^64 - 1, now", &at(max, None), "NotYetValid").policy(no_guard),
        opens("greatest-expires", "expires at 2^64 - 1", &at(NOW, Some(max))),
        opens("greatest-expires-last", "expires at 2^64 - 1, a second before", &at(NOW, Some(max))).now(max - 1),
        refused("greatest-expires-reached", "expires at 2^64 - 1, now", &at(NOW, Some(max)), "Expired").now(max),
        opens("greatest-age", "a greatest age of 2^64 - 1", &at(0, None)).policy(|p| p.max_age = Some(u64::MAX)),
        refused("greatest-age-reached", "the same at the end of time", &at(0, None), "TooOld")
            .now(max)
            .policy(|p| p.max_age = Some(u64::MAX)),
        opens("greatest-skew", "the greatest skew, at its edge", &at(NOW + 3600, Some(NOW + 7200)))
            .policy(|p| p.skew = 3600),
        opens("greatest-skew-expires", "the same at the other edge", &at(NOW - 4000, Some(NOW - 3599)))
            .policy(|p| p.skew = 3600),
        opens("now-zero", "a clock at 0", &at(120, Some(1))).now(0),
    ]
}

fn unbounded() -> Vec<Vector> {
    let endless = || stamped(|stamp| stamp.expires = None);
    vec![
        refused("unbounded", "a guard, but neither expires nor a greatest age", &endless(), "Unbounded"),
        opens("unbounded-no-guard", "the same without a guard", &endless()).policy(|p| p.guard = false),
        opens("bounded-by-age", "a guard and a greatest age", &endless()).policy(|p| p.max_age = Some(60)),
    ]
}

fn reopen() -> Vec<Vector> {
    let opens = |name: &str, about: &str, change: fn(&mut Stamp)| {
        opens(&format!("reopen-{name}"), about, &stamped(change)).reopen()
    };
    let refused = |name: &str, about: &str, forge: &Forge, verdict| {
        refused(&format!("reopen-{name}"), about, forge, verdict).reopen()
    };
    let forged = honest().with(|f| f.signed_content = Some(vec![0; f.content.len()])).seal();
    vec![
        opens("expired", "expired long ago", |s| s.expires = Some(1)),
        opens("future", "issued in the future", |s| s.issued = NOW + 1_000_000),
        opens("too-old", "older than the greatest age", |s| s.issued = 1).policy(|p| p.max_age = Some(60)),
        opens("endless", "without an end", |s| s.expires = None),
        refused("statement", "a receipt", &stamped(|stamp| stamp.statement = 2), "WrongStatement"),
        refused("own-message", "own", &Forge::sealed(&bob(), &[&bob()]), "OwnMessage"),
        refused("untrusted", "a stranger's", &Forge::sealed(&mallory(), &[&bob()]), "UntrustedSender"),
        refused("context", "of another context", &stamped(|stamp| stamp.context = "smtp".to_owned()), "WrongContext"),
        Vector::open(
            "policy/reopen-content",
            "other content of the signed length",
            &forged.envelope,
            late("NotAuthentic", 6, &forged.content),
        )
        .reopen(),
    ]
}
