//! Bob, who has worked out one Diffie-Hellman before: that of the envelopes that are made around the fuzzer's bytes. It
//! would be most of the time of every input. All others he works out as he comes to them.

use bulla::{Decapsulator, EncryptionKey, Secret, VerifyingKey};

use crate::{BOB, Inside};

/// Opens as Bob.
pub struct Reader {
    enc: Vec<u8>,
    shared: Secret<32>,
}

impl Default for Reader {
    fn default() -> Self {
        let header = Inside::default();
        let enc = header.header()[24..56].to_vec();
        let key = &BOB.encryption_keys()[0];
        let shared = BOB.decapsulate(key, &enc).unwrap().unwrap();
        Self { enc, shared }
    }
}

impl Decapsulator for Reader {
    fn reader_key(&self) -> VerifyingKey {
        BOB.reader_key()
    }

    fn encryption_keys(&self) -> &[EncryptionKey] {
        BOB.encryption_keys()
    }

    fn decapsulate(&self, key: &EncryptionKey, enc: &[u8]) -> bulla::Result<Option<Secret<32>>> {
        if enc == self.enc {
            Ok(Some(self.shared.clone()))
        } else {
            BOB.decapsulate(key, enc)
        }
    }
}
