//! Finding the stanza that is mine (spec/envelope.md §3; spec/opening.md §2, step 2).

use alloc::boxed::Box;

use super::intake::Unlocked;
#[cfg(feature = "std")]
use super::session::SessionCache;
use crate::crypto::hpke::Context;
use crate::crypto::secret::{Secret, leaving_nothing};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::holder::Decapsulator;
use crate::identity::public::EncryptionKey;
use crate::wire::header::{Header, Kind};
use crate::wire::labels;

/// What can unlock a header, or that nothing needs to.
#[derive(Clone, Copy)]
pub(super) enum Unlock<'a> {
    /// Sealed envelopes, with these keys.
    Keys {
        keys: &'a dyn Decapsulator,
        trials: usize,
        #[cfg(feature = "std")]
        cache: Option<&'a SessionCache>,
    },
    /// Signed envelopes of this kind.
    Signed(Kind),
}

impl Unlock<'_> {
    /// Step 2: my stanza. `None` for a signed envelope, which has none.
    pub(super) fn find(&self, header: &Header<'_>) -> Result<Option<Box<Unlocked>>> {
        match (self, header.enc) {
            (Self::Keys { keys, trials, .. }, Some(enc)) => {
                leaving_nothing(|| self.try_keys(*keys, *trials, header, enc)).map(Some)
            }
            (Self::Signed(kind), None) if *kind == header.kind => Ok(None),
            _ => Err(ErrorKind::WrongKind.into()),
        }
    }

    fn try_keys(
        &self,
        keys: &dyn Decapsulator,
        mut trials: usize,
        header: &Header<'_>,
        enc: &[u8; 32],
    ) -> Result<Box<Unlocked>> {
        let reader = keys.reader_key();
        for key in keys.encryption_keys() {
            // The newest keys first, as long as all stanzas can be tried with one: senders use the newest that they know, so
            // old keys that are still held do not keep what is sealed to a new one from being opened.
            trials = trials.checked_sub(header.stanzas.len()).ok_or(Error::with(
                ErrorKind::Malformed,
                "too many recipients to try all keys, and the newest keys do not open it: raise max_trials, or destroy old keys",
            ))?;
            let Some(shared_secret) = self.shared_secret(keys, key, enc)? else {
                continue;
            };
            let context = Context::new(
                &shared_secret,
                &[labels::STANZA, header.nonce, reader.as_bytes()],
            );
            // The first that opens decides, whatever follows: GCM commits to no key, and readers must not diverge.
            if let Some(content_key) = header
                .stanzas
                .iter()
                .find_map(|stanza| context.open_key(stanza))
            {
                return Ok(Box::new(Unlocked {
                    content_key,
                    #[cfg(feature = "std")]
                    shared: super::session::Shared {
                        enc: *enc,
                        own: *key.key(),
                        secret: shared_secret,
                    },
                }));
            }
        }
        Err(ErrorKind::NotForMe.into())
    }

    fn shared_secret(
        &self,
        keys: &dyn Decapsulator,
        key: &EncryptionKey,
        enc: &[u8; 32],
    ) -> Result<Option<Secret<32>>> {
        #[cfg(feature = "std")]
        if let Self::Keys {
            cache: Some(cache), ..
        } = self
            && let Some(kept) = cache.find(enc, key.key())
        {
            return Ok(Some(kept));
        }
        keys.decapsulate(key, enc)
    }

    /// Keeps a shared secret for the next envelope of a session: only now, after everything was verified.
    pub(super) fn remember(&self, unlocked: &Unlocked) {
        #[cfg(feature = "std")]
        if let Self::Keys {
            cache: Some(cache), ..
        } = self
        {
            leaving_nothing(|| cache.keep(&unlocked.shared));
        }
        let _ = unlocked;
    }
}
