//! `evidence export` and `evidence check`.

use bulla::limits::MAX_EVIDENCE;
use bulla::{
    ArmorLabel, Digest, Error, ErrorKind, Evidence, Hasher, MaybeArmored, Opener, Policy, Reopened,
    Verifier,
};
use std::io::Read;

use super::{reading, writing};
use crate::args;
use crate::args::{EvidenceCheck, EvidenceCommand, EvidenceExport};
use crate::failure::Failure;
use crate::identity::{self, Trusted};
use crate::input::Input;
use crate::output::{Sink, nowhere};
use crate::report::{Freshness, Known};

pub(super) fn evidence(args: &args::Evidence) -> Result<(), Failure> {
    match &args.command {
        EvidenceCommand::Export(args) => export(args),
        EvidenceCommand::Check(args) => check(args),
    }
}

fn export(args: &EvidenceExport) -> Result<(), Failure> {
    reading::one_standard_input(args.input.as_deref(), args.content.as_deref())?;
    let trusted = Trusted::load(&args.senders)?;
    let policy = reading::policy(&args.reader.context, &trusted, None, args.allow_own)?;
    let output = writing::output(&args.output, args.armor)?;
    let proof = reopened(args, &policy)?;
    let label = args.armor.then_some(ArmorLabel::Evidence);
    writing::write(output, label, |out| {
        writing::write_bytes(out, &proof.evidence())
    })?;
    Known::message(&proof, Freshness::NotJudged).tell(args.report.report, &trusted);
    Ok(())
}

/// Verifies the envelope to its end; its content goes nowhere.
fn reopened(args: &EvidenceExport, policy: &Policy) -> Result<Reopened, Failure> {
    let sink = Sink::new(nowhere(), true);
    if let Some(file) = &args.file {
        let key = identity::read_key(file, &args.protection)?.identity;
        let envelope = reading::envelope(args.input.as_deref(), &args.output)?;
        let reader = Opener::archive(&key, policy).read(envelope)?;
        return reading::finish(reader, sink, None);
    }
    let verifier = Verifier::archive(policy);
    let envelope = reading::envelope(args.input.as_deref(), &args.output)?;
    match &args.content {
        Some(content) => reading::detached(&verifier, envelope, content, None),
        None => reading::finish(verifier.read(envelope)?, sink, None),
    }
}

fn check(args: &EvidenceCheck) -> Result<(), Failure> {
    reading::one_standard_input(args.input.as_deref(), args.content.as_deref())?;
    let trusted = Trusted::listed(&args.from)?;
    let evidence = read(Input::open(args.input.as_deref())?).map_err(in_words)?;
    if !trusted.accepts(evidence.stamp().signer()) {
        return Err(Failure::untrusted(*evidence.stamp().signer().as_bytes()));
    }
    if let Some(content) = &args.content {
        let (length, digest) = digest(Input::open(Some(content))?.with_progress())?;
        if (length, digest) != (evidence.content_length(), evidence.content_digest()) {
            return Err(Failure::verdict(
                ErrorKind::NotAuthentic,
                format!(
                    "the evidence is valid, but about other content than {}",
                    content.display()
                ),
            ));
        }
    }
    Known::evidence(&evidence).tell(args.report.report, &trusted);
    Ok(())
}

fn read(input: Input) -> Result<Evidence, Error> {
    let mut bytes = Vec::new();
    MaybeArmored::new(input, ArmorLabel::Evidence)?
        .take(MAX_EVIDENCE as u64 + 1)
        .read_to_end(&mut bytes)?;
    Evidence::check(&bytes)
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
