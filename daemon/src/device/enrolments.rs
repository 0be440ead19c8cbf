//! Enrolments from the first call to the kept account, over crashes and lost answers.

use std::num::NonZeroU8;
use std::sync::Arc;

use symbolon_protocol::display_text::DisplayText;
use symbolon_vault::Pin;
use zeroize::Zeroizing;

use super::Device;
use crate::access::{Act, Caller, Details, Owner, user};
use crate::account::Account;
use crate::accounts::{Group, StoredAccount};
use crate::bus::MOST_APPROVALS;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::{Enrolled, HistoryEntry, HistoryEvent};
use crate::enrolment::{self, Application, Noted, Pending};
use crate::link::{Backoff, Link};
use crate::locked::locked;
use crate::services::Service;

impl Device {
    /// `Enrol`; for the caller alone where no group is named. With the group: how many of it must
    /// approve.
    pub async fn enrol(
        self: &Arc<Self>,
        caller: &Caller,
        group: Option<(&str, u8)>,
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
        let group = match group {
            Some((name, approvals)) => Some(group_for(caller, name, approvals).await?),
            None => None,
        };
        let _enrolling = self.enrolling.lock().await;
        let hardware = self
            .core
            .vault
            .call(|vault| vault.custody())
            .await?
            .hardware;
        let application = Application {
            owner: caller.uid,
            group,
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

    async fn enrolled(&self, stored: StoredAccount) -> Arc<Account> {
        let account = self.keep(stored);
        tracing::info!(account = %account.document_number(), "enrolled");
        let by = user(account.deed.owner).await;
        account
            .record(HistoryEntry::new(HistoryEvent::Enrolled).by(Some(by)))
            .await;
        account.announce_change();
        account
    }

    /// Finishes or undoes enrolments that an earlier life of the daemon left.
    pub(super) async fn go_on_with(self: Arc<Self>, notes: Vec<Noted>) {
        for noted in notes {
            let _enrolling = self.enrolling.lock().await;
            match noted {
                Noted::Pending(pending) => self.go_on_with_one(*pending).await,
                Noted::DeviceKey(device_key) => {
                    enrolment::clear_device_key(&self.core, &self.folder, device_key).await;
                }
            }
        }
    }

    async fn go_on_with_one(self: &Arc<Self>, pending: Pending) {
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

    async fn finish_once(&self, pending: &Pending) -> Result<Arc<Account>, Fault> {
        let link = Link::new(self.target(
            &pending.service,
            &pending.identity,
            &pending.device_key,
            &pending.device_certificate,
        ));
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
}

/// The group of that name, if the caller may make an account for it.
async fn group_for(caller: &Caller, name: &str, approvals: u8) -> Result<Group, Fault> {
    let approvals = NonZeroU8::new(approvals).filter(|approvals| approvals.get() <= MOST_APPROVALS);
    let Some(approvals) = approvals else {
        return Err(Fault::with_remedy(
            FaultKind::InvalidArgument,
            "so many approvals cannot be asked for",
            format!("name a number from 1 to {MOST_APPROVALS}"),
        ));
    };
    let wanted = name.to_owned();
    let looked_up = tokio::task::spawn_blocking(move || nix::unistd::Group::from_name(&wanted));
    let found = looked_up
        .await
        .map_err(|error| Fault::new(FaultKind::Failed, error.to_string()))?
        .map_err(|error| {
            Fault::with_remedy(
                FaultKind::Failed,
                format!("the machine's list of groups cannot be read: {error}"),
                "try again, or ask an administrator",
            )
        })?;
    let Some(found) = found else {
        return Err(Fault::with_remedy(
            FaultKind::InvalidArgument,
            "this machine has no such group",
            "an administrator can make it: groupadd, usermod --append --groups",
        ));
    };
    let id = found.gid.as_raw();
    let details = Details::from([("group", id.to_string())]);
    caller
        .require(Owner::Group(id), Act::Enrol, &details)
        .await?;
    Ok(Group {
        id,
        name: found.name,
        approvals,
    })
}

fn can_be_finished_later(fault: &Fault) -> bool {
    matches!(
        fault.kind,
        FaultKind::ServiceUnreachable | FaultKind::StorageFailed
    )
}
