//! Certificate choices: what a consent gives, and that it never is more than that.

use symbolon_protocol::device::Done;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::{
    Confirm, Consent, Consented, Content, RefusalReason, Refuse,
};
use symbolon_protocol::interaction::InteractionType;
use symbolon_service::sessions::EndResult;

use crate::house::{anybody, document, with_service};
use crate::test_device::TestDevice;

#[test]
fn a_consent_gives_the_signing_certificate_and_nothing_else() {
    with_service(
        "consents::a_consent_gives_the_signing_certificate_and_nothing_else",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let second = TestDevice::enrolled(&house, 2).await;
            let choice = house.ask_certificate(anybody()).await;
            let transaction = device.fetch(&house, choice).await.unwrap();
            assert_eq!(transaction.content, Content::CertificateChoice {});

            let pushed = Consented {
                linked_within_seconds: None,
            };
            for _ in 0..2 {
                let consented = house.call(device.fingerprint(), choice, &Consent {}).await;
                assert_eq!(consented.unwrap(), pushed, "a lost answer is given again");
            }
            let late = house.call(second.fingerprint(), choice, &Consent {}).await;
            assert_eq!(late.unwrap_err().code, ProblemCode::AlreadyAnswered);

            let result = house.result(choice).await;
            assert_eq!(result.end_result, EndResult::Ok);
            assert_eq!(
                result.document_number.as_ref(),
                Some(&device.document_number)
            );
            assert_eq!(result.signed, None);
            let chosen = result.chosen.unwrap();
            assert_eq!(chosen.certificate, device.registered.signing.certificate);
            assert_eq!(chosen.device_address.as_deref(), Some("127.0.0.9"));
            let audited = "SELECT COUNT(*) AS n FROM audit WHERE action = 'consented'";
            assert_eq!(house.count(audited).await, 1);
            // The token is as it was.
            let login = house.ask_login(document(&device.document_number)).await;
            device.approve(&house, login).await.unwrap();
        },
    );
}

#[test]
fn what_is_to_be_signed_needs_more_than_a_consent_and_a_choice_takes_no_share() {
    with_service(
        "consents::what_is_to_be_signed_needs_more_than_a_consent_and_a_choice_takes_no_share",
        async |house| {
            let mut device = TestDevice::enrolled(&house, 1).await;
            let signature = house.ask_signature(anybody()).await;
            let consented = house
                .call(device.fingerprint(), signature, &Consent {})
                .await;
            assert_eq!(consented.unwrap_err().code, ProblemCode::Malformed);

            let transaction = device.fetch(&house, signature).await.unwrap();
            let good = device.half(&house, &transaction, 7).await;
            let choice = house.ask_certificate(anybody()).await;
            for share in [good.share.clone(), vec![].into()] {
                let confirm = Confirm {
                    share,
                    ..good.clone()
                };
                let signed = house.call(device.fingerprint(), choice, &confirm).await;
                assert_eq!(signed.unwrap_err().code, ProblemCode::Malformed);
            }
            assert!(house.session(choice).await.is_running());
            device.approve(&house, signature).await.unwrap();
        },
    );
}

#[test]
fn a_refused_choice_ends_for_all_devices_under_a_name_of_its_own() {
    with_service(
        "consents::a_refused_choice_ends_for_all_devices_under_a_name_of_its_own",
        async |house| {
            let device = TestDevice::enrolled(&house, 1).await;
            let second = TestDevice::enrolled(&house, 2).await;
            for (reason, interaction) in [
                (RefusalReason::User, None),
                (
                    RefusalReason::User,
                    Some(InteractionType::ConfirmationMessage),
                ),
                (RefusalReason::NotStarted, None),
            ] {
                let choice = house.ask_certificate(anybody()).await;
                let refuse = Refuse {
                    reason,
                    interaction,
                };
                let refused = house.call(device.fingerprint(), choice, &refuse).await;
                assert_eq!(refused.unwrap(), Done {});
                let result = house.result(choice).await;
                assert_eq!(result.end_result, EndResult::UserRefusedCertChoice);
                assert_eq!(result.interaction, None);
                assert_eq!(result.chosen, None);
                let late = house.call(second.fingerprint(), choice, &Consent {}).await;
                assert_eq!(late.unwrap_err().code, ProblemCode::AlreadyAnswered);
            }
        },
    );
}
