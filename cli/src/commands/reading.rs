//! What `open`, `reopen`, `verify` and `evidence` share.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bulla::limits::MAX_OPENING;
use bulla::{
    ArmorLabel, Delivery, Error, ErrorKind, Fresh, MaybeArmored, Mode, Opened, Order, Policy,
    ProvisionalReader, Replay, Verifier,
};

use crate::args::{OrderArgs, OrderName, OutputArgs, TimeArgs};
use crate::failure::Failure;
use crate::guard::LazyGuard;
use crate::identity::Trusted;
use crate::input::Input;
use crate::output::Sink;

/// For how long a message is reserved at a time while it is delivered, in seconds.
pub(super) const LEASE: u64 = 30;
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

/// The same policy, with the order and the challenge that are demanded.
pub(super) fn demanding(policy: Policy, args: &OrderArgs) -> Policy {
    let order = match args.order {
        None => Order::Any,
        Some(OrderName::Monotonic) => Order::Monotonic,
        Some(OrderName::Gapless) => Order::Gapless {
            first: args.first,
            window: args.window,
        },
    };
    policy.order(order).demand_challenge(args.challenged)
}

/// The guard that was named, if one was.
pub(super) fn guard(path: Option<&PathBuf>) -> Option<LazyGuard> {
    path.map(|path| LazyGuard::new(path))
}

pub(super) fn replay(guard: Option<&LazyGuard>) -> Replay<'_> {
    guard.map_or(Replay::Unguarded, |guard| Replay::Guarded(guard))
}

/// A refusal, with the name of the guard where it is the guard's.
pub(super) fn refused(error: Error, guard: Option<&LazyGuard>) -> Failure {
    match guard {
        Some(guard) => guard.failed(error),
        None => error.into(),
    }
}

/// Reads to the end, and gives the content to `sink`, which lets nobody have it before. Without a guard.
pub(super) fn finish<M: Mode>(
    mut reader: ProvisionalReader<'_, impl Read, M>,
    mut sink: Sink,
) -> Result<M::Proof, Failure> {
    fill(&mut reader, &mut sink, None)?;
    let (_, proof) = reader.finish()?;
    sink.deliver(|| Ok(())).map_err(|it| it.failure)?;
    Ok(proof)
}

/// The same with a guard: the message is reserved, delivered, and only then counted as received. If it cannot be delivered,
/// or this process dies before that, it may come again.
pub(super) fn finish_guarded(
    mut reader: ProvisionalReader<'_, impl Read, Fresh>,
    mut sink: Sink,
    guard: &LazyGuard,
) -> Result<Opened, Failure> {
    fill(&mut reader, &mut sink, Some(guard))?;
    let lease = match reader.finish_leased(LEASE).map_err(|e| guard.failed(e))? {
        Delivery::New((_, lease)) => lease,
        Delivery::Again(_) => return Err(Error::from(ErrorKind::Replayed).into()),
    };
    match sink.deliver(|| lease.renew(LEASE)) {
        Ok(()) => lease.deliver_unanswered().map_err(|error| {
            guard.failed(error).and(
                "the content was delivered all the same, and may be accepted once more: discard it",
            )
        }),
        // Nobody has got it: it may come again.
        Err(undelivered) if !undelivered.seen => {
            // If this fails, it falls free by itself.
            let _ = lease.release();
            Err(undelivered.failure)
        }
        // But who got a part may have used it. This is said even where the reader of our output has gone: the message would
        // otherwise be lost without a word.
        Err(undelivered) => Err(undelivered.failure.and(match lease.deliver_unanswered() {
            Ok(_) => "the guard counts it as received: use reopen, or verify --archive",
            Err(_) => "and the guard could not count it as received: it may be accepted once more",
        })),
    }
}

