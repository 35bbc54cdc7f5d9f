//! `receive`.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use bulla::{
    Again, ArmorLabel, Entropy, Error, ErrorKind, Identity, Lease, MaybeArmored, NotStored, Opener,
    OsDisk, OsEntropy, Outcome, Partials, Reason, Receipter, Received, Rejection, Replay,
    StampOnly, Store, Stored, Target,
};
use serde_json::json;

use super::reading::{self, LEASE};
use super::writing;
use crate::args::{Receive, Report};
use crate::failure::Failure;
use crate::guard::LazyGuard;
use crate::identity::{self, Trusted};
use crate::input::Input;
use crate::output::{Output, end_stdout};
use crate::report::{Freshness, Known, ascii};
use crate::terminal::{note, print};

/// How many envelopes that were cut off are kept.
const PARTIALS: usize = 64;
/// How much longer an envelope may be than its content, of what is kept where --max-size is given.
const PARTIAL_MORE: u64 = 1 << 20;
/// How much is read after the answer is known, in bytes: more than `send` seals with the digest in the stamp, without which
/// nothing is known of a copy early.
const MOST_UNREAD: u64 = 8 << 20;

pub(super) fn receive(args: &Receive) -> Result<(), Failure> {
    let trusted = Trusted::load(&args.senders)?;
    let policy = reading::policy(
        &args.reader.context,
        &trusted,
        Some(&args.times),
        args.allow_own,
    )?;
    let policy = reading::demanding(policy, &args.order);
    let key = identity::of(&args.key)?;
    let guard = LazyGuard::new(&args.guard);
    check_folder(args)?;
    let opener = || Opener::new(&key, &policy, Replay::Guarded(&guard));
    let store = store(args, opener());
    if let Some(header) = &args.held {
        return print(&format!("{}\n", store.held(header)?));
    }
    if args.resume.is_none() && is_to_be_cleaned(&args.dir) {
        // What was left behind long ago must not fill the folder, nor lie about: it may be content in the clear. What is kept of
        // envelopes goes only with --resumable. If it cannot be removed, it stays.
        let _ = store.clean(&args.dir);
    }
    let path = path(args)?;
    let target = target(args, path.as_deref());
    let is_given = Cell::new(false);
    let desk = Desk {
        args,
        is_given: &is_given,
        key: &key,
        guard: &guard,
        trusted: &trusted,
        output: writing::output(&args.output, args.armor)?,
    };
    let mut input = Input::open(args.input.as_deref())?.with_progress_beside(&args.output);
    let received = match &args.resume {
        Some(header) => store.resume(header, &mut input, target),
        None => {
            let envelope =
                MaybeArmored::new(&mut input, ArmorLabel::Envelope).map_err(Error::from)?;
            store.store(envelope, target)
        }
    };
    let answered = match received {
        Ok(received) => desk.received(received, &opener()),
        Err(not_stored) => Err(desk.not_stored(not_stored)),
    };
    // The answer may be known before all has come, and is out by now: neither who waits for it nor who looks at this has to wait
    // for the rest. But whoever writes that into a pipe must not fail for having been heard. Where it failed and nobody is
    // answered, there is nothing to wait for.
    let answered = answered.map_err(|failure| {
        crate::tell(&failure, args.report.report);
        failure.told()
    });
    end_stdout();
    if answered.is_ok() || is_given.get() {
        input.drain(MOST_UNREAD);
    }
    answered
}

/// Whether to look for what was left behind: always in a folder that is read quickly, and at times in a long one, or many
/// messages would cost their number squared.
fn is_to_be_cleaned(folder: &Path) -> bool {
    /// Names in a folder.
    const SHORT: usize = 1000;
    const ONE_IN: u8 = 16;
    let mut chance = [0];
    // No further than that: the folder's own length says little, and on some file systems nothing.
    let is_short =
        || std::fs::read_dir(folder).is_ok_and(|names| names.take(SHORT + 1).count() <= SHORT);
    OsEntropy.fill(&mut chance).is_ok() && chance[0] % ONE_IN == 0 || is_short()
}

