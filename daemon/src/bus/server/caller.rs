//! Who a caller is: the bus knows, nobody else is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::message::{Flags, Header};
use zbus::names::UniqueName;

use crate::access::{Caller, Polkit, Subject, user};
use crate::bus::fault::{Fault, FaultKind};
use crate::locked::locked;

/// So many connections are remembered; then it begins anew, which costs each one question.
const MOST_REMEMBERED: usize = 256;

pub(super) struct Callers {
    bus: DBusProxy<'static>,
    polkit: Arc<Polkit>,
    /// What the bus said of a connection, and the name of the user behind it. It is settled when
    /// that is made, and no other ever gets its unique name (D-Bus specification, "Message Bus
    /// Names").
    remembered: Arc<Mutex<HashMap<String, Credentials>>>,
}

#[derive(Clone)]
struct Credentials {
    uid: u32,
    /// Once it was looked up.
    name: Option<String>,
    groups: Vec<u32>,
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
            remembered: Arc::default(),
        })
    }

    /// The user behind a call and their groups, as the bus saw them when they connected.
    pub(super) async fn of(&self, header: &Header<'_>) -> Result<Caller, Fault> {
        let sender = header
            .sender()
            .ok_or_else(|| unknown("the call has no sender"))?;
        let Credentials { uid, name, groups } = self.credentials_of(sender).await?;
        let interactive = header
            .primary()
            .flags()
            .contains(Flags::AllowInteractiveAuth);
        Ok(Caller {
            uid,
            name,
            subject: Some(Subject::new(
                self.polkit.clone(),
                sender.to_owned().into(),
                interactive,
            )),
            groups,
        })
    }

    async fn credentials_of(&self, sender: &UniqueName<'_>) -> Result<Credentials, Fault> {
        let known = locked(&self.remembered).get(sender.as_str()).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let told = self
            .bus
            .get_connection_credentials(sender.clone().into())
            .await
            .map_err(|error| unknown(&error.to_string()))?;
        let uid = told
            .unix_user_id()
            .ok_or_else(|| unknown("the bus does not say"))?;
        let credentials = Credentials {
            uid,
            name: None,
            // A bus that does not tell groups leaves those who depend on one outside.
            groups: told.into_unix_group_ids().unwrap_or_default(),
        };
        let mut remembered = locked(&self.remembered);
        if remembered.len() >= MOST_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(sender.to_string(), credentials.clone());
        tokio::spawn(look_name_up(
            Arc::clone(&self.remembered),
            sender.to_string(),
            uid,
        ));
        Ok(credentials)
    }
}

/// Behind whatever was called, so that nobody waits for the machine's list of users who has typed a
/// PIN by the time that a name is wanted.
async fn look_name_up(
    remembered: Arc<Mutex<HashMap<String, Credentials>>>,
    sender: String,
    uid: u32,
) {
    let name = user(uid).await.name;
    if let Some(known) = locked(&remembered).get_mut(&sender) {
        known.name = name;
    }
}

fn unknown(detail: &str) -> Fault {
    Fault::with_remedy(
        FaultKind::NotAuthorized,
        format!("it cannot be told which user calls: {detail}"),
        "call over a message bus",
    )
}
