//! Whether the person is in front of the session: not while it is locked or in the background.

use futures_util::StreamExt;
use tokio::sync::mpsc::Sender;
use zbus::Connection;
use zbus::zvariant::OwnedObjectPath;

use crate::agent::Input;
use crate::desk::Event;

#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1",
    gen_blocking = false
)]
trait Manager {
    fn get_session(&self, id: &str) -> zbus::Result<OwnedObjectPath>;
    fn get_user(&self, uid: u32) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(
    interface = "org.freedesktop.login1.User",
    default_service = "org.freedesktop.login1",
    gen_blocking = false
)]
trait User {
    /// The graphical session: its id and its object.
    #[zbus(property)]
    fn display(&self) -> zbus::Result<(String, OwnedObjectPath)>;
}

#[zbus::proxy(
    interface = "org.freedesktop.login1.Session",
    default_service = "org.freedesktop.login1",
    gen_blocking = false
)]
trait Session {
    #[zbus(property)]
    fn locked_hint(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn active(&self) -> zbus::Result<bool>;
}

/// Reports [`Event::Hidden`] once and whenever it changes; without a logind nothing is hidden.
pub(crate) async fn watch(system_bus: Connection, inputs: Sender<Input>) {
    if let Err(error) = try_watch(&system_bus, &inputs).await {
        tracing::info!(%error, "no word from logind: requests are shown on a locked screen too");
        // Nobody listens any more only when the agent ends.
        let _ = inputs.send(Input::Desk(Event::Hidden(false))).await;
    }
}

async fn try_watch(system_bus: &Connection, inputs: &Sender<Input>) -> zbus::Result<()> {
    let session = SessionProxy::builder(system_bus)
        .path(session_path(system_bus).await?)?
        .build()
        .await?;
    let mut locks = session.receive_locked_hint_changed().await;
    let mut activities = session.receive_active_changed().await;
    let mut hidden = None;
    loop {
        let now = session.locked_hint().await? || !session.active().await?;
        if hidden.replace(now) != Some(now)
            && inputs.send(Input::Desk(Event::Hidden(now))).await.is_err()
        {
            return Ok(());
        }
        tokio::select! {
            Some(_) = locks.next() => {}
            Some(_) = activities.next() => {}
            else => return Ok(()),
        }
    }
}

/// The session we run in, or the user's graphical one: a user service is in no session itself.
async fn session_path(system_bus: &Connection) -> zbus::Result<OwnedObjectPath> {
    let manager = ManagerProxy::new(system_bus).await?;
    if let Ok(id) = std::env::var("XDG_SESSION_ID")
        && let Ok(path) = manager.get_session(&id).await
    {
        return Ok(path);
    }
    let uid = rustix::process::getuid().as_raw();
    let user = UserProxy::builder(system_bus)
        .path(manager.get_user(uid).await?)?
        .build()
        .await?;
    Ok(user.display().await?.1)
}
