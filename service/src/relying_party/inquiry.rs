//! From a permitted request to what is asked of a person.

use symbolon_protocol::device::transaction::SigningTerms;

use super::registry::RelyingParty;
use super::request::{ChoiceRequest, OpeningRequest, RequestedContent};
use crate::sessions::{Asked, Inquiry};

/// What `party` asks.
pub(super) fn of(party: &RelyingParty, request: OpeningRequest) -> Inquiry {
    let terms = SigningTerms {
        interactions: request.interactions,
        signature_algorithm: request.algorithm,
    };
    Inquiry {
        relying_party: party.uuid,
        relying_party_name: request.claim.name,
        brokered_relying_party_name: None,
        level: request.level.certificate_level(),
        asked: match request.content {
            RequestedContent::Authentication { rp_challenge } => Asked::Authentication {
                rp_challenge,
                terms,
            },
            RequestedContent::Signature { digest } => Asked::Signature {
                digest,
                linked_session: None,
                terms,
            },
            RequestedContent::BareDigest { purpose, digest } => Asked::BareDigest {
                purpose,
                digest,
                terms,
            },
        },
        ignored_properties: request.properties.ignored,
        share_device_address: request.properties.share_device_address,
    }
}

/// What `party` asks, where nothing is to be signed.
pub(super) fn of_choice(party: &RelyingParty, request: ChoiceRequest) -> Inquiry {
    Inquiry {
        relying_party: party.uuid,
        relying_party_name: request.claim.name,
        brokered_relying_party_name: None,
        level: request.level.certificate_level(),
        asked: Asked::CertificateChoice,
        ignored_properties: request.properties.ignored,
        share_device_address: request.properties.share_device_address,
    }
}
