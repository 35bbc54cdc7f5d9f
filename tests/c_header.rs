//! Every function of `include/bulla.h` is documented: a sentence, each parameter, what is returned, and which threads may call it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::Path;

/// A function as the header declares it, with the comment before it.
struct Function {
    name: String,
    void: bool,
    parameters: Vec<String>,
    comment: String,
}

/// The functions of a header, in order.
fn functions(header: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in header.match_indices("(") {
        let before = &header[..at];
        let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
        let name = line.rsplit([' ', '*']).next().unwrap();
        // Not what is spoken of in a comment, nor a call of a macro, nor a type of functions.
        let spoken = !line.starts_with(|first: char| first.is_ascii_alphabetic());
        if !name.starts_with("bulla_") || spoken || line.contains("typedef") {
            continue;
        }
        let declared = &header[at + 1..at + header[at..].find(");").expect("a declaration ends")];
        let parameters = declared
            .split(',')
            .map(str::trim)
            .filter(|it| *it != "void");
        let end = before.rfind("*/").map_or(0, |end| end + 2);
        let start = before[..end].rfind("/**").unwrap_or(end);
        // A comment belongs to what stands right after it.
        let beside = before[end..].trim().lines().count() == 1;
        found.push(Function {
            name: name.to_owned(),
            void: line.trim_start().starts_with("void ") && !line.contains("void *"),
            parameters: parameters
                .map(|it| it.rsplit([' ', '*']).next().unwrap().to_owned())
                .collect(),
            comment: if beside {
                before[start..end].to_owned()
            } else {
                String::new()
            },
        });
    }
    found
}

/// What the comment of a function lacks.
fn lacks(function: &Function) -> Vec<String> {
    let lines: Vec<&str> = function
        .comment
        .lines()
        .map(|line| line.trim().trim_start_matches(['/', '*']).trim())
        .filter(|line| !line.is_empty())
        .collect();
    let mut lacking = Vec::new();
    let sentence: Vec<&str> = lines
        .iter()
        .take_while(|line| !line.starts_with('@') && !line.starts_with("Threads:"))
        .copied()
        .collect();
    if !sentence.last().is_some_and(|line| line.ends_with('.')) {
        lacking.push("a sentence that says what it does".to_owned());
    }
    // A word at least after each.
    let said = |tag: &str| {
        lines
            .iter()
            .any(|line| line.strip_prefix(tag).is_some_and(|rest| rest.len() > 3))
    };
    for parameter in &function.parameters {
        if !said(&format!("@param {parameter} ")) {
            lacking.push(format!("@param {parameter}"));
        }
    }
    for line in &lines {
        if let Some(rest) = line.strip_prefix("@param ") {
            let name = rest.split(' ').next().unwrap();
            if !function.parameters.iter().any(|it| it == name) {
                lacking.push(format!("a parameter for its @param {name}"));
            }
        }
    }
    if function.void == said("@return ") {
        lacking.push(
            if function.void {
                "a value for its @return"
            } else {
                "@return"
            }
            .to_owned(),
        );
    }
    if !said("Threads: ") {
        lacking.push("Threads:".to_owned());
    }
    lacking
}

#[test]
fn every_function_is_documented() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/bulla.h");
    let functions = functions(&std::fs::read_to_string(place).unwrap());
    assert!(
        functions.len() >= 100,
        "only {} functions were found",
        functions.len()
    );
    let lacking: Vec<String> = functions
        .iter()
        .flat_map(|function| {
            let name = &function.name;
            lacks(function)
                .into_iter()
                .map(move |what| format!("{name} lacks {what}"))
        })
        .collect();
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

#[test]
fn what_is_missing_is_noticed() {
    let whole = "/**\n * Does it.\n *\n * @param one The one.\n * @param error May be NULL.\n * @return BULLA_OK.\n * Threads: any.\n */\n\
        BULLA_MUST_CHECK bulla_status bulla_do(const struct bulla_one *one,\n    bulla_error *error);\n";
    let count = |text: &str| {
        functions(text)
            .iter()
            .map(|it| lacks(it).len())
            .sum::<usize>()
    };
    assert_eq!(count(whole), 0);
    assert_eq!(functions(whole)[0].parameters, ["one", "error"]);
    for lost in [
        " * Does it.\n",
        " * @param one The one.\n",
        " * @return BULLA_OK.\n",
        " * Threads: any.\n",
    ] {
        assert_eq!(count(&whole.replace(lost, "")), 1, "without {lost}");
    }
    assert_eq!(count(&whole.replace("@param one", "@param two")), 2);
    assert_eq!(count(&whole.replace("The one.", "")), 1);
    // No comment at all, after a function that has one.
    let bare = format!("{whole}\nvoid bulla_bare(bulla_one *one);\n");
    assert_eq!(count(&bare), 3);
    assert_eq!(
        count(
            "/**\n * Frees.\n * @return Nothing.\n * Threads: any.\n */\nvoid bulla_free(void);\n"
        ),
        1
    );
}
