//! Arguments of what makes a transfer reliable: outbox, receipts, audit, guard.

use std::ffi::OsString;
use std::path::PathBuf;

use bulla::{Digest, MessageId};
use clap::{Args, Subcommand, ValueEnum};

use super::shared::{digest, message_id, size};
use super::{
    DraftArgs, KeyArgs, OrderArgs, OutputArgs, PassphraseArgs, ReaderArgs, ReportArgs, SenderArgs,
    TimeArgs, WriteArgs, examples,
};
use crate::duration;

/// `bulla send`
#[derive(Debug, Args)]
pub(crate) struct Send {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// A recipient: an identity line, or a file with one or several; can be given several times
    #[arg(short = 'r', long = "to", value_name = "IDENTITY", required = true)]
    pub(crate) to: Vec<OsString>,
    #[command(flatten)]
    pub(crate) draft: DraftArgs,
    /// The file of the outbox, in which the message is recorded before anything is given out; it is created if it is not
    /// there. A folder with .d after its name holds long envelopes
    #[arg(long, value_name = "FILE")]
    pub(crate) outbox: PathBuf,
    /// After this long without a receipt it is given up, which `bulla outbox` reports
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = duration::parse_some)]
    pub(crate) deadline: u64,
    /// Which receipt settles it
    #[arg(long = "await", value_enum, value_name = "STATUS", default_value_t = Await::Stored)]
    pub(crate) awaited: Await,
    /// What `bulla outbox` shows of it, such as where it goes; the name of the file if it is left out
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    /// What to send; standard input if it is `-`. The name of the file goes with it, sealed
    #[arg(value_name = "FILE")]
    pub(crate) input: PathBuf,
}

/// Which receipt is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Await {
    /// It is on the recipient's disk, and was read again from there
    Stored,
    /// It was handed to the recipient's application
    Delivered,
}

/// `bulla receive`
#[derive(Debug, Args)]
pub(crate) struct Receive {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    #[command(flatten)]
    pub(crate) senders: SenderArgs,
    #[command(flatten)]
    pub(crate) reader: ReaderArgs,
    /// Store every message once, with the memory of this file; it is created if it is not there, and may not be in DIR
    #[arg(long, value_name = "FILE")]
    pub(crate) guard: PathBuf,
    /// The folder to store in
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The name to store under; if it is left out, one that is made of message id, reader, sender and context
    #[arg(long, conflicts_with = "suggested_name")]
    pub(crate) name: Option<OsString>,
    /// Store under the name that the sender suggests, made harmless
    #[arg(long)]
    pub(crate) suggested_name: bool,
    /// Reject what is longer, in bytes or with k, M, G
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_size: Option<u64>,
    /// Reject for good what there is no room for, instead of leaving it to come again
    #[arg(long)]
    pub(crate) reject_full: bool,
    /// Keep what came of an envelope that is cut off, in DIR, so that it can be completed with --resume
    #[arg(long)]
    pub(crate) resumable: bool,
    /// Print how many bytes are held of this envelope (by its header digest, see bulla inspect), and do nothing else
    #[arg(long, value_name = "DIGEST", value_parser = digest, conflicts_with = "resume")]
    pub(crate) held: Option<Digest>,
    /// Complete this envelope: the input is what follows the bytes that are held
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub(crate) resume: Option<Digest>,
    /// Accept what this very key has signed, if it is among the senders
    #[arg(long)]
    pub(crate) allow_own: bool,
    #[command(flatten)]
    pub(crate) times: TimeArgs,
    #[command(flatten)]
    pub(crate) order: OrderArgs,
    /// Write the receipt as 7-bit text
    #[arg(short, long)]
    pub(crate) armor: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    /// The envelope; standard input if it is left out or `-`
    #[arg(value_name = "INPUT")]
    pub(crate) input: Option<PathBuf>,
}

/// `bulla settle`
#[derive(Debug, Args)]
pub(crate) struct Settle {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// The file of the outbox
    #[arg(long, value_name = "FILE")]
    pub(crate) outbox: PathBuf,
    /// Once the message is settled, or rejected, write the proof of that to this file, for third parties (see evidence check)
    #[arg(long, value_name = "FILE")]
    pub(crate) proof: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    /// The receipt; standard input if it is left out or `-`
    #[arg(value_name = "RECEIPT")]
    pub(crate) input: Option<PathBuf>,
}

