//! Who appears in the vectors: Alice seals, Bob opens, Carol is a co-recipient, Mallory an outsider.

use bulla_forge::{Forge, Person, Sealed};

pub fn alice() -> Person {
    Person::new("alice")
}

pub fn bob() -> Person {
    Person::new("bob")
}

pub fn carol() -> Person {
    Person::new("carol")
}

pub fn mallory() -> Person {
    Person::new("mallory")
}

/// Alice to Bob: sealed, one-shot, small.
pub fn honest() -> Forge {
    Forge::sealed(&alice(), &[&bob()])
}

/// The plaintext after the opening, as a reader meets it.
pub fn after_opening(sealed: &Sealed) -> &[u8] {
    &sealed.plaintext[3 + sealed.opening.len()..]
}

/// Content of `length` that makes nothing else of interest.
pub fn content(length: usize) -> Vec<u8> {
    bulla_forge::bytes("content", length)
}

/// Sets the content so that the whole plaintext has this length.
pub fn sized(forge: Forge, plaintext: usize) -> Forge {
    let mut length = plaintext;
    for _ in 0..4 {
        let forge = forge.clone().with(|f| f.content = content(length));
        let made = forge.seal().plaintext.len();
        if made == plaintext {
            return forge;
        }
        length = length + plaintext - made;
    }
    panic!("no content gives a plaintext of {plaintext} bytes");
}

/// Takes the last byte away.
pub fn cut(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len() - 1);
}
