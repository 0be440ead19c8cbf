//! Certificate choice: the person lets a relying party know which certificate they will sign with.

use super::open::{Whom, begin};
use super::request::ChoiceRequest;
use super::*;
use crate::relying_party::access::Demand;
use crate::relying_party::body;
use crate::relying_party::notification::OpenedBody;
use crate::sessions::{Asked, Inquiry};

/// `POST certificatechoice/etsi/{semantics identifier}`
pub(super) async fn of_person(
    State(api): State<RelyingPartyApi>,
    source: Source,
    Identifier(person): Identifier,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let whom = Whom::Target(Target::Person(path::person(&person)?));
    choose(&api, whom, source, request).await
}

/// `POST certificatechoice/document/{document number}`
pub(super) async fn of_document(
    State(api): State<RelyingPartyApi>,
    source: Source,
    Identifier(document): Identifier,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let whom = Whom::Target(Target::Document(path::document(&document)?));
    choose(&api, whom, source, request).await
}

/// `POST certificatechoice/private/{issuer}/{identifier}`
pub(super) async fn of_customer(
    State(api): State<RelyingPartyApi>,
    source: Source,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    choose(&api, Whom::Customer, source, request).await
}

async fn choose(
    api: &RelyingPartyApi,
    whom: Whom,
    Source(source): Source,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    let body = body::read_object(request).await?;
    let request = ChoiceRequest::parse(&body)?;
    let demand = Demand::of_choice(
        &request.claim,
        request.level,
        &request.properties,
        &request.capabilities,
    );
    let party = api.admit(demand, source).await?;
    require_permission(&party)?;
    let inquiry = Inquiry {
        relying_party: party.uuid,
        relying_party_name: request.claim.name,
        brokered_relying_party_name: None,
        level: request.level.certificate_level(),
        asked: Asked::OldCertificateChoice,
        ignored_properties: request.properties.ignored,
        share_device_address: request.properties.share_device_address,
    };
    begin(api, whom, "v2 certificatechoice", &body, inquiry).await
}
