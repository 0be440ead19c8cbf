//! The certificate authority: root, issuing authority, and the certificates below it.
//!
//! root (P-384, signs itself) -> issuing authority (P-384, path length 0) -> two certificates for
//! each account, and the service's own TLS certificate. Both authorities' keys are on the token.
//!
//! * [`CertificatesConfig`], [`Profile`]: names, addresses and object identifiers.
//! * [`CertificateAuthority`]: issues account certificates.
//! * [`chain`]: the files that `init` makes.
//! * [`status`]: OCSP, revocation lists and the authorities' certificates, for everybody.
//!
//! What one certificate says is put together by `x509-cert`'s types and encoded here, because its
//! builder wants a signer in this process, and ours is a token that is asked asynchronously. One
//! method makes all key identifiers ([`key_identifier`]).

mod account;
mod authority;
pub mod chain;
mod config;
mod error;
mod extensions;
mod files;
mod issue;
pub mod key_identifier;
mod names;
mod profile;
mod public_keys;
mod qualified;
mod server;
pub mod status;

pub use account::AccountCertificateRequest;
pub use authority::{CertificateAuthority, IssuedCertificate};
pub use config::CertificatesConfig;
pub use error::CertificatesError;
pub use profile::Profile;
