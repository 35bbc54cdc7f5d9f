//! What was sealed and what came out of it: whatever order the calls came in, what opens is what was sealed.

use crate::hands::judged;
use bulla::ffi::buffer::*;
use bulla::ffi::clock::{bulla_clock, bulla_clock_fixed, bulla_clock_free};
use bulla::ffi::identity::{bulla_identity, bulla_identity_parse, bulla_identity_public};
use bulla::ffi::inspect::{bulla_inspect, bulla_inspection};
use bulla::ffi::keys::{bulla_encryption_key, bulla_public_encryption_key};
use bulla::ffi::message::*;
use bulla::ffi::open::{bulla_open, bulla_verify_detached};
use bulla::ffi::opener::*;
use bulla::ffi::policy::*;
use bulla::ffi::public::{bulla_public, bulla_public_key};
use bulla::ffi::stamp::{bulla_stamp, bulla_stamp_message_id};
use bulla::ffi::types::{bulla_digest, bulla_key, bulla_message_id, bulla_sent};
use bulla_forge::NOW;
use std::collections::{HashMap, HashSet};
use std::ptr::{null, null_mut};
use std::rc::Rc;
use std::sync::LazyLock;

use super::KEYS;

/// How an envelope was made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sealed,
    Signed,
    Detached,
}

/// An envelope in the making.
pub struct Writing {
    pub envelope: Vec<u8>,
    pub content: Vec<u8>,
    pub kind: Kind,
    /// Alice or Bob is a recipient.
    pub reaches: bool,
    /// It takes no more content, only its end.
    pub padded: bool,
}

/// An envelope that is opened in pieces.
#[derive(Default)]
pub struct Reading {
    pub content: Vec<u8>,
    /// What is fed to it, and how far.
    pub envelope: Option<Rc<[u8]>>,
    pub at: usize,
}

/// An envelope, and the content that is not in it.
type Beside = (Rc<[u8]>, Rc<[u8]>);

#[derive(Default)]
pub struct Ledger {
    pub envelopes: Vec<Rc<[u8]>>,
    /// Whole envelopes by header digest.
    pub whole: HashMap<[u8; 32], Rc<[u8]>>,
    /// The newest envelope without its content, and the content.
    pub beside: Option<Beside>,
    /// Contents by header digest, and by message id: a message that was sealed again has several.
    sealed: HashMap<[u8; 32], Rc<[u8]>>,
    said: HashMap<[u8; 16], Vec<Rc<[u8]>>>,
    pub writing: HashMap<usize, Writing>,
    pub reading: HashMap<usize, Reading>,
    /// Sealers with Alice or Bob among their recipients.
    pub reaching: HashSet<usize>,
}

impl Ledger {
    /// An envelope came out whole: it must open to what went in.
    pub unsafe fn made(&mut self, writing: Writing, sent: &bulla_sent) {
        let Writing {
            envelope,
            content,
            kind,
            reaches,
            padded: _,
        } = writing;
        assert_eq!(sent.content_length, content.len() as u64);
        assert_eq!(
            sent.content_digest.bytes,
            *blake3::hash(&content).as_bytes()
        );
        unsafe { check_opens(&envelope, &content, kind, reaches) };
        unsafe { inspected(&envelope, kind, sent) };
        let content: Rc<[u8]> = content.into();
        self.sealed
            .insert(sent.header_digest.bytes, Rc::clone(&content));
        self.said
            .entry(sent.message_id.bytes)
            .or_default()
            .push(content);
        self.keep(envelope);
        if let Some(envelope) = self.envelopes.last() {
            let header = sent.header_digest.bytes;
            self.whole.insert(header, Rc::clone(envelope));
            if kind == Kind::Detached {
                let content = Rc::clone(&self.sealed[&header]);
                self.beside = Some((Rc::clone(envelope), content));
            }
        }
    }

    /// An envelope to be opened later, which may be a receipt or a question.
    pub fn keep(&mut self, envelope: Vec<u8>) {
        self.envelopes.push(envelope.into());
        if self.envelopes.len() > 8 {
            self.envelopes.remove(0);
        }
    }

    /// A message was accepted, and this came out of it in all.
    pub unsafe fn opened(&self, message: *const bulla_message, content: &[u8]) {
        let known = unsafe { self.known(message) };
        assert!(known[..] == *content, "other content than was sealed");
    }

    /// The content of an accepted message, which is the one that was sealed.
    pub unsafe fn known(&self, message: *const bulla_message) -> Rc<[u8]> {
        let (header, digest): (Option<bulla_digest>, Option<bulla_digest>) = unsafe {
            (
                value!(bulla_message_header_digest(message)).1,
                value!(bulla_message_content_digest(message)).1,
            )
        };
        let (header, digest) = (header.unwrap(), digest.unwrap());
        let content = &self.sealed[&header.bytes];
        assert_eq!(digest.bytes, *blake3::hash(content).as_bytes());
        assert_eq!(
            unsafe { call!(bulla_message_content_length(message)) },
            content.len() as u64
        );
        Rc::clone(content)
    }

    /// What was sealed in an envelope.
    pub fn content(&self, header: &bulla_digest) -> Option<&[u8]> {
        self.sealed.get(&header.bytes).map(|it| &it[..])
    }

    /// A message was reserved, and this came out of it in all.
    pub unsafe fn reserved(&self, stamp: *const bulla_stamp, content: &[u8]) {
        let id: Option<bulla_message_id> = unsafe { value!(bulla_stamp_message_id(stamp)).1 };
        let said = &self.said[&id.unwrap().bytes];
        assert!(
            said.iter().any(|it| it[..] == *content),
            "other content than was sealed"
        );
    }
}

