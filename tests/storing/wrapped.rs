//! A guard in memory whose answers can be changed, and that counts.

use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla::{
    Claim, Claimed, Digest, ErrorKind, LeaseToken, MemoryGuard, Rate, ReplayGuard, Result,
};

pub(crate) struct Wrapped {
    inner: MemoryGuard,
    /// What the next commit answers; if `.1`, it is done all the same.
    pub(crate) commit: Mutex<Option<(ErrorKind, bool)>>,
    /// What the next claim answers.
    pub(crate) claim: Mutex<Option<ErrorKind>>,
    /// What the next claim finds committed.
    pub(crate) committed: Mutex<Option<Vec<u8>>>,
    /// What was committed, byte for byte.
    pub(crate) answers: Mutex<Vec<Vec<u8>>>,
    /// What the renewal with this number and all after it answer.
    pub(crate) renew: Mutex<Option<(usize, ErrorKind)>>,
    pub(crate) renewals: AtomicUsize,
}

impl Wrapped {
    pub(crate) fn new() -> Self {
        Self {
            inner: MemoryGuard::new(100),
            commit: Mutex::new(None),
            claim: Mutex::new(None),
            committed: Mutex::new(None),
            answers: Mutex::default(),
            renew: Mutex::new(None),
            renewals: AtomicUsize::new(0),
        }
    }
}

impl ReplayGuard for Wrapped {
    fn observe(&self, now: u64) -> Result<u64> {
        self.inner.observe(now)
    }

    fn claim(&self, claim: &Claim, now: u64, lease: Option<u64>) -> Result<Claimed> {
        if let Some(answer) = self.committed.lock().unwrap().take() {
            return Ok(Claimed::Same(answer));
        }
        match self.claim.lock().unwrap().take() {
            Some(kind) => Err(kind.into()),
            None => self.inner.claim(claim, now, lease),
        }
    }

    fn look(&self, claim: &Claim) -> Result<Option<Vec<u8>>> {
        self.inner.look(claim)
    }

    fn commit(&self, token: &LeaseToken, receipt: &[u8]) -> Result<()> {
        self.answers.lock().unwrap().push(receipt.to_vec());
        match self.commit.lock().unwrap().take() {
            Some((kind, done)) => {
                if done {
                    self.inner.commit(token, receipt)?;
                }
                Err(kind.into())
            }
            None => self.inner.commit(token, receipt),
        }
    }

    fn release(&self, token: &LeaseToken) -> Result<()> {
        self.inner.release(token)
    }

    fn renew(&self, token: &LeaseToken, now: u64, lease: u64) -> Result<()> {
        let number = self.renewals.fetch_add(1, Ordering::SeqCst);
        match *self.renew.lock().unwrap() {
            Some((from, kind)) if number >= from => Err(kind.into()),
            _ => self.inner.renew(token, now, lease),
        }
    }

    fn sweep(&self, now: u64, at_most: usize) -> Result<usize> {
        self.inner.sweep(now, at_most)
    }

    fn expect(&self, challenge: &Digest, until: u64, now: u64) -> Result<()> {
        self.inner.expect(challenge, until, now)
    }

    fn missing(&self, stream: &Digest) -> Result<Vec<RangeInclusive<u64>>> {
        self.inner.missing(stream)
    }

    fn skip(&self, stream: &Digest, before: u64) -> Result<()> {
        self.inner.skip(stream, before)
    }

    fn forget_stream(&self, stream: &Digest) -> Result<bool> {
        self.inner.forget_stream(stream)
    }

    fn permit(&self, what: &Digest, now: u64, rate: Rate) -> Result<bool> {
        self.inner.permit(what, now, rate)
    }
}