/// There is a folder, and the guard is not in it.
fn check_folder(args: &Receive) -> Result<(), Failure> {
    if !args.dir.is_dir() {
        return Err(Failure::usage(format!(
            "{} is not a folder: make it, or name another one with --dir",
            args.dir.display()
        )));
    }
    let Ok(folder) = args.dir.canonicalize() else {
        // Storing there says why.
        return Ok(());
    };
    let parent = match args.guard.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // Also where it is itself a link to there.
    let places = [parent.canonicalize(), args.guard.canonicalize()];
    if places.iter().flatten().any(|it| it.starts_with(&folder)) {
        return Err(Failure::usage(format!(
            "the replay guard {} is in the folder {}: what is stored there could take a name that belongs to the database; \
             name a file elsewhere with --guard",
            args.guard.display(),
            args.dir.display()
        )));
    }
    Ok(())
}

fn store<'a>(args: &Receive, opener: Opener<'a>) -> Store<'a> {
    let mut store =
        Store::new(opener, LEASE, &OsDisk).max_content(args.max_size.unwrap_or(u64::MAX));
    if args.resumable || args.held.is_some() || args.resume.is_some() {
        let most = args
            .max_size
            .map_or(u64::MAX, |most| most.saturating_add(PARTIAL_MORE));
        store = store.resumable(Partials::new(&args.dir, PARTIALS, most));
    }
    store
}

/// Where to store it, if that was said.
fn path(args: &Receive) -> Result<Option<PathBuf>, Failure> {
    let Some(name) = &args.name else {
        return Ok(None);
    };
    // One component, and not a way to another folder.
    if Path::new(name).file_name() != Some(name) {
        return Err(Failure::usage(
            "--name is one name, without a folder: name the folder with --dir",
        ));
    }
    Ok(Some(args.dir.join(name)))
}

fn target<'a>(args: &'a Receive, path: Option<&'a Path>) -> Target<'a> {
    match path {
        Some(path) => Target::Path(path),
        None if args.suggested_name => Target::Suggested(&args.dir),
        None => Target::ById(&args.dir),
    }
}

fn limit_text(args: &Receive) -> String {
    args.max_size
        .map_or_else(String::new, |most| format!("at most {most} bytes"))
}

/// Where receipts are made and given out.
struct Desk<'a> {
    args: &'a Receive,
    /// Whether a receipt or a note went out.
    is_given: &'a Cell<bool>,
    key: &'a Identity,
    guard: &'a LazyGuard,
    trusted: &'a Trusted,
    output: Output,
}

