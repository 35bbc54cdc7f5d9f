//! An envelope on its way to the disk.

use std::io::Read;
use std::path::PathBuf;
use std::vec::Vec;

use super::file_name::Target;
use super::making::{Making, Stop, came_meanwhile, is_taken};
use super::partial::Partial;
use super::publishing::{Concluded, Publishing};
use super::received::{NotStored, Received};
use super::rival::Rival;
use super::store::{Ruling, Store};
use crate::crypto::digest::Digest;
use crate::crypto::secret::Wiped;
use crate::envelope::io::read_some;
use crate::envelope::lease::{Delivery, Lease};
use crate::envelope::open::OpenStream;
use crate::envelope::stamp::Stamp;
use crate::envelope::verdict::StampOnly;
use crate::error::{Error, ErrorClass, ErrorKind, Result};

/// Bytes read at once: four chunks.
pub(super) const BUFFER: usize = 64 * 1024;

/// An envelope on its way to the disk: [takes](Self::piece) what comes, and [concludes](Self::conclude).
pub(super) struct Incoming<'s, 'a> {
    store: &'s Store<'a>,
    target: Target<'s>,
    stream: OpenStream<'a>,
    /// Content that is not written yet.
    content: Wiped,
    written: u64,
    /// Where the content goes, and its final name.
    place: Option<(Place<'a>, PathBuf)>,
    partial: Option<Partial<'a>>,
    /// Bytes of the envelope that are not kept yet, if they are to be.
    unkept: Option<Vec<u8>>,
    /// Whether the end of the envelope has come.
    whole: bool,
    /// Why the content is not stored, found while it came, with a length that nobody signed up front.
    over: Option<Over>,
    /// Whether what was kept of it is not what came: that is no damage on the way.
    spoiled: bool,
}

/// Where content goes that is verified.
enum Place<'a> {
    /// Into a new file.
    New(Making<'a>),
    /// Nowhere, as long as the file that has the final name may be this content, from an attempt that was cut off.
    Taken(Rival<'a>),
    /// Nowhere: the message was committed before, and only all of this copy can say whether it is the same.
    Dealt,
}

/// Why content of a length that nobody signed up front is not stored.
#[derive(Clone, Copy)]
enum Over {
    TooLarge,
    NoRoom,
}

impl<'s, 'a> Incoming<'s, 'a> {
    pub(super) fn new(store: &'s Store<'a>, target: Target<'s>) -> Result<Self> {
        target.check()?;
        let stream = store.opener.stream();
        stream.check_guarded()?;
        Ok(Self {
            store,
            target,
            stream,
            content: Wiped::default(),
            written: 0,
            place: None,
            partial: None,
            unkept: store.partials.is_some().then(Vec::new),
            whole: false,
            over: None,
            spoiled: false,
        })
    }

    /// What is held of the envelope: everything is verified once more, and what follows is kept with it.
    pub(super) fn take_held(&mut self, partial: Partial<'a>, header: &Digest) -> Result<(), Stop> {
        self.unkept = None;
        match self.feed_held(&partial, header) {
            Ok(()) => {
                self.partial = Some(partial);
                self.unkept = matches!(self.place, Some((Place::New(_), _))).then(Vec::new);
                Ok(())
            }
            Err(Stop::Failed(error)) if error.kind().class() == ErrorClass::NotAcceptable => {
                partial.remove();
                self.spoiled = true;
                Err(Error::with(ErrorKind::NotAuthentic, NOT_AS_KEPT).into())
            }
            Err(stop) => {
                (self.partial, self.whole) = (Some(partial), true);
                Err(stop)
            }
        }
    }

    fn feed_held(&mut self, partial: &Partial<'a>, header: &Digest) -> Result<(), Stop> {
        let mut left = partial.length();
        let mut buffer = std::vec![0; BUFFER];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            let read = partial.read(buffer.get_mut(..most).unwrap_or_default())?;
            if read == 0 {
                break;
            }
            left -= read as u64;
            self.piece(buffer.get(..read).unwrap_or_default())?;
        }
        // Only an envelope whose stamp was judged is kept.
        if left == 0
            && self.stream.header_digest() == Some(*header)
            && (self.place.is_some() || self.over.is_some())
        {
            Ok(())
        } else {
            Err(Error::from(ErrorKind::Malformed).into())
        }
    }

    /// Takes all that comes.
    pub(super) fn take_all(&mut self, input: &mut dyn Read) -> Result<(), Stop> {
        let mut buffer = std::vec![0; BUFFER];
        loop {
            // A failure here is not the disk's: no reason to refuse the message.
            let read = read_some(input, &mut buffer).map_err(|error| Stop::Failed(error.into()))?;
            if read == 0 {
                return Ok(());
            }
            self.piece(buffer.get(..read).unwrap_or_default())?;
        }
    }

    /// What comes of it, after all has come, or what has stopped it.
    pub(super) fn conclude(mut self, taken: Result<(), Stop>) -> Result<Concluded<'a>, NotStored> {
        match taken.and_then(|()| self.end()) {
            Ok(()) => self.claim(),
            Err(stop) => self.stop(stop).map(Concluded::Received),
        }
    }

