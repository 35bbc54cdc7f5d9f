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
    // Everything is where a disk that is full cannot take it away any more before the guard counts it as received.
    let rest = reader.settle().map_err(|error| refused(error, guard))?;
    sink.settle(&rest)?;
    let (_, proof) = reader.finish().map_err(|error| refused(error, guard))?;
    match sink.deliver() {
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
            // Said even where the reader of our output has gone: the message would otherwise be lost without a word.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    use bulla::{
        Claim, Claimed, Draft, Identity, LeaseToken, Opener, OsEntropy, ReplayGuard, Sealer,
        Senders,
    };

    /// Looks into the folder when it is asked, and accepts everything.
    struct Looks {
        folder: PathBuf,
        /// Names and lengths.
        seen: Mutex<Vec<(String, u64)>>,
    }

    impl ReplayGuard for Looks {
        fn observe(&self, now: u64) -> bulla::Result<u64> {
            Ok(now)
        }
        fn claim(&self, claim: &Claim, _: u64, _: Option<u64>) -> bulla::Result<Claimed> {
            let found = std::fs::read_dir(&self.folder)?.map(|entry| {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                Ok((name, entry.metadata()?.len()))
            });
            *self.seen.lock().unwrap() = found.collect::<std::io::Result<_>>()?;
            Ok(Claimed::New(LeaseToken {
                key: claim.key,
                number: 1,
            }))
        }
        fn commit(&self, _: &LeaseToken, _: &[u8]) -> bulla::Result<()> {
            Ok(())
        }
        fn release(&self, _: &LeaseToken) -> bulla::Result<()> {
            Ok(())
        }
        fn renew(&self, _: &LeaseToken, _: u64, _: u64) -> bulla::Result<()> {
            Ok(())
        }
        fn sweep(&self, _: u64, _: usize) -> bulla::Result<usize> {
            Ok(0)
        }
    }

    #[test]
    fn a_file_is_whole_before_the_guard_is_asked_and_named_after() {
        let alice = Identity::generate(&OsEntropy).unwrap();
        let content = vec![7; 100_000];
        let (sealer, draft) = (
            Sealer::new(&alice).to(alice.public()),
            Draft::new("x").unwrap(),
        );
        let policy = Policy::new("x", Senders::anyone()).unwrap().allow_own(true);
        // Where the length is not known, the last of the content comes only when all of it is verified.
        for length in [None, Some(content.len() as u64)] {
            let mut envelope = Vec::new();
            sealer
                .seal_io(&draft, length, &mut content.as_slice(), &mut envelope)
                .unwrap();
            let folder = tempfile::tempdir().unwrap();
            let guard = Looks {
                folder: folder.path().to_owned(),
                seen: Mutex::default(),
            };
            let args = OutputArgs {
                output: Some(folder.path().join("out")),
                force: false,
            };
            let sink = Sink::new(crate::output::Output::create(&args, true).unwrap(), false);
            let opener = Opener::new(&alice, &policy, Replay::Guarded(&guard));
            let reader = opener.read(envelope.as_slice()).unwrap();
            finish(reader, sink, None).unwrap();
            let seen = guard.seen.into_inner().unwrap();
            let [(name, length)] = seen.as_slice() else {
                panic!("one file, and not: {seen:?}");
            };
            assert!(name.ends_with(".part"), "{name}");
            assert_eq!(*length, content.len() as u64);
            assert_eq!(std::fs::read(folder.path().join("out")).unwrap(), content);
        }
    }
}
