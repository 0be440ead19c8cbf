//! The whole device: its accounts, and who may do what with them.
//!
//! * here: which accounts there are, and which a caller may see.
//! * `calls`: what callers ask, one method for each of the bus.
//! * `enrolments`: from the first call to the kept account.

mod calls;
mod enrolments;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use symbolon_protocol::bytes::Octets;
use symbolon_protocol::identifiers::DocumentNumber;
use symbolon_vault::SealedIdentity;
use tokio::task::JoinHandle;

use crate::access::{Caller, Sight};
use crate::account::{Account, Core};
use crate::accounts::{DamagedFile, Deed, FileError, Store, StoredAccount};
use crate::announcer::Announcer;
use crate::bus::fault::{Fault, FaultKind};
use crate::config::ServiceConfig;
use crate::enrolment::Folder;
use crate::identity::client_config;
use crate::link::{Link, Target};
use crate::locked::locked;
use crate::services::Service;
use crate::token_pin::HandedPin;
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
    /// Where the token's PIN is put, if only a person has it.
    token_pin: OnceLock<Arc<HandedPin>>,
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

/// The accounts that a caller may see.
pub(crate) struct Seen {
    pub(crate) accounts: Vec<Arc<Account>>,
    /// Why some are left out that they might be allowed to see.
    pub(crate) withheld: Option<Fault>,
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
            token_pin: OnceLock::new(),
        });
        for account in stored {
            device.keep(account);
        }
        tokio::spawn(device.clone().go_on_with(pending));
        Ok(device)
    }

    /// From now on, callers may hand over the token's PIN.
    pub fn take_token_pin_into(&self, place: Arc<HandedPin>) {
        // There is one token: who comes second finds the place taken.
        let _ = self.token_pin.set(place);
    }

    /// Takes services of a configuration that was read anew.
    pub async fn reconfigure(&self, services: Vec<ServiceConfig>) {
        *locked(&self.configured) = load(services);
        for account in self.all() {
            account.link.retarget(self.target_of(&account.deed));
        }
        self.connect_anew().await;
    }

    /// Lets go of every connection, which may be dead, and opens a new one without a wait.
    pub(crate) async fn connect_anew(&self) {
        for account in self.all() {
            account.link.hang_up().await;
            account.nudge.notify_one();
        }
    }

    pub(crate) fn vault(&self) -> &VaultHandle {
        &self.core.vault
    }

    /// The accounts that a caller may see.
    pub(crate) async fn seen_by(&self, caller: &Caller) -> Seen {
        let judged = self.all().into_iter().map(|account| async move {
            let sight = account.sight_of(caller).await;
            (account, sight)
        });
        let mut seen = Seen {
            accounts: Vec::new(),
            withheld: None,
        };
        for (account, sight) in futures_util::future::join_all(judged).await {
            match sight {
                Sight::Seen => seen.accounts.push(account),
                Sight::Unseen => {}
                Sight::Undecided(fault) => seen.withheld = Some(fault),
            }
        }
        seen
    }

    fn all(&self) -> Vec<Arc<Account>> {
        locked(&self.accounts)
            .values()
            .map(|kept| kept.account.clone())
            .collect()
    }

    /// An account by its number; what the caller may not see does not exist for them.
    async fn visible(&self, caller: &Caller, document_number: &str) -> Result<Arc<Account>, Fault> {
        let mut accounts = self.all().into_iter();
        let account =
            accounts.find(|account| account.document_number().as_str() == document_number);
        if let Some(account) = account {
            match account.sight_of(caller).await {
                Sight::Seen => return Ok(account),
                Sight::Undecided(fault) => return Err(fault),
                Sight::Unseen => {}
            }
        }
        Err(Fault::with_remedy(
            FaultKind::NotFound,
            "you have no such account on this machine",
            "`symbolon accounts` lists yours",
        ))
    }

    fn target_of(&self, deed: &Deed) -> Target {
        self.target(
            &deed.service,
            &deed.identity,
            &deed.device_key,
            &deed.device_certificate,
        )
    }

    /// How a device of ours connects to a service.
    fn target(
        &self,
        service: &str,
        identity: &SealedIdentity,
        device_key: &Octets,
        device_certificate: &Octets,
    ) -> Target {
        let service = locked(&self.configured)
            .iter()
            .find(|configured| configured.config.name == service)
            .ok_or_else(|| format!("no service named {service:?} is configured"))?
            .service
            .clone()?;
        let tls = client_config(
            &self.core.vault,
            identity,
            device_key.as_slice(),
            device_certificate.0.clone(),
            service.roots,
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
