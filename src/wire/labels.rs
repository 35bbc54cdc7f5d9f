//! Every label (spec/README.md, "Labels"). Each ends in its only zero byte, so none is a prefix of another.

pub(crate) const STANZA: &[u8] = b"bulla/1 stanza\0";
pub(crate) const BODY: &[u8] = b"bulla/1 body\0";
pub(crate) const OPENING: &[u8] = b"bulla/1 opening\0";
pub(crate) const CLOSING: &[u8] = b"bulla/1 closing\0";
pub(crate) const GUARD_KEY: &[u8] = b"bulla/1 guard key\0";
pub(crate) const GUARD_VALUE: &[u8] = b"bulla/1 guard value\0";
pub(crate) const GUARD_SCOPE: &[u8] = b"bulla/1 guard scope\0";
pub(crate) const GUARD_STREAM: &[u8] = b"bulla/1 guard stream\0";
pub(crate) const GUARD_CHALLENGE: &[u8] = b"bulla/1 guard challenge\0";
pub(crate) const GUARD_RATE: &[u8] = b"bulla/1 guard rate\0";
pub(crate) const GUARD_RATE_OF_DAMAGE: &[u8] = b"bulla/1 guard rate of damage\0";
pub(crate) const AUDIT: &[u8] = b"bulla/1 audit\0";
pub(crate) const READER_NAME: &[u8] = b"bulla/1 reader name\0";
#[cfg(feature = "keyfile")]
pub(crate) const KEY_FILE: &[u8] = b"bulla/1 key file\0";
pub(crate) const KEY_FILE_CHECKSUM: &[u8] = b"bulla/1 key file checksum\0";
pub(crate) const SEED_X25519: &[u8] = b"bulla/1 seed x25519\0";
pub(crate) const HEDGE: &[u8] = b"bulla/1 hedge\0";
pub(crate) const RANDOM: &[u8] = b"bulla/1 random\0";

#[cfg(test)]
mod tests {
    #[test]
    fn labels_are_prefix_free_and_those_of_the_specification() {
        let spec = include_str!("../../spec/README.md");
        let source = include_str!("labels.rs");
        let labels: alloc::vec::Vec<&str> = source
            .lines()
            .filter(|line| line.starts_with("pub(crate) const "))
            .filter_map(|line| line.split_once("b\"")?.1.strip_suffix("\";"))
            .collect();
        assert!(labels.len() >= 13);
        for label in &labels {
            assert!(
                label.ends_with("\\0") && label.matches("\\0").count() == 1,
                "{label}"
            );
            assert!(spec.contains(label), "{label} is not in the specification");
        }
    }
}
