//! Arguments of `bulla evidence`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{
    EnvelopeArgs, PassphraseArgs, ReaderArgs, ReportArgs, SenderArgs, WriteArgs, examples,
};

/// `bulla evidence`
#[derive(Debug, Args)]
pub(crate) struct Evidence {
    #[command(subcommand)]
    pub(crate) command: EvidenceCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// Make evidence of an envelope that you can open; freshness is not judged
    #[command(after_help = examples::EVIDENCE)]
    Export(EvidenceExport),
    /// Check evidence, or the proof of a receipt; no key is needed
    #[command(after_help = examples::EVIDENCE)]
    Check(EvidenceCheck),
}

/// `bulla evidence export`
#[derive(Debug, Args)]
pub(crate) struct EvidenceExport {
    /// Your key file, for a sealed envelope; a signed one needs none
    #[arg(short = 'i', long = "identity", value_name = "KEYFILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) protection: PassphraseArgs,
    #[command(flatten)]
    pub(crate) senders: SenderArgs,
    #[command(flatten)]
    pub(crate) reader: ReaderArgs,
    /// Accept envelopes that this very key has signed, if it is among the senders
    #[arg(long, requires = "file")]
    pub(crate) allow_own: bool,
    /// The content of a detached envelope; `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub(crate) content: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    #[command(flatten)]
    pub(crate) envelope: EnvelopeArgs,
}

/// `bulla evidence check`
#[derive(Debug, Args)]
pub(crate) struct EvidenceCheck {
    /// Demand that one of these is the author (of a receipt: its signer): an identity line, or a file with one or several
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) from: Vec<OsString>,
    /// Demand that it is about this content
    #[arg(long, value_name = "FILE")]
    pub(crate) content: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    /// The evidence; standard input if it is left out or `-`
    #[arg(value_name = "EVIDENCE")]
    pub(crate) input: Option<PathBuf>,
}
