//! The example e-service: a person at a browser, with a device.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use symbolon_e_service::api::Responder;
use symbolon_e_service::verify::{Certificate, Question, Rejected};
use symbolon_tests::cli::code;
use symbolon_tests::e_service::{BEHIND_PROXY, EService, Front, Visitor, link, shown};
use symbolon_tests::openssl;
use symbolon_tests::pdf;
use symbolon_tests::relying_party::Algorithm;
use symbolon_tests::rig::{PERSON, PIN1, PIN2, Rig};

const CODE: &str = "country=EE&code=30303039914";
const DOCUMENT: &[u8] = b"I lend my bicycle to Juhan until Sunday.\n";

/// A visitor who logged in because a device was asked.
fn logged_in(rig: &Rig, e_service: &EService) -> Visitor {
    let visitor = e_service.visitor();
    let page = visitor.submit("/log-in/notification", CODE);
    let id = rig.device.id_of(&shown(&page, "verification-code"));
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    visitor.wait_for("id=\"person\"");
    visitor
}

#[test]
fn s120_log_in_by_notification() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let mut e_service = EService::start(&rig, Front::Proxy);
    let visitor = e_service.visitor();
    let page = visitor.submit("/log-in/notification", CODE);
    let id = rig.device.id_of(&shown(&page, "verification-code"));
    rig.device.refuse(&id).must_be(code::DONE);
    visitor.wait_for("You refused on your device.");
    // Said once; nobody is logged in.
    assert!(visitor.front().contains("id=\"by-notification\""));

    let page = logged_in(&rig, &e_service).front();
    assert_eq!(shown(&page, "person"), "MARI MAASIKAS");
    assert_eq!(shown(&page, "identifier"), PERSON);
    assert_eq!(shown(&page, "account"), document);
    // Whoever has no account is told what everybody is told.
    let nobody = visitor.submit("/log-in/notification", "country=EE&code=40504040001");
    assert!(nobody.contains("This did not work."), "{nobody}");
    assert!(e_service.process().stop().success());
}

#[test]
fn s121_log_in_by_a_link_on_the_same_machine() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let e_service = EService::start(&rig, Front::Proxy);
    let (visitor, thief) = (e_service.visitor(), e_service.visitor());
    let page = visitor.submit("/log-in/link", "");
    assert!(visitor.get("/qr.svg").body.starts_with(b"<svg"));
    let arguments = ["open", "-", "--no-browser", "--pin-stdin"];
    let handed_over = [&*link(&page, "same-machine"), PIN1];
    let said = rig.device.cli.json(&arguments, &handed_over);
    let said = said.must_be(code::DONE).out;
    let printed: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let callback = printed["url"].as_str().unwrap();
    let path = callback.strip_prefix(BEHIND_PROXY).unwrap();

    // The confirmation alone logs nobody in, nor does the way back in another browser or with
    // another session's digest.
    assert!(visitor.front().contains("id=\"same-machine\""));
    assert_eq!(thief.get(path).status, 303);
    assert!(
        thief
            .front()
            .contains("This browser did not begin that login")
    );
    let digest = path.find("sessionSecretDigest=").unwrap() + "sessionSecretDigest=".len();
    let mut other = path.to_owned();
    other.replace_range(
        digest..=digest,
        if &path[digest..=digest] == "A" {
            "B"
        } else {
            "A"
        },
    );
    assert_eq!(visitor.get(&other).status, 303);
    assert!(
        visitor
            .front()
            .contains("The way back was not the right one.")
    );

    assert_eq!(visitor.get(path).status, 303);
    let page = visitor.wait_for("id=\"person\"");
    assert_eq!(shown(&page, "account"), document);
    // Once.
    assert_eq!(thief.get(path).status, 303);
    assert!(!thief.front().contains("id=\"person\""));
}

#[test]
fn s122_sign_a_file() {
    let Some((rig, _)) = Rig::enrolled() else {
        return;
    };
    let e_service = EService::start(&rig, Front::Proxy);
    let visitor = logged_in(&rig, &e_service);
    for (name, algorithm) in [
        ("pss", Algorithm::Pss("SHA-512")),
        ("pkcs1", Algorithm::Pkcs1(512)),
    ] {
        let page = visitor.upload("/sign/file", "agreement.txt", DOCUMENT, name);
        let id = rig.device.id_of(&shown(&page, "verification-code"));
        rig.device.approve(&id, PIN2).must_be(code::DONE);
        // The flow's page is gone when the signature is there.
        let page = visitor.wait_for("id=\"sign-file\"");
        assert!(page.contains("agreement.txt.sig"), "{page}");
        let pem = visitor.get("/signed/certificate").body;
        let certificate = openssl::der(&pem).unwrap();
        let signature = visitor.get("/signed/signature").body;
        openssl::verify_signature(&certificate, algorithm, DOCUMENT, &signature).unwrap();
    }
}

