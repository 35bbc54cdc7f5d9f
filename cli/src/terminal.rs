//! The one place that writes text for people, and what makes text from strangers harmless there.

use std::io::{self, Write};

use crate::failure::Failure;

/// Writes lines to standard error. If that is closed there is nobody to tell.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes text to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::io("cannot write to standard output", &error))
}

/// Text in quotes in which nothing can steer a terminal: control characters, invisible ones and those that reverse the
/// direction of writing are spelled out.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// Bytes of a stranger: as quoted text if they are text, in hexadecimal otherwise.
pub(crate) fn quoted_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => quoted(text),
        _ => format!("0x{}", hex(bytes)),
    }
}

/// Bytes in hexadecimal, lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Makes one line of a message that names files, whose names may hold anything.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        // Quotes and backslashes stay; what cannot be seen, or steers a terminal, is spelled out.
        if matches!(c, '"' | '\'' | '\\') {
            line.push(c);
        } else {
            line.extend(c.escape_debug());
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(quoted("a\u{1b}[2Jb"), r#""a\u{1b}[2Jb""#);
        assert_eq!(
            quoted("a\u{202e}b\u{9b}c\u{7f}"),
            r#""a\u{202e}b\u{9b}c\u{7f}""#
        );
        assert_eq!(quoted("Grüße \"x\""), r#""Grüße \"x\"""#);
        assert_eq!(quoted_bytes(b"\x1b[2J"), "0x1b5b324a");
        assert_eq!(quoted_bytes(b"\xff"), "0xff");
        assert_eq!(one_line("can't \"read\"\n\x1b"), "can't \"read\"\\n\\u{1b}");
    }
}
