//! Handles: how a value goes to C, comes back for a call, and is freed.

use core::any::Any;
use core::mem::MaybeUninit;
use std::boxed::Box;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use zeroize::Zeroize;

use super::status::quietly;
use crate::{Error, ErrorKind, Result};

pub(super) const fn null(what: &'static str) -> Error {
    Error::with(ErrorKind::InvalidInput, what)
}

/// Where a call puts its result, checked before anything is done.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// `what` says that it is NULL.
    pub(super) fn new(place: *mut T, what: &'static str) -> Result<Self> {
        if place.is_null() {
            return Err(null(what));
        }
        Ok(Self(place))
    }

    pub(super) fn put(self, value: T) {
        // SAFETY: not NULL, and a place for one `T` that C may leave uninitialised: nothing is dropped there.
        unsafe { self.0.write(value) }
    }
}

// C may take a handle to any thread, and use it there while others do.
impl<T: Send + Sync> Out<*mut T> {
    /// Gives a new handle.
    pub(super) fn give(self, value: T) {
        self.put(Box::into_raw(Box::new(value)));
    }
}

/// The value behind a handle, shared: C may use handles that are documented as such from several threads.
pub(super) unsafe fn shared<'a, T>(handle: *const T, what: &'static str) -> Result<&'a T> {
    // SAFETY: NULL, or a handle of this type that lives, as the contract says; nobody has an exclusive reference to it.
    unsafe { handle.as_ref() }.ok_or(null(what))
}

/// Frees a handle; NULL is nothing.
///
/// Its own memory is wiped, too: what was moved out of it (by a call that ends it) left its bytes there.
pub(super) unsafe fn free<T>(handle: *mut T) {
    if handle.is_null() {
        return;
    }
    quietly(|| {
        // SAFETY: it came from `Out::give`, and C gives it back once. After it is dropped its memory is only bytes.
        let mut memory = unsafe {
            handle.drop_in_place();
            Box::from_raw(handle.cast::<MaybeUninit<T>>())
        };
        memory.zeroize();
    });
}

/// A value that one caller at a time may use: another one who comes meanwhile gets an error, and never waits.
pub(super) struct Exclusive<T>(Mutex<T>);

impl<T> Exclusive<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(super) fn enter(&self) -> Result<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::WouldBlock) => Err(Error::with(
                ErrorKind::WrongOrder,
                "this handle is in use by another thread, or by the call around this one",
            )),
            // A defect was met in the middle of a call on it: what is left of it cannot be relied on.
            Err(TryLockError::Poisoned(_)) => Err(Error::with(
                ErrorKind::WrongOrder,
                "an earlier call on this handle failed within",
            )),
        }
    }
}

impl<T> Exclusive<T> {
    /// As [`enter`](Self::enter), but waits: where it is held for an instant only, and never while anything of the host's
    /// runs.
    pub(super) fn enter_waiting(&self) -> Result<MutexGuard<'_, T>> {
        self.0.lock().map_err(|_| {
            Error::with(
                ErrorKind::WrongOrder,
                "an earlier call on this handle failed within",
            )
        })
    }
}

impl<T: Clone> Exclusive<Arc<T>> {
    /// Changes it, for those who take a share from now on. `work` gives what it has replaced, which goes only when the lock is
    /// free again: it may be the host's, who may wait in its `drop` for a thread that waits here.
    pub(super) fn change<R>(&self, work: impl FnOnce(&mut T) -> R) -> Result<()> {
        let replaced = work(Arc::make_mut(&mut *self.enter_waiting()?));
        drop(replaced);
        Ok(())
    }
}

/// Something that can be done once, by a call that ends it; the handle stays to be freed.
pub(super) struct Once<T>(Exclusive<Option<T>>);

