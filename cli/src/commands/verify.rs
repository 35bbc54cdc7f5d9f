//! `verify`.

use std::ops::RangeInclusive;

use bulla::{MaybeArmored, Opened, Verifier};

use super::reading;
use crate::args::Verify;
use crate::failure::Failure;
use crate::guard::LazyGuard;
use crate::identity::Trusted;
use crate::input::Input;
use crate::output::{Output, Sink};
use crate::report::{Freshness, Known};

pub(super) fn verify(args: &Verify) -> Result<(), Failure> {
    reading::one_standard_input(args.envelope.input.as_deref(), args.content.as_deref())?;
    let trusted = Trusted::load(&args.senders)?;
    let report = args.envelope.report.report;
    if args.guard.archive {
        let policy = reading::policy(&args.reader.context, &trusted, None, false)?;
        let verifier = Verifier::archive(&policy);
        let proof = match &args.content {
            Some(content) => reading::detached(&verifier, envelope(args)?, content, None)?,
            None => {
                let sink = sink(args)?;
                reading::finish(verifier.read(envelope(args)?)?, sink)?
            }
        };
        Known::message(&proof, Freshness::NotJudged).tell(report, &trusted);
        return Ok(());
    }
    let policy = reading::policy(&args.reader.context, &trusted, Some(&args.times), false)?;
    let policy = reading::demanding(policy, &args.order);
    let guard = reading::guard(args.guard.guard.as_ref());
    let replay = reading::replay(guard.as_ref());
    let verifier = Verifier::new(&args.reader_name, &policy, replay);
    let (proof, missing) = run(&verifier, args, guard.as_ref())?;
    Known::message(&proof, Freshness::with(guard.as_ref()))
        .missing(missing)
        .tell(report, &trusted);
    Ok(())
}

/// What was verified, and which numbers before it are missing in its stream.
fn run(
    verifier: &Verifier<'_>,
    args: &Verify,
    guard: Option<&LazyGuard>,
) -> Result<(Opened, Vec<RangeInclusive<u64>>), Failure> {
    let proof = match (&args.content, guard) {
        (Some(content), _) => reading::detached(verifier, envelope(args)?, content, guard)?,
        (None, guard) => {
            let sink = sink(args)?;
            let reader = verifier
                .read(envelope(args)?)
                .map_err(|error| reading::refused(error, guard))?;
            match guard {
                Some(guard) => reading::finish_guarded(reader, sink, guard)?,
                None => reading::finish(reader, sink)?,
            }
        }
    };
    let missing = match guard {
        Some(guard) => verifier
            .missing(proof.stamp())
            .map_err(|error| guard.failed(error))?,
        None => Vec::new(),
    };
    Ok((proof, missing))
}

fn envelope(args: &Verify) -> Result<MaybeArmored<Input>, Failure> {
    reading::envelope(args.envelope.input.as_deref(), &args.output)
}

fn sink(args: &Verify) -> Result<Sink, Failure> {
    // It was never secret.
    let output = Output::create(&args.output, false)?;
    Ok(Sink::new(output, args.provisional))
}
