//! COSE_Sign1, part by part (statements.md §1).

use std::rc::Rc;

use crate::cbor;
use crate::ed25519;
use crate::hook::Hook;
use crate::stamp::Claims;

/// The one protected header that is valid: `{1: -19}`.
pub const PROTECTED: [u8; 4] = [0x43, 0xA1, 0x01, 0x32];

/// The five parts of a COSE_Sign1 as they are written, each an encoded item, with what may stand
/// around them.
#[derive(Clone)]
pub struct Cose {
    /// Nothing, or a tag.
    pub before: Vec<u8>,
    /// The head of the array.
    pub array: Vec<u8>,
    /// The protected header as an item: a byte string.
    pub protected: Vec<u8>,
    pub unprotected: Vec<u8>,
    /// The payload's bytes; written as `payload_item` where that is there.
    pub payload: Vec<u8>,
    pub payload_item: Option<Vec<u8>>,
    /// The signature's bytes; written as `signature_item` where that is there.
    pub signature: Vec<u8>,
    pub signature_item: Option<Vec<u8>>,
    pub trailing: Vec<u8>,
}

impl Cose {
    #[must_use]
    pub fn new(payload: Vec<u8>) -> Self {
        Self {
            before: Vec::new(),
            array: vec![0x84],
            protected: PROTECTED.to_vec(),
            unprotected: vec![0xA0],
            payload,
            payload_item: None,
            signature: Vec::new(),
            signature_item: None,
            trailing: Vec::new(),
        }
    }

    /// What is signed (RFC 9052 §4.4).
    #[must_use]
    pub fn signed_bytes(&self, external_aad: &[u8]) -> Vec<u8> {
        cbor::array(&[
            cbor::text("Signature1"),
            self.protected.clone(),
            cbor::bytes(external_aad),
            cbor::bytes(&self.payload),
        ])
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let payload = self.payload_item.clone().unwrap_or_else(|| cbor::bytes(&self.payload));
        let signature = self.signature_item.clone().unwrap_or_else(|| cbor::bytes(&self.signature));
        [&self.before[..], &self.array, &self.protected, &self.unprotected, &payload, &signature, &self.trailing]
            .concat()
    }
}

/// An honest COSE_Sign1.
#[must_use]
pub fn cose_sign1(seed: &[u8; 32], external_aad: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut cose = Cose::new(payload.to_vec());
    cose.signature = ed25519::sign(seed, &cose.signed_bytes(external_aad)).to_vec();
    cose.encode()
}

type Sign = Rc<dyn Fn(&[u8]) -> [u8; 64]>;

/// How an opening or a closing is made; the hooks run in the order of the fields.
#[derive(Clone)]
pub struct Statement {
    /// Ed25519 seed of the signer.
    pub seed: [u8; 32],
    /// Signs instead of the seed.
    pub sign: Option<Sign>,
    /// Changes the claims before they are encoded.
    pub claims: Hook<Claims>,
    /// Changes the external data.
    pub external: Hook<Vec<u8>>,
    /// Changes what will be signed.
    pub before_signing: Hook<Cose>,
    /// Changes what has been signed.
    pub after_signing: Hook<Cose>,
    /// Changes the encoded COSE_Sign1.
    pub encoded: Hook<Vec<u8>>,
}

impl Statement {
    #[must_use]
    pub fn by(seed: [u8; 32]) -> Self {
        Self {
            seed,
            sign: None,
            claims: Hook::default(),
            external: Hook::default(),
            before_signing: Hook::default(),
            after_signing: Hook::default(),
            encoded: Hook::default(),
        }
    }

    /// Signs by a function from the signed bytes to the signature.
    pub fn sign_with(&mut self, sign: impl Fn(&[u8]) -> [u8; 64] + 'static) {
        self.sign = Some(Rc::new(sign));
    }

    pub(crate) fn make(&self, claims: Claims, external: Vec<u8>) -> Vec<u8> {
        let claims = self.claims.run(claims);
        let external = self.external.run(external);
        let mut cose = self.before_signing.run(Cose::new(claims.encode()));
        let message = cose.signed_bytes(&external);
        let signature = match &self.sign {
            Some(sign) => sign(&message),
            None => ed25519::sign(&self.seed, &message),
        };
        cose.signature = signature.to_vec();
        self.encoded.run(self.after_signing.run(cose).encode())
    }
}

/// `external_aad` of an opening (statements.md §2).
#[must_use]
pub fn opening_external(header: &[u8]) -> Vec<u8> {
    [&b"bulla/1 opening\0"[..], &crate::h(&[header])].concat()
}

/// `external_aad` of a closing (statements.md §2).
#[must_use]
pub fn closing_external(header: &[u8], opening: &[u8]) -> Vec<u8> {
    [&b"bulla/1 closing\0"[..], &crate::h(&[header]), &crate::h(&[opening])].concat()
}