/// Readers that live as long as the process, and are in no script's hand.
pub struct Readers {
    /// Alice and Bob. What was made with them lives, so that no script can change them.
    pub identities: [*mut bulla_identity; 2],
    pub publics: [*mut bulla_public; 2],
    /// What they sign with.
    pub keys: [bulla_key; 2],
    /// What is sealed to.
    pub encryption: [[u8; 32]; 2],
    sealed: [*mut bulla_opener; 2],
    signed: *mut bulla_opener,
}

// SAFETY: openers may be used from any thread.
unsafe impl Send for Readers {}
// SAFETY: as above.
unsafe impl Sync for Readers {}

/// Makes a handle that must come to be.
unsafe fn made<T>(call: impl FnOnce(*mut *mut T) -> i32) -> *mut T {
    let mut place = null_mut();
    assert_eq!(call(&raw mut place), 0);
    place
}

pub static READERS: LazyLock<Readers> = LazyLock::new(|| unsafe {
    let policy =
        made::<bulla_policy>(|it| call!(bulla_policy_new(c"fuzz".as_ptr(), it, null_mut())));
    assert_eq!(call!(bulla_policy_allow_anyone(policy, null_mut())), 0);
    assert_eq!(call!(bulla_policy_allow_own(policy, 1, null_mut())), 0);
    let clock = made::<bulla_clock>(|it| call!(bulla_clock_fixed(NOW, it, null_mut())));
    let identities = [0, 1].map(|at: usize| {
        let (text, length) = (KEYS[at].as_ptr(), KEYS[at].len());
        made::<bulla_identity>(|it| {
            call!(bulla_identity_parse(text, length, null(), it, null_mut()))
        })
    });
    let publics = identities
        .map(|identity| made(|it| call!(bulla_identity_public(identity, it, null_mut()))));
    let sealed = identities.map(|identity| {
        made(|it| call!(bulla_opener_new_archive(identity, policy, it, null_mut())))
    });
    let signed = made(|it| call!(bulla_verifier_new_archive(policy, it, null_mut())));
    for opener in [sealed[0], sealed[1], signed] {
        assert_eq!(call!(bulla_opener_clock(opener, clock, null_mut())), 0);
    }
    call!(bulla_clock_free(clock));
    call!(bulla_policy_free(policy));
    Readers {
        identities,
        publics,
        keys: publics.map(|it| value!(bulla_public_key(it)).1.unwrap()),
        encryption: publics.map(|it| {
            let key: Option<bulla_encryption_key> = value!(bulla_public_encryption_key(it, 0)).1;
            key.unwrap().bytes
        }),
        sealed,
        signed,
    }
});

/// What can be seen of it without a key is what its author was told.
unsafe fn inspected(envelope: &[u8], kind: Kind, sent: &bulla_sent) {
    let (data, length) = (envelope.as_ptr(), envelope.len());
    let seen: Option<bulla_inspection> = unsafe { value!(bulla_inspect(data, length)).1 };
    let seen = seen.unwrap();
    assert_eq!(seen.header_digest.bytes, sent.header_digest.bytes);
    assert_eq!(seen.kind, kind as u32 + 1);
    // The beginning of an envelope is never taken for something else.
    let header = seen.header_length as usize;
    for cut in (0..header.min(40)).chain([header - 1]) {
        let (status, seen): (_, Option<bulla_inspection>) =
            unsafe { value!(bulla_inspect(data, cut)) };
        assert!(status == 105 && seen.is_none(), "{status} of {cut} bytes");
    }
}

unsafe fn check_opens(envelope: &[u8], content: &[u8], kind: Kind, reaches: bool) {
    let readers = match kind {
        Kind::Sealed => &READERS.sealed[..],
        _ => std::slice::from_ref(&READERS.signed),
    };
    let (data, length) = (envelope.as_ptr(), envelope.len());
    let mut opened = false;
    // Bob first, whom most is sealed to.
    for reader in readers.iter().rev() {
        if opened {
            break;
        }
        let mut message = null_mut();
        unsafe {
            let out = made(|it| call!(bulla_buffer_new(it, null_mut())));
            let status = judged(|e| match kind {
                Kind::Detached => {
                    let (content, size) = (content.as_ptr(), content.len());
                    call!(bulla_verify_detached(
                        *reader,
                        data,
                        length,
                        content,
                        size,
                        &raw mut message,
                        e
                    ))
                }
                _ => call!(bulla_open(*reader, data, length, out, &raw mut message, e)),
            });
            // 44: made by a clock that is ahead of this one.
            assert!(matches!(status, 0 | 23 | 44), "it opens to {status}");
            opened |= status != 23;
            if status == 0 && kind != Kind::Detached {
                assert!(
                    copy((
                        call!(bulla_buffer_data(out)),
                        call!(bulla_buffer_length(out))
                    )) == content
                );
            }
            call!(bulla_message_free(message));
            call!(bulla_buffer_free(out));
        }
    }
    assert!(
        opened || (kind == Kind::Sealed && !reaches),
        "it opens to nobody"
    );
}

/// What an input holds; nothing of one that no memory has.
pub unsafe fn copy((data, length): (*const u8, usize)) -> Vec<u8> {
    if data.is_null() || length > 1 << 24 {
        return Vec::new();
    }
    unsafe { std::slice::from_raw_parts(data, length) }.to_vec()
}
