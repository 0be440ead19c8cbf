//! A device brings a link.

use symbolon_protocol::device::link::{LinkOpened, OpenLink};
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device_link::DeviceLink;

use crate::accounts::DeviceFingerprint;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::sessions::LinkRefused;

/// Gives the device what the link is about.
pub(super) async fn open(
    service: &Service,
    device: &DeviceFingerprint,
    request: &OpenLink,
) -> Result<LinkOpened, Refusal> {
    let account = service.usable_account_of(device).await?;
    let link = DeviceLink::parse(&request.link)
        .map_err(|error| Refusal::new(ProblemCode::Malformed, error.to_string()))?;
    match service.sessions.take_up(&account, link).await? {
        Ok(taken) => {
            tracing::info!(
                account = %account.document_number,
                transaction = %taken.transaction.id,
                flow = taken.transaction.flow_type.as_str(),
                "a link was taken up"
            );
            Ok(LinkOpened {
                transaction: taken.transaction,
                session_secret_digest: taken.session_secret_digest,
            })
        }
        Err(refused) => {
            tracing::warn!(account = %account.document_number, ?refused, "a link was refused");
            Err(refusal(refused))
        }
    }
}

fn refusal(refused: LinkRefused) -> Refusal {
    let (code, detail) = match refused {
        LinkRefused::Unknown => (
            ProblemCode::NotFound,
            "the link leads nowhere, or is not for this account",
        ),
        LinkRefused::NotGenuine => (
            ProblemCode::Malformed,
            "the link was not made by the relying party that it names; start again there",
        ),
        LinkRefused::Stale => (
            ProblemCode::Expired,
            "the QR code was an old one; scan the one that is shown now",
        ),
        LinkRefused::Used => (
            ProblemCode::AlreadyAnswered,
            "the link was opened before; start again at the relying party",
        ),
        LinkRefused::Over => (
            ProblemCode::Expired,
            "the link's time is over; start again at the relying party",
        ),
        LinkRefused::LevelTooLow => (
            ProblemCode::NotFound,
            "the relying party wants an account of a higher level",
        ),
    };
    Refusal::new(code, detail)
}
