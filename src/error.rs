//! One error type, and the one table of its codes (spec/opening.md §3).

use alloc::boxed::Box;
use core::fmt;

/// What a failure means to the caller, and so what to do about it (spec/opening.md §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// The call itself was wrong, or something around it failed. Nothing is said about the envelope.
    Usage,
    /// Not acceptable as an envelope for this reader: nobody is known to have said anything.
    NotAcceptable,
    /// Authentic, but refused: wrong sender, context, time, or seen before.
    Refused,
    /// Not decided: try again later, and never bounce.
    TryAgain,
}

macro_rules! errors {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $class:ident, $text:literal;)+) => {
        /// Everything that can go wrong, each with a stable code.
        ///
        /// Codes are never reused: 1 to 19 usage, 20 to 39 not acceptable, 40 to 69 refused, 70 to 79 try again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind { $($(#[doc = $doc])+ $name = $code,)+ }

        impl ErrorKind {
            /// All kinds, in the order of their codes.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$name,)+];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> i32 { self as i32 }

            /// The name used by the specification, the vectors and the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(ErrorKind::$name => stringify!($name),)+ }
            }

            /// What the caller can do about it.
            #[must_use]
            pub const fn class(self) -> ErrorClass {
                match self { $(ErrorKind::$name => ErrorClass::$class,)+ }
            }

            /// One line: what is wrong and what to do.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(ErrorKind::$name => $text,)+ }
            }
        }
    };
}

errors! {
    /// An argument is out of its limits; the detail says which.
    InvalidInput = 1, Usage, "an argument is not acceptable";
    /// No recipient was given.
    NoRecipient = 2, Usage, "no recipient: name at least one";
    /// Two recipients have the same encryption key.
    DuplicateRecipient = 3, Usage, "two recipients have the same encryption key: name each once";
    /// The recipient has no encryption key of a suite known here.
    NoUsableKey = 4, Usage, "this identity has no encryption key that can be used: ask for a newer identity line";
    /// The generator of random bytes failed.
    RandomFailed = 5, Usage, "the random generator of the system failed: nothing was made";
    /// The clock could not be read.
    ClockFailed = 6, Usage, "the clock could not be read";
    /// An external signer or decapsulator failed.
    KeyUnavailable = 7, Usage, "the key holder (agent, token, HSM) did not answer: see that it is there and unlocked";
    /// Reading or writing failed.
    Io = 8, Usage, "reading or writing failed";
    /// The passphrase is wrong, or the protected key file was changed.
    WrongPassphrase = 9, Usage, "the passphrase is wrong, or the key file was changed";
    /// The key file is protected and no passphrase was given.
    PassphraseNeeded = 10, Usage, "this key file is protected: give its passphrase";
    /// The streamed content is not as long as was said before.
    LengthMismatch = 11, Usage, "the content is not as long as announced: seal it again";
    /// A sealing session is used up, too old, or was carried over a fork.
    SessionOver = 12, Usage, "the sealing session is over: begin a new one";
    /// A call came in the wrong order, for example after a failure.
    WrongOrder = 13, Usage, "this call is not possible in this state: begin again";
    /// Memory that a caller of the C interface provided has no room for the result.
    BufferTooSmall = 14, Usage, "the buffer is too small for the result: give a longer one, or one that grows";
    /// A panic was contained at the border to C.
    Internal = 15, Usage, "a defect of Bulla was met, and contained: what was in hand is not done; please report it";
    /// The name that was asked for belongs to another file.
    NameTaken = 16, Usage, "there is a file of that name already, and it is not written over: choose another name";

    /// Not an envelope, or not whole.
    Malformed = 20, NotAcceptable, "not a well-formed Bulla envelope: it was cut, changed, or is something else";
    /// Made by a newer version.
    UnsupportedVersion = 21, NotAcceptable, "this needs a newer version of Bulla: update this program";
    /// Sealed where signed was expected, or the reverse.
    WrongKind = 22, NotAcceptable, "another kind of envelope: `open` is for sealed ones, `verify` for signed ones, and detached ones need their content";
    /// None of my keys opens it.
    NotForMe = 23, NotAcceptable, "not sealed to this key, or damaged: check which identity it was sealed to";
    /// Changed, cut, or forged.
    NotAuthentic = 24, NotAcceptable, "not authentic: it was changed, cut or forged on the way; ask for it again";

    /// A statement of another type, such as a receipt.
    WrongStatement = 40, Refused, "authentic, but not a message (a receipt, perhaps): use the call made for it";
    /// Made by the reader's own key.
    OwnMessage = 41, Refused, "authentic, but made with this very key: allow own messages if that is meant";
    /// Signed by a key that is not on the list.
    UntrustedSender = 42, Refused, "authentic, but from a sender who is not accepted here: add the sender's identity if you trust it";
    /// Meant for another application.
    WrongContext = 43, Refused, "authentic, but made for another context: give it to the application it was made for, or check which context is asked for here";
    /// Issued in the future.
    NotYetValid = 44, Refused, "authentic, but dated in the future: check the clocks";
    /// Its expiry has passed.
    Expired = 45, Refused, "authentic, but expired: ask for a new one, or reopen it as an archive";
    /// Older than the policy allows.
    TooOld = 46, Refused, "authentic, but older than accepted here: ask for a new one, raise the greatest age, or reopen it as an archive";
    /// With a guard, every message needs an end: an expiry or a greatest age.
    Unbounded = 47, Refused, "authentic, but it never expires, and a replay guard cannot remember forever: set a greatest age";
    /// Seen before.
    Replayed = 48, Refused, "authentic, but already received: a second copy is not accepted; to read it again, reopen it as an archive";
    /// Older than what is already known in its stream.
    Superseded = 49, Refused, "authentic, but a newer one is already known: use that one";
    /// Messages before it in its stream are missing.
    Gap = 50, Refused, "authentic, but messages before it are missing: get those first, and then try again";

    /// Not an answer to a challenge that is open here.
    WrongChallenge = 51, Refused, "authentic, but it answers no challenge that is open here: ask anew";

    /// A receipt about something else.
    WrongReceipt = 52, Refused, "an authentic receipt, but not for this message: it settles nothing";
    /// The recipient has other content.
    ContentDiffers = 53, Refused, "THE RECIPIENT HAS OTHER CONTENT than was sent: what is stored there is not this message; look into it, and send it again";

    /// Somebody else is working on this message.
    Pending = 70, TryAgain, "this message is being worked on: try again later";
    /// The guard has no room.
    GuardFull = 71, TryAgain, "the replay guard is full: try again later, or give it more room";
    /// The guard cannot be reached, or failed.
    GuardUnavailable = 72, TryAgain, "the replay guard cannot be used: see its store, and try again";
    /// The lease ran out before the commit.
    LeaseLost = 73, TryAgain, "the claim on this message ran out before it was finished: try again";
    /// The outbox cannot be used.
    OutboxUnavailable = 74, TryAgain, "the outbox cannot be used, and nothing was recorded: see its file, and try again";
    /// The host's own rules gave no answer.
    Undecided = 75, TryAgain, "the rules of this host could not decide on it, and nothing is reserved: try again later";
}

