//! Scripts: vectors with state (spec/scripts.md), in the folder `scripts`.

mod bounds;
mod challenges;
mod copies;
mod leases;
mod order;
mod script;
mod times;

/// Path without `.json`, and text.
pub fn files() -> Vec<(String, String)> {
    let groups = [
        copies::scripts(),
        leases::scripts(),
        times::scripts(),
        order::scripts(),
        challenges::scripts(),
        bounds::scripts(),
    ];
    groups.iter().flatten().map(|script| (script.file_name(), script.file())).collect()
}
