//! What a host can do in Rust it can do in C: `bindings/coverage.txt` says by which functions, or why not, and this test holds the
//! two interfaces against it.
//!
//! The public interface is read from the source as text, which rustfmt keeps in one form. Seen are: what `src/lib.rs` gives out
//! with `pub use`; of those types the public functions and constants of `impl` blocks, of traits all functions, and the
//! implementations of [`TRAITS`]. Not seen are: fields and variants, other traits, what a macro makes, what is in a module
//! inside a file, and which of two types of one name in different files is the public one (then both count).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Traits whose implementations are ways to use a type, and so need a line: `Type as Trait`.
const TRAITS: [&str; 5] = ["Read", "Write", "Seek", "FromStr", "Display"];
/// Marks functions that are there for C alone.
const C_ONLY: &str = "C only";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The names that `pub use` statements give out.
fn given_out(lib: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for statement in lib.split("\npub use ").skip(1) {
        let statement = statement.split(';').next().unwrap();
        // A name is followed by a comma, a brace or the end; what is followed by `::` is a folder.
        for part in statement.split([',', '{', '}']) {
            let part = part.trim();
            let name = part.rsplit(" as ").next().unwrap();
            let name = name.rsplit("::").next().unwrap();
            if !name.is_empty() {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

/// The sources of the Rust interface, without their tests.
fn sources() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("src/ffi") {
                    folders.push(path);
                }
            } else if !path.ends_with("src/fuzzing.rs") {
                let source = fs::read_to_string(&path).unwrap();
                let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
                found.push(source.to_owned());
            }
        }
    }
    found
}

/// Of `impl<'a, T> Trait<U> for Type<V>`: the trait, if there is one, and the type, by their bare names.
fn parts_of_impl(head: &str) -> (Option<String>, String) {
    let bare = |path: &str| {
        let path = path.trim().trim_start_matches('&');
        let path = path.split(['<', ' ', '{']).next().unwrap();
        path.rsplit("::").next().unwrap().to_owned()
    };
    let mut rest = head.strip_prefix("impl").unwrap();
    if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.find(|character| {
            depth += match character {
                '<' => 1,
                '>' => -1,
                _ => 0,
            };
            depth == 0
        });
        rest = &rest[end.unwrap() + 1..];
    }
    match rest.split_once(" for ") {
        Some((name, of)) => (Some(bare(name)), bare(of)),
        None => (None, bare(rest)),
    }
}

/// The name of the function or constant that a line declares after one of these beginnings.
fn declared(line: &str, beginnings: &[&str]) -> Option<String> {
    let rest = beginnings.iter().find_map(|it| line.strip_prefix(it))?;
    let name: String = rest.chars().take_while(|it| word(*it)).collect();
    (!name.is_empty() && name != "fn").then_some(name)
}

/// What one source says of the types that are given out.
fn items(source: &str, names: &BTreeSet<String>, found: &mut BTreeSet<String>) {
    const METHODS: &[&str] = &[
        "    pub fn ",
        "    pub const fn ",
        "    pub unsafe fn ",
        "    pub const ",
    ];
    let (mut of, mut beginnings): (Option<String>, &[&str]) = (None, METHODS);
    let mut hidden = false;
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("impl") {
            let mut head = line.to_owned();
            while !head.contains('{') {
                head.push(' ');
                head.push_str(lines.next().unwrap().trim());
            }
            let (of_trait, name) = parts_of_impl(&head);
            let known = names.contains(&name).then_some(name);
            (of, beginnings) = match (of_trait, known) {
                (None, known) => (known, METHODS),
                (Some(of_trait), Some(name)) if TRAITS.contains(&of_trait.as_str()) => {
                    found.insert(format!("{name} as {of_trait}"));
                    (None, METHODS)
                }
                _ => (None, METHODS),
            };
            if head.ends_with("{}") {
                of = None;
            }
        } else if let Some(name) = declared(line, &["pub trait "]) {
            of = names.contains(&name).then_some(name);
            beginnings = &["    fn "];
        } else if line == "}" {
            of = None;
        }
        if let (Some(of), Some(name), false) = (&of, declared(line, beginnings), hidden) {
            found.insert(format!("{of}::{name}"));
        }
        // An attribute is about the line after it, past other attributes and comments.
        let line = line.trim_start();
        hidden = match line {
            "#[doc(hidden)]" | "#[cfg(test)]" | "#[cfg(fuzzing)]" => true,
            _ => hidden && (line.starts_with("#[") || line.starts_with("//")),
        };
    }
}

