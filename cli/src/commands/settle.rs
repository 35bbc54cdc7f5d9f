//! `settle`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use bulla::{
    ArmorLabel, ErrorKind, NewFile, OutboxState, Settled, Status, SystemClock, armor, dearmor,
    is_armored,
};
use serde_json::json;

use super::outbox;
use crate::args::{Report, Settle};
use crate::duration::time;
use crate::failure::Failure;
use crate::identity;
use crate::input::Input;
use crate::report::ascii;
use crate::terminal::{note, one_line, quoted};

/// Longest receipt in bytes, as text.
const MAX_RECEIPT: usize = 64 * 1024;

pub(super) fn settle(args: &Settle) -> Result<(), Failure> {
    let key = identity::of(&args.key)?;
    let text =
        Input::open(args.input.as_deref())?.read_all(MAX_RECEIPT, "too long for a receipt")?;
    if text.is_empty() {
        return Err(Failure::awaiting(
            "no receipt came: what was sent stays in the outbox, and is due again (see bulla outbox)",
        ));
    }
    // Only now: at the end of a pipe this process begins before the one that makes the outbox.
    let outbox = outbox::open(&args.outbox)?;
    let receipt = envelope(&text)?;
    let place = args.proof.as_deref().map(Place::of).transpose()?;
    let settled = outbox
        .settle(&key, &receipt, &SystemClock)
        .map_err(|error| outbox::failed(&args.outbox, error))?;
    let kept = match (place, &settled.entry.proof) {
        (Some(place), Some(proof)) => place.keep(proof, settled.entry.state),
        // Nothing is final yet.
        _ => Ok(()),
    };
    match args.report.report {
        Report::Human => note(&human(&settled)),
        Report::Json => note(&as_json(&settled)),
        Report::None => {}
    }
    match settled.entry.state {
        OutboxState::Settled => kept,
        state => {
            kept?;
            let failure = Failure::awaiting(format!("the message is not settled: {state}"));
            Err(match args.report.report {
                Report::None => failure,
                _ => failure.told(),
            })
        }
    }
}

/// What may be armored, in bytes.
pub(super) fn envelope(text: &[u8]) -> Result<Vec<u8>, Failure> {
    if is_armored(text) {
        return Ok(dearmor(ArmorLabel::Envelope, text)?);
    }
    Ok(text.to_vec())
}

/// Where the proof goes of what made the message final.
struct Place<'a> {
    path: &'a Path,
    /// `None` if something has the name already.
    file: Option<NewFile>,
}

impl<'a> Place<'a> {
    /// Where no file can be made, nothing is settled either: the receipt may come out of a pipe, and there is no other. What has
    /// the name already may be this very proof.
    fn of(path: &'a Path) -> Result<Self, Failure> {
        match NewFile::create(path, false, false) {
            Ok(file) => Ok(Self {
                path,
                file: Some(file),
            }),
            Err(error) if error.kind() == ErrorKind::NameTaken => Ok(Self { path, file: None }),
            Err(error) => {
                let failure = Failure::from(error);
                let text = format!(
                    "cannot write {}: {}; nothing is settled",
                    path.display(),
                    failure.text()
                );
                Err(failure.replaced(text))
            }
        }
    }

    /// Writes the proof that the outbox keeps, which is not that of a note that came later. What was written before stays.
    fn keep(self, proof: &[u8], state: OutboxState) -> Result<(), Failure> {
        let text = armor(ArmorLabel::ReceiptProof, proof);
        let written = self.file.map(|mut file| {
            file.write_all(text.as_bytes())?;
            file.commit()
        });
        let why = match written {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) if error.kind() != ErrorKind::NameTaken => {
                Failure::from(error).text().to_owned()
            }
            _ if is_in(self.path, text.as_bytes()) => return Ok(()),
            _ => "a file of that name holds something else, and is not written over".to_owned(),
        };
        Err(Failure::usage(format!(
            "the message is {state}, but its proof could not be written to {}: {why}; settle the same receipt again with another name",
            self.path.display()
        )))
    }
}

