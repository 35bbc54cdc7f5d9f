//! `guard`.

use bulla::{
    Clock, Database, Digest, EntryState, Error, ErrorKind, GuardEntry, GuardLimits, GuardStatus,
    GuardStream, ReplayGuard, SqliteGuard, SystemClock,
};
use serde_json::json;

use crate::args::Guard;
use crate::duration::time;
use crate::failure::Failure;
use crate::guard::{of_store, refuse_old};
use crate::report::{ascii, range};
use crate::terminal::{hex, print};

/// For how many messages a guard has room, as where it is used.
const CAPACITY: usize = 1_000_000;

pub(super) fn guard(args: &Guard) -> Result<(), Failure> {
    let failed = |error: Error| of_store("replay guard", &args.file, error);
    let database = refuse_old(&args.file).and_then(|()| Database::open_existing(&args.file));
    let guard = SqliteGuard::with(database.map_err(failed)?, GuardLimits::of(CAPACITY));
    if args.check {
        guard.check().map_err(failed)?;
    }
    let forgotten = match &args.forget_stream {
        None => None,
        Some(name) => Some(forget(&guard, name).map_err(failed)?),
    };
    let swept = if args.sweep {
        let now = SystemClock.now()?;
        Some(guard.sweep(now, usize::MAX).map_err(failed)?)
    } else {
        None
    };
    let status = guard.status().map_err(failed)?;
    let entries = guard.entries(None, args.entries).map_err(failed)?;
    let streams = guard.streams(None, args.entries).map_err(failed)?;
    let mut text = if args.json {
        status_json(&status, forgotten.as_ref(), swept)
    } else {
        status_text(&status, forgotten.as_ref(), swept)
    };
    for entry in &entries {
        text.push_str(&entry_line(entry, args.json));
    }
    for stream in &streams {
        text.push_str(&stream_line(stream, args.json));
    }
    print(&text)
}

/// Fails where the guard knows no such stream: whoever mistypes the name must not believe that it is forgotten.
fn forget(guard: &SqliteGuard, name: &Digest) -> bulla::Result<Digest> {
    if guard.forget_stream(name)? {
        return Ok(*name);
    }
    Err(Error::with(
        ErrorKind::InvalidInput,
        "it knows no stream of this name: see --entries",
    ))
}

fn status_text(status: &GuardStatus, forgotten: Option<&Digest>, swept: Option<usize>) -> String {
    let mut text = String::new();
    let mut put = |name: &str, value: String| text.push_str(&format!("{name:<14} {value}\n"));
    if let Some(name) = forgotten {
        put("forgotten", name.to_string());
    }
    if let Some(swept) = swept {
        put("swept", swept.to_string());
    }
    put("committed", status.committed.to_string());
    put("reserved", status.reserved.to_string());
    put("released", status.released.to_string());
    put("of strangers", status.strangers.to_string());
    put("streams", status.streams.to_string());
    put("challenges", status.challenges.to_string());
    put("judges by", time(status.high_water));
    put(
        "file",
        format!(
            "{} bytes, version {}",
            status.file_bytes, status.schema_version
        ),
    );
    text
}

fn status_json(status: &GuardStatus, forgotten: Option<&Digest>, swept: Option<usize>) -> String {
    let report = json!({
        "forgotten": forgotten.map(Digest::to_string),
        "swept": swept,
        "committed": status.committed,
        "reserved": status.reserved,
        "released": status.released,
        "strangers": status.strangers,
        "streams": status.streams,
        "challenges": status.challenges,
        "high_water": status.high_water,
        "file_bytes": status.file_bytes,
        "schema_version": status.schema_version,
    });
    ascii(&report) + "\n"
}

fn entry_line(entry: &GuardEntry, as_json: bool) -> String {
    let (state, number) = match entry.state {
        EntryState::Reserved { until } => ("reserved", Some(until)),
        // All but the byte of the outcome.
        EntryState::Committed { answer } => ("committed", Some(answer.saturating_sub(1))),
        EntryState::Released => ("released", None),
        _ => ("unknown", None),
    };
    if as_json {
        let receipt = number.filter(|_| state == "committed");
        let until = number.filter(|_| state == "reserved");
        let report = json!({
            "entry": entry.key.to_string(), "signer": hex(&entry.signer), "stranger": entry.stranger,
            "issued": entry.issued, "keep_until": entry.keep_until, "state": state,
            "receipt_bytes": receipt, "lease_until": until,
        });
        return ascii(&report) + "\n";
    }
    format!(
        "entry          {}  {state}  of {}, issued {}, kept until {}\n",
        entry.key,
        hex(&entry.signer),
        time(entry.issued),
        time(entry.keep_until)
    )
}

fn stream_line(stream: &GuardStream, as_json: bool) -> String {
    if as_json {
        let missing: Vec<_> = stream
            .missing
            .iter()
            .map(|r| [r.start(), r.end()])
            .collect();
        let report = json!({
            "stream": stream.name.to_string(), "signer": hex(&stream.signer), "stranger": stream.stranger,
            "keep_until": stream.keep_until,
            "greatest": stream.greatest, "missing": missing,
        });
        return ascii(&report) + "\n";
    }
    let missing: Vec<String> = stream.missing.iter().map(range).collect();
    format!(
        "stream         {}  of {}, up to {}, missing: {}, {}\n",
        stream.name,
        hex(&stream.signer),
        stream
            .greatest
            .map_or_else(|| "nothing".to_owned(), |n| n.to_string()),
        if missing.is_empty() {
            "none".to_owned()
        } else {
            missing.join(", ")
        },
        stream.keep_until.map_or_else(
            || "kept until it is forgotten".to_owned(),
            |until| format!("kept until {}", time(until)),
        ),
    )
}
