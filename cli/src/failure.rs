//! What goes wrong, as one line and an exit status.

use std::error::Error as _;
use std::io;

use bulla::{ErrorClass, ErrorKind};

use crate::terminal::hex;

/// Usage, or reading and writing.
const USAGE: u8 = 1;
/// Malformed, not authentic, or not for this key.
const NOT_ACCEPTABLE: u8 = 2;
/// Authentic, but refused.
const REFUSED: u8 = 3;
/// A receipt is awaited still, or the message failed.
const AWAITING: u8 = 4;

/// A failure of a command.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: ErrorKind,
    status: u8,
    text: String,
    silent: bool,
    /// Who signed what was refused, where it is known and not accepted.
    signer: Option<[u8; 32]>,
}

impl Failure {
    /// The command line, or a file that it names, is not as it must be.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::InvalidInput,
            status: USAGE,
            text: text.into(),
            silent: false,
            signer: None,
        }
    }

    /// Authentic, and rejected by this program itself.
    pub(crate) fn rejected(text: impl Into<String>) -> Self {
        Self {
            status: REFUSED,
            ..Self::usage(text)
        }
    }

    /// Nothing is wrong with what was asked, but what is awaited has not come, or was rejected or given up.
    pub(crate) fn awaiting(text: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Pending,
            status: AWAITING,
            ..Self::usage(text)
        }
    }

    /// The same, which was told already.
    pub(crate) fn told(self) -> Self {
        Self {
            silent: true,
            ..self
        }
    }

    /// Reading or writing failed; `what` says which.
    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        Self {
            kind: ErrorKind::Io,
            status: USAGE,
            text: format!("{what}: {}", reason(error)),
            silent: error.kind() == io::ErrorKind::BrokenPipe,
            signer: None,
        }
    }

    /// A verdict with words of our own.
    pub(crate) fn verdict(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            status: status(kind),
            text: text.into(),
            silent: false,
            signer: None,
        }
    }

    /// A sender that is not accepted, by its key, whose signature was verified. Reports show the same digits, and so does
    /// `bulla id --signing-key`; identity lines do not.
    pub(crate) fn untrusted(signer: [u8; 32]) -> Self {
        let kind = ErrorKind::UntrustedSender;
        let text = format!(
            "{}; the signing key is {} (compare with `bulla id --signing-key`)",
            kind.text(),
            hex(&signer)
        );
        Self {
            signer: Some(signer),
            ..Self::verdict(kind, text)
        }
    }

    /// About something around the envelope, such as a key file: never a verdict about the envelope.
    pub(crate) fn around(what: &str, error: &bulla::Error) -> Self {
        let known = Self::from_library(error);
        let text = match error.kind() {
            ErrorKind::Io => known.text,
            _ if error.detail().is_empty() => error.kind().text().to_owned(),
            ErrorKind::Malformed => error.detail().to_owned(),
            _ => error.to_string(),
        };
        Self {
            status: USAGE,
            text: format!("{what}: {text}"),
            ..known
        }
    }

    fn from_library(error: &bulla::Error) -> Self {
        if let Some(signer) = error.signer() {
            return Self::untrusted(signer);
        }
        let source = error.source().and_then(|s| s.downcast_ref::<io::Error>());
        match source {
            Some(source) if error.kind() == ErrorKind::Io => Self {
                kind: ErrorKind::Io,
                status: USAGE,
                text: reason(source),
                silent: source.kind() == io::ErrorKind::BrokenPipe,
                signer: None,
            },
            _ => Self::verdict(error.kind(), error.to_string()),
        }
    }

    /// The same failure in other words.
    pub(crate) fn replaced(self, text: String) -> Self {
        Self { text, ..self }
    }

    /// The same with more to say, which must be said.
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.silent = false;
        self.text.push_str("; ");
        self.text.push_str(more);
        self
    }

    pub(crate) const fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) const fn status(&self) -> u8 {
        self.status
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Who signed what was refused, in hexadecimal.
    pub(crate) fn signer(&self) -> Option<String> {
        self.signer.map(|signer| hex(&signer))
    }

    /// Whether the reader of our output has gone.
    pub(crate) const fn is_silent(&self) -> bool {
        self.silent
    }
}

impl From<bulla::Error> for Failure {
    fn from(error: bulla::Error) -> Self {
        Self::from_library(&error)
    }
}

const fn status(kind: ErrorKind) -> u8 {
    match kind.class() {
        ErrorClass::NotAcceptable => NOT_ACCEPTABLE,
        ErrorClass::Refused => REFUSED,
        // Somebody else has it: as far as this call goes, it is refused.
        ErrorClass::TryAgain if matches!(kind, ErrorKind::Pending) => REFUSED,
        // The store of the guard failed, not the message.
        _ => USAGE,
    }
}

/// What the system says, in the words of a sentence: without the number, and in lower case.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text
        .rsplit_once(" (os error ")
        .map_or(text.as_str(), |(text, _)| text);
    let mut chars = text.chars();
    match chars.next() {
        // "I/O error" and the like keep their capitals.
        Some(first) if chars.clone().next().is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}
