//! Makes the shared library smaller where that costs nothing: relocations packed to a bit each, which the GNU C library reads
//! from 2.36 on. Who builds with that runs what is built with that.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let native = env::var_os("HOST") == env::var_os("TARGET");
    if native && libc().is_some_and(|version| version >= (2, 36)) {
        println!("cargo::rustc-link-arg=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of the GNU C library, if that is what there is.
fn libc() -> Option<(u32, u32)> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let text = String::from_utf8(said.ok()?.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
