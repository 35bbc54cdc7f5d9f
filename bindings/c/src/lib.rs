//! The library for C: what `bulla` exports with its feature `capi`, and nothing of its own. It is a package by itself so that it
//! is linked with settings of its own (`[profile.capi]` of the workspace).

extern crate bulla as _;
