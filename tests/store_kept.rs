//! What is kept of envelopes that came half: within bounds, only of those whose stamp was judged, and verified once more.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod storing;

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, symlink};

use bulla::{
    Draft, ErrorKind, FixedClock, Identity, MemoryGuard, Opener, OsDisk, OsEntropy, Partials,
    Received, Replay, Sealer, Store, Target,
};
use storing::here::{CHUNK, Here};
use storing::wrapped::Wrapped;
use storing::{
    bob, content, draft, folder, header_digest, header_len, names, policy, seal, stored,
};

type Change = Box<dyn Fn(&File)>;

/// What may become of 100 000 bytes that are held.
fn changes(here: &Here) -> Vec<Change> {
    let start = header_len(&here.envelope) + 56;
    let other = Here::new(200_001);
    let change_bit = |at: usize| {
        move |file: &File| {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at as u64).unwrap();
            file.write_all_at(&[byte[0] ^ 0x10], at as u64).unwrap();
        }
    };
    let mut changes: Vec<Change> = Vec::new();
    for at in [
        0,
        7,
        10,
        30,
        57,
        60,
        start - 56,
        start - 1,
        start,
        start + 100,
        start + CHUNK - 1,
        start + 2 * CHUNK,
    ] {
        changes.push(Box::new(change_bit(at)));
    }
    changes.push(Box::new(|file| {
        file.write_all_at(&[0; 100_000], 0).unwrap()
    }));
    changes.push(Box::new(|file| file.set_len(0).unwrap()));
    changes.push(Box::new(|file| file.set_len(80).unwrap()));
    changes.push(Box::new(move |file| {
        file.set_len(start as u64 + 10).unwrap()
    }));
    let foreign = other.envelope.clone();
    changes.push(Box::new(move |file| {
        file.write_all_at(&foreign[..100_000], 0).unwrap()
    }));
    // A chunk of the same envelope in the place of another.
    let swapped = here.envelope[start + CHUNK..start + 2 * CHUNK].to_vec();
    changes.push(Box::new(move |file| {
        file.write_all_at(&swapped, start as u64).unwrap()
    }));
    changes
}

#[test]
fn what_was_changed_while_it_was_held_is_refused_and_removed() {
    let here = Here::new(200_000);
    for (number, change) in changes(&here).iter().enumerate() {
        let guard = MemoryGuard::new(10);
        let store = here.store(&guard);
        let held = here.cut(&store, 100_000) as usize;
        change(
            &OpenOptions::new()
                .read(true)
                .write(true)
                .open(here.partial())
                .unwrap(),
        );
        let refused = store
            .resume(&here.header, &here.envelope[held..], here.target())
            .unwrap_err();
        assert_eq!(refused, ErrorKind::NotAuthentic, "{number}");
        // The damage is our own.
        assert!(refused.damaged().is_none(), "{number}");
        assert_eq!(names(here.folder.path()), [""; 0], "{number}");
        // From the beginning, then.
        stored(store.store(here.envelope.as_slice(), here.target()))
            .commit(b"")
            .unwrap();
        here.is_well(&store);
        fs::remove_file(&here.path).unwrap();
    }
}

#[test]
fn a_torn_end_or_a_longer_one_does_no_harm() {
    let here = Here::new(200_000);
    for (cut, added) in [(5, 0), (0, 5), (0, CHUNK - 1)] {
        let guard = MemoryGuard::new(10);
        let store = here.store(&guard);
        let held = here.cut(&store, 100_000);
        let file = OpenOptions::new().write(true).open(here.partial()).unwrap();
        file.set_len(held - cut + added as u64).unwrap();
        let now = store.held(&here.header).unwrap();
        assert_eq!(now, held - if cut > 0 { CHUNK as u64 } else { 0 });
        here.resume(&store, now);
        fs::remove_file(&here.path).unwrap();
    }
    // The disk is removed from under us, or a link put in the place.
    let guard = MemoryGuard::new(10);
    let store = here.store(&guard);
    here.cut(&store, 100_000);
    let aside = here.folder.path().join("aside");
    fs::rename(here.partial(), &aside).unwrap();
    symlink(&aside, here.partial()).unwrap();
    assert_eq!(store.held(&here.header).unwrap_err(), ErrorKind::Io);
    let refused = store.resume(&here.header, &b""[..], here.target());
    assert_eq!(refused.unwrap_err(), ErrorKind::Io);
    let before = fs::read(&aside).unwrap();
    // Nothing is kept then, and nothing goes through the link.
    stored(store.store(here.envelope.as_slice(), here.target()))
        .commit(b"")
        .unwrap();
    assert!(fs::read(&aside).unwrap() == before);
}

