//! Keys, certificates and TLS on a real SoftHSM2 token.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::panic,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

mod account_certificates;
mod chain;
mod configuration;
mod device_tls;
mod hsm_check;
mod keys;
mod openssl;
mod relying_party_check;
#[path = "../../../hsm/tests/softhsm/mod.rs"]
mod softhsm;
