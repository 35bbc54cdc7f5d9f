//! Limits (spec/envelope.md §8), all enforced before anything is allocated for what they limit.

/// Longest header in bytes.
pub const MAX_HEADER: usize = 1 << 20;
/// Most stanzas in a header of suite 1.
pub const MAX_STANZAS: usize = 10_000;
/// Longest opening (the signed stamp) in bytes.
pub const MAX_OPENING: usize = 16_384;
/// Longest closing in bytes.
pub const MAX_CLOSING: usize = 512;
/// Longest context in bytes.
pub const MAX_CONTEXT: usize = 255;
/// Longest content type in bytes.
pub const MAX_CONTENT_TYPE: usize = 255;
/// Most attributes of a stamp.
pub const MAX_ATTRIBUTES: usize = 64;
/// Longest name of an attribute in bytes.
pub const MAX_ATTRIBUTE_NAME: usize = 64;
/// Longest value of an attribute in bytes.
pub const MAX_ATTRIBUTE_VALUE: usize = 4096;
/// Longest stream id in bytes.
pub const MAX_STREAM_ID: usize = 64;
/// Most extension claims of a stamp.
pub const MAX_EXTENSIONS: usize = 64;
/// Longest evidence in bytes.
pub const MAX_EVIDENCE: usize = 20_480;
/// Longest body of a receipt, or of an audit's question or answer, in bytes.
pub const MAX_RECEIPT: usize = 1024;
/// Longest text of a reason in bytes.
pub const MAX_REASON: usize = 255;
/// Longest proof of a receipt in bytes.
pub const MAX_PROOF: usize = MAX_EVIDENCE + MAX_RECEIPT + 16;
/// Longest key file in bytes, without its armor.
pub const MAX_KEY_FILE_BYTES: usize = 4096;
/// Longest key file in bytes, armored.
pub const MAX_KEY_FILE: usize = 8192;
/// Most encryption keys in a key file.
pub const MAX_SECRET_KEYS: usize = 32;
/// Longest identity line in characters.
pub const MAX_IDENTITY_LINE: usize = 1023;
/// Most encryption keys in an identity line.
pub const MAX_IDENTITY_KEYS: usize = 8;
/// Default for the number of trial decryptions (own keys × stanzas) of one opening.
pub const DEFAULT_TRIALS: usize = 100_000;
