//! PDFs that are signed through the API: by pyHanko from PyPI, and by the example e-service. pyHanko
//! judges both, and so does `pdfsig` from poppler.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use symbolon_tests::cli::code;
use symbolon_tests::e_service::{EService, Front, Visitor, shown};
use symbolon_tests::pdf;
use symbolon_tests::rig::{PERSON, PIN1, PIN2, Rig};

use crate::client::Flow;
use crate::documents::relying_party;

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

#[test]
#[ignore = "needs pyHanko, pdfsig and Chromium; run by make interop"]
fn s126_what_the_e_service_signed_others_find_in_order() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let e_service = EService::start(&rig, Front::Proxy);
    let visitor = e_service.visitor();
    let page = visitor.submit("/log-in/notification", "country=EE&code=30303039914");
    let id = rig.device.id_of(&shown(&page, "verification-code"));
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    visitor.wait_for("id=\"person\"");

    let by_pyhanko = rig.folder.path().join("by-pyhanko.pdf");
    let mut flow = Flow::begin(signing(&rig, &document, &by_pyhanko));
    let id = rig.device.id_of(&flow.code());
    rig.device.approve(&id, PIN2).must_be(code::DONE);
    flow.result();
    // By hand, by a browser, and one that is signed already, with compressed tables.
    for (name, document, signatures) in [
        ("plain", pdf::blank("An agreement"), 1),
        ("printed", printed(&rig), 1),
        ("signed", std::fs::read(&by_pyhanko).unwrap(), 2),
    ] {
        let signed = rig.folder.path().join(format!("{name}-signed.pdf"));
        std::fs::write(&signed, sign(&rig, &visitor, &document)).unwrap();
        let judged = judged(&rig, &signed);
        let judged = judged["signatures"].as_array().unwrap();
        assert_eq!(judged.len(), signatures, "{name}: {judged:?}");
        for judged in judged {
            for property in ["intact", "valid", "trusted"] {
                assert_eq!(judged[property], true, "{name}: {judged}");
            }
            assert_eq!(judged["signer"], PERSON, "{name}: {judged}");
            assert_eq!(judged["kind"], "/ETSI.CAdES.detached", "{name}: {judged}");
        }
        let last = judged.last().unwrap();
        assert_eq!(last["coverage"], "ENTIRE_FILE", "{name}: {last}");
        let found = pdfsig(&signed);
        let valid = found.matches("Signature is Valid.").count();
        assert_eq!(valid, signatures, "{name}: {found}");
    }
}

/// Has the e-service sign a document.
fn sign(rig: &Rig, visitor: &Visitor, document: &[u8]) -> Vec<u8> {
    let page = visitor.upload("/sign/pdf", "agreement.pdf", document, "");
    let id = rig.device.id_of(&shown(&page, "verification-code"));
    rig.device.approve(&id, PIN2).must_be(code::DONE);
    visitor.wait_for("id=\"sign-pdf\"");
    visitor.get("/signed/document.pdf").body
}

/// What Chromium makes of a page.
fn printed(rig: &Rig) -> Vec<u8> {
    let folder = rig.folder.sub("printed");
    let (page, pdf) = (folder.join("page.html"), folder.join("page.pdf"));
    std::fs::write(
        &page,
        "<h1>An agreement</h1><p><a href=\"https://example.org\">x</a>",
    )
    .unwrap();
    let output = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
        .arg(format!("--user-data-dir={}", folder.display()))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(format!("file://{}", page.display()))
        .output();
    let output = output.unwrap_or_else(|error| panic!("chromium: {error}; `make interop`"));
    std::fs::read(&pdf).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// What pyHanko says of the signatures in a file.
fn judged(rig: &Rig, file: &Path) -> Value {
    let mut command = relying_party(rig, "pyhanko", "judge_pdf.py");
    command.arg(file);
    Flow::begin(command).result()
}

fn signing(rig: &Rig, document: &str, signed: &Path) -> Command {
    let mut command = relying_party(rig, "pyhanko", "sign_pdf.py");
    command.arg(document).arg(signed);
    command
}

fn pdfsig(file: &Path) -> String {
    let output = Command::new("pdfsig").arg(file).output();
    let output = output.unwrap_or_else(|error| panic!("pdfsig: {error}; `make interop`"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
