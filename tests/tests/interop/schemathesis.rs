//! schemathesis from PyPI: asks the running service everything that its own document permits, and
//! much that it does not, and judges each answer by the document.

use std::path::Path;
use std::process::Command;

use symbolon_tests::folder::Folder;
use symbolon_tests::requirements;
use symbolon_tests::service::{Options, Service, ServiceFolder};

/// Links that nobody opens end soon, so that polling them does.
const SESSION_LIFETIME_SECONDS: u32 = 2;

/// What is checked of every answer. Left out: that whatever the document permits is accepted (no
/// schema says what must stand in the Base64 of `interactions`), and checks of credentials and of
/// deletion, of which the API has none.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    missing_required_header,unsupported_method,allow_header_conformance";

#[test]
#[ignore = "needs schemathesis; run by make interop"]
fn schemathesis_finds_every_answer_as_the_document_says() {
    if !requirements::met() {
        return;
    }
    let folder = Folder::new("schemathesis");
    let options = Options {
        session_lifetime_seconds: SESSION_LIFETIME_SECONDS,
        more: "\n[demo]\nanswer_after_ms = 0\n".into(),
        ..Options::default()
    };
    let data = ServiceFolder::prepared(&folder.sub("service"), &folder.logs(), &options);
    // The account of the document's examples.
    data.must(&["demo", "init", "--account", "PNOEE-40504040001-DEM0-Q"]);
    let service = Service::start(data, None);

    let program = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/interop/schemathesis/bin/schemathesis");
    let output = Command::new(program)
        .current_dir(folder.logs())
        .arg("run")
        .arg(format!(
            "http://{}/openapi.json",
            service.relying_party_address()
        ))
        .args(["--checks", CHECKS])
        .args(["--max-examples", "10", "--max-time", "240"])
        .args(["--request-timeout", "130", "--suppress-health-check", "all"])
        .arg("--no-color")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{errors}");
    let phases = ["Examples", "Coverage", "Fuzzing", "Stateful"];
    for phase in phases {
        assert!(
            told.contains(&format!("✅ {phase}")),
            "no {phase} in {told}"
        );
    }
}
