//! Armor (envelope.md §6).

use bulla_forge::armor::{ENVELOPE, armor, armor_lines, base64};
use bulla_forge::bytes;
use serde_json::json;

use crate::cast::honest;
use crate::vector::{Vector, reads, refused};

pub fn vectors() -> Vec<Vector> {
    [good(), frame(), lines(), ends()].into_iter().flatten().collect()
}

/// 100 bytes: two lines of 64 characters and one of 8, with two "=".
fn payload() -> Vec<u8> {
    bytes("armored", 100)
}

fn text() -> String {
    armor(ENVELOPE, &payload())
}

fn accepted(name: &str, about: &str, text: impl AsRef<[u8]>, payload: &[u8]) -> Vector {
    let expect = reads(json!(base64(payload)));
    Vector::text("armor", &format!("armor/{name}"), about, text, expect)
}

fn malformed(name: &str, about: &str, text: impl AsRef<[u8]>) -> Vector {
    assert_ne!(text.as_ref(), self::text().as_bytes(), "{name} changes nothing");
    Vector::text("armor", &format!("armor/{name}"), about, text, refused("Malformed"))
}

fn good() -> Vec<Vector> {
    let of = |name: &str, about: &str, length: usize| {
        let payload = bytes("armored", length);
        accepted(name, about, armor(ENVELOPE, &payload), &payload)
    };
    let envelope = honest().seal().envelope;
    let changed = |name: &str, about: &str, text: String| accepted(name, about, text, &payload());
    vec![
        accepted("envelope", "an envelope", armor(ENVELOPE, &envelope), &envelope),
        of("one-byte", "a payload of one byte, two \"=\"", 1),
        of("two-bytes", "a payload of two bytes, one \"=\"", 2),
        of("three-bytes", "a payload of three bytes, no \"=\"", 3),
        of("full-line-two-signs", "one full line that ends in two \"=\"", 46),
        of("full-line", "one full line", 48),
        of("one-byte-more", "a full line and a byte", 49),
        of("two-full-lines", "two full lines", 96),
        changed("crlf", "CRLF for every LF", text().replace('\n', "\r\n")),
        changed("crlf-once", "CRLF for one LF", text().replacen('\n', "\r\n", 1)),
        changed("crlf-last", "CRLF for the last LF", text().trim_end().to_owned() + "\r\n"),
        changed("spaces", "spaces before every line end", text().replace('\n', "  \n")),
        changed("spaces-many", "170 spaces before every line end", text().replace('\n', &(" ".repeat(170) + "\n"))),
        changed("tabs", "space and tab before every CRLF", text().replace('\n', " \t\r\n")),
    ]
}

fn frame() -> Vec<Vector> {
    let replaced = |from: &str, to: &str| text().replace(from, to);
    let once = |from: &str, to: &str| text().replacen(from, to, 1);
    vec![
        malformed("empty", "no text at all", ""),
        malformed("only-line-end", "a line feed alone", "\n"),
        malformed("label-unknown", "a name that is not one of ours", replaced("ENVELOPE", "MESSAGE")),
        malformed("label-pgp", "another program's name", replaced("BULLA ENVELOPE", "PGP MESSAGE")),
        malformed("label-lower-case", "the name in lower case", replaced("BULLA ENVELOPE", "Bulla Envelope")),
        malformed("label-two-spaces", "two spaces in the name", replaced("BULLA ENVELOPE", "BULLA  ENVELOPE")),
        malformed(
            "labels-differ",
            "the last line has another name",
            text().replace("END BULLA ENVELOPE", "END BULLA EVIDENCE"),
        ),
        malformed("begin-missing", "no first line", text().split_once('\n').expect("lines").1),
        malformed("end-missing", "no last line", text().split("-----END").next().expect("lines")),
        malformed("begin-four-dashes", "a dash is missing in the first line", once("-----BEGIN", "----BEGIN")),
        malformed("end-six-dashes", "a dash too many in the last line", text().trim_end().to_owned() + "-\n"),
        malformed(
            "begin-twice",
            "the first line stands twice",
            "-----BEGIN BULLA ENVELOPE-----\n".to_owned() + &text(),
        ),
        malformed("twice", "two armored envelopes", text() + &text()),
        malformed("text-before", "a line of text before", "Hello\n".to_owned() + &text()),
        malformed("text-after", "a line of text after", text() + "Bye\n"),
        malformed("space-before", "a space before the first line", " ".to_owned() + &text()),
        malformed("byte-order-mark", "a byte order mark before", "\u{FEFF}".to_owned() + &text()),
        malformed("header-line", "a header as in OpenPGP", once("-----\n", "-----\nVersion: 1\n\n")),
        malformed("empty-payload", "no line between first and last", armor(ENVELOPE, b"")),
        malformed("empty-payload-blank", "a blank line between first and last", armor_lines(ENVELOPE, &[""], "\n")),
    ]
}

