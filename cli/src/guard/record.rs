//! One line of the guard's log.

use std::borrow::Cow;

use bulla::{Claim, Digest};

/// The first line: what it is, and the version of its form.
pub(super) const HEADER: &str = "bulla replay guard 1";
/// Characters of the checksum at the end of every other line.
const CHECK_LEN: usize = 16;
/// Longest line in bytes, its end included.
pub(super) const MAX_LINE: usize = 512;

/// An accepted message, in the words of the log: those of the line, or its own.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
    pub(super) scope: Cow<'a, str>,
    pub(super) signer: Cow<'a, str>,
    pub(super) stranger: bool,
    pub(super) issued: u64,
    pub(super) keep_until: u64,
    pub(super) by_age: bool,
    pub(super) now: u64,
}

impl<'a> Entry<'a> {
    /// Reads what [`words`](Self::words) wrote.
    fn parse(words: &[&'a str]) -> Option<Self> {
        let [
            key,
            value,
            scope,
            signer,
            pool,
            issued,
            keep_until,
            bound,
            now,
        ] = *words
        else {
            return None;
        };
        Some(Self {
            key: key.into(),
            value: value.into(),
            scope: scope.into(),
            signer: signer.into(),
            stranger: pool == "stranger",
            issued: issued.parse().ok()?,
            keep_until: keep_until.parse().ok()?,
            by_age: bound == "age",
            now: now.parse().ok()?,
        })
    }
}

impl Entry<'_> {
    fn words(&self) -> String {
        let Self {
            key,
            value,
            scope,
            signer,
            issued,
            keep_until,
            now,
            ..
        } = self;
        let pool = if self.stranger { "stranger" } else { "known" };
        let bound = if self.by_age { "age" } else { "expiry" };
        format!("{key} {value} {scope} {signer} {pool} {issued} {keep_until} {bound} {now}")
    }

    pub(super) fn new(claim: &Claim, now: u64) -> Self {
        Self {
            key: claim.key.to_string().into(),
            value: claim.value.to_string().into(),
            scope: claim.scope.to_string().into(),
            signer: Digest::from_bytes(claim.signer).to_string().into(),
            stranger: claim.stranger,
            issued: claim.issued,
            keep_until: claim.keep_until,
            by_age: claim.bounded_by_age,
            now,
        }
    }

    /// The same message, kept as long as the longest of its copies.
    pub(super) fn extended(&self, claim: &Claim, now: u64) -> Self {
        Self {
            issued: self.issued.max(claim.issued),
            keep_until: self.keep_until.max(claim.keep_until),
            by_age: self.by_age || claim.bounded_by_age,
            now,
            ..self.clone()
        }
    }

    /// The same with words of its own, to outlive the line.
    pub(super) fn into_owned(self) -> Entry<'static> {
        Entry {
            key: self.key.into_owned().into(),
            value: self.value.into_owned().into(),
            scope: self.scope.into_owned().into(),
            signer: self.signer.into_owned().into(),
            stranger: self.stranger,
            issued: self.issued,
            keep_until: self.keep_until,
            by_age: self.by_age,
            now: self.now,
        }
    }
}

/// What a line says.
#[derive(Clone, Debug)]
pub(super) enum Record<'a> {
    /// The greatest time seen.
    High { now: u64 },
    /// A message was accepted.
    Accept(Entry<'a>),
    /// A message that was accepted is to be kept longer: stands in the place of the line before about it, which so is of
    /// no use any more. A line of its own kind, so that reading needs no memory of what came before.
    Extend(Entry<'a>),
    /// It was not delivered, and may come again.
    Release { key: &'a str },
    /// The greatest time of issue that was dropped by age in this scope.
    Mark { scope: &'a str, issued: u64 },
}

impl<'a> Record<'a> {
    /// The line, its end included, and its checksum; `before` is the checksum of the line before.
    pub(super) fn line(&self, before: &str) -> (String, String) {
        let body = self.body();
        let check = check(before, &body);
        (format!("{body} {check}\n"), check)
    }

    fn body(&self) -> String {
        match self {
            Self::High { now } => format!("high {now}"),
            Self::Release { key } => format!("release {key}"),
            Self::Mark { scope, issued } => format!("mark {scope} {issued}"),
            Self::Accept(entry) => format!("accept {}", entry.words()),
            Self::Extend(entry) => format!("extend {}", entry.words()),
        }
    }

    /// Reads a line without its end. `None` if it is damaged.
    pub(super) fn parse(line: &'a str, before: &str) -> Option<(Self, &'a str)> {
        let (body, found) = line.rsplit_once(' ')?;
        if found.len() != CHECK_LEN || check(before, body) != found {
            return None;
        }
        let words: Vec<&str> = body.split(' ').collect();
        let record = match *words.as_slice() {
            ["high", now] => Self::High {
                now: now.parse().ok()?,
            },
            ["release", key] => Self::Release { key },
            ["mark", scope, issued] => Self::Mark {
                scope,
                issued: issued.parse().ok()?,
            },
            ["accept", ref words @ ..] => Self::Accept(Entry::parse(words)?),
            ["extend", ref words @ ..] => Self::Extend(Entry::parse(words)?),
            _ => return None,
        };
        Some((record, found))
    }
}

fn check(before: &str, body: &str) -> String {
    let digest = Digest::of(format!("{before}\n{body}").as_bytes()).to_string();
    digest.get(..CHECK_LEN).unwrap_or_default().to_owned()
}
