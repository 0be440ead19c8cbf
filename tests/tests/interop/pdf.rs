//! A PDF that is signed through the API: pyHanko from PyPI makes and judges it, and so does
//! `pdfsig` from poppler.

use std::path::Path;
use std::process::Command;

use symbolon_tests::cli::code;
use symbolon_tests::rig::{PERSON, PIN2, Rig};
use symbolon_tests::service::RELYING_PARTY;

use crate::client::Flow;

#[test]
#[ignore = "needs pyHanko and pdfsig; run by make interop"]
fn a_pdf_is_signed_and_others_find_it_in_order() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let signed = rig.folder.path().join("signed.pdf");
    let mut flow = Flow::begin(signing(&rig, &document, &signed));
    let id = rig.device.id_of(&flow.code());
    rig.device.approve(&id, PIN2).must_be(code::DONE);
    let judged = flow.result();
    for property in ["intact", "valid", "trusted"] {
        assert_eq!(judged[property], true, "{judged}");
    }
    assert_eq!(judged["coverage"], "ENTIRE_FILE", "{judged}");
    assert_eq!(judged["signer"], PERSON, "{judged}");

    let found = pdfsig(&signed);
    assert!(found.contains("Signature is Valid."), "{found}");
    assert!(found.contains("Total document signed"), "{found}");
    // And is not valid any more when a letter of what was signed is another.
    let mut octets = std::fs::read(&signed).unwrap();
    let text = b"An agreement";
    let at = octets.windows(text.len()).position(|part| part == text);
    octets[at.expect("the text stands in the file")] = b'N';
    std::fs::write(&signed, octets).unwrap();
    let found = pdfsig(&signed);
    assert!(!found.contains("Signature is Valid."), "{found}");
}

fn signing(rig: &Rig, document: &str, signed: &Path) -> Command {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let trust = rig.service.folder().trust();
    let mut command = Command::new(top.join("target/interop/pyhanko/bin/python"));
    command
        .arg(top.join("interop/pdf/sign.py"))
        .arg(document)
        .arg(signed)
        .env(
            "BASE_URL",
            format!("http://{}/v3", rig.service.relying_party_address()),
        )
        .env("RELYING_PARTY_UUID", RELYING_PARTY.0)
        .env("RELYING_PARTY_NAME", RELYING_PARTY.1)
        .env("TRUSTED_ROOT", trust.root)
        .env("TRUSTED_ISSUING", trust.issuing);
    command
}

fn pdfsig(file: &Path) -> String {
    let output = Command::new("pdfsig").arg(file).output();
    let output = output.unwrap_or_else(|error| panic!("pdfsig: {error}; `make interop`"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
