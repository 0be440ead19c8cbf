//! Empty. `cargo build --package kryoptic` in this folder builds a package that this one names.
