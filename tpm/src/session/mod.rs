//! The sessions of an approval, with a cryptography of our own.
//!
//! tpm2-tss makes a new OpenSSL library context for every hash, HMAC and cipher of a session: more
//! than the TPM itself needs for its part (`docs/decisions/0009`). So what happens
//! around a PIN is computed here and sent as octets over the same connection; all that is not
//! urgent goes through [`crate::esys`].
//!
//! * `cryptography`: KDFa, KDFe, session HMACs, parameter encryption. Pure.
//! * `octets`: commands and responses as they travel. Pure.
//! * `hmac_session`: a session's keys and nonces from command to command. Pure.
//! * `commands`: the six commands of an approval.

mod commands;
mod cryptography;
mod hmac_session;
mod octets;

pub(crate) use commands::{LoadedKey, PolicySession, SecretSession};
