//! The client's flows, each to its end.

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

use crate::confirmation;

/// Where a browser would be led back to.
const CALLBACK: &str = "https://rp.example.com/callback?value=RrKjjT4aggzu27YBddX1bQ";

/// What the signature flows sign. The client hashes what it calls the digest, so it is given this.
const DOCUMENT: &[u8] = b"A contract.\n";

/// Whom a flow is for.
pub(crate) enum Whom {
    Anybody,
    Person(String),
    Account(String),
}

/// A client, and what it was made of.
pub(crate) struct Flows {
    pub(crate) client: SmartIdClient,
    pub(crate) configuration: SmartIDConfig,
}

impl Flows {
    pub(crate) async fn log_in(&self, whom: Whom, asks: Vec<Interaction>) -> Result<Value> {
        let request = AuthenticationNotificationRequest::new(
            &self.configuration,
            asks,
            SignatureAlgorithm::RsassaPss,
            AuthenticationCertificateLevel::QUALIFIED,
            HashingAlgorithm::sha_512,
        )?;
        let client = &self.client;
        let code = match whom {
            Whom::Account(account) => {
                client
                    .start_authentication_notification_document_session(request, account)
                    .await?
            }
            Whom::Person(person) => {
                client
                    .start_authentication_notification_etsi_session(request, person)
                    .await?
            }
            Whom::Anybody => unreachable!("somebody is notified"),
        };
        show(&code);
        self.logged_in().await
    }

    pub(crate) async fn log_in_by_link(&self, whom: Whom, kind: DeviceLinkType) -> Result<Value> {
        let request = AuthenticationDeviceLinkRequest::new(
            &self.configuration,
            confirmation(),
            SignatureAlgorithm::RsassaPss,
            AuthenticationCertificateLevel::QUALIFIED,
            callback_of(&kind),
            HashingAlgorithm::sha_512,
        )?;
        let client = &self.client;
        match whom {
            Whom::Anybody => {
                client
                    .start_authentication_device_link_anonymous_session(request)
                    .await?
            }
            Whom::Person(person) => {
                client
                    .start_authentication_device_link_etsi_session(request, person)
                    .await?
            }
            Whom::Account(account) => {
                client
                    .start_authentication_device_link_document_session(request, account)
                    .await?
            }
        }
        show_link(&client.generate_device_link(kind, "eng")?);
        let mut told = self.logged_in().await?;
        // The client leaves the way back to its caller.
        if let SessionConfig::AuthenticationDeviceLink { session_secret, .. } =
            client.get_session()?
        {
            told["sessionSecret"] = session_secret.into();
        }
        Ok(told)
    }

    /// Waits in another client, as a server does that keeps sessions elsewhere between requests, and
    /// tells whom that one found in the certificate.
    async fn logged_in(&self) -> Result<Value> {
        let trusted = |name| vec![std::env::var(name).unwrap_or_default()];
        let client = SmartIdClient::from_session(
            &self.configuration,
            self.client.get_session()?,
            None,
            trusted("TRUSTED_ROOT"),
            trusted("TRUSTED_ISSUING"),
        );
        let mut told = result(client.get_session_status().await?);
        if let Some(identity) = client.get_user_identity()? {
            told["identity"] = json!([
                identity.given_name,
                identity.surname,
                identity.identity_code
            ]);
        }
        Ok(told)
    }

    pub(crate) async fn sign(&self, whom: Whom) -> Result<Value> {
        let request = SignatureNotificationRequest::new(
            &self.configuration,
            confirmation(),
            STANDARD.encode(DOCUMENT),
            SignatureAlgorithm::RsassaPss,
            HashingAlgorithm::sha_512,
        )?;
        let client = &self.client;
        let code = match whom {
            Whom::Account(account) => {
                client
                    .start_signature_notification_document_session(request, account)
                    .await?
            }
            Whom::Person(person) => {
                client
                    .start_signature_notification_etsi_session(request, person)
                    .await?
            }
            Whom::Anybody => unreachable!("somebody is notified"),
        };
        show(&code);
        self.signed().await
    }

    pub(crate) async fn sign_by_link(&self, whom: Whom, kind: DeviceLinkType) -> Result<Value> {
        let request = SignatureDeviceLinkRequest::new(
            &self.configuration,
            confirmation(),
            STANDARD.encode(DOCUMENT),
            SignatureAlgorithm::RsassaPss,
            HashingAlgorithm::sha_512,
            callback_of(&kind),
        )?;
        let client = &self.client;
        match whom {
            Whom::Account(account) => {
                client
                    .start_signature_device_link_document_session(request, account)
                    .await?
            }
            Whom::Person(person) => {
                client
                    .start_signature_device_link_etsi_session(request, person)
                    .await?
            }
            Whom::Anybody => unreachable!("there is no signature by anybody"),
        }
        show_link(&client.generate_device_link(kind, "eng")?);
        self.signed().await
    }

    async fn signed(&self) -> Result<Value> {
        let mut told = result(self.client.get_session_status().await?);
        told["document"] = STANDARD.encode(DOCUMENT).into();
        Ok(told)
    }

    pub(crate) async fn choose(&self, whom: Whom) -> Result<Value> {
        let Whom::Person(person) = whom else {
            unreachable!("a certificate choice by notification names a person");
        };
        let request = CertificateChoiceNotificationRequest::new(&self.configuration);
        self.client
            .start_certificate_choice_notification_etsi_session(request, person)
            .await?;
        Ok(result(self.client.get_session_status().await?))
    }

    pub(crate) async fn choose_by_link(&self, kind: DeviceLinkType) -> Result<Value> {
        let mut request = CertificateChoiceDeviceLinkRequest::new(&self.configuration);
        request.initial_callback_url = callback_of(&kind);
        self.client
            .start_certificate_choice_anonymous_session(request)
            .await?;
        show_link(&self.client.generate_device_link(kind, "eng")?);
        Ok(result(self.client.get_session_status().await?))
    }

    pub(crate) async fn choose_and_sign(&self) -> Result<Value> {
        let chosen = self.choose_by_link(DeviceLinkType::QR).await?;
        let choice = self.client.get_session()?.session_id().clone();
        let request = SignatureNotificationLinkedRequest::new(
            &self.configuration,
            confirmation(),
            STANDARD.encode(DOCUMENT),
            SignatureAlgorithm::RsassaPss,
            choice,
            HashingAlgorithm::sha_512,
        )?;
        let account = chosen["documentNumber"].as_str().unwrap_or_default();
        self.client
            .start_signature_notification_document_linked_session(request, account.into())
            .await?;
        let mut told = self.signed().await?;
        told["chosen"] = chosen["certificate"].clone();
        Ok(told)
    }

    pub(crate) async fn certificate(&self, account: &str) -> Result<Value> {
        let request = SigningCertificateRequest {
            relying_party_uuid: self.configuration.relying_party_uuid.clone(),
            relying_party_name: self.configuration.relying_party_name.clone(),
            certificate_level: CertificateLevel::QUALIFIED,
        };
        let certificate = self
            .client
            .get_signing_certificate(account.into(), request)
            .await?;
        self.client.verify_certificate(certificate.value.clone())?;
        Ok(json!({ "certificate": certificate.value }))
    }
}

/// With one, the client puts it into the message of a QR code too, where it does not belong.
fn callback_of(kind: &DeviceLinkType) -> Option<String> {
    (*kind != DeviceLinkType::QR).then(|| CALLBACK.into())
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
