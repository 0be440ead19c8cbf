//! The client side: a proxy of the daemon's interface, and pipes for secrets.
#![expect(
    missing_docs,
    reason = "the proxy macro makes items that it does not document"
)]

use std::io::Write;
use std::os::fd::OwnedFd;

use zbus::Connection;
use zbus::zvariant::Fd;

use super::fault::{Fault, FaultKind};

/// The daemon. Replies of type `String` are JSON of the type named with each method, all in
/// [`super::messages`].
#[zbus::proxy(
    interface = "org.symbolon.Symbolon1",
    default_service = "org.symbolon.Symbolon1",
    default_path = "/org/symbolon/Symbolon1",
    gen_blocking = false
)]
pub trait Symbolon {
    /// The caller's accounts: [`super::messages::Accounts`].
    fn list_accounts(&self) -> zbus::Result<String>;

    /// What waits for the caller, freshly asked of the services: [`super::messages::PendingList`].
    fn list_pending(&self) -> zbus::Result<String>;

    /// How the daemon and the caller's accounts stand: [`super::messages::Status`].
    fn status(&self) -> zbus::Result<String>;

    /// The newest entries of an account's history: [`super::messages::History`].
    fn history(&self, document_number: &str, limit: u32) -> zbus::Result<String>;

    /// An account's history as it stands in its file, to be kept or verified:
    /// [`super::messages::HistoryRecord`].
    fn export_history(&self, document_number: &str) -> zbus::Result<String>;

    /// What works, what does not and what to do: [`super::messages::Diagnosis`].
    fn doctor(&self) -> zbus::Result<String>;

    /// Makes an account for the caller: [`super::messages::Enrolled`]. `service` may be empty
    /// where only one is configured. Takes as long as the hardware needs for two RSA keys.
    fn enrol(
        &self,
        service: &str,
        code: Fd<'_>,
        device_name: &str,
        pin1: Fd<'_>,
        pin2: Fd<'_>,
    ) -> zbus::Result<String>;

    /// The same for an account that all members of a Unix group own. The caller must be one, and
    /// polkit must let them administer the group's accounts. `approvals` members must approve what
    /// is signed, from 1 to [`super::MOST_APPROVALS`].
    #[allow(clippy::too_many_arguments)]
    #[zbus(allow_interactive_auth)]
    fn enrol_for_group(
        &self,
        group: &str,
        approvals: u8,
        service: &str,
        code: Fd<'_>,
        device_name: &str,
        pin1: Fd<'_>,
        pin2: Fd<'_>,
    ) -> zbus::Result<String>;

