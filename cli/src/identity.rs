//! Identities: secret ones from key files, public ones from lines and files.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;

use bulla::limits::MAX_KEY_FILE;
use bulla::{ErrorKind, Identity, PublicIdentity, Senders, VerifyingKey};
use zeroize::Zeroizing;

use crate::args::{KeyArgs, PassphraseArgs, SenderArgs};
use crate::failure::Failure;
use crate::input::Input;
use crate::lock;
use crate::passphrase;
use crate::terminal::{note, one_line};

/// Longest file of identity lines in bytes: room for 10 000 with comments.
const MAX_LIST: usize = 16 << 20;

/// A key file that was read.
pub(crate) struct Key {
    pub(crate) identity: Identity,
    /// By what it is protected.
    pub(crate) passphrase: Option<Zeroizing<String>>,
}

/// The identity that `-i` names.
pub(crate) fn of(args: &KeyArgs) -> Result<Identity, Failure> {
    read_key(&args.file, &args.protection).map(|key| key.identity)
}

/// Reads a key file, and asks for its passphrase only if it has one.
pub(crate) fn read_key(path: &Path, protection: &PassphraseArgs) -> Result<Key, Failure> {
    // Read once, for it may be a pipe.
    key_of(Input::open(Some(path))?, path, protection)
}

/// Reads a key file that is to be replaced, under its lock, which lasts until the file that comes with it is dropped: of
/// two processes that change it at once neither loses what the other did.
pub(crate) fn lock_key(path: &Path, protection: &PassphraseArgs) -> Result<(File, Key), Failure> {
    let cannot = |error: io::Error| Failure::io(&format!("cannot read {}", path.display()), &error);
    let waiting = || {
        note(&one_line(&format!(
            "bulla: waiting for another process that changes {}",
            path.display()
        )));
    };
    let file = lock::at(path, waiting).map_err(cannot)?;
    let same = file.try_clone().map_err(cannot)?;
    let key = key_of(Input::opened(same, path), path, protection)?;
    Ok((file, key))
}

fn key_of(input: Input, path: &Path, protection: &PassphraseArgs) -> Result<Key, Failure> {
    let name = input.name().to_owned();
    let text = input.read_all(MAX_KEY_FILE, "too long for a key file")?;
    unlocked(&name, &text, path, protection)
}

fn unlocked(
    name: &str,
    text: &[u8],
    path: &Path,
    protection: &PassphraseArgs,
) -> Result<Key, Failure> {
    match Identity::from_key_file(text, None) {
        Ok(identity) => Ok(Key {
            identity,
            passphrase: None,
        }),
        Err(error) if error == ErrorKind::PassphraseNeeded => {
            let passphrase = passphrase::get(protection, path)?;
            let identity = Identity::from_key_file(text, Some(&passphrase))
                .map_err(|error| Failure::around(name, &error))?;
            Ok(Key {
                identity,
                passphrase: Some(passphrase),
            })
        }
        Err(error) => Err(no_key_file(name, text, &error)),
    }
}

/// The signing keys of what this names: a key file, an identity line, or a file of lines.
pub(crate) fn signing_keys(
    argument: &OsStr,
    protection: &PassphraseArgs,
) -> Result<Vec<VerifyingKey>, Failure> {
    let mut known = Vec::new();
    if let Some(line) = as_line(argument) {
        known.push(Known {
            identity: parse("this identity", line)?,
            source: None,
        });
    } else {
        let path = Path::new(argument);
        let (name, bytes) = read_list(path)?;
        if is_key_file(&bytes) {
            let key = unlocked(&name, &bytes, path, protection)?;
            return Ok(vec![*key.identity.verifying_key()]);
        }
        add_lines(&name, &bytes, &mut known)?;
    }
    let keys = known.iter().map(|known| *known.identity.verifying_key());
    Ok(keys.collect())
}

/// What it is instead, where that can be told.
fn no_key_file(name: &str, text: &[u8], error: &bulla::Error) -> Failure {
    let start = text.trim_ascii_start();
    let what = if start.starts_with(b"bulla1") {
        "this is a public identity, not a key file: -i needs the file that bulla keygen made"
    } else if start.starts_with(b"BULLA") || start.starts_with(b"-----BEGIN BULLA ENVELOPE") {
        "this is an envelope, not a key file: -i needs the file that bulla keygen made"
    } else if start.starts_with(b"-----BEGIN BULLA SECRET KEY") {
        return Failure::around(&format!("{name}: the key file cannot be used"), error);
    } else {
        "this is not a key file: -i needs the file that bulla keygen made"
    };
    Failure::around(name, error).replaced(format!("{name}: {what}"))
}

