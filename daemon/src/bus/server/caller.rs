//! Who a caller is: the bus knows, nobody else is asked.

use std::sync::Arc;

use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::message::{Flags, Header};

use crate::access::{Caller, Polkit, Subject};
use crate::bus::fault::{Fault, FaultKind};

pub(super) struct Callers {
    bus: DBusProxy<'static>,
    polkit: Arc<Polkit>,
}

impl Callers {
    pub(super) async fn new(connection: &Connection) -> zbus::Result<Self> {
        let bus = DBusProxy::builder(connection)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        Ok(Self {
            bus,
            polkit: Arc::new(Polkit::new(connection).await?),
        })
    }

    /// The user behind a call and their groups, as the bus saw them when they connected.
    pub(super) async fn of(&self, header: &Header<'_>) -> Result<Caller, Fault> {
        let sender = header
            .sender()
            .ok_or_else(|| unknown("the call has no sender"))?;
        let credentials = self
            .bus
            .get_connection_credentials(sender.clone().into())
            .await
            .map_err(|error| unknown(&error.to_string()))?;
        let uid = credentials
            .unix_user_id()
            .ok_or_else(|| unknown("the bus does not say"))?;
        let interactive = header
            .primary()
            .flags()
            .contains(Flags::AllowInteractiveAuth);
        Ok(Caller {
            uid,
            subject: Some(Subject::new(
                self.polkit.clone(),
                sender.to_owned().into(),
                interactive,
            )),
            // A bus that does not tell groups leaves those who depend on one outside.
            groups: credentials.into_unix_group_ids().unwrap_or_default(),
        })
    }
}

fn unknown(detail: &str) -> Fault {
    Fault::with_remedy(
        FaultKind::NotAuthorized,
        format!("it cannot be told which user calls: {detail}"),
        "call over a message bus",
    )
}
