//! Short messages between programs, over anything that carries bytes. The same as `telemetry.py`, with which it talks:
//!
//! ```text
//! telemetry send KEYFILE PEER [FIRST [LIFETIME]] < lines > frames    each line is a message, numbered from FIRST (1) on, valid for
//!                                                                     LIFETIME seconds (10)
//! telemetry read KEYFILE PEER GUARD < frames > report                 each message counts once; what is missing is told
//! telemetry ask KEYFILE PEER GUARD < frames > challenge               takes one message, which must answer the challenge
//! telemetry answer KEYFILE PEER TEXT < challenges > frames            answers each challenge
//! ```
//!
//! PEER is a file with the identity line of the other program. A frame is a length of 4 bytes, big-endian, and so many bytes.
#![allow(missing_docs, clippy::print_stderr)]

use std::error::Error;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use bulla::{
    Draft, ErrorClass, ErrorKind, Identity, Opener, Order, OsEntropy, Policy, PublicIdentity,
    Replay, Sealer, Senders, SqliteGuard,
};

type Done<T = ()> = Result<T, Box<dyn Error>>;

const CONTEXT: &str = "telemetry";
const STREAM: &[u8] = b"readings";
/// Seconds for which a message is valid, if nothing else is said; and the oldest that is read.
const LIFETIME: u64 = 10;
/// Seconds by which the clocks of the two may differ.
const SKEW: u64 = 1;
/// How far ahead of the first missing message others are taken.
const WINDOW: u16 = 1000;
const LONGEST_FRAME: u32 = 1 << 20;

