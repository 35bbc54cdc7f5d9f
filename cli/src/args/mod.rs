//! The command line: what can be said. What it means is in [`crate::commands`].

mod evidence;
mod examples;
mod shared;
mod transfer;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use evidence::{Evidence, EvidenceCheck, EvidenceCommand, EvidenceExport};
pub(crate) use shared::{
    DraftArgs, EnvelopeArgs, KeyArgs, OrderArgs, OrderName, OutputArgs, PassphraseArgs, ReaderArgs,
    Report, ReportArgs, SenderArgs, WriteArgs,
};

pub(crate) use transfer::{
    Audit, AuditAnswer, AuditAsk, AuditCheck, AuditCommand, Await, Challenge, Guard, Outbox,
    Receive, Send, Settle,
};

use crate::duration;

/// Seals, signs and freshness-stamps messages, end to end.
#[derive(Debug, Parser)]
#[command(
    name = "bulla",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = examples::BULLA
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new identity: write its key file, print its public identity
    #[command(after_help = examples::KEYGEN)]
    Keygen(Keygen),
    /// Print the public identity of a key file, or the signing key that reports show
    #[command(after_help = examples::ID)]
    Id(Id),
    /// Give an identity a new encryption key, print its new public identity
    #[command(after_help = examples::ROTATE)]
    Rotate(Rotate),
    /// Encrypt and sign to recipients
    #[command(after_help = examples::SEAL)]
    Seal(Seal),
    /// Open a sealed envelope: check author, context, freshness and every bit, then give the content
    #[command(after_help = examples::OPEN)]
    Open(Open),
    /// Open an archived envelope: as open, but WITHOUT judging freshness
    #[command(after_help = examples::REOPEN)]
    Reopen(Reopen),
    /// Sign without encrypting
    #[command(after_help = examples::SIGN)]
    Sign(Sign),
    /// Verify a signed envelope, then give its content
    #[command(after_help = examples::VERIFY)]
    Verify(Verify),
    /// Seal a file, record it in an outbox until its recipient confirms it, and give the envelope
    #[command(after_help = examples::SEND)]
    Send(Send),
    /// Open an envelope to a file on the disk, and give the receipt that proves it
    #[command(after_help = examples::RECEIVE)]
    Receive(Receive),
    /// Check a receipt against what was sent, settle it in the outbox, and say what it proves
    #[command(after_help = examples::SETTLE)]
    Settle(Settle),
    /// Show what was sent and awaits receipts, what is to be sent now, and what failed
    #[command(after_help = examples::OUTBOX)]
    Outbox(Outbox),
    /// Ask whether a recipient still has what was sent, answer that, or check an answer
    #[command(after_help = examples::AUDIT)]
    Audit(Audit),
    /// Print a challenge, to be answered once with seal --answers
    #[command(after_help = examples::CHALLENGE)]
    Challenge(Challenge),
    /// Look into the file of a replay guard
    #[command(after_help = examples::GUARD)]
    Guard(Guard),
    /// Export evidence for third parties, or check it
    #[command(after_help = examples::EVIDENCE)]
    Evidence(Evidence),
    /// Show what anyone can see of an envelope without a key, and nothing more
    #[command(after_help = examples::INSPECT)]
    Inspect(Inspect),
    /// Play the whole story on a file, in a temporary folder
    #[command(after_help = examples::DEMO)]
    Demo(Demo),
    /// Write man pages and shell completions into a folder, for packagers
    #[command(hide = true)]
    Generate(Generate),
}

impl Command {
    /// How failures are told.
    pub(crate) fn report(&self) -> Report {
        match self {
            Self::Open(args) => args.common.envelope.report.report,
            Self::Reopen(args) => args.common.envelope.report.report,
            Self::Verify(args) => args.envelope.report.report,
            Self::Receive(args) => args.report.report,
            Self::Settle(args) => args.report.report,
            Self::Evidence(args) => match &args.command {
                EvidenceCommand::Export(args) => args.envelope.report.report,
                EvidenceCommand::Check(args) => args.report.report,
            },
            _ => Report::Human,
        }
    }
}

/// `bulla keygen`
#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// The key file to create; it is readable by its owner alone, and never written over
    #[arg(short, long, value_name = "KEYFILE")]
    pub(crate) output: PathBuf,
    /// Protect the key file by a passphrase, asked for at the terminal (or from --passphrase-file)
    #[arg(long)]
    pub(crate) passphrase: bool,
    #[command(flatten)]
    pub(crate) protection: PassphraseArgs,
}

/// `bulla id`
#[derive(Debug, Args)]
pub(crate) struct Id {
    /// Print the signing key, as reports and refusals show it: 64 hexadecimal digits for each identity
    #[arg(long)]
    pub(crate) signing_key: bool,
    /// The key file; with --signing-key also an identity line, or a file with one or several
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) protection: PassphraseArgs,
}

/// `bulla rotate`
#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The key file; it is replaced in one step
    #[arg(value_name = "KEYFILE")]
    pub(crate) file: PathBuf,
    /// How long the encryption keys so far are to be kept; after that --destroy-expired destroys them
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_some)]
    pub(crate) keep: Option<u64>,
    /// Destroy all older encryption keys now: what was sealed to them can never be opened again
    #[arg(long, conflicts_with = "keep")]
    pub(crate) destroy_old: bool,
    /// Destroy the encryption keys whose time, given with --keep before, is over
    #[arg(long)]
    pub(crate) destroy_expired: bool,
    #[command(flatten)]
    pub(crate) protection: PassphraseArgs,
}

