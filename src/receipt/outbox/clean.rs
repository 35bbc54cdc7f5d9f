//! Removing the long envelopes that nobody awaits.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::vec::Vec;

use super::rows::Rows;
use super::spool::name;
use super::{folder, outbox_error};
use crate::crypto::digest::Digest;
use crate::envelope::stamp::MessageId;
use crate::error::{Error, Result};
use crate::freshness::database::Database;

/// What is in the folder for less than this may belong to a letter that is just being put.
const YOUNG: Duration = Duration::from_secs(24 * 60 * 60);
/// How many are removed in one transaction, for which others wait.
const AT_ONCE: usize = 16;

/// Removes the long envelopes of a message that awaits nothing any more.
pub(super) fn remove_settled(database: &Database, id: MessageId) -> Result<()> {
    let settled =
        move |database: &Database| database.read(|connection| Rows(connection).files_of(id));
    if settled(database)?.is_empty() {
        return Ok(());
    }
    let database = database.clone();
    // In a transaction that writes, so that nobody puts the same envelope for somebody else between the look and the removal.
    let removed = database.clone().write(move |connection| {
        // Others' work in this transaction may still be undone: nobody must wait with it nor without it.
        let without = settled(&database)?;
        let left = Rows(connection).files_of(id)?;
        let left = left.iter().filter(|header| without.contains(header));
        let remove = |header| match std::fs::remove_file(folder(&database).join(name(header))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        // One that cannot be removed keeps no other, and undoes nobody's work.
        Ok(left.map(remove).fold(Ok(()), io::Result::and))
    })?;
    Ok(removed?)
}

/// How a file is removed.
type Remove = fn(&Path) -> io::Result<()>;

/// Removes what nobody awaits: of settled messages, and what a crash left before its letter was recorded.
pub(super) fn clean(database: &Database) -> Result<()> {
    clean_by(database, |path| std::fs::remove_file(path))
}

fn clean_by(database: &Database, remove: Remove) -> Result<()> {
    let listed = match std::fs::read_dir(folder(database)) {
        Ok(files) => old_files(files)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    // Here nobody waits, and most of them stay.
    let left = without_awaited(database, &listed).map_err(outbox_error)?;
    let mut failed = None;
    for some in left.chunks(AT_ONCE) {
        let (some, reader) = (some.to_vec(), database.clone());
        // In a transaction that writes, as in `remove_settled`: nobody puts one of them between the look and the removal. What
        // others have just settled in this transaction may still be undone, so what is awaited without it stays, too.
        let removed = database.write(move |connection| {
            let some = not_awaited(&Rows(connection), &some)?;
            Ok(remove_old(&without_awaited(&reader, &some)?, remove))
        });
        // One that cannot be removed keeps no other, and undoes nobody's work.
        if let Err(error) = removed.map_err(outbox_error)? {
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(()), |error| Err(Error::from(error)))
}

/// Removes those that are still there and old: one may have been put anew, and settled, since it was listed. The first failure
/// is told.
fn remove_old(files: &[PathBuf], remove: Remove) -> io::Result<()> {
    let remove = |path: &PathBuf| match is_old(path) {
        Ok(true) => remove(path),
        other => other.map(drop),
    };
    files.iter().map(remove).fold(Ok(()), io::Result::and)
}

fn without_awaited(database: &Database, files: &[PathBuf]) -> Result<Vec<PathBuf>> {
    database.read(|connection| not_awaited(&Rows(connection), files))
}

fn not_awaited(rows: &Rows<'_>, files: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut left = Vec::new();
    for file in files {
        let is_awaited = match header_of(file) {
            Some(header) => rows.is_file_awaited(&header)?,
            None => false,
        };
        if !is_awaited {
            left.push(file.clone());
        }
    }
    Ok(left)
}

/// Those that can only be ours, and are not young.
fn old_files(files: std::fs::ReadDir) -> Result<Vec<PathBuf>> {
    let mut old = Vec::new();
    for file in files {
        let path = file?.path();
        if is_ours(&path) && is_old(&path)? {
            old.push(path);
        }
    }
    Ok(old)
}

/// Whether it is a file that nobody wrote to of late. One that is gone is not.
fn is_old(path: &Path) -> io::Result<bool> {
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let age = SystemTime::now()
        .duration_since(found.modified()?)
        .unwrap_or_default();
    Ok(found.is_file() && age >= YOUNG)
}

/// Whether a file of this name can only be ours.
fn is_ours(path: &Path) -> bool {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = path.file_name().and_then(OsStr::to_str);
    let part = name
        .and_then(|name| name.strip_prefix(".bulla-"))
        .and_then(|rest| rest.strip_suffix(".part"));
    part.is_some_and(hex) || header_of(path).is_some()
}

/// The envelope that has this name, if one has.
fn header_of(path: &Path) -> Option<Digest> {
    let hex = path.file_name()?.to_str()?.strip_suffix(".bulla")?;
    let mut header = [0; 32];
    let pairs = hex.as_bytes().chunks(2);
    for (byte, pair) in header.iter_mut().zip(pairs) {
        let pair = core::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    let header = Digest::from_bytes(header);
    // Its only form.
    (path.file_name()? == name(&header).as_str()).then_some(header)
}

#[cfg(test)]
mod tests {
    use super::super::rows::sql;
    use super::*;
    use crate::error::ErrorKind;
    use std::string::ToString;

    /// One that cannot be removed is told of, and keeps no other.
    #[test]
    fn what_cannot_be_removed_keeps_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let database = Database::open(place.path().join("outbox")).unwrap();
        std::fs::create_dir(folder(&database)).unwrap();
        let days_ago = SystemTime::now() - 2 * YOUNG;
        let files: Vec<PathBuf> = (0..40_u8)
            .map(|number| folder(&database).join(name(&Digest::from_bytes([number; 32]))))
            .collect();
        for path in &files {
            let file = std::fs::File::create(path).unwrap();
            file.set_modified(days_ago).unwrap();
        }
        // Some in every transaction, in whatever order they are listed.
        fn is_stuck(path: &Path) -> bool {
            header_of(path).unwrap().as_bytes()[0].is_multiple_of(5)
        }
        let told = clean_by(&database, |path| {
            if is_stuck(path) {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            std::fs::remove_file(path)
        });
        assert_eq!(told.unwrap_err(), ErrorKind::Io);
        for path in &files {
            assert_eq!(path.exists(), is_stuck(path), "{}", path.display());
        }
        clean(&database).unwrap();
        assert!(files.iter().all(|path| !path.exists()));
    }

    /// Nor does it undo what others do in the same transaction.
    #[test]
    fn a_settled_one_that_cannot_be_removed_undoes_nobodys_work() {
        let place = tempfile::tempdir().unwrap();
        let database = Database::open(place.path().join("outbox")).unwrap();
        let headers = [1_u8, 2].map(|number| Digest::from_bytes([number; 32]));
        let paths = headers.map(|header| folder(&database).join(name(&header)));
        // A folder cannot be removed as a file, whoever tries.
        std::fs::create_dir_all(&paths[0]).unwrap();
        std::fs::write(&paths[1], b"envelope").unwrap();
        let put = "INSERT INTO outbox_letter VALUES (?1, ?2, x'', x'', 0, 0, NULL, '', NULL, 0)";
        for header in &headers {
            let row = (*header.as_bytes(), [7_u8; 16]);
            database
                .write(move |connection| sql(connection.execute(put, row)))
                .unwrap();
        }
        std::thread::scope(|scope| {
            let (sign, seen) = std::sync::mpsc::channel();
            let database = &database;
            scope.spawn(move || {
                database.write(move |_| {
                    let _ = sign.send(());
                    std::thread::sleep(Duration::from_millis(400));
                    Ok(())
                })
            });
            seen.recv().unwrap();
            // The two gather behind it, this one first.
            let other = scope.spawn(|| {
                let mut times = 0;
                database.write(move |_| {
                    times += 1;
                    Ok(times)
                })
            });
            std::thread::sleep(Duration::from_millis(100));
            let told = remove_settled(database, MessageId([7; 16]));
            assert_eq!(told.unwrap_err(), ErrorKind::Io);
            assert_eq!(other.join().unwrap().unwrap(), 1);
        });
        assert!(paths[0].exists() && !paths[1].exists());
    }

    #[test]
    fn only_what_can_only_be_ours() {
        let digest = "0a".repeat(32);
        for (name, ours) in [
            (std::format!("{digest}.bulla"), true),
            (std::format!("{}.bulla", digest.to_uppercase()), false),
            (std::format!("{digest}0a.bulla"), false),
            (std::format!("+a{}.bulla", &digest[2..]), false),
            (digest.clone(), false),
            (".bulla-0123456789abcdef.part".to_string(), true),
            (".bulla-x.part".to_string(), false),
        ] {
            assert_eq!(is_ours(&Path::new("folder").join(&name)), ours, "{name}");
        }
    }
}
