//! Reading the guard's log from its beginning, in memory that does not grow with it.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Seek, Write};

use bulla::{Claim, Digest};

use super::record::{Entry, HEADER, MAX_LINE, Record};
use super::{Because, unreadable};
use crate::failure::reason;

/// What the log says, as far as it matters to one claim.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Where the last whole line ends.
    pub(super) end: u64,
    /// The checksum of the last whole line.
    pub(super) check: String,
    /// The greatest time seen.
    pub(super) high: u64,
    /// Messages that were accepted.
    pub(super) entries: usize,
    /// Those among them of strangers, and of the claim's signer.
    pub(super) strangers: usize,
    pub(super) of_signer: usize,
    /// Lines that a new log would not have.
    pub(super) idle: usize,
    /// The entry of the claim's key, if that was accepted.
    pub(super) found: Option<Entry<'static>>,
    /// The sweep mark of the claim's scope.
    pub(super) mark: Option<u64>,
}

impl Scan {
    pub(super) fn read(
        log: &mut impl Read,
        claim: Option<&Claim>,
        now: u64,
    ) -> Result<Self, Because> {
        let wanted = claim.map(Wanted::new).unwrap_or_default();
        let mut scan = Self {
            check: HEADER.to_owned(),
            ..Self::default()
        };
        let (end, check) = each_record(log, |record| scan.take(record, &wanted, now))?;
        scan.end = end;
        scan.check = check;
        Ok(scan)
    }

    fn take(&mut self, record: &Record<'_>, wanted: &Wanted, at: u64) {
        match record {
            Record::High { now } => {
                self.high = self.high.max(*now);
                self.idle += 1;
            }
            Record::Accept(entry) => {
                self.high = self.high.max(entry.now);
                self.entries += 1;
                self.strangers += usize::from(entry.stranger);
                let of_signer = entry.signer == wanted.signer && entry.stranger == wanted.stranger;
                self.of_signer += usize::from(of_signer);
                self.idle += usize::from(entry.keep_until <= at);
                if entry.key == wanted.key {
                    self.found = Some(entry.clone().into_owned());
                }
            }
            Record::Extend(entry) => {
                self.high = self.high.max(entry.now);
                // The line before about this message; the message was counted by its first.
                self.idle += 1;
                if entry.key == wanted.key {
                    self.found = Some(entry.clone().into_owned());
                }
            }
            Record::Release { key } => {
                // The line, and the one that it undoes.
                self.idle += 2;
                if *key == wanted.key {
                    self.found = None;
                }
            }
            Record::Mark { scope, issued } => {
                if *scope == wanted.scope {
                    self.mark = self.mark.max(Some(*issued));
                }
            }
        }
    }
}

/// What a claim looks for, as text; nothing matches it if there is no claim.
#[derive(Default)]
struct Wanted {
    key: String,
    scope: String,
    signer: String,
    stranger: bool,
}

impl Wanted {
    fn new(claim: &Claim) -> Self {
        Self {
            key: claim.key.to_string(),
            scope: claim.scope.to_string(),
            signer: Digest::from_bytes(claim.signer).to_string(),
            stranger: claim.stranger,
        }
    }
}

