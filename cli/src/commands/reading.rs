//! What `open`, `reopen`, `verify` and `evidence` share.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bulla::limits::MAX_OPENING;
use bulla::{
    ArmorLabel, Error, ErrorKind, MaybeArmored, Mode, Policy, ProvisionalReader, Replay, Verifier,
};

use crate::args::{OutputArgs, TimeArgs};
use crate::failure::Failure;
use crate::guard::FileGuard;
use crate::identity::Trusted;
use crate::input::Input;
use crate::output::Sink;

/// Longest detached envelope in bytes: header, form and length, opening; and one more, which shows that it is longer.
const MAX_DETACHED: u64 = (24 + 3 + MAX_OPENING + 1) as u64;

/// An input that may be armored.
pub(super) fn envelope(
    path: Option<&Path>,
    output: &OutputArgs,
) -> Result<MaybeArmored<Input>, Failure> {
    let input = Input::open(path)?.with_progress_beside(output);
    Ok(MaybeArmored::new(input, ArmorLabel::Envelope).map_err(Error::from)?)
}

pub(super) fn policy(
    context: &str,
    trusted: &Trusted,
    times: Option<&TimeArgs>,
    allow_own: bool,
) -> Result<Policy, Failure> {
    let policy = Policy::new(context, trusted.senders())?.allow_own(allow_own);
    Ok(match times {
        Some(times) => policy.max_age(times.max_age.0).skew(times.skew),
        None => policy,
    })
}

/// The guard that was named, if one was.
pub(super) fn guard(path: Option<&PathBuf>) -> Option<FileGuard> {
    path.map(|path| FileGuard::new(path))
}

pub(super) fn replay(guard: Option<&FileGuard>) -> Replay<'_> {
    guard.map_or(Replay::Unguarded, |guard| Replay::Guarded(guard))
}

/// A refusal, with the reason of the guard where it is the guard's.
pub(super) fn refused(error: Error, guard: Option<&FileGuard>) -> Failure {
    let kind = error.kind();
    let because = guard
        .filter(|_| kind == ErrorKind::GuardUnavailable)
        .and_then(FileGuard::because);
    match because {
        Some(because) => Failure::verdict(kind, because),
        None => error.into(),
    }
}

/// Reads to the end, and gives the content to `sink`, which lets nobody have it before.
pub(super) fn finish<M: Mode>(
    mut reader: ProvisionalReader<'_, impl Read, M>,
    mut sink: Sink,
    guard: Option<&FileGuard>,
) -> Result<M::Proof, Failure> {
    loop {
        match reader.next_piece() {
            Ok(Some(piece)) => sink.write_all(piece).map_err(Error::from)?,
            Ok(None) => break,
            Err(error) => return Err(refused(error, guard)),
        }
    }
    let (rest, proof) = reader.finish().map_err(|error| refused(error, guard))?;
    match sink.deliver(&rest) {
        Ok(()) => Ok(proof),
        Err(undelivered) => {
            let failure = undelivered.failure;
            let Some(guard) = guard else {
                return Err(failure);
            };
            // Nobody has got it: it may come again. But who got a part may have used it.
            if !undelivered.seen && guard.take_back().is_ok() {
                return Err(failure);
            }
            Err(failure.and("the guard counts it as received: use reopen, or verify --archive"))
        }
    }
}

/// Verifies a detached envelope against the content beside it.
pub(super) fn detached<M: Mode>(
    verifier: &Verifier<'_, M>,
    envelope: MaybeArmored<Input>,
    content: &Path,
    guard: Option<&FileGuard>,
) -> Result<M::Proof, Failure> {
    let mut bytes = Vec::new();
    envelope
        .take(MAX_DETACHED)
        .read_to_end(&mut bytes)
        .map_err(Error::from)?;
    let content = Input::open(Some(content))?.with_progress();
    let mut stream = verifier
        .detached(&bytes)
        .map_err(|error| refused(error, guard))?;
    content.each_piece(|piece| Ok(stream.update(piece)?))?;
    stream.finish().map_err(|error| refused(error, guard))
}

/// Refuses to read two things from standard input.
pub(super) fn one_standard_input(
    envelope: Option<&Path>,
    content: Option<&Path>,
) -> Result<(), Failure> {
    let dash = Path::new("-");
    if content == Some(dash) && envelope.is_none_or(|path| path == dash) {
        return Err(Failure::usage(
            "envelope and content cannot both come from standard input: name a file for one",
        ));
    }
    Ok(())
}
