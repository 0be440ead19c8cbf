//! Which user a caller is: the bus knows, nobody else is asked.

use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::message::Header;

use crate::bus::fault::{Fault, FaultKind};
use crate::device::Caller;

pub(super) struct Callers(DBusProxy<'static>);

impl Callers {
    pub(super) async fn new(connection: &Connection) -> zbus::Result<Self> {
        let bus = DBusProxy::builder(connection)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        Ok(Self(bus))
    }

    /// The user behind a call, as the bus saw them when they connected.
    pub(super) async fn of(&self, header: &Header<'_>) -> Result<Caller, Fault> {
        let unknown = |detail: String| {
            Fault::with_remedy(
                FaultKind::NotAuthorized,
                format!("it cannot be told which user calls: {detail}"),
                "call over a message bus",
            )
        };
        let sender = header
            .sender()
            .ok_or_else(|| unknown("the call has no sender".to_owned()))?;
        let uid = self
            .0
            .get_connection_unix_user(sender.clone().into())
            .await
            .map_err(|error| unknown(error.to_string()))?;
        Ok(Caller { uid })
    }
}
