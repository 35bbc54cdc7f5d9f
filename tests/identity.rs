//! Identity lines and key files: typos, passphrases, files on disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use bulla::{
    Draft, ErrorKind, Identity, Opener, OsEntropy, Policy, PublicIdentity, Replay, Sealer, Secret,
    Senders,
};

fn someone(number: u8) -> Identity {
    Identity::from_seed(&Secret::new([number; 32])).unwrap()
}

#[test]
fn any_single_typo_is_noticed() {
    let mut tried = 0;
    for number in 1..4 {
        let line = someone(number).public().to_string();
        assert!(line.parse::<PublicIdentity>().is_ok());
        for at in 0..line.len() {
            // Every other printable character in the place of this one.
            for other in (b' '..=b'~').filter(|other| *other != line.as_bytes()[at]) {
                let mut typo = line.clone().into_bytes();
                typo[at] = other;
                let typo = String::from_utf8(typo).unwrap();
                // White space at an end is not a typo but a cut line, which is noticed as well.
                assert!(typo.parse::<PublicIdentity>().is_err(), "{typo}");
                tried += 1;
            }
            let mut without = line.clone();
            without.remove(at);
            assert!(without.parse::<PublicIdentity>().is_err(), "{without}");
            let mut doubled = line.clone();
            doubled.insert(at, char::from(line.as_bytes()[at]));
            assert!(doubled.parse::<PublicIdentity>().is_err(), "{doubled}");
            if at > 0 && line.as_bytes()[at] != line.as_bytes()[at - 1] {
                let mut swapped = line.clone().into_bytes();
                swapped.swap(at, at - 1);
                let swapped = String::from_utf8(swapped).unwrap();
                assert!(swapped.parse::<PublicIdentity>().is_err(), "{swapped}");
            }
        }
    }
    println!("{tried} wrong characters, all noticed");
    assert!(tried > 30_000);
}

#[test]
fn a_seed_always_makes_the_same_identity() {
    assert_eq!(someone(1).public(), someone(1).public());
    assert_ne!(someone(1).public(), someone(2).public());
    assert_ne!(
        Identity::generate(&OsEntropy).unwrap().public(),
        Identity::generate(&OsEntropy).unwrap().public()
    );
}

#[test]
fn key_files_keep_everything() {
    let mut identity = Identity::generate(&OsEntropy).unwrap();
    identity.rotate(&OsEntropy, 1_900_000_000).unwrap();
    identity.rotate(&OsEntropy, 0).unwrap();
    for passphrase in [None, Some("correct horse")] {
        let text = identity.to_key_file(passphrase, &OsEntropy).unwrap();
        let read = Identity::from_key_file(text.as_bytes(), passphrase).unwrap();
        assert_eq!(read.public(), identity.public());
        assert_eq!(
            read.generations().collect::<Vec<_>>(),
            vec![(2, 0), (1, 0), (0, 1_900_000_000)]
        );
        assert_eq!(
            read.to_key_file(None, &OsEntropy).unwrap(),
            identity.to_key_file(None, &OsEntropy).unwrap()
        );
    }
    let text = identity
        .to_key_file(Some("correct horse"), &OsEntropy)
        .unwrap();
    let read = |passphrase| {
        Identity::from_key_file(text.as_bytes(), passphrase)
            .map(drop)
            .map_err(|e| e.kind())
    };
    assert_eq!(read(None), Err(ErrorKind::PassphraseNeeded));
    assert_eq!(read(Some("Correct horse")), Err(ErrorKind::WrongPassphrase));
    let empty = identity.to_key_file(Some(""), &OsEntropy);
    assert_eq!(empty.unwrap_err(), ErrorKind::InvalidInput);
}

#[test]
fn at_most_32_keys_are_held() {
    let mut identity = Identity::generate(&OsEntropy).unwrap();
    for _ in 1..32 {
        identity.rotate(&OsEntropy, 0).unwrap();
    }
    assert_eq!(
        identity.rotate(&OsEntropy, 0).unwrap_err(),
        ErrorKind::InvalidInput
    );
    assert_eq!(identity.destroy_old(), 31);
    identity.rotate(&OsEntropy, 0).unwrap();
    assert_eq!(
        identity
            .generations()
            .map(|(generation, _)| generation)
            .collect::<Vec<_>>(),
        vec![32, 31]
    );
}

#[test]
fn destroyed_keys_are_gone_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let mut bob = Identity::generate(&OsEntropy).unwrap();
    bob.create_key_file(&path, None, &OsEntropy).unwrap();
    let alice = someone(1);
    let policy = Policy::new("x", Senders::only([*alice.verifying_key()])).unwrap();
    let envelope = Sealer::new(&alice)
        .to(bob.public())
        .seal(&Draft::new("x").unwrap(), b"old")
        .unwrap();
    bob.rotate(&OsEntropy, 0).unwrap();
    bob.replace_key_file(&path, None, &OsEntropy).unwrap();
    let read = Identity::read_key_file(&path, None).unwrap();
    assert!(
        Opener::new(&read, &policy, Replay::Unguarded)
            .open(&envelope)
            .is_ok()
    );
    bob.destroy_old();
    bob.replace_key_file(&path, None, &OsEntropy).unwrap();
    let read = Identity::read_key_file(&path, None).unwrap();
    let opened = Opener::new(&read, &policy, Replay::Unguarded).open(&envelope);
    assert_eq!(opened.unwrap_err(), ErrorKind::NotForMe);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn key_files_are_private_and_never_written_over() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let identity = someone(1);
    identity.create_key_file(&path, None, &OsEntropy).unwrap();
    assert_eq!(
        path.metadata().unwrap().permissions().mode() & 0o7777,
        0o600
    );
    let before = std::fs::read(&path).unwrap();
    assert_eq!(
        someone(2)
            .create_key_file(&path, None, &OsEntropy)
            .unwrap_err(),
        ErrorKind::NameTaken
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
    someone(2)
        .replace_key_file(&path, None, &OsEntropy)
        .unwrap();
    assert_eq!(
        path.metadata().unwrap().permissions().mode() & 0o7777,
        0o600
    );
    // A dangling link is a name that is taken.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
    assert_eq!(
        identity
            .create_key_file(&link, None, &OsEntropy)
            .unwrap_err(),
        ErrorKind::NameTaken
    );
    // Something endless is no key file.
    let endless = Identity::read_key_file(std::path::Path::new("/dev/zero"), None);
    assert_eq!(endless.unwrap_err(), ErrorKind::Malformed);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
