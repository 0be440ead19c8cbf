//! The whole device: its accounts, and what callers may do with them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use symbolon_protocol::display_text::DisplayText;
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};
use symbolon_vault::Pin;
use tokio::task::JoinHandle;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::account::{Account, Core};
use crate::accounts::{DamagedFile, FileError, Store, StoredAccount};
use crate::announcer::Announcer;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::{
    Accounts, ApprovalBegun, Connection, DamagedAccount, Enrolled, History, HistoryEntry,
    HistoryEvent, NotAsked, PendingList, ServiceStatus, Status, Verdict,
};
use crate::config::ServiceConfig;
use crate::enrolment::{self, Application, Folder, Pending};
use crate::identity::client_config;
use crate::link::{Backoff, Link, Target};
use crate::services::Service;
use crate::vault_thread::VaultHandle;

/// The whole device. Lives as long as the daemon.
pub struct Device {
    core: Arc<Core>,
    folder: Folder,
    pub(crate) configured: Mutex<Vec<Configured>>,
    accounts: Mutex<BTreeMap<DocumentNumber, Kept>>,
    pub(crate) damaged: Vec<DamagedFile>,
    /// One enrolment at a time: it fills the vault's time anyway.
    enrolling: tokio::sync::Mutex<()>,
}

/// A service of the configuration, or why it cannot be used.
#[derive(Clone)]
pub(crate) struct Configured {
    pub(crate) config: ServiceConfig,
    pub(crate) service: Result<Service, String>,
}

struct Kept {
    account: Arc<Account>,
    keeper: JoinHandle<()>,
}

/// Who asks: a user of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user's number.
    pub uid: u32,
}

impl Caller {
    /// Whether it is the machine's administrator, who may see and delete, but not approve.
    fn is_root(self) -> bool {
        self.uid == 0
    }

    fn owns(self, account: &Account) -> bool {
        account.deed.owner == self.uid
    }
}

impl Device {
    /// Reads the accounts and begins to keep them connected. Enrolments that a crash interrupted
    /// are finished or undone behind our back. Needs a tokio runtime.
    pub fn start(
        state_directory: &Path,
        services: Vec<ServiceConfig>,
        vault: VaultHandle,
        announcer: Announcer,
    ) -> Result<Arc<Self>, FileError> {
        let store = Store::open(state_directory)?;
        let folder = Folder::open(state_directory)?;
        let (stored, mut damaged) = store.read_all()?;
        let (pending, damaged_notes) = folder.read_all()?;
        damaged.extend(damaged_notes);
        for file in &damaged {
            tracing::error!(path = %file.path.display(), detail = file.detail, "damaged");
        }
        let core = Arc::new(Core {
            vault,
            store,
            announcer,
            releasing: tokio::sync::Mutex::new(()),
        });
        let device = Arc::new(Self {
            core,
            folder,
            configured: Mutex::new(load(services)),
            accounts: Mutex::new(BTreeMap::new()),
            damaged,
            enrolling: tokio::sync::Mutex::new(()),
        });
        for account in stored {
            device.keep(account);
        }
        tokio::spawn(device.clone().go_on_with(pending));
        Ok(device)
    }

    /// Takes services of a configuration that was read anew.
    pub async fn reconfigure(&self, services: Vec<ServiceConfig>) {
        *locked(&self.configured) = load(services);
        for account in self.all() {
            account.link.retarget(self.target_of(&account.deed)).await;
            account.nudge.notify_one();
        }
    }

    /// `ListAccounts`.
    pub async fn list_accounts(&self, caller: Caller) -> Accounts {
        let accounts = self.seen_by(caller);
        for account in &accounts {
            account.read_unknown_counts().await;
        }
        // A file's name tells whose account it is, and its content can no longer.
        let damaged = self.damaged.iter().map(|file| DamagedAccount {
            file: match caller.is_root() {
                true => file.path.display().to_string(),
                false => "an account's file; an administrator can see which".to_owned(),
            },
            detail: file.detail.clone(),
        });
        Accounts {
            accounts: accounts.iter().map(|account| account.described()).collect(),
            damaged: damaged.collect(),
        }
    }

