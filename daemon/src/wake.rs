//! What the system says about sleep and network, so that nobody waits for a connection that died
//! while the machine slept or moved: without it, only a PING that stays unanswered tells.

use std::sync::Arc;

use futures_util::StreamExt;
use zbus::Connection;

use crate::device::Device;

/// NetworkManager's `NM_STATE_CONNECTED_GLOBAL`: the Internet is reached.
const CONNECTED_GLOBAL: u32 = 70;

#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1",
    gen_blocking = false
)]
trait Login {
    #[zbus(signal)]
    fn prepare_for_sleep(&self, start: bool) -> zbus::Result<()>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager",
    default_service = "org.freedesktop.NetworkManager",
    default_path = "/org/freedesktop/NetworkManager",
    gen_blocking = false
)]
trait NetworkManager {
    #[zbus(signal)]
    fn state_changed(&self, state: u32) -> zbus::Result<()>;
}

/// Connects every account anew when the machine wakes up or gets a network, for as long as the
/// bus lives. Where neither program is there, nothing is ever said.
pub async fn watch(bus: Connection, device: Arc<Device>) {
    if let Err(error) = try_watch(&bus, &device).await {
        tracing::info!(%error, "no word of sleep and network; lost connections are found by pings");
    }
}

async fn try_watch(bus: &Connection, device: &Device) -> zbus::Result<()> {
    let login = LoginProxy::new(bus).await?;
    let network = NetworkManagerProxy::new(bus).await?;
    let mut sleeps = login.receive_prepare_for_sleep().await?;
    let mut states = network.receive_state_changed().await?;
    loop {
        let news = tokio::select! {
            Some(sleep) = sleeps.next() => (!sleep.args()?.start).then_some("the machine woke up"),
            Some(state) = states.next() => {
                (state.args()?.state == CONNECTED_GLOBAL).then_some("there is a network")
            }
            else => return Ok(()),
        };
        if let Some(news) = news {
            tracing::info!("{news}: connecting anew");
            device.connect_anew().await;
        }
    }
}
