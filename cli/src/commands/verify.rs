//! `verify`.

use bulla::{Mode, Verified, Verifier};

use super::reading;
use crate::args::Verify;
use crate::failure::Failure;
use crate::guard::FileGuard;
use crate::identity::Trusted;
use crate::output::{Output, Sink};
use crate::report::{Freshness, Known};

pub(super) fn verify(args: &Verify) -> Result<(), Failure> {
    reading::one_standard_input(args.input.as_deref(), args.content.as_deref())?;
    let trusted = Trusted::load(&args.senders)?;
    let tell = |verified: &Verified, freshness| {
        Known::message(verified, freshness).tell(args.report.report, &trusted);
    };
    if args.guard.archive {
        let policy = reading::policy(&args.reader.context, &trusted, None, false)?;
        let proof = run(&Verifier::archive(&policy), args, None)?;
        tell(&proof, Freshness::NotJudged);
        return Ok(());
    }
    let policy = reading::policy(&args.reader.context, &trusted, Some(&args.times), false)?;
    let guard = reading::guard(args.guard.guard.as_ref());
    let replay = reading::replay(guard.as_ref());
    let verifier = Verifier::new(&args.reader_name, &policy, replay);
    let proof = run(&verifier, args, guard.as_ref())?;
    tell(&proof, Freshness::with(guard.as_ref()));
    Ok(())
}

fn run<M: Mode>(
    verifier: &Verifier<'_, M>,
    args: &Verify,
    guard: Option<&FileGuard>,
) -> Result<M::Proof, Failure> {
    if let Some(content) = &args.content {
        let envelope = reading::envelope(args.input.as_deref(), &args.output)?;
        return reading::detached(verifier, envelope, content, guard);
    }
    // It was never secret.
    let output = Output::create(&args.output, false)?;
    let sink = Sink::new(output, args.provisional);
    let reader = verifier
        .read(reading::envelope(args.input.as_deref(), &args.output)?)
        .map_err(|error| reading::refused(error, guard))?;
    reading::finish(reader, sink, guard)
}