fn public_items() -> BTreeSet<String> {
    let names = given_out(&fs::read_to_string(root().join("src/lib.rs")).unwrap());
    let mut found = names.clone();
    for source in sources() {
        items(&source, &names, &mut found);
    }
    found
}

/// The header without its comments.
fn header() -> String {
    let header = fs::read_to_string(root().join("include/bulla.h")).unwrap();
    let mut code = String::new();
    for part in header.split("*/") {
        code.push_str(part.split("/*").next().unwrap());
        code.push(' ');
    }
    code
}

/// All names that it declares or uses, and those of functions.
fn names_in(header: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let (mut all, mut functions) = (BTreeSet::new(), BTreeSet::new());
    let mut rest = header;
    while let Some(start) = rest.find(word) {
        rest = &rest[start..];
        let end = rest.find(|it| !word(it)).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        if name.starts_with("bulla_") && rest.starts_with('(') {
            functions.insert(name);
        }
        all.insert(name);
    }
    (all, functions)
}

enum Line<'a> {
    /// By these functions, types or constants.
    By(Vec<&'a str>),
    NotInC(&'a str),
    /// By what is expected, and not there yet.
    Todo,
}

/// The table: what stands for each item. Items named twice are reported, and so are lines that are none.
fn table<'a>(text: &'a str, wrong: &mut Vec<String>) -> Vec<(&'a str, Line<'a>)> {
    let mut lines: Vec<(&str, Line<'_>)> = Vec::new();
    let mut seen = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((item, rest)) = line.split_once(" = ") else {
            wrong.push(format!("line {} has no ` = `: {line}", number + 1));
            continue;
        };
        if item != C_ONLY && seen.insert(item, number).is_some() {
            wrong.push(format!("{item} has two lines"));
        }
        let what = match rest.strip_prefix("not in C: ") {
            Some(why) => Line::NotInC(why),
            None if rest.starts_with("TODO-") => Line::Todo,
            None => Line::By(rest.split_whitespace().collect()),
        };
        lines.push((item, what));
    }
    lines
}

/// All that does not fit.
fn compare(items: &BTreeSet<String>, header: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let lines = table(text, &mut wrong);
    let (declared, functions) = names_in(header);
    let listed: BTreeSet<&str> = lines.iter().map(|(item, _)| *item).collect();
    let mut used = BTreeSet::new();
    for item in items.iter().filter(|it| !listed.contains(it.as_str())) {
        wrong.push(format!("{item} is public, and has no line"));
    }
    for (item, what) in &lines {
        if *item != C_ONLY && !items.contains(*item) {
            wrong.push(format!("{item} has a line, and is not public"));
        }
        match what {
            Line::By(names) => {
                if names.is_empty() {
                    wrong.push(format!("{item} names nothing"));
                }
                for name in names {
                    if !declared.contains(name) || !name.to_lowercase().starts_with("bulla_") {
                        wrong.push(format!(
                            "{item} names {name}, which is not in include/bulla.h"
                        ));
                    }
                    used.insert(*name);
                }
            }
            Line::NotInC(why) if why.trim().len() < 8 => {
                wrong.push(format!("{item} does not say why it is not in C"));
            }
            Line::NotInC(_) | Line::Todo => {}
        }
    }
    for function in functions.difference(&used) {
        wrong.push(format!(
            "{function} is in include/bulla.h, and no line names it"
        ));
    }
    wrong
}

