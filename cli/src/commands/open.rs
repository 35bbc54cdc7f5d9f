//! `open` and `reopen`.

use bulla::Opener;

use super::reading;
use crate::args::{Open, OpenCommon, Reopen};
use crate::failure::Failure;
use crate::identity::{self, Trusted};
use crate::output::{Output, Sink};
use crate::report::{Freshness, Known};

pub(super) fn open(args: &Open) -> Result<(), Failure> {
    let common = &args.common;
    let trusted = Trusted::load(&common.senders)?;
    let times = Some(&args.times);
    let policy = reading::policy(&common.reader.context, &trusted, times, common.allow_own)?;
    let policy = reading::demanding(policy, &args.order);
    let key = identity::of(&common.key)?;
    let guard = reading::guard(args.guard.guard.as_ref());
    let opener = Opener::new(&key, &policy, reading::replay(guard.as_ref()));
    let sink = sink(common)?;
    let reader = opener
        .read(reading::envelope(
            common.envelope.input.as_deref(),
            &common.output,
        )?)
        .map_err(|error| reading::refused(error, guard.as_ref()))?;
    let (proof, missing) = match &guard {
        Some(guard) => {
            let proof = reading::finish_guarded(reader, sink, guard)?;
            let missing = opener.missing(proof.stamp());
            (proof, missing.map_err(|error| guard.failed(error))?)
        }
        None => (reading::finish(reader, sink)?, Vec::new()),
    };
    Known::message(&proof, Freshness::with(guard.as_ref()))
        .missing(missing)
        .tell(common.envelope.report.report, &trusted);
    Ok(())
}

pub(super) fn reopen(args: &Reopen) -> Result<(), Failure> {
    let common = &args.common;
    let trusted = Trusted::load(&common.senders)?;
    let policy = reading::policy(&common.reader.context, &trusted, None, common.allow_own)?;
    let key = identity::of(&common.key)?;
    let opener = Opener::archive(&key, &policy);
    let sink = sink(common)?;
    let reader = opener.read(reading::envelope(
        common.envelope.input.as_deref(),
        &common.output,
    )?)?;
    let proof = reading::finish(reader, sink)?;
    Known::message(&proof, Freshness::NotJudged).tell(common.envelope.report.report, &trusted);
    Ok(())
}

fn sink(args: &OpenCommon) -> Result<Sink, Failure> {
    // It was sealed: for its owner alone.
    let output = Output::create(&args.output, true)?;
    Ok(Sink::new(output, args.provisional))
}
