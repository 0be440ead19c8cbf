//! The daemon's side of the bus.
//!
//! * here: the interface. It only translates: who calls, what they pass, what they get.
//! * `caller`: which user a caller is.
//! * `secret`: reading what came through a pipe.
//! * `subscribers`: who is told, and telling them.

#![expect(
    missing_docs,
    reason = "the interface macro makes items that it does not document"
)]

mod caller;
mod secret;
mod subscribers;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_vault::Pin;
use tokio::sync::mpsc;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedFd;
use zbus::{Connection, interface};

use self::caller::Callers;
use self::subscribers::Subscribers;
use super::fault::{Fault, FaultKind};
use super::{BUS_NAME, OBJECT_PATH};
use crate::announcer::Announcement;
use crate::device::Device;
use crate::transaction::RefusedAs;

/// Puts the device on the bus under its name, and tells subscribers what is announced.
pub async fn serve(
    address: Option<&str>,
    device: Arc<Device>,
    announcements: mpsc::UnboundedReceiver<Announcement>,
) -> zbus::Result<Connection> {
    let connection = super::client::connect(address).await?;
    let subscribers = Subscribers::default();
    let server = Server {
        device,
        callers: Callers::new(&connection).await?,
        subscribers: subscribers.clone(),
    };
    connection.object_server().at(OBJECT_PATH, server).await?;
    tokio::spawn(subscribers.tell_all(announcements));
    // Last, so that nobody finds the name without the object.
    connection.request_name(BUS_NAME).await?;
    Ok(connection)
}

struct Server {
    device: Arc<Device>,
    callers: Callers,
    subscribers: Subscribers,
}

impl Server {
    /// `Enrol` and `EnrolForGroup`.
    async fn enrol_by(
        &self,
        header: &Header<'_>,
        group: Option<(&str, u8)>,
        service: &str,
        code: OwnedFd,
        device_name: &str,
        pins: (OwnedFd, OwnedFd),
    ) -> Result<String, Fault> {
        let caller = self.callers.of(header).await?;
        let code = secret::read_text(code).await?;
        let pins = (read_pin(pins.0).await?, read_pin(pins.1).await?);
        let device = &self.device;
        let enrolled = device.enrol(&caller, group, service, code, device_name, pins);
        json(&enrolled.await?)
    }
}

#[interface(name = "org.symbolon.Symbolon1")]
impl Server {
    async fn list_accounts(&self, #[zbus(header)] header: Header<'_>) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        json(&self.device.list_accounts(&caller).await)
    }

    async fn list_pending(&self, #[zbus(header)] header: Header<'_>) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        json(&self.device.list_pending(&caller).await)
    }

    async fn status(&self, #[zbus(header)] header: Header<'_>) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        let subscribers = self.subscribers.of(caller.uid);
        json(&self.device.status(&caller, subscribers).await)
    }

    async fn history(
        &self,
        document_number: &str,
        limit: u32,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        json(&self.device.history(&caller, document_number, limit).await?)
    }

    async fn export_history(
        &self,
        document_number: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        json(&self.device.export_history(&caller, document_number).await?)
    }

    async fn doctor(&self, #[zbus(header)] header: Header<'_>) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        let subscribers = self.subscribers.of(caller.uid);
        json(&self.device.diagnose(&caller, subscribers).await)
    }

    async fn enrol(
        &self,
        service: &str,
        code: OwnedFd,
        device_name: &str,
        pin1: OwnedFd,
        pin2: OwnedFd,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        self.enrol_by(&header, None, service, code, device_name, (pin1, pin2))
            .await
    }

    #[expect(clippy::too_many_arguments, reason = "those of `Enrol`, and the group")]
    async fn enrol_for_group(
        &self,
        group: &str,
        approvals: u8,
        service: &str,
        code: OwnedFd,
        device_name: &str,
        pin1: OwnedFd,
        pin2: OwnedFd,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        let group = Some((group, approvals));
        self.enrol_by(&header, group, service, code, device_name, (pin1, pin2))
            .await
    }

    async fn open_link(
        &self,
        link: OwnedFd,
        document_number: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        let link = secret::read_link(link).await?;
        json(
            &self
                .device
                .open_link(&caller, &link, document_number)
                .await?,
        )
    }

    async fn take_callback(
        &self,
        transaction: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        json(&self.device.take_callback(&caller, transaction).await?)
    }

    async fn begin_approval(
        &self,
        transaction: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        json(&self.device.begin_approval(&caller, transaction).await?)
    }

