//! The interface over a private message bus, as clients use it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tempfile::TempDir;
use uuid::Uuid;
use zbus::zvariant::Fd;
use zbus::{Connection, MatchRule, MessageStream};

use super::serve;
use crate::access::Owner;
use crate::announcer::{Announcer, News};
use crate::bus::client::{SymbolonProxy, fault_of, secret_pipe};
use crate::bus::fault::FaultKind;
use crate::bus::messages::{Accounts, Diagnosis, PendingList, Severity, Status};
use crate::device::Device;
use crate::test_bus::Bus;
use crate::test_transactions::account;
use crate::test_vault::TestVault;
use crate::vault_thread::VaultHandle;

struct Stage {
    bus: Bus,
    announcer: Announcer,
    _server: Connection,
    _folder: TempDir,
}

/// A device without accounts and services, on a bus.
async fn stage() -> Option<Stage> {
    let bus = Bus::start()?;
    let folder = tempfile::tempdir().unwrap();
    let vault = VaultHandle::start(Box::new(TestVault::default())).unwrap();
    let (announcer, announcements) = Announcer::new();
    let device: Arc<Device> =
        Device::start(folder.path(), Vec::new(), vault, announcer.clone()).unwrap();
    let server = serve(Some(&bus.address), device, announcements)
        .await
        .unwrap();
    Some(Stage {
        bus,
        announcer,
        _server: server,
        _folder: folder,
    })
}

impl Stage {
    async fn client(&self) -> (Connection, SymbolonProxy<'static>) {
        let connection = crate::bus::client::connect(Some(&self.bus.address))
            .await
            .unwrap();
        let proxy = SymbolonProxy::new(&connection).await.unwrap();
        (connection, proxy)
    }
}

fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_are_the_json_that_clients_read() {
    let Some(stage) = stage().await else { return };
    let (_connection, proxy) = stage.client().await;

    let accounts: Accounts = serde_json::from_str(&proxy.list_accounts().await.unwrap()).unwrap();
    assert!(accounts.accounts.is_empty() && accounts.damaged.is_empty());
    let pending: PendingList = serde_json::from_str(&proxy.list_pending().await.unwrap()).unwrap();
    assert!(pending.transactions.is_empty() && pending.not_asked.is_empty());
    let status: Status = serde_json::from_str(&proxy.status().await.unwrap()).unwrap();
    assert_eq!(status.subscribers, 0);
    let diagnosis: Diagnosis = serde_json::from_str(&proxy.doctor().await.unwrap()).unwrap();
    assert!(!diagnosis.healthy);
    for finding in &diagnosis.findings {
        let advised = finding.remedy.is_some();
        assert!(
            advised || finding.severity == Severity::Good,
            "{finding:?} leaves the person alone"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_comes_with_its_name_and_what_to_do() {
    let Some(stage) = stage().await else { return };
    let (_connection, proxy) = stage.client().await;
    let unknown = Uuid::new_v4().to_string();

    for (digits, transaction, kind) in [
        (&b"1593"[..], unknown.as_str(), FaultKind::NotFound),
        (b"159", &unknown, FaultKind::InvalidPin),
        (b"15x3", &unknown, FaultKind::InvalidPin),
        (b"1593", "nonsense", FaultKind::InvalidArgument),
        (&[b'1'; 65], &unknown, FaultKind::InvalidArgument),
    ] {
        let pipe = secret_pipe(digits).unwrap();
        let error = proxy
            .approve(transaction, Fd::from(pipe))
            .await
            .unwrap_err();
        let fault = fault_of(&error).unwrap();
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.text.contains("; "), "{fault}");
    }
    let (code, pin1, pin2) = (b"code", b"1593", b"26481");
    let error = proxy
        .enrol(
            "",
            Fd::from(secret_pipe(code).unwrap()),
            "laptop",
            Fd::from(secret_pipe(pin1).unwrap()),
            Fd::from(secret_pipe(pin2).unwrap()),
        )
        .await
        .unwrap_err();
    assert_eq!(fault_of(&error).unwrap().kind, FaultKind::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_subscribers_are_told_and_only_about_their_own() {
    let Some(stage) = stage().await else { return };
    let (_subscribed, proxy) = stage.client().await;
    let mut offered = proxy.receive_offered().await.unwrap();
    proxy.subscribe().await.unwrap();
    // Somebody who listens to everything that a bus lets them hear.
    let (listener, _) = stage.client().await;
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .interface(crate::bus::INTERFACE)
        .unwrap()
        .build();
    let mut overheard = MessageStream::for_match_rule(rule, &listener, None)
        .await
        .unwrap();

    let (anothers, own) = (Uuid::new_v4(), Uuid::new_v4());
    let another = Owner::User(own_uid().wrapping_add(1));
    let announcer = &stage.announcer;
    announcer.tell(account(), another, News::Offered(anothers));
    announcer.tell(account(), Owner::User(own_uid()), News::Offered(own));

    let told = tokio::time::timeout(Duration::from_secs(10), offered.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(told.args().unwrap().transaction, own.to_string());
    // The bus has delivered what it would deliver before it answers this.
    let bus = zbus::fdo::DBusProxy::new(&listener).await.unwrap();
    bus.get_id().await.unwrap();
    let heard = tokio::time::timeout(Duration::from_millis(1), overheard.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_the_bus_is_no_subscriber_any_more() {
    let Some(stage) = stage().await else { return };
    let (_connection, proxy) = stage.client().await;
    let (leaving, subscriber) = stage.client().await;
    let subscribers = async || {
        let status: Status = serde_json::from_str(&proxy.status().await.unwrap()).unwrap();
        status.subscribers
    };
    subscriber.subscribe().await.unwrap();
    subscriber.subscribe().await.unwrap();
    assert_eq!(subscribers().await, 1);

    drop(subscriber);
    leaving.close().await.unwrap();

    let gone = async {
        while subscribers().await != 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .unwrap();
}
