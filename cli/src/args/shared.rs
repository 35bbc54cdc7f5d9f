//! Arguments that several commands share.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::duration;

/// How a protected key file is unlocked.
#[derive(Debug, Args)]
pub(crate) struct PassphraseArgs {
    /// Read the passphrase of the key file from the first line of this file, instead of asking for it
    #[arg(long, value_name = "FILE", env = "BULLA_PASSPHRASE_FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Whose key is used.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Your key file
    #[arg(short = 'i', long = "identity", value_name = "KEYFILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) protection: PassphraseArgs,
}

/// What a message says besides its content.
#[derive(Debug, Args)]
pub(crate) struct DraftArgs {
    /// What it is for: the name of the application or protocol, which the reader must expect
    #[arg(short, long)]
    pub(crate) context: String,
    /// Not valid any more this long after it is made (90s, 15m, 12h, 3d, 2w); without it, it does not expire
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_some)]
    pub(crate) expires: Option<u64>,
    /// A signed attribute; can be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute)]
    pub(crate) attr: Vec<(String, String)>,
    /// The media type of the content, such as image/jpeg
    #[arg(long = "type", value_name = "MEDIA")]
    pub(crate) media: Option<String>,
}

/// Where the result goes.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Write to this file, which appears only when everything has succeeded; standard output if it is left out or `-`
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the output if it exists
    #[arg(long)]
    pub(crate) force: bool,
}

/// Whose messages are accepted.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SenderArgs {
    /// Accept this author: an identity line, or a file with one or several; can be given several times
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) from: Vec<OsString>,
    /// Accept any author at all; the report says who it is
    #[arg(long)]
    pub(crate) from_anyone: bool,
}

/// What a message must be for.
#[derive(Debug, Args)]
pub(crate) struct ReaderArgs {
    /// Accept only what was made for this application or protocol
    #[arg(short, long)]
    pub(crate) context: String,
}

/// How the outcome is told.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// How to report the outcome on standard error
    #[arg(long, value_enum, default_value_t = Report::Human, value_name = "FORM")]
    pub(crate) report: Report,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Report {
    /// For people
    Human,
    /// One line of JSON: the verified stamp, or the verdict
    Json,
    /// Nothing, unless it fails
    None,
}

fn attribute(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "write a name, an equals sign and a value: name=holiday.jpg".to_owned())
}
