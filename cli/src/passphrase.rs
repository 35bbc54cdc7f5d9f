//! Passphrases: from a file or from the terminal, never from the command line.

use std::path::Path;

use bulla::ErrorKind;
use zeroize::Zeroizing;

use crate::args::PassphraseArgs;
use crate::failure::{Failure, reason};
use crate::input::Input;

/// Longest passphrase file in bytes.
const LIMIT: usize = 4096;

/// The passphrase of the key file `of`.
pub(crate) fn get(args: &PassphraseArgs, of: &Path) -> Result<Zeroizing<String>, Failure> {
    match &args.passphrase_file {
        Some(file) => read(file),
        None => ask(&format!("Passphrase of {}: ", of.display())),
    }
}

/// A new passphrase, asked for twice where it is typed.
pub(crate) fn choose(args: &PassphraseArgs, of: &Path) -> Result<Zeroizing<String>, Failure> {
    let Some(file) = &args.passphrase_file else {
        let first = ask(&format!("New passphrase of {}: ", of.display()))?;
        if first.is_empty() {
            return Err(empty("the passphrase"));
        }
        let second = ask("The same again: ")?;
        return if first == second {
            Ok(first)
        } else {
            Err(Failure::usage(
                "the passphrases are not the same: try again",
            ))
        };
    };
    read(file)
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .map_err(|error| {
            Failure::verdict(
                ErrorKind::PassphraseNeeded,
                format!(
                    "the passphrase cannot be asked for at a terminal ({}): give it with --passphrase-file",
                    reason(&error)
                ),
            )
        })
}

/// The first line, for editors put a line end behind it.
fn read(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let input = Input::open(Some(file))?;
    let name = input.name().to_owned();
    let bytes = input.read_all(LIMIT, "too long for a passphrase, which is one line")?;
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line)
        .map_err(|_| Failure::usage(format!("{name}: the passphrase is not text in UTF-8")))?;
    if text.is_empty() {
        return Err(empty(&name));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

fn empty(name: &str) -> Failure {
    Failure::usage(format!(
        "{name} is empty: a passphrase has at least one character"
    ))
}