impl Desk<'_> {
    /// What came of it.
    fn received(self, received: Received<'_>, opener: &Opener<'_>) -> Result<(), Failure> {
        match received {
            Received::Stored(stored) => self.stored(stored, opener),
            Received::Again(again) => self.again(again),
            Received::TooLarge(lease) => {
                let reason = Reason::new(Reason::TOO_LARGE, &limit_text(self.args))?;
                self.reject(lease, reason, "longer than --max-size")
            }
            Received::NoRoom(lease) if self.args.reject_full => {
                let reason = Reason::new(Reason::FULL, "")?;
                self.reject(lease, reason, "there is no room for it (--reject-full)")
            }
            Received::NoRoom(lease) => {
                // If this fails, it falls free by itself.
                let _ = lease.release();
                Err(Failure::usage(format!(
                    "there is no room for it in {}: make room; nothing of it was kept, and it may come again",
                    self.args.dir.display()
                )))
            }
            _ => Err(Failure::usage(
                "it could not be stored, for a reason that is new",
            )),
        }
    }

    fn stored(self, stored: Stored<'_>, opener: &Opener<'_>) -> Result<(), Failure> {
        let path = stored.path().to_owned();
        let committed = Receipter::new(self.key)
            .stored(stored)
            .map_err(|error| self.failed(error))?;
        let (proof, receipt) = committed.into_parts();
        let freshness = Freshness::with(Some(self.guard));
        // It is stored and counted by now, whatever the guard says of this.
        let missing = opener.missing(proof.stamp()).unwrap_or_default();
        let known = Known::message(&proof, freshness).stored(&path);
        let known = known.missing(missing);
        known.tell(self.args.report.report, self.trusted);
        self.give(receipt.as_deref())
    }

    fn again(self, again: Again) -> Result<(), Failure> {
        if again.outcome() == Outcome::Rejected {
            return Err(self.rejected("it was rejected before, for good", again.receipt())?);
        }
        match self.args.report.report {
            Report::Human => {
                note("bulla: it came before, and was dealt with: nothing was stored again");
            }
            Report::Json => note(&ascii(&json!({
                "verdict": "ok", "again": true, "receipt": again.receipt().is_some(),
            }))),
            Report::None => {}
        }
        self.give(again.receipt())
    }

    /// `why` says to whoever runs this what the author is told as `reason`.
    fn reject(self, lease: Lease<'_, StampOnly>, reason: Reason, why: &str) -> Result<(), Failure> {
        let rejection = Receipter::new(self.key).rejected(lease, reason);
        match rejection.map_err(|error| self.guard.failed(error))? {
            Rejection::Final(rejected) => {
                let what = format!("authentic, but {why}: rejected for good");
                Err(self.rejected(&what, rejected.receipt())?)
            }
            Rejection::Untold(_) => Err(self.untold(why)),
        }
    }

    /// Not accepted, and its author asked to be told, but may not be: it is not final.
    fn untold(&self, why: &str) -> Failure {
        let who = if self.args.senders.from_anyone {
            "who is not listed (see --from)"
        } else {
            "who was told of too many refusals lately"
        };
        Failure::rejected(format!(
            "authentic, but {why}: its author, {who}, was not told; nothing of it was kept, and it may come \
             again"
        ))
    }

    /// Gives the receipt of a rejection out, and then the failure that it ends with.
    fn rejected(self, what: &str, receipt: Option<&[u8]>) -> Result<Failure, Failure> {
        if receipt.is_none() {
            return Ok(Failure::rejected(format!(
                "{what}, without a receipt, for its author asked for none"
            )));
        }
        self.give(receipt)?;
        Ok(Failure::rejected(format!(
            "{what}, and the receipt says so"
        )))
    }

    /// It failed. If a copy came damaged, its author gets a note of that, if he asked for one and may have it: the message
    /// stays due, and he need not wait to send it again.
    fn not_stored(self, not_stored: NotStored) -> Failure {
        // Where none can be made, or the guard does not answer, there is none: the failure is the same.
        let note = not_stored.damaged().and_then(|damaged| {
            let receipter = Receipter::new(self.key).limited(self.guard, Receipter::REFUSALS);
            receipter.damaged(damaged, "").unwrap_or_default()
        });
        let failure = self.failed(not_stored.into());
        match note {
            None => failure,
            Some(note) => match self.write(&note) {
                Ok(()) => failure.and(
                    "its stamp is authentic, so a note of the damage is given for its author: the message stays due",
                ),
                // Nobody counts on it.
                Err(_) => failure,
            },
        }
    }

    /// The receipt is in the guard by now, so a copy of the message gets it if this fails.
    fn give(self, receipt: Option<&[u8]>) -> Result<(), Failure> {
        let Some(receipt) = receipt else {
            if self.args.report.report != Report::Json {
                note("bulla: its author asked for no receipt of this kind: none is given");
            }
            return Ok(());
        };
        self.write(receipt).map_err(|failure| {
            failure.and("the message is dealt with all the same; a copy of it gets the receipt")
        })
    }

    fn write(self, receipt: &[u8]) -> Result<(), Failure> {
        let label = self.args.armor.then_some(ArmorLabel::Envelope);
        writing::write(self.output, label, |out| writing::write_bytes(out, receipt))?;
        self.is_given.set(true);
        Ok(())
    }

    fn failed(&self, error: Error) -> Failure {
        if error.kind() == ErrorKind::InvalidInput && !error.detail().is_empty() {
            return Failure::usage(error.detail());
        }
        let is_io = matches!(error.kind(), ErrorKind::Io | ErrorKind::NameTaken);
        let failure = self.guard.failed(error);
        // What the input says has its name in it.
        if is_io && !failure.text().starts_with("cannot ") {
            let text = format!(
                "cannot store in {}: {}",
                self.args.dir.display(),
                failure.text()
            );
            return failure.replaced(text);
        }
        failure
    }
}
