//! Arguments that several commands share.

use std::ffi::OsString;
use std::path::PathBuf;

use bulla::{Digest, MessageId};
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
    /// The challenge that this answers: what the reader's `bulla challenge` printed
    #[arg(long, value_name = "HEX", value_parser = digest)]
    pub(crate) answers: Option<Digest>,
    /// The place in a stream of messages, whose order a reader can demand
    #[arg(long, value_name = "STREAM:NUMBER", value_parser = sequence)]
    pub(crate) sequence: Option<(String, u64)>,
}

/// Which order, and which answers, are demanded.
#[derive(Debug, Args)]
pub(crate) struct OrderArgs {
    /// Demand an order in each stream of messages (see seal --sequence); it needs --guard
    #[arg(long, value_enum, value_name = "ORDER", requires = "guard")]
    pub(crate) order: Option<OrderName>,
    /// The first number of a stream, for --order gapless
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) first: u64,
    /// How far ahead of the first missing number a message may be, for --order gapless
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u16).range(1..=i64::from(bulla::MAX_WINDOW)))]
    pub(crate) window: u16,
    /// Accept only answers to what `bulla challenge` printed, each once, whatever their times say; it needs --guard
    #[arg(long, requires = "guard")]
    pub(crate) challenged: bool,
}

/// An order within a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderName {
    /// Only newer ones: the last word counts
    Monotonic,
    /// Every number once, in any order; the report says which are missing
    Gapless,
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

/// What is written as an envelope or as evidence, and where.
#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    /// Write 7-bit text
    #[arg(short, long)]
    pub(crate) armor: bool,
    #[command(flatten)]
    pub(crate) to: OutputArgs,
}

/// The envelope that is read, and how the outcome is told.
#[derive(Debug, Args)]
pub(crate) struct EnvelopeArgs {
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    /// The envelope; standard input if it is left out or `-`
    #[arg(value_name = "INPUT")]
    pub(crate) input: Option<PathBuf>,
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

/// 32 bytes in hexadecimal digits.
pub(super) fn digest(text: &str) -> Result<Digest, String> {
    bytes(text)
        .map(Digest::from_bytes)
        .ok_or_else(|| "write 64 hexadecimal digits".to_owned())
}

/// A message id.
pub(super) fn message_id(text: &str) -> Result<MessageId, String> {
    bytes(text)
        .map(MessageId)
        .ok_or_else(|| "write the 32 hexadecimal digits of a message id".to_owned())
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn sequence(text: &str) -> Result<(String, u64), String> {
    let help = || "write the name of a stream, a colon and a number: config:17".to_owned();
    let (stream, number) = text.rsplit_once(':').ok_or_else(help)?;
    let number = number.parse().map_err(|_| help())?;
    Some((stream.to_owned(), number))
        .filter(|(stream, _)| !stream.is_empty())
        .ok_or_else(help)
}

/// A number of bytes: digits, and k, M or G for powers of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let help = || "write a number of bytes, also with k, M or G: 500M".to_owned();
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (text.split_at(text.len() - 1).0, 1 << 10),
        Some(b'M') => (text.split_at(text.len() - 1).0, 1 << 20),
        Some(b'G') => (text.split_at(text.len() - 1).0, 1 << 30),
        _ => (text, 1),
    };
    let number: u64 = digits.parse().map_err(|_| help())?;
    number.checked_mul(unit).ok_or_else(help)
}

fn attribute(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "write a name, an equals sign and a value: name=holiday.jpg".to_owned())
}
