//! The `[hsm]` section of the configuration.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::Deserialize;

/// Which token holds the service's keys. No part of it has a default that could pick a wrong one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HsmConfig {
    /// The PKCS#11 module, e.g. `/usr/lib/softhsm/libsofthsm2.so`.
    pub module: PathBuf,
    /// The token's label or serial number.
    pub token: String,
    /// A file with the token's PIN, readable by the service alone. The systemd credential
    /// `hsm-pin` goes before it.
    pub pin_file: Option<PathBuf>,
    /// Threads that use the token, each with a session. Default: one for each core.
    pub threads: Option<NonZeroUsize>,
    /// Requests that may wait for the token before more are refused. Default: 1024.
    pub waiting: Option<NonZeroUsize>,
}