    /// Takes up a device link for the caller's account: [`super::messages::PendingTransaction`].
    /// `document_number` may be empty where the caller has one account only. The link comes by a
    /// pipe: whoever reads it could take it up.
    #[zbus(allow_interactive_auth)]
    fn open_link(&self, link: Fd<'_>, document_number: &str) -> zbus::Result<String>;

    /// Where to lead the browser that opened a link, once its transaction was approved or refused:
    /// [`super::messages::CallbackTaken`]. Works once.
    fn take_callback(&self, transaction: &str) -> zbus::Result<String>;

    /// Makes ready for the PIN while the person reads: [`super::messages::ApprovalBegun`].
    #[zbus(allow_interactive_auth)]
    fn begin_approval(&self, transaction: &str) -> zbus::Result<String>;

    /// Agrees to a transaction without `purpose`: [`super::messages::ConsentTaken`]. Nothing is
    /// signed, and what is to be signed cannot be agreed to.
    #[zbus(allow_interactive_auth)]
    fn consent(&self, transaction: &str) -> zbus::Result<String>;

    /// Agrees to what several colleagues must approve: [`super::messages::Approvals`]. The last of
    /// them approves with the PIN instead.
    #[zbus(allow_interactive_auth)]
    fn agree(&self, transaction: &str) -> zbus::Result<String>;

    /// Waits for the signature that a certificate choice announced, as long as it may take:
    /// [`super::messages::Linked`].
    fn await_linked(&self, transaction: &str) -> zbus::Result<String>;

    /// Picks one of the codes of `codeChoice`: [`super::messages::CodeChosen`]. A wrong pick ends
    /// the transaction; a code that is not offered changes nothing and is an error.
    #[zbus(allow_interactive_auth)]
    fn choose_code(&self, transaction: &str, code: &str) -> zbus::Result<String>;

    /// Approves with the PIN: [`super::messages::Verdict`].
    #[zbus(allow_interactive_auth)]
    fn approve(&self, transaction: &str, pin: Fd<'_>) -> zbus::Result<String>;

    /// Refuses.
    #[zbus(allow_interactive_auth)]
    fn refuse(&self, transaction: &str) -> zbus::Result<()>;

    /// Refuses what its person did not start: the service keeps whoever asked away from them for a
    /// while, and tells its operator.
    #[zbus(allow_interactive_auth)]
    fn disown(&self, transaction: &str) -> zbus::Result<()>;

    /// Changes a PIN, `purpose` being `authentication` (PIN1) or `signing` (PIN2):
    /// [`super::messages::Verdict`].
    #[zbus(allow_interactive_auth)]
    fn change_pin(
        &self,
        document_number: &str,
        purpose: &str,
        old: Fd<'_>,
        new: Fd<'_>,
    ) -> zbus::Result<String>;

    /// Hands over the PIN of the token that holds the key shares, where nothing but a person has
    /// it. For root, and for whom the daemon's configuration names.
    fn unlock_token(&self, pin: Fd<'_>) -> zbus::Result<()>;

    /// Closes the account at the service, revokes its certificates and destroys its key shares.
    #[zbus(allow_interactive_auth)]
    fn delete(&self, document_number: &str) -> zbus::Result<()>;

    /// Asks for the signals, for as long as this connection is on the bus.
    fn subscribe(&self) -> zbus::Result<()>;

    /// A transaction waits; it is in `ListPending`.
    #[zbus(signal)]
    fn offered(&self, transaction: &str) -> zbus::Result<()>;

    /// A colleague (name and number) agreed to a transaction that several must approve.
    #[zbus(signal)]
    fn agreed(&self, transaction: &str, by: &str) -> zbus::Result<()>;

    /// A transaction waits no longer. The reason is `approved`, `consented`, `refused`, `disowned`,
    /// `answeredElsewhere`, `expired`, `accountUnusable`, `wrongCode` or `invalid` (the device
    /// itself refused it).
    #[zbus(signal)]
    fn withdrawn(&self, transaction: &str, reason: &str) -> zbus::Result<()>;

    /// An account was enrolled, locked, released, closed or deleted.
    #[zbus(signal)]
    fn account_changed(&self, document_number: &str) -> zbus::Result<()>;
}

/// Connects to the system bus, or to the bus at `address`.
pub async fn connect(address: Option<&str>) -> zbus::Result<Connection> {
    match address {
        Some(address) => zbus::connection::Builder::address(address)?.build().await,
        None => Connection::system().await,
    }
}

/// The daemon's own fault behind an error of the proxy, if it is one.
pub fn fault_of(error: &zbus::Error) -> Option<Fault> {
    let zbus::Error::MethodError(name, text, _) = error else {
        return None;
    };
    let kind: FaultKind = name.as_str().parse().ok()?;
    Some(Fault {
        kind,
        text: text.clone().unwrap_or_else(|| kind.as_str().to_owned()),
    })
}

/// A pipe that holds `secret` and then ends; pass its reading end to the daemon. The caller wipes
/// its own copy.
pub fn secret_pipe(secret: &[u8]) -> std::io::Result<OwnedFd> {
    let (reader, mut writer) = std::io::pipe()?;
    writer.write_all(secret)?;
    Ok(reader.into())
}
