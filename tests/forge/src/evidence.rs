//! Evidence for a third party (statements.md §6).

use crate::cbor;

#[derive(Clone)]
pub struct Evidence {
    pub version: u64,
    pub header_digest: Vec<u8>,
    pub opening: Vec<u8>,
    /// Null where it is absent.
    pub closing: Option<Vec<u8>>,
}

impl Evidence {
    /// The four items, encoded.
    #[must_use]
    pub fn items(&self) -> Vec<Vec<u8>> {
        let closing = self.closing.as_deref().map_or_else(|| vec![cbor::NULL], cbor::bytes);
        vec![cbor::uint(self.version), cbor::bytes(&self.header_digest), cbor::bytes(&self.opening), closing]
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::array(&self.items())
    }
}
