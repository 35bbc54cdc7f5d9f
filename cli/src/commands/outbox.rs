//! `outbox`, and what other commands need of one.

use std::path::Path;

use bulla::{
    Clock, Database, Due, Error, ErrorKind, OutboxEntry, OutboxFilter, OutboxState, SystemClock,
};
use serde_json::{Value, json};

use super::writing;
use crate::args;
use crate::duration::time;
use crate::failure::Failure;
use crate::guard::{of_store, refuse_old};
use crate::report::ascii;
use crate::terminal::{note, one_line, print, quoted};

/// How many are due at a time.
const AT_A_TIME: usize = 1000;

/// The outbox in this file, which must be there.
pub(super) fn open(path: &Path) -> Result<bulla::Outbox, Failure> {
    opened(path, |path| Database::open_existing(path))
}

/// The outbox in this file, which is made if it is not there.
pub(super) fn open_or_make(path: &Path) -> Result<bulla::Outbox, Failure> {
    opened(path, |path| Database::open(path))
}

fn opened(
    path: &Path,
    open: impl FnOnce(&Path) -> bulla::Result<Database>,
) -> Result<bulla::Outbox, Failure> {
    let database = refuse_old(path).and_then(|()| open(path));
    // Of a file that cannot be opened the library does not know what it is for.
    let database = database.map_err(|error| {
        failed(
            path,
            Error::with(ErrorKind::OutboxUnavailable, error.detail()),
        )
    })?;
    Ok(bulla::Outbox::new(database))
}

/// A failure with the name of the outbox where it is the outbox's.
pub(super) fn failed(path: &Path, error: Error) -> Failure {
    let is_io = error.kind() == ErrorKind::Io;
    let failure = of_store("outbox", path, error);
    // What the input says has its name in it.
    if is_io && !failure.text().starts_with("cannot ") {
        let text = format!("the outbox {}: {}", path.display(), failure.text());
        return failure.replaced(text);
    }
    failure
}

pub(super) fn outbox(args: &args::Outbox) -> Result<(), Failure> {
    let task = &args.task;
    let path = &args.outbox;
    let outbox = open(path)?;
    let failed = |error: Error| failed(path, error);
    let now = SystemClock.now()?;
    if let Some(digest) = &task.envelope {
        let output = writing::output(&args.output, false)?;
        let mut envelope = outbox.envelope(digest).map_err(failed)?;
        return writing::write(output, None, |out| {
            std::io::copy(&mut envelope, out).map_err(Error::from)?;
            Ok(())
        });
    }
    if args.output.output.is_some() {
        return Err(Failure::usage("-o is for --envelope: redirect the list"));
    }
    if let Some(digest) = &task.sent {
        let taken = outbox.taken(digest).map_err(failed)?;
        if taken.is_empty() {
            note("bulla: nothing is awaited of this envelope, or it was not taken with --due");
        }
        for due in &taken {
            outbox.mark_sent(due, now).map_err(failed)?;
        }
        return Ok(());
    }
    if let Some(age) = task.forget {
        let forgotten = outbox.forget(now.saturating_sub(age)).map_err(failed)?;
        print(&format!("{forgotten}\n"))?;
        return outbox.clean().map_err(|error| {
            failed(error).and("what it is about was forgotten all the same; --forget tries again")
        });
    }
    if task.due || task.failed {
        return judged(args, &outbox, now);
    }
    let mut entries = outbox.list(OutboxFilter::All, usize::MAX).map_err(failed)?;
    // To look changes nothing: that it was given up is told by --due, once, also after this.
    for entry in &mut entries {
        entry.state = entry.state_at(now);
    }
    print(&lines(args.json, &entries, line, entry_json))
}

/// `--due` and `--failed`, which give up first what has passed its deadline.
fn judged(args: &args::Outbox, outbox: &bulla::Outbox, now: u64) -> Result<(), Failure> {
    let failed = |error: Error| failed(&args.outbox, error);
    let given_up = outbox.give_up(now).map_err(failed)?;
    // If it cannot be removed, it stays: --forget says why.
    let _ = outbox.clean();
    if args.task.failed {
        let entries = outbox
            .list(OutboxFilter::Failed, usize::MAX)
            .map_err(failed)?;
        print(&lines(args.json, &entries, line, entry_json))?;
        return match entries.len() {
            0 => Ok(()),
            count => Err(Failure::awaiting(format!(
                "{count} of what was sent failed: rejected, or given up"
            ))),
        };
    }
    let due = outbox.due(now, AT_A_TIME).map_err(failed)?;
    let mut text = lines(args.json, &due, due_line, due_json);
    if args.json {
        text.push_str(&lines(true, &given_up, line, entry_json));
    } else {
        given_up
            .iter()
            .for_each(|entry| note(&format!("bulla: given up: {}", line(entry))));
    }
    print(&text)?;
    match given_up.len() {
        0 => Ok(()),
        count => Err(Failure::awaiting(format!(
            "{count} of what was sent is given up: nobody answered in time"
        ))),
    }
}

/// One line for each.
fn lines<T>(
    as_json: bool,
    all: &[T],
    line: impl Fn(&T) -> String,
    json: impl Fn(&T) -> Value,
) -> String {
    let mut text = String::new();
    for one in all {
        text.push_str(&if as_json {
            ascii(&json(one))
        } else {
            line(one)
        });
        text.push('\n');
    }
    text
}

fn line(entry: &OutboxEntry) -> String {
    let told = entry
        .told
        .as_ref()
        .map_or_else(String::new, |told| format!(", {}", one_line(told)));
    format!(
        "{:<8}  {}  {}  to {}, sent {} times, until {}{told}  {}",
        entry.state.to_string(),
        entry.message_id,
        entry.header_digest,
        entry.recipient,
        entry.attempts,
        time(entry.deadline),
        quoted(&entry.note),
    )
}

fn entry_json(entry: &OutboxEntry) -> Value {
    json!({
        "state": entry.state.to_string(),
        "message_id": entry.message_id.to_string(),
        "envelope": entry.header_digest.to_string(),
        "recipient": entry.recipient.to_string(),
        "context": entry.context,
        "awaits": if entry.awaits_stored { "stored" } else { "delivered" },
        "deadline": entry.deadline,
        "next_due": (entry.state == OutboxState::Waiting).then_some(entry.next_due),
        "attempts": entry.attempts,
        "told": entry.told,
        "note": entry.note,
    })
}

fn due_line(due: &Due) -> String {
    format!(
        "{}  {}  to {}, time {}  {}",
        due.header_digest,
        due.message_id,
        due.recipient,
        due.attempts,
        quoted(&due.note)
    )
}

fn due_json(due: &Due) -> Value {
    json!({
        "state": "due",
        "message_id": due.message_id.to_string(),
        "envelope": due.header_digest.to_string(),
        "recipient": due.recipient.to_string(),
        "attempts": due.attempts,
        "note": due.note,
    })
}

/// A message that is not in the outbox.
pub(super) fn unknown(what: &str) -> Failure {
    Failure::verdict(ErrorKind::InvalidInput, what)
}
