//! What is told about a verified message, or a refused one.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use bulla::{Digest, Evidence, Stamp, Verified};
use serde_json::{Value, json};

use crate::args::Report;
use crate::duration::time;
use crate::failure::Failure;
use crate::guard::LazyGuard;
use crate::identity::Trusted;
use crate::terminal::{hex, note, one_line, quoted, quoted_bytes};

/// How far freshness was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Times, and whether it was seen before.
    Judged,
    /// Times, and whether it was seen since just now: the guard was made for it.
    NewGuard,
    /// Times only.
    NoGuard,
    /// Not at all.
    NotJudged,
}

impl Freshness {
    /// With this guard, or without one.
    pub(crate) fn with(guard: Option<&LazyGuard>) -> Self {
        match guard {
            Some(guard) if guard.is_new() => Self::NewGuard,
            Some(_) => Self::Judged,
            None => Self::NoGuard,
        }
    }
}

/// What is known of a message after everything was verified.
pub(crate) struct Known<'a> {
    stamp: &'a Stamp,
    length: u64,
    digest: Digest,
    freshness: Freshness,
    what: &'static str,
    missing: Vec<RangeInclusive<u64>>,
    /// Where the content was stored.
    stored: Option<PathBuf>,
}

impl<'a> Known<'a> {
    pub(crate) const fn message(verified: &'a Verified, freshness: Freshness) -> Self {
        Self {
            stamp: verified.stamp(),
            length: verified.content_length(),
            digest: verified.content_digest(),
            freshness,
            what: "verified",
            missing: Vec::new(),
            stored: None,
        }
    }

    pub(crate) const fn evidence(evidence: &'a Evidence) -> Self {
        Self {
            stamp: evidence.stamp(),
            length: evidence.content_length(),
            digest: evidence.content_digest(),
            freshness: Freshness::NotJudged,
            what: "valid evidence",
            missing: Vec::new(),
            stored: None,
        }
    }

    /// With the numbers that are missing in its stream.
    pub(crate) fn missing(self, missing: Vec<RangeInclusive<u64>>) -> Self {
        Self { missing, ..self }
    }

    /// With where its content was stored.
    pub(crate) fn stored(self, path: &Path) -> Self {
        Self {
            stored: Some(path.to_owned()),
            what: "verified and stored",
            ..self
        }
    }

    /// Tells it in the form that was asked for.
    pub(crate) fn tell(&self, form: Report, trusted: &Trusted) {
        match form {
            Report::Human => note(&self.human(trusted)),
            Report::Json => note(&ascii(&self.json())),
            Report::None => {}
        }
    }

    fn human(&self, trusted: &Trusted) -> String {
        let stamp = self.stamp;
        let mut lines = vec![format!("bulla: {}", self.what)];
        let mut put = |name: &str, value: String| lines.push(format!("  {name:<12} {value}"));
        let listed = trusted.name(stamp.signer());
        let listed = listed.map_or_else(String::new, |file| format!(" ({})", one_line(file)));
        put("author", format!("{}{listed}", stamp.signer()));
        put("context", quoted(stamp.context()));
        put("issued", time(stamp.issued()));
        put(
            "expires",
            stamp.expires().map_or_else(|| "never".to_owned(), time),
        );
        put("message id", stamp.message_id().to_string());
        put("length", format!("{} bytes", self.length));
        put("digest", self.digest.to_string());
        if let Some(content_type) = stamp.content_type() {
            put("type", quoted(content_type));
        }
        for (name, value) in stamp.attributes() {
            put(
                "attribute",
                format!("{} = {}", quoted(name), quoted_bytes(value)),
            );
        }
        if let Some(sequence) = stamp.sequence() {
            put(
                "sequence",
                format!("{} of {}", sequence.number, hex(&sequence.stream)),
            );
        }
        if !self.missing.is_empty() {
            let ranges: Vec<String> = self.missing.iter().map(range).collect();
            put("missing", format!("{} (so far)", ranges.join(", ")));
        }
        put("freshness", self.freshness_text().to_owned());
        if let Some(path) = &self.stored {
            put("stored", one_line(&path.display().to_string()));
        }
        lines.join("\n")
    }

