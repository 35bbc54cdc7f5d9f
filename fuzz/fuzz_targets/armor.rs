//! Armor: of arbitrary bytes there and back; arbitrary text in one piece and in pieces; accepted text is canonical but
//! for line ends.
#![no_main]

use bulla::{ArmorLabel, ArmorReader, ArmorWriter, armor, dearmor, is_armored};
use bulla_fuzz::pieces;
use libfuzzer_sys::fuzz_target;

const LABELS: [ArmorLabel; 3] = [
    ArmorLabel::Envelope,
    ArmorLabel::Evidence,
    ArmorLabel::SecretKey,
];

fn read_in_pieces(label: ArmorLabel, text: &[u8]) -> Option<Vec<u8>> {
    let mut reader = ArmorReader::new(label);
    let mut out = Vec::new();
    for piece in pieces(text) {
        reader.update(piece, &mut out).ok()?;
    }
    reader.finish().ok().map(|()| out)
}

/// LF for CRLF, and nothing before a line end.
fn canonical(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let end = line.iter().rposition(|byte| !b" \t".contains(byte));
        out.extend_from_slice(&line[..end.map_or(0, |at| at + 1)]);
        out.push(b'\n');
    }
    out
}

fn there_and_back(label: ArmorLabel, bytes: &[u8]) {
    let text = armor(label, bytes);
    let mut writer = ArmorWriter::new(label);
    let mut in_pieces = Vec::new();
    for piece in pieces(bytes) {
        writer.update(piece, &mut in_pieces);
    }
    writer.finish(&mut in_pieces);
    assert_eq!(text.as_bytes(), in_pieces);
    // An empty payload is not armored (spec/envelope.md §6).
    let back = dearmor(label, text.as_bytes()).ok();
    assert_eq!(back.as_deref(), (!bytes.is_empty()).then_some(bytes));
    let mailed = text.replace('\n', " \t\r\n");
    assert_eq!(dearmor(label, mailed.as_bytes()).ok(), back);
}

fuzz_target!(|input: &[u8]| {
    let mut accepted = 0;
    for label in LABELS {
        there_and_back(label, input);
        let whole = dearmor(label, input).ok();
        assert_eq!(read_in_pieces(label, input), whole);
        if let Some(bytes) = whole {
            accepted += 1;
            assert!(is_armored(input));
            assert_eq!(armor(label, &bytes).as_bytes(), canonical(input));
        }
    }
    assert!(accepted <= 1);
});