fn write_frame(bytes: &[u8]) -> Done {
    let mut out = io::stdout().lock();
    out.write_all(&u32::try_from(bytes.len())?.to_be_bytes())?;
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// One line, whatever the peer wrote: it could look like a report.
fn line_of(content: &[u8]) -> String {
    String::from_utf8_lossy(content).replace(char::is_control, "?")
}

/// The next frame; `None` at the end.
fn read_frame(input: &mut impl Read) -> Done<Option<Vec<u8>>> {
    let mut length = [0; 4];
    let mut first = [0; 1];
    if input.read(&mut first)? == 0 {
        return Ok(None);
    }
    let [begin, rest @ ..] = &mut length;
    *begin = first[0];
    input.read_exact(rest)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST_FRAME {
        return Err("a frame is too long: this is no channel of ours".into());
    }
    let mut frame = Vec::new();
    input.take(length.into()).read_to_end(&mut frame)?;
    if frame.len() < usize::try_from(length)? {
        return Err("the last frame is cut off".into());
    }
    Ok(Some(frame))
}

fn send(me: &Identity, peer: &PublicIdentity, first: u64, lifetime: u64) -> Done {
    let sealer = Sealer::new(me).to(peer);
    for (number, line) in (first..).zip(io::stdin().lock().split(b'\n')) {
        let draft = Draft::new(CONTEXT)?
            .expires_in(lifetime)
            .sequence(STREAM, number)?;
        write_frame(&sealer.seal(&draft, &line?)?)?;
    }
    Ok(())
}

#[derive(Default)]
struct Counts {
    accepted: u64,
    duplicates: u64,
    refused: u64,
    damaged: u64,
}

fn read(me: &Identity, peer: &PublicIdentity, guard: &Path) -> Done {
    let policy = Policy::new(CONTEXT, Senders::only([*peer.verifying_key()]))?
        .max_age(Some(LIFETIME))
        .skew(SKEW)
        .order(Order::Gapless {
            first: 1,
            window: WINDOW,
        });
    let guard = SqliteGuard::open(guard)?;
    let opener = Opener::new(me, &policy, Replay::Guarded(&guard));
    let (mut counts, mut last) = (Counts::default(), None);
    let (mut input, mut out) = (io::stdin().lock(), io::stdout().lock());
    while let Some(frame) = read_frame(&mut input)? {
        match opener.open(&frame) {
            Ok(message) => {
                counts.accepted += 1;
                let number = message.stamp().sequence().map_or(0, |place| place.number);
                let text = line_of(message.content());
                writeln!(out, "accepted {number} {text}")?;
                last = Some(message.into_parts().1);
            }
            Err(error) if error.kind() == ErrorKind::Replayed => {
                counts.duplicates += 1;
                writeln!(out, "duplicate")?;
            }
            Err(error) if error.kind().class() == ErrorClass::Refused => {
                counts.refused += 1;
                writeln!(out, "refused {:?}", error.kind())?;
            }
            Err(error) if error.kind().class() == ErrorClass::NotAcceptable => {
                counts.damaged += 1;
                writeln!(out, "damaged")?;
            }
            // Not decided: it is not lost, but this program cannot go on.
            Err(error) => return Err(error.into()),
        }
    }
    // It is asked for the sender of a message that was accepted; without one there may be gaps all the same.
    let missing = match &last {
        Some(proof) => opener
            .missing(proof.stamp())?
            .iter()
            .map(|range| format!("{}-{}", range.start(), range.end()))
            .collect::<Vec<_>>()
            .join(","),
        None => "unknown".into(),
    };
    let Counts {
        accepted,
        duplicates,
        refused,
        damaged,
    } = counts;
    writeln!(
        out,
        "accepted={accepted} duplicates={duplicates} refused={refused} damaged={damaged} missing={missing}"
    )?;
    Ok(())
}

fn ask(me: &Identity, peer: &PublicIdentity, guard: &Path) -> Done {
    let policy = Policy::new(CONTEXT, Senders::only([*peer.verifying_key()]))?
        .skew(SKEW)
        .demand_challenge(true);
    let guard = SqliteGuard::open(guard)?;
    let opener = Opener::new(me, &policy, Replay::Guarded(&guard));
    write_frame(&opener.challenge(&OsEntropy, LIFETIME)?)?;
    let mut input = io::stdin().lock();
    while let Some(frame) = read_frame(&mut input)? {
        match opener.open(&frame) {
            Ok(message) => {
                eprintln!("answered {}", line_of(message.content()));
                return Ok(());
            }
            Err(error)
                if matches!(
                    error.kind().class(),
                    ErrorClass::Refused | ErrorClass::NotAcceptable
                ) =>
            {
                eprintln!("refused {:?}", error.kind());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err("nobody answered".into())
}

fn answer(me: &Identity, peer: &PublicIdentity, text: &str) -> Done {
    let sealer = Sealer::new(me).to(peer);
    let mut input = io::stdin().lock();
    while let Some(challenge) = read_frame(&mut input)? {
        let challenge = <[u8; 32]>::try_from(challenge).map_err(|_| "a challenge has 32 bytes")?;
        let draft = Draft::new(CONTEXT)?.expires_in(LIFETIME).answers(challenge);
        write_frame(&sealer.seal(&draft, text.as_bytes())?)?;
    }
    Ok(())
}

fn main() -> Done {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [what, key, peer, more @ ..] = arguments.as_slice() else {
        return Err("telemetry send|read|ask|answer KEYFILE PEER ...".into());
    };
    let me = Identity::read_key_file(Path::new(key), None)?;
    let peer: PublicIdentity = std::fs::read_to_string(peer)?.trim().parse()?;
    match (what.as_str(), more) {
        ("send", []) => send(&me, &peer, 1, LIFETIME),
        ("send", [first]) => send(&me, &peer, first.parse()?, LIFETIME),
        ("send", [first, lifetime]) => send(&me, &peer, first.parse()?, lifetime.parse()?),
        ("read", [guard]) => read(&me, &peer, guard.as_ref()),
        ("ask", [guard]) => ask(&me, &peer, guard.as_ref()),
        ("answer", [text]) => answer(&me, &peer, text),
        _ => Err("telemetry send|read|ask|answer KEYFILE PEER ...".into()),
    }
}
