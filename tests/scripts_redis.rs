//! The scripts of `spec/vectors/scripts/`, replayed over the guard of a fleet, on a real server: a restart connects anew
//! (spec/scripts.md).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod common;
mod redis_server;
mod replay;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla::ReplayGuard;
use redis_server::{Server, builder};

/// A store of its own on a server that all scripts share.
struct OnServer {
    url: String,
    prefix: String,
    limits: replay::Limits,
}

impl replay::Store for OnServer {
    fn guard(&self) -> Arc<dyn ReplayGuard> {
        let limits = &self.limits;
        let guard = builder(&self.url)
            .prefix(&self.prefix)
            .limits(
                limits.known,
                limits.strangers,
                limits.per_sender,
                limits.per_stranger,
            )
            // The clock of a script has nothing to do with that of the server.
            .max_clock_ahead(u64::MAX)
            .connect()
            .unwrap();
        Arc::new(guard)
    }
}

#[test]
fn every_script_over_the_guard_of_a_fleet() {
    let server = Server::start(&[]);
    let stores = AtomicUsize::new(0);
    let make = |limits: Option<replay::Limits>| -> Box<dyn replay::Store> {
        let limits = limits.unwrap_or(replay::Limits {
            known: 10_000,
            strangers: 1000,
            per_sender: 5000,
            per_stranger: 500,
        });
        Box::new(OnServer {
            url: server.url(),
            prefix: format!("script{}", stores.fetch_add(1, Ordering::SeqCst)),
            limits,
        })
    };
    replay::all(&make, 100);
}