#[test]
fn what_rust_can_do_c_can() {
    let items = public_items();
    // If the parser went blind the rest would pass for nothing.
    for known in [
        "Sealer",
        "Sealer::seal_into",
        "ReplayGuard::claim",
        "Outbox::settle",
        "OutboxEnvelope as Read",
        "Reason::FULL",
        "PublicIdentity as FromStr",
        "inspect",
        "GuardLimits",
    ] {
        assert!(items.contains(known), "the parser does not see {known}");
    }
    let text = fs::read_to_string(root().join("bindings/coverage.txt")).unwrap();
    let wrong = compare(&items, &header(), &text);
    assert!(
        wrong.is_empty(),
        "bindings/coverage.txt, {} faults:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn each_fault_is_found() {
    let items: BTreeSet<String> = ["A", "A::b"].map(str::to_owned).into();
    let header = "void bulla_a_new(void);\nvoid bulla_a_b(void);\n#define BULLA_X 1\n";
    let faults = |text: &str| compare(&items, header, text);
    let whole = "# table\nA = bulla_a_new\n\nA::b = bulla_a_b BULLA_X\n";
    assert_eq!(faults(whole), Vec::<String>::new());
    let split = "A = not in C: it is made by b\nA::b = bulla_a_b\nC only = bulla_a_new\n";
    assert_eq!(faults(split), Vec::<String>::new());

    let one = |text: &str, fault: &str| {
        let found = faults(text);
        assert!(found.iter().any(|it| it.contains(fault)), "{found:?}");
    };
    one(
        "A = bulla_a_new bulla_a_b\n",
        "A::b is public, and has no line",
    );
    one(
        &format!("{whole}A::c = bulla_a_b\n"),
        "A::c has a line, and is not public",
    );
    one(&format!("{whole}A = bulla_a_b\n"), "A has two lines");
    one(
        "A = bulla_a_new bulla_a_c\n",
        "A names bulla_a_c, which is not",
    );
    one("A = bulla_a_new void\n", "A names void, which is not");
    one(
        "A = bulla_a_new\nA::b = not in C: \n",
        "A::b does not say why",
    );
    one(
        "A = bulla_a_new\nA::b = not in C: b is not\n",
        "bulla_a_b is in include/bulla.h, and no line",
    );
    one(&format!("{whole}A::b bulla_a_b\n"), "has no ` = `");
    one("A = \n", "A names nothing");
}

#[test]
fn the_parser_reads_what_rustfmt_writes() {
    let lib = "mod a;\npub use a::One;\n#[cfg(x)]\npub use b::{\n    c::Two,\n    d::{E as Three, four},\n};\nuse f::Five;\n";
    let names = given_out(lib);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(names, ["One", "Three", "Two", "four"]);

    let names: BTreeSet<String> = ["One", "Two", "Three"].map(str::to_owned).into();
    let source = "impl<'a, T: Into<U>> One<'a, T> {\n    pub const MOST: u8 = 1;\n    pub const fn a() {}\n    pub(crate) fn b() {}\n    \
                  #[doc(hidden)]\n    #[must_use]\n    pub fn c() {}\n    pub fn d() {}\n}\npub fn e() {}\n\
                  impl io::Read for One<'_, u8> {\n    fn read() {}\n}\nimpl Other {\n    pub fn f() {}\n}\n\
                  pub trait Two: Send {\n    fn g();\n}\nimpl Two for One<'_> {\n    fn h() {}\n}\n\
                  impl<A>\n    Three<A>\nwhere\n    A: B,\n{\n    pub fn i() {}\n}\n";
    let mut found = BTreeSet::new();
    items(source, &names, &mut found);
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(
        found,
        [
            "One as Read",
            "One::MOST",
            "One::a",
            "One::d",
            "Three::i",
            "Two::g"
        ]
    );
}
