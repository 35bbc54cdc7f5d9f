//! Receipts, their proofs, audits (receipts.md), in the folder `receipts`.

mod audits;
mod bodies;
mod checks;
mod proofs;
mod scene;

/// Path without `.json`, and text.
pub fn files() -> Vec<(String, String)> {
    let groups = [checks::vectors(), bodies::vectors(), proofs::vectors(), audits::vectors()];
    groups.into_iter().flatten().map(|vector| (vector.name.clone(), vector.file())).collect()
}
