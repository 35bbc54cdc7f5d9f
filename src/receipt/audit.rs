//! Audit: "do you still have it?", answered so that only who has it can (spec/receipts.md §7).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::crypto::digest::{Digest, KeyedHasher};
use crate::crypto::random::{Entropy, HedgedRandom};
use crate::crypto::secret::Secret;
use crate::crypto::sign::VerifyingKey;
use crate::envelope::draft::Draft;
use crate::envelope::open::Opener;
use crate::envelope::seal::{Sealer, Sent};
use crate::envelope::stamp::{MessageId, Receipts};
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::clock::Clock;
use crate::freshness::policy::{Policy, Replay, Senders};
use crate::identity::holder::{Decapsulator, Signer};
use crate::identity::public::{EncryptionKey, PublicIdentity};
use crate::wire::audit::{RawAnswer, RawAudit};
use crate::wire::claims::StatementType;
use crate::wire::labels;

/// For how long a question may be answered, in seconds.
const QUESTION_LIVES: u64 = 24 * 60 * 60;

/// A question that was asked: keep it until its answer has come. It holds nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    raw: RawAudit,
    asker: VerifyingKey,
    holder: VerifyingKey,
    context: String,
}

impl Question {
    /// Asks `holder` whether it still has the content of a message that was sent. Gives the question, and the envelope to
    /// send, sealed to the holder; the answer will come to `reply_key` of the asker.
    ///
    /// # Errors
    ///
    /// As [`Sealer::seal`].
    pub fn ask(
        sealer: Asker<'_>,
        holder: &PublicIdentity,
        context: &str,
        sent: &Sent,
        reply_key: &EncryptionKey,
    ) -> Result<(Self, Vec<u8>)> {
        let random = HedgedRandom::new(sealer.entropy, labels::RANDOM, &mut core::iter::empty())?;
        let raw = RawAudit {
            message_id: sent.message_id.0,
            content: (sent.content_length, *sent.content_digest.as_bytes()),
            challenge: random.array(b"audit\0"),
            answer: None,
        };
        let answer = Receipts {
            delivered: true,
            ..Receipts::default()
        };
        let draft = Draft::new(context)?
            .of_type(StatementType::Audit)
            .expires_in(QUESTION_LIVES)
            .ask_receipts(answer, reply_key)?;
        let envelope = Sealer::with(sealer.signer, sealer.clock, sealer.entropy)
            .to(holder)
            .seal(&draft, &raw.encode())?;
        let question = Self {
            raw,
            asker: sealer.signer.signer_key(),
            holder: *holder.verifying_key(),
            context: context.into(),
        };
        Ok((question, envelope))
    }

    /// The question as bytes, to keep it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(self.asker.as_bytes());
        bytes.extend_from_slice(self.holder.as_bytes());
        // A context is at most 255 bytes.
        bytes.push(self.context.len() as u8);
        bytes.extend_from_slice(self.context.as_bytes());
        bytes.extend_from_slice(&self.raw.encode());
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).ok_or(Error::with(
            ErrorKind::Malformed,
            "this is no question of an audit",
        ))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (asker, rest) = bytes.split_first_chunk()?;
        let (holder, rest) = rest.split_first_chunk()?;
        let (&length, rest) = rest.split_first()?;
        let (context, raw) = rest.split_at_checked(usize::from(length))?;
        Some(Self {
            raw: RawAudit::parse(raw)
                .ok()
                .filter(|raw| raw.answer.is_none())?,
            asker: VerifyingKey::from_bytes(asker)?,
            holder: VerifyingKey::from_bytes(holder)?,
            context: core::str::from_utf8(context).ok()?.into(),
        })
    }

    /// The message in question.
    #[must_use]
    pub const fn message_id(&self) -> MessageId {
        MessageId(self.raw.message_id)
    }

    /// Length and digest of the content in question.
    #[must_use]
    pub const fn content(&self) -> (u64, Digest) {
        let (length, digest) = self.raw.content;
        (length, Digest::from_bytes(digest))
    }

    /// Who asks.
    #[must_use]
    pub const fn asker(&self) -> &VerifyingKey {
        &self.asker
    }

    /// Who is asked.
    #[must_use]
    pub const fn holder(&self) -> &VerifyingKey {
        &self.holder
    }

    /// In which context.
    #[must_use]
    pub fn context(&self) -> &str {
        &self.context
    }

    /// What proves that one has the content: to be fed with all of it. The asker needs the content too, or makes
    /// questions ahead and keeps what they give.
    #[must_use]
    pub fn prover(&self) -> Prover {
        let (length, digest) = &self.raw.content;
        let key = Digest::of_parts(&[
            labels::AUDIT,
            &self.raw.challenge,
            self.asker.as_bytes(),
            self.holder.as_bytes(),
            &self.raw.message_id,
            &length.to_be_bytes(),
            digest,
        ]);
        Prover {
            keyed: KeyedHasher::new(key.as_bytes()),
            plain: crate::crypto::digest::Hasher::new(),
            came: 0,
            content: self.content(),
        }
    }

    /// Opens the answer. It gives the proof that the holder sent, to be compared with [`Prover::finish`]; `None`: it says
    /// that it has the content no more.
    ///
    /// # Errors
    ///
    /// As [`Opener::open`]; [`ErrorKind::WrongReceipt`] if it answers another question.
    pub fn answer(
        &self,
        keys: &dyn Decapsulator,
        envelope: &[u8],
        clock: &dyn Clock,
    ) -> Result<Option<Proof>> {
        let policy = Policy::new(&self.context, Senders::only([self.holder]))?
            .for_answers(StatementType::Audit);
        let opener = Opener::with_clock(keys, &policy, Replay::Unguarded, clock);
        let answer = RawAudit::parse(opener.open(envelope)?.content())?;
        let asked = RawAudit {
            answer: None,
            ..answer.clone()
        };
        match answer.answer {
            _ if asked != self.raw => Err(ErrorKind::WrongReceipt.into()),
            Some(RawAnswer::Held(proof)) => Ok(Some(Proof(proof))),
            Some(RawAnswer::NotHeld) => Ok(None),
            None => Err(ErrorKind::WrongReceipt.into()),
        }
    }
}

