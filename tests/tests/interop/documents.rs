//! Programs of `interop/documents`: other people's libraries, which make and judge signed documents.

use std::path::Path;
use std::process::Command;

use symbolon_tests::rig::Rig;
use symbolon_tests::service::RELYING_PARTY;

/// A program, in the Python of the package that it is about.
pub(crate) fn program(package: &str, program: &str) -> Command {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(top.join(format!("target/interop/{package}/bin/python")));
    command.arg(top.join("interop/documents").join(program));
    command
}

/// One that asks the rig's service for signatures, and trusts its authorities.
pub(crate) fn relying_party(rig: &Rig, package: &str, name: &str) -> Command {
    let address = rig.service.relying_party_address();
    let trust = rig.service.folder().trust();
    let mut command = program(package, name);
    command
        .env("BASE_URL", format!("http://{address}/v3"))
        .env("RELYING_PARTY_UUID", RELYING_PARTY.0)
        .env("RELYING_PARTY_NAME", RELYING_PARTY.1)
        .env("TRUSTED_ROOT", trust.root)
        .env("TRUSTED_ISSUING", trust.issuing);
    command
}
