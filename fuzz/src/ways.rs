//! One envelope, opened in every way there is: all of them must say the same.

use bulla::{
    DEFAULT_MAX_AGE, DEFAULT_SKEW, Digest, ErrorKind, Evidence, MemoryGuard, OpenStream, Opened,
    Opener, Replay, Stamp, StatementType, Verified, Verifier,
};
use bulla_forge::{CONTEXT, NOW};
use std::io::Cursor;
use std::sync::LazyLock;

use crate::cbor::evidence_parts;
use crate::{ALICE, CLOCK, POLICY, Reader, begin, pieces};

/// What an accepted envelope gave.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The content.
    pub content: Vec<u8>,
    opening: Vec<u8>,
    closing: Option<Vec<u8>>,
    padding: u64,
}

impl Accepted {
    /// The one plaintext that this can have come from.
    pub fn plaintext(&self) -> Vec<u8> {
        let mut plaintext = begin(&self.opening);
        plaintext.extend_from_slice(&self.content);
        plaintext.resize(plaintext.len() + self.padding as usize, 0);
        if let Some(closing) = &self.closing {
            plaintext.extend_from_slice(closing);
            plaintext.extend_from_slice(&(closing.len() as u16).to_be_bytes());
        }
        plaintext
    }
}

/// The content, or why not.
pub type Verdict = Result<Accepted, ErrorKind>;

/// What the policy of all targets demands (spec/opening.md §4), but for what an archive leaves out.
fn judged(stamp: &Stamp) {
    assert_eq!(stamp.statement_type(), StatementType::Message);
    assert_eq!(stamp.signer(), ALICE.verifying_key());
    assert_eq!(stamp.context(), CONTEXT);
    assert!(stamp.issued() <= NOW + DEFAULT_SKEW);
    assert!(
        NOW < stamp
            .issued()
            .saturating_add(DEFAULT_MAX_AGE + DEFAULT_SKEW)
    );
    let in_time = |end: u64| NOW < end.saturating_add(DEFAULT_SKEW);
    assert!(stamp.expires().is_none_or(in_time));
}

fn accepted(content: Vec<u8>, proof: &Verified) -> Accepted {
    assert_eq!(proof.content_length(), content.len() as u64);
    assert_eq!(proof.content_digest(), Digest::of(&content));
    judged(proof.stamp());
    let bytes = proof.evidence();
    let evidence = Evidence::check(&bytes).expect("its evidence is valid");
    assert!(evidence.is_about(&content));
    assert_eq!(evidence.stamp().signer(), proof.stamp().signer());
    let (opening, closing) = evidence_parts(&bytes).expect("its evidence has a closing or null");
    assert_eq!(proof.opening_digest(), Digest::of(&opening));
    Accepted {
        content,
        opening,
        closing,
        padding: proof.stamp().padding(),
    }
}

static READER: LazyLock<Reader> = LazyLock::new(Reader::default);

/// Opens a sealed envelope as a whole, in pieces, through `Read`, as an archive, and at random places, and gives the
/// common verdict.
pub fn open_all_ways(envelope: &[u8]) -> Verdict {
    let guard = MemoryGuard::new(4);
    let opener = Opener::with_clock(&*READER, &POLICY, Replay::Guarded(&guard), &CLOCK);
    let whole = opener
        .open(envelope)
        .map(|message| {
            let (content, proof) = message.into_parts();
            accepted(content, &proof)
        })
        .map_err(|error| error.kind());
    assert_eq!(guard.len(), usize::from(whole.is_ok()));
    if whole.is_ok() {
        assert_eq!(opener.open(envelope).unwrap_err(), ErrorKind::Replayed);
    }

    let opener = Opener::with_clock(&*READER, &POLICY, Replay::Unguarded, &CLOCK);
    assert_eq!(in_pieces(opener.stream(), envelope), whole);
    assert_eq!(through_read(&opener, envelope), whole);
    at_random_places(&opener, envelope, &whole);
    as_archive(envelope, &whole);
    whole
}

/// An archive opens what is accepted now, and what was accepted once.
fn as_archive(envelope: &[u8], whole: &Verdict) {
    let open = || Opener::archive(&*READER, &POLICY).open(envelope);
    match whole {
        Ok(whole) => assert_eq!(open().unwrap().content(), whole.content),
        Err(ErrorKind::NotYetValid | ErrorKind::Expired | ErrorKind::TooOld) => drop(open()),
        Err(_) => {}
    }
}

/// Verifies a signed envelope as a whole and in pieces.
pub fn verify_all_ways(envelope: &[u8]) -> Verdict {
    let verifier = Verifier::with_clock("fuzz", &POLICY, Replay::Unguarded, &CLOCK);
    let whole = verifier
        .verify(envelope)
        .map(|message| {
            let (content, proof) = message.into_parts();
            accepted(content, &proof)
        })
        .map_err(|error| error.kind());
    assert_eq!(in_pieces(verifier.stream(), envelope), whole);
    if let Ok(whole) = &whole {
        assert_eq!(whole.plaintext(), envelope[24..]);
    }
    whole
}

fn in_pieces(mut stream: OpenStream<'_>, envelope: &[u8]) -> Verdict {
    let mut content = Vec::new();
    for piece in pieces(envelope) {
        let before = content.len();
        if let Err(error) = stream.update_provisional(piece, &mut content) {
            assert_eq!(content.len(), before);
            let after = stream.update_provisional(b"x", &mut content).unwrap_err();
            assert_eq!(after, ErrorKind::WrongOrder);
            return Err(error.kind());
        }
        assert!(content.is_empty() || stream.stamp().is_some());
    }
    match stream.finish(&mut content) {
        Ok(proof) => Ok(accepted(content, &proof)),
        Err(error) => Err(error.kind()),
    }
}

fn through_read(opener: &Opener<'_>, envelope: &[u8]) -> Verdict {
    let mut content = Vec::new();
    let proof: bulla::Result<Opened> = opener
        .read(envelope)
        .and_then(|reader| reader.copy_provisional(&mut content));
    match proof {
        Ok(proof) => Ok(accepted(content, &proof)),
        Err(error) => Err(error.kind()),
    }
}

/// Random access sees the end of the file first, so it may name another fault; but it accepts the same envelopes.
fn at_random_places(opener: &Opener<'_>, envelope: &[u8], whole: &Verdict) {
    let file = opener
        .random_access(Cursor::new(envelope))
        .and_then(|file| file.verify());
    let mut file = match (file, whole) {
        (Ok(file), Ok(_)) => file,
        (Err(_), Err(_)) => return,
        (file, whole) => panic!("random access: {file:?}, whole: {whole:?}"),
    };
    let content = &whole.as_ref().unwrap().content;
    for offset in [0, content.len() / 3, content.len().saturating_sub(20)] {
        let mut buffer = [0; 40];
        let read = file.read_at(offset as u64, &mut buffer).unwrap();
        let expected = &content[offset..content.len().min(offset + buffer.len())];
        assert_eq!(&buffer[..read], expected);
    }
    assert_eq!(file.read_at(u64::MAX, &mut [0; 1]).unwrap(), 0);
}
