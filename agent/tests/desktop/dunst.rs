//! What the person does to notifications.

use zbus::{Connection, Message};

use crate::process::eventually;

/// The notification server's own interface.
pub struct Dunst(pub Connection);

impl Dunst {
    async fn call<B>(&self, member: &str, body: &B) -> Message
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        self.0
            .call_method(
                Some("org.freedesktop.Notifications"),
                "/org/freedesktop/Notifications",
                Some("org.dunstproject.cmd0"),
                member,
                body,
            )
            .await
            .unwrap()
    }

    /// How many notifications are on the screen.
    pub async fn displayed(&self) -> u32 {
        let reply = self
            .0
            .call_method(
                Some("org.freedesktop.Notifications"),
                "/org/freedesktop/Notifications",
                Some("org.freedesktop.DBus.Properties"),
                "Get",
                &("org.dunstproject.cmd0", "displayedLength"),
            )
            .await
            .unwrap();
        let value: zbus::zvariant::OwnedValue = reply.body().deserialize().unwrap();
        u32::try_from(value).unwrap()
    }

    pub async fn shows(&self, count: u32) {
        eventually(
            &format!("{count} notifications on the screen"),
            async || self.displayed().await == count,
        )
        .await;
    }

    /// The person clicks on the notification.
    pub async fn click(&self) {
        self.call("NotificationAction", &0_u32).await;
    }

    /// The person presses the button that the stage's [`Stage::reach_for`] named, at first
    /// "Reject".
    ///
    /// [`Stage::reach_for`]: crate::stage::Stage::reach_for
    pub async fn press(&self) {
        self.call("ContextMenuCall", &()).await;
    }

    /// The person closes the notification.
    pub async fn dismiss(&self) {
        self.call("NotificationCloseLast", &()).await;
    }
}
