//! Writes the test vectors, or with `--check` compares them with the files that are there.
//!
//! `cargo run -p bulla-forge --bin make-vectors -- --check FOLDER`; the folder, and `--check`, may be absent.

mod armor;
mod cast;
mod commitment;
mod content;
mod content_lengths;
mod content_streams;
mod evidence;
mod evidence_lengths;
mod guard;
mod header;
mod identity;
mod keyfile;
mod ok;
mod opening_claims;
mod opening_cose;
mod opening_details;
mod opening_plaintext;
mod opening_signature;
mod policy;
mod policy_edges;
mod receipts;
mod scripts;
mod stanza;
mod vector;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use vector::Vector;

fn all() -> Vec<Vector> {
    [
        ok::vectors(),
        header::vectors(),
        stanza::vectors(),
        commitment::vectors(),
        opening_plaintext::vectors(),
        opening_cose::vectors(),
        opening_claims::vectors(),
        opening_details::vectors(),
        opening_signature::vectors(),
        policy::vectors(),
        policy_edges::vectors(),
        content::vectors(),
        content_lengths::vectors(),
        content_streams::vectors(),
        guard::vectors(),
        armor::vectors(),
        identity::vectors(),
        keyfile::vectors(),
        evidence::vectors(),
        evidence_lengths::vectors(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// File by path below the folder; a name that is used twice is a mistake in this program.
fn files() -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let vectors = all().into_iter().map(|vector| (vector.name.clone(), vector.file()));
    for (name, text) in vectors.chain(receipts::files()).chain(scripts::files()) {
        let twice = files.insert(PathBuf::from(format!("{name}.json")), text);
        assert!(twice.is_none(), "two vectors are named {name}");
    }
    files
}

/// The JSON files that are in the folders below.
fn present(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in fs::read_dir(root).into_iter().flatten().flatten() {
        for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|extension| extension == "json") {
                let path = file.path();
                found.push(path.strip_prefix(root).expect("below the root").to_path_buf());
            }
        }
    }
    found.sort();
    found
}

fn check(root: &Path, files: &BTreeMap<PathBuf, String>) -> usize {
    let mut wrong = 0;
    let mut complain = |path: &Path, what: &str| {
        println!("{}: {what}", path.display());
        wrong += 1;
    };
    for (path, text) in files {
        match fs::read_to_string(root.join(path)) {
            Ok(there) if there == *text => {}
            Ok(there) => {
                let pairs = there.lines().zip(text.lines());
                let line = pairs.take_while(|(there, made)| there == made).count() + 1;
                complain(path, &format!("differs, first in line {line}"));
            }
            Err(error) => complain(path, &format!("cannot be read: {error}")),
        }
    }
    for path in present(root) {
        if !files.contains_key(&path) {
            complain(&path, "no vector has this name");
        }
    }
    wrong
}

/// Writes what differs and removes what no longer belongs there.
fn write(root: &Path, files: &BTreeMap<PathBuf, String>) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("can make a folder");
        if fs::read_to_string(&path).is_ok_and(|there| there == *text) {
            continue;
        }
        fs::write(&path, text).expect("can write a vector");
    }
    for path in present(root) {
        if !files.contains_key(&path) {
            fs::remove_file(root.join(path)).expect("can remove an old vector");
        }
    }
}

fn main() -> ExitCode {
    let (flags, folders): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|a| a.starts_with("--"));
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors");
    let root = folders.first().map_or_else(default, PathBuf::from);
    let files = files();
    match flags.as_slice() {
        [] => write(&root, &files),
        [flag] if flag == "--check" => {
            if check(&root, &files) > 0 {
                return ExitCode::FAILURE;
            }
        }
        _ => {
            eprintln!("usage: make-vectors [--check] [FOLDER]");
            return ExitCode::FAILURE;
        }
    }
    println!("{} vectors", files.len());
    ExitCode::SUCCESS
}
