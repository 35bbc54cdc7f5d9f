//! `send`.

use std::path::Path;

use bulla::{
    ArmorLabel, Clock, Draft, Error, Identity, Letter, MAX_NOTE, Outbox, Outgoing, Receipts,
    Sealer, Sent, SystemClock,
};

use super::{outbox, writing};
use crate::args::{Await, Send};
use crate::duration::time;
use crate::failure::Failure;
use crate::identity;
use crate::input::Input;
use crate::terminal::{note, one_line};

/// Content that is known to be at most this long is sealed at once, in memory: 4 MiB.
const AT_ONCE: u64 = 4 << 20;

const UNHEARD: &str = "whoever reads the envelope stopped before its end, perhaps with an answer: what that says counts";

pub(super) fn send(args: &Send) -> Result<(), Failure> {
    let recipients = identity::load(&args.to)?;
    let sender = identity::of(&args.key)?;
    let draft = draft(args, &sender)?;
    let mut input = Input::open(Some(&args.input))?.with_progress_beside(&args.write.to);
    let output = writing::output(&args.write.to, args.write.armor)?;
    let outbox = outbox::open_or_make(&args.outbox)?;
    let failed = |error: Error| outbox::failed(&args.outbox, error);
    let recipients = recipients.iter().map(|recipient| &recipient.identity);
    let sealer = Sealer::new(&sender).to_all(recipients.clone());

    let mut outgoing = outbox.begin().map_err(failed)?;
    let sent = seal(&sealer, &draft, &mut input, &mut outgoing).map_err(failed)?;
    let now = SystemClock.now()?;
    let deadline = now.saturating_add(args.deadline);
    let keys = recipients.map(|recipient| *recipient.verifying_key());
    let letter = Letter::new(sent.clone(), &args.draft.context, keys, deadline)?;
    let letter = match args.awaited {
        Await::Stored => letter,
        Await::Delivered => letter.until_delivered(),
    };
    let letter = letter.note(&remark(args))?;
    // From here on it is not lost, whatever becomes of this process.
    outgoing.commit(&letter, now).map_err(failed)?;

    give(args, &outbox, &sent, output).map_err(|failure| {
        // Its reader has gone, and this is not the place where that is told.
        let failure = match failure.is_silent() {
            true => failure.replaced(UNHEARD.to_owned()),
            false => failure,
        };
        failure.and("the message is in the outbox, and is to be sent again (see bulla outbox)")
    })?;
    note(&one_line(&format!(
        "bulla: message {} is recorded in {}; a receipt is awaited until {}",
        sent.message_id,
        args.outbox.display(),
        time(deadline)
    )));
    Ok(())
}

/// Gives out what was recorded, and marks it as sent.
fn give(
    args: &Send,
    outbox: &Outbox,
    sent: &Sent,
    output: crate::output::Output,
) -> Result<(), Failure> {
    let failed = |error: Error| outbox::failed(&args.outbox, error);
    let header = &sent.header_digest;
    let due = outbox.take(header, SystemClock.now()?).map_err(failed)?;
    let mut envelope = outbox.envelope(header).map_err(failed)?;
    let label = args.write.armor.then_some(ArmorLabel::Envelope);
    writing::write(output, label, |out| {
        std::io::copy(&mut envelope, out).map_err(Error::from)?;
        Ok(())
    })?;
    let now = SystemClock.now()?;
    for due in &due {
        outbox.mark_sent(due, now).map_err(failed)?;
    }
    Ok(())
}

fn draft(args: &Send, sender: &Identity) -> Result<Draft, Failure> {
    let asked = Receipts {
        delivered: true,
        stored: true,
        rejected: true,
    };
    let reply_key = sender
        .public()
        .newest_key()
        .ok_or(bulla::ErrorKind::NoUsableKey)
        .map_err(Error::from)?;
    let mut draft = writing::draft(&args.draft)?.ask_receipts(asked, reply_key)?;
    let named = args.draft.attr.iter().any(|(name, _)| name == "name");
    if let (false, Some(name)) = (named, args.input.file_name())
        && args.input != Path::new("-")
    {
        draft = draft.attribute("name", name.as_encoded_bytes())?;
    }
    Ok(draft)
}

/// Into the outbox, from where it is given out.
fn seal(
    sealer: &Sealer<'_>,
    draft: &Draft,
    input: &mut Input,
    outgoing: &mut Outgoing,
) -> Result<Sent, Error> {
    use std::io::{Read, Write};
    match input.length() {
        Some(length) if length <= AT_ONCE => {
            let mut content = zeroize::Zeroizing::new(Vec::with_capacity(length as usize + 1));
            input.take(AT_ONCE + 1).read_to_end(&mut content)?;
            if content.len() as u64 != length {
                return Err(bulla::ErrorKind::LengthMismatch.into());
            }
            let mut envelope = Vec::new();
            let sent = sealer.seal_into(draft, &content, &mut envelope)?;
            outgoing.write_all(&envelope)?;
            Ok(sent)
        }
        length => sealer.seal_io(draft, length, input, outgoing),
    }
}

/// The note, or the name of the file, cut where it is too long.
fn remark(args: &Send) -> String {
    let whole = match &args.note {
        Some(note) => note.clone(),
        None => args.input.to_string_lossy().into_owned(),
    };
    let mut end = whole.len().min(MAX_NOTE);
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    whole.get(..end).unwrap_or_default().to_owned()
}
