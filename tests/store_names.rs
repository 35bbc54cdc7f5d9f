//! Names of what is stored: what a stranger suggests is no path, nobody's file takes another's name, and only what is known to
//! be left behind is removed.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod storing;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bulla::{
    ErrorKind, Identity, MemoryGuard, Opener, OsDisk, OsEntropy, Partials, Received, Replay,
    Sealer, Store, Target, message_file_name,
};
use storing::{alice, bob, content, draft, folder, names, policy, seal, store, stored};

/// Names that an author may suggest.
const HOSTILE: [&[u8]; 22] = [
    b"../x",
    b"../../../../../../tmp/x",
    b"/etc/passwd",
    b"..",
    b".",
    b"",
    b"a/b",
    b"a\\b",
    b"a\0b",
    b"-rf",
    b".ssh",
    b"x/../../y",
    b"CON",
    b"~root",
    b"\xE2\x80\xAEgpj.exe",
    b"\xFF\xFE",
    b"a\nb",
    b" ",
    b"...",
    b".bulla-0123456789abcdef.part",
    b"C:\\x",
    &[b'x'; 1000],
];

#[test]
fn names_come_from_the_host_unless_it_asks() {
    let guard = MemoryGuard::new(1000);
    let store = store(&guard, &OsDisk);
    for name in HOSTILE {
        let draft = draft().attribute("name", name).unwrap();
        // A name of the host's own: the author's is not looked at.
        for by_id in [true, false] {
            let above = folder();
            let inside = above.path().join("inside");
            fs::create_dir(&inside).unwrap();
            let target = if by_id {
                Target::ById(&inside)
            } else {
                Target::Suggested(&inside)
            };
            let stored = stored(store.store(seal(&draft, name).as_slice(), target));
            assert_eq!(stored.path().parent(), Some(inside.as_path()));
            let (path, expected) = (
                stored.path().to_path_buf(),
                message_file_name(&opener(&guard), stored.proof().stamp()),
            );
            let _ = stored.commit(b"").unwrap();
            assert_eq!(names(above.path()), ["inside"]);
            let made = names(&inside);
            assert_eq!(made.len(), 1, "{name:?}");
            assert_eq!(path.file_name().unwrap().to_str(), Some(made[0].as_str()));
            assert!(!made[0].starts_with('.') && made[0].len() <= 255);
            if by_id {
                assert_eq!(made[0], expected);
                assert_eq!(expected.len(), 32 + 1 + 32);
            }
            assert_eq!(fs::read(&path).unwrap(), name);
        }
    }
}

#[test]
fn a_suggested_name_is_given_once() {
    let (folder, guard) = (folder(), MemoryGuard::new(1000));
    let store = store(&guard, &OsDisk);
    let draft = draft().attribute("name", b"holiday.jpg").unwrap();
    let suggested = stored(store.store(
        seal(&draft, b"1").as_slice(),
        Target::Suggested(folder.path()),
    ));
    assert_eq!(suggested.path(), folder.path().join("holiday.jpg"));
    let _ = suggested.commit(b"").unwrap();
    // The same name a second time is the host's to decide.
    let second = store.store(
        seal(&draft, b"2").as_slice(),
        Target::Suggested(folder.path()),
    );
    assert_eq!(second.unwrap_err(), ErrorKind::NameTaken);
    assert_eq!(fs::read(folder.path().join("holiday.jpg")).unwrap(), b"1");
    // Without a suggestion: by id.
    let stored = stored(store.store(
        seal(&storing::draft(), b"3").as_slice(),
        Target::Suggested(folder.path()),
    ));
    let name = message_file_name(&opener(&guard), stored.proof().stamp());
    assert_eq!(stored.path(), folder.path().join(name));
}

#[test]
fn paths_that_cannot_be_are_told_before_anything_is_read() {
    struct Unread;
    impl std::io::Read for Unread {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("nothing is to be read")
        }
    }
    let guard = MemoryGuard::new(10);
    for path in [
        "/",
        "..",
        "a/..",
        "",
        "x/.bulla-0123456789abcdef.part",
        ".bulla-0123456789abcdef0123456789abcdef.partial",
    ] {
        let refused = store(&guard, &OsDisk).store(Unread, Target::Path(Path::new(path)));
        assert_eq!(refused.unwrap_err(), ErrorKind::InvalidInput, "{path}");
    }
    let unguarded = Store::new(Opener::new(bob(), policy(), Replay::Unguarded), 60, &OsDisk);
    let refused = unguarded.store(Unread, Target::Path(Path::new("x")));
    assert_eq!(refused.unwrap_err(), ErrorKind::InvalidInput);
    let nowhere = Path::new("/nonexistent-folder/x");
    let refused =
        store(&guard, &OsDisk).store(seal(&draft(), b"x").as_slice(), Target::Path(nowhere));
    assert_eq!(refused.unwrap_err(), ErrorKind::Io);
    assert!(guard.is_empty());
}