    /// `ListPending`. Every service is asked, pushed or not.
    pub async fn list_pending(&self, caller: Caller) -> PendingList {
        let mut list = PendingList {
            transactions: Vec::new(),
            not_asked: Vec::new(),
        };
        let accounts = self.seen_by(caller);
        let asked = accounts.iter().filter(|account| !account.is_closed());
        let answers = futures_util::future::join_all(
            asked.map(|account| async move { (account, account.sync().await) }),
        );
        for (account, answer) in answers.await {
            match answer {
                Ok(()) => account.nudge_if_waiting(),
                Err(error) => list.not_asked.push(NotAsked {
                    document_number: account.document_number().clone(),
                    detail: error.to_string(),
                }),
            }
            list.transactions.extend(account.pending());
        }
        list.transactions
            .sort_by_key(|transaction| transaction.created_at);
        list
    }

    /// `Status`.
    pub async fn status(&self, caller: Caller, subscribers: u32) -> Status {
        let accounts = self.list_accounts(caller).await.accounts;
        let services = locked(&self.configured);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            services: services
                .iter()
                .map(|configured| ServiceStatus {
                    name: configured.config.name.clone(),
                    url: configured.config.url.clone(),
                })
                .collect(),
            accounts,
            subscribers,
        }
    }

    /// `History`.
    pub async fn history(
        &self,
        caller: Caller,
        document_number: &str,
        limit: u32,
    ) -> Result<History, Fault> {
        let account = self.visible(caller, document_number)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let entries = self
            .core
            .store
            .history(account.document_number(), limit)
            .await?;
        Ok(History { entries })
    }

    /// `Enrol`.
    pub async fn enrol(
        self: &Arc<Self>,
        caller: Caller,
        service: &str,
        code: Zeroizing<String>,
        device_name: &str,
        pins: (Pin, Pin),
    ) -> Result<Enrolled, Fault> {
        let device_name = DisplayText::name(device_name);
        if device_name.as_str().is_empty() {
            return Err(Fault::with_remedy(
                FaultKind::InvalidArgument,
                "the device has no name",
                "give it one that you will recognise in a list of your devices",
            ));
        }
        let service = self.service(service)?;
        let _enrolling = self.enrolling.lock().await;
        let hardware = self
            .core
            .vault
            .call(|vault| vault.custody())
            .await?
            .hardware;
        let application = Application {
            owner: caller.uid,
            code,
            device_name: device_name.as_str().to_owned(),
            pin1: pins.0,
            pin2: pins.1,
        };
        let pending = enrolment::begin(&self.core, &self.folder, &service, application).await?;
        let account = match self.finish_once(&pending).await {
            Ok(account) => account,
            Err(fault) => {
                if can_be_finished_later(&fault) {
                    tokio::spawn(self.clone().finish(pending));
                }
                return Err(fault);
            }
        };
        account.activate().await.map_err(|error| {
            Fault::with_remedy(
                FaultKind::ServiceUnreachable,
                format!("the account is made, but {error}"),
                "it goes live by itself when the service can be reached; \
                 `symbolon accounts` shows it",
            )
        })?;
        let described = account.described();
        Ok(Enrolled {
            document_number: described.document_number,
            person: described.person,
            given_name: described.given_name,
            surname: described.surname,
            level: described.level,
            hardware,
        })
    }

    /// `BeginApproval`.
    pub async fn begin_approval(
        &self,
        caller: Caller,
        transaction: &str,
    ) -> Result<ApprovalBegun, Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        account.begin_approval(id).await
    }

    /// `Approve`.
    pub async fn approve(
        &self,
        caller: Caller,
        transaction: &str,
        pin: Pin,
    ) -> Result<Verdict, Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        account.approve(id, pin).await
    }

    /// `Refuse`.
    pub async fn refuse(&self, caller: Caller, transaction: &str) -> Result<(), Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        account.refuse(id).await
    }

    /// `ChangePin`.
    pub async fn change_pin(
        &self,
        caller: Caller,
        document_number: &str,
        purpose: KeyPurpose,
        old: Pin,
        new: Pin,
    ) -> Result<Verdict, Fault> {
        let account = self.visible(caller, document_number)?;
        if !caller.owns(&account) {
            return Err(not_authorized());
        }
        account.change_pin(purpose, old, new).await
    }

    /// `Delete`.
    pub async fn delete(&self, caller: Caller, document_number: &str) -> Result<(), Fault> {
        let account = self.visible(caller, document_number)?;
        account.delete().await?;
        if let Some(kept) = locked(&self.accounts).remove(account.document_number()) {
            kept.keeper.abort();
        }
        Ok(())
    }

    pub(crate) fn vault(&self) -> &VaultHandle {
        &self.core.vault
    }

    /// The accounts that a caller may see.
    pub(crate) fn seen_by(&self, caller: Caller) -> Vec<Arc<Account>> {
        let mut accounts = self.all();
        accounts.retain(|account| caller.is_root() || caller.owns(account));
        accounts
    }

    fn all(&self) -> Vec<Arc<Account>> {
        locked(&self.accounts)
            .values()
            .map(|kept| kept.account.clone())
            .collect()
    }

    /// An account by its number; what the caller may not see does not exist for them.
    fn visible(&self, caller: Caller, document_number: &str) -> Result<Arc<Account>, Fault> {
        self.seen_by(caller)
            .into_iter()
            .find(|account| account.document_number().to_string() == document_number)
            .ok_or_else(|| {
                Fault::with_remedy(
                    FaultKind::NotFound,
                    "you have no such account on this machine",
                    "`symbolon accounts` lists yours",
                )
            })
    }

    /// The account that a transaction is for, if it is the caller's own.
    async fn asked(
        &self,
        caller: Caller,
        transaction: &str,
    ) -> Result<(Arc<Account>, Uuid), Fault> {
        let id: Uuid = transaction.parse().map_err(|_| {
            Fault::with_remedy(
                FaultKind::InvalidArgument,
                "that is no transaction's name",
                "`symbolon pending` lists what waits",
            )
        })?;
        let seen = self.seen_by(caller);
        let known = seen.iter().find(|account| account.has_transaction(id));
        if let Some(account) = known {
            if !caller.owns(account) {
                return Err(not_authorized());
            }
            return Ok((account.clone(), id));
        }
        // Without push it may wait at the service all the same.
        for account in seen.into_iter().filter(|account| caller.owns(account)) {
            if !account.is_closed()
                && account.fetch(id).await.is_ok()
                && account.has_transaction(id)
            {
                return Ok((account, id));
            }
        }
        Err(Fault::with_remedy(
            FaultKind::NotFound,
            "no such transaction waits for you",
            "`symbolon pending` lists what waits",
        ))
    }

    fn service(&self, name: &str) -> Result<Service, Fault> {
        let configured = locked(&self.configured);
        let found = match (name, configured.as_slice()) {
            ("", [only]) => Some(only),
            _ => configured
                .iter()
                .find(|configured| configured.config.name == name),
        };
        let Some(found) = found else {
            let names: Vec<_> = configured
                .iter()
                .map(|configured| configured.config.name.as_str())
                .collect();
            return Err(Fault::with_remedy(
                FaultKind::InvalidArgument,
                "no such service is configured",
                match names.as_slice() {
                    [] => "an administrator must add one to /etc/symbolon/daemon.toml".to_owned(),
                    names => format!("name one of: {}", names.join(", ")),
                },
            ));
        };
        found.service.clone().map_err(|detail| {
            Fault::with_remedy(
                FaultKind::ServiceUnreachable,
                format!("the service's configuration cannot be used: {detail}"),
                "an administrator must mend daemon.toml",
            )
        })
    }

    fn target_of(&self, deed: &crate::accounts::Deed) -> Target {
        let configured = locked(&self.configured);
        let service = configured
            .iter()
            .find(|configured| configured.config.name == deed.service)
            .ok_or_else(|| format!("no service named {:?} is configured", deed.service))?
            .service
            .clone()?;
        let tls = client_config(
            &self.core.vault,
            &deed.identity,
            deed.device_key.as_slice(),
            deed.device_certificate.0.clone(),
            service.roots.clone(),
        )
        .map_err(|error| error.to_string())?;
        Ok((service.endpoint, tls))
    }

    /// Takes an account in and keeps it connected.
    fn keep(&self, stored: StoredAccount) -> Arc<Account> {
        let link = Link::new(self.target_of(&stored.deed));
        let account = Arc::new(Account::new(stored, self.core.clone(), link));
        let kept = Kept {
            account: account.clone(),
            keeper: tokio::spawn(account.clone().keep()),
        };
        locked(&self.accounts).insert(account.document_number().clone(), kept);
        account
    }

    async fn enrolled(&self, stored: StoredAccount) -> Arc<Account> {
        let account = self.keep(stored);
        tracing::info!(account = %account.document_number(), "enrolled");
        account
            .record(HistoryEntry::new(HistoryEvent::Enrolled))
            .await;
        account.announce_change();
        account
    }

    /// Finishes or undoes enrolments that an earlier life of the daemon left.
    async fn go_on_with(self: Arc<Self>, notes: Vec<Pending>) {
        for pending in notes {
            let _enrolling = self.enrolling.lock().await;
            let number = &pending.begun.document_number;
            if locked(&self.accounts).contains_key(number) {
                // The account was stored; only the note of it was left.
                enrolment::forget(&self.folder, &pending).await;
            } else if pending.is_made() {
                tokio::spawn(self.clone().finish(pending));
            } else {
                tracing::info!(account = %number, "an interrupted enrolment is undone");
                enrolment::undo(&self.core, &self.folder, &pending).await;
            }
        }
    }

    async fn finish_once(&self, pending: &Pending) -> Result<Arc<Account>, Fault> {
        let link = Link::new(self.target_of_pending(pending));
        let stored = enrolment::finish(&self.core, &self.folder, &link, pending).await?;
        Ok(self.enrolled(stored).await)
    }

    async fn finish(self: Arc<Self>, pending: Pending) {
        let mut backoff = Backoff::default();
        loop {
            tokio::time::sleep(backoff.next_wait()).await;
            let _enrolling = self.enrolling.lock().await;
            match self.finish_once(&pending).await {
                Ok(_) => return,
                Err(fault) if can_be_finished_later(&fault) => {
                    tracing::warn!(%fault, "an enrolment is not finished yet");
                }
                Err(fault) => return tracing::error!(%fault, "an enrolment was undone"),
            }
        }
    }

    fn target_of_pending(&self, pending: &Pending) -> Target {
        let service = self.service(&pending.service).map_err(|fault| fault.text)?;
        let tls = client_config(
            &self.core.vault,
            &pending.identity,
            pending.device_key.as_slice(),
            pending.device_certificate.0.clone(),
            service.roots.clone(),
        )
        .map_err(|error| error.to_string())?;
        Ok((service.endpoint, tls))
    }
}

impl Account {
    /// The service was just reached: a keeper that waits after a failure need not.
    fn nudge_if_waiting(&self) {
        if matches!(self.connection(), Connection::Disconnected { .. }) {
            self.nudge.notify_one();
        }
    }
}

fn load(services: Vec<ServiceConfig>) -> Vec<Configured> {
    services
        .into_iter()
        .map(|config| {
            let service = Service::load(&config);
            if let Err(detail) = &service {
                tracing::error!(service = config.name, detail, "the service cannot be used");
            }
            Configured { config, service }
        })
        .collect()
}

fn can_be_finished_later(fault: &Fault) -> bool {
    matches!(
        fault.kind,
        FaultKind::ServiceUnreachable | FaultKind::StorageFailed
    )
}

fn not_authorized() -> Fault {
    Fault::with_remedy(
        FaultKind::NotAuthorized,
        "the account belongs to another user of this machine",
        "only its owner may do this",
    )
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
