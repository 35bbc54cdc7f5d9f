//! `challenge`.

use bulla::{Opener, OsEntropy, Policy, Replay, Senders};

use crate::args::Challenge;
use crate::failure::Failure;
use crate::guard::FileGuard;
use crate::identity;
use crate::terminal::{hex, print};

pub(super) fn challenge(args: &Challenge) -> Result<(), Failure> {
    let key = identity::of(&args.key)?;
    // Who may answer is judged when the answer comes.
    let policy = Policy::new(&args.reader.context, Senders::anyone())?.demand_challenge(true);
    let guard = FileGuard::new(&args.guard);
    let challenge = Opener::new(&key, &policy, Replay::Guarded(&guard))
        .challenge(&OsEntropy, args.lifetime)
        .map_err(|error| guard.failed(error))?;
    print(&format!("{}\n", hex(&challenge)))
}