impl<T> Once<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(Exclusive::new(Some(value)))
    }

    /// It, for a call that does not end it.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        work(self.0.enter()?.as_mut().ok_or(over())?)
    }

    /// It, for a call that only reads: views of it that were handed out before stay valid.
    pub(super) fn with_ref<R>(&self, work: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        work(self.0.enter()?.as_ref().ok_or(over())?)
    }

    /// It, for a call after whose failure it is of no use any more: then that has ended it.
    pub(super) fn with_or_end<R>(&self, work: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        let mut place = self.0.enter()?;
        let done = work(place.as_mut().ok_or(over())?);
        if done.is_err() {
            *place = None;
        }
        done
    }

    /// It, for the call that ends it, unless that fails and it `goes_on`.
    pub(super) fn end_unless<R>(
        &self,
        goes_on: impl FnOnce(&T) -> bool,
        work: impl FnOnce(&mut T) -> Result<R>,
    ) -> Result<R> {
        let mut place = self.0.enter()?;
        let it = place.as_mut().ok_or(over())?;
        let done = work(it);
        if done.is_ok() || !goes_on(it) {
            *place = None;
        }
        done
    }

    /// It, for the call that ends it.
    pub(super) fn take(&self) -> Result<T> {
        self.0.enter()?.take().ok_or(over())
    }
}

const fn over() -> Error {
    Error::with(
        ErrorKind::WrongOrder,
        "this handle was used up by an earlier call: it can only be freed",
    )
}

/// A value that borrows from what C keeps in handles of its own, with shares in all of that: so the handles may be freed in
/// any order.
pub(super) struct Kept<T, O: ?Sized> {
    // In this order: what borrows goes before what it borrows from.
    value: T,
    owner: Arc<O>,
}

impl<T, O: ?Sized + 'static> Kept<T, O> {
    /// `make` borrows from the owner, for as long as the value is there.
    ///
    /// The value must not be moved out of this without its owner: [`map`](Self::map) moves both.
    pub(super) fn try_new(
        owner: Arc<O>,
        make: impl FnOnce(&'static O) -> Result<T>,
    ) -> Result<Self> {
        // SAFETY: what an `Arc` holds does not move and lives as long as a share in it; `value` goes before `owner` does, and is
        // reached only through this type.
        let borrowed: &'static O = unsafe { &*Arc::as_ptr(&owner) };
        Ok(Self {
            value: make(borrowed)?,
            owner,
        })
    }

    /// What comes out of the value, with a share in the same owner.
    pub(super) fn draw<U>(&mut self, draw: impl FnOnce(&mut T) -> Result<U>) -> Result<Kept<U, O>> {
        // `draw` holds for a reference of any life, so what it gives can borrow from the owner, and not from the value.
        let value = draw(&mut self.value)?;
        Ok(Kept {
            value,
            owner: Arc::clone(&self.owner),
        })
    }

    /// What comes of the value, with the same owner.
    pub(super) fn try_map<U>(self, change: impl FnOnce(T) -> Result<U>) -> Result<Kept<U, O>> {
        let Self { value, owner } = self;
        // If it fails, `value` went into it and is gone before the owner.
        let value = change(value)?;
        Ok(Kept { value, owner })
    }

    /// The end of the value: what comes of it must borrow nothing.
    pub(super) fn end<U>(self, end: impl FnOnce(T) -> Result<U>) -> Result<U> {
        let Self { value, owner } = self;
        let ended = end(value);
        drop(owner);
        ended
    }
}

impl<T, O: ?Sized> Kept<Option<T>, O> {
    pub(super) fn transpose(self) -> Option<Kept<T, O>> {
        let Self { value, owner } = self;
        value.map(|value| Kept { value, owner })
    }
}

impl<T, O: Send + Sync + 'static> Kept<T, O> {
    /// The same, whatever its owner is.
    pub(super) fn erase(self) -> Kept<T, dyn Any + Send + Sync> {
        Kept {
            value: self.value,
            owner: self.owner,
        }
    }
}

impl<T, O: ?Sized> Deref for Kept<T, O> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T, O: ?Sized> DerefMut for Kept<T, O> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
