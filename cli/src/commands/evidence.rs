//! `evidence export` and `evidence check`.

use std::path::Path;

use bulla::limits::MAX_EVIDENCE;
use bulla::{
    ArmorLabel, Digest, Error, ErrorKind, Evidence, Hasher, Opener, Policy, ReceiptProof, Reopened,
    Verifier, dearmor, is_armored,
};
use serde_json::json;

use super::{reading, settle, writing};
use crate::args;
use crate::args::{EvidenceCheck, EvidenceCommand, EvidenceExport, Report};
use crate::duration::time;
use crate::failure::Failure;
use crate::identity::{self, Trusted};
use crate::input::Input;
use crate::output::{Sink, nowhere};
use crate::report::{Freshness, Known, ascii};
use crate::terminal::{note, one_line, quoted};

const TOO_LONG: &str = "too long for evidence: it is something else";

pub(super) fn evidence(args: &args::Evidence) -> Result<(), Failure> {
    match &args.command {
        EvidenceCommand::Export(args) => export(args),
        EvidenceCommand::Check(args) => check(args),
    }
}

fn export(args: &EvidenceExport) -> Result<(), Failure> {
    reading::one_standard_input(args.envelope.input.as_deref(), args.content.as_deref())?;
    let trusted = Trusted::load(&args.senders)?;
    let policy = reading::policy(&args.reader.context, &trusted, None, args.allow_own)?;
    let output = writing::output(&args.write.to, args.write.armor)?;
    let proof = reopened(args, &policy)?;
    let label = args.write.armor.then_some(ArmorLabel::Evidence);
    writing::write(output, label, |out| {
        writing::write_bytes(out, &proof.evidence())
    })?;
    Known::message(&proof, Freshness::NotJudged).tell(args.envelope.report.report, &trusted);
    Ok(())
}

/// Verifies the envelope to its end; its content goes nowhere.
fn reopened(args: &EvidenceExport, policy: &Policy) -> Result<Reopened, Failure> {
    let sink = Sink::new(nowhere(), true);
    if let Some(file) = &args.file {
        let key = identity::read_key(file, &args.protection)?.identity;
        let envelope = reading::envelope(args.envelope.input.as_deref(), &args.write.to)?;
        let reader = Opener::archive(&key, policy).read(envelope)?;
        return reading::finish(reader, sink);
    }
    let verifier = Verifier::archive(policy);
    let envelope = reading::envelope(args.envelope.input.as_deref(), &args.write.to)?;
    match &args.content {
        Some(content) => reading::detached(&verifier, envelope, content, None),
        None => reading::finish(verifier.read(envelope)?, sink),
    }
}

fn check(args: &EvidenceCheck) -> Result<(), Failure> {
    reading::one_standard_input(args.input.as_deref(), args.content.as_deref())?;
    let trusted = Trusted::listed(&args.from)?;
    let bytes = Input::open(args.input.as_deref())?.read_all(2 * MAX_EVIDENCE, TOO_LONG)?;
    let about = |length, digest| about(args.content.as_deref(), Some((length, digest)));
    if let Some(proof) = as_proof(&bytes) {
        return check_proof(args, &trusted, &proof.map_err(in_words)?);
    }
    let evidence = read(&bytes).map_err(in_words)?;
    if !trusted.accepts(evidence.stamp().signer()) {
        return Err(Failure::untrusted(*evidence.stamp().signer().as_bytes()));
    }
    about(evidence.content_length(), evidence.content_digest())?;
    Known::evidence(&evidence).tell(args.report.report, &trusted);
    Ok(())
}

/// Demands that what was checked is about this content, if one is named.
fn about(content: Option<&Path>, expected: Option<(u64, Digest)>) -> Result<(), Failure> {
    let Some(content) = content else {
        return Ok(());
    };
    let found = digest(Input::open(Some(content))?.with_progress())?;
    if Some(found) == expected {
        return Ok(());
    }
    Err(Failure::verdict(
        ErrorKind::NotAuthentic,
        format!(
            "the evidence is valid, but about other content than {}",
            content.display()
        ),
    ))
}

/// The proof of a receipt, if it is one, or says so.
fn as_proof(bytes: &[u8]) -> Option<Result<ReceiptProof, Error>> {
    if is_armored(bytes) {
        return match dearmor(ArmorLabel::ReceiptProof, bytes) {
            Ok(bytes) => Some(ReceiptProof::check(&bytes)),
            Err(error) => bytes
                .trim_ascii_start()
                .starts_with(b"-----BEGIN BULLA RECEIPT PROOF")
                .then_some(Err(error)),
        };
    }
    // Evidence and proof begin alike: what is one is not the other.
    ReceiptProof::check(bytes).ok().map(Ok)
}

fn check_proof(
    args: &EvidenceCheck,
    trusted: &Trusted,
    proof: &ReceiptProof,
) -> Result<(), Failure> {
    if !trusted.accepts(proof.recipient()) {
        return Err(Failure::untrusted(*proof.recipient().as_bytes()));
    }
    about(args.content.as_deref(), proof.content())?;
    let content = proof.content();
    match args.report.report {
        Report::Human => {
            let mut lines = vec!["bulla: valid proof of a receipt".to_owned()];
            let mut put = |name: &str, value: String| lines.push(format!("  {name:<12} {value}"));
            put("recipient", proof.recipient().to_string());
            put("author", proof.author().to_string());
            put("status", one_line(&proof.status().to_string()));
            put(
                "said at",
                format!("{} (by the recipient's clock)", time(proof.issued())),
            );
            put("message id", proof.message_id().to_string());
            put("context", quoted(proof.context()));
            if let Some((length, digest)) = content {
                put("length", format!("{length} bytes"));
                put("digest", digest.to_string());
            }
            put("it proves", settle::proves(proof.status()).to_owned());
            note(&lines.join("\n"));
        }
        Report::Json => note(&ascii(&json!({
            "verdict": "ok",
            "status": proof.status().name(),
            "recipient": proof.recipient().to_string(),
            "author": proof.author().to_string(),
            "issued": proof.issued(),
            "message_id": proof.message_id().to_string(),
            "context": proof.context(),
            "length": content.map(|(length, _)| length),
            "digest": content.map(|(_, digest)| digest.to_string()),
        }))),
        Report::None => {}
    }
    Ok(())
}

fn read(bytes: &[u8]) -> Result<Evidence, Error> {
    if is_armored(bytes) {
        return Evidence::check(&dearmor(ArmorLabel::Evidence, bytes)?);
    }
    Evidence::check(bytes)
}

/// The library speaks of envelopes; this is none.
fn in_words(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::Malformed => Failure::verdict(
            ErrorKind::Malformed,
            "this is not well-formed evidence: it was cut, changed, or is something else (see `bulla evidence export`)",
        ),
        ErrorKind::NotAuthentic => Failure::verdict(
            ErrorKind::NotAuthentic,
            "this evidence is not authentic: it was changed or forged; it shows nothing",
        ),
        _ => error.into(),
    }
}

/// Length and digest of content that may not fit into memory.
fn digest(content: Input) -> Result<(u64, Digest), Failure> {
    let (mut length, mut hasher) = (0, Hasher::new());
    content.each_piece(|piece| {
        length += piece.len() as u64;
        hasher.update(piece);
        Ok(())
    })?;
    Ok((length, hasher.finish()))
}
