//! Storing what is pushed in pieces.

use core::fmt;
use std::boxed::Box;

use super::file_name::Target;
use super::making::{Stop, another};
use super::publishing::{Concluded, Unnamed};
use super::receive::{BUFFER, Incoming};
use super::received::{NotStored, Received};
use super::store::Store;
use crate::envelope::stamp::Stamp;
use crate::error::{Error, ErrorKind, Result};

/// An envelope on its way to a file: [`update`](Self::update) any number of times, then [`finish`](Self::finish).
///
/// If it is dropped before, as when the connection broke, nothing is left but what a
/// [resumable](crate::Store::resumable) store keeps.
#[must_use]
pub struct StoreStream<'s, 'a> {
    store: &'s Store<'a>,
    state: State<'s, 'a>,
}

// There is one for each envelope, never many: a box would save nothing.
#[allow(clippy::large_enum_variant)]
enum State<'s, 'a> {
    Coming(Incoming<'s, 'a>, Result<(), Stop>),
    /// All of it is there, but another file has the name.
    Unnamed(Box<Unnamed<'a>>),
    Over,
}

impl<'s, 'a> StoreStream<'s, 'a> {
    pub(super) const fn new(
        store: &'s Store<'a>,
        incoming: Incoming<'s, 'a>,
        taken: Result<(), Stop>,
    ) -> Self {
        Self {
            store,
            state: State::Coming(incoming, taken),
        }
    }

    /// What the sender signed, as soon as it is verified and judged. `None` also once the stream has come to its end.
    #[must_use]
    pub fn stamp(&self) -> Option<&Stamp> {
        match &self.state {
            State::Coming(incoming, _) => incoming.stamp(),
            State::Unnamed(unnamed) => Some(unnamed.stamp()),
            State::Over => None,
        }
    }

    /// Takes the next piece of the envelope. False if it is decided already what comes of it: no more of it is needed, and
    /// [`finish`](Self::finish) says what. Once that was called nothing is taken any more.
    pub fn update(&mut self, envelope: &[u8]) -> bool {
        let State::Coming(incoming, taken) = &mut self.state else {
            return false;
        };
        for piece in envelope.chunks(BUFFER) {
            if taken.is_err() {
                break;
            }
            *taken = incoming.piece(piece);
        }
        taken.is_ok()
    }

    /// Whether [`finish`](Self::finish) has found that another file has the name, and waits for [another target](Self::retarget).
    #[must_use]
    pub const fn is_unnamed(&self) -> bool {
        matches!(self.state, State::Unnamed(_))
    }

    /// The end of the envelope has come: what comes of it. Once it has answered, the stream is of no use, but for
    /// [`ErrorKind::NameTaken`]: then choose [another target](Self::retarget), and finish again, as often as need be.
    ///
    /// # Errors
    ///
    /// As [`Store::store`](crate::Store::store); [`ErrorKind::LeaseLost`] also if choosing took longer than the message was reserved
    /// for; [`ErrorKind::WrongOrder`] if it has answered before.
    pub fn finish(&mut self) -> Result<Received<'a>, NotStored> {
        let concluded = match core::mem::replace(&mut self.state, State::Over) {
            State::Coming(incoming, taken) => incoming.conclude(taken)?,
            State::Unnamed(unnamed) => unnamed.publish()?,
            State::Over => return Err(Error::from(ErrorKind::WrongOrder).into()),
        };
        match concluded {
            Concluded::Received(received) => Ok(received),
            Concluded::Unnamed(unnamed) => {
                self.state = State::Unnamed(unnamed);
                Err(another().into())
            }
        }
    }

    /// Another target, after [`finish`](Self::finish) has found that [another file has the name](ErrorKind::NameTaken): the content is
    /// verified and on the disk, the message is reserved, and nothing of it is to come again. Drop the stream to give it up: then
    /// the message may come again.
    ///
    /// Its folder must be there, and on the same file system. The message stays reserved for the seconds of the store from each
    /// [`finish`](Self::finish) on: if choosing takes longer, finish again in between, with the name that is taken, and that
    /// renews it.
    ///
    /// ```
    /// # fn main() -> bulla::Result<()> {
    /// # use bulla::{Draft, Identity, MemoryGuard, Opener, OsDisk, OsEntropy, Policy, Replay, Sealer, Senders, Store};
    /// use bulla::{ErrorKind, Received, Target};
    /// # let (alice, bob) = (Identity::generate(&OsEntropy)?, Identity::generate(&OsEntropy)?);
    /// # let draft = Draft::new("example")?.attribute("name", b"taken.txt")?;
    /// # let envelope = Sealer::new(&alice).to(bob.public()).seal(&draft, b"hello")?;
    /// # let policy = Policy::new("example", Senders::only([*alice.verifying_key()]))?;
    /// # let guard = MemoryGuard::new(1000);
    /// # let folder = std::env::temp_dir().join(format!("bulla-doc-name-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # std::fs::write(folder.join("taken.txt"), b"somebody else's")?;
    /// # let store = Store::new(Opener::new(&bob, &policy, Replay::Guarded(&guard)), 60, &OsDisk);
    /// let mut stream = store.stream(Target::Suggested(&folder))?;
    /// stream.update(&envelope);
    /// let received = match stream.finish() {
    ///     Err(error) if error.kind() == ErrorKind::NameTaken => {
    ///         stream.retarget(Target::ById(&folder))?;
    ///         stream.finish()?
    ///     }
    ///     received => received?,
    /// };
    /// assert!(matches!(received, Received::Stored(_)));
    /// # drop(received);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if the target is none; [`ErrorKind::WrongOrder`] at any other time. Then all is as it was.
    pub fn retarget(&mut self, target: Target<'_>) -> Result<()> {
        let State::Unnamed(unnamed) = &mut self.state else {
            return Err(Error::with(
                ErrorKind::WrongOrder,
                "another target is chosen after the end of the envelope, if another file has the name",
            ));
        };
        target.check()?;
        unnamed.check_folder(target.folder())?;
        let path = target.path(&self.store.opener, unnamed.stamp());
        unnamed.rename(path);
        Ok(())
    }
}

impl fmt::Debug for StoreStream<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreStream")
            .field("stamp", &self.stamp())
            .finish_non_exhaustive()
    }
}