/// A public identity, and where it came from.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) identity: PublicIdentity,
    /// The file, if it came from one.
    pub(crate) source: Option<String>,
}

/// All identities that these arguments name: each a line, or a file of lines.
pub(crate) fn load(arguments: &[OsString]) -> Result<Vec<Known>, Failure> {
    let mut known = Vec::new();
    for argument in arguments {
        match as_line(argument) {
            Some(line) => known.push(Known {
                identity: parse("this identity", line)?,
                source: None,
            }),
            None => load_file(Path::new(argument), &mut known)?,
        }
    }
    Ok(known)
}

/// The argument, if it is an identity line and not the name of a file.
fn as_line(argument: &OsStr) -> Option<&str> {
    let line = argument.to_str()?.trim_ascii();
    line.starts_with("bulla1").then_some(line)
}

fn load_file(path: &Path, known: &mut Vec<Known>) -> Result<(), Failure> {
    if path == Path::new("-") {
        return Err(Failure::usage(
            "an identity cannot come from standard input: give the line itself, or a file",
        ));
    }
    let (name, bytes) = read_list(path)?;
    if is_key_file(&bytes) {
        return Err(Failure::usage(format!(
            "{name}: this is a secret key file: take the public identity that `bulla id {name}` prints"
        )));
    }
    add_lines(&name, &bytes, known)
}

/// The name and the bytes of what should be a file of lines.
fn read_list(path: &Path) -> Result<(String, Zeroizing<Vec<u8>>), Failure> {
    let input = Input::open(Some(path)).map_err(|failure| {
        failure.and("an identity is a line that begins with bulla1, or a file with such lines")
    })?;
    let name = input.name().to_owned();
    let bytes = input.read_all(MAX_LIST, "too long for a list of identities")?;
    Ok((name, bytes))
}

fn is_key_file(bytes: &[u8]) -> bool {
    bytes.starts_with(b"-----BEGIN BULLA SECRET KEY")
}

fn add_lines(name: &str, bytes: &[u8], known: &mut Vec<Known>) -> Result<(), Failure> {
    let no_list = || {
        Failure::usage(format!(
            "{name}: no identity in it: a line that begins with bulla1 is needed"
        ))
    };
    let text = std::str::from_utf8(bytes).map_err(|_| no_list())?;
    let before = known.len();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        known.push(Known {
            identity: parse(&format!("{name}, line {}", number + 1), line)?,
            source: Some(name.to_owned()),
        });
    }
    if known.len() == before {
        return Err(no_list());
    }
    Ok(())
}

fn parse(what: &str, line: &str) -> Result<PublicIdentity, Failure> {
    line.parse().map_err(|error: bulla::Error| {
        Failure::around(&format!("{what} cannot be used"), &error).and("copy the whole line again")
    })
}

/// Whose messages are accepted.
pub(crate) struct Trusted {
    known: Vec<Known>,
    anyone: bool,
}

impl Trusted {
    pub(crate) fn load(args: &SenderArgs) -> Result<Self, Failure> {
        Ok(Self {
            known: load(&args.from)?,
            anyone: args.from_anyone,
        })
    }

    /// These, or anyone if there are none.
    pub(crate) fn listed(arguments: &[OsString]) -> Result<Self, Failure> {
        Ok(Self {
            known: load(arguments)?,
            anyone: arguments.is_empty(),
        })
    }

    pub(crate) fn senders(&self) -> Senders {
        if self.anyone {
            Senders::anyone()
        } else {
            Senders::only(
                self.known
                    .iter()
                    .map(|known| *known.identity.verifying_key()),
            )
        }
    }

    pub(crate) fn accepts(&self, signer: &VerifyingKey) -> bool {
        self.anyone || self.find(signer).is_some()
    }

    /// The file that lists this signer.
    pub(crate) fn name(&self, signer: &VerifyingKey) -> Option<&str> {
        self.find(signer)?.source.as_deref()
    }

    fn find(&self, signer: &VerifyingKey) -> Option<&Known> {
        let mut known = self.known.iter();
        known.find(|known| known.identity.verifying_key() == signer)
    }
}
