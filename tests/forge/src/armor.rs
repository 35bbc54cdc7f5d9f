//! Armor for 7-bit transports (envelope.md §6).

use base64ct::{Base64, Encoding};

pub const ENVELOPE: &str = "BULLA ENVELOPE";
pub const EVIDENCE: &str = "BULLA EVIDENCE";
pub const SECRET_KEY: &str = "BULLA SECRET KEY";

/// Base64 with padding, in one line.
#[must_use]
pub fn base64(data: &[u8]) -> String {
    Base64::encode_string(data)
}

/// The canonical form.
#[must_use]
pub fn armor(label: &str, data: &[u8]) -> String {
    let text = base64(data);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("ASCII")).collect();
    armor_lines(label, &lines, "\n")
}

/// Lines as they are, each with this line end.
#[must_use]
pub fn armor_lines(label: &str, lines: &[&str], end: &str) -> String {
    let mut out = format!("-----BEGIN {label}-----{end}");
    for line in lines {
        out.push_str(line);
        out.push_str(end);
    }
    out.push_str(&format!("-----END {label}-----{end}"));
    out
}
