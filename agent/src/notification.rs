//! Desktop notifications (freedesktop.org Desktop Notifications Specification 1.2).
//!
//! The session's notification server is not trusted with anything but showing; its buttons only
//! open the PIN prompt, pick a code or decline.

use std::collections::HashMap;

use zbus::Connection;
use zbus::zvariant::Value;

use crate::daemon::Offer;
use crate::orphans::Orphans;
use crate::words;

/// The server on the bus.
#[zbus::proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications",
    gen_blocking = false
)]
pub(crate) trait Notifications {
    fn get_capabilities(&self) -> zbus::Result<Vec<String>>;
    #[expect(clippy::too_many_arguments, reason = "the specification's signature")]
    fn notify(
        &self,
        app_name: &str,
        replaces_id: u32,
        app_icon: &str,
        summary: &str,
        body: &str,
        actions: &[&str],
        hints: HashMap<&str, Value<'_>>,
        expire_timeout: i32,
    ) -> zbus::Result<u32>;
    fn close_notification(&self, id: u32) -> zbus::Result<()>;
    #[zbus(signal)]
    fn action_invoked(&self, id: u32, action: String) -> zbus::Result<()>;
    #[zbus(signal)]
    fn notification_closed(&self, id: u32, reason: u32) -> zbus::Result<()>;
    #[zbus(signal)]
    fn activation_token(&self, id: u32, token: String) -> zbus::Result<()>;
}

/// The action of a click on the notification itself: safe, it only opens the prompt.
pub(crate) const OPEN: &str = "default";
/// The action of the button "Approve…".
pub(crate) const APPROVE: &str = "approve";
/// The action of the button "Confirm", where no PIN follows. A click on the notification itself
/// agrees to nothing.
pub(crate) const CONSENT: &str = "consent";
/// The action of the button "Reject".
pub(crate) const REJECT: &str = "reject";
/// The action of the button "Not mine".
pub(crate) const NOT_MINE: &str = "not-mine";

/// The beginning of the actions that pick a code.
const CODE: &str = "code:";

const URGENCY_NORMAL: u8 = 1;
/// Shown with its buttons, through do-not-disturb, until it is answered: a login in progress is
/// worth that, and waits two minutes at most.
const URGENCY_CRITICAL: u8 = 2;
const APPLICATION: &str = "Symbolon";
const ICON: &str = "dialog-password";
const NEVER: i32 = 0;
const NEWS_MILLISECONDS: i32 = 10_000;

/// Shows one request at a time.
pub(crate) struct Notifier {
    server: NotificationsProxy<'static>,
    shown: Option<Shown>,
    orphans: Orphans,
}

/// What is on the screen.
struct Shown {
    id: u32,
    /// The server's unique bus name; another server knows nothing of it.
    server: Option<String>,
}

impl Notifier {
    pub(crate) fn new(server: NotificationsProxy<'static>, orphans: Orphans) -> Self {
        Self {
            server,
            shown: None,
            orphans,
        }
    }

    /// Whether `id` is the request that is shown now. Signals about others are echoes.
    pub(crate) fn shows(&self, id: u32) -> bool {
        self.shown.as_ref().is_some_and(|shown| shown.id == id)
    }

    /// Whether what is shown is shown by this server.
    pub(crate) fn shows_on(&self, server: &str) -> bool {
        let shown = self.shown.as_ref();
        shown.is_some_and(|shown| shown.server.as_deref() == Some(server))
    }

    /// Shows a request, in the place of the one that is shown.
    pub(crate) async fn show(&mut self, offer: &Offer) -> zbus::Result<()> {
        let replaced = self.shown.as_ref().map_or(0, |shown| shown.id);
        let markup = self.has("body-markup").await?;
        let actions = actions(offer);
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        let id = self
            .server
            .notify(
                APPLICATION,
                replaced,
                ICON,
                &words::headline(offer),
                &words::body(offer, markup),
                &actions,
                hints(URGENCY_CRITICAL),
                NEVER,
            )
            .await?;
        let server = owner_of(&self.server).await;
        self.orphans.remember(server.as_deref(), id);
        self.shown = Some(Shown { id, server });
        Ok(())
    }

    /// Tells something that needs no answer.
    pub(crate) async fn tell(&self, news: &str) -> zbus::Result<()> {
        let markup = self.has("body-markup").await?;
        self.server
            .notify(
                APPLICATION,
                0,
                ICON,
                APPLICATION,
                &words::news(news, markup),
                &[],
                hints(URGENCY_NORMAL),
                NEWS_MILLISECONDS,
            )
            .await
            .map(|_| ())
    }

    /// Takes the shown request away.
    pub(crate) async fn close(&mut self) {
        if let Some(shown) = self.shown.take() {
            if let Err(error) = self.server.close_notification(shown.id).await {
                // Gone already, or the server is: either way it is not on the screen.
                tracing::debug!(%error, "closing a notification");
            }
            self.orphans.forget();
        }
    }

    /// What was shown is gone by itself.
    pub(crate) fn forget(&mut self) {
        self.shown = None;
        self.orphans.forget();
    }

    /// Asked each time: the server may have been replaced, and the answer takes a millisecond.
    async fn has(&self, capability: &str) -> zbus::Result<bool> {
        let capabilities = self.server.get_capabilities().await?;
        Ok(capabilities.iter().any(|one| one == capability))
    }
}

/// The code that an action picks.
pub(crate) fn code_of(action: &str) -> Option<String> {
    action.strip_prefix(CODE).map(str::to_owned)
}

/// Names and labels in turn. The codes to choose from come first: some servers show no more than
/// three buttons.
fn actions(offer: &Offer) -> Vec<String> {
    let mut actions = Vec::new();
    match &offer.code_choice {
        _ if offer.purpose.is_none() => {
            actions.extend([CONSENT, "Confirm"].map(str::to_owned));
        }
        Some(codes) => {
            for code in codes {
                actions.extend([format!("{CODE}{code}"), code.clone()]);
            }
        }
        None => actions.extend([OPEN, "Open", APPROVE, "Approve…"].map(str::to_owned)),
    }
    actions.extend([REJECT, "Reject", NOT_MINE, "Not mine"].map(str::to_owned));
    actions
}

/// The server as `session_bus` knows it.
pub(crate) async fn server(session_bus: &Connection) -> zbus::Result<NotificationsProxy<'static>> {
    NotificationsProxy::builder(session_bus)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await
}

/// The unique bus name of the running server. Does not start one.
pub(crate) async fn owner_of(server: &NotificationsProxy<'_>) -> Option<String> {
    let bus = zbus::fdo::DBusProxy::new(server.inner().connection())
        .await
        .ok()?;
    let owner = bus.get_name_owner(server.inner().destination().clone());
    Some(owner.await.ok()?.to_string())
}

fn hints(urgency: u8) -> HashMap<&'static str, Value<'static>> {
    HashMap::from([
        ("urgency", Value::from(urgency)),
        ("category", Value::from("x-symbolon.request")),
        ("desktop-entry", Value::from("org.symbolon.Agent")),
    ])
}
