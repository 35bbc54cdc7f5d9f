//! Faults of the disk, each at every operation in turn: a clear error or a refusal, never `stored`, and nothing under the
//! final name; when the disk is well again, the message is stored.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod storing;

use std::io::ErrorKind as Io;

use bulla::{Digest, ErrorKind, MemoryGuard, OsDisk, Partials, Received, Target};
use storing::faulty::{Fault, Faulty, Operation, When};
use storing::hooked::Hooked;
use storing::{content, draft, folder, names, seal, seal_stream, store, store_well};

/// Enough for several writes and several reads.
const LENGTH: usize = 600_000;

enum End {
    Stored,
    Failed(bulla::Error),
    NoRoom,
}

/// Stores over a faulty disk, and checks what must hold whatever happened. `partials`: with what is kept of the envelope.
fn run(disk: &Faulty, envelope: &[u8], bytes: &[u8], partials: bool) -> End {
    let (folder, guard) = (folder(), MemoryGuard::new(10));
    let path = folder.path().join("final");
    let mut faulty = store(&guard, disk);
    if partials {
        faulty = faulty.resumable(Partials::new(folder.path(), 5, u64::MAX));
    }
    let end = match faulty.store(envelope, Target::Path(&path)) {
        Ok(Received::Stored(stored)) => {
            assert_eq!(stored.proof().content_digest(), Digest::of(bytes));
            assert!(std::fs::read(&path).unwrap() == bytes, "{disk:?}");
            stored.commit(b"receipt").unwrap();
            End::Stored
        }
        Ok(Received::NoRoom(lease)) => {
            lease.release().unwrap();
            End::NoRoom
        }
        Ok(other) => panic!("{disk:?}: {other:?}"),
        Err(error) => End::Failed(error.into()),
    };
    let mut left = names(folder.path());
    if partials {
        left.retain(|name| !name.ends_with(".partial"));
    }
    let removing =
        matches!(disk.when, When::Each(Operation::Remove)) || disk.met() == Some(Operation::Remove);
    match &end {
        End::Stored => assert_eq!(left, ["final"], "{disk:?}"),
        _ if removing => {}
        _ => assert_eq!(left, [""; 0], "{disk:?}"),
    }
    // The same guard, and a disk that is well: the message may come again, or the same receipt does.
    let well = store(&guard, &OsDisk);
    match end {
        End::Stored => {
            let again = well.store(envelope, Target::Path(&path)).unwrap();
            assert!(
                matches!(again, Received::Again(again) if again.receipt().unwrap() == b"receipt")
            );
        }
        _ => store_well(&well, envelope, &path, bytes),
    }
    end
}

/// Lets the fault meet every operation in turn, until none is left to meet; says how many ends were of which kind.
fn each_in_turn(fault: Fault, named: bool, partials: bool) -> (Vec<Operation>, [usize; 3]) {
    let bytes = content(LENGTH);
    let envelope = seal(&draft(), &bytes);
    let (mut met, mut ends) = (Vec::new(), [0; 3]);
    for number in 0.. {
        let disk = Faulty::new(When::Number(number), fault, named);
        let end = run(&disk, &envelope, &bytes, partials);
        let Some(operation) = disk.met() else {
            assert!(matches!(end, End::Stored), "without a fault it is stored");
            assert!(number > 10);
            break;
        };
        met.push(operation);
        // What a person is told is one line.
        if let End::Failed(error) = &end {
            assert!(!error.to_string().contains('\n') && error.kind() == ErrorKind::Io);
        }
        match end {
            End::Stored => ends[0] += 1,
            End::Failed(_) => ends[1] += 1,
            End::NoRoom => ends[2] += 1,
        }
    }
    (met, ends)
}

fn all_kinds_but_remove(met: &[Operation]) -> bool {
    use Operation::{Create, DropCache, Lock, Open, Publish, Read, Sync, SyncFolder, Write};
    [
        Create, Open, Lock, Write, Read, Sync, Publish, SyncFolder, DropCache,
    ]
    .iter()
    .all(|kind| met.contains(kind))
}

#[test]
fn an_error_at_every_operation_in_turn() {
    for kind in [Io::Other, Io::PermissionDenied, Io::TimedOut] {
        for named in [false, true] {
            for fault in [Fault::Fails(kind), Fault::FailsAfter(kind)] {
                let (met, [stored, failed, no_room]) = each_in_turn(fault, named, false);
                assert!(all_kinds_but_remove(&met), "{met:?}");
                assert_eq!((stored, no_room), (0, 0), "{fault:?}");
                assert_eq!(failed, met.len());
            }
        }
    }
}

#[test]
fn a_full_disk_at_every_operation_in_turn() {
    for kind in [Io::StorageFull, Io::QuotaExceeded, Io::FileTooLarge] {
        for fault in [Fault::Fails(kind), Fault::FailsAfter(kind)] {
            let (met, [stored, failed, no_room]) = each_in_turn(fault, true, false);
            assert_eq!((stored, failed), (0, 0), "{fault:?}");
            assert_eq!(no_room, met.len());
        }
    }
}

#[test]
fn interrupted_and_short_calls_at_every_operation_in_turn() {
    for named in [false, true] {
        let (met, [stored, failed, _]) = each_in_turn(Fault::Fails(Io::Interrupted), named, false);
        // Writing and reading go on; the rest, a sync above all, is not tried twice.
        let goes_on =
            |operation: &&Operation| matches!(operation, Operation::Write | Operation::Read);
        assert_eq!(stored, met.iter().filter(goes_on).count());
        assert_eq!(failed, met.len() - stored);
        let (met, [stored, ..]) = each_in_turn(Fault::Short, named, false);
        assert_eq!(stored, met.len());
    }
}

