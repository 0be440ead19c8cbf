//! The device: daemon and command line.
