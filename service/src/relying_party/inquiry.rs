//! From a permitted request to what is asked of a person.

use super::registry::RelyingParty;
use super::request::{OpeningRequest, RequestedContent};
use crate::sessions::{Asked, Inquiry};

/// What `party` asks.
pub(super) fn of(party: &RelyingParty, request: OpeningRequest) -> Inquiry {
    Inquiry {
        relying_party: party.uuid,
        relying_party_name: request.claim.name,
        brokered_relying_party_name: None,
        level: request.level.certificate_level(),
        asked: match request.content {
            RequestedContent::Authentication { rp_challenge } => {
                Asked::Authentication { rp_challenge }
            }
            RequestedContent::Signature { digest } => Asked::Signature { digest },
            RequestedContent::BareDigest { purpose, digest } => {
                Asked::BareDigest { purpose, digest }
            }
        },
        signature_algorithm: request.algorithm,
        interactions: request.interactions,
        ignored_properties: request.properties.ignored,
        share_device_address: request.properties.share_device_address,
    }
}