/// Whether this is a file that holds exactly this.
fn is_in(path: &Path, text: &[u8]) -> bool {
    let is_file = path.metadata().is_ok_and(|found| found.is_file());
    let read = || {
        let mut found = Vec::with_capacity(text.len() + 1);
        let most = text.len() as u64 + 1;
        File::open(path)?.take(most).read_to_end(&mut found)?;
        Ok::<_, io::Error>(found)
    };
    is_file && read().is_ok_and(|found| found == text)
}

fn human(settled: &Settled) -> String {
    let (receipt, entry) = (&settled.receipt, &settled.entry);
    let damaged = matches!(receipt.status(), Status::Damaged(_));
    let outcome = match (entry.state, settled.is_new) {
        (OutboxState::Waiting, _) if damaged => {
            "NOT settled: a copy came damaged, and the message stays due; it may be sent again at once"
        }
        (OutboxState::Settled, true) => "settled",
        (OutboxState::Settled, false) => "settled before; nothing has changed",
        (OutboxState::Waiting, _) => "NOT settled: what is awaited has not come",
        (OutboxState::Rejected, _) => "REJECTED by the recipient",
        (OutboxState::GivenUp, _) => "NOT settled: it was given up before",
        _ => "NOT settled",
    };
    let mut lines = vec![format!("bulla: {outcome}")];
    let mut put = |name: &str, value: String| lines.push(format!("  {name:<12} {value}"));
    put("recipient", receipt.recipient().to_string());
    put("status", one_line(&receipt.status().to_string()));
    put(
        "said at",
        format!("{} (by the recipient's clock)", time(receipt.issued())),
    );
    put("message id", receipt.message_id().to_string());
    put("context", quoted(receipt.context()));
    if let Some((length, digest)) = receipt.content() {
        put("length", format!("{length} bytes"));
        put("digest", digest.to_string());
    }
    put("sent as", quoted(&entry.note));
    put("it proves", proves(receipt.status()).to_owned());
    lines.join("\n")
}

/// In plain words.
pub(super) const fn proves(status: &Status) -> &'static str {
    match status {
        Status::Stored => {
            "the recipient signed that exactly this content is on its disk, and was read again from there"
        }
        Status::Delivered => {
            "the recipient signed that exactly this content was verified and handed to its application"
        }
        Status::Rejected(_) => {
            "the recipient signed that it does not accept this message, for good"
        }
        _ => {
            "the recipient signed that a copy came damaged: this is not final and settles nothing, the message may still come"
        }
    }
}

fn as_json(settled: &Settled) -> String {
    let (receipt, entry) = (&settled.receipt, &settled.entry);
    let content = receipt.content();
    let reason = receipt.status().reason();
    ascii(&json!({
        "verdict": "ok",
        "state": entry.state.to_string(),
        "new": settled.is_new,
        "status": receipt.status().name(),
        "reason": reason.map(|reason| json!([reason.code(), reason.text()])),
        "recipient": receipt.recipient().to_string(),
        "issued": receipt.issued(),
        "message_id": receipt.message_id().to_string(),
        "context": receipt.context(),
        "length": content.map(|(length, _)| length),
        "digest": content.map(|(_, digest)| digest.to_string()),
        "note": entry.note,
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// Another process settles the same receipt at the same time, and was the quicker one.
    #[test]
    fn a_proof_that_came_meanwhile_is_as_good() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proof");
        let keep = |other: &str| {
            let place = Place::of(&path).unwrap();
            std::fs::write(&path, other).unwrap();
            let kept = place.keep(b"proof", OutboxState::Settled);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
            std::fs::remove_file(&path).unwrap();
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
            kept
        };
        keep(&armor(ArmorLabel::ReceiptProof, b"proof")).unwrap();
        let failure = keep("another").unwrap_err();
        assert!(failure.text().contains("holds something else"));
    }
}