/// `bulla seal`
#[derive(Debug, Args)]
pub(crate) struct Seal {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// A recipient: an identity line, or a file with one or several; can be given several times
    #[arg(short = 'r', long = "to", value_name = "IDENTITY", required = true)]
    pub(crate) to: Vec<OsString>,
    #[command(flatten)]
    pub(crate) draft: DraftArgs,
    /// Seal in pieces, in little memory and for any length; the reader's content is provisional until its end
    #[arg(long)]
    pub(crate) stream: bool,
    /// Do not hide the length (padding costs at most 12 %, and less the longer the content)
    #[arg(long)]
    pub(crate) no_padding: bool,
    /// Hide how many recipients there are behind N more that nobody can open, 48 bytes each
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) decoys: usize,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    /// What to seal; standard input if it is left out or `-`
    #[arg(value_name = "INPUT")]
    pub(crate) input: Option<PathBuf>,
}

/// What `open` and `reopen` share.
#[derive(Debug, Args)]
pub(crate) struct OpenCommon {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    #[command(flatten)]
    pub(crate) senders: SenderArgs,
    #[command(flatten)]
    pub(crate) reader: ReaderArgs,
    /// Accept envelopes that this very key has signed, if it is among the senders
    #[arg(long)]
    pub(crate) allow_own: bool,
    /// DANGER: write content to standard output before it is verified. It may be forged by another recipient, and it may
    /// stop short. Whatever reads it must throw it away unless bulla ends with status 0
    #[arg(long, conflicts_with = "output")]
    pub(crate) provisional: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) envelope: EnvelopeArgs,
}

/// `bulla open`
#[derive(Debug, Args)]
pub(crate) struct Open {
    #[command(flatten)]
    pub(crate) common: OpenCommon,
    #[command(flatten)]
    pub(crate) guard: OpenGuard,
    #[command(flatten)]
    pub(crate) times: TimeArgs,
    #[command(flatten)]
    pub(crate) order: OrderArgs,
}

/// How `open` treats what it has seen before.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct OpenGuard {
    /// Accept every message once, with the memory of this file; it is created if it is not there
    #[arg(long, value_name = "FILE")]
    pub(crate) guard: Option<PathBuf>,
    /// Do not notice when a message comes again
    #[arg(long)]
    pub(crate) no_guard: bool,
}

/// Which times are accepted.
#[derive(Debug, Args)]
pub(crate) struct TimeArgs {
    /// Accept nothing older than this; `none` for no bound
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration::parse_max_age)]
    pub(crate) max_age: duration::MaxAge,
    /// How far clocks may be apart, at most 1h
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration::parse_skew)]
    pub(crate) skew: u64,
}

/// `bulla reopen`
#[derive(Debug, Args)]
pub(crate) struct Reopen {
    #[command(flatten)]
    pub(crate) common: OpenCommon,
}

/// `bulla sign`
#[derive(Debug, Args)]
pub(crate) struct Sign {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    #[command(flatten)]
    pub(crate) draft: DraftArgs,
    /// Leave the content beside the envelope; it is then needed for verifying
    #[arg(long)]
    pub(crate) detached: bool,
    /// Sign in pieces, in little memory and for any length; the reader's content is provisional until its end
    #[arg(long)]
    pub(crate) stream: bool,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    /// What to sign; standard input if it is left out or `-`
    #[arg(value_name = "INPUT")]
    pub(crate) input: Option<PathBuf>,
}

/// `bulla verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) senders: SenderArgs,
    #[command(flatten)]
    pub(crate) reader: ReaderArgs,
    #[command(flatten)]
    pub(crate) guard: VerifyGuard,
    /// The name by which the guard knows this reader: several readers with one guard accept a message once each
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) reader_name: String,
    #[command(flatten)]
    pub(crate) times: TimeArgs,
    #[command(flatten)]
    pub(crate) order: OrderArgs,
    /// The content of a detached envelope; `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "provisional"])]
    pub(crate) content: Option<PathBuf>,
    /// DANGER: write content to standard output before it is verified. It may be forged, and it may stop short. Whatever
    /// reads it must throw it away unless bulla ends with status 0
    #[arg(long, conflicts_with = "output")]
    pub(crate) provisional: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) envelope: EnvelopeArgs,
}

/// How `verify` treats what it has seen before.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct VerifyGuard {
    /// Accept every message once, with the memory of this file; it is created if it is not there
    #[arg(long, value_name = "FILE")]
    pub(crate) guard: Option<PathBuf>,
    /// Do not notice when a message comes again
    #[arg(long)]
    pub(crate) no_guard: bool,
    /// For archives: do not judge freshness at all
    #[arg(long)]
    pub(crate) archive: bool,
}

/// `bulla inspect`
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The envelope; standard input if it is left out or `-`
    #[arg(value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
}

/// `bulla demo`
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The file that Alice sends; a letter of our own if it is left out
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// `bulla generate`
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// The folder; it is created if it is not there
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}
