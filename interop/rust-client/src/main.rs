//! Runs one flow of `smart-id-rust-client`, unchanged from crates.io, and prints what came of it.
//!
//! `FLOW DOCUMENT-NUMBER` as arguments, the client's own variables in the environment, and beside
//! them `TRUSTED_ROOT` and `TRUSTED_ISSUING`, Base64 of DER. A line of JSON with the verification
//! code or the device link as soon as there is one, then a line with the verdict: `{"ok": …}` or `{"error": "…"}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use smart_id_rust_client::client::smart_id_client::SmartIdClient;
use smart_id_rust_client::config::SmartIDConfig;
use smart_id_rust_client::error::Result;
use smart_id_rust_client::models::api::authentication_session::{
    AuthenticationCertificateLevel, AuthenticationDeviceLinkRequest,
    AuthenticationNotificationRequest,
};
use smart_id_rust_client::models::api::certificate_choice_session::{
    CertificateChoiceDeviceLinkRequest, CertificateChoiceNotificationRequest,
    SigningCertificateRequest,
};
use smart_id_rust_client::models::api::session_status::SessionStatusResponse;
use smart_id_rust_client::models::api::signature_session::{
    SignatureDeviceLinkRequest, SignatureNotificationLinkedRequest, SignatureNotificationRequest,
};
use smart_id_rust_client::models::common::{CertificateLevel, SessionConfig, VCCode};
use smart_id_rust_client::models::device_link::DeviceLinkType;
use smart_id_rust_client::models::interaction::Interaction;
use smart_id_rust_client::models::signature::{HashingAlgorithm, SignatureAlgorithm};

/// Where a browser would be led back to.
const CALLBACK: &str = "https://rp.example.com/callback?value=RrKjjT4aggzu27YBddX1bQ";

/// What the signature flow signs.
const DOCUMENT: &[u8] = b"A contract.\n";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [flow, document_number] = arguments.as_slice() else {
        eprintln!("usage: symbolon-interop-rust-client FLOW DOCUMENT-NUMBER");
        std::process::exit(2);
    };
    let verdict = match run(flow, document_number).await {
        Ok(told) => json!({ "ok": told }),
        Err(error) => json!({ "error": format!("{error:?}") }),
    };
    println!("{verdict}");
}

