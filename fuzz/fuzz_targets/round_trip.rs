//! Any message, in any layout and any pieces: what was said comes out again, and one changed byte is refused.
#![no_main]

use arbitrary::Arbitrary;
use bulla::{
    Draft, ErrorKind, Padding, Policy, Receipts, Replay, Sealer, Senders, Stamp, Verifier,
};
use bulla_fuzz::{ALICE, BOB, CAROL, CLOCK, FixedEntropy, pieces};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

#[derive(Arbitrary, Debug)]
struct Message {
    layout: Layout,
    padded: bool,
    decoys: u8,
    carol_too: bool,
    content: Vec<u8>,
    /// The content is repeated to this length if it is shorter, so that it fills several chunks.
    length: u16,
    context: String,
    content_type: Option<String>,
    expires_in: Option<u64>,
    attributes: Vec<(String, Vec<u8>)>,
    sequence: Option<(Vec<u8>, u64)>,
    receipts: u8,
    flip_at: u32,
    flip: u8,
}

#[derive(Arbitrary, Debug, Clone, Copy, PartialEq)]
enum Layout {
    Sealed,
    SealedSized,
    SealedOpenEnded,
    Signed,
    SignedSized,
    SignedOpenEnded,
    Detached,
}

impl Message {
    fn content(&self) -> Vec<u8> {
        let length = self.content.len().max(usize::from(self.length));
        let filler: &[u8] = if self.content.is_empty() {
            b"."
        } else {
            &self.content
        };
        filler.iter().copied().cycle().take(length).collect()
    }

    fn receipts(&self) -> Receipts {
        Receipts {
            delivered: self.receipts & 1 != 0,
            stored: self.receipts & 2 != 0,
            rejected: self.receipts & 4 != 0,
        }
    }

    fn draft(&self) -> bulla::Result<Draft> {
        let mut draft = Draft::new(&self.context)?;
        if let Some(content_type) = &self.content_type {
            draft = draft.content_type(content_type)?;
        }
        if let Some(seconds) = self.expires_in {
            draft = draft.expires_in(seconds);
        }
        for (name, value) in &self.attributes {
            draft = draft.attribute(name, value)?;
        }
        if let Some((stream, number)) = &self.sequence {
            draft = draft.sequence(stream, *number)?;
        }
        if self.receipts() != Receipts::default() {
            draft = draft.ask_receipts(self.receipts(), ALICE.public().newest_key().unwrap())?;
        }
        Ok(draft)
    }

    fn seal(&self, draft: &Draft, content: &[u8]) -> bulla::Result<Vec<u8>> {
        let padding = if self.padded {
            Padding::Padme
        } else {
            Padding::None
        };
        let carol = self.carol_too.then(|| CAROL.public());
        let sealer = Sealer::with(&*ALICE, &CLOCK, &FixedEntropy)
            .to(BOB.public())
            .to_all(carol)
            .decoys(usize::from(self.decoys % 4))
            .padding(padding);
        let length = Some(content.len() as u64);
        let mut out = Vec::new();
        let mut stream = match self.layout {
            Layout::Sealed => return sealer.seal(draft, content),
            Layout::Signed => return sealer.sign(draft, content),
            Layout::Detached => return sealer.sign_detached(draft, content),
            Layout::SealedSized => sealer.stream(draft, length, &mut out)?,
            Layout::SealedOpenEnded => sealer.stream(draft, None, &mut out)?,
            Layout::SignedSized => sealer.sign_stream(draft, length, &mut out)?,
            Layout::SignedOpenEnded => sealer.sign_stream(draft, None, &mut out)?,
        };
        for piece in pieces(content) {
            stream.update(piece, &mut out)?;
        }
        stream.finish(&mut out)?;
        Ok(out)
    }

    /// Opens in one piece and in pieces; both must agree.
    fn open(&self, envelope: &[u8], content: &[u8]) -> Result<(Vec<u8>, Stamp), ErrorKind> {
        let policy = Policy::new(&self.context, Senders::only([*ALICE.verifying_key()])).unwrap();
        let verifier = Verifier::with_clock("fuzz", &policy, Replay::Unguarded, &CLOCK);
        let opener = bulla::Opener::with_clock(&*BOB, &policy, Replay::Unguarded, &CLOCK);
        let (whole, mut stream) = match self.layout {
            Layout::Detached => {
                let proof = verifier.verify_detached(envelope, content);
                let stamp = proof.map_err(|error| error.kind())?.stamp().clone();
                return Ok((content.to_vec(), stamp));
            }
            Layout::Signed | Layout::SignedSized | Layout::SignedOpenEnded => {
                (verifier.verify(envelope), verifier.stream())
            }
            _ => (opener.open(envelope), opener.stream()),
        };
        let mut out = Vec::new();
        let in_pieces = pieces(envelope)
            .into_iter()
            .try_for_each(|piece| stream.update_provisional(piece, &mut out))
            .and_then(|()| stream.finish(&mut out));
        match (whole, in_pieces) {
            (Ok(whole), Ok(_)) => {
                assert_eq!(whole.content(), out);
                let stamp = whole.stamp().clone();
                Ok((out, stamp))
            }
            (Err(whole), Err(in_pieces)) => {
                assert_eq!(whole, in_pieces);
                Err(whole.kind())
            }
            (whole, in_pieces) => panic!("whole: {whole:?}, in pieces: {in_pieces:?}"),
        }
    }

    fn check(&self, stamp: &Stamp) {
        assert_eq!(stamp.signer(), ALICE.verifying_key());
        assert_eq!(stamp.context(), self.context);
        assert_eq!(stamp.content_type(), self.content_type.as_deref());
        let expires = self
            .expires_in
            .map(|seconds| CLOCK.0.saturating_add(seconds));
        assert_eq!(stamp.expires(), expires);
        // The last value of a name counts.
        let said: BTreeMap<_, _> = self
            .attributes
            .iter()
            .map(|(n, v)| (&n[..], &v[..]))
            .collect();
        assert!(stamp.attributes().collect::<BTreeMap<_, _>>() == said);
        let sequence = stamp.sequence().map(|it| (it.stream.clone(), it.number));
        assert_eq!(sequence, self.sequence);
        // Answers need a guard that knows what was asked.
        assert_eq!(stamp.challenge(), None);
        assert_eq!(stamp.receipts(), self.receipts());
        let asked = self.receipts() != Receipts::default();
        assert_eq!(stamp.reply_key().is_some(), asked);
    }
}

fuzz_target!(|message: Message| {
    let Ok(draft) = message.draft() else {
        return;
    };
    let content = message.content();
    let envelope = match message.seal(&draft, &content) {
        Ok(envelope) => envelope,
        // A stamp longer than 16 KiB.
        Err(error) => return assert_eq!(error, ErrorKind::InvalidInput),
    };
    match message.open(&envelope, &content) {
        Ok((opened, stamp)) => {
            assert_eq!(opened, content);
            message.check(&stamp);
        }
        Err(kind) => panic!("{kind:?}"),
    }
    let mut changed = envelope;
    let at = message.flip_at as usize % changed.len();
    changed[at] ^= message.flip.max(1);
    assert!(message.open(&changed, &content).is_err());
});
