//! A folder in which one envelope is stored that comes in parts.

use std::fs;
use std::path::PathBuf;

use bulla::{Digest, OsDisk, Partials, ReplayGuard, Store, Target};

use super::{
    content, draft, folder, header_digest, header_len, names, partial_path, seal, store, stored,
};

/// A sealed chunk, in bytes.
pub(crate) const CHUNK: usize = 16_400;

/// A folder, and what is stored in it.
pub(crate) struct Here {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) envelope: Vec<u8>,
    pub(crate) header: Digest,
}

impl Here {
    pub(crate) fn of(envelope: Vec<u8>, bytes: Vec<u8>) -> Self {
        let folder = folder();
        Self {
            path: folder.path().join("x"),
            header: header_digest(&envelope),
            folder,
            bytes,
            envelope,
        }
    }

    pub(crate) fn new(length: usize) -> Self {
        let bytes = content(length);
        Self::of(seal(&draft(), &bytes), bytes)
    }

    pub(crate) fn store<'a>(&self, guard: &'a dyn ReplayGuard) -> Store<'a> {
        store(guard, &OsDisk).resumable(Partials::new(self.folder.path(), 5, u64::MAX))
    }

    pub(crate) fn partial(&self) -> PathBuf {
        partial_path(self.folder.path(), &self.header)
    }

    pub(crate) fn target(&self) -> Target<'_> {
        Target::Path(&self.path)
    }

    /// Sends the first bytes only.
    #[track_caller]
    pub(crate) fn cut(&self, store: &Store<'_>, at: usize) -> u64 {
        let cut = store
            .store(&self.envelope[..at], self.target())
            .unwrap_err();
        assert_eq!(cut.kind().class(), bulla::ErrorClass::NotAcceptable);
        assert!(!self.path.exists());
        let held = store.held(&self.header).unwrap();
        assert!(held <= at as u64 && self.is_boundary(held as usize));
        held
    }

    /// Where whole chunks end.
    pub(crate) fn is_boundary(&self, at: usize) -> bool {
        let before = header_len(&self.envelope) + 56;
        at == 0 || (at > before && (at - before).is_multiple_of(CHUNK))
    }

    #[track_caller]
    pub(crate) fn resume(&self, store: &Store<'_>, from: u64) {
        let stored =
            stored(store.resume(&self.header, &self.envelope[from as usize..], self.target()));
        assert_eq!(stored.proof().content_digest(), Digest::of(&self.bytes));
        stored.commit(b"receipt").unwrap();
        self.is_well(store);
    }

    #[track_caller]
    pub(crate) fn is_well(&self, store: &Store<'_>) {
        assert!(fs::read(&self.path).unwrap() == self.bytes);
        assert_eq!(names(self.folder.path()), ["x"]);
        assert_eq!(store.held(&self.header).unwrap(), 0);
    }

    pub(crate) fn cut_again(&self, store: &Store<'_>, at: usize) -> usize {
        store
            .store(&self.envelope[..at], self.target())
            .unwrap_err();
        store.held(&self.header).unwrap() as usize
    }
}
