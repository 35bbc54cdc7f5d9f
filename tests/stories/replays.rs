//! Messages that come again: copies, seals made anew, slow streams, guards that fail.

use super::*;

#[test]
fn a_replay() {
    let (alice, bob, _) = people();
    let sealed = Forge::sealed(&alice, &[&bob]).seal();
    let (keys, clock, guard, policy) = (
        identity(&bob),
        FixedClock(NOW),
        MemoryGuard::new(10),
        from(&alice),
    );
    let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &clock);
    opener.open(&sealed.envelope).unwrap();
    assert_eq!(
        opener.open(&sealed.envelope).unwrap_err(),
        ErrorKind::Replayed
    );
    // A copy that was damaged on the way claims nothing.
    let fresh = MemoryGuard::new(10);
    let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&fresh), &clock);
    let mut damaged = sealed.envelope.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(opener.open(&damaged).unwrap_err(), ErrorKind::NotAuthentic);
    assert!(opener.open(&sealed.envelope).is_ok());
}

#[test]
fn one_envelope_to_two_mailboxes_of_one_host() {
    let (alice, bob, carol) = (
        Person::new("alice"),
        Person::new("bob"),
        Person::new("carol"),
    );
    let sealed = Forge::sealed(&alice, &[&bob, &carol]).seal();
    let (clock, guard, policy) = (FixedClock(NOW), MemoryGuard::new(100), from(&alice));
    for person in [&bob, &carol] {
        let keys = identity(person);
        let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &clock);
        assert!(opener.open(&sealed.envelope).is_ok());
        assert_eq!(
            opener.open(&sealed.envelope).unwrap_err(),
            ErrorKind::Replayed
        );
        // The host may name its mailboxes itself: then one key serves several.
        for mailbox in ["inbox", "archive"] {
            let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &clock);
            let opener =
                opener.reader_name(&format!("{mailbox} of {}", common::hex(&person.signer())));
            assert!(opener.open(&sealed.envelope).is_ok());
        }
    }
}

#[test]
fn an_honest_reseal_is_the_same_message() {
    // The first try got lost on the way, as Alice thinks. She seals the message again, later, with other padding.
    let alice = Identity::generate(&OsEntropy).unwrap();
    let bob = Identity::generate(&OsEntropy).unwrap();
    let guard = MemoryGuard::new(10);
    let policy = Policy::new("mail", Senders::only([*alice.verifying_key()])).unwrap();
    let (first, later) = (FixedClock(NOW), FixedClock(NOW + 60));
    let draft = Draft::new("mail").unwrap().expires_at(NOW + 3600);
    let mut one = Vec::new();
    let sent = Sealer::with(&alice, &first, &OsEntropy)
        .to(bob.public())
        .seal_into(&draft, b"the barley", &mut one)
        .unwrap();
    let again = Sealer::with(&alice, &later, &OsEntropy)
        .to(bob.public())
        .padding(bulla::Padding::None)
        .seal(&draft.clone().again(&sent), b"the barley")
        .unwrap();
    let opener = Opener::with_clock(&bob, &policy, Replay::Guarded(&guard), &later);
    assert!(opener.open(&again).is_ok());
    assert_eq!(opener.open(&one).unwrap_err(), ErrorKind::Replayed);
    // To the guard the two are one and the same: same key, same value. Other content under the same id is not.
    let claims = [&again, &one].map(|envelope| claim_of(&bob, &policy, envelope));
    assert_eq!(claims[0], claims[1]);
    let other = Sealer::with(&alice, &later, &OsEntropy).to(bob.public());
    let other = other.seal(&draft.again(&sent), b"the wheat").unwrap();
    let claim = claim_of(&bob, &policy, &other);
    assert!(claim.0 == claims[0].0 && claim.1 != claims[0].1);
}

