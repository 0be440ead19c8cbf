//! `smart-id-rust-client` 0.1.4 from crates.io, which speaks version 2.

use symbolon_tests::cli::code;
use symbolon_tests::eventually::{SOON, eventually};
use symbolon_tests::openssl;
use symbolon_tests::relying_party::Algorithm;
use symbolon_tests::rig::{PERSON, PIN1, PIN2, Rig};

use crate::client::{begin_v2, octets};

#[test]
#[ignore = "needs the client's program; run by make interop"]
fn the_rust_client_of_version_2_logs_in_and_signs() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    for (flow, identifier, pin) in [
        ("authentication", document.as_str(), PIN1),
        ("authentication-of-person", PERSON, PIN1),
        ("signature", document.as_str(), PIN2),
        ("signature-of-person", PERSON, PIN2),
    ] {
        let mut begun = begin_v2(&rig, flow, identifier);
        // The client's code and the device's, each from the hash.
        let id = rig.device.id_of(&begun.code());
        rig.device.approve(&id, pin).must_be(code::DONE);
        let told = begun.result();
        assert_eq!(told["endResult"], "OK", "{flow}");
        assert_eq!(told["documentNumber"], document.as_str());
        assert_eq!(told["interaction"], "displayTextAndPIN");
        assert_eq!(told["algorithm"], "sha512WithRSAEncryption");
        let is_login = pin == PIN1;
        assert_eq!(
            told["isForLogins"], is_login,
            "the client reads the certificate"
        );
        assert_eq!(told["isForSignatures"], !is_login);
        // This client leaves the signature itself unchecked.
        let certificate = octets(&told, "certificate");
        let (data, signature) = (octets(&told, "data"), octets(&told, "signature"));
        let algorithm = Algorithm::Pkcs1(512);
        openssl::verify_signature(&certificate, algorithm, &data, &signature).unwrap();
        openssl::verify_chain(&rig.service.folder().trust(), &certificate).unwrap();
    }
}

#[test]
#[ignore = "needs the client's program; run by make interop"]
fn the_rust_client_of_version_2_gets_the_certificate_that_its_person_lets_it_know() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let announced = rig.relying_party.certificate(&document).must_be(200);
    for (flow, identifier) in [
        ("certificate", document.as_str()),
        ("certificate-of-person", PERSON),
    ] {
        let choice = begin_v2(&rig, flow, identifier);
        let id = eventually("the choice", SOON, || {
            let pending = rig.device.pending();
            Some(pending.first()?["id"].as_str()?.to_owned())
        });
        let consent = ["approve", &id, "--consent"];
        rig.device.cli.json(&consent, &[]).must_be(code::DONE);
        let told = choice.result();
        assert_eq!(told["endResult"], "OK");
        assert_eq!(told["documentNumber"], document.as_str());
        assert_eq!(told["certificate"], announced["cert"]["value"]);
    }
}

#[test]
#[ignore = "needs the client's program; run by make interop"]
fn the_rust_client_of_version_2_understands_refusals() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let mut login = begin_v2(&rig, "authentication", &document);
    let id = rig.device.id_of(&login.code());
    rig.device.refuse(&id).must_be(code::DONE);
    assert_eq!(
        login.result()["endResult"],
        "USER_REFUSED_DISPLAYTEXTANDPIN"
    );

    let mut nobody = begin_v2(&rig, "signature", "PNOEE-50001029996-ABCD-Q");
    nobody.code();
    let error = nobody.error();
    assert!(
        error.contains(r#"{"code":404,"message":"Not Found"}"#),
        "{error}"
    );
}
