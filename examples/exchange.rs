//! Sealing, opening, and receipts, by the public Rust interface; one of the parties of `tests/exchange/run`.
//!
//! ```text
//! exchange keygen KEYFILE                            > identity line
//! exchange seal KEYFILE RECIPIENT OUTBOX   < content > envelope
//! exchange open KEYFILE SENDER            < envelope > content
//! exchange receipt KEYFILE SENDER         < envelope > receipt
//! exchange settle KEYFILE RECIPIENT OUTBOX < receipt > status
//! ```
//!
//! RECIPIENT and SENDER are identity lines.

#![allow(
    clippy::print_stderr,
    reason = "a program says on standard error what failed"
)]

use std::error::Error;
use std::io::{Read, Write, stdin, stdout};
use std::path::Path;
use std::process::ExitCode;

use bulla::{
    Clock, Database, Delivery, Draft, Identity, Letter, MemoryGuard, Opener, OsEntropy, Outbox,
    Policy, PublicIdentity, Receipter, Receipts, Replay, Sealer, Senders, SystemClock,
};

const CONTEXT: &str = "exchange";
const DAY: u64 = 24 * 60 * 60;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn keygen(file: &Path) -> Outcome<Vec<u8>> {
    let identity = Identity::generate(&OsEntropy)?;
    identity.create_key_file(file, None, &OsEntropy)?;
    Ok(format!("{}\n", identity.public()).into_bytes())
}

/// The sender puts what is sealed into an outbox before it is sent, so that nothing is lost in silence.
fn seal(
    me: &Identity,
    recipient: &PublicIdentity,
    outbox: &str,
    content: &[u8],
) -> Outcome<Vec<u8>> {
    let reply_to = me
        .public()
        .newest_key()
        .ok_or("there is no key to reply to")?;
    let asked = Receipts {
        delivered: true,
        stored: true,
        rejected: false,
    };
    let draft = Draft::new(CONTEXT)?.ask_receipts(asked, reply_to)?;
    let mut envelope = Vec::new();
    let sent = Sealer::new(me)
        .to(recipient)
        .seal_into(&draft, content, &mut envelope)?;
    let now = SystemClock.now()?;
    let letter = Letter::new(sent, CONTEXT, [*recipient.verifying_key()], now + DAY)?;
    let outbox = Outbox::new(Database::open(outbox)?);
    outbox.put(&letter.until_delivered(), &envelope, now)?;
    Ok(envelope)
}

fn policy(sender: &PublicIdentity) -> bulla::Result<Policy> {
    Policy::new(CONTEXT, Senders::only([*sender.verifying_key()]))
}

fn open(me: &Identity, sender: &PublicIdentity, envelope: &[u8]) -> Outcome<Vec<u8>> {
    let (policy, guard) = (policy(sender)?, MemoryGuard::new(1000));
    let message = Opener::new(me, &policy, Replay::Guarded(&guard)).open(envelope)?;
    Ok(message.content().to_vec())
}

/// The recipient reserves the message, hands it on, and only then gives a receipt.
fn receipt(me: &Identity, sender: &PublicIdentity, envelope: &[u8]) -> Outcome<Vec<u8>> {
    let (policy, guard) = (policy(sender)?, MemoryGuard::new(1000));
    let opener = Opener::new(me, &policy, Replay::Guarded(&guard));
    let Delivery::New(message) = opener.open_leased(envelope, 60)? else {
        return Err("it came before".into());
    };
    // What is done with the content is done here, and made durable.
    let (_content, lease) = message.into_parts();
    let committed = Receipter::new(me).delivered(lease)?;
    Ok(committed.into_receipt().ok_or("no receipt was asked for")?)
}

fn settle(me: &Identity, outbox: &str, answer: &[u8]) -> Outcome<Vec<u8>> {
    let outbox = Outbox::new(Database::open(outbox)?);
    let settled = outbox.settle(me, answer, &SystemClock)?;
    Ok(format!("{}\n", settled.receipt.status().name()).into_bytes())
}

fn run(words: &[&str]) -> Outcome<Vec<u8>> {
    if let ["keygen", file] = words {
        return keygen(Path::new(file));
    }
    let [verb, key, other, rest @ ..] = words else {
        return Err("see the beginning of the source for what it can do".into());
    };
    let me = Identity::read_key_file(Path::new(key), None)?;
    let other: PublicIdentity = other.parse()?;
    let mut input = Vec::new();
    stdin().read_to_end(&mut input)?;
    match (*verb, rest) {
        ("seal", [outbox]) => seal(&me, &other, outbox, &input),
        ("open", []) => open(&me, &other, &input),
        ("receipt", []) => receipt(&me, &other, &input),
        ("settle", [outbox]) => settle(&me, outbox, &input),
        _ => Err(format!("{verb} is not known, or is given something else").into()),
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = run(&words).and_then(|output| Ok(stdout().write_all(&output)?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exchange: {error}");
            ExitCode::FAILURE
        }
    }
}
