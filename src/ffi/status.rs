//! Status codes, the place for an error's text, and the one way into the library.

use core::ffi::c_char;
use core::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::ffi::types::bulla_key;
use crate::{Error, ErrorKind, Result};

/// What became of a call: BULLA_OK, one of the answers above 100, or a failure.
pub type bulla_status = i32;

/// It was done.
pub const BULLA_OK: bulla_status = 0;
/// Not a failure: the message came before, and was dealt with. Give the same answer again, and do nothing else.
pub const BULLA_AGAIN: bulla_status = 101;
/// Not a failure: there is nothing more, or nothing there.
pub const BULLA_NOTHING: bulla_status = 102;
/// Not a failure: authentic, but longer than the store accepts. A lease is given to refuse it with.
pub const BULLA_TOO_LARGE: bulla_status = 103;
/// Not a failure: authentic, but there is no room for it. A lease is given to refuse it with.
pub const BULLA_NO_ROOM: bulla_status = 104;
/// Not a failure: more of the input is needed before anything can be said.
pub const BULLA_MORE: bulla_status = 105;
/// Not a failure: the sender asked to be told of rejections, and may not be told now. So the message was not rejected but
/// released: it may come again.
pub const BULLA_UNTOLD: bulla_status = 106;

/// Length of the text of a bulla_error, its closing NUL included, in bytes.
pub const BULLA_ERROR_TEXT: usize = 512;

/// Where a failing call says more, if the caller gives it a place. Written only on failure. It never holds a secret.
#[repr(C)]
#[derive(Debug)]
pub struct bulla_error {
    /// The same as the call returned.
    pub code: bulla_status,
    /// 1 if `signer` is set: who signed what was refused with BULLA_UNTRUSTED_SENDER. The text does not name it, for logs may
    /// be read by those who must not learn it.
    pub has_signer: u8,
    /// The public signing key of that sender.
    pub signer: bulla_key,
    /// One line in UTF-8, closed with NUL: what is wrong, and what to do.
    pub text: [c_char; BULLA_ERROR_TEXT],
}

/// The one line of a status code, as a static string: what is wrong and what to do. Never NULL.
///
/// @param status What a call returned; any number.
/// @return The text; it lives as long as the library.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn bulla_status_text(status: bulla_status) -> *const c_char {
    crate::ffi::version::status_text(status).as_ptr()
}

/// Class of a status: it was done.
pub const BULLA_CLASS_DONE: u32 = 0;
/// Class of a status: the call was wrong, or something around it failed. Nothing is said about the envelope.
pub const BULLA_CLASS_USAGE: u32 = 1;
/// Class of a status: not acceptable as an envelope for this reader. Nobody is known to have said anything.
pub const BULLA_CLASS_NOT_ACCEPTABLE: u32 = 2;
/// Class of a status: authentic, but refused.
pub const BULLA_CLASS_REFUSED: u32 = 3;
/// Class of a status: not decided. Try again later, and never bounce.
pub const BULLA_CLASS_TRY_AGAIN: u32 = 4;
/// Class of a status: an answer that is no failure, such as BULLA_AGAIN.
pub const BULLA_CLASS_ANSWER: u32 = 5;

/// What a status means to a host, and so what to do about it.
///
/// @param status What a call returned; any number.
/// @return One of BULLA_CLASS_...; BULLA_CLASS_USAGE for a number that this version does not know.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn bulla_status_class(status: bulla_status) -> u32 {
    use crate::ErrorClass;
    if status == BULLA_OK {
        return BULLA_CLASS_DONE;
    }
    if (BULLA_AGAIN..=BULLA_UNTOLD).contains(&status) {
        return BULLA_CLASS_ANSWER;
    }
    let kind = ErrorKind::ALL.iter().find(|kind| kind.code() == status);
    match kind.map(|kind| kind.class()) {
        Some(ErrorClass::NotAcceptable) => BULLA_CLASS_NOT_ACCEPTABLE,
        Some(ErrorClass::Refused) => BULLA_CLASS_REFUSED,
        Some(ErrorClass::TryAgain) => BULLA_CLASS_TRY_AGAIN,
        Some(ErrorClass::Usage) | None => BULLA_CLASS_USAGE,
    }
}

/// The name of a status code as the specification and the command line write it, such as "NotAuthentic". Never NULL.
///
/// @param status What a call returned; any number.
/// @return The name; it lives as long as the library.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn bulla_status_name(status: bulla_status) -> *const c_char {
    crate::ffi::version::status_name(status).as_ptr()
}

