//! An envelope that came half is completed from what was verified; what was kept wrongly is refused and removed.
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
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::PathBuf;

use bulla::{
    Digest, Draft, ErrorKind, FixedClock, Identity, MemoryGuard, Opener, OsDisk, OsEntropy,
    Partials, Received, Replay, ReplayGuard, Sealer, Store, Target,
};
use storing::wrapped::Wrapped;
use storing::{
    bob, content, draft, folder, header_digest, header_len, names, partial_path, policy, seal,
    seal_stream, stored,
};

const CHUNK: usize = 16_400;

/// A folder, and what is stored in it.
struct Here {
    folder: tempfile::TempDir,
    path: PathBuf,
    bytes: Vec<u8>,
    envelope: Vec<u8>,
    header: Digest,
}

impl Here {
    fn of(envelope: Vec<u8>, bytes: Vec<u8>) -> Self {
        let folder = folder();
        Self {
            path: folder.path().join("x"),
            header: header_digest(&envelope),
            folder,
            bytes,
            envelope,
        }
    }

    fn new(length: usize) -> Self {
        let bytes = content(length);
        Self::of(seal(&draft(), &bytes), bytes)
    }

    fn store<'a>(&self, guard: &'a dyn ReplayGuard) -> Store<'a> {
        storing::store(guard, &OsDisk).resumable(Partials::new(self.folder.path(), 5, u64::MAX))
    }

    fn partial(&self) -> PathBuf {
        partial_path(self.folder.path(), &self.header)
    }

    fn target(&self) -> Target<'_> {
        Target::Path(&self.path)
    }

    /// Sends the first bytes only.
    #[track_caller]
    fn cut(&self, store: &Store<'_>, at: usize) -> u64 {
        let cut = store
            .store(&self.envelope[..at], self.target())
            .unwrap_err();
        assert_eq!(cut.kind().class(), bulla::ErrorClass::NotAcceptable);
        assert!(!self.path.exists());
        let held = store.held(&self.header).unwrap();
        assert!(held <= at as u64 && self.is_boundary(held as usize));
        held
    }

    /// Where whole chunks end.
    fn is_boundary(&self, at: usize) -> bool {
        let before = header_len(&self.envelope) + 56;
        at == 0 || (at > before && (at - before).is_multiple_of(CHUNK))
    }

    #[track_caller]
    fn resume(&self, store: &Store<'_>, from: u64) {
        let stored =
            stored(store.resume(&self.header, &self.envelope[from as usize..], self.target()));
        assert_eq!(stored.proof().content_digest(), Digest::of(&self.bytes));
        stored.commit(b"receipt").unwrap();
        self.is_well(store);
    }

    #[track_caller]
    fn is_well(&self, store: &Store<'_>) {
        assert!(fs::read(&self.path).unwrap() == self.bytes);
        assert_eq!(names(self.folder.path()), ["x"]);
        assert_eq!(store.held(&self.header).unwrap(), 0);
    }
}

#[test]
fn every_kind_of_cut_is_completed() {
    let length = 200_000;
    let bytes = content(length);
    for envelope in [
        seal(&draft(), &bytes),
        seal_stream(&bytes, None).0,
        seal_stream(&bytes, Some(length as u64)).0,
    ] {
        let start = header_len(&envelope) + 56;
        let mut cuts = vec![
            0,
            1,
            24,
            start - 57,
            start - 56,
            start - 55,
            start - 1,
            start,
            start + 1,
        ];
        for chunk in 1..=length / CHUNK + 1 {
            cuts.extend(
                [-17, -1, 0, 1].map(|by| (start + chunk * CHUNK).saturating_add_signed(by)),
            );
        }
        cuts.extend([envelope.len() - 1, envelope.len() - 16]);
        cuts.retain(|cut| *cut < envelope.len());
        for at in cuts {
            let here = Here::of(envelope.clone(), bytes.clone());
            let guard = MemoryGuard::new(10);
            let store = here.store(&guard);
            let held = here.cut(&store, at);
            // All whole chunks that came are held. In the first one is the stamp, and without it nothing is kept.
            let whole = at.saturating_sub(start) / CHUNK * CHUNK;
            assert_eq!(
                held as usize,
                if whole == 0 { 0 } else { start + whole },
                "{at}"
            );
            if held == 0 {
                let nothing = store.resume(&here.header, &envelope[..], here.target());
                assert_eq!(nothing.unwrap_err(), ErrorKind::InvalidInput);
                stored(store.store(envelope.as_slice(), here.target()))
                    .commit(b"")
                    .unwrap();
                here.is_well(&store);
            } else {
                assert_eq!(
                    here.partial().metadata().unwrap().permissions().mode() & 0o777,
                    0o600
                );
                here.resume(&store, held);
            }
        }
    }
}

