//! An ASiC-E container that is signed through the API: made by libdigidocpp, judged by itself and by
//! signxml, both from PyPI. Lists of trusted services and time stamps come from a country of our own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use symbolon_tests::cli::code;
use symbolon_tests::raw_tls::ClientKey;
use symbolon_tests::rig::{PIN2, Rig};

use crate::client::Flow;
use crate::documents::{program, relying_party};

#[test]
#[ignore = "needs pydigidoc and signxml; run by make interop"]
fn s127_a_container_is_signed_and_others_find_it_in_order() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let trust = rig.service.folder().trust();
    let country = Country::trusting(&rig, "country", &trust.issuing);
    let container = country.sign(&document);
    let judged = country.confirmation(&container).result();
    assert_eq!(judged["profile"], "BES/time-stamp", "{judged}");
    assert_eq!(judged["signer"], "MAASIKAS,MARI", "{judged}");
    for time in ["signed", "good"] {
        assert!(judged[time].as_str().unwrap().ends_with('Z'), "{judged}");
    }
    // Where the list names another authority, ours is nobody.
    let other = ClientKey::make(&country.folder);
    let abroad = Country::trusting(&rig, "abroad", other.certificate());
    let refused = abroad.confirmation(&container).error();
    assert!(
        refused.contains("unable to get local issuer certificate"),
        "{refused}"
    );

    let authorities = country.folder.join("authorities.pem");
    let both = [&trust.root, &trust.issuing].map(|file| std::fs::read(file).unwrap());
    std::fs::write(&authorities, both.concat()).unwrap();
    let judged = judging(&container, &authorities).result();
    let files = json!(["agreement.txt"]);
    assert_eq!(judged["files"], files, "{judged}");
    assert_eq!(judged["covered"], files, "{judged}");
    assert_eq!(judged["first"], "mimetype", "{judged}");
    assert_eq!(
        judged["type"], "application/vnd.etsi.asic-e+zip",
        "{judged}"
    );
    // And not under somebody else.
    let refused = judging(&container, other.certificate()).error();
    assert!(refused.contains("InvalidCertificate"), "{refused}");
}

#[test]
#[ignore = "needs pydigidoc and signxml; run by make interop"]
fn s196_a_container_is_not_confirmed_when_the_account_was_closed() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let trust = rig.service.folder().trust();
    let country = Country::trusting(&rig, "country", &trust.issuing);
    let container = country.sign(&document);
    rig.service.folder().must(&["account", "close", &document]);
    let refused = country.confirmation(&container).error();
    assert!(refused.contains("revoked"), "{refused}");
}

/// Whom people there trust, until it is dropped.
struct Country<'a> {
    rig: &'a Rig,
    folder: PathBuf,
    trusted: Value,
    _serving: Flow,
}

impl<'a> Country<'a> {
    /// One where this authority issues what is qualified.
    fn trusting(rig: &'a Rig, name: &str, issuing: &Path) -> Self {
        let folder = rig.folder.sub(name);
        let mut command = program("signxml", "trust_list.py");
        command.arg(&folder).env("TRUSTED_ISSUING", issuing);
        let mut serving = Flow::begin(command);
        let trusted = serving.told()["ok"].clone();
        Self {
            rig,
            folder,
            trusted,
            _serving: serving,
        }
    }

    /// A container with a file, signed.
    fn sign(&self, document: &str) -> PathBuf {
        let [file, container] = ["agreement.txt", "signed.asice"].map(|it| self.folder.join(it));
        std::fs::write(&file, "I lend my bicycle to Juhan until Sunday.\n").unwrap();
        let mut command = self.digidoc("sign_asic.py");
        command.arg(document).arg(&file).arg(&container);
        command.arg(self.folder.join("signing"));
        let mut flow = Flow::begin(command);
        let id = self.rig.device.id_of(&flow.code());
        self.rig.device.approve(&id, PIN2).must_be(code::DONE);
        flow.result();
        container
    }

    fn confirmation(&self, container: &Path) -> Flow {
        let mut command = self.digidoc("confirm_asic.py");
        command.arg(container).arg(self.folder.join("confirming"));
        Flow::begin(command)
    }

    fn digidoc(&self, name: &str) -> Command {
        let mut command = relying_party(self.rig, "pydigidoc", name);
        let responder = format!("http://{}/ocsp", self.rig.service.relying_party_address());
        command
            .env("TRUST_LIST", self.trusted.to_string())
            .env("OCSP_URL", responder)
            .env("HOME", &self.folder);
        command
    }
}

fn judging(container: &Path, authorities: &Path) -> Flow {
    let mut command = program("signxml", "judge_asic.py");
    command
        .arg(container)
        .env("TRUSTED_AUTHORITIES", authorities);
    Flow::begin(command)
}
