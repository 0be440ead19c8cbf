//! What callers ask of the device, one method for each of the bus.

use std::sync::Arc;

use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_vault::Pin;
use uuid::Uuid;

use super::{Caller, Device, locked};
use crate::account::Account;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::{
    Accounts, ApprovalBegun, CallbackTaken, CodeChosen, Connection, ConsentTaken, DamagedAccount,
    History, HistoryRecord, Linked, NotAsked, PendingList, PendingTransaction, ServiceStatus,
    Status, Verdict,
};
use crate::transaction::RefusedAs;

impl Device {
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

    /// `ExportHistory`.
    pub async fn export_history(
        &self,
        caller: Caller,
        document_number: &str,
    ) -> Result<HistoryRecord, Fault> {
        let account = self.visible(caller, document_number)?;
        let document_number = account.document_number().clone();
        let record = self.core.store.history_record(&document_number).await?;
        Ok(HistoryRecord {
            document_number,
            record: String::from_utf8_lossy(&record).into_owned(),
        })
    }

    /// `OpenLink`. An empty document number means the caller's only account.
    pub async fn open_link(
        &self,
        caller: Caller,
        link: &str,
        document_number: &str,
    ) -> Result<PendingTransaction, Fault> {
        let mut own: Vec<_> = self.seen_by(caller);
        own.retain(|account| caller.owns(account) && !account.is_closed());
        if !document_number.is_empty() {
            own.retain(|account| account.document_number().as_str() == document_number);
        }
        match own.as_slice() {
            [account] => account.open_link(link).await,
            [] => Err(Fault::with_remedy(
                FaultKind::NotFound,
                "you have no such account that could open the link",
                "`symbolon accounts` lists yours, `symbolon enrol` makes one",
            )),
            several => {
                let numbers: Vec<_> = several
                    .iter()
                    .map(|account| account.document_number().to_string())
                    .collect();
                Err(Fault::with_remedy(
                    FaultKind::InvalidArgument,
                    "several of your accounts could open the link",
                    format!("name one of {}", numbers.join(", ")),
                ))
            }
        }
    }

    /// `TakeCallback`.
    pub async fn take_callback(
        &self,
        caller: Caller,
        transaction: &str,
    ) -> Result<CallbackTaken, Fault> {
        let id: Uuid = transaction.parse().map_err(|_| no_name())?;
        let own = self.seen_by(caller);
        let url = own
            .iter()
            .filter(|account| caller.owns(account) && account.has_callback(id))
            .find_map(|account| account.take_callback(id));
        Ok(CallbackTaken { url })
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

    /// `ChooseCode`.
    pub async fn choose_code(
        &self,
        caller: Caller,
        transaction: &str,
        code: &str,
    ) -> Result<CodeChosen, Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        account.choose_code(id, code).await
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

    /// `Consent`.
    pub async fn consent(&self, caller: Caller, transaction: &str) -> Result<ConsentTaken, Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        account.consent(id).await
    }

    /// `AwaitLinked`.
    pub async fn await_linked(&self, caller: Caller, transaction: &str) -> Result<Linked, Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        Ok(Linked {
            transaction: account.await_linked(id).await,
        })
    }

    /// `Refuse` and `Disown`.
    pub async fn refuse(
        &self,
        caller: Caller,
        transaction: &str,
        refused_as: RefusedAs,
    ) -> Result<(), Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        account.refuse(id, refused_as).await
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

    /// The account that a transaction is for, if it is the caller's own.
    async fn asked(
        &self,
        caller: Caller,
        transaction: &str,
    ) -> Result<(Arc<Account>, Uuid), Fault> {
        let id: Uuid = transaction.parse().map_err(|_| no_name())?;
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
}

impl Account {
    /// The service was just reached: a keeper that waits after a failure need not.
    fn nudge_if_waiting(&self) {
        if matches!(self.connection(), Connection::Disconnected { .. }) {
            self.nudge.notify_one();
        }
    }
}

fn no_name() -> Fault {
    Fault::with_remedy(
        FaultKind::InvalidArgument,
        "that is no transaction's name",
        "`symbolon pending` lists what waits",
    )
}

fn not_authorized() -> Fault {
    Fault::with_remedy(
        FaultKind::NotAuthorized,
        "the account belongs to another user of this machine",
        "only its owner may do this",
    )
}
