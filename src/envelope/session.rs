//! Sessions: one ephemeral key for a batch of envelopes, and its counterpart at the reader (spec/rationale.md §2).

use core::fmt;
use std::boxed::Box;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use super::recipients::Encapsulator;
use crate::crypto::kem::{KemPublicKey, KemSecretKey};
use crate::crypto::random::{Entropy, HedgedRandom};
use crate::crypto::secret::{Secret, leaving_nothing};
use crate::crypto::sign::VerifyingKey;
use crate::error::{ErrorKind, Result};
use crate::identity::holder::Signer;
use crate::identity::public::EncryptionKey;
use crate::process::Process;
use crate::wire::header::NONCE_LEN;
use crate::wire::labels;

/// Most envelopes of one session.
const MAX_ENVELOPES: u32 = 1 << 16;
/// Longest time of a session, in seconds.
const MAX_SECONDS: u64 = 600;
/// Most recipients whose shared secret a session keeps.
const MAX_KEPT: usize = 10_000;

/// One ephemeral key for a batch of envelopes of one sender: each further envelope to the same recipient costs its
/// sender no Diffie-Hellman, which is most of the work of a small message.
///
/// It gives something away: relays see that the envelopes of a session belong together, and whoever steals its one
/// ephemeral key can open them all. So it is opt-in, for one sender and one trust domain, at most 65 536 envelopes and
/// 10 minutes; it cannot be cloned, and a process that was forked off cannot use it.
///
/// ```
/// # fn main() -> bulla::Result<()> {
/// use bulla::{Draft, Identity, OsEntropy, Sealer, Session};
/// let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
/// let session = Session::begin(&alice, &OsEntropy)?;
/// let sealer = Sealer::new(&alice).to(bob.public()).in_session(&session);
/// for reading in ["20.5", "20.6"] {
///     let envelope = sealer.seal(&Draft::new("sensor")?, reading.as_bytes())?;
/// #   assert!(envelope.starts_with(b"BULLA"));
/// }
/// # Ok(()) }
/// ```
pub struct Session {
    sender: VerifyingKey,
    process: Process,
    begun: Instant,
    /// Boxed, so that no copy stays on the stack where the session is moved.
    inner: Mutex<Box<Inner>>,
}

struct Inner {
    ephemeral: KemSecretKey,
    random: HedgedRandom,
    used: u32,
    first_issued: Option<u64>,
    /// Boxed, so that a growing map leaves no copies behind.
    kept: HashMap<[u8; 32], Box<Secret<32>>>,
}

impl Inner {
    fn new(sender: &dyn Signer, entropy: &dyn Entropy) -> Result<Box<Self>> {
        let hedge = sender.hedge_secret().unwrap_or_default();
        let hedge = [hedge.expose().as_slice()];
        let random = HedgedRandom::new(entropy, labels::RANDOM, &mut hedge.into_iter())?;
        Ok(Box::new(Self {
            ephemeral: KemSecretKey::from_bytes(&random.secret(b"session ephemeral\0")),
            random,
            used: 0,
            first_issued: None,
            kept: HashMap::new(),
        }))
    }
}

impl Session {
    /// Begins a session of this sender.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RandomFailed`].
    pub fn begin(sender: &dyn Signer, entropy: &dyn Entropy) -> Result<Self> {
        let inner = leaving_nothing(|| Inner::new(sender, entropy))?;
        Ok(Self {
            sender: sender.signer_key(),
            process: Process::this(),
            begun: Instant::now(),
            inner: Mutex::new(inner),
        })
    }

    /// The right to make one more envelope. `now` is the time of its stamp.
    pub(super) fn next(&self, sender: &VerifyingKey, now: u64) -> Result<SessionTurn<'_>> {
        let over = || ErrorKind::SessionOver.into();
        if self.sender != *sender
            || !self.process.is_this()
            || self.begun.elapsed().as_secs() > MAX_SECONDS
        {
            return Err(over());
        }
        let mut inner = self.inner.lock().map_err(|_| over())?;
        let first = *inner.first_issued.get_or_insert(now);
        let in_time = now.checked_sub(first).is_some_and(|age| age <= MAX_SECONDS);
        if inner.used == MAX_ENVELOPES || !in_time {
            return Err(over());
        }
        inner.used += 1;
        let enc = *inner.ephemeral.public_key().as_bytes();
        Ok(SessionTurn { inner, enc })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.sender)
    }
}

