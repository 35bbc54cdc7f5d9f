//! Envelopes whose inside is the fuzzer's: sealed with a known content key, signed with a known seed, so that the fuzzer
//! reaches the code behind the AEAD and behind the signature.

use bulla_forge::cbor;
use bulla_forge::cobblestone::Schedule;
use bulla_forge::cose::{closing_external, opening_external};
use bulla_forge::{Forge, Layout, Padding, Sealed, cose_sign1, h};

use crate::{ALICE_FORGE, BOB_FORGE};

/// The beginning of a sealed envelope, and the key of its body.
pub struct Inside {
    header: Vec<u8>,
    prefix: Vec<u8>,
    schedule: Schedule,
}

impl Default for Inside {
    fn default() -> Self {
        let forge = Forge::sealed(&ALICE_FORGE, &[&BOB_FORGE]);
        let header = forge.make_header();
        let schedule = forge.schedule(&header);
        let prefix = [&header[..], &forge.salt, &schedule.commitment].concat();
        Self {
            header,
            prefix,
            schedule,
        }
    }
}

impl Inside {
    /// The header, which statements are bound to.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// The envelope whose body carries `plaintext`.
    pub fn seal(&self, plaintext: &[u8]) -> Vec<u8> {
        let mut envelope = self.prefix.clone();
        for chunk in self.schedule.chunks(plaintext) {
            envelope.extend_from_slice(&chunk);
        }
        envelope
    }

    /// Any claims as an opening, signed by Alice under this header.
    pub fn opening(&self, claims: &[u8]) -> Vec<u8> {
        cose_sign1(&ALICE_FORGE.seed, &opening_external(&self.header), claims)
    }

    /// Any claims as a closing of this opening with its length behind it, signed by Alice.
    pub fn closing(&self, opening: &[u8], claims: &[u8]) -> Vec<u8> {
        let external = closing_external(&self.header, opening);
        let mut closing = cose_sign1(&ALICE_FORGE.seed, &external, claims);
        let length = u16::try_from(closing.len()).unwrap_or(u16::MAX);
        closing.extend_from_slice(&length.to_be_bytes());
        closing
    }
}

/// The beginning of a plaintext: form, length, opening.
pub fn begin(opening: &[u8]) -> Vec<u8> {
    let length = u16::try_from(opening.len()).unwrap_or(u16::MAX);
    [&[1][..], &length.to_be_bytes(), opening].concat()
}

/// The honest claims of a closing.
pub fn closing_claims(content: &[u8]) -> Vec<u8> {
    cbor::map(&[
        (cbor::int(-1), cbor::uint(6)),
        (cbor::int(-3), cbor::uint(content.len() as u64)),
        (cbor::int(-4), cbor::bytes(&h(&[content]))),
    ])
}

/// Honest envelopes with the header of [`Inside`], of all layouts, with and without padding. The first is open-ended.
pub fn honest() -> Vec<Sealed> {
    [
        (Layout::LengthUnknown, 0),
        (Layout::OneShot, 0),
        (Layout::OneShot, 30),
        (Layout::LengthKnown, 0),
        (Layout::LengthKnown, 30),
    ]
    .map(|(layout, zeros)| {
        let forge = Forge::sealed(&ALICE_FORGE, &[&BOB_FORGE]);
        let padding = match zeros {
            0 => Padding::None,
            zeros => Padding::Zeros(zeros),
        };
        forge
            .with(|f| (f.layout, f.padding) = (layout, padding))
            .seal()
    })
    .into()
}
