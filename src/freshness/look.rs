//! What a guard knows already, without a claim (spec/guard.md §3).

use alloc::vec::Vec;

use super::guard::{Claim, Claimed};
use super::rules::Shelf;
use crate::error::Result;

/// As [`ReplayGuard::look`](super::guard::ReplayGuard::look): what a claim would answer, where it would leave all as it is.
pub(crate) fn look<S: Shelf>(shelf: &mut S, claim: &Claim, now: u64) -> Result<Option<Vec<u8>>> {
    let now = shelf.observe(now)?;
    let Some(entry) = shelf.entry(&claim.key)? else {
        return Ok(None);
    };
    let mut met = entry.clone();
    let answer = met.meet(claim, now);
    // One that is over is absent. A copy that lives longer is to be claimed: the entry must be kept as long, or the copy could
    // be new once more.
    let stands = entry.claim.keep_until > now && met == entry;
    Ok(match answer {
        Some(Claimed::Same(answer)) if stands => Some(answer),
        _ => None,
    })
}
