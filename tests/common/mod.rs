//! What several tests need: people of the forge as identities of the library.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

pub(crate) mod readers;

use bulla::{Identity, PublicIdentity, VerifyingKey};
use bulla_forge::{KeyFile, Person, Protection};

/// A person of the forge, with all keys, as the library reads it from a key file.
pub(crate) fn identity(person: &Person) -> Identity {
    Identity::from_key_file(
        KeyFile::of(person, Protection::Plain).armored().as_bytes(),
        None,
    )
    .unwrap()
}

pub(crate) fn public(person: &Person) -> PublicIdentity {
    identity(person).public().clone()
}

pub(crate) fn key(person: &Person) -> VerifyingKey {
    VerifyingKey::from_bytes(&person.signer()).unwrap()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

/// Runs `work` for every index on all cores.
pub(crate) fn for_all(count: usize, work: impl Fn(usize) + Sync) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for core in 0..cores {
            let work = &work;
            scope.spawn(move || (core..count).step_by(cores).for_each(work));
        }
    });
}

/// The bytes between these places; those past the end are left out.
pub(crate) fn pieces<'b>(bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let ends = cuts.iter().map(|cut| (*cut).min(bytes.len()));
    let starts = [0].into_iter().chain(ends.clone());
    let ends = ends.chain([bytes.len()]);
    starts
        .zip(ends)
        .map(|(from, to)| &bytes[from..to])
        .collect()
}

/// A number for which `measure` gives what is wanted, if there is one: what it measures grows with the number, but for
/// the few bytes that tell it.
pub(crate) fn fit(wanted: usize, measure: impl Fn(usize) -> usize) -> Option<usize> {
    let mut number = wanted;
    for _ in 0..4 {
        number = (number + wanted).checked_sub(measure(number))?;
    }
    (number.saturating_sub(8)..number + 8).find(|number| measure(*number) == wanted)
}

/// For guards of tests that know messages alone: streams, challenges and rates are refused.
#[allow(unused_macros)]
macro_rules! no_streams_no_challenges_no_rates {
    () => {
        fn expect(&self, _: &bulla::Digest, _: u64, _: u64) -> bulla::Result<()> {
            Err(bulla::ErrorKind::GuardUnavailable.into())
        }
        fn missing(&self, _: &bulla::Digest) -> bulla::Result<Vec<std::ops::RangeInclusive<u64>>> {
            Err(bulla::ErrorKind::GuardUnavailable.into())
        }
        fn skip(&self, _: &bulla::Digest, _: u64) -> bulla::Result<()> {
            Err(bulla::ErrorKind::GuardUnavailable.into())
        }
        fn forget_stream(&self, _: &bulla::Digest) -> bulla::Result<bool> {
            Ok(false)
        }
        fn permit(&self, _: &bulla::Digest, _: u64, _: bulla::Rate) -> bulla::Result<bool> {
            Err(bulla::ErrorKind::GuardUnavailable.into())
        }
    };
}
#[allow(unused_imports)]
pub(crate) use no_streams_no_challenges_no_rates;
