use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::*;

const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const BASE: &str = "https://sid.demo.sk.ee/device-link";
const INTERACTIONS: &str =
    "W3sidHlwZSI6ImRpc3BsYXlUZXh0QW5kUElOIiwiZGlzcGxheVRleHQ2MCI6IkxvZyBpbiB0byBkZW1vIn1d";

fn secret() -> Vec<u8> {
    STANDARD.decode(SECRET).unwrap()
}

fn qr() -> String {
    format!(
        "{BASE}?deviceLinkType=QR&elapsedSeconds=1&sessionToken=abcDEF123456abcDEF123456\
         &sessionType=auth&version=1.0&lang=eng"
    )
}

fn same_device(session_type: &str) -> String {
    format!(
        "{BASE}?deviceLinkType=Web2App&sessionToken=abcDEF123456abcDEF123456\
         &sessionType={session_type}&version=1.0&lang=eng"
    )
}

fn login(challenge: &str) -> AuthCodeInput<'_> {
    AuthCodeInput {
        scheme_name: "smart-id-demo",
        signature_protocol: "ACSP_V2",
        challenge,
        relying_party_name: "DEMO",
        brokered_relying_party_name: None,
        interactions: INTERACTIONS,
        initial_callback_url: None,
    }
}

// Computed with Python's hmac from the rules of SK's documentation.
#[test]
fn authentication_codes() {
    let challenge = STANDARD.encode((0..64).collect::<Vec<u8>>());
    assert_eq!(
        login(&challenge).auth_code(&qr(), &secret()),
        "LE5RbcucUckgsilBPcnqdBuWErfmfXrJr36bzcXjsJc"
    );
    let digest = STANDARD.encode(Sha256::digest("hello"));
    let signature = AuthCodeInput {
        signature_protocol: "RAW_DIGEST_SIGNATURE",
        initial_callback_url: Some("https://rp.example.com/cb"),
        ..login(&digest)
    };
    assert_eq!(
        signature.auth_code(&same_device("sign"), &secret()),
        "pvPJSN2wJceY7W0mpDmUDKtU_DICoYQm5tuO3DNFQGU"
    );
    let choice = AuthCodeInput {
        signature_protocol: "",
        challenge: "",
        interactions: "",
        ..signature
    };
    assert_eq!(
        choice.auth_code(&same_device("cert"), &secret()),
        "LGvb4a1-XV-7UiQIBa-QiVkTutjmLzTy75MfyNZ-YoI"
    );
}

#[test]
fn a_link_is_genuine_only_as_it_was_sealed() {
    let challenge = STANDARD.encode([7; 32]);
    let input = login(&challenge);
    let sealed = format!("{}&authCode={}", qr(), input.auth_code(&qr(), &secret()));
    let link = DeviceLink::parse(&sealed).unwrap();
    assert_eq!(link.kind, LinkKind::Qr { elapsed_seconds: 1 });
    assert_eq!(link.session_type, SessionType::Authentication);
    assert_eq!(link.session_token, "abcDEF123456abcDEF123456");
    assert!(link.is_genuine(&input, &secret()));

    let later = sealed.replace("elapsedSeconds=1", "elapsedSeconds=2");
    assert!(
        !DeviceLink::parse(&later)
            .unwrap()
            .is_genuine(&input, &secret())
    );
    assert!(!link.is_genuine(&input, &[0; 32]));
    let renamed = AuthCodeInput {
        relying_party_name: "OTHER",
        ..input
    };
    assert!(!link.is_genuine(&renamed, &secret()));
}

#[test]
fn there_is_one_way_to_write_a_link() {
    let code = "&authCode=LE5RbcucUckgsilBPcnqdBuWErfmfXrJr36bzcXjsJc";
    assert!(DeviceLink::parse(&(qr() + code)).is_ok());
    for broken in [
        qr(),
        qr().replace("QR", "qr") + code,
        qr().replace("&elapsedSeconds=1", "") + code,
        qr().replace("elapsedSeconds=1", "elapsedSeconds=-1") + code,
        qr().replace("elapsedSeconds=1", "elapsedSeconds=+1") + code,
        qr().replace("elapsedSeconds=1", "elapsedSeconds=99999999999") + code,
        qr().replace("&version=1.0&lang=eng", "&lang=eng&version=1.0") + code,
        qr().replace("version=1.0", "version=2.0") + code,
        qr().replace("lang=eng", "lang=en") + code,
        qr().replace("auth&", "login&") + code,
        qr().replace("abcDEF", "abc%20") + code,
        qr().replace("abcDEF123456abcDEF123456", "short") + code,
        qr() + "&more=1" + code,
        qr().replace(BASE, "") + code,
        same_device("auth").replace("&session", "&elapsedSeconds=1&session") + code,
        "x".repeat(MAX_LENGTH + 1),
    ] {
        assert!(DeviceLink::parse(&broken).is_err(), "{broken}");
    }
}

// SK's demo environment (RP API 3.2): a real pair of secret and digest.
#[test]
fn callbacks() {
    let secret = STANDARD.decode("Mu5+ikvpWvtQ68d6aVbq2LO8").unwrap();
    let digest = session_secret_digest(&secret);
    assert_eq!(digest, "NW4wcCrORRaa0npPmDDNfRAxMQ6CFdRLI8-pSGfdRl4");
    assert_eq!(
        callback_url("https://rp.example.com/cb?value=1", &digest, Some("ver")),
        format!(
            "https://rp.example.com/cb?value=1&sessionSecretDigest={digest}&userChallengeVerifier=ver"
        )
    );
    assert_eq!(
        callback_url("https://rp.example.com/cb", &digest, None),
        format!("https://rp.example.com/cb?sessionSecretDigest={digest}")
    );
}
