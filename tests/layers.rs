//! Imports point one way: crypto, wire → disk → identity → freshness → envelope → receipt. A layer sees those before it, itself,
//! and `error`. The C interface uses what `lib.rs` gives out, and no layer. Also: files stay small enough to be read at once (functions: clippy.toml).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Each layer, and the layers that it may use.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("error", &[]),
    ("process", &["error"]),
    ("crypto", &["error"]),
    ("wire", &["error"]),
    ("disk", &["error", "process", "crypto"]),
    ("identity", &["error", "crypto", "wire", "disk"]),
    (
        "freshness",
        &["error", "process", "crypto", "wire", "disk", "identity"],
    ),
    (
        "envelope",
        &[
            "error",
            "process",
            "crypto",
            "wire",
            "disk",
            "identity",
            "freshness",
        ],
    ),
    (
        "receipt",
        &[
            "error",
            "process",
            "crypto",
            "wire",
            "disk",
            "identity",
            "freshness",
            "envelope",
        ],
    ),
    // Over what `lib.rs` gives out, and nothing else.
    ("ffi", &[]),
    // Thin doors for the fuzz targets, compiled for them alone.
    ("fuzzing", &["error", "wire"]),
];

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

/// The layer of a file: its folder under `src`, or its own name.
fn layer(path: &Path) -> String {
    let below = path
        .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap();
    let first = below
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// What is wrong with the imports of a file of this layer. What stands from its tests on does not count, nor do
/// comments; what `crate::` names is a layer, or an item that `lib.rs` gives out, which only tests and docs may use.
fn wrong_imports(layer: &str, source: &str) -> Vec<String> {
    let allowed = MAY_USE
        .iter()
        .find(|(name, _)| *name == layer)
        .map(|(_, allowed)| *allowed);
    let Some(allowed) = allowed else {
        return vec![format!(
            "`{layer}` is no layer: add it to the list, in its place"
        )];
    };
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
    let mut wrong = Vec::new();
    for line in code
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.starts_with("//"))
    {
        for used in line.split("crate::").skip(1) {
            let name: String = used
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            // The C interface stands over what `lib.rs` gives out, and over no layer.
            let given_out = !MAY_USE.iter().any(|(known, _)| *known == name);
            let fine = name == layer
                || (layer == "ffi" && given_out)
                || allowed.contains(&name.as_str())
                || ["Error", "ErrorKind"].contains(&name.as_str());
            if !fine {
                wrong.push(format!("{layer} uses {name}: {line}"));
            }
        }
        if line.contains("super::super") {
            wrong.push(format!("{layer} climbs out of itself: {line}"));
        }
    }
    wrong
}

#[test]
fn imports_point_one_way() {
    let mut wrong = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for path in sources() {
        let layer = layer(&path);
        if layer == "lib" || path.ends_with("crypto/tests.rs") {
            continue;
        }
        wrong.extend(wrong_imports(&layer, &fs::read_to_string(&path).unwrap()));
        seen.insert(layer);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen.len(), MAY_USE.len());
}

#[test]
fn a_wrong_import_is_noticed() {
    assert_eq!(
        wrong_imports("wire", "use crate::crypto::digest::Digest;").len(),
        1
    );
    assert_eq!(
        wrong_imports("identity", "let x = crate::envelope::seal::Sealer::new();").len(),
        1
    );
    assert_eq!(wrong_imports("elsewhere", "").len(), 1);
    assert_eq!(
        wrong_imports("wire", "use super::super::crypto::digest::Digest;").len(),
        1
    );
    assert_eq!(wrong_imports("ffi", "use crate::wire::labels;").len(), 1);
    assert!(wrong_imports("ffi", "use crate::{Sealer, limits};\nuse crate::Opener;").is_empty());
    assert!(wrong_imports("envelope", "use crate::wire::labels;\n// crate::ffi").is_empty());
}

#[test]
fn only_the_layer_of_primitives_names_them() {
    let primitives = [
        "ed25519_dalek",
        "x25519_dalek",
        "aes_gcm",
        "bulla_aead",
        "hkdf::",
        "hmac::",
        "sha2::",
        "blake3::",
    ];
    for path in sources().into_iter().filter(|path| layer(path) != "crypto") {
        let source = fs::read_to_string(&path).unwrap();
        for name in primitives {
            assert!(!source.contains(name), "{} names {name}", path.display());
        }
    }
}

#[test]
fn files_are_at_most_400_lines() {
    for path in sources() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 400, "{} has {lines} lines", path.display());
    }
}
