//! `challenge`.

use bulla::{Opener, OsEntropy, Policy, Replay, Senders, Verifier};

use crate::args::Challenge;
use crate::failure::Failure;
use crate::guard::LazyGuard;
use crate::identity;
use crate::terminal::{hex, print};

pub(super) fn challenge(args: &Challenge) -> Result<(), Failure> {
    // Who may answer is judged when the answer comes.
    let policy = Policy::new(&args.reader.context, Senders::anyone())?.demand_challenge(true);
    let guard = LazyGuard::new(&args.guard);
    let replay = Replay::Guarded(&guard);
    let challenge = match &args.file {
        Some(file) => {
            let key = identity::read_key(file, &args.protection)?.identity;
            Opener::new(&key, &policy, replay).challenge(&OsEntropy, args.lifetime)
        }
        None => {
            let name = args.reader_name.as_deref().unwrap_or_default();
            Verifier::new(name, &policy, replay).challenge(&OsEntropy, args.lifetime)
        }
    };
    let challenge = challenge.map_err(|error| guard.failed(error))?;
    print(&format!("{}\n", hex(&challenge)))
}