fn lines() -> Vec<Vector> {
    let base = base64(&payload());
    let cut = |at: &[usize]| {
        let mut rest = &base[..];
        let mut lines = Vec::new();
        for &length in at {
            let (line, after) = rest.split_at(length);
            lines.push(line);
            rest = after;
        }
        lines.push(rest);
        armor_lines(ENVELOPE, &lines, "\n")
    };
    let changed = |from: usize, to: &str| {
        let mut changed = base.clone();
        changed.replace_range(from..from + to.len(), to);
        let lines = [&changed[..64], &changed[64..128], &changed[128..]];
        armor_lines(ENVELOPE, &lines, "\n")
    };
    let lines = [&base[..64], &base[64..128], &base[128..]];
    let blank = |at: usize, what: &'static str| {
        let mut lines = lines.to_vec();
        lines.insert(at, what);
        armor_lines(ENVELOPE, &lines, "\n")
    };
    vec![
        malformed("line-65", "a line of 65 characters", cut(&[65, 64])),
        malformed("line-300", "300 spaces before a line end", text().replacen('\n', &(" ".repeat(300) + "\n"), 1)),
        malformed("line-63", "a line of 63 characters", cut(&[63, 64])),
        malformed("line-60", "a line of 60 characters, a multiple of 4", cut(&[60, 64])),
        malformed("line-76", "lines of 76 characters, as in MIME", cut(&[76])),
        malformed("line-all", "all in one line", cut(&[])),
        malformed("line-128", "one line of 128 characters", cut(&[128])),
        malformed("blank-first", "a blank line after the first line", blank(0, "")),
        malformed("blank-middle", "a blank line between the lines", blank(1, "")),
        malformed("blank-last", "a blank line before the last line", blank(3, "")),
        malformed("blank-spaces", "a line of spaces between the lines", blank(1, "   ")),
        malformed("character-wrong", "a character that is not base64", changed(5, "*")),
        malformed("character-url-safe", "a character of the other base64 alphabet", changed(5, "_")),
        malformed("character-zero", "a zero byte in a line", changed(5, "\0")),
        malformed("character-not-ascii", "a character that is not ASCII", changed(5, "é")),
        malformed("space-in-line", "a space in a line", changed(5, " ")),
        malformed("tab-in-front", "a tab at the start of a line", changed(64, "\t")),
    ]
}

fn ends() -> Vec<Vector> {
    let base = base64(&payload());
    let last = |last: &str| armor_lines(ENVELOPE, &[&base[..64], &base[64..128], last], "\n");
    let real = &base[128..];
    let unsigned = real.trim_end_matches('=');
    // 100 bytes leave four bits unused under the padding; the last character before "==" carries them.
    let bits = {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (front, last) = unsigned.split_at(unsigned.len() - 1);
        let value = alphabet.find(last).expect("base64");
        format!("{front}{}==", &alphabet[value + 1..value + 2])
    };
    vec![
        malformed("bits-under-padding", "a bit under the padding is set", last(&bits)),
        malformed("padding-missing", "the \"=\" are missing", last(unsigned)),
        malformed("padding-one-missing", "one \"=\" is missing", last(&format!("{unsigned}="))),
        malformed("padding-too-much", "a \"=\" too many", last(&format!("{real}="))),
        malformed("padding-four", "four \"=\" too many", last(&format!("{real}===="))),
        malformed("padding-inside", "\"=\" in the first line", text().replacen(&base[..4], "QQ==", 1)),
        malformed("padding-alone", "a last line of \"=\" alone", last("====")),
        malformed("character-alone", "a last line of one character", last("A")),
        malformed("no-last-line-end", "no line end after the last line", text().trim_end()),
        malformed("cr-alone", "CR in place of LF", text().replace('\n', "\r")),
        malformed("cr-cr-lf", "CR CR LF in place of LF", text().replace('\n', "\r\r\n")),
        malformed("cr-in-line", "CR inside a line", text().replacen(&base[..2], &format!("{}\r", &base[..1]), 1)),
        malformed("blank-after", "a blank line after the last line", text() + "\n"),
        malformed("spaces-after", "spaces after the last line end", text() + "  "),
        malformed("form-feed", "a form feed before a line end", text().replacen('\n', "\u{C}\n", 1)),
    ]
}
