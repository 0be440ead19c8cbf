//! A service's configuration in a test's own folder.

use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;

use symbolon_service::certificates::{CertificatesConfig, chain};
use symbolon_service::keys::{HsmConfig, ServiceKeys};

use crate::softhsm::{LABEL, PIN, TokenHouse};

/// The `[hsm]` section for the test's token.
pub(crate) fn hsm(house: &TokenHouse) -> HsmConfig {
    let pin_file = house.folder().join("pin");
    std::fs::write(&pin_file, format!("{PIN}\n")).unwrap();
    std::fs::set_permissions(&pin_file, std::fs::Permissions::from_mode(0o600)).unwrap();
    toml::from_str(&format!(
        "module = '{}'\ntoken = '{LABEL}'\npin_file = '{}'\nthreads = 2\n",
        house.module().display(),
        pin_file.display()
    ))
    .unwrap()
}

/// The `[certificates]` section, with everything that may stand in it.
pub(crate) fn certificates(house: &TokenHouse) -> CertificatesConfig {
    toml::from_str(&format!(
        "directory = '{}'\n\
         profile = 'smart-id-compatible'\n\
         issuer_url = 'http://ca.example/issuing.cer'\n\
         ocsp_url = 'http://ca.example/ocsp'\n\
         crl_url = 'http://ca.example/issuing.crl'\n\
         statement_url = 'https://ca.example/cps'\n\
         disclosure_url = 'https://ca.example/pds'\n\
         organisation_identifier = 'NTREE-12345678'\n\
         server_names = ['127.0.0.1']\n",
        house.folder().join("certificates").display()
    ))
    .unwrap()
}

/// The same behind the obstinate module, with the shortest deadline that can be configured.
#[allow(dead_code, reason = "each test program uses some of this module")]
pub(crate) fn obstinate_hsm(house: &TokenHouse) -> HsmConfig {
    let mut config = hsm(house);
    config.address.module = house.obstinate_module();
    config.deadline_seconds = Some(NonZeroU32::MIN);
    config
}

/// Keys and certificates as `init` leaves them.
pub(crate) async fn initialised(house: &TokenHouse) -> (ServiceKeys, CertificatesConfig) {
    initialised_on(house, &hsm(house)).await
}

/// The same on a token that is reached otherwise.
pub(crate) async fn initialised_on(
    house: &TokenHouse,
    hsm: &HsmConfig,
) -> (ServiceKeys, CertificatesConfig) {
    let (keys, _) = ServiceKeys::make(hsm).unwrap();
    let config = certificates(house);
    chain::make(&config, &keys, "localhost").await.unwrap();
    (keys, config)
}

/// Runs on a runtime like the service's own.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
