//! Makes `include/bulla.h` from `src/ffi`: the contract, the status codes out of the one table, then a section for each file, so
//! that the header reads like a manual. `--check` compares instead of writing.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod names;
mod sections;

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use bulla::ErrorKind;

use names::macro_name;
use sections::SECTIONS;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run(env::args().any(|argument| argument == "--check")) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!(
                "include/bulla.h is not what src/ffi says: run `cargo run --package bulla-header`"
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("the header could not be made: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the header is as it should be, afterwards.
fn run(check: bool) -> Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let place = root.join("include/bulla.h");
    let header = header(&root)?;
    if check {
        return Ok(fs::read_to_string(place)? == header);
    }
    fs::write(place, header)?;
    Ok(true)
}

fn header(root: &Path) -> Result<String> {
    let mut text = String::new();
    comment(&mut text, include_str!("contract.txt"))?;
    text.push_str(include_str!("begin.h"));
    versions(&mut text)?;
    codes(&mut text)?;
    for section in SECTIONS {
        let title = format!("\n/* ==== {} ", section.title);
        writeln!(
            text,
            "{title}{} */",
            "=".repeat(118_usize.saturating_sub(title.chars().count()))
        )?;
        for file in section.files {
            let declarations = declarations(&root.join("src/ffi").join(file))?;
            if let Some(feature) = section.feature {
                writeln!(
                    text,
                    "\n/* In a library without the feature \"{feature}\" these return BULLA_INVALID_INPUT. */"
                )?;
            }
            text.push('\n');
            text.push_str(declarations.trim());
            text.push('\n');
        }
    }
    unlisted(root)?;
    text.push_str(include_str!("end.h"));
    Ok(text)
}

/// Every file of the folder has a section, but for those without declarations.
fn unlisted(root: &Path) -> Result<()> {
    for entry in fs::read_dir(root.join("src/ffi"))? {
        let name = entry?.file_name();
        let listed = SECTIONS
            .iter()
            .any(|section| section.files.iter().any(|file| name == *file));
        let source = fs::read_to_string(root.join("src/ffi").join(&name))?;
        if !listed && source.contains("extern \"C\" fn bulla_") {
            return Err(format!("src/ffi/{} has no section", name.display()).into());
        }
    }
    Ok(())
}

fn comment(text: &mut String, lines: &str) -> Result<()> {
    text.push_str("/*\n");
    for line in lines.lines() {
        writeln!(text, "{}", format!(" * {line}").trim_end())?;
    }
    text.push_str(" */\n");
    Ok(())
}

fn versions(text: &mut String) -> Result<()> {
    let part = |name: &str| name.parse::<u32>();
    let (major, minor, patch) = (
        part(env!("CARGO_PKG_VERSION_MAJOR"))?,
        part(env!("CARGO_PKG_VERSION_MINOR"))?,
        part(env!("CARGO_PKG_VERSION_PATCH"))?,
    );
    writeln!(
        text,
        "/* The version of this header. bulla_version() tells that of the library. */"
    )?;
    writeln!(
        text,
        "#define BULLA_VERSION \"{}\"",
        env!("CARGO_PKG_VERSION")
    )?;
    writeln!(text, "#define BULLA_VERSION_MAJOR {major}")?;
    writeln!(text, "#define BULLA_VERSION_MINOR {minor}")?;
    writeln!(text, "#define BULLA_VERSION_PATCH {patch}")?;
    writeln!(
        text,
        "/* For comparisons: major * 1000000 + minor * 1000 + patch. */"
    )?;
    writeln!(
        text,
        "#define BULLA_VERSION_NUMBER {}\n",
        major * 1_000_000 + minor * 1000 + patch
    )?;
    Ok(())
}

/// The failures, out of the table that the library goes by.
fn codes(text: &mut String) -> Result<()> {
    text.push_str("/* ==== Status codes: failures (the answers that are none are below) ");
    text.push_str(&"=".repeat(50));
    text.push_str(" */\n");
    for kind in ErrorKind::ALL {
        writeln!(
            text,
            "\n/* {}. */\n#define {} {}",
            kind.text(),
            macro_name(kind.name()),
            kind.code()
        )?;
    }
    Ok(())
}

/// What one file declares, in the order in which it does.
fn declarations(file: &Path) -> Result<String> {
    // What only other files use is declared as well.
    let source = fs::read_to_string(file)?;
    let declared = |line: &str| {
        let rest = line
            .strip_prefix("pub struct ")
            .or(line.strip_prefix("pub type "))?;
        Some(
            rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()?
                .to_owned(),
        )
    };
    let export = cbindgen::ExportConfig {
        include: source.lines().filter_map(declared).collect(),
        ..Default::default()
    };
    let config = cbindgen::Config {
        export,
        language: cbindgen::Language::C,
        style: cbindgen::Style::Both,
        no_includes: true,
        documentation_style: cbindgen::DocumentationStyle::Auto,
        line_length: 128,
        usize_is_size_t: true,
        ..Default::default()
    };
    let mut bytes = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(file)
        .generate()?
        .write(&mut bytes);
    let text = String::from_utf8(bytes)?;
    Ok(text.replace(
        "\nbulla_status bulla_",
        "\nBULLA_MUST_CHECK bulla_status bulla_",
    ))
}
