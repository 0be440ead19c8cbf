//! Certificate choice: the person lets a relying party know which certificate they will sign with.

use super::open::{Whom, begin};
use super::*;
use crate::relying_party::access::Demand;
use crate::relying_party::notification::OpenedBody;
use crate::relying_party::{body, inquiry};
use crate::sessions::{Asked, Inquiry};

/// `POST certificatechoice/{etsi, document}/{whom}`
pub(super) async fn of_target<W: Into<Target>>(
    State(api): State<RelyingPartyApi>,
    source: Source,
    whom: W,
    request: Request,
) -> Result<Json<OpenedBody>, Problem> {
    choose(&api, Whom::Target(whom.into()), source, request).await
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
    let request = super::request::parse_choice(&body)?;
    let party = api.admit(Demand::of_choice(&request), source).await?;
    require_permission(&party)?;
    let inquiry = Inquiry {
        asked: Asked::OldCertificateChoice,
        ..inquiry::of_choice(&party, request)
    };
    begin(api, &party, whom, "v2 certificatechoice", &body, inquiry).await
}
