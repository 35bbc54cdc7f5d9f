//! Disks that are full, and files that stay bounded.

use super::*;

/// The system lets no file grow beyond 200 KB: the log cannot be written. What was answered before stands.
#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_more() {
    let (_folder, path) = place();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -f 400; trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap());
    let said = Other::start_as(command, "fill", processes::name(&path), 0).finish();
    println!("{said:?}");
    let done: u64 = said[0].parse().unwrap();
    assert!(done > 5, "{said:?}");
    assert!(said[1].starts_with("GuardUnavailable"), "{said:?}");
    assert!(said[1].contains("disk"), "{said:?}");
    let guard = open(&path);
    guard.check().unwrap();
    for number in 0..done {
        assert_eq!(
            guard.claim(&claim(number, 1000), 1000, None).unwrap(),
            Claimed::Same(vec![])
        );
    }
    token(guard.claim(&claim(done, 1000), 1000, None));
}

#[test]
fn a_full_disk() {
    let (_folder, path) = place();
    let guard = open(&path);
    let held = token(guard.claim(&claim(u64::MAX, 1000), 1000, Some(60)));
    guard.database().limit_pages(40).unwrap();
    let mut done = 0;
    let error = loop {
        match guard.claim(&claim(done, 1000), 1000, None) {
            Ok(_) => done += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, ErrorKind::GuardUnavailable);
    assert!(error.detail().contains("disk is full"), "{error}");
    guard.check().unwrap();
    let status = guard.status().unwrap();
    assert_eq!((status.committed, status.reserved), (done, 1));
    assert!(guard.commit(&held, &[7; 4096]).is_err());
    // What leaves makes room; and with room everything goes on.
    guard.database().limit_pages(4000).unwrap();
    guard.commit(&held, &[7; 4096]).unwrap();
    token(guard.claim(&claim(done, 1000), 1000, None));
    guard.check().unwrap();
}

#[test]
fn nobody_pays_for_anothers_refusal() {
    let (_folder, path) = place();
    let limits = GuardLimits::of(100_000).per_sender(50);
    let guard = SqliteGuard::with(Database::open(path).unwrap(), limits);
    let counts: Vec<(usize, usize)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u8)
            .map(|sender| {
                let guard = &guard;
                scope.spawn(move || {
                    let (mut new, mut full) = (0, 0);
                    for number in 0..200 {
                        let mut message = claim(u64::from(sender) << 32 | number, 1000);
                        // Half of the threads are one sender.
                        message.signer = [sender.max(4); 32];
                        match guard.claim(&message, 1000, None) {
                            Ok(Claimed::New(_)) => new += 1,
                            Err(error) if error.kind() == ErrorKind::GuardFull => full += 1,
                            other => panic!("{other:?}"),
                        }
                        let stale = LeaseToken {
                            key: message.key,
                            number: 0,
                        };
                        assert_eq!(guard.release(&stale).unwrap_err(), ErrorKind::LeaseLost);
                    }
                    (new, full)
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let of_one: usize = counts[..5].iter().map(|(new, _)| new).sum();
    assert_eq!(of_one, 50);
    assert!(counts[5..].iter().all(|counts| *counts == (50, 150)));
    guard.check().unwrap();
}

/// Few entries are over, and many challenges: a sweep ends when both are gone.
#[test]
fn a_sweep_drops_all_challenges_too() {
    let (_folder, path) = place();
    let guard = open(&path);
    token(guard.claim(&claim(1, 1000), 1000, None));
    for number in 0..2500_u64 {
        let challenge = Digest::of(&number.to_be_bytes());
        guard.expect(&challenge, 1010, 1000).unwrap();
    }
    assert_eq!(guard.status().unwrap().challenges, 2500);
    assert_eq!(guard.sweep(1100, usize::MAX).unwrap(), 1);
    assert_eq!(guard.status().unwrap().challenges, 0);
    guard.check().unwrap();
}

/// A day: one message a second, kept for an hour, some of them copies, and a sweep now and then.
#[test]
fn a_days_load_keeps_the_file_bounded() {
    let (_folder, path) = place();
    let guard = open(&path);
    let second = AtomicU64::new(0);
    let largest: Vec<AtomicU64> = (0..24).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let at = second.fetch_add(1, Ordering::Relaxed);
                    let Some(hour) = largest.get(at as usize / 3600) else {
                        break;
                    };
                    let now = 1_000_000 + at;
                    let mut message = claim(at, now);
                    message.keep_until = now + 3600;
                    message.scope = Digest::of(&(at % 5000).to_be_bytes());
                    token(guard.claim(&message, now, None));
                    if at.is_multiple_of(10) {
                        let answer = guard.claim(&message, now, None).unwrap();
                        assert_eq!(answer, Claimed::Same(vec![]));
                    }
                    if at.is_multiple_of(600) {
                        let bytes = guard.status().unwrap().file_bytes;
                        hour.fetch_max(bytes, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let largest: Vec<u64> = largest.into_iter().map(AtomicU64::into_inner).collect();
    println!("largest length in each hour: {largest:?}");
    let early = largest[..4].iter().max().unwrap();
    assert!(largest.iter().all(|bytes| *bytes <= early + (2 << 20)));
    guard.check().unwrap();
    // When the load is over, the room goes back.
    let before = guard.status().unwrap().file_bytes;
    for _ in 0..10 {
        guard.sweep(2_000_000, usize::MAX).unwrap();
    }
    drop(guard);
    let status = open(&path).status().unwrap();
    assert_eq!(status.committed, 0);
    println!("{before} bytes, and {} when empty", status.file_bytes);
    assert!(status.file_bytes < 5 << 20);
}
