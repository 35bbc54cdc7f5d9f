//! What `seal` and `sign` share.

use std::io::Write;

use bulla::{ArmorLabel, ArmoredWriter, Draft, Error};

use crate::args::{DraftArgs, OutputArgs};
use crate::failure::Failure;
use crate::output::Output;

/// What is not streamed is at most this long: 1 GiB.
pub(super) const WHOLE: usize = 1 << 30;
pub(super) const TOO_LONG: &str = "longer than 1 GiB, which is too much for memory: add --stream";

pub(super) fn draft(args: &DraftArgs) -> Result<Draft, Failure> {
    let mut draft = Draft::new(&args.context)?;
    if let Some(seconds) = args.expires {
        draft = draft.expires_in(seconds);
    }
    if let Some(media) = &args.media {
        draft = draft.content_type(media)?;
    }
    if let Some(challenge) = &args.answers {
        draft = draft.answers(*challenge.as_bytes());
    }
    if let Some((stream, number)) = &args.sequence {
        draft = draft.sequence(stream.as_bytes(), *number)?;
    }
    for (at, (name, value)) in args.attr.iter().enumerate() {
        if args
            .attr
            .iter()
            .take(at)
            .any(|(earlier, _)| earlier == name)
        {
            return Err(Failure::usage(format!(
                "--attr {name} is given twice: give it once"
            )));
        }
        draft = draft.attribute(name, value.as_bytes())?;
    }
    Ok(draft)
}

/// An output for an envelope, or a refusal before anything is done.
pub(super) fn output(args: &OutputArgs, armor: bool) -> Result<Output, Failure> {
    Output::refuse_terminal(args, armor)?;
    // An envelope is meant for others: it is not kept from them.
    Output::create(args, false)
}

/// Lets `write` write, through an armor if one is wanted, and completes the output.
pub(super) fn write(
    mut output: Output,
    label: Option<ArmorLabel>,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    match label {
        None => write(&mut output)?,
        Some(label) => {
            let mut armored = ArmoredWriter::new(&mut output, label);
            write(&mut armored)?;
            // An empty write, for the writer would write its last piece a second time at the end.
            let _ = armored.write(&[]).map_err(Error::from)?;
            armored.finish().map_err(Error::from)?;
        }
    }
    output.commit()
}

/// Writes what is in memory.
pub(super) fn write_bytes(out: &mut dyn Write, bytes: &[u8]) -> Result<(), Failure> {
    // The error names the output already.
    Ok(out.write_all(bytes).map_err(Error::from)?)
}
