//! The only place that reads or writes bytes of the format. No cryptography: it can be fuzzed without keys.

pub(crate) mod armor;
pub(crate) mod audit;
pub(crate) mod claims;
pub(crate) mod cose;
pub(crate) mod decode;
pub(crate) mod evidence;
pub(crate) mod header;
pub(crate) mod labels;
pub mod limits;
pub(crate) mod receipt;