/// One envelope's use of a session.
pub(super) struct SessionTurn<'a> {
    inner: MutexGuard<'a, Box<Inner>>,
    enc: [u8; 32],
}

impl SessionTurn<'_> {
    /// The header nonce, from the counter and the session's PRF, so that it cannot repeat under this ephemeral key even
    /// if the generator of the system does.
    pub(super) fn nonce(&self, fresh: &[u8; NONCE_LEN]) -> [u8; NONCE_LEN] {
        let label = [
            b"session nonce\0".as_slice(),
            &self.inner.used.to_be_bytes(),
            fresh,
        ]
        .concat();
        self.inner.random.array(&label)
    }
}

impl Encapsulator for SessionTurn<'_> {
    fn enc(&self) -> &[u8; 32] {
        &self.enc
    }

    fn shared_secret(&mut self, key: &EncryptionKey) -> Option<Secret<32>> {
        let public = *key.key().as_bytes();
        if let Some(kept) = self.inner.kept.get(&public) {
            return Some((**kept).clone());
        }
        let shared = self.inner.ephemeral.encapsulate(key.key())?;
        if self.inner.kept.len() < MAX_KEPT {
            self.inner.kept.insert(public, Box::new(shared.clone()));
        }
        Some(shared)
    }
}

/// A shared secret that is kept, since when. Boxed, so that a growing map leaves no copies behind.
type Kept = (Box<Secret<32>>, Instant);

/// A shared secret of the KEM, and between whom.
pub(super) struct Shared {
    pub(super) enc: [u8; 32],
    pub(super) own: KemPublicKey,
    pub(super) secret: Secret<32>,
}

/// At the reader: shared secrets of senders' sessions, kept only after an envelope under them was verified.
///
/// Saves the Diffie-Hellman for each further envelope of a session. Bounded; a secret is used for as long as a session can
/// last, and no longer; wiped when dropped. After destroying a key, drop the cache too.
pub struct SessionCache {
    capacity: usize,
    /// By `enc` and the reader's encryption key: one cache may serve several readers.
    kept: Mutex<HashMap<([u8; 32], KemPublicKey), Kept>>,
}

impl SessionCache {
    /// Keeps at most this many; when it is full it begins anew.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            kept: Mutex::new(HashMap::new()),
        }
    }

    /// How many secrets it keeps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.lock().map_or(0, |kept| kept.len())
    }

    /// Whether it keeps none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn find(&self, enc: &[u8; 32], own: &KemPublicKey) -> Option<Secret<32>> {
        self.kept
            .lock()
            .ok()?
            .get(&(*enc, *own))
            .filter(|(_, since)| since.elapsed().as_secs() <= MAX_SECONDS)
            .map(|(secret, _)| (**secret).clone())
    }

    pub(super) fn keep(&self, shared: &Shared) {
        let place = (shared.enc, shared.own);
        if let Ok(mut kept) = self.kept.lock() {
            // The first time counts, or a secret that is used again and again would be used for ever.
            if kept.contains_key(&place) {
                return;
            }
            if kept.len() >= self.capacity {
                kept.clear();
            }
            let secret = Box::new(shared.secret.clone());
            kept.insert(place, (secret, Instant::now()));
        }
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionCache(at most {})", self.capacity)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Identity, OsEntropy};

    #[test]
    fn a_forked_process_cannot_use_it() {
        let alice = Identity::generate(&OsEntropy).unwrap();
        let mut session = Session::begin(&alice, &OsEntropy).unwrap();
        assert!(session.next(alice.verifying_key(), 1).is_ok());
        // A fork carries the session into a process with another id; seen from there, it was begun elsewhere.
        session.process = Process::another();
        let refused = session.next(alice.verifying_key(), 1).err().unwrap();
        assert_eq!(refused, ErrorKind::SessionOver);
    }

    #[test]
    fn a_secret_that_is_used_again_is_kept_no_longer() {
        let shared = Shared {
            enc: [1; 32],
            own: *KemSecretKey::from_bytes(&Secret::new([2; 32])).public_key(),
            secret: Secret::new([3; 32]),
        };
        let cache = SessionCache::new(10);
        let since = || {
            let kept = cache.kept.lock().unwrap();
            kept.get(&(shared.enc, shared.own)).map(|kept| kept.1)
        };
        cache.keep(&shared);
        let first = since();
        assert!(first.is_some());
        std::thread::sleep(std::time::Duration::from_millis(2));
        cache.keep(&shared);
        assert_eq!(since(), first);
    }
}
