//! `generate`: man pages and shell completions, from the definition of the command line.

use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::{Cli, Generate};
use crate::failure::Failure;

pub(super) fn generate(args: &Generate) -> Result<(), Failure> {
    let folder = args.folder.as_path();
    let cannot =
        |error: io::Error| Failure::io(&format!("cannot write {}", folder.display()), &error);
    std::fs::create_dir_all(folder).map_err(cannot)?;
    pages(folder)
        .and_then(|()| completions(folder))
        .map_err(cannot)
}

fn pages(folder: &Path) -> io::Result<()> {
    clap_mangen::generate_to(Cli::command(), folder)
}

fn completions(folder: &Path) -> io::Result<()> {
    for shell in [
        Shell::Bash,
        Shell::Elvish,
        Shell::Fish,
        Shell::PowerShell,
        Shell::Zsh,
    ] {
        clap_complete::generate_to(shell, &mut Cli::command(), "bulla", folder)?;
    }
    Ok(())
}
