//! Storing what is pushed in pieces comes to the same as storing what is read.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod storing;

use bulla::{ErrorKind, MemoryGuard, OsDisk, Partials, Received, Target};
use storing::{content, folder, header_digest, names, seal, seal_stream, store, stored};

#[test]
fn pieces_of_any_length_give_the_file() {
    let content = content(200_000);
    for (envelope, _) in [
        seal_stream(&content, None),
        seal_stream(&content, Some(200_000)),
    ] {
        for piece in [1000, 16_384, 100_000, 1 << 20] {
            let (folder, guard) = (folder(), MemoryGuard::new(10));
            let store = store(&guard, &OsDisk);
            let path = folder.path().join("file");
            let mut stream = store.stream(Target::Path(&path)).unwrap();
            assert!(stream.stamp().is_none());
            for piece in envelope.chunks(piece) {
                assert!(stream.update(piece));
                assert!(!path.exists());
            }
            assert!(stream.stamp().is_some());
            stored(stream.finish()).commit(b"receipt").unwrap();
            assert!(std::fs::read(&path).unwrap() == content);

            let mut stream = store.stream(Target::Path(&path)).unwrap();
            stream.update(&envelope);
            match stream.finish().unwrap() {
                Received::Again(again) => assert_eq!(again.receipt(), Some(&b"receipt"[..])),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn what_is_decided_wants_no_more() {
    let (folder, guard) = (folder(), MemoryGuard::new(10));
    let envelope = seal(&storing::draft(), &content(100_000));
    let path = folder.path().join("file");

    let small = store(&guard, &OsDisk).max_content(1000);
    let mut stream = small.stream(Target::Path(&path)).unwrap();
    assert!(!stream.update(&envelope[..50_000]));
    assert!(!stream.update(&envelope[50_000..]));
    assert!(matches!(stream.finish().unwrap(), Received::TooLarge(_)));

    let mut changed = envelope.clone();
    changed[40_000] ^= 1;
    let store = store(&guard, &OsDisk);
    let mut stream = store.stream(Target::Path(&path)).unwrap();
    assert!(!stream.update(&changed));
    let failed = stream.finish().unwrap_err();
    assert_eq!(failed, ErrorKind::NotAuthentic);
    assert!(failed.damaged().is_some());

    let mut stream = store.stream(Target::Path(&path)).unwrap();
    assert!(stream.update(&envelope[..60_000]));
    assert!(stream.finish().unwrap_err().damaged().is_some());
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_broken_connection_is_gone_on_with() {
    let (folder, guard, kept) = (folder(), MemoryGuard::new(10), storing::folder());
    let content = content(300_000);
    let envelope = seal(&storing::draft(), &content);
    let header = header_digest(&envelope);
    let partials = Partials::new(kept.path(), 4, 1 << 30);
    let store = store(&guard, &OsDisk).resumable(partials);
    let path = folder.path().join("file");

    let none = store.resume_stream(&header, Target::Path(&path));
    assert_eq!(none.unwrap_err(), ErrorKind::InvalidInput);
    let mut stream = store.stream(Target::Path(&path)).unwrap();
    assert!(stream.update(&envelope[..200_000]));
    drop(stream);
    let held = store.held(&header).unwrap() as usize;
    assert!(held > 100_000 && held <= 200_000, "{held}");

    let mut stream = store.resume_stream(&header, Target::Path(&path)).unwrap();
    assert!(stream.stamp().is_some());
    assert!(stream.update(&envelope[held..]));
    stored(stream.finish()).commit(b"").unwrap();
    assert!(std::fs::read(&path).unwrap() == content);
    assert!(names(kept.path()).is_empty());
}

#[test]
fn what_was_kept_and_changed_is_no_damage_on_the_way() {
    let (folder, guard, kept) = (folder(), MemoryGuard::new(10), storing::folder());
    let envelope = seal(&storing::draft(), &content(300_000));
    let header = header_digest(&envelope);
    let store = store(&guard, &OsDisk).resumable(Partials::new(kept.path(), 4, 1 << 30));
    let path = folder.path().join("file");
    let mut stream = store.stream(Target::Path(&path)).unwrap();
    stream.update(&envelope[..200_000]);
    drop(stream);
    let held = storing::partial_path(kept.path(), &header);
    let mut bytes = std::fs::read(&held).unwrap();
    bytes[90_000] ^= 1;
    std::fs::write(&held, bytes).unwrap();

    let mut stream = store.resume_stream(&header, Target::Path(&path)).unwrap();
    assert!(!stream.update(&envelope[200_000..]));
    let failed = stream.finish().unwrap_err();
    assert_eq!(failed, ErrorKind::NotAuthentic);
    assert!(failed.damaged().is_none());
    assert_eq!(store.held(&header).unwrap(), 0);
}
