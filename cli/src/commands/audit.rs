//! `audit`: "do you still have it?", and the answer.

use std::io::Write;

use bulla::limits::MAX_EVIDENCE;
use bulla::{
    ArmorLabel, Asked, Asker, Error, ErrorKind, NewFile, Policy, Prover, Question, Replay,
    SystemClock,
};

use super::{outbox, reading, settle, writing};
use crate::args::{self, AuditAnswer, AuditAsk, AuditCheck, AuditCommand};
use crate::failure::Failure;
use crate::guard::LazyGuard;
use crate::identity::{self, Trusted};
use crate::input::Input;
use crate::terminal::{note, print, quoted};

/// Longest question or answer in bytes, as text.
const MAX: usize = MAX_EVIDENCE;
const TOO_LONG: &str = "too long for a part of an audit";

pub(super) fn audit(args: &args::Audit) -> Result<(), Failure> {
    match &args.command {
        AuditCommand::Ask(args) => ask(args),
        AuditCommand::Answer(args) => answer(args),
        AuditCommand::Check(args) => check(args),
    }
}

fn ask(args: &AuditAsk) -> Result<(), Failure> {
    let known = identity::load(std::slice::from_ref(&args.to))?;
    let [holder] = known.as_slice() else {
        return Err(Failure::usage("one is asked at a time: name one identity"));
    };
    let holder = &holder.identity;
    let key = identity::of(&args.key)?;
    let outbox = outbox::open(&args.outbox)?;
    let failed = |error: Error| outbox::failed(&args.outbox, error);
    let entries = outbox.of_message(args.message).map_err(failed)?;
    let entry = entries
        .iter()
        .find(|entry| entry.recipient == *holder.verifying_key())
        .ok_or_else(|| {
            outbox::unknown("no such message to this identity is in the outbox: see bulla outbox")
        })?;
    let sent = outbox.sent(args.message).map_err(failed)?;
    let sent = sent
        .iter()
        .find(|sent| sent.header_digest == entry.header_digest)
        .ok_or_else(|| outbox::unknown("the outbox does not know the message any more"))?;
    let reply_key = key.public().newest_key();
    let reply_key = reply_key.ok_or(Error::from(ErrorKind::NoUsableKey))?;
    let output = writing::output(&args.write.to, args.write.armor)?;
    let cannot = |error: Error| {
        let failure = Failure::from(error);
        let text = format!(
            "cannot write {}: {}",
            args.question.display(),
            failure.text()
        );
        failure.replaced(text)
    };
    let mut file = NewFile::create(&args.question, false, true).map_err(cannot)?;
    let (question, envelope) =
        Question::ask(Asker::new(&key), holder, &entry.context, sent, reply_key)?;
    // Kept before it is asked.
    let written = file.write_all(&question.to_bytes()).map_err(Error::from);
    written.and_then(|()| file.commit()).map_err(cannot)?;
    let label = args.write.armor.then_some(ArmorLabel::Envelope);
    writing::write(output, label, |out| writing::write_bytes(out, &envelope))
}

fn answer(args: &AuditAnswer) -> Result<(), Failure> {
    let trusted = Trusted::load(&args.senders)?;
    let policy = reading::policy(&args.reader.context, &trusted, None, true)?;
    let policy: &Policy = &policy;
    let key = identity::of(&args.key)?;
    let text = Input::open(args.input.as_deref())?.read_all(MAX, TOO_LONG)?;
    let envelope = settle::envelope(&text)?;
    let guard = LazyGuard::new(&args.guard);
    let clock = &SystemClock;
    if args.held.content.is_none() && !args.held.missing {
        let asked = Asked::open(&key, policy, Replay::Unguarded, &envelope, clock)?;
        return show(asked.question());
    }
    // What cannot be opened is found out before the question is used up.
    let file = args.held.content.as_deref();
    let content = file.map(|file| Input::open(Some(file))).transpose()?;
    let output = writing::output(&args.write.to, args.write.armor)?;
    let asked = Asked::open(&key, policy, Replay::Guarded(&guard), &envelope, clock)
        .map_err(|error| guard.failed(error))?;
    let proof = match content {
        Some(content) => proven(asked.question().prover(), content)?,
        None => None,
    };
    let differs = file.is_some() && proof.is_none();
    let envelope = asked.answer(Asker::new(&key), proof)?;
    let label = args.write.armor.then_some(ArmorLabel::Envelope);
    writing::write(output, label, |out| writing::write_bytes(out, &envelope))?;
    if differs {
        return Err(Failure::awaiting(
            "this file is not the content in question: the answer says that it is held no more",
        ));
    }
    Ok(())
}

fn show(question: &Question) -> Result<(), Failure> {
    let (length, digest) = question.content();
    print(&format!(
        "asker          {}\ncontext        {}\nmessage id     {}\nlength         {length} bytes\ndigest         {digest}\n",
        question.asker(),
        quoted(question.context()),
        question.message_id(),
    ))
}

/// Reads all of the content; `None` if it is not the one in question.
fn proven(mut prover: Prover, content: Input) -> Result<Option<bulla::Proof>, Failure> {
    content.with_progress().each_piece(|piece| {
        prover.update(piece);
        Ok(())
    })?;
    Ok(prover.finish())
}

fn check(args: &AuditCheck) -> Result<(), Failure> {
    let key = identity::of(&args.key)?;
    let question = Input::open(Some(&args.question))?.read_all(MAX, TOO_LONG)?;
    let name = args.question.display().to_string();
    let question = Question::from_bytes(&question).map_err(|e| Failure::around(&name, &e))?;
    let content = Input::open(Some(&args.content))?;
    let text = Input::open(args.input.as_deref())?.read_all(MAX, TOO_LONG)?;
    if text.is_empty() {
        return Err(Failure::awaiting(
            "no answer came: wait for it, or ask again",
        ));
    }
    let told = question.answer(&key, &settle::envelope(&text)?, &SystemClock)?;
    let Some(told) = told else {
        return Err(Failure::awaiting(
            "the recipient signed that it has the content no more: send it again",
        ));
    };
    let expected = proven(question.prover(), content)?.ok_or_else(|| {
        Failure::usage(format!(
            "{} is not the content in question: name the one that was sent",
            args.content.display()
        ))
    })?;
    if told != expected {
        return Err(Failure::verdict(
            ErrorKind::ContentDiffers,
            "THE ANSWER PROVES NOTHING: whoever gave it does not have the content that was sent",
        ));
    }
    let (length, digest) = question.content();
    note(&format!(
        "bulla: held, and proven\n  recipient    {}\n  message id   {}\n  length       {length} bytes\n  digest       {digest}",
        question.holder(),
        question.message_id(),
    ));
    Ok(())
}
