//! Who this device is to a service: a TLS client certificate over a key that never leaves the
//! hardware.
//!
//! * `certificate`: the self-signed certificate, made once per account.
//! * `tls`: the TLS client that asks the vault for each handshake's signature.

mod certificate;
mod tls;

#[cfg(test)]
pub(crate) use certificate::contents;
pub use certificate::{CertificateError, self_signed};
pub use tls::{TlsSetupError, client_config};