/// Who asks or answers: a key, a clock, a generator.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    signer: &'a dyn Signer,
    clock: &'a dyn Clock,
    entropy: &'a dyn Entropy,
}

impl<'a> Asker<'a> {
    /// With the clock and the generator of the system.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn new(signer: &'a dyn Signer) -> Self {
        Self::with(
            signer,
            &crate::freshness::clock::SystemClock,
            &crate::crypto::random::OsEntropy,
        )
    }

    /// With this clock and this generator.
    #[must_use]
    pub fn with(signer: &'a dyn Signer, clock: &'a dyn Clock, entropy: &'a dyn Entropy) -> Self {
        Self {
            signer,
            clock,
            entropy,
        }
    }
}

impl fmt::Debug for Asker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asker({})", self.signer.signer_key())
    }
}

/// A question that came, verified.
#[derive(Clone, Debug)]
pub struct Asked {
    question: Question,
    reply_key: EncryptionKey,
}

impl Asked {
    /// Opens a question. Name a guard: to answer means to read all of the content, and a question that is replayed would
    /// have it read again and again.
    ///
    /// # Errors
    ///
    /// As [`Opener::open`]; [`ErrorKind::WrongStatement`] for what is no question.
    pub fn open(
        keys: &dyn Decapsulator,
        policy: &Policy,
        replay: Replay<'_>,
        envelope: &[u8],
        clock: &dyn Clock,
    ) -> Result<Self> {
        let policy = policy.clone().for_statement(StatementType::Audit);
        let opened = Opener::with_clock(keys, &policy, replay, clock).open(envelope)?;
        let raw = RawAudit::parse(opened.content())?;
        let stamp = opened.stamp();
        let (None, Some(reply_key)) = (&raw.answer, stamp.reply_key()) else {
            return Err(ErrorKind::WrongStatement.into());
        };
        Ok(Self {
            reply_key: *reply_key,
            question: Question {
                raw,
                asker: *stamp.signer(),
                holder: keys.reader_key(),
                context: stamp.context().into(),
            },
        })
    }

    /// The question. Answer it only to whom the content is known already: its author, or another recipient.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// Answers, with the proof of a [`Prover`] that all of the content was given, or, without one, that it is held no more.
    ///
    /// # Errors
    ///
    /// As [`Sealer::seal`].
    pub fn answer(&self, answerer: Asker<'_>, proof: Option<Proof>) -> Result<Vec<u8>> {
        let raw = RawAudit {
            answer: Some(proof.map_or(RawAnswer::NotHeld, |proof| RawAnswer::Held(proof.0))),
            ..self.question.raw.clone()
        };
        let asker = PublicIdentity::new(self.question.asker, alloc::vec![self.reply_key])?;
        let draft = Draft::new(&self.question.context)?.of_type(StatementType::Audit);
        Sealer::with(answerer.signer, answerer.clock, answerer.entropy)
            .to(&asker)
            .seal(&draft, &raw.encode())
    }
}

/// Turns a content, given in pieces, into the proof that one has it.
#[derive(Debug)]
pub struct Prover {
    keyed: KeyedHasher,
    plain: crate::crypto::digest::Hasher,
    came: u64,
    content: (u64, Digest),
}

impl Prover {
    /// Takes the next piece of the content.
    pub fn update(&mut self, content: &[u8]) {
        self.keyed.update(content);
        self.plain.update(content);
        self.came = self.came.saturating_add(content.len() as u64);
    }

    /// The proof; `None` if what came is not the content in question.
    #[must_use]
    pub fn finish(self) -> Option<Proof> {
        let whole = (self.came, self.plain.finish()) == self.content;
        whole.then(|| Proof(*self.keyed.finish().expose()))
    }
}

/// What proves that one has a content.
#[derive(Clone, Copy)]
pub struct Proof([u8; 32]);

impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        // In constant time: whoever guesses must not be told how near he is.
        Secret::new(self.0) == Secret::new(other.0)
    }
}

impl Eq for Proof {}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof")
    }
}