#[test]
fn a_reseal_kept_back_by_the_relay() {
    // The relay keeps the second copy until the guard has forgotten the first. It is as old as the first, by its stamp.
    let alice = Identity::generate(&OsEntropy).unwrap();
    let bob = Identity::generate(&OsEntropy).unwrap();
    const DAY: u64 = 86_400;
    let policy = Policy::new("mail", Senders::only([*alice.verifying_key()])).unwrap();
    for draft in [
        Draft::new("mail").unwrap().expires_at(NOW + 90 * DAY),
        Draft::new("mail").unwrap().expires_in(90 * DAY),
        Draft::new("mail").unwrap(),
    ] {
        let seal = |draft: &Draft, now: u64| {
            let mut out = Vec::new();
            let clock = FixedClock(now);
            let sealer = Sealer::with(&alice, &clock, &OsEntropy).to(bob.public());
            let sent = sealer.seal_into(draft, b"once", &mut out).unwrap();
            (out, sent)
        };
        let guard = MemoryGuard::new(10);
        let (one, sent) = seal(&draft, NOW);
        let (again, resent) = seal(&draft.again(&sent), NOW + 20 * DAY);
        assert_eq!((resent.issued, resent.expires), (sent.issued, sent.expires));
        let open = |envelope: &[u8], now: u64| {
            let clock = FixedClock(now);
            let opener = Opener::with_clock(&bob, &policy, Replay::Guarded(&guard), &clock);
            opener
                .open(envelope)
                .map(drop)
                .map_err(|error| error.kind())
        };
        assert_eq!(open(&one, NOW), Ok(()));
        assert_eq!(open(&again, NOW + 20 * DAY), Err(ErrorKind::Replayed));
        assert_eq!(open(&again, NOW + 31 * DAY), Err(ErrorKind::TooOld));
    }
}

#[test]
fn two_slow_streams() {
    // A relay feeds two copies slowly: both stamps are judged in time, both end after the message has expired.
    use bulla::ReplayGuard;
    let (alice, bob, _) = people();
    let sealed = Forge::sealed(&alice, &[&bob])
        .with(|f| f.stamp.expires = Some(NOW + 100))
        .with(|f| f.layout = Layout::LengthUnknown)
        .with(|f| f.content = vec![1; 50_000])
        .seal();
    let clock = Moving(std::sync::atomic::AtomicU64::new(NOW));
    let (keys, guard, policy) = (identity(&bob), MemoryGuard::new(10), from(&alice));
    let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &clock);
    let mut out = Vec::new();
    let mut streams: Vec<_> = (0..3).map(|_| opener.stream()).collect();
    for stream in &mut streams {
        stream
            .update_provisional(&sealed.envelope, &mut out)
            .unwrap();
        assert!(stream.stamp().is_some());
    }
    let mut ends = streams.into_iter();
    let mut end_at = |now: u64| {
        clock.0.store(now, std::sync::atomic::Ordering::Relaxed);
        let ended = ends.next().unwrap().finish(&mut Vec::new());
        guard.sweep(now, usize::MAX).unwrap();
        ended.map(drop).map_err(|error| error.kind())
    };
    assert_eq!(end_at(NOW + 219), Ok(()));
    assert_eq!(end_at(NOW + 220), Err(ErrorKind::Expired));
    assert_eq!(end_at(NOW + 10_000), Err(ErrorKind::Expired));
}

struct Moving(std::sync::atomic::AtomicU64);

impl bulla::Clock for Moving {
    fn now(&self) -> bulla::Result<u64> {
        Ok(self.0.load(std::sync::atomic::Ordering::Relaxed))
    }
}

#[test]
fn another_skew_revives_nothing() {
    use bulla::ReplayGuard;
    let (alice, bob, _) = people();
    let sealed = Forge::sealed(&alice, &[&bob])
        .with(|f| f.stamp.expires = Some(NOW + 100))
        .seal();
    let (keys, guard) = (identity(&bob), MemoryGuard::new(10));
    let open = |skew: u64, now: u64| {
        let (policy, clock) = (from(&alice).skew(skew), FixedClock(now));
        guard.sweep(now, usize::MAX).unwrap();
        let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &clock);
        opener
            .open(&sealed.envelope)
            .map(drop)
            .map_err(|error| error.kind())
    };
    assert_eq!(open(0, NOW), Ok(()));
    assert_eq!(open(120, NOW + 150), Err(ErrorKind::Replayed));
    assert_eq!(open(u64::MAX, NOW + 3000), Err(ErrorKind::Replayed));
    assert_eq!(open(u64::MAX, NOW + 3700), Err(ErrorKind::Expired));
}

