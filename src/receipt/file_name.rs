//! Names for stored files: a name that a stranger wrote is data, not a path.

use std::borrow::ToOwned;
use std::format;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};

use super::making::is_taken;
use crate::disk::{folder_of, is_partial_name, is_temporary_name};
use crate::envelope::open::Opener;
use crate::envelope::stamp::Stamp;
use crate::envelope::verdict::Mode;
use crate::error::{Error, ErrorKind, Result};

/// The attribute in which an author suggests a name for the content.
const NAME: &str = "name";
/// Longest name, in bytes: one less than file systems allow, for the one that may be put before.
const LONGEST: usize = 254;

/// Where content is stored.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Target<'t> {
    /// Under this path, which the host chose. The folder must be there.
    Path(&'t Path),
    /// In this folder, under a name made of message id, reader, signer and context, as [`message_file_name`] gives it. Several
    /// readers may share a folder: an envelope to two of them is two files.
    ById(&'t Path),
    /// In this folder, under the name that the author suggests in the attribute `name`, as [`safe_file_name`] makes it
    /// harmless; without one, as [`ById`](Self::ById). Two authors may suggest the same name: the second one gets an error, and
    /// the host may choose another target: [`ById`](Self::ById) is found again by `Suggested`, if the process ends before the
    /// message is committed.
    Suggested(&'t Path),
}

impl<'t> Target<'t> {
    /// The folder of the final name.
    pub(super) fn folder(&self) -> &'t Path {
        match self {
            Self::Path(path) => folder_of(path),
            Self::ById(folder) | Self::Suggested(folder) => folder,
        }
    }

    /// What can be wrong before a stamp is known.
    pub(super) fn check(&self) -> Result<()> {
        let Self::Path(path) = self else {
            return Ok(());
        };
        let wrong = match path.file_name() {
            None => "the path to store under has no file name",
            Some(name) if name.to_str().is_some_and(is_own) => {
                "the path to store under has a name as files have that are not whole: choose another one"
            }
            Some(_) => return Ok(()),
        };
        Err(Error::with(ErrorKind::InvalidInput, wrong))
    }

    /// The final name.
    pub(super) fn path(&self, opener: &Opener<'_>, stamp: &Stamp) -> PathBuf {
        let own = |folder: &Path| folder.join(message_file_name(opener, stamp));
        match self {
            Self::Path(path) => path.to_path_buf(),
            Self::ById(folder) => own(folder),
            // Where the suggested name was taken an earlier attempt may have ended with the other one, before its commit: one
            // message is one file.
            Self::Suggested(folder) => match stamp.attribute(NAME).and_then(safe_file_name) {
                Some(name) if !is_taken(&own(folder), stamp.length()) => folder.join(name),
                _ => own(folder),
            },
        }
    }
}

fn is_own(name: &str) -> bool {
    is_temporary_name(name) || is_partial_name(name)
}

/// A file name for a message of this reader: its id, and the first 32 hexadecimal digits of its key in the replay guard
/// (spec/guard.md §2), which is made of reader, signer, message id and context. So nobody can take the name of somebody else's
/// message by using its id, and readers that share a folder do not share files. A reader is who it is for the guard: its
/// signing key, or the [name](Opener::reader_name) that it was given.
///
/// It is the same for every copy and every re-seal of the message: 65 characters.
#[must_use]
pub fn message_file_name<M: Mode>(opener: &Opener<'_, M>, stamp: &Stamp) -> String {
    let key = opener.message_key(stamp).to_string();
    format!(
        "{}-{}",
        stamp.message_id(),
        key.get(..32).unwrap_or_default()
    )
}

/// Makes a file name that a stranger suggested harmless: one component, visible, of at most 255 bytes. `None` if nothing is
/// left of it.
///
/// Separators, what Windows forbids in names, control, bidirectional and invisible characters become `_`; dots, dashes,
/// tildes and spaces at the beginning and dots and spaces at the end are dropped; a name that Windows reserves, or that is the
/// [name of some message](message_file_name), gets a `_` before it, and one that SQLite could take for a part of a database after
/// it; what is too long is cut.
///
/// ```
/// assert_eq!(bulla::safe_file_name(b"holiday.jpg").as_deref(), Some("holiday.jpg"));
/// assert_eq!(bulla::safe_file_name(b"../../etc/passwd").as_deref(), Some("_.._etc_passwd"));
/// assert_eq!(bulla::safe_file_name(b".."), None);
/// ```
#[must_use]
pub fn safe_file_name(suggested: &[u8]) -> Option<String> {
    let mut name = String::new();
    for character in String::from_utf8_lossy(suggested).chars() {
        let harmless = match character {
            _ if is_harmful(character) => '_',
            _ if character.is_whitespace() => ' ',
            _ => character,
        };
        let first = name.is_empty() && matches!(harmless, '.' | '-' | '~' | ' ');
        if first {
            continue;
        }
        if name.len() + harmless.len_utf8() > LONGEST {
            break;
        }
        name.push(harmless);
    }
    let name = name.trim_end_matches(['.', ' ']);
    if name.is_empty() {
        None
    } else if is_reserved(name) || is_of_a_message(name) {
        Some(format!("_{name}"))
    } else if is_of_a_database(name) {
        Some(format!("{name}_"))
    } else {
        Some(name.to_owned())
    }
}

fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '/' | '\\' | ':' | '<' | '>' | '"' | '|' | '?' | '*'
            // What some file systems and converters turn into a separator.
            | '\u{2044}' | '\u{2215}' | '\u{2216}' | '\u{29F8}' | '\u{29F9}' | '\u{FE68}'
            | '\u{FF0F}' | '\u{FF3C}' | '\u{FF1A}'
            // Soft hyphen, bidirectional marks and overrides, joiners, invisible operators, line separators, byte order mark.
            | '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}'
            // Interlinear marks, the sign for what was no UTF-8, tags, private characters.
            | '\u{FFF0}'..='\u{FFFF}' | '\u{E0000}'..='\u{10FFFF}' | '\u{E000}'..='\u{F8FF}'
        )
}