    async fn consent(
        &self,
        transaction: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        json(&self.device.consent(&caller, transaction).await?)
    }

    async fn agree(
        &self,
        transaction: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        json(&self.device.agree(&caller, transaction).await?)
    }

    async fn await_linked(
        &self,
        transaction: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        json(&self.device.await_linked(&caller, transaction).await?)
    }

    async fn choose_code(
        &self,
        transaction: &str,
        code: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        json(&self.device.choose_code(&caller, transaction, code).await?)
    }

    async fn approve(
        &self,
        transaction: &str,
        pin: OwnedFd,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        let (caller, pin) = tokio::join!(self.callers.of(&header), read_pin(pin));
        let (caller, pin) = (caller?, pin?);
        json(&self.device.approve(&caller, transaction, pin).await?)
    }

    async fn refuse(
        &self,
        transaction: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), Fault> {
        let caller = self.callers.of(&header).await?;
        let refused_as = RefusedAs::Unwanted;
        self.device.refuse(&caller, transaction, refused_as).await
    }

    async fn disown(
        &self,
        transaction: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), Fault> {
        let caller = self.callers.of(&header).await?;
        let refused_as = RefusedAs::NotMine;
        self.device.refuse(&caller, transaction, refused_as).await
    }

    async fn change_pin(
        &self,
        document_number: &str,
        purpose: &str,
        old: OwnedFd,
        new: OwnedFd,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, Fault> {
        let caller = self.callers.of(&header).await?;
        let purpose = purpose_of(purpose)?;
        let (old, new) = (read_pin(old).await?, read_pin(new).await?);
        let verdict = self
            .device
            .change_pin(&caller, document_number, purpose, old, new)
            .await?;
        json(&verdict)
    }

    async fn unlock_token(
        &self,
        pin: OwnedFd,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), Fault> {
        let caller = self.callers.of(&header).await?;
        let pin = secret::read(pin).await?;
        self.device.unlock_token(&caller, pin).await
    }

    async fn delete(
        &self,
        document_number: &str,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), Fault> {
        let caller = self.callers.of(&header).await?;
        self.device.delete(&caller, document_number).await
    }

    async fn subscribe(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Fault> {
        let caller = self.callers.of(&header).await?;
        let Some(name) = header.sender() else {
            return Err(Fault::new(
                FaultKind::NotAuthorized,
                "the caller has no name",
            ));
        };
        self.subscribers
            .add(connection, name.to_owned().into(), caller)
            .await
            .map_err(|error| Fault::new(FaultKind::Failed, error.to_string()))
    }

    /// A transaction waits.
    #[zbus(signal)]
    async fn offered(emitter: &SignalEmitter<'_>, transaction: &str) -> zbus::Result<()>;

    /// A colleague agreed to one that several must approve.
    #[zbus(signal)]
    async fn agreed(emitter: &SignalEmitter<'_>, transaction: &str, by: &str) -> zbus::Result<()>;

    /// A transaction waits no longer.
    #[zbus(signal)]
    async fn withdrawn(
        emitter: &SignalEmitter<'_>,
        transaction: &str,
        reason: &str,
    ) -> zbus::Result<()>;

    /// An account was enrolled, locked, released, closed or deleted.
    #[zbus(signal)]
    async fn account_changed(
        emitter: &SignalEmitter<'_>,
        document_number: &str,
    ) -> zbus::Result<()>;
}

fn json(reply: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(reply).map_err(|error| Fault::new(FaultKind::Failed, error.to_string()))
}

async fn read_pin(pipe: OwnedFd) -> Result<Pin, Fault> {
    Ok(Pin::parse(&secret::read(pipe).await?)?)
}

fn purpose_of(text: &str) -> Result<KeyPurpose, Fault> {
    match text {
        "authentication" => Ok(KeyPurpose::Authentication),
        "signing" => Ok(KeyPurpose::Signing),
        _ => Err(Fault::with_remedy(
            FaultKind::InvalidArgument,
            "there is no such PIN",
            "the purpose is `authentication` (PIN1) or `signing` (PIN2)",
        )),
    }
}

impl zbus::DBusError for Fault {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<zbus::Message> {
        zbus::Message::error(call, self.name())?.build(&(self.text.as_str(),))
    }

    fn name(&self) -> zbus::names::ErrorName<'_> {
        zbus::names::ErrorName::from_string_unchecked(self.kind.error_name())
    }

    fn description(&self) -> Option<&str> {
        Some(&self.text)
    }
}
