//! An envelope that came half is completed from what was verified.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod storing;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;

use bulla::{ErrorKind, MemoryGuard, OsDisk, Received, Target};
use storing::here::{CHUNK, Here};
use storing::{content, draft, header_len, names, seal, seal_stream, stored};

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
        let broken = broken.unwrap_err();
        assert_eq!(broken, ErrorKind::Io);
        // What did not come is not damaged.
        assert!(broken.damaged().is_none());
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
    // A copy of what was dealt with, also one that is cut: the same receipt, and nothing is kept of it.
    for copy in [&here.envelope[..100_000], &here.envelope] {
        let again = store.store(copy, here.target()).unwrap();
        assert!(matches!(again, Received::Again(_)));
        here.is_well(&store);
    }
    // What was held by then goes too.
    let elsewhere = here.folder.path().join("y");
    let forgets = MemoryGuard::new(10);
    let other = here.store(&forgets);
    let cut = other.store(&here.envelope[..100_000], Target::Path(&elsewhere));
    assert!(cut.is_err());
    let held = store.held(&here.header).unwrap() as usize;
    assert!(held > 0);
    let again = store.resume(&here.header, &here.envelope[held..], here.target());
    assert!(matches!(again.unwrap(), Received::Again(_)));
    here.is_well(&store);
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
        assert!(refused.damaged().is_some());
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
