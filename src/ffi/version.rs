//! Versions, and the texts of status codes as C strings.

use core::ffi::{CStr, c_char};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::OnceLock;

use super::status::{
    BULLA_AGAIN, BULLA_MORE, BULLA_NO_ROOM, BULLA_NOTHING, BULLA_OK, BULLA_REFUSED,
    BULLA_TOO_LARGE, BULLA_UNTOLD, bulla_status,
};
use crate::ErrorKind;

/// The number of the binary interface. It grows when something that was there changes or goes; what is only added leaves it.
pub const BULLA_ABI_VERSION: u32 = 0;

/// The version of the library that runs, such as "0.1.0". Compare with BULLA_VERSION, the one of the header.
///
/// @return The version; it lives as long as the library.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn bulla_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"unknown",
        };
    VERSION.as_ptr()
}

/// The number of the binary interface of the library that runs. Compare with BULLA_ABI_VERSION, the one of the header.
///
/// @return The number.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn bulla_abi_version() -> u32 {
    BULLA_ABI_VERSION
}

/// What this library was built with. The names are "keyfile", "sqlite" and "redis".
///
/// @param feature A name, closed with NUL.
/// @return 1 if it is built in; 0 if not, if there is no such name, or if `feature` is NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_has_feature(feature: *const c_char) -> u8 {
    if feature.is_null() {
        return 0;
    }
    // SAFETY: a string closed with NUL, as the contract says.
    let feature = unsafe { CStr::from_ptr(feature) }.to_bytes();
    let built_in: [(&[u8], bool); 3] = [
        (b"keyfile", cfg!(feature = "keyfile")),
        (b"sqlite", cfg!(feature = "sqlite")),
        (b"redis", cfg!(feature = "redis")),
    ];
    u8::from(built_in.contains(&(feature, true)))
}

struct Texts {
    name: CString,
    text: CString,
}

/// The texts come from the one table in `error.rs`, which has no closing NULs: they are added once.
fn table() -> &'static BTreeMap<bulla_status, Texts> {
    static TABLE: OnceLock<BTreeMap<bulla_status, Texts>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let answers = [
            (BULLA_OK, "Ok", "done"),
            (
                BULLA_AGAIN,
                "Again",
                "it came before, and was dealt with: give the same answer again",
            ),
            (BULLA_NOTHING, "Nothing", "there is nothing more"),
            (
                BULLA_TOO_LARGE,
                "TooLarge",
                "authentic, but longer than is accepted here",
            ),
            (
                BULLA_NO_ROOM,
                "NoRoom",
                "authentic, but there is no room for it now",
            ),
            (BULLA_MORE, "More", "more of the input is needed"),
            (
                BULLA_UNTOLD,
                "Untold",
                "its sender may not be told now: it was released, and may come again",
            ),
            (
                BULLA_REFUSED,
                "Refused",
                "authentic, but not accepted by the rules of this host",
            ),
        ];
        let failures = ErrorKind::ALL
            .iter()
            .map(|kind| (kind.code(), kind.name(), kind.text()));
        answers
            .into_iter()
            .chain(failures)
            .map(|(code, name, text)| {
                let texts = Texts {
                    name: CString::new(name).unwrap_or_default(),
                    text: CString::new(text).unwrap_or_default(),
                };
                (code, texts)
            })
            .collect()
    })
}

pub(super) fn status_text(status: bulla_status) -> &'static CStr {
    let unknown = c"a status of a newer version of Bulla: update the program";
    table().get(&status).map_or(unknown, |texts| &texts.text)
}

pub(super) fn status_name(status: bulla_status) -> &'static CStr {
    table().get(&status).map_or(c"Unknown", |texts| &texts.name)
}
