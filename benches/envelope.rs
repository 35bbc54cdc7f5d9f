//! Sealing and opening beside their floor, with criterion: `cargo bench --bench envelope`.
//!
//! What the floor is, is said in `common/floor.rs`. For ratios measured turn by turn, see `ratio.rs`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;

fn envelope(criterion: &mut Criterion) {
    for mut pair in common::pairs::all() {
        let mut group = criterion.benchmark_group(&pair.name);
        group.throughput(Throughput::Bytes(pair.bytes as u64));
        group.warm_up_time(Duration::from_millis(500));
        group.measurement_time(Duration::from_secs(3));
        if pair.bytes > 1 << 20 || pair.name.contains("1000") {
            group.sample_size(20);
        }
        group.bench_function("ours", |bencher| bencher.iter_custom(&mut pair.ours));
        group.bench_function("floor", |bencher| bencher.iter_custom(&mut pair.floor));
        group.finish();
    }
}

criterion_group!(benches, envelope);
criterion_main!(benches);
