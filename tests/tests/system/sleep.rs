//! The machine slept or moved: its connection to the service is dead without having ended.

use symbolon_daemon::bus::client;
use symbolon_tests::relying_party::Target;
use symbolon_tests::rig::{Rig, USUAL};
use zbus::Connection;

#[test]
fn s170_the_machine_woke_up() {
    a_lost_connection_is_replaced_when(&Teller {
        name: "org.freedesktop.login1",
        path: "/org/freedesktop/login1",
        interface: "org.freedesktop.login1.Manager",
        signal: "PrepareForSleep",
        idle: &(true,),
        telling: &(false,),
    });
}

#[test]
fn s171_there_is_a_network() {
    a_lost_connection_is_replaced_when(&Teller {
        name: "org.freedesktop.NetworkManager",
        path: "/org/freedesktop/NetworkManager",
        interface: "org.freedesktop.NetworkManager",
        signal: "StateChanged",
        idle: &(20u32,),
        telling: &(70u32,),
    });
}

/// A program of the system, and what it says.
struct Teller<'a, T> {
    name: &'a str,
    path: &'a str,
    interface: &'a str,
    signal: &'a str,
    /// Says that nothing is to be done.
    idle: &'a T,
    /// Says that a new connection is due.
    telling: &'a T,
}

impl<T: serde::Serialize + zbus::zvariant::Type> Teller<'_, T> {
    async fn tell(&self, address: &str) {
        let bus: Connection = client::connect(Some(address)).await.unwrap();
        bus.request_name(self.name).await.unwrap();
        for body in [self.idle, self.telling] {
            bus.emit_signal(None::<&str>, self.path, self.interface, self.signal, body)
                .await
                .unwrap();
        }
    }
}

fn a_lost_connection_is_replaced_when<T: serde::Serialize + zbus::zvariant::Type>(
    teller: &Teller<'_, T>,
) {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    rig.device.wait_until_connected(&document);
    let listener = rig.device.listener(None);
    rig.wire.lose_connections();
    // Pushed into the void: the daemon's stream is dead, and a ping is minutes away.
    let target = Target::Document(document);
    rig.relying_party.login(&target, USUAL, "Log in?");

    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(teller.tell(&rig.device.bus_address()));
    listener.wait_for("Offered");
}
