//! Transactions for this crate's tests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::transaction::{Content, FlowType, SigningTerms, Transaction};
use symbolon_protocol::encoding::{HashAlgorithm, SignatureAlgorithm};
use symbolon_protocol::identifiers::DocumentNumber;
use symbolon_protocol::split_key::Modulus;
use uuid::Uuid;

use crate::test_keys::KEYS;

pub(crate) fn account() -> DocumentNumber {
    "PNOEE-48010010101-MOCK-Q".parse().unwrap()
}

/// A composite modulus.
pub(crate) fn modulus() -> Modulus {
    let factor = |key: usize| {
        let number = num_bigint::BigUint::parse_bytes(KEYS[key].0.as_bytes(), 16).unwrap();
        Modulus::from_octets(&number.to_bytes_be()).unwrap()
    };
    factor(0).multiply(&factor(2)).unwrap()
}

pub(crate) fn authentication(interactions: &str) -> Transaction {
    transaction(Content::Authentication {
        scheme_name: "smart-id".to_owned(),
        server_random: STANDARD.encode([3; 18]),
        rp_challenge: STANDARD.encode([4; 64]),
        terms: SigningTerms {
            interactions: STANDARD.encode(interactions),
            signature_algorithm: SignatureAlgorithm::Pss(HashAlgorithm::Sha3_512),
        },
    })
}

pub(crate) fn signature(interactions: &str) -> Transaction {
    transaction(Content::Signature {
        digest: Octets(vec![5; 32]),
        verification_code: Some("4821".to_owned()),
        linked_session: None,
        terms: SigningTerms {
            interactions: STANDARD.encode(interactions),
            signature_algorithm: SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha256),
        },
    })
}

pub(crate) fn certificate_choice() -> Transaction {
    transaction(Content::CertificateChoice {})
}

fn transaction(content: Content) -> Transaction {
    Transaction {
        id: Uuid::new_v4(),
        document_number: account(),
        relying_party_name: "DEMO".to_owned(),
        brokered_relying_party_name: None,
        content,
        flow_type: FlowType::Notification,
        initial_callback_url: None,
        created_at: 1_700_000_000,
        expires_in_seconds: 120,
    }
}