    const fn freshness_text(&self) -> &'static str {
        match self.freshness {
            Freshness::Judged => "judged",
            Freshness::NewGuard => {
                "judged; the guard is new, and knows nothing of what came before"
            }
            Freshness::NoGuard => "judged by its times; NOT judged whether it came before",
            Freshness::NotJudged => "NOT JUDGED: it may be old, expired, or a copy",
        }
    }

    /// Field names as in spec/vectors.
    fn json(&self) -> Value {
        let stamp = self.stamp;
        let attributes: BTreeMap<&str, Value> = stamp
            .attributes()
            .map(|(name, value)| (name, attribute(value)))
            .collect();
        let sequence = stamp
            .sequence()
            .map(|sequence| json!([hex(&sequence.stream), sequence.number]));
        let (freshness, replay) = match self.freshness {
            Freshness::Judged | Freshness::NewGuard => ("judged", "judged"),
            Freshness::NoGuard => ("judged", "not judged"),
            Freshness::NotJudged => ("not judged", "not judged"),
        };
        let mut report = json!({
            "verdict": "ok",
            "context": stamp.context(),
            "issued": stamp.issued(),
            "expires": stamp.expires(),
            "message_id": stamp.message_id().to_string(),
            "signer": stamp.signer().to_string(),
            "length": self.length,
            "digest": self.digest.to_string(),
            "content_type": stamp.content_type(),
            "attributes": attributes,
            "sequence": sequence,
            "challenge": stamp.challenge().map(|challenge| hex(challenge)),
            "freshness": freshness,
            "replay": replay,
        });
        if let Value::Object(fields) = &mut report {
            if stamp.sequence().is_some() {
                let missing: Vec<_> = self.missing.iter().map(|r| [r.start(), r.end()]).collect();
                fields.insert("missing".to_owned(), json!(missing));
            }
            if let Some(path) = &self.stored {
                let path = path.display().to_string();
                fields.insert("stored".to_owned(), json!(path));
            }
        }
        report
    }
}

/// A range of numbers as people write it.
pub(crate) fn range(range: &RangeInclusive<u64>) -> String {
    if range.start() == range.end() {
        return range.start().to_string();
    }
    format!("{} to {}", range.start(), range.end())
}

/// As text if it is text that is safe to show, in base64 otherwise.
fn attribute(value: &[u8]) -> Value {
    match std::str::from_utf8(value) {
        Ok(text) if !text.chars().any(char::is_control) => json!(text),
        _ => json!({ "base64": Base64::encode_string(value) }),
    }
}

/// A failure as one line of JSON.
pub(crate) fn refusal(failure: &Failure) -> String {
    let mut report = json!({
        "verdict": failure.kind().name(),
        "code": failure.kind().code(),
        "text": failure.text(),
    });
    if let (Some(signer), Value::Object(fields)) = (failure.signer(), &mut report) {
        fields.insert("signer".to_owned(), json!(signer));
    }
    ascii(&report)
}

/// One line of JSON in ASCII: what a stranger wrote cannot steer the terminal that it may be shown on.
pub(crate) fn ascii(value: &Value) -> String {
    let mut line = String::new();
    for c in value.to_string().chars() {
        // Outside of strings JSON is ASCII, and inside of them an escape means the same.
        if c.is_ascii() && !c.is_ascii_control() {
            line.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                line.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_ascii_and_means_the_same() {
        let value = json!({"a\u{7f}": "ü\u{1b}\u{202e}😀\u{9b}"});
        let line = ascii(&value);
        assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
        assert_eq!(serde_json::from_str::<Value>(&line).ok(), Some(value));
    }

    #[test]
    fn attributes_are_text_or_base64() {
        assert_eq!(attribute("Grüße".as_bytes()), json!("Grüße"));
        assert_eq!(attribute(b"\x1b[2J"), json!({"base64": "G1sySg=="}));
        assert_eq!(attribute(b"\xff"), json!({"base64": "/w=="}));
    }
}