/// `bulla outbox`
#[derive(Debug, Args)]
pub(crate) struct Outbox {
    /// The file of the outbox
    #[arg(long, value_name = "FILE")]
    pub(crate) outbox: PathBuf,
    #[command(flatten)]
    pub(crate) task: OutboxTask,
    /// One object of JSON on each line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What is done with an outbox: nothing said means --list.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct OutboxTask {
    /// Give up what has passed its deadline, then list what is to be sent now, and take it: nobody else gets it within ten
    /// minutes
    #[arg(long)]
    pub(crate) due: bool,
    /// List everything
    #[arg(long)]
    pub(crate) list: bool,
    /// Give up what has passed its deadline, then list what was rejected or given up
    #[arg(long)]
    pub(crate) failed: bool,
    /// Write this envelope, to be sent again: the identical one
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub(crate) envelope: Option<Digest>,
    /// This envelope was handed to the transport: it is due again after a while
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub(crate) sent: Option<Digest>,
    /// Forget what was settled or failed longer ago than this
    #[arg(long, value_name = "AGE", value_parser = duration::parse)]
    pub(crate) forget: Option<u64>,
}

/// `bulla audit`
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) command: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Ask a recipient whether it still has the content of a message; the question is kept, its envelope is to be sent
    #[command(after_help = examples::AUDIT)]
    Ask(AuditAsk),
    /// Answer a question, from the content itself
    #[command(after_help = examples::AUDIT)]
    Answer(AuditAnswer),
    /// Check an answer against the question and the content
    #[command(after_help = examples::AUDIT)]
    Check(AuditCheck),
}

/// `bulla audit ask`
#[derive(Debug, Args)]
pub(crate) struct AuditAsk {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Who is asked: an identity line, or a file with one
    #[arg(short = 'r', long = "to", value_name = "IDENTITY")]
    pub(crate) to: OsString,
    /// The file of the outbox
    #[arg(long, value_name = "FILE")]
    pub(crate) outbox: PathBuf,
    /// The message in question
    #[arg(long, value_name = "ID", value_parser = message_id)]
    pub(crate) message: MessageId,
    /// Where to keep the question until it is answered; it holds no secret
    #[arg(long, value_name = "FILE")]
    pub(crate) question: PathBuf,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `bulla audit answer`
#[derive(Debug, Args)]
pub(crate) struct AuditAnswer {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    #[command(flatten)]
    pub(crate) senders: SenderArgs,
    #[command(flatten)]
    pub(crate) reader: ReaderArgs,
    /// Answer every question once, with the memory of this file; it is created if it is not there
    #[arg(long, value_name = "FILE")]
    pub(crate) guard: PathBuf,
    #[command(flatten)]
    pub(crate) held: AuditHeld,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    /// The question; standard input if it is left out or `-`
    #[arg(value_name = "QUESTION")]
    pub(crate) input: Option<PathBuf>,
}

/// What the answer says. Nothing said: the question is shown, and not answered.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct AuditHeld {
    /// The content in question, which is read whole
    #[arg(long = "file", value_name = "FILE")]
    pub(crate) content: Option<PathBuf>,
    /// Say that it is held no more
    #[arg(long)]
    pub(crate) missing: bool,
}

/// `bulla audit check`
#[derive(Debug, Args)]
pub(crate) struct AuditCheck {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// The question that was kept
    #[arg(long, value_name = "FILE")]
    pub(crate) question: PathBuf,
    /// The content in question
    #[arg(long, value_name = "FILE")]
    pub(crate) content: PathBuf,
    /// The answer; standard input if it is left out or `-`
    #[arg(value_name = "ANSWER")]
    pub(crate) input: Option<PathBuf>,
}

/// `bulla challenge`
#[derive(Debug, Args)]
pub(crate) struct Challenge {
    /// Your key file, for an answer to be opened with it
    #[arg(
        short = 'i',
        long = "identity",
        value_name = "KEYFILE",
        required_unless_present = "reader_name",
        conflicts_with = "reader_name"
    )]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) protection: PassphraseArgs,
    /// For an answer to be verified (bulla verify): the name by which the guard knows its reader there
    #[arg(long, value_name = "NAME")]
    pub(crate) reader_name: Option<String>,
    #[command(flatten)]
    pub(crate) reader: ReaderArgs,
    /// The guard that is to know the answer; it is created if it is not there
    #[arg(long, value_name = "FILE")]
    pub(crate) guard: PathBuf,
    /// For how long the answer is awaited
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration::parse_some)]
    pub(crate) lifetime: u64,
}

/// `bulla guard`
#[derive(Debug, Args)]
pub(crate) struct Guard {
    /// One object of JSON on each line
    #[arg(long)]
    pub(crate) json: bool,
    /// Also list so many of the messages that it knows, and of the streams
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) entries: usize,
    /// Forget this ordered stream first (its name, as --entries lists it): its place is free, and its next message begins it
    /// anew. DANGER: a message of it that was held back until now, and is not yet too old or expired, can then be accepted
    /// although a newer one was. Safe once its last message is older than --max-age
    #[arg(long, value_name = "NAME", value_parser = digest)]
    pub(crate) forget_stream: Option<Digest>,
    /// Drop first what need not be known any more, and give room back
    #[arg(long)]
    pub(crate) sweep: bool,
    /// Read all of it first, and fail if anything is damaged
    #[arg(long)]
    pub(crate) check: bool,
    /// The file of the guard
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