async fn run(flow: &str, document_number: &str) -> Result<Value> {
    let configuration = SmartIDConfig::load_from_env()?;
    let trusted = |name| vec![std::env::var(name).unwrap_or_default()];
    let client = SmartIdClient::new(
        &configuration,
        None,
        trusted("TRUSTED_ROOT"),
        trusted("TRUSTED_ISSUING"),
    );
    match flow {
        "authentication" => {
            let request = AuthenticationNotificationRequest::new(
                &configuration,
                interactions(),
                SignatureAlgorithm::RsassaPss,
                AuthenticationCertificateLevel::QUALIFIED,
                HashingAlgorithm::sha_512,
            )?;
            let code = client
                .start_authentication_notification_document_session(request, document_number.into())
                .await?;
            show(&code);
            Ok(result(client.get_session_status().await?))
        }
        "signature" => {
            // The client hashes what it calls the digest, so it is given the document.
            let request = SignatureNotificationRequest::new(
                &configuration,
                interactions(),
                STANDARD.encode(DOCUMENT),
                SignatureAlgorithm::RsassaPss,
                HashingAlgorithm::sha_512,
            )?;
            let code = client
                .start_signature_notification_document_session(request, document_number.into())
                .await?;
            show(&code);
            let mut told = result(client.get_session_status().await?);
            told["document"] = STANDARD.encode(DOCUMENT).into();
            Ok(told)
        }
        "link-authentication" => {
            let request = AuthenticationDeviceLinkRequest::new(
                &configuration,
                interactions(),
                SignatureAlgorithm::RsassaPss,
                AuthenticationCertificateLevel::QUALIFIED,
                None,
                HashingAlgorithm::sha_512,
            )?;
            client
                .start_authentication_device_link_anonymous_session(request)
                .await?;
            show_link(&client.generate_device_link(DeviceLinkType::QR, "eng")?);
            Ok(result(client.get_session_status().await?))
        }
        "web-authentication" => {
            let request = AuthenticationDeviceLinkRequest::new(
                &configuration,
                interactions(),
                SignatureAlgorithm::RsassaPss,
                AuthenticationCertificateLevel::QUALIFIED,
                Some(CALLBACK.into()),
                HashingAlgorithm::sha_512,
            )?;
            client
                .start_authentication_device_link_anonymous_session(request)
                .await?;
            show_link(&client.generate_device_link(DeviceLinkType::Web2App, "eng")?);
            let mut told = result(client.get_session_status().await?);
            // The client leaves the way back to its caller.
            if let SessionConfig::AuthenticationDeviceLink { session_secret, .. } =
                client.get_session()?
            {
                told["sessionSecret"] = session_secret.into();
            }
            Ok(told)
        }
        "link-signature" => {
            let request = SignatureDeviceLinkRequest::new(
                &configuration,
                interactions(),
                STANDARD.encode(DOCUMENT),
                SignatureAlgorithm::RsassaPss,
                HashingAlgorithm::sha_512,
                None,
            )?;
            client
                .start_signature_device_link_document_session(request, document_number.into())
                .await?;
            show_link(&client.generate_device_link(DeviceLinkType::QR, "eng")?);
            let mut told = result(client.get_session_status().await?);
            told["document"] = STANDARD.encode(DOCUMENT).into();
            Ok(told)
        }
        "certificate-choice" => {
            // The account's person: the number without its last two parts.
            let person = document_number.rsplitn(3, '-').last().unwrap_or_default();
            let request = CertificateChoiceNotificationRequest::new(&configuration);
            client
                .start_certificate_choice_notification_etsi_session(request, person.into())
                .await?;
            Ok(result(client.get_session_status().await?))
        }
        "linked-signature" => {
            let request = CertificateChoiceDeviceLinkRequest::new(&configuration);
            client
                .start_certificate_choice_anonymous_session(request)
                .await?;
            let choice = client.get_session()?.session_id().clone();
            show_link(&client.generate_device_link(DeviceLinkType::QR, "eng")?);
            let chosen = result(client.get_session_status().await?);
            let request = SignatureNotificationLinkedRequest::new(
                &configuration,
                interactions(),
                STANDARD.encode(DOCUMENT),
                SignatureAlgorithm::RsassaPss,
                choice,
                HashingAlgorithm::sha_512,
            )?;
            let account = chosen["documentNumber"].as_str().unwrap_or_default();
            client
                .start_signature_notification_document_linked_session(request, account.into())
                .await?;
            let mut told = result(client.get_session_status().await?);
            told["document"] = STANDARD.encode(DOCUMENT).into();
            told["chosen"] = chosen["certificate"].clone();
            Ok(told)
        }
        "certificate" => {
            let request = SigningCertificateRequest {
                relying_party_uuid: configuration.relying_party_uuid.clone(),
                relying_party_name: configuration.relying_party_name.clone(),
                certificate_level: CertificateLevel::QUALIFIED,
            };
            let certificate = client
                .get_signing_certificate(document_number.into(), request)
                .await?;
            client.verify_certificate(certificate.value.clone())?;
            Ok(json!({ "certificate": certificate.value }))
        }
        other => {
            eprintln!("no flow {other}");
            std::process::exit(2);
        }
    }
}

/// Not displayTextAndPIN: for that one the client puts `displayTextAndPin` into the payload that it
/// verifies, and refuses every signature.
fn interactions() -> Vec<Interaction> {
    vec![Interaction::ConfirmationMessage {
        display_text_200: "Do you agree?".into(),
    }]
}

fn show(code: &VCCode) {
    println!("{}", json!({ "verificationCode": code.value }));
}

fn show_link(link: &str) {
    println!("{}", json!({ "deviceLink": link }));
}

fn result(status: SessionStatusResponse) -> Value {
    json!({
        "documentNumber": status.result.and_then(|result| result.document_number),
        "certificate": status.cert.map(|certificate| certificate.value),
        "signature": status.signature.map(|signature| signature.get_value()),
    })
}