#[test]
fn strangers_keep_nothing_and_others_within_bounds() {
    let bytes = content(200_000);
    let guard = MemoryGuard::new(100);
    let stranger = Identity::generate(&OsEntropy).unwrap();
    let envelope = Sealer::new(&stranger)
        .to(bob().public())
        .seal(&draft(), &bytes)
        .unwrap();
    let elsewhere = seal(&Draft::new("elsewhere").unwrap(), &bytes);
    for envelope in [envelope, elsewhere] {
        let here = Here::of(envelope, bytes.clone());
        let refused = here
            .store(&guard)
            .store(&here.envelope[..150_000], here.target());
        assert_eq!(
            refused.unwrap_err().kind().class(),
            bulla::ErrorClass::Refused
        );
        assert_eq!(names(here.folder.path()), [""; 0]);
    }
    // Two envelopes, and of each at most 60 000 bytes.
    let folder = folder();
    let store = storing::store(&guard, &OsDisk).resumable(Partials::new(folder.path(), 2, 60_000));
    let path = folder.path().join("x");
    for number in 0..4 {
        let envelope = seal(&draft(), &bytes);
        store
            .store(&envelope[..150_000], Target::Path(&path))
            .unwrap_err();
        assert_eq!(names(folder.path()).len(), (number + 1).min(2));
        let held = store.held(&header_digest(&envelope)).unwrap();
        assert_eq!((held > 0, held <= 60_000), (number < 2, true));
        if number == 0 {
            // What is held helps, short as it is.
            let received = store.resume(
                &header_digest(&envelope),
                &envelope[held as usize..],
                Target::Path(&path),
            );
            drop(stored(received));
        }
    }
    // A short message needs none, whatever becomes of it.
    drop(stored(store.store(
        seal(&draft(), b"short").as_slice(),
        Target::Path(&path),
    )));
    assert_eq!(names(folder.path()).len(), 2);
}

#[test]
fn a_definite_refusal_removes_what_was_held_and_a_passing_one_does_not() {
    let here = Here::new(200_000);
    // Expired meanwhile.
    let guard = MemoryGuard::new(10);
    let held = here.cut(&here.store(&guard), 100_000) as usize;
    let later = FixedClock(u64::from(u32::MAX));
    let opener = Opener::with_clock(bob(), policy(), Replay::Guarded(&guard), &later);
    let store =
        Store::new(opener, 60, &OsDisk).resumable(Partials::new(here.folder.path(), 5, u64::MAX));
    let refused = store.resume(&here.header, &here.envelope[held..], here.target());
    assert_eq!(refused.unwrap_err(), ErrorKind::TooOld);
    assert_eq!(names(here.folder.path()), [""; 0]);

    let guard = Wrapped::new();
    let store = here.store(&guard);
    let rest = &here.envelope[here.cut(&store, 100_000) as usize..];
    *guard.claim.lock().unwrap() = Some(ErrorKind::GuardUnavailable);
    let refused = store.resume(&here.header, rest, here.target());
    assert_eq!(refused.unwrap_err(), ErrorKind::GuardUnavailable);
    // All of it came: only the last chunk is to be sent again.
    let held = store.held(&here.header).unwrap() as usize;
    assert!(here.envelope.len() - held < CHUNK);
    let again = stored(store.resume(&here.header, &here.envelope[held..], here.target()));
    *guard.commit.lock().unwrap() = Some((ErrorKind::Superseded, false));
    assert_eq!(again.commit(b"").unwrap_err(), ErrorKind::Superseded);
    assert_eq!(names(here.folder.path()), [""; 0]);

    here.cut(&store, 100_000);
    // The host has less room by now: that is no fault of the envelope.
    let small = here.store(&guard).max_content(1000);
    let refused = small.resume(&here.header, rest, here.target()).unwrap();
    assert!(matches!(&refused, Received::TooLarge(_)));
    drop(refused);
    assert_eq!(names(here.folder.path()), [""; 0]);
    here.cut(&store, 100_000);
    let full = here.store(&guard).has_room(&|_, _| false);
    let refused = full.resume(&here.header, rest, here.target()).unwrap();
    assert!(matches!(refused, Received::NoRoom(_)));
    assert_eq!(names(here.folder.path()), [""; 0]);
}

