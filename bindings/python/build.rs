//! Gives maturin the declarations of `include/bulla.h` in the form that cffi reads: without directives of the preprocessor, which
//! it has none for. maturin takes them from `header.h` in the target folder (and would make them anew with cbindgen, unlike those
//! of the committed header, if there were none).

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let header = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../include/bulla.h");
    let place = target_folder(Path::new(&env::var("OUT_DIR")?))?.join("header.h");
    println!("cargo::rerun-if-changed={}", header.display());
    println!("cargo::rerun-if-changed={}", place.display());
    println!("cargo::rerun-if-changed=build.rs");
    fs::write(place, declarations(&fs::read_to_string(header)?)?)?;
    Ok(())
}

/// The target folder: above `PROFILE/build/PACKAGE/out`, and above the name of the platform if one was asked for.
fn target_folder(out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let above = out
        .ancestors()
        .nth(4)
        .ok_or("there is no target folder above OUT_DIR")?;
    let platform = env::var("TARGET")?;
    Ok(match above.file_name() {
        Some(name) if *name == *platform => above.parent().unwrap_or(above).to_path_buf(),
        _ => above.to_path_buf(),
    })
}

/// Constants, types and functions. Comments are left out too.
fn declarations(header: &str) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let mut plus_plus = false;
    for line in without_comments(header).lines() {
        let line = line.trim_end();
        if line.starts_with("#ifdef __cplusplus") {
            plus_plus = true;
        } else if line.starts_with("#endif") {
            plus_plus = false;
        } else if let Some(definition) = line.strip_prefix("#define ") {
            text.push_str(&constant(definition));
        } else if !plus_plus && !line.starts_with('#') && !line.is_empty() {
            text.push_str(
                &line
                    .replace("BULLA_MUST_CHECK ", "")
                    .replace("[BULLA_ERROR_TEXT]", "[512]"),
            );
            text.push('\n');
        }
    }
    if !header.contains("#define BULLA_ERROR_TEXT 512") {
        return Err("the length of an error's text has changed: say so in build.rs".into());
    }
    Ok(text)
}

/// Only numbers are of use to cffi.
fn constant(definition: &str) -> String {
    match definition.split_once(' ') {
        Some((name, value)) if value.parse::<u64>().is_ok() => format!("#define {name} {value}\n"),
        Some((name, "UINT64_MAX")) => format!("#define {name} 18446744073709551615\n"),
        _ => String::new(),
    }
}

fn without_comments(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        left.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    left.push_str(rest);
    left
}
