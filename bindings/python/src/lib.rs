//! Nothing but the C interface of Bulla, as a shared library: the functions that `include/bulla.h` declares are exported because
//! this crate links the one that defines them.

extern crate bulla as _;
