//! Runs one flow of `smart-id-rust-client`, unchanged from crates.io, and prints what came of it.
//!
//! `FLOW DOCUMENT-NUMBER` as arguments, the client's own variables in the environment, and beside
//! them `TRUSTED_ROOT` and `TRUSTED_ISSUING`, Base64 of DER. A line of JSON with the verification
//! code or the device link as soon as there is one, then a line with the verdict: `{"ok": …}` or `{"error": "…"}`.

mod flows;

use serde_json::{Value, json};
use smart_id_rust_client::client::smart_id_client::SmartIdClient;
use smart_id_rust_client::config::SmartIDConfig;
use smart_id_rust_client::error::Result;
use smart_id_rust_client::models::device_link::DeviceLinkType;
use smart_id_rust_client::models::interaction::Interaction;

use flows::{Flows, Whom};

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
    let account = Whom::Account(document_number.into());
    // The account's person: the number without its last two parts.
    let person = document_number.rsplitn(3, '-').last().unwrap_or_default();
    let person = Whom::Person(person.into());
    let flows = Flows {
        client,
        configuration,
    };
    match flow {
        "authentication" => flows.log_in(account, confirmation()).await,
        "authentication-of-person" => flows.log_in(person, confirmation()).await,
        "authentication-with-code-choice" => flows.log_in(account, code_choice()).await,
        "link-authentication" => {
            flows
                .log_in_by_link(Whom::Anybody, DeviceLinkType::QR)
                .await
        }
        "link-authentication-of-account" => flows.log_in_by_link(account, DeviceLinkType::QR).await,
        "link-authentication-of-person" => flows.log_in_by_link(person, DeviceLinkType::QR).await,
        "web-authentication" => {
            flows
                .log_in_by_link(Whom::Anybody, DeviceLinkType::Web2App)
                .await
        }
        "app-authentication" => {
            flows
                .log_in_by_link(Whom::Anybody, DeviceLinkType::App2App)
                .await
        }
        "signature" => flows.sign(account).await,
        "signature-of-person" => flows.sign(person).await,
        "link-signature" => flows.sign_by_link(account, DeviceLinkType::QR).await,
        "link-signature-of-person" => flows.sign_by_link(person, DeviceLinkType::QR).await,
        "web-signature" => flows.sign_by_link(account, DeviceLinkType::Web2App).await,
        "app-signature" => flows.sign_by_link(person, DeviceLinkType::App2App).await,
        "certificate-choice" => flows.choose(person).await,
        "web-certificate-choice" => flows.choose_by_link(DeviceLinkType::Web2App).await,
        "linked-signature" => flows.choose_and_sign().await,
        "certificate" => flows.certificate(document_number).await,
        other => {
            eprintln!("no flow {other}");
            std::process::exit(2);
        }
    }
}

/// Not displayTextAndPIN: for that one the client puts `displayTextAndPin` into the payload that it
/// verifies, and refuses every signature.
fn confirmation() -> Vec<Interaction> {
    vec![Interaction::ConfirmationMessage {
        display_text_200: "Do you agree?".into(),
    }]
}

fn code_choice() -> Vec<Interaction> {
    vec![Interaction::ConfirmationMessageAndVerificationCodeChoice {
        display_text_200: "Do you agree?".into(),
    }]
}
