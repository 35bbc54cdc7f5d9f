//! The C interface where the host brings its own: guards and key holders by callbacks, sources; and what is not built in.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::missing_safety_doc
)]

mod common;
mod files;
mod host;
mod keys;
#[cfg(feature = "redis")]
#[path = "../redis_server/mod.rs"]
mod redis_server;
mod rules;
mod stores;