/// Two mailboxes, of two people or of one under two names, may share a folder.
#[test]
fn one_envelope_to_several_readers_is_a_file_for_each() {
    let carol = Identity::generate(&OsEntropy).unwrap();
    let bytes = content(50_000);
    let envelope = Sealer::new(alice())
        .to(bob().public())
        .to(carol.public())
        .seal(&draft(), &bytes)
        .unwrap();
    let (folder, guard) = (folder(), MemoryGuard::new(100));
    let at = |keys, name: Option<&str>| {
        let opener = Opener::new(keys, policy(), Replay::Guarded(&guard));
        match name {
            Some(name) => opener.reader_name(name),
            None => opener,
        }
    };
    let readers = [
        (bob(), None),
        (&carol, None),
        (bob(), Some("work")),
        (bob(), Some("home")),
    ];
    for round in 0..2 {
        for (number, (keys, name)) in readers.into_iter().enumerate() {
            let store = Store::new(at(keys, name), 60, &OsDisk);
            match store
                .store(envelope.as_slice(), Target::ById(folder.path()))
                .unwrap()
            {
                Received::Stored(stored) if round == 0 => {
                    let stamp = stored.proof().stamp().clone();
                    let expected = message_file_name(&at(keys, name), &stamp);
                    assert_eq!(stored.path(), folder.path().join(&expected));
                    assert!(expected.starts_with(&stamp.message_id().to_string()));
                    // As an archive of the same reader knows it.
                    if name.is_none() {
                        let archive = Opener::archive(keys, policy());
                        assert_eq!(message_file_name(&archive, &stamp), expected);
                    }
                    let _ = stored.commit(b"").unwrap();
                }
                Received::Again(_) if round == 1 => {}
                other => panic!("{other:?}"),
            }
            if round == 0 {
                assert_eq!(names(folder.path()).len(), number + 1);
            }
        }
    }
    for name in names(folder.path()) {
        assert!(fs::read(folder.path().join(name)).unwrap() == bytes);
    }
}

fn opener(guard: &MemoryGuard) -> Opener<'_> {
    Opener::new(bob(), policy(), Replay::Guarded(guard))
}

#[test]
fn only_what_was_left_behind_long_ago_is_cleaned() {
    let (folder, guard) = (folder(), MemoryGuard::new(10));
    let store = store(&guard, &OsDisk);
    let (old, young) = (
        SystemTime::now() - Duration::from_secs(90_000),
        SystemTime::now() - Duration::from_secs(80_000),
    );
    let make = |name: &str, time| {
        let path = folder.path().join(name);
        let file = fs::File::create(&path).unwrap();
        file.set_modified(time).unwrap();
        file
    };
    let hex = "0123456789abcdef";
    make(&format!(".bulla-{hex}.part"), old);
    make(&format!(".bulla-{hex}{hex}.partial"), old);
    let keep = [
        "x".to_owned(),
        format!(".bulla-{hex}.partx"),
        format!(".bulla-{hex}0.part"),
        format!(".bulla-{hex}.partial"),
        format!(".bulla-{}.part", hex.to_uppercase()),
        format!("a.bulla-{hex}.part"),
        ".bulla-.part".to_owned(),
    ];
    for name in &keep {
        make(name, old);
    }
    make(".bulla-1111111111111111.part", young);
    // Somebody works on it, however old it looks.
    let locked = make(".bulla-2222222222222222.part", old);
    locked.lock().unwrap();
    symlink(
        folder.path().join("x"),
        folder.path().join(".bulla-3333333333333333.part"),
    )
    .unwrap();
    fs::create_dir(folder.path().join(".bulla-4444444444444444.part")).unwrap();
    // Content in the clear goes in any case, what is kept of envelopes only where it is kept on purpose.
    assert_eq!(store.clean(folder.path()).unwrap(), 1);
    let store = store.resumable(Partials::new(folder.path(), 1, 1));
    assert_eq!(store.clean(folder.path()).unwrap(), 1);
    assert_eq!(names(folder.path()).len(), keep.len() + 4);
    assert!(folder.path().join("x").exists());
    drop(locked);
    assert_eq!(store.clean(folder.path()).unwrap(), 1);
    assert_eq!(
        store.clean(Path::new("/nonexistent-folder")).unwrap_err(),
        ErrorKind::Io
    );
}