/// Everything is where a disk that is full cannot take it away any more before the guard is asked.
fn fill<M: Mode>(
    reader: &mut ProvisionalReader<'_, impl Read, M>,
    sink: &mut Sink,
    guard: Option<&LazyGuard>,
) -> Result<(), Failure> {
    loop {
        match reader.next_piece() {
            Ok(Some(piece)) => sink.write_all(piece).map_err(Error::from)?,
            Ok(None) => break,
            Err(error) => return Err(refused(error, guard)),
        }
    }
    let rest = reader.settle().map_err(|error| refused(error, guard))?;
    sink.settle(&rest)
}

/// Verifies a detached envelope against the content beside it.
pub(super) fn detached<M: Mode>(
    verifier: &Verifier<'_, M>,
    envelope: MaybeArmored<Input>,
    content: &Path,
    guard: Option<&LazyGuard>,
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
        Claim, Claimed, Digest, Draft, Identity, LeaseToken, MemoryGuard, Opener, OsEntropy, Rate,
        ReplayGuard, Sealer, Senders,
    };

    /// Looks into the folder when it is asked to claim and to commit.
    struct Looks {
        guard: MemoryGuard,
        folder: PathBuf,
        /// Names and lengths at the claim, and at the commit.
        seen: Mutex<Vec<Vec<(String, u64)>>>,
    }

    impl Looks {
        fn look(&self) -> bulla::Result<()> {
            let found = std::fs::read_dir(&self.folder)?.map(|entry| {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                Ok((name, entry.metadata()?.len()))
            });
            let found = found.collect::<std::io::Result<_>>()?;
            self.seen.lock().unwrap().push(found);
            Ok(())
        }
    }

    impl ReplayGuard for Looks {
        fn observe(&self, now: u64) -> bulla::Result<u64> {
            self.guard.observe(now)
        }
        fn claim(&self, claim: &Claim, now: u64, lease: Option<u64>) -> bulla::Result<Claimed> {
            self.look()?;
            self.guard.claim(claim, now, lease)
        }
        fn commit(&self, token: &LeaseToken, receipt: &[u8]) -> bulla::Result<()> {
            self.look()?;
            self.guard.commit(token, receipt)
        }
        fn release(&self, token: &LeaseToken) -> bulla::Result<()> {
            self.guard.release(token)
        }
        fn renew(&self, token: &LeaseToken, now: u64, lease: u64) -> bulla::Result<()> {
            self.guard.renew(token, now, lease)
        }
        fn sweep(&self, now: u64, at_most: usize) -> bulla::Result<usize> {
            self.guard.sweep(now, at_most)
        }
        fn expect(&self, challenge: &Digest, until: u64, now: u64) -> bulla::Result<()> {
            self.guard.expect(challenge, until, now)
        }
        fn missing(&self, stream: &Digest) -> bulla::Result<Vec<std::ops::RangeInclusive<u64>>> {
            self.guard.missing(stream)
        }
        fn skip(&self, stream: &Digest, before: u64) -> bulla::Result<()> {
            self.guard.skip(stream, before)
        }

        fn forget_stream(&self, stream: &Digest) -> bulla::Result<bool> {
            self.guard.forget_stream(stream)
        }
        fn permit(&self, what: &Digest, now: u64, rate: Rate) -> bulla::Result<bool> {
            self.guard.permit(what, now, rate)
        }
    }

    #[test]
    fn a_file_is_whole_before_the_guard_is_asked_and_named_before_it_counts() {
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
                guard: MemoryGuard::new(10),
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
            let unused = LazyGuard::new(&folder.path().join("guard"));
            finish_guarded(reader, sink, &unused).unwrap();
            let seen = guard.seen.into_inner().unwrap();
            let [claim, commit] = seen.as_slice() else {
                panic!("one claim and one commit, and not: {seen:?}");
            };
            for (found, ending) in [(claim, ".part"), (commit, "out")] {
                let [(name, length)] = found.as_slice() else {
                    panic!("one file, and not: {found:?}");
                };
                assert!(name.ends_with(ending), "{name}");
                assert_eq!(*length, content.len() as u64);
            }
            assert_eq!(std::fs::read(folder.path().join("out")).unwrap(), content);
        }
    }
}
