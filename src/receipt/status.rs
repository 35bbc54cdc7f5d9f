//! What a receipt can say (spec/receipts.md §1).

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::wire::receipt::{self as raw, check_reason};

/// What became of a message, as its recipient says and signs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It was opened, verified, and handed to the application.
    Delivered,
    /// Its content is on the disk, and was read again from there and compared.
    Stored,
    /// It will not be accepted, also not if it is sent again.
    Rejected(Reason),
    /// A copy came damaged. This settles nothing: the message stays due.
    Damaged(Reason),
}

impl Status {
    pub(crate) fn to_raw(&self) -> (u8, Option<(u16, String)>) {
        let reason = |reason: &Reason| Some((reason.code, reason.text.clone()));
        match self {
            Self::Delivered => (raw::DELIVERED, None),
            Self::Stored => (raw::STORED, None),
            Self::Rejected(why) => (raw::REJECTED, reason(why)),
            Self::Damaged(why) => (raw::DAMAGED, reason(why)),
        }
    }

    /// `status` and `reason` were checked when they were parsed.
    pub(crate) fn from_raw(status: u8, reason: Option<(u16, String)>) -> Self {
        let (code, text) = reason.unwrap_or_default();
        match status {
            raw::DELIVERED => Self::Delivered,
            raw::STORED => Self::Stored,
            raw::REJECTED => Self::Rejected(Reason { code, text }),
            _ => Self::Damaged(Reason { code, text }),
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Stored => "stored",
            Self::Rejected(_) => "rejected",
            Self::Damaged(_) => "damaged",
        }
    }

    /// Why, if it was not accepted.
    #[must_use]
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Rejected(reason) | Self::Damaged(reason) => Some(reason),
            _ => None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self.reason() {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

/// Why a message was not accepted: a code for programs and a text for people, from the recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    code: u16,
    text: String,
}

impl Reason {
    /// No room for it.
    pub const FULL: u16 = 1;
    /// Longer than is accepted.
    pub const TOO_LARGE: u16 = 2;
    /// Not accepted by the recipient's rules.
    pub const POLICY: u16 = 3;
    /// There is nobody, or nothing, of the name that it is for.
    pub const NO_SUCH_PLACE: u16 = 4;
    /// It could not be stored or handed over, for a reason of the recipient's own.
    pub const FAILED: u16 = 5;
    /// What came does not fit the stamp, which is authentic: for `damaged` alone.
    pub const DAMAGED: u16 = 6;

    /// Codes of the application's own begin here.
    pub const FIRST_OWN: u16 = 1024;

    /// A code, of those here or from [`FIRST_OWN`](Self::FIRST_OWN) on one of the application's own, and a text of at most 255
    /// bytes, which may be empty.
    ///
    /// ```
    /// use bulla::Reason;
    /// assert!(Reason::new(Reason::FULL, "the disk is full").is_ok());
    /// assert!(Reason::new(Reason::FIRST_OWN, "no such account").is_ok());
    /// assert!(Reason::new(7, "").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for a code that is reserved (0, and 7 to 1023), a longer text, or one with control
    /// characters. A reason that somebody else sent may have any code.
    pub fn new(code: u16, text: &str) -> Result<Self> {
        if !matches!(code, Self::FULL..=Self::DAMAGED | Self::FIRST_OWN..) {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "the code of a reason is reserved: take 1 to 6, or one of your own from 1024 on",
            ));
        }
        if !check_reason(text) {
            return Err(Error::with(
                ErrorKind::InvalidInput,
                "a reason has at most 255 bytes of text without control characters",
            ));
        }
        Ok(Self {
            code,
            text: text.to_owned(),
        })
    }

    /// Not accepted by the recipient's rules: [`POLICY`](Self::POLICY), without a text.
    #[must_use]
    pub const fn by_rules() -> Self {
        Self {
            code: Self::POLICY,
            text: String::new(),
        }
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// The text: words of the recipient's.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = match self.code {
            Self::FULL => "no room",
            Self::TOO_LARGE => "too large",
            Self::POLICY => "not accepted by the recipient's rules",
            Self::NO_SUCH_PLACE => "no such place",
            Self::FAILED => "it failed at the recipient's",
            Self::DAMAGED => "it came damaged",
            code => return write!(f, "reason {code}: {}", self.text),
        };
        match self.text.as_str() {
            "" => f.write_str(known),
            text => write!(f, "{known}: {text}"),
        }
    }
}