/// Runs a call: a panic becomes a code, and an error its code and its text.
pub(super) fn entry(
    error: *mut bulla_error,
    work: impl FnOnce() -> Result<bulla_status>,
) -> bulla_status {
    // What the closure leaves behind is whole, or behind a lock that is poisoned by now.
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        // What a host's callback panicked with may panic once more when it is dropped.
        core::mem::forget(panic);
        Err(ErrorKind::Internal.into())
    });
    match outcome {
        Ok(status) => status,
        Err(failure) => {
            let code = failure.kind().code();
            // SAFETY: NULL, or a place of this type, as the contract says.
            if let Some(error) = unsafe { error.as_mut() } {
                error.fill(&failure);
            }
            code
        }
    }
}

/// As [`entry`], for what gives nothing back: freeing.
pub(super) fn quietly(work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        core::mem::forget(panic);
    }
}

/// As [`entry`], for what cannot fail: `instead` is given where it does all the same.
pub(super) fn plain<T>(instead: T, work: impl FnOnce() -> Option<T>) -> T {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Some(value)) => value,
        Ok(None) => instead,
        Err(panic) => {
            core::mem::forget(panic);
            instead
        }
    }
}

impl bulla_error {
    fn fill(&mut self, failure: &Error) {
        self.code = failure.kind().code();
        let signer = failure.signer();
        self.has_signer = u8::from(signer.is_some());
        self.signer = bulla_key {
            bytes: signer.unwrap_or_default(),
        };
        let mut text = Text {
            place: &mut self.text,
            used: 0,
        };
        // It is cut where it is too long.
        let _ = write!(text, "{failure}");
        let used = text.used;
        if let Some(rest) = self.text.get_mut(used..) {
            rest.fill(0);
        }
    }
}

/// Writes to a place of fixed length, whole characters only, and leaves room for the closing NUL.
struct Text<'a> {
    place: &'a mut [c_char; BULLA_ERROR_TEXT],
    used: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars().filter(|it| *it != '\0') {
            let mut bytes = [0; 4];
            let bytes = character.encode_utf8(&mut bytes).as_bytes();
            let end = self.used + bytes.len();
            if end >= BULLA_ERROR_TEXT {
                return Err(fmt::Error);
            }
            let Some(place) = self.place.get_mut(self.used..end) else {
                return Err(fmt::Error);
            };
            for (to, from) in place.iter_mut().zip(bytes) {
                *to = c_char::from_ne_bytes([*from]);
            }
            self.used = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::{BULLA_ERROR_TEXT, BULLA_OK, bulla_error, entry, plain, quietly};
    use crate::ErrorKind;
    use crate::ffi::handle::Exclusive;
    use crate::ffi::types::bulla_key;

    fn untouched() -> bulla_error {
        bulla_error {
            code: -1,
            has_signer: 9,
            signer: bulla_key::default(),
            text: [1; BULLA_ERROR_TEXT],
        }
    }

    /// Panics when it is dropped, as what a callback panicked with may.
    struct Again;

    impl Drop for Again {
        fn drop(&mut self) {
            panic!("again");
        }
    }

    #[test]
    fn a_panic_becomes_a_code_with_its_text() {
        let mut error = untouched();
        let code = entry(&raw mut error, || panic!("provoked"));
        assert_eq!(code, ErrorKind::Internal.code());
        assert_eq!(error.code, code);
        assert_eq!(error.has_signer, 0);
        // Closed with NUL to its end, and without what the panic said.
        assert_eq!(error.text.last(), Some(&0));
        assert_ne!(error.text.first(), Some(&0));
        assert_eq!(
            entry(core::ptr::null_mut(), || panic!("provoked")),
            ErrorKind::Internal.code()
        );
        assert_eq!(
            entry(core::ptr::null_mut(), || std::panic::panic_any(Again)),
            ErrorKind::Internal.code()
        );
    }

    #[test]
    fn success_leaves_the_error_as_it_was() {
        let mut error = untouched();
        assert_eq!(entry(&raw mut error, || Ok(BULLA_OK)), BULLA_OK);
        assert_eq!(error.code, -1);
        assert_eq!(error.text, [1; BULLA_ERROR_TEXT]);
    }

    #[test]
    fn a_panic_stays_inside_of_what_gives_no_code() {
        quietly(|| panic!("provoked"));
        assert_eq!(plain(7, || panic!("provoked")), 7);
    }

    #[test]
    fn a_handle_that_a_panic_met_is_refused_from_then_on() {
        let handle = Exclusive::new(5);
        let code = entry(core::ptr::null_mut(), || {
            let _held = handle.enter()?;
            panic!("provoked")
        });
        assert_eq!(code, ErrorKind::Internal.code());
        let refused = handle.enter().map(|_| ()).map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::WrongOrder));
    }
}
