//! Plays the scripts that `seeds` made for the target `calls`, and fails if a function of `include/bulla.h`, or a kind of
//! callback, came to nothing in all of them: then a change has left it out of reach of the fuzzer. `fuzz/run` calls it.
//!
//! With a file: plays that script alone, and tells each call and what it gave.

use bulla_fuzz::calls;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Not reached, and why.
const NOT_HERE: [(&str, &str); 1] = [(
    "bulla_guard_redis",
    "needs a server, and the library is built without it here",
)];

/// The names of functions, and of the types of callbacks, in the header.
fn declared(header: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut code = String::new();
    for part in header.split("/*") {
        code.push_str(part.split_once("*/").map_or(part, |(_, rest)| rest));
    }
    for (at, _) in code.match_indices("bulla_") {
        let name: String = code[at..]
            .chars()
            .take_while(|it| it.is_ascii_alphanumeric() || *it == '_')
            .collect();
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let own = !before.ends_with(|it: char| it.is_ascii_alphanumeric() || it == '_');
        let function = after.starts_with('(');
        let callback = before.ends_with("(*") && after.starts_with(")(");
        if own && (function || callback) {
            names.insert(name);
        }
    }
    names
}

fn main() {
    if let Some(file) = std::env::args_os().nth(1) {
        calls::reached::tell();
        calls::play(&fs::read(file).unwrap());
        return;
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = fs::read_to_string(here.join("../include/bulla.h")).unwrap();
    let mut scripts = 0;
    for entry in fs::read_dir(here.join("corpus/calls")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("seed-") {
            calls::play(&fs::read(&path).unwrap());
            scripts += 1;
        }
    }
    let (declared, reached) = (declared(&header), calls::reached::names());
    let mut wrong = 0;
    for name in &declared {
        let reason = NOT_HERE.iter().find(|it| it.0 == name);
        match (reached.contains(name.as_str()), reason) {
            (false, None) => eprintln!(
                "reached: {name} came to nothing: add it to src/calls and examples/seeds/calls.rs"
            ),
            (true, Some(_)) => eprintln!("reached: {name} came to something: take it off the list"),
            _ => continue,
        }
        wrong += 1;
    }
    for (name, _) in NOT_HERE {
        if !declared.contains(name) {
            eprintln!("reached: there is no {name}: take it off the list");
            wrong += 1;
        }
    }
    println!(
        "{scripts} scripts, {} functions and kinds of callbacks, {wrong} out of reach",
        declared.len()
    );
    std::process::exit(i32::from(wrong > 0));
}
