//! What each command does.

mod audit;
mod challenge;
mod demo;
mod evidence;
mod generate;
mod guard;
mod inspect;
mod keys;
mod open;
mod outbox;
mod reading;
#[cfg(unix)]
mod receive;
mod seal;
mod send;
mod settle;
mod sign;
mod verify;
mod writing;

use crate::args::Command;
use crate::failure::Failure;

/// Does what was asked.
pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Keygen(args) => keys::keygen(&args),
        Command::Id(args) => keys::id(&args),
        Command::Rotate(args) => keys::rotate(&args),
        Command::Seal(args) => seal::seal(&args),
        Command::Open(args) => open::open(&args),
        Command::Reopen(args) => open::reopen(&args),
        Command::Sign(args) => sign::sign(&args),
        Command::Verify(args) => verify::verify(&args),
        Command::Send(args) => send::send(&args),
        #[cfg(unix)]
        Command::Receive(args) => receive::receive(&args),
        // It rests on what only Unix promises of files.
        #[cfg(not(unix))]
        Command::Receive(_) => Err(Failure::usage("receive works on Unix only: use open -o")),
        Command::Settle(args) => settle::settle(&args),
        Command::Outbox(args) => outbox::outbox(&args),
        Command::Audit(args) => audit::audit(&args),
        Command::Challenge(args) => challenge::challenge(&args),
        Command::Guard(args) => guard::guard(&args),
        Command::Evidence(args) => evidence::evidence(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Demo(args) => demo::demo(&args),
        Command::Generate(args) => generate::generate(&args),
    }
}