#[test]
fn a_disk_that_is_full_is_no_replay() {
    let (alice, bob, _) = people();
    let sealed = Forge::sealed(&alice, &[&bob]).seal();
    let (keys, guard, policy, clock) = (
        identity(&bob),
        MemoryGuard::new(10),
        from(&alice),
        FixedClock(NOW),
    );
    let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &clock);
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let full = opener
        .read(sealed.envelope.as_slice())
        .unwrap()
        .copy_provisional(&mut Full);
    assert_eq!(full.unwrap_err(), ErrorKind::Io);
    assert!(guard.is_empty());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    opener
        .open_to_file(sealed.envelope.as_slice(), &path, false)
        .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), sealed.content);
}

/// Key and value under which a guard would know the message.
fn claim_of(reader: &Identity, policy: &Policy, envelope: &[u8]) -> (bulla::Digest, bulla::Digest) {
    struct Spy(std::sync::Mutex<Option<(bulla::Digest, bulla::Digest)>>);
    impl bulla::ReplayGuard for Spy {
        fn observe(&self, now: u64) -> bulla::Result<u64> {
            Ok(now)
        }
        fn claim(
            &self,
            claim: &bulla::Claim,
            _: u64,
            _: Option<u64>,
        ) -> bulla::Result<bulla::Claimed> {
            *self.0.lock().unwrap() = Some((claim.key, claim.value));
            Ok(bulla::Claimed::New(bulla::LeaseToken {
                key: claim.key,
                number: 1,
            }))
        }
        fn commit(&self, _: &bulla::LeaseToken, _: &[u8]) -> bulla::Result<()> {
            Ok(())
        }
        fn release(&self, _: &bulla::LeaseToken) -> bulla::Result<()> {
            Ok(())
        }
        fn renew(&self, _: &bulla::LeaseToken, _: u64, _: u64) -> bulla::Result<()> {
            Ok(())
        }
        fn sweep(&self, _: u64, _: usize) -> bulla::Result<usize> {
            Ok(0)
        }
        common::no_streams_no_challenges_no_rates!();
    }
    let spy = Spy(std::sync::Mutex::default());
    let clock = FixedClock(NOW + 60);
    Opener::with_clock(reader, policy, Replay::Guarded(&spy), &clock)
        .open(envelope)
        .unwrap();
    spy.0.into_inner().unwrap().unwrap()
}

#[test]
fn a_guard_that_fails_is_never_acceptance() {
    struct Broken(ErrorKind);
    impl bulla::ReplayGuard for Broken {
        fn observe(&self, now: u64) -> bulla::Result<u64> {
            Ok(now)
        }
        fn claim(&self, _: &bulla::Claim, _: u64, _: Option<u64>) -> bulla::Result<bulla::Claimed> {
            Err(self.0.into())
        }
        fn commit(&self, _: &bulla::LeaseToken, _: &[u8]) -> bulla::Result<()> {
            Err(self.0.into())
        }
        fn release(&self, _: &bulla::LeaseToken) -> bulla::Result<()> {
            Err(self.0.into())
        }
        fn renew(&self, _: &bulla::LeaseToken, _: u64, _: u64) -> bulla::Result<()> {
            Err(self.0.into())
        }
        fn sweep(&self, _: u64, _: usize) -> bulla::Result<usize> {
            Err(self.0.into())
        }
        common::no_streams_no_challenges_no_rates!();
    }
    let (alice, bob, _) = people();
    let sealed = Forge::sealed(&alice, &[&bob]).seal();
    let (keys, clock, policy) = (identity(&bob), FixedClock(NOW), from(&alice));
    for kind in [ErrorKind::GuardFull, ErrorKind::GuardUnavailable] {
        let guard = Broken(kind);
        let opener = Opener::with_clock(&keys, &policy, Replay::Guarded(&guard), &clock);
        let error = opener.open(&sealed.envelope).unwrap_err();
        assert_eq!(error, kind);
        assert_eq!(error.kind().class(), bulla::ErrorClass::TryAgain);
    }
}
