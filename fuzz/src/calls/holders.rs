//! Keys that are elsewhere: a holder that signs, and decapsulates or multiplies, fails now and then, and gives nonsense.

use super::hosts::Mood;
use super::*;
use crate::{ALICE_FORGE, BOB_FORGE};
use bulla::ffi::holder::*;
use bulla::ffi::keys::*;
use bulla::ffi::status::bulla_status;
use bulla::ffi::types::bulla_key;
use bulla::{Decapsulator, Identity, Signer};
use bulla_forge::Person;
use core::ffi::c_void;

pub struct Holder {
    who: &'static Identity,
    person: &'static Person,
    mood: Mood,
}

impl Holder {
    /// Alice, or Bob.
    pub fn new(bob: bool, mood: Mood) -> Self {
        let (who, person) = if bob {
            (&*BOB, &*BOB_FORGE)
        } else {
            (&*ALICE, &*ALICE_FORGE)
        };
        Self { who, person, mood }
    }

    /// Writes what is right, or has something go wrong.
    unsafe fn answer<const N: usize>(
        &self,
        out: *mut u8,
        right: impl FnOnce(&Self) -> Result<[u8; N], bulla_status>,
    ) -> bulla_status {
        if self.mood.is_bad() {
            return unsafe { self.fail(out, N) };
        }
        match right(self) {
            Ok(bytes) => {
                unsafe { out.copy_from_nonoverlapping(bytes.as_ptr(), N) };
                0
            }
            Err(status) => status,
        }
    }

    /// Something goes wrong: a code, nothing at all, or nonsense.
    unsafe fn fail(&self, out: *mut u8, length: usize) -> bulla_status {
        match self.mood.draw() % 4 {
            0 => return self.mood.failure(),
            1 => return 102,
            2 => unsafe { out.write_bytes(0xa5, length) },
            _ => {}
        }
        0
    }
}

unsafe fn holder<'a>(context: *mut c_void) -> &'a Holder {
    unsafe { &*context.cast::<Holder>() }
}

unsafe extern "C" fn drop_holder(context: *mut c_void) {
    drop(unsafe { Box::from_raw(context.cast::<Holder>()) });
}

unsafe extern "C" fn sign(
    context: *mut c_void,
    message: *const u8,
    length: usize,
    signature: *mut u8,
) -> bulla_status {
    came!(bulla_holder_sign);
    unsafe {
        holder(context).answer(signature, |holder| {
            let message = std::slice::from_raw_parts(message, length);
            Ok(holder.who.sign(message).unwrap())
        })
    }
}

unsafe extern "C" fn decapsulate(
    context: *mut c_void,
    suite: u32,
    generation: u32,
    enc: *const u8,
    length: usize,
    secret: *mut u8,
) -> bulla_status {
    came!(bulla_holder_derive);
    unsafe {
        holder(context).answer(secret, |holder| {
            let mut keys = holder.who.encryption_keys().iter();
            let wanted = (suite, generation);
            let key = keys.find(|it| (u32::from(it.suite()), it.generation()) == wanted);
            let enc = std::slice::from_raw_parts(enc, length);
            let derived = holder.who.decapsulate(key.ok_or(7)?, enc).unwrap();
            Ok(*derived.ok_or(102)?.expose())
        })
    }
}

unsafe extern "C" fn multiply(
    context: *mut c_void,
    suite: u32,
    generation: u32,
    enc: *const u8,
    length: usize,
    secret: *mut u8,
) -> bulla_status {
    assert_eq!((suite, length), (1, 32));
    unsafe {
        holder(context).answer(secret, |holder| {
            let mut keys = holder.person.keys.iter();
            let key = keys.find(|it| it.generation == generation).ok_or(7)?;
            Ok(x25519_dalek::x25519(key.secret, *enc.cast::<[u8; 32]>()))
        })
    }
}

impl World {
    /// An identity whose keys are elsewhere: it signs, opens, or does both. `how` has a bit for each.
    pub unsafe fn make_external(&mut self, how: u8, mood: Mood) -> i32 {
        let bob = how & 1 != 0;
        let public = READERS.publics[usize::from(bob)];
        let context = Box::into_raw(Box::new(Holder::new(bob, mood)));
        let derive = [None, Some(decapsulate as _), None, Some(decapsulate as _)];
        let times = [None, None, Some(multiply as _), Some(multiply as _)];
        let way = usize::from(how >> 2 & 3);
        let holder = bulla_holder {
            size: size_of::<bulla_holder>(),
            context: context.cast(),
            drop: Some(drop_holder),
            sign: if how & 2 == 0 { Some(sign) } else { None },
            decapsulate: derive[way],
            multiply: times[way],
        };
        unsafe {
            let status = take!(
                self.identities,
                bulla_identity_external(public, &raw const holder)
            );
            // Two ways to open are no way, and one that can do nothing is no holder.
            let wrong = way == 3 || (way == 0 && holder.sign.is_none());
            assert_eq!(status, i32::from(wrong));
            if status != 0 {
                drop(Box::from_raw(context));
            }
            status
        }
    }

    /// A public identity of keys: those of another one, or a few that nobody has.
    pub unsafe fn make_public(&mut self, s: &mut Script<'_>) -> i32 {
        let public = self.publics.pick(s);
        unsafe {
            let Some(signing): Option<bulla_key> = value!(bulla_public_key(public)).1 else {
                return 1;
            };
            let mut keys: Vec<bulla_encryption_key> = Vec::new();
            for index in 0..usize::from(s.byte() % 10) {
                if let (0, Some(key)) = value!(bulla_public_encryption_key(public, index)) {
                    keys.push(key);
                } else {
                    let generation = index as u32 + u32::from(s.byte() % 4);
                    keys.push(bulla_encryption_key {
                        suite: 1,
                        generation,
                        bytes: [s.byte() | 1; 32],
                    });
                }
            }
            let (data, count) = (keys.as_ptr(), keys.len());
            take!(
                self.publics,
                bulla_public_of_keys(&raw const signing, data, count)
            )
        }
    }
}