#[test]
fn s123_other_sites_and_strangers_get_nothing() {
    let Some((rig, _)) = Rig::enrolled() else {
        return;
    };
    let e_service = EService::start(&rig, Front::Proxy);
    let visitor = logged_in(&rig, &e_service);
    let form = "application/x-www-form-urlencoded";
    let forged = visitor.post("/log-out", form, b"", "cross-site");
    assert_eq!(forged.status, 403);
    assert!(visitor.front().contains("id=\"person\""));

    let stranger = e_service.visitor();
    let page = stranger.upload("/sign/file", "agreement.txt", DOCUMENT, "pss");
    assert!(page.contains("Log in first."));
    assert_eq!(stranger.get("/signed/signature").status, 404);
    let page = stranger.submit("/log-in/notification", "country=EE&code=..%2Fdocument%2Fx");
    assert!(page.contains("This is no personal code."));
    // A name is shown as text.
    let page = visitor.upload("/sign/file", "<b>.txt", DOCUMENT, "pss");
    assert!(page.contains("Sign _b_.txt"), "{page}");

    let page = visitor.submit("/log-out", "");
    assert!(page.contains("id=\"by-link\""));
}

#[test]
fn s125_sign_a_pdf() {
    let Some((rig, _)) = Rig::enrolled() else {
        return;
    };
    let e_service = EService::start(&rig, Front::Proxy);
    let visitor = logged_in(&rig, &e_service);
    let trust = rig.service.folder().trust();
    let mut document = pdf::blank("An agreement");
    // What was signed once can be signed again, and stays what it is.
    for _ in 0..2 {
        let page = visitor.upload("/sign/pdf", "agreement.pdf", &document, "");
        let id = rig.device.id_of(&shown(&page, "verification-code"));
        rig.device.approve(&id, PIN2).must_be(code::DONE);
        visitor.wait_for("id=\"document\"");
        let signed = visitor.get("/signed/document.pdf").body;
        assert!(signed.starts_with(&document));
        let (content, container) = pdf::signed_parts(&signed);
        openssl::verify_container(&trust, &content, &container).unwrap();
        let mut another = content.clone();
        another[20] ^= 1;
        openssl::verify_container(&trust, &another, &container).unwrap_err();
        document = signed;
    }
    // Nothing is asked of a device for what cannot be signed.
    let damaged = visitor.upload("/sign/pdf", "half.pdf", &document[..300], "");
    assert!(damaged.contains("Not signed: this is no PDF"), "{damaged}");
    let huge = [document.as_slice(), &vec![b' '; 17 << 20]].concat();
    let huge = visitor.upload("/sign/pdf", "huge.pdf", &huge, "");
    assert!(huge.contains("There was no file, or it is too large."));
    assert!(!huge.contains("id=\"verification-code\""));
}

#[test]
fn s128_a_revoked_certificate_does_not_count_and_neither_does_one_of_which_nobody_tells() {
    let Some((mut rig, document)) = Rig::enrolled() else {
        return;
    };
    let responder = format!("http://{}/ocsp", rig.service.relying_party_address());
    let asking = EService::start_asking(&rig, &responder);
    let visitor = logged_in(&rig, &asking);
    assert_eq!(shown(&visitor.front(), "account"), document);

    // Nobody listens at port 9.
    let unasked = EService::start_asking(&rig, "http://127.0.0.1:9/ocsp");
    let visitor = unasked.visitor();
    let page = visitor.submit("/log-in/notification", CODE);
    let id = rig.device.id_of(&shown(&page, "verification-code"));
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    visitor.wait_for("It could not be found out whether your certificate was revoked");
    assert!(visitor.front().contains("id=\"by-notification\""));

    let trust = rig.service.folder().trust();
    let issuing = std::fs::read(trust.issuing).unwrap();
    let issuing = Certificate::all_in_pem(&issuing).unwrap().remove(0);
    let answer = rig.relying_party.certificate(&document).must_be(200);
    let person = STANDARD.decode(answer["cert"]["value"].as_str().unwrap());
    let person = Certificate::from_der(&person.unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let check = || {
        let question = Question::about(&person, &issuing).unwrap();
        runtime.block_on(Responder::at(&responder).check(&question))
    };
    // The list has the last word where no answer comes.
    let list = responder.replace("/ocsp", "/crl/issuing.crl");
    let check_list = || {
        let question = Question::about(&person, &issuing).unwrap();
        let asked = Responder::at("http://127.0.0.1:9/ocsp").or_list(&list);
        runtime.block_on(asked.check(&question))
    };
    assert_eq!(check(), Ok(()));
    assert_eq!(check_list(), Ok(()));
    let close = ["account", "close", &document];
    rig.service.folder().must(&close);
    assert_eq!(check(), Err(Rejected::Revoked));
    assert_eq!(check_list(), Err(Rejected::Revoked));
    rig.service.process().kill9();
    for told in [check(), check_list()] {
        assert!(matches!(told, Err(Rejected::StatusUnknown(_))), "{told:?}");
    }
}