/// Whether [`message_file_name`] could give it, in whatever case a file system takes for the same.
fn is_of_a_message(name: &str) -> bool {
    let hex = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.split_once('-')
        .is_some_and(|(id, key)| hex(id) && hex(key))
}

/// Whether SQLite would take it for a part of a database beside it, and play it back.
fn is_of_a_database(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["-journal", "-wal", "-shm"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// Whether Windows takes it for a device, with any ending.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ').to_ascii_uppercase();
    if matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$"
    ) {
        return true;
    }
    let numbered = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"));
    numbered.is_some_and(|number| {
        let mut characters = number.chars();
        let digit = characters
            .next()
            .is_some_and(|c| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³'));
        digit && characters.next().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_message() {
        let name = format!("{}-{}", "0a".repeat(16), "1b".repeat(16));
        assert_eq!(safe(&name), format!("_{name}"));
        assert_eq!(
            safe(&name.to_uppercase()),
            format!("_{}", name.to_uppercase())
        );
        assert_eq!(safe(&format!(" {name}. ")), format!("_{name}"));
        for other in [
            &name[1..],
            &name[..64],
            &name.replace('1', "g"),
            &format!("{name}.txt"),
        ] {
            assert_eq!(safe(other), other);
        }
    }

    #[test]
    fn no_part_of_a_database() {
        assert_eq!(safe("guard-journal"), "guard-journal_");
        assert_eq!(safe("outbox-WAL"), "outbox-WAL_");
        assert_eq!(safe("x-shm."), "x-shm_");
        assert_eq!(safe("journal"), "journal");
    }

    fn safe(name: &str) -> String {
        safe_file_name(name.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_harmless_stays() {
        for name in [
            "a",
            "photo 1.jpg",
            "ü.txt",
            "файл.tar.gz",
            "a-b_c~1",
            "comma,.x",
            "COM10",
        ] {
            assert_eq!(safe(name), name);
        }
    }

    #[test]
    fn nothing_leaves_the_folder() {
        for (hostile, harmless) in [
            ("../../etc/passwd", "_.._etc_passwd"),
            ("/etc/passwd", "_etc_passwd"),
            ("..\\..\\win.ini", "_.._win.ini"),
            ("C:\\x", "C__x"),
            ("file:stream", "file_stream"),
            ("a\0b", "a_b"),
            ("a\u{FF0F}b", "a_b"),
            ("-rf", "rf"),
            ("--", ""),
            ("~/x", "_x"),
            (" . .x", "x"),
            (".bashrc", "bashrc"),
            (
                ".bulla-0123456789abcdef.part",
                "bulla-0123456789abcdef.part",
            ),
            ("x. . .", "x"),
            ("x\n\r\t", "x___"),
            ("gpj.\u{202E}exe", "gpj._exe"),
            ("a\u{200B}b\u{FEFF}", "a_b_"),
            ("a\u{A0}b\u{3000}", "a b"),
            ("CON", "_CON"),
            ("con.txt", "_con.txt"),
            ("nul .txt", "_nul .txt"),
            ("LPT9", "_LPT9"),
            ("com¹.log", "_com¹.log"),
            ("..", ""),
            (".", ""),
            ("", ""),
        ] {
            assert_eq!(
                safe_file_name(hostile.as_bytes()).unwrap_or_default(),
                harmless,
                "{hostile:?}"
            );
        }
        assert_eq!(safe_file_name(b"\xFF\xFEa").unwrap(), "__a");
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        for (character, length) in [("a", 254), ("é", 254), ("日", 252), ("😀", 252)] {
            assert_eq!(safe(&character.repeat(300)).len(), length);
        }
        // Cutting makes no reserved name and no bad end.
        assert_eq!(safe(&format!("CON{}x", " ".repeat(300))), "_CON");
        assert_eq!(safe(&format!("a{}", ".".repeat(300))), "a");
        assert!(safe(&format!("nul.{}", "x".repeat(300))).len() == 255);
    }

    #[test]
    fn every_name_is_one_component_and_safe_names_stay() {
        let pieces = [
            "/",
            "\\",
            "..",
            ".",
            " ",
            "-",
            "~",
            "\0",
            "\u{202E}",
            "CON",
            "a",
            "é",
            "\u{85}",
            "\u{E0041}",
            ":",
            "nul",
        ];
        for one in pieces {
            for two in pieces {
                for three in pieces {
                    let Some(name) = safe_file_name(format!("{one}{two}{three}").as_bytes()) else {
                        continue;
                    };
                    let path = Path::new("/folder").join(&name);
                    assert_eq!(path.parent().unwrap(), Path::new("/folder"));
                    assert_eq!(path.file_name().unwrap().to_str().unwrap(), name);
                    assert!(!name.starts_with(['.', '-', '~', ' ']) && !name.ends_with(['.', ' ']));
                    assert!(!name.chars().any(|c| c.is_control() || c == '\\'));
                    assert_eq!(safe(&name), name);
                }
            }
        }
    }
}
