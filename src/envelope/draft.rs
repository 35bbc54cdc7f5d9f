//! What a sender wants to say besides the content.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::seal::Sent;
use super::stamp::{MessageId, Receipts};
use crate::crypto::sign::VerifyingKey;
use crate::error::{Error, ErrorKind, Result};
use crate::identity::public::EncryptionKey;
use crate::wire::claims::{
    Claims, RawReplyKey, Sequence, StatementType, attribute_order, check_attribute,
    check_content_type, check_context, check_stream,
};
use crate::wire::limits::MAX_ATTRIBUTES;

/// What a message says besides its content: context, expiry, type, attributes.
///
/// ```
/// # fn main() -> bulla::Result<()> {
/// let draft = bulla::Draft::new("file-transfer")?
///     .expires_in(3 * 24 * 3600)
///     .content_type("image/jpeg")?
///     .attribute("name", b"holiday.jpg")?;
/// # let _ = draft; Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Draft {
    claims: Claims,
    expiry: Expiry,
    first: Option<Sent>,
}

#[derive(Clone, Copy, Debug)]
enum Expiry {
    Never,
    In(u64),
    At(u64),
}

impl Draft {
    /// A message for this context: the name of the application or protocol, which the reader demands.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] unless it is 1 to 255 bytes without control characters.
    pub fn new(context: &str) -> Result<Self> {
        check(
            check_context(context),
            "a context is 1 to 255 bytes without control characters",
        )?;
        let claims = Claims {
            context: context.to_owned(),
            expires: None,
            issued: 0,
            message_id: [0; 16],
            statement: StatementType::Message,
            signer: [0; 32],
            length: None,
            digest: None,
            padding: 0,
            content_type: None,
            attributes: Vec::new(),
            sequence: None,
            challenge: None,
            receipts: 0,
            reply_key: None,
            extensions: Vec::new(),
        };
        Ok(Self {
            claims,
            expiry: Expiry::Never,
            first: None,
        })
    }

    /// A statement of another type.
    pub(crate) fn of_type(mut self, statement: StatementType) -> Self {
        self.claims.statement = statement;
        self
    }

    /// Not valid any more this many seconds after it is sealed. By default a message does not expire.
    #[must_use]
    pub const fn expires_in(mut self, seconds: u64) -> Self {
        self.expiry = Expiry::In(seconds);
        self
    }

    /// Not valid any more from this time on, in seconds since 1970.
    #[must_use]
    pub const fn expires_at(mut self, time: u64) -> Self {
        self.expiry = Expiry::At(time);
        self
    }

    /// The media type of the content.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] unless it is 1 to 255 characters of printable ASCII.
    pub fn content_type(mut self, media_type: &str) -> Result<Self> {
        check(
            check_content_type(media_type),
            "a content type is 1 to 255 characters of printable ASCII",
        )?;
        self.claims.content_type = Some(media_type.to_owned());
        Ok(self)
    }

    /// Adds an attribute, or replaces the one of that name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] at the 65th, and unless the name is 1 to 64 bytes without control characters and
    /// the value at most 4096 bytes.
    pub fn attribute(mut self, name: &str, value: &[u8]) -> Result<Self> {
        check(
            check_attribute(name, value),
            "an attribute has a name of 1 to 64 bytes and a value of at most 4096",
        )?;
        let attributes: &mut Vec<(String, Vec<u8>)> = &mut self.claims.attributes;
        match attributes.binary_search_by(|(n, _)| attribute_order(n, name)) {
            Ok(at) => attributes
                .splice(at..=at, [(name.to_owned(), value.to_owned())])
                .for_each(drop),
            Err(at) => {
                check(
                    attributes.len() < MAX_ATTRIBUTES,
                    "there are at most 64 attributes",
                )?;
                attributes.insert(at, (name.to_owned(), value.to_owned()));
            }
        }
        Ok(self)
    }

    /// The place of the message in a stream of messages.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] unless the stream id is 1 to 64 bytes.
    pub fn sequence(mut self, stream: &[u8], number: u64) -> Result<Self> {
        check(check_stream(stream), "a stream id is 1 to 64 bytes")?;
        self.claims.sequence = Some(Sequence {
            stream: stream.to_owned(),
            number,
        });
        Ok(self)
    }

    /// The challenge (32 bytes) that this message answers.
    #[must_use]
    pub const fn answers(mut self, challenge: [u8; 32]) -> Self {
        self.claims.challenge = Some(challenge);
        self
    }

    /// Asks for receipts, sealed to `reply_key` of the sender.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if none is asked for.
    pub fn ask_receipts(mut self, receipts: Receipts, reply_key: &EncryptionKey) -> Result<Self> {
        check(receipts != Receipts::default(), "no receipt is asked for")?;
        self.claims.receipts = receipts.to_bits();
        self.claims.reply_key = Some(RawReplyKey {
            generation: reply_key.generation(),
            key: *reply_key.key().as_bytes(),
        });
        Ok(self)
    }

    /// Seals an earlier message again: with its id and its times, readers count both as one.
    ///
    /// The times stay, for a guard may forget the message by them: a copy that lived longer than the first could be
    /// accepted a second time. `sent` is what the first sealing gave; [`expires_in`](Self::expires_in) and
    /// [`expires_at`](Self::expires_at) have no effect then.
    #[must_use]
    pub fn again(mut self, sent: &Sent) -> Self {
        self.first = Some(sent.clone());
        self
    }

    /// The message id, if it is set already.
    pub(crate) fn message_id(&self) -> Option<MessageId> {
        self.first.as_ref().map(|sent| sent.message_id)
    }

    /// The claims of one envelope; digest and padding are still to come.
    pub(crate) fn claims(&self, signer: &VerifyingKey, now: u64, message_id: MessageId) -> Claims {
        let (issued, expires) = match (&self.first, self.expiry) {
            (Some(first), _) => (first.issued, first.expires),
            (None, Expiry::Never) => (now, None),
            (None, Expiry::In(seconds)) => (now, Some(now.saturating_add(seconds))),
            (None, Expiry::At(time)) => (now, Some(time)),
        };
        Claims {
            signer: *signer.as_bytes(),
            issued,
            message_id: message_id.0,
            expires,
            ..self.claims.clone()
        }
    }
}

fn check(condition: bool, detail: &'static str) -> Result<()> {
    if condition {
        Ok(())
    } else {
        Err(Error::with(ErrorKind::InvalidInput, detail))
    }
}
