//! Vault on a TPM 2.0.
