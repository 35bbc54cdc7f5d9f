//! What both benchmarks share: fixed people and contents, the floor, and the pairs that are measured.

pub(crate) mod clock;
pub(crate) mod fixture;
pub(crate) mod floor;
pub(crate) mod floor_open;
pub(crate) mod pairs;
