//! Asking polkit. Whatever comes that is no clear yes (no polkit on the bus, no answer in time, an
//! error, a caller who left) is a refusal that says so.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use zbus::fdo::DBusProxy;
use zbus::names::OwnedUniqueName;
use zbus::zvariant::Value;
use zbus::{Connection, proxy::CacheProperties};
use zbus_polkit::policykit1::{
    AuthorityProxy, AuthorizationResult, CheckAuthorizationFlags, Subject as PolkitSubject,
};

use super::{Action, Owner};
use crate::bus::departure::departure;
use crate::bus::fault::{Fault, FaultKind};

/// How long polkit may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// To look into its rules. They may ask programs and directories.
    rules: Duration,
    /// To have a person authenticate as well.
    person: Duration,
}

const PATIENCE: Patience = Patience {
    rules: Duration::from_secs(10),
    person: Duration::from_secs(120),
};

/// polkit on the bus.
pub struct Polkit {
    authority: AuthorityProxy<'static>,
    bus: DBusProxy<'static>,
    patience: Patience,
}

/// A caller, as polkit is asked about them: by their connection to the bus, which cannot come to
/// be somebody else's in between. Cheap to clone.
#[derive(Clone)]
pub struct Subject {
    polkit: Arc<Polkit>,
    name: OwnedUniqueName,
    /// Whether the caller allows that they are asked to authenticate.
    interactive: bool,
}

/// What polkit's rules may look at: `account` (document number), `group` (number), and for an
/// answer `purpose` (`authentication`, `signing`, or `certificate` where nothing is signed).
pub(crate) type Details = HashMap<&'static str, String>;

/// What polkit's rules may look at about any act.
pub(crate) fn about(account: &str, owner: Owner) -> Details {
    let mut details = Details::from([("account", account.to_owned())]);
    if let Owner::Group(group) = owner {
        details.insert("group", group.to_string());
    }
    details
}

/// What polkit said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Yes.
    Authorized,
    /// No.
    Denied,
    /// Yes if somebody authenticates, whom nothing could ask.
    WantsAuthentication,
    /// Somebody was asked to authenticate, and would not.
    Dismissed,
}

/// Why there is no decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Undecided(String);

impl Polkit {
    /// Neither polkit nor its policy need be there yet.
    pub async fn new(connection: &Connection) -> zbus::Result<Self> {
        Ok(Self {
            authority: AuthorityProxy::builder(connection)
                .cache_properties(CacheProperties::No)
                .build()
                .await?,
            bus: DBusProxy::builder(connection)
                .cache_properties(CacheProperties::No)
                .build()
                .await?,
            patience: PATIENCE,
        })
    }

    async fn check(
        &self,
        subject: &Subject,
        action: Action,
        details: &Details,
        cancellation: &str,
    ) -> zbus::Result<AuthorizationResult> {
        let name = Value::from(subject.name.as_str()).try_to_owned()?;
        let of_polkit = PolkitSubject {
            subject_kind: "system-bus-name".to_owned(),
            subject_details: HashMap::from([("name".to_owned(), name)]),
        };
        let details = details.iter().map(|(key, value)| (*key, value.as_str()));
        let flags = match subject.interactive {
            true => CheckAuthorizationFlags::AllowUserInteraction.into(),
            false => Default::default(),
        };
        let details = details.collect();
        self.authority
            .check_authorization(&of_polkit, action.id(), &details, flags, cancellation)
            .await
    }

    /// Whoever is being asked need not answer any more.
    async fn cancel(&self, cancellation: &str) {
        let cancelled = self.authority.cancel_check_authorization(cancellation);
        if let Ok(Err(error)) = tokio::time::timeout(self.patience.rules, cancelled).await {
            tracing::debug!(%error, "a question to polkit was not taken back");
        }
    }
}

impl Subject {
    /// The owner of a connection to the bus.
    pub fn new(polkit: Arc<Polkit>, name: OwnedUniqueName, interactive: bool) -> Self {
        Self {
            polkit,
            name,
            interactive,
        }
    }

    /// The same when nobody is to be asked to authenticate.
    #[must_use]
    pub(crate) fn quietly(&self) -> Self {
        Self {
            interactive: false,
            ..self.clone()
        }
    }

    /// Asks. If the caller leaves or it takes too long, the question is taken back.
    pub(crate) async fn ask(
        &self,
        action: Action,
        details: &Details,
    ) -> Result<Decision, Undecided> {
        let polkit = &self.polkit;
        let patience = match self.interactive {
            true => polkit.patience.person,
            false => polkit.patience.rules,
        };
        let cancellation = Uuid::new_v4().to_string();
        let why = tokio::select! {
            answer = polkit.check(self, action, details, &cancellation) => {
                return answer.map(decision).map_err(|error| Undecided(in_words(&error)));
            }
            () = self.left() => "whoever asked left".to_owned(),
            () = tokio::time::sleep(patience) => {
                format!("it did not answer within {} s", patience.as_secs())
            }
        };
        polkit.cancel(&cancellation).await;
        Err(Undecided(why))
    }

    /// Ends when the caller has left. What asks no person is over before that matters.
    async fn left(&self) {
        if self.interactive
            && let Ok(left) = departure(&self.polkit.bus, &self.name).await
        {
            return left.await;
        }
        std::future::pending().await
    }
}

fn decision(result: AuthorizationResult) -> Decision {
    if result.is_authorized {
        Decision::Authorized
    } else if result.details.contains_key("polkit.dismissed") {
        Decision::Dismissed
    } else if result.is_challenge {
        Decision::WantsAuthentication
    } else {
        Decision::Denied
    }
}

fn in_words(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, text, _) => {
            text.clone().unwrap_or_else(|| name.as_str().to_owned())
        }
        error => error.to_string(),
    }
}

impl Decision {
    /// The refusal, if it is one.
    pub(crate) fn refusal(self, action: Action) -> Option<Fault> {
        let id = action.id();
        let (what, remedy): (&str, String) = match self {
            Self::Authorized => return None,
            Self::Denied => (
                "this machine's rules do not let you do this with the group's account",
                format!("an administrator can change polkit's rules for {id}"),
            ),
            Self::WantsAuthentication => (
                "somebody must authenticate for this, and nothing here can ask for it",
                format!(
                    "do it at a terminal, or have an administrator make a polkit rule for {id}"
                ),
            ),
            Self::Dismissed => (
                "the authentication was not completed",
                "try again".to_owned(),
            ),
        };
        let kind = match self {
            Self::WantsAuthentication => FaultKind::AuthenticationNeeded,
            _ => FaultKind::NotAuthorized,
        };
        Some(Fault::with_remedy(kind, what, remedy))
    }
}

impl From<Undecided> for Fault {
    fn from(undecided: Undecided) -> Self {
        Fault::with_remedy(
            FaultKind::NotAuthorized,
            format!(
                "polkit, which decides about a group's accounts, could not be asked: {undecided}"
            ),
            "an administrator must see to it that polkit is installed and runs",
        )
    }
}

#[cfg(test)]
mod tests;
