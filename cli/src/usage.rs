//! A command line that is not understood, and the requests for help and version.

use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::args::Cli;
use crate::terminal::{note, one_line, print};

/// Help and version go to standard output; anything else is one line of what is wrong, and status 1.
pub(crate) fn tell(error: &clap::Error) -> ExitCode {
    let rendered = error.render().to_string();
    let command = asked();
    let message = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            return match print(&rendered) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            };
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "no command was given".to_owned()
        }
        _ => condensed(&rendered),
    };
    note(&one_line(&format!(
        "bulla: {message} (see `{command} --help`)"
    )));
    ExitCode::FAILURE
}

/// The paragraphs that say what is wrong and what may be meant, as one line.
fn condensed(rendered: &str) -> String {
    let paragraphs: Vec<String> = rendered
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|text| !text.starts_with("Usage:") && !text.starts_with("For more information"))
        .map(|text| {
            text.trim_start_matches("error: ")
                .trim_start_matches("tip: ")
                .to_owned()
        })
        .collect();
    paragraphs.join("; ")
}

/// The command that was meant, as far as it can be told: `bulla`, `bulla seal`, `bulla evidence check`.
fn asked() -> String {
    let mut command = Cli::command();
    let mut name = "bulla".to_owned();
    for word in std::env::args().skip(1) {
        let Some(found) = command.find_subcommand(&word).cloned() else {
            break;
        };
        name = format!("{name} {word}");
        command = found;
    }
    name
}
