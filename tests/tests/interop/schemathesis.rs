//! schemathesis from PyPI: asks the running service everything that its own document permits, and
//! much that it does not, and judges each answer by the document.
//!
//! Each run has so many examples and no time: one that is slow takes longer, and none is cut short.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
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

/// What is asked of each operation in the phases that draw at random.
const EXAMPLES: &str = "15";

/// What no valid body can get by itself: there is no such certificate choice, and nobody is a
/// company's customer here. Sessions are polled in the stateful phase.
const NEVER_DONE: [&str; 3] = ["/linked/", "/private/", "/session/"];

#[test]
#[ignore = "needs schemathesis; run by make interop"]
fn schemathesis_finds_every_answer_of_version_3_as_the_document_says() {
    if let Some(judge) = Judge::of("v3") {
        judge.all();
    }
}

#[test]
#[ignore = "needs schemathesis; run by make interop"]
fn schemathesis_finds_every_answer_of_version_2_as_the_document_says() {
    if let Some(judge) = Judge::of("v2") {
        judge.all();
    }
}

/// schemathesis at a service of its own, asking for one version of the API.
struct Judge {
    version: &'static str,
    folder: Folder,
    service: Service,
}

impl Judge {
    fn of(version: &'static str) -> Option<Self> {
        if !requirements::met() {
            return None;
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
        Some(Self {
            version,
            folder,
            service,
        })
    }

    fn all(&self) {
        self.run(&["Examples", "Coverage"], &[]);
        self.run(&["Fuzzing"], &["--mode", "negative"]);
        self.run(&["Fuzzing"], &["--mode", "positive"]);
        self.must_have_been_done();
        self.run(&["Stateful"], &[]);
    }

    /// These phases over every operation of the version.
    fn run(&self, phases: &[&str], more: &[&str]) {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut command = Command::new(top.join("target/interop/schemathesis/bin/schemathesis"));
        if more.contains(&"positive") {
            command.env(
                "SCHEMATHESIS_HOOKS",
                top.join("interop/schemathesis/hooks.py"),
            );
        }
        let output = command
            .current_dir(self.folder.logs())
            .env("CALLS", self.calls())
            .arg("run")
            .arg(self.document())
            .args(["--include-path-regex", &format!("^/{}/", self.version)])
            .args(["--phases", &phases.join(",").to_lowercase()])
            .args(["--checks", CHECKS, "--max-examples", EXAMPLES])
            .args(["--request-timeout", "130", "--suppress-health-check", "all"])
            .arg("--no-color")
            .args(more)
            .output()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; `make interop`"));
        let told = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}{errors}");
        for phase in phases {
            assert!(
                told.contains(&format!("✅ {phase}")),
                "no {phase} in {told}"
            );
        }
        let operations = self.operations().len();
        assert!(
            told.contains(&format!("Selected: {operations}/")),
            "not all {operations} in {told}"
        );
        // It chooses the ways from one operation to the next by itself, where it follows any.
        if phases != ["Stateful"] {
            assert!(
                told.contains(&format!("Tested: {operations}\n")),
                "not all {operations} in {told}"
            );
        }
    }

    /// What was asked with valid bodies was done, and not only refused as the document says.
    fn must_have_been_done(&self) {
        let calls = std::fs::read_to_string(self.calls()).unwrap();
        let mut answers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (operation, status) in calls.lines().filter_map(|line| line.rsplit_once(' ')) {
            answers.entry(operation).or_default().insert(status);
        }
        for operation in self.operations() {
            let statuses = answers.get(operation.as_str());
            let statuses = statuses.unwrap_or_else(|| panic!("{operation} was not asked"));
            if !NEVER_DONE.iter().any(|path| operation.contains(path)) {
                assert!(statuses.contains("200"), "{operation}: {statuses:?}");
            }
        }
    }

    /// The version's operations by the document, as `POST /v3/…`.
    fn operations(&self) -> BTreeSet<String> {
        let mut answer = ureq::get(self.document()).call().unwrap();
        let document: Value = answer.body_mut().read_json().unwrap();
        let paths = document["paths"].as_object().unwrap().iter();
        let of_version = format!("/{}/", self.version);
        paths
            .filter(|(path, _)| path.starts_with(&of_version))
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect()
    }

    fn document(&self) -> String {
        format!(
            "http://{}/openapi.json",
            self.service.relying_party_address()
        )
    }

    /// Where what was asked is written down.
    fn calls(&self) -> PathBuf {
        self.folder.path().join("calls")
    }
}
