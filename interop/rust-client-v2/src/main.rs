//! Runs one flow of `smart-id-rust-client` as it was when it spoke version 2, unchanged from
//! crates.io, and prints what came of it.
//!
//! `FLOW IDENTIFIER` as arguments, the client's own variables in the environment. A line of JSON
//! with the verification code that the client computes, if any, then a line with the verdict:
//! `{"ok": …}` or `{"error": "…"}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use smart_id_rust_client as client;
use smart_id_rust_client::common::{HashType, Interaction, SemanticsIdentifier};
use smart_id_rust_client::config::SmartIDConfig;
use smart_id_rust_client::utils::sec_x509::{has_key_extension_auth, has_key_extension_non_rep};

/// What is hashed.
const DATA: &[u8] = b"A contract.\n";

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [flow, identifier] = arguments.as_slice() else {
        eprintln!("usage: symbolon-interop-rust-client-v2 FLOW IDENTIFIER");
        std::process::exit(2);
    };
    let verdict = match run(flow, identifier).await {
        Ok(told) => json!({ "ok": told }),
        Err(error) => json!({ "error": error.to_string() }),
    };
    println!("{verdict}");
}

async fn run(flow: &str, identifier: &str) -> Result<Value, Failure> {
    let configuration = SmartIDConfig::load_from_env()?;
    let person = SemanticsIdentifier {
        identifier: identifier.to_owned(),
    };
    let chosen = match flow {
        "certificate" => Some(
            client::get_certificate_by_document_number(configuration.clone(), identifier).await?,
        ),
        "certificate-of-person" => {
            let choice =
                client::get_certificate_by_semantic_identifier(&configuration, person.clone());
            Some(choice.await?)
        }
        _ => None,
    };
    if let Some(status) = chosen {
        return Ok(json!({
            "endResult": status.result.end_result,
            "documentNumber": status.result.document_number,
            "certificate": status.cert.and_then(|cert| cert.value),
        }));
    }
    let kind = HashType::SHA512;
    let digest = client::sha_digest(DATA.to_vec(), &kind)?;
    let code = client::generate_verification_number(digest.as_ref().to_vec())?;
    println!("{}", json!({ "verificationCode": code }));
    let hash = STANDARD.encode(digest.as_ref());
    let interactions = vec![Interaction::diplay_text_and_pin("Do you agree?")];
    let status = match flow {
        "authentication" => {
            client::authenticate_by_document_number(
                &configuration,
                identifier,
                interactions,
                hash,
                kind,
            )
            .await?
        }
        "authentication-of-person" => {
            client::authenticate_by_semantic_identifier(
                &configuration,
                person,
                interactions,
                hash,
                kind,
            )
            .await?
        }
        "signature" => {
            client::sign_by_document_number(&configuration, identifier, interactions, hash, kind)
                .await?
        }
        "signature-of-person" => {
            client::sign_by_semantic_identifier(&configuration, person, interactions, hash, kind)
                .await?
        }
        other => {
            eprintln!("no flow {other}");
            std::process::exit(2);
        }
    };
    let certificate = status.cert.and_then(|cert| cert.value);
    let (for_logins, for_signatures) = match &certificate {
        Some(certificate) => (
            has_key_extension_auth(certificate).await?,
            has_key_extension_non_rep(certificate).await?,
        ),
        None => (false, false),
    };
    Ok(json!({
        "endResult": status.result.end_result,
        "documentNumber": status.result.document_number,
        "interaction": status.interaction_flow_used,
        "algorithm": status.signature.as_ref().and_then(|signature| signature.algorithm.clone()),
        "signature": status.signature.and_then(|signature| signature.value),
        "certificate": certificate,
        "isForLogins": for_logins,
        "isForSignatures": for_signatures,
        "data": STANDARD.encode(DATA),
    }))
}