    fn end(&mut self) -> Result<(), Stop> {
        self.stream.end_provisional(&mut self.content)?;
        self.whole = true;
        self.flow()?;
        self.stream.settle_provisional(&mut self.content)?;
        self.flow()?;
        match self.over {
            Some(Over::TooLarge) => return Err(Stop::TooLarge),
            Some(Over::NoRoom) => return Err(Stop::NoRoom),
            None => {}
        }
        let is_longer = match &self.place {
            Some((Place::Taken(rival), _)) => !rival.has_ended()?,
            _ => false,
        };
        if is_longer {
            self.write_beside()?;
        }
        match &self.place {
            Some((Place::New(making), _)) => Ok(making.sync()?),
            Some((Place::Taken(_) | Place::Dealt, _)) => Ok(()),
            None => Err(Error::from(ErrorKind::WrongOrder).into()),
        }
    }

    pub(super) fn stamp(&self) -> Option<&Stamp> {
        self.stream.stamp()
    }

    pub(super) fn piece(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.content.make_room(self.stream.waiting() + 2 * BUFFER); // It never grows by itself.
        self.stream.update_provisional(bytes, &mut self.content)?;
        if let Some(unkept) = &mut self.unkept {
            // Before the stamp is judged nothing of it goes to the disk; the gate bounds how much that can be.
            unkept.extend_from_slice(bytes);
        }
        self.flow()
    }