/// A failure: its kind, and a detail that never holds a secret.
///
/// ```
/// use bulla::{Error, ErrorClass, ErrorKind};
/// let error = Error::from(ErrorKind::NotForMe);
/// assert_eq!(error.kind().code(), 23);
/// assert_eq!(error.kind().class(), ErrorClass::NotAcceptable);
/// ```
pub struct Error {
    kind: ErrorKind,
    detail: &'static str,
    /// Boxed, for few errors have it and all results carry its room.
    about: Option<Box<About>>,
}

/// What is known besides.
enum About {
    /// Who signed what was refused.
    Signer([u8; 32]),
    /// What the system said.
    #[cfg(feature = "std")]
    Source(std::io::Error),
}

impl Error {
    /// An error with a detail for a person: which argument, which part. For those who implement a guard, a clock or a key
    /// holder; never put a secret into it.
    #[must_use]
    pub const fn with(kind: ErrorKind, detail: &'static str) -> Self {
        Self {
            kind,
            detail,
            about: None,
        }
    }

    /// A refusal of what this key has signed. Only after the signature was verified.
    pub(crate) fn of_signer(kind: ErrorKind, signer: &[u8; 32]) -> Self {
        Self {
            about: Some(Box::new(About::Signer(*signer))),
            ..Self::with(kind, "")
        }
    }

    /// What kind of failure it is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// More about it for a person; may be empty, is never needed to decide.
    #[must_use]
    pub const fn detail(&self) -> &'static str {
        self.detail
    }

    /// Who signed what was refused: the public signing key of a sender that is not accepted
    /// ([`ErrorKind::UntrustedSender`]), whose signature was verified. `None` for all other kinds.
    ///
    /// The text of the error does not show it, for logs and answers may be read by those who must not learn it.
    #[must_use]
    pub fn signer(&self) -> Option<[u8; 32]> {
        match self.about.as_deref() {
            Some(About::Signer(signer)) => Some(*signer),
            _ => None,
        }
    }

    /// The same once more, for work that is done twice and answers once.
    #[cfg(feature = "sqlite")]
    pub(crate) fn once_more(&self) -> Self {
        let again = |source: &std::io::Error| match source.raw_os_error() {
            Some(code) => std::io::Error::from_raw_os_error(code),
            None => source.kind().into(),
        };
        let about = match self.about.as_deref() {
            Some(About::Signer(signer)) => Some(About::Signer(*signer)),
            Some(About::Source(source)) => Some(About::Source(again(source))),
            None => None,
        };
        Self {
            about: about.map(Box::new),
            ..Self::with(self.kind, self.detail)
        }
    }

    #[cfg(feature = "std")]
    fn source_error(&self) -> Option<&std::io::Error> {
        match self.about.as_deref() {
            Some(About::Source(source)) => Some(source),
            _ => None,
        }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::with(kind, "")
    }
}

#[cfg(feature = "std")]
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        // An adapter hands our own errors through `std::io`; they come out as they went in.
        match error.downcast::<Error>() {
            Ok(own) => own,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                ErrorKind::NameTaken.into()
            }
            Err(error) => Self {
                about: Some(Box::new(About::Source(error))),
                ..Self::with(ErrorKind::Io, "")
            },
        }
    }
}

#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        match error.about.map(|about| *about) {
            Some(About::Source(source)) => source,
            about => Self::new(
                match error.kind {
                    ErrorKind::NameTaken => std::io::ErrorKind::AlreadyExists,
                    _ => std::io::ErrorKind::InvalidData,
                },
                Error {
                    about: about.map(Box::new),
                    ..Error::with(error.kind, error.detail)
                },
            ),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.text())?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        #[cfg(feature = "std")]
        if let Some(source) = self.source_error() {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.kind.name())
    }
}

impl PartialEq for Error {
    /// Errors are equal when they are of the same kind.
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl PartialEq<ErrorKind> for Error {
    fn eq(&self, other: &ErrorKind) -> bool {
        self.kind == *other
    }
}

impl core::error::Error for Error {
    #[cfg(feature = "std")]
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.source_error().map(|e| e as _)
    }
}

/// The result of nearly every call.
pub type Result<T, E = Error> = core::result::Result<T, E>;
