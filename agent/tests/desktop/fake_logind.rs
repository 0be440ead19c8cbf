//! As much of logind as tells whether a session is locked.

use zbus::Connection;
use zbus::zvariant::OwnedObjectPath;

use crate::bus::Bus;

const SESSION: &str = "/org/freedesktop/login1/session/_31";
const USER: &str = "/org/freedesktop/login1/user/_0";

struct Manager;

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn get_user(&self, _uid: u32) -> OwnedObjectPath {
        OwnedObjectPath::try_from(USER).unwrap()
    }
}

struct User;

#[zbus::interface(name = "org.freedesktop.login1.User")]
impl User {
    #[zbus(property)]
    fn display(&self) -> (String, OwnedObjectPath) {
        ("1".into(), OwnedObjectPath::try_from(SESSION).unwrap())
    }
}

struct Session {
    locked: bool,
}

#[zbus::interface(name = "org.freedesktop.login1.Session")]
impl Session {
    #[zbus(property)]
    fn locked_hint(&self) -> bool {
        self.locked
    }

    #[zbus(property)]
    fn active(&self) -> bool {
        true
    }
}

pub struct FakeLogind(Connection);

impl FakeLogind {
    pub async fn start(bus: &Bus, locked: bool) -> Self {
        let connection = bus.connect().await;
        let objects = connection.object_server();
        objects
            .at("/org/freedesktop/login1", Manager)
            .await
            .unwrap();
        objects.at(USER, User).await.unwrap();
        objects.at(SESSION, Session { locked }).await.unwrap();
        connection
            .request_name("org.freedesktop.login1")
            .await
            .unwrap();
        Self(connection)
    }

    pub async fn lock(&self, locked: bool) {
        let session = self
            .0
            .object_server()
            .interface::<_, Session>(SESSION)
            .await
            .unwrap();
        session.get_mut().await.locked = locked;
        let object = session.get().await;
        object
            .locked_hint_changed(session.signal_emitter())
            .await
            .unwrap();
    }
}
