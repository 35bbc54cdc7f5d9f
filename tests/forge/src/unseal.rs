//! Takes a sealed envelope apart as slowly as the rest makes it, for tests of a sealer (envelope.md §2 to §5). It knows
//! the reader's newest key alone, and panics at whatever an honest sealer does not do.

use crate::Person;
use crate::cobblestone::{CHUNK, Schedule, body_context};
use crate::cose::{closing_external, cose_sign1};
use crate::hpke::{hpke_key, stanza_info};
use crate::primitives::gcm_open;
use crate::stamp::closing_claims;

/// An envelope taken apart.
pub struct Unsealed {
    pub header: Vec<u8>,
    /// The plaintext of each chunk.
    pub chunks: Vec<Vec<u8>>,
    pub opening: Vec<u8>,
    /// What follows the opening: content, padding, closing and its length.
    pub rest: Vec<u8>,
}

/// Opens an envelope that is sealed to this person, chunk by chunk.
#[must_use]
pub fn unseal(envelope: &[u8], reader: &Person) -> Unsealed {
    let stanzas = usize::from(u16::from_be_bytes([envelope[56], envelope[57]]));
    let (header, body) = envelope.split_at(58 + 48 * stanzas);
    let schedule =
        Schedule::new(&content_key(header, reader), body[..24].try_into().expect("24 bytes"), &body_context(header));
    assert_eq!(body[24..56], schedule.commitment, "the commitment");
    let chunks = open_chunks(&schedule, &body[56..]);
    let plaintext = chunks.concat();
    assert_eq!(plaintext[0], 1, "the form");
    let opening = usize::from(u16::from_be_bytes([plaintext[1], plaintext[2]]));
    Unsealed {
        header: header.to_vec(),
        opening: plaintext[3..3 + opening].to_vec(),
        rest: plaintext[3 + opening..].to_vec(),
        chunks,
    }
}

fn content_key(header: &[u8], reader: &Person) -> [u8; 32] {
    let enc: [u8; 32] = header[24..56].try_into().expect("32 bytes");
    let info = stanza_info(&header[8..24], &reader.signer());
    let dh = x25519_dalek::x25519(reader.newest().secret, enc);
    let (key, nonce) = hpke_key(&dh, &enc, &reader.encryption(), &info);
    let opened = header[58..].chunks(48).find_map(|stanza| gcm_open(&key, &nonce, b"", stanza));
    opened.expect("a stanza for the reader").try_into().expect("32 bytes")
}

/// Every chunk is full but the last, and the last is not.
fn open_chunks(schedule: &Schedule, sealed: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = sealed;
    let mut chunks = Vec::new();
    for number in 0.. {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK + 16));
        let nonce = schedule.nonce(number);
        chunks.push(gcm_open(&schedule.key, &nonce, b"", chunk).expect("a chunk that opens"));
        if chunk.len() < CHUNK + 16 {
            return chunks;
        }
        rest = after;
    }
    unreachable!("a chunk is short before the numbers end")
}

impl Unsealed {
    /// The end of a stream of this content, by this author: the closing and its length.
    #[must_use]
    pub fn end_of(&self, content: &[u8], author: &Person) -> Vec<u8> {
        let external = closing_external(&self.header, &self.opening);
        let closing = cose_sign1(&author.seed, &external, &closing_claims(content).encode());
        let length = u16::try_from(closing.len()).expect("a closing shorter than 64 KiB");
        [&closing[..], &length.to_be_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Forge, Layout, Padding, Stanza};

    /// What the forge seals comes out again, at the lengths where the last chunk is longest and empty.
    #[test]
    fn what_was_sealed_comes_out() {
        let (alice, bob) = (Person::new("alice"), Person::new("bob"));
        for length in [0, 700, 16_384, 40_000] {
            let forge = Forge::sealed(&alice, &[&bob]).with(|f| {
                (f.layout, f.padding) = (Layout::LengthKnown, Padding::Zeros(3));
                f.content = crate::bytes("content", length);
                f.stanzas.insert(0, Stanza::decoy("one"));
            });
            let sealed = forge.seal();
            let unsealed = unseal(&sealed.envelope, &bob);
            assert_eq!((&unsealed.header, &unsealed.opening), (&sealed.header, &sealed.opening));
            assert_eq!(unsealed.chunks.concat(), sealed.plaintext);
            let end = unsealed.end_of(&sealed.content, &alice);
            assert_eq!(unsealed.rest, [&sealed.content[..], &[0; 3], &end].concat());
        }
    }
}
