//! When somebody leaves the bus.

use futures_util::StreamExt;
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, OwnedUniqueName};

/// Ends when the connection with this unique name has left the bus, which it may have already.
pub(crate) async fn departure(
    bus: &DBusProxy<'static>,
    name: &OwnedUniqueName,
) -> zbus::Result<impl Future<Output = ()> + Send + use<>> {
    let mut departures = bus
        .receive_name_owner_changed_with_args(&[(0, name.as_str()), (2, "")])
        .await?;
    // It may have left before we watched.
    let present = bus.name_has_owner(BusName::from(name.clone())).await?;
    Ok(async move {
        if present {
            departures.next().await;
        }
    })
}
