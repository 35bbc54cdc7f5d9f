//! `keygen`, `id`, `rotate`.

use std::path::Path;

use bulla::{Clock, ErrorKind, Identity, OsEntropy, SystemClock};

use crate::args::{Id, Keygen, Rotate};
use crate::failure::Failure;
use crate::identity::{self, Key, lock_key, read_key};
use crate::passphrase;
use crate::terminal::{note, one_line, print};

pub(super) fn keygen(args: &Keygen) -> Result<(), Failure> {
    let path = args.output.as_path();
    if path == Path::new("-") {
        return Err(Failure::usage(
            "a key file is not for standard output: name a file with -o",
        ));
    }
    // Before a passphrase is thought of.
    if path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    let protected = args.passphrase || args.protection.passphrase_file.is_some();
    let passphrase = if protected {
        Some(passphrase::choose(&args.protection, path)?)
    } else {
        None
    };
    let identity = Identity::generate(&OsEntropy)?;
    identity
        .create_key_file(path, passphrase.as_ref().map(|p| p.as_str()), &OsEntropy)
        .map_err(|error| {
            if error == ErrorKind::NameTaken {
                return exists(path);
            }
            Failure::around(&format!("cannot create {}", path.display()), &error)
        })?;
    print_identity(&identity)
}

fn exists(path: &Path) -> Failure {
    Failure::usage(format!(
        "{} exists already, and a key file is never written over: choose another name",
        path.display()
    ))
}

pub(super) fn id(args: &Id) -> Result<(), Failure> {
    if !args.signing_key {
        return print_identity(&read_key(&args.file, &args.protection)?.identity);
    }
    let keys = identity::signing_keys(args.file.as_os_str(), &args.protection)?;
    let lines: Vec<String> = keys.iter().map(|key| format!("{key}\n")).collect();
    print(&lines.concat())
}

pub(super) fn rotate(args: &Rotate) -> Result<(), Failure> {
    let (lock, key) = lock_key(&args.file, &args.protection)?;
    let Key {
        mut identity,
        passphrase,
    } = key;
    let now = SystemClock.now()?;
    // What goes, goes first: it makes room for the new one.
    let mut destroyed = 0;
    if args.destroy_old {
        destroyed += identity.destroy_old();
    } else if args.destroy_expired {
        destroyed += identity.destroy_expired(now);
    }
    let end = args.keep.map_or(0, |keep| now.saturating_add(keep));
    identity.rotate(&OsEntropy, end).map_err(|error| {
        Failure::around("cannot rotate", &error).and("see --destroy-old and --destroy-expired")
    })?;
    if args.destroy_old {
        destroyed += identity.destroy_old();
    }
    identity
        .replace_key_file(
            &args.file,
            passphrase.as_ref().map(|p| p.as_str()),
            &OsEntropy,
        )
        .map_err(|error| {
            Failure::around(
                &format!("cannot replace {}, which is unchanged", args.file.display()),
                &error,
            )
        })?;
    // From here on there is nothing that another process could lose.
    drop(lock);
    let kept = identity.generations().count() - 1;
    note(&one_line(&format!(
        "bulla: new encryption key in {}; older keys: {kept} kept, {destroyed} destroyed",
        args.file.display()
    )));
    print_identity(&identity)
}

fn print_identity(identity: &Identity) -> Result<(), Failure> {
    print(&format!("{}\n", identity.public()))
}