#[test]
fn faults_while_the_envelope_is_kept_too() {
    for kind in [Io::Other, Io::StorageFull] {
        let (met, [stored, ..]) = each_in_turn(Fault::Fails(kind), true, true);
        // A fault that meets only what is kept harms nothing.
        assert!(stored > 0 && stored < met.len());
        assert!(met.contains(&Operation::Remove));
    }
}

#[test]
fn a_sync_that_failed_once_is_never_tried_again() {
    let bytes = content(LENGTH);
    for (envelope, _) in [
        seal_stream(&bytes, None),
        seal_stream(&bytes, Some(LENGTH as u64)),
    ] {
        let disk = Faulty::new(
            When::First(Operation::Sync, 1),
            Fault::Fails(Io::Other),
            false,
        );
        assert!(matches!(
            run(&disk, &envelope, &bytes, false),
            End::Failed(_)
        ));
    }
}

#[test]
fn a_bit_that_flips_after_the_sync_is_noticed() {
    let bytes = content(LENGTH);
    let envelope = seal(&draft(), &bytes);
    let mut state = 7;
    for round in 0..60 {
        let at = match round {
            0 => 0,
            1 => LENGTH as u64 * 8 - 1,
            _ => storing::next(&mut state),
        };
        let disk = Faulty::new(
            When::Each(Operation::Sync),
            Fault::Flips(at),
            round % 2 == 0,
        );
        let End::Failed(error) = run(&disk, &envelope, &bytes, false) else {
            panic!("bit {at}");
        };
        assert!(
            error.to_string().contains("do not rely on this disk"),
            "{error}"
        );
    }
    let disk = Faulty::new(When::Each(Operation::Sync), Fault::Truncates, false);
    assert!(matches!(
        run(&disk, &envelope, &bytes, false),
        End::Failed(_)
    ));
}

#[test]
fn where_nothing_can_be_removed_the_message_is_stored_in_the_end() {
    let bytes = content(LENGTH);
    let envelope = seal(&draft(), &bytes);
    let (folder, guard) = (folder(), MemoryGuard::new(10));
    let path = folder.path().join("final");
    // Publishing succeeds, the folder cannot be synced, and nothing can be removed: the file stays, whole.
    let disk = Hooked(|operation| match operation {
        Operation::SyncFolder | Operation::Remove => Err(Io::Other.into()),
        _ => Ok(()),
    });
    let refused = store(&guard, &disk).store(envelope.as_slice(), Target::Path(&path));
    assert_eq!(refused.unwrap_err(), ErrorKind::Io);
    assert!(std::fs::read(&path).unwrap() == bytes);
    // Nobody was told that it is stored; when the message comes again, what is there is found to be it.
    store_well(&store(&guard, &OsDisk), &envelope, &path, &bytes);
    assert_eq!(names(folder.path()), ["final"]);
}

#[test]
fn a_fault_while_a_file_that_is_there_is_read_again() {
    let bytes = content(LENGTH);
    let envelope = seal(&draft(), &bytes);
    for number in 0.. {
        let (folder, guard) = (folder(), MemoryGuard::new(10));
        let path = folder.path().join("final");
        // An attempt that was killed between the final name and the commit left this.
        std::fs::write(&path, &bytes).unwrap();
        let disk = Faulty::new(When::Number(number), Fault::Fails(Io::Other), true);
        let received = store(&guard, &disk).store(envelope.as_slice(), Target::Path(&path));
        let Some(operation) = disk.met() else {
            received.map(drop).unwrap();
            assert!(number > 6);
            break;
        };
        assert_eq!(received.unwrap_err(), ErrorKind::Io, "{operation:?}");
        // It was there before, and stays.
        assert_eq!(names(folder.path()), ["final"], "{operation:?}");
        store_well(&store(&guard, &OsDisk), &envelope, &path, &bytes);
    }
}

/// All operations of one attempt, with runs of writes and reads as one.
fn operations(there: bool) -> Vec<Operation> {
    let bytes = content(LENGTH);
    let (folder, guard) = (folder(), MemoryGuard::new(10));
    let path = folder.path().join("final");
    if there {
        std::fs::write(&path, &bytes).unwrap();
    }
    let seen = std::sync::Mutex::new(Vec::new());
    let disk = Hooked(|operation| {
        seen.lock().unwrap().push(operation);
        Ok(())
    });
    store_well(
        &store(&guard, &disk),
        &seal(&draft(), &bytes),
        &path,
        &bytes,
    );
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    seen.dedup();
    seen
}

#[test]
fn the_order_of_the_operations_is_the_promise() {
    use Operation::{Create, DropCache, Lock, Open, Publish, Read, Sync, SyncFolder, Write};
    let before = [Create, Lock, Write, Sync, Publish];
    let after = [SyncFolder, Open, DropCache, Read];
    assert_eq!(operations(false), [&before[..], &after].concat());
    // What is there already is compared as the content comes; then it is synced and read again as if it were new, and nothing is
    // written for it.
    let found = [Open, Read, Open, Lock, Sync];
    assert_eq!(operations(true), [&found[..], &after].concat());
}
