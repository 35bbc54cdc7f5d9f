//! `bulla`: the command line.

mod args;
mod commands;
mod duration;
mod failure;
mod guard;
mod identity;
mod input;
mod lock;
mod output;
mod passphrase;
mod progress;
mod report;
mod terminal;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use failure::Failure;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::tell(&error),
    };
    let report = cli.command.report();
    match commands::run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure, report);
            ExitCode::from(failure.status())
        }
    }
}

/// One line about what went wrong; none if the reader of our output has gone, for nobody is there to read it.
pub(crate) fn tell(failure: &Failure, report: args::Report) {
    if failure.is_silent() {
        return;
    }
    match report {
        args::Report::Json => terminal::note(&report::refusal(failure)),
        args::Report::Human | args::Report::None => {
            terminal::note(&format!("bulla: {}", terminal::one_line(failure.text())));
        }
    }
}
