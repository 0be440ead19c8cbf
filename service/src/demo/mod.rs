//! Demo accounts: persons who do not exist, whose devices answer by themselves.
//!
//! Relying parties develop against them, and so do our own tests: each accepts, refuses, picks the
//! wrong code or stays silent, as its name in [`accounts`] says. Their devices live inside the
//! service's process ([`device`]) and answer through the same functions as everybody's. **Both
//! halves of their keys are therefore in one place, and they promise nothing**: they exist only
//! where the configuration has a `[demo]` section, and [`config`] refuses that section wherever a
//! signature could be taken for a real one.

mod accounts;
mod answer;
mod callback;
mod config;
mod device;
mod enrol;
mod mock;
mod shares;

use std::collections::HashMap;
use std::sync::Arc;

use symbolon_protocol::identifiers::DocumentNumber;

use crate::service::Service;
use crate::store::{Store, StoreError};

pub use accounts::{ACCOUNTS, DemoAccount, Outcome};
pub use callback::CallbackError;
pub use config::{DemoConfig, NotADemo, judge};
pub use enrol::{Made, enrol};
pub use shares::draw as draw_device_share;

use callback::Caller;
use device::Device;

/// The devices of all demo accounts of a store.
pub struct Demo {
    service: Service,
    devices: HashMap<DocumentNumber, Arc<Device>>,
    caller: Arc<Caller>,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Callbacks could not be called.
    #[error(transparent)]
    Callback(#[from] CallbackError),
}

impl Demo {
    /// Finds the devices that `demo init` made.
    pub async fn open(service: &Service, config: &DemoConfig) -> Result<Arc<Self>, DemoError> {
        let mut devices = HashMap::new();
        for account in ACCOUNTS {
            if let Some(device) = Device::load(&service.store, account).await? {
                devices.insert(device.document_number().clone(), Arc::new(device));
            }
        }
        if devices.is_empty() {
            tracing::warn!("there are no demo accounts; `symbolon-service demo init` makes them");
        }
        Ok(Arc::new(Self {
            service: service.clone(),
            devices,
            caller: Arc::new(Caller::new(config)?),
        }))
    }

    /// Lets every device answer, until the service stops.
    pub async fn run(self: Arc<Self>, config: DemoConfig) {
        let mut running = tokio::task::JoinSet::new();
        for device in self.devices.values() {
            running.spawn(device.clone().live(
                self.service.clone(),
                self.caller.clone(),
                config.answer_after(),
            ));
        }
        while running.join_next().await.is_some() {}
    }

    /// `POST /mock/device-link`.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        mock::router(self.clone())
    }
}

/// Whether a store has demo accounts.
pub async fn is_in(store: &Store) -> Result<bool, StoreError> {
    let found = sqlx::query("SELECT document_number FROM demo_device LIMIT 1")
        .fetch_optional(&mut *store.reader().await?)
        .await?;
    Ok(found.is_some())
}