    /// Writes what was let through, once the stamp is judged.
    fn flow(&mut self) -> Result<(), Stop> {
        if self.stream.stamp().is_none() {
            return Ok(());
        }
        if self.place.is_none() && self.over.is_none() {
            self.begin()?;
        }
        self.written += self.content.len() as u64;
        if self.written > self.store.max_content {
            self.drain(Over::TooLarge);
        }
        self.keep_envelope();
        let written = self.write();
        self.content.clear();
        match written {
            Err(Stop::NoRoom) if !self.is_sized() => self.drain(Over::NoRoom),
            written => return written,
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Stop> {
        let is_there = match &mut self.place {
            Some((Place::Taken(rival), _)) => rival.goes_on_with(&self.content)?,
            _ => true,
        };
        if !is_there {
            self.write_beside()?;
        }
        match &self.place {
            Some((Place::New(making), _)) => Ok(making.write_all(&self.content)?),
            _ => Ok(()),
        }
    }

    /// The file that has the name is another one: what was the same so far is written now. The host may choose another name.
    fn write_beside(&mut self) -> Result<(), Stop> {
        let length = self.stream.stamp().and_then(Stamp::length);
        self.ask_for_room(length)?;
        if let Some((place, _)) = &mut self.place
            && let Place::Taken(rival) = place
        {
            let making = Making::begin(self.store.disk, self.target.folder())?;
            rival.copy_to(&making)?;
            *place = Place::New(making);
        }
        Ok(())
    }

    fn ask_for_room(&self, length: Option<u64>) -> Result<(), Stop> {
        match self.store.has_room {
            Some(has_room) if !has_room(self.target.folder(), length) => Err(Stop::NoRoom),
            _ => Ok(()),
        }
    }

    /// Whether its length is signed up front.
    fn is_sized(&self) -> bool {
        self.stream
            .stamp()
            .is_some_and(|stamp| stamp.length().is_some())
    }

    /// It cannot be stored. It is read to its end all the same, and only then refused: until all of it is verified a
    /// co-recipient may have put in what is too much, and a rejection is final.
    fn drain(&mut self, why: Over) {
        self.over.get_or_insert(why);
        (self.place, self.unkept) = (None, None);
    }

    fn begin(&mut self) -> Result<(), Stop> {
        let Some(stamp) = self.stream.stamp() else {
            return Ok(());
        };
        let path = self.target.path(&self.store.opener, stamp);
        if let Some(again) = self.stream.look()? {
            if stamp.digest().is_some() {
                return Err(Stop::Again(again));
            }
            // Whether this is the same content, or is whole at all, only its end says.
            (self.place, self.unkept) = (Some((Place::Dealt, path)), None);
            return Ok(());
        }
        // Of every message that is new, also where a file has its name already: a file vouches for content, not for a stamp.
        match self.store.judge.map(|judge| judge(stamp)) {
            None | Some(Ruling::Accept) => {}
            Some(Ruling::Refuse(reason)) => return Err(Stop::Refused(reason)),
            Some(Ruling::Later) => return Err(Error::from(ErrorKind::Undecided).into()),
        }
        let length = stamp.length();
        if length.is_some_and(|length| length > self.store.max_content) {
            return Err(Stop::TooLarge);
        }
        if let Some(rival) = Rival::open(self.store.disk, &path, length)? {
            (self.place, self.unkept) = (Some((Place::Taken(rival), path)), None);
            return Ok(());
        }
        self.ask_for_room(length)?;
        let making = Making::begin(self.store.disk, self.target.folder())?;
        self.place = Some((Place::New(making), path));
        if self.whole {
            // There is nothing to wait for.
            self.unkept = None;
        }
        if let (Some(partials), Some(header), Some(_)) = (
            &self.store.partials,
            self.stream.header_digest(),
            &self.unkept,
        ) {
            self.partial = partials.begin(self.store.disk, &header);
        }
        Ok(())
    }

    /// Adds to what is kept of the envelope what is verified by now.
    fn keep_envelope(&mut self) {
        let Some(unkept) = &mut self.unkept else {
            return;
        };
        let verified = unkept.len().saturating_sub(self.stream.waiting());
        if let Some(partial) = self.partial.take() {
            let bytes = unkept.get(..verified).unwrap_or_default();
            self.partial = partial.append(bytes);
        }
        unkept.drain(..verified);
        if self.partial.as_ref().is_none_or(Partial::is_full) {
            self.unkept = None;
        }
    }

    /// Everything is verified, and the content is on the disk without its name, or may have been there before.
    fn claim(self) -> Result<Concluded<'a>, NotStored> {
        let Self {
            store,
            stream,
            place,
            partial,
            ..
        } = self;
        let Some((place, path)) = place else {
            return Err(Error::from(ErrorKind::WrongOrder).into());
        };
        match stream.finish_leased(store.lease, &mut Vec::new()) {
            Ok(Delivery::New(lease)) => {
                let making = match place {
                    Place::New(making) => Some(making),
                    Place::Taken(_) => None,
                    // It was dealt with when this copy began, and the guard has forgotten it since.
                    Place::Dealt => return Err(Error::from(ErrorKind::Pending).into()),
                };
                let publishing = Publishing {
                    disk: store.disk,
                    seconds: store.lease,
                    path,
                };
                publishing.publish(making, partial, lease)
            }
            Ok(Delivery::Again(again)) => {
                Partial::done(partial);
                Ok(Concluded::Received(Received::Again(again)))
            }
            Err(error) => {
                let stop = Stop::Failed(error);
                Partial::after(partial, &stop, true);
                Err(stop.into_error().into())
            }
        }
    }

    fn stop(self, stop: Stop) -> Result<Received<'a>, NotStored> {
        Partial::after(self.partial, &stop, self.whole);
        // Before it is refused, nothing of it is left.
        drop(self.place);
        let lease = self.store.lease;
        match stop {
            Stop::Failed(error) if self.spoiled => Err(error.into()),
            Stop::Failed(error) => Err(NotStored::of(error, &self.stream)),
            Stop::Again(again) => Ok(Received::Again(again)),
            Stop::TooLarge => refuse(self.stream, lease, Received::TooLarge),
            Stop::Refused(reason) => refuse(self.stream, lease, |it| Received::Refused(it, reason)),
            Stop::NoRoom => {
                let path = |stamp| self.target.path(&self.store.opener, stamp);
                let taken = self.stream.stamp().map(|it| (path(it), it.length()));
                let refused = refuse(self.stream, lease, Received::NoRoom)?;
                // Only now: whoever could still publish it has lost it to us.
                match taken {
                    Some((path, length))
                        if matches!(refused, Received::NoRoom(_)) && is_taken(&path, length) =>
                    {
                        Err(came_meanwhile().into())
                    }
                    _ => Ok(refused),
                }
            }
        }
    }
}

const NOT_AS_KEPT: &str =
    "what was kept of it is not what came: it is removed; send it from its beginning";

fn refuse<'a>(
    stream: OpenStream<'a>,
    lease: u64,
    refused: impl FnOnce(Lease<'a, StampOnly>) -> Received<'a>,
) -> Result<Received<'a>, NotStored> {
    Ok(match stream.refuse_leased(lease)? {
        Delivery::New(lease) => refused(lease),
        Delivery::Again(again) => Received::Again(again),
    })
}