#[test]
fn content_that_its_author_never_signed_is_removed_when_that_shows() {
    // Whoever has the content key, another recipient, can make chunks that open; only the whole shows it.
    let (alice, bob) = (
        bulla_forge::Person::new("alice"),
        bulla_forge::Person::new("bob"),
    );
    let signed = content(200_000);
    let forged = bulla_forge::Forge::sealed(&alice, &[&bob]).with(|forge| {
        forge.stamp.context = "store".to_owned();
        forge.stamp.issued = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        forge.content = signed.iter().map(|byte| byte ^ 1).collect();
        forge.signed_content = Some(signed.clone());
    });
    let here = Here::of(forged.seal().envelope, Vec::new());
    let guard = MemoryGuard::new(10);
    let store = here.store(&guard);
    let held = here.cut(&store, 100_000) as usize;
    assert!(held > 0);
    let refused = store.resume(&here.header, &here.envelope[held..], here.target());
    assert_eq!(refused.unwrap_err(), ErrorKind::NotAuthentic);
    assert_eq!(names(here.folder.path()), [""; 0]);
    assert!(guard.is_empty());
}

/// What is kept of an envelope has a greatest size, and not one byte more; what is kept up to there is of use.
#[test]
fn of_each_envelope_at_most_so_many_bytes_are_kept() {
    let bytes = content(200_000);
    let envelope = seal(&draft(), &bytes);
    let start = header_len(&envelope) + 56;
    let third = start + 3 * CHUNK;
    for (most, kept) in [
        (third as u64 + 1, third),
        (third as u64, third),
        (third as u64 - 1, third - CHUNK),
        (start as u64 + CHUNK as u64 - 1, 0),
        (0, 0),
    ] {
        // However it comes: a chunk at a time, or much more than may be kept at once.
        for step in [CHUNK, 64 * 1024] {
            let here = Here::of(envelope.clone(), bytes.clone());
            let guard = MemoryGuard::new(10);
            let partials = Partials::new(here.folder.path(), 5, most);
            let store = storing::store(&guard, &OsDisk).resumable(partials);
            let cut = Slowly(&envelope[..150_000], step);
            store.store(cut, here.target()).unwrap_err();
            let held = store.held(&here.header).unwrap() as usize;
            assert_eq!(held, kept, "at most {most}, {step} at a time");
            let on_disk = here.partial().metadata().map_or(0, |it| it.len());
            assert!(on_disk <= most, "{on_disk} of {most}");
            // Nothing of it stays once the message is dealt with.
            if kept > 0 {
                here.resume(&store, kept as u64);
            } else {
                let whole = stored(store.store(envelope.as_slice(), here.target()));
                let _ = whole.commit(b"").unwrap();
                here.is_well(&store);
            }
        }
    }
}

/// At most so many bytes at a time.
struct Slowly<'a>(&'a [u8], usize);

impl std::io::Read for Slowly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}
