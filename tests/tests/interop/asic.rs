//! An ASiC-E container that is signed through the API: made by libdigidocpp, judged by itself and by
//! signxml, both from PyPI.

use std::path::Path;

use serde_json::json;
use symbolon_tests::cli::code;
use symbolon_tests::raw_tls::ClientKey;
use symbolon_tests::rig::{PIN2, Rig};

use crate::client::Flow;
use crate::documents::{program, relying_party};

/// What libdigidocpp has to say of a signature in order: that no list of Europe's names our authority,
/// and that nobody has confirmed the time of a signature of level B-B.
const EXPECTED: [&str; 4] = [
    "Signature validation",
    "Unable to verify signing certificate",
    "unable to get local issuer certificate",
    "QualifyingProperties block 'UnsignedProperties' is missing.",
];

#[test]
#[ignore = "needs pydigidoc and signxml; run by make interop"]
fn s127_a_container_is_signed_and_others_find_it_in_order() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let folder = rig.folder.sub("container");
    let (file, container) = (folder.join("agreement.txt"), folder.join("signed.asice"));
    std::fs::write(&file, "I lend my bicycle to Juhan until Sunday.\n").unwrap();
    let mut command = relying_party(&rig, "pydigidoc", "sign_asic.py");
    command.arg(&document).arg(&file).arg(&container);
    let mut flow = Flow::begin(command);
    let id = rig.device.id_of(&flow.code());
    rig.device.approve(&id, PIN2).must_be(code::DONE);
    let complaints = flow.result()["complaints"].clone();
    for complaint in complaints.as_array().unwrap() {
        let told = complaint.as_str().unwrap();
        assert!(EXPECTED.contains(&told), "{complaints}");
    }

    let trust = rig.service.folder().trust();
    let authorities = folder.join("authorities.pem");
    let both = [trust.root, trust.issuing].map(|file| std::fs::read(file).unwrap());
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
    let stranger = ClientKey::make(&folder);
    let refused = judging(&container, stranger.certificate()).error();
    assert!(refused.contains("InvalidCertificate"), "{refused}");
}

fn judging(container: &Path, authorities: &Path) -> Flow {
    let mut command = program("signxml", "judge_asic.py");
    command
        .arg(container)
        .env("TRUSTED_AUTHORITIES", authorities);
    Flow::begin(command)
}
