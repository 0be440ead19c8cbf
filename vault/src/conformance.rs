//! The suite that every backend runs: what a person relies on, whatever holds the share.