/// Gives the bytes, and then an error: a connection that broke.
struct Breaks<'a>(&'a [u8]);

impl Read for Breaks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            read => Ok(read),
        }
    }
}

#[test]
fn many_cuts_in_a_row_are_completed_and_a_shorter_copy_undoes_nothing() {
    let here = Here::new(500_000);
    let guard = MemoryGuard::new(10);
    let store = here.store(&guard);
    let mut held = here.cut(&store, 40_000) as usize;
    let mut rounds = 0;
    loop {
        rounds += 1;
        // A relay sends the beginning once more.
        assert_eq!(here.cut_again(&store, 20_000), held);
        let end = here.envelope.len().min(held + 50_000);
        let rest = &here.envelope[held..end];
        if end == here.envelope.len() {
            break;
        }
        let broken = store.resume(&here.header, Breaks(rest), here.target());
        assert_eq!(broken.unwrap_err(), ErrorKind::Io);
        let now = store.held(&here.header).unwrap() as usize;
        assert!(now > held && here.is_boundary(now));
        held = now;
    }
    assert!(rounds > 5);
    here.resume(&store, held as u64);
}

#[test]
fn a_whole_copy_ends_what_was_held() {
    let here = Here::new(300_000);
    let guard = MemoryGuard::new(10);
    let store = here.store(&guard);
    here.cut(&store, 100_000);
    stored(store.store(here.envelope.as_slice(), here.target()))
        .commit(b"")
        .unwrap();
    here.is_well(&store);
    // A copy of what was dealt with, cut and completed: the same receipt, and nothing is left.
    let held = here.cut_again(&store, 100_000);
    let again = store
        .resume(&here.header, &here.envelope[held..], here.target())
        .unwrap();
    assert!(matches!(again, Received::Again(_)));
    here.is_well(&store);
}

impl Here {
    fn cut_again(&self, store: &Store<'_>, at: usize) -> usize {
        store
            .store(&self.envelope[..at], self.target())
            .unwrap_err();
        store.held(&self.header).unwrap() as usize
    }
}

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
fn a_wrong_rest_is_refused_and_the_right_one_completes() {
    let here = Here::new(200_000);
    let guard = MemoryGuard::new(10);
    let store = here.store(&guard);
    let held = here.cut(&store, 100_000) as usize;
    let mut changed = here.envelope[held..].to_vec();
    changed[10] ^= 1;
    let (early, late) = (&here.envelope[held - 1..], &here.envelope[held + 1..]);
    for rest in [
        &changed[..],
        early,
        late,
        b"",
        &here.envelope[..],
        &content(200_000)[..],
    ] {
        let refused = store.resume(&here.header, rest, here.target()).unwrap_err();
        assert_eq!(refused, ErrorKind::NotAuthentic);
        assert_eq!(store.held(&here.header).unwrap() as usize, held);
        assert!(!here.path.exists());
    }
    here.resume(&store, held as u64);
}

#[test]
fn two_receivers_do_not_complete_the_same_at_once() {
    let here = Here::new(200_000);
    let guard = MemoryGuard::new(10);
    let store = here.store(&guard);
    let held = here.cut(&store, 100_000) as usize;
    let working = File::open(here.partial()).unwrap();
    working.lock().unwrap();
    let refused = store.resume(&here.header, &here.envelope[held..], here.target());
    assert_eq!(refused.unwrap_err(), ErrorKind::Pending);
    // Cleaning lets it be, and a whole copy is stored without it.
    working.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(store.clean(here.folder.path()).unwrap(), 0);
    stored(store.store(here.envelope.as_slice(), here.target()))
        .release()
        .unwrap();
    drop(working);
    here.resume(&store, held as u64);
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
fn without_a_folder_for_it_nothing_is_held() {
    let here = Here::new(100_000);
    let guard = MemoryGuard::new(10);
    let store = storing::store(&guard, &OsDisk);
    store
        .store(&here.envelope[..90_000], here.target())
        .unwrap_err();
    assert_eq!(names(here.folder.path()), [""; 0]);
    assert_eq!(
        store.held(&here.header).unwrap_err(),
        ErrorKind::InvalidInput
    );
    let refused = store.resume(&here.header, &b""[..], here.target());
    assert_eq!(refused.unwrap_err(), ErrorKind::InvalidInput);
}

#[test]
fn a_message_that_came_whole_at_once_leaves_nothing() {
    let here = Here::new(5000);
    let guard = MemoryGuard::new(10);
    drop(stored(
        here.store(&guard)
            .store(here.envelope.as_slice(), here.target()),
    ));
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
