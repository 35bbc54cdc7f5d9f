//! What the fuzz targets share: fixed people, a fixed clock, fixed randomness, and ways to open one envelope that must
//! all come to the same verdict. Nothing here keeps state between inputs.

pub mod calls;
mod cbor;
mod hands;
mod inside;
mod reader;
mod watch;
mod ways;

pub use cbor::is_deterministic;
pub use hands::{Hand, Script};
pub use inside::{Inside, begin, closing_claims, honest};
pub use reader::Reader;
pub use ways::{Accepted, Verdict, open_all_ways, verify_all_ways};

use bulla::{Entropy, FixedClock, Identity, Policy, Secret, Senders};
use bulla_forge::{CONTEXT, NOW, Person};
use std::sync::LazyLock;

/// The clock of every target.
pub const CLOCK: FixedClock = FixedClock(NOW);

/// The author, as the forge knows her.
pub static ALICE_FORGE: LazyLock<Person> = LazyLock::new(|| Person::new("alice"));
/// The reader, as the forge knows him.
pub static BOB_FORGE: LazyLock<Person> = LazyLock::new(|| Person::new("bob"));
/// The author.
pub static ALICE: LazyLock<Identity> = LazyLock::new(|| identity(&ALICE_FORGE));
/// The reader.
pub static BOB: LazyLock<Identity> = LazyLock::new(|| identity(&BOB_FORGE));
/// A further recipient.
pub static CAROL: LazyLock<Identity> = LazyLock::new(|| identity(&Person::new("carol")));
/// What the reader accepts: the context of all envelopes here, from Alice.
pub static POLICY: LazyLock<Policy> =
    LazyLock::new(|| Policy::new(CONTEXT, Senders::only([*ALICE.verifying_key()])).unwrap());

fn identity(person: &Person) -> Identity {
    Identity::from_seed(&Secret::new(person.seed)).unwrap()
}

/// Gives the same bytes every time: what differs between envelopes comes from what the library hedges with.
pub struct FixedEntropy;

impl Entropy for FixedEntropy {
    fn fill(&self, out: &mut [u8]) -> bulla::Result<()> {
        out.copy_from_slice(&bulla_forge::bytes("fuzz entropy", out.len()));
        Ok(())
    }
}

/// Cuts `data` into pieces whose lengths depend on all of its bytes: many of them tiny, some large.
pub fn pieces(data: &[u8]) -> Vec<&[u8]> {
    let mut state = data.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut rest = data;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bits = (state >> 8) % 16;
        // Once there are many pieces the rest goes as one, or long inputs would be slow.
        let length = if pieces.len() > 200 {
            rest.len()
        } else {
            (state >> 16) as usize % (1 << bits)
        };
        let (piece, later) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = later;
    }
    pieces
}
