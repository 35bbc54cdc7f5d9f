//! What a replay guard promises: a message is accepted once, and a copy of it is answered as the message was.

use super::*;
use bulla::ffi::types::{bulla_key, bulla_message_id};

/// A reader behind a guard: what a message is accepted by once.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gate {
    guard: u32,
    reader: [u8; 32],
}

/// A message, as such a reader knows it: by who signed it and its id.
type Name = (Gate, [u8; 32], [u8; 16]);

/// What became of it, and the receipt.
type Answer = (u32, Vec<u8>);

/// The number of the guard in the file of a script. All others have greater ones.
pub const DURABLE: u32 = 0;

#[derive(Default)]
pub struct Promises {
    last: u32,
    /// Guards that keep what they promise, by address.
    guards: HashMap<usize, u32>,
    /// What openers, and what was made of them, stand behind.
    gates: HashMap<usize, Gate>,
    leases: HashMap<usize, Name>,
    accepted: HashMap<Name, Option<Answer>>,
}

impl Promises {
    /// A guard was made; nothing is asked of one that fails and lies.
    pub fn guard<T>(&mut self, guard: *const T, keeps: bool) {
        self.last += 1;
        self.guards.remove(&guard.addr());
        if keeps {
            self.guards.insert(guard.addr(), self.last);
        }
    }

    pub fn keeps<T>(&self, guard: *const T) -> bool {
        self.guards.contains_key(&guard.addr())
    }

    pub fn durable<T>(&mut self, guard: *const T) {
        self.guards.insert(guard.addr(), DURABLE);
    }

    /// An opener was made, with a guard or none.
    pub fn opener<T, G>(&mut self, opener: *const T, guard: *const G, reader: [u8; 32]) {
        self.gates.remove(&opener.addr());
        if let Some(guard) = self.guards.get(&guard.addr()) {
            let gate = Gate {
                guard: *guard,
                reader,
            };
            self.gates.insert(opener.addr(), gate);
        }
    }

    /// An opener reads under another name.
    pub fn renamed<T>(&mut self, opener: *const T, reader: [u8; 32]) {
        if let Some(gate) = self.gates.get_mut(&opener.addr()) {
            gate.reader = reader;
        }
    }

    /// Something was made of an opener, or of what was.
    pub fn pass<T, U>(&mut self, from: *const T, to: *const U) {
        let gate = self.gates.get(&from.addr()).copied();
        self.gates.remove(&to.addr());
        if let Some(gate) = gate {
            self.gates.insert(to.addr(), gate);
        }
    }

    unsafe fn name<T>(&self, opener: *const T, stamp: *const bulla_stamp) -> Option<Name> {
        let gate = *self.gates.get(&opener.addr())?;
        let (signer, id) = unsafe {
            (
                value!(bulla_stamp_signer(stamp)).1,
                value!(bulla_stamp_message_id(stamp)).1,
            )
        };
        let (signer, id): (bulla_key, bulla_message_id) = (signer.unwrap(), id.unwrap());
        Some((gate, signer.bytes, id.bytes))
    }

    /// A message came out.
    pub unsafe fn came<T>(&mut self, opener: *const T, message: *const bulla_message) {
        unsafe {
            let stamp = call!(bulla_message_stamp(message));
            if let Some(name) = self.name(opener, stamp) {
                assert_eq!(call!(bulla_message_is_fresh(message)), 1);
                let before = self.accepted.insert(name, None);
                assert!(before.is_none(), "accepted twice");
            }
        }
    }

    /// A message was reserved.
    pub unsafe fn reserved<T>(&mut self, opener: *const T, lease: *const bulla_lease) {
        self.leases.remove(&lease.addr());
        if let Some(name) = unsafe { self.name(opener, call!(bulla_lease_stamp(lease))) } {
            assert!(!self.accepted.contains_key(&name), "accepted before");
            self.leases.insert(lease.addr(), name);
        }
    }

    /// A lease was used up, and its message accepted or rejected for good.
    pub unsafe fn settled(&mut self, lease: *const bulla_lease, answer: *const bulla_answer) {
        if let Some(name) = self.leases.remove(&lease.addr()) {
            let answer = unsafe { answered(answer) };
            let before = self.accepted.insert(name, Some(answer));
            assert!(before.is_none(), "accepted twice");
        }
    }

    /// A copy came, and is answered.
    pub unsafe fn again<T>(&self, opener: *const T, answer: *const bulla_answer) {
        unsafe {
            let stamp = call!(bulla_answer_stamp(answer));
            if let Some(name) = self.name(opener, stamp) {
                let before = self.accepted.get(&name).expect("it never came before");
                if let Some(before) = before {
                    assert!(*before == answered(answer), "another answer");
                }
            }
        }
    }
}

unsafe fn answered(answer: *const bulla_answer) -> Answer {
    unsafe {
        let receipt = call!(bulla_answer_receipt(answer));
        let receipt = ledger::copy((receipt.data, receipt.length));
        (call!(bulla_answer_outcome(answer)), receipt)
    }
}

/// Who an identity is.
pub unsafe fn reader_of(identity: *const bulla_identity) -> [u8; 32] {
    unsafe {
        let Some(public): Option<*mut bulla_public> = value!(bulla_identity_public(identity)).1
        else {
            return [0; 32];
        };
        let key: Option<bulla_key> = value!(bulla_public_key(public)).1;
        call!(bulla_public_free(public));
        key.unwrap().bytes
    }
}