/// Writes to `new` what is still of use at `now`.
pub(super) fn rewrite(
    log: &mut (impl Read + Seek),
    new: &mut impl Write,
    high: u64,
    now: u64,
) -> Result<(), Because> {
    let mut written = writeln!(new, "{HEADER}");
    let mut check = HEADER.to_owned();
    let mut put = |record: &Record<'_>| {
        let (line, next) = record.line(&check);
        if written.is_ok() {
            written = new.write_all(line.as_bytes());
        }
        check = next;
    };
    log.rewind().map_err(unreadable)?;
    let mut superseded = superseded(log)?;
    put(&Record::High { now: high.max(now) });
    let mut marks: BTreeMap<String, u64> = BTreeMap::new();
    log.rewind().map_err(unreadable)?;
    each_record(log, |record| match record {
        Record::Mark { scope, issued } => raise(&mut marks, scope, *issued),
        Record::Accept(entry) | Record::Extend(entry) => match superseded.get_mut(&*entry.key) {
            Some(left) if *left > 0 => *left -= 1,
            // What an extension says is what the new log accepts.
            _ if entry.keep_until > now => put(&Record::Accept(entry.clone())),
            _ if entry.by_age => raise(&mut marks, &entry.scope, entry.issued),
            _ => {}
        },
        Record::High { .. } | Record::Release { .. } => {}
    })?;
    for (scope, issued) in &marks {
        put(&Record::Mark {
            scope,
            issued: *issued,
        });
    }
    written
        .and_then(|()| new.flush())
        .map_err(|error| format!("it cannot be written anew: {}", reason(&error)))
}

/// How many lines about each message are of no use, counted from its first: an extension stands in the place of the line
/// before, and a release undoes the last. Messages of which that is none are left out.
fn superseded(log: &mut impl Read) -> Result<HashMap<String, usize>, Because> {
    let mut superseded: HashMap<String, usize> = HashMap::new();
    each_record(log, |record| {
        if let Record::Release { key } = record {
            *superseded.entry((*key).to_owned()).or_default() += 1;
        } else if let Record::Extend(entry) = record {
            *superseded.entry(entry.key.to_string()).or_default() += 1;
        }
    })?;
    Ok(superseded)
}

fn raise(marks: &mut BTreeMap<String, u64>, scope: &str, issued: u64) {
    match marks.get_mut(scope) {
        Some(mark) => *mark = (*mark).max(issued),
        None => drop(marks.insert(scope.to_owned(), issued)),
    }
}

/// Gives every whole line to `take`; says where the last one ends, and its checksum.
fn each_record(
    log: &mut impl Read,
    mut take: impl FnMut(&Record<'_>),
) -> Result<(u64, String), Because> {
    let mut log = BufReader::new(log);
    let mut line = Vec::with_capacity(MAX_LINE);
    if !next_line(&mut log, &mut line)? || text(&line)? != HEADER {
        return Err(no_guard(&line));
    }
    let mut end = HEADER.len() as u64 + 1;
    let mut check = HEADER.to_owned();
    while next_line(&mut log, &mut line)? {
        let whole = text(&line)?;
        let (record, found) = Record::parse(whole, &check).ok_or_else(damaged)?;
        take(&record);
        end += line.len() as u64 + 1;
        let found = found.to_owned();
        check = found;
    }
    // What is left has no end: a part of a line that was being written. But a whole line whose end was changed is damage.
    let shorter = line.split_last().map(|(_, part)| std::str::from_utf8(part));
    if let Some(Ok(part)) = shorter
        && Record::parse(part, &check).is_some()
    {
        return Err(damaged());
    }
    Ok((end, check))
}

/// Reads a line into `line`, without its end. `false`: the log has ended; `line` holds what stands behind its last end.
fn next_line(log: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, Because> {
    line.clear();
    Read::take(&mut *log, MAX_LINE as u64)
        .read_until(b'\n', line)
        .map_err(unreadable)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(true);
    }
    if line.len() == MAX_LINE {
        return Err(damaged());
    }
    Ok(false)
}

fn text(line: &[u8]) -> Result<&str, Because> {
    std::str::from_utf8(line).map_err(|_| damaged())
}

fn no_guard(line: &[u8]) -> Because {
    if line.starts_with(b"bulla replay guard ") {
        "it was made by another version of bulla: use that, or begin a new one".to_owned()
    } else {
        "it is damaged, or no replay guard: name another file, or restore it".to_owned()
    }
}

fn damaged() -> Because {
    "it is damaged: restore it, or begin a new one (what was received before is then accepted again)"
        .to_owned()
}
