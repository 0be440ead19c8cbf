//! What callers ask of the device, one method for each of the bus.

use std::sync::Arc;

use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_vault::Pin;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Device, Seen};
use crate::access::{Act, Caller};
use crate::account::Account;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::{
    Accounts, ApprovalBegun, Approvals, CallbackTaken, CodeChosen, Connection, ConsentTaken,
    DamagedAccount, History, HistoryRecord, Linked, NotAsked, PendingList, PendingTransaction,
    ServiceStatus, Status, Verdict,
};
use crate::locked::locked;
use crate::transaction::RefusedAs;

impl Device {
    /// `ListAccounts`.
    pub async fn list_accounts(&self, caller: &Caller) -> Accounts {
        let seen = self.seen_by(caller).await;
        for account in &seen.accounts {
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
            accounts: seen
                .accounts
                .iter()
                .map(|account| account.described())
                .collect(),
            withheld: seen.withheld.map(|fault| fault.text),
            damaged: damaged.collect(),
        }
    }

    /// `ListPending`. Every service is asked, pushed or not.
    pub async fn list_pending(&self, caller: &Caller) -> PendingList {
        let seen = self.seen_by(caller).await;
        let mut list = PendingList {
            transactions: Vec::new(),
            withheld: seen.withheld.map(|fault| fault.text),
            not_asked: Vec::new(),
        };
        let asked = seen.accounts.iter().filter(|account| !account.is_closed());
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
    pub async fn status(&self, caller: &Caller, subscribers: u32) -> Status {
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
        caller: &Caller,
        document_number: &str,
        limit: u32,
    ) -> Result<History, Fault> {
        let account = self.visible(caller, document_number).await?;
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
        caller: &Caller,
        document_number: &str,
    ) -> Result<HistoryRecord, Fault> {
        let account = self.visible(caller, document_number).await?;
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
        caller: &Caller,
        link: &str,
        document_number: &str,
    ) -> Result<PendingTransaction, Fault> {
        let mut own = self.seen_by(caller).await.accounts;
        own.retain(|account| account.is_open_to(caller, Act::Answer) && !account.is_closed());
        if !document_number.is_empty() {
            own.retain(|account| account.document_number().as_str() == document_number);
        }
        match own.as_slice() {
            [account] => {
                account.require(caller, Act::Answer).await?;
                account.open_link(link, caller.uid).await
            }
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
        caller: &Caller,
        transaction: &str,
    ) -> Result<CallbackTaken, Fault> {
        let id: Uuid = transaction.parse().map_err(|_| no_name())?;
        let own = self.seen_by(caller).await.accounts;
        let url = own
            .iter()
            .find_map(|account| account.take_callback(id, caller.uid));
        Ok(CallbackTaken { url })
    }

    /// `BeginApproval`.
    pub async fn begin_approval(
        &self,
        caller: &Caller,
        transaction: &str,
    ) -> Result<ApprovalBegun, Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        account.begin_approval(id, caller.uid).await
    }

    /// `ChooseCode`.
    pub async fn choose_code(
        &self,
        caller: &Caller,
        transaction: &str,
        code: &str,
    ) -> Result<CodeChosen, Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        account.choose_code(id, code, &caller.user().await).await
    }

    /// `Approve`.
    pub async fn approve(
        &self,
        caller: &Caller,
        transaction: &str,
        pin: Pin,
    ) -> Result<Verdict, Fault> {
        let (asked, by) = tokio::join!(self.asked(caller, transaction), caller.user());
        let (account, id) = asked?;
        account.approve(id, pin, &by).await
    }

    /// `Consent`.
    pub async fn consent(&self, caller: &Caller, transaction: &str) -> Result<ConsentTaken, Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        account.consent(id, &caller.user().await).await
    }

    /// `Agree`.
    pub async fn agree(&self, caller: &Caller, transaction: &str) -> Result<Approvals, Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        account.agree(id, &caller.user().await).await
    }

    /// `AwaitLinked`.
    pub async fn await_linked(&self, caller: &Caller, transaction: &str) -> Result<Linked, Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        Ok(Linked {
            transaction: account.await_linked(id).await,
        })
    }

    /// `Refuse` and `Disown`.
    pub async fn refuse(
        &self,
        caller: &Caller,
        transaction: &str,
        refused_as: RefusedAs,
    ) -> Result<(), Fault> {
        let (account, id) = self.asked(caller, transaction).await?;
        account.refuse(id, refused_as, &caller.user().await).await
    }

    /// `ChangePin`.
    pub async fn change_pin(
        &self,
        caller: &Caller,
        document_number: &str,
        purpose: KeyPurpose,
        old: Pin,
        new: Pin,
    ) -> Result<Verdict, Fault> {
        let account = self.visible(caller, document_number).await?;
        account.require(caller, Act::ChangePin).await?;
        let by = caller.user().await;
        account.change_pin(purpose, old, new, &by).await
    }

    /// `UnlockToken`. A PIN that is there already is left alone: the new one may be wrong.
    pub async fn unlock_token(
        &self,
        caller: &Caller,
        pin: Zeroizing<Vec<u8>>,
    ) -> Result<(), Fault> {
        let Some(place) = self.token_pin.get() else {
            return Err(Fault::with_remedy(
                FaultKind::InvalidArgument,
                "nobody waits for a token's PIN",
                "it is asked for where /etc/symbolon/daemon.toml says `ask_pin = true` under \
                 [token], and there is neither the credential token-pin nor a `pin_file`",
            ));
        };
        if !place.is_taken_from(caller.uid) {
            return Err(Fault::with_remedy(
                FaultKind::NotAuthorized,
                "you may not unlock the token",
                "an administrator names who may: `unlock_users` in /etc/symbolon/daemon.toml",
            ));
        }
        if place.again().is_none() {
            place.put(pin);
        }
        self.vault().call(|vault| vault.custody()).await?;
        let by = caller.user().await;
        tracing::info!(
            event = "tokenUnlocked",
            user_id = by.uid,
            user_name = by.name,
            "the token was unlocked by {by}"
        );
        // Their handshakes need the token too.
        self.connect_anew().await;
        Ok(())
    }

    /// `Delete`.
    pub async fn delete(&self, caller: &Caller, document_number: &str) -> Result<(), Fault> {
        let account = self.visible(caller, document_number).await?;
        account.require(caller, Act::Delete).await?;
        let by = caller.user().await;
        account.delete().await?;
        tracing::info!(
            event = "deleted",
            account = document_number,
            user_id = by.uid,
            user_name = by.name,
            "deletion of {document_number} by {by}"
        );
        if let Some(kept) = locked(&self.accounts).remove(account.document_number()) {
            kept.keeper.abort();
        }
        Ok(())
    }

    /// The account that a transaction is for, if the caller may answer it.
    async fn asked(
        &self,
        caller: &Caller,
        transaction: &str,
    ) -> Result<(Arc<Account>, Uuid), Fault> {
        let id: Uuid = transaction.parse().map_err(|_| no_name())?;
        let seen = self.seen_by(caller).await;
        let account = match seen.account_with(id) {
            Some(account) => account,
            // Without push it may wait at the service all the same.
            None => seen.fetched(caller, id).await?,
        };
        account.require_answer(caller, id).await?;
        Ok((account, id))
    }
}

impl Seen {
    fn account_with(&self, id: Uuid) -> Option<Arc<Account>> {
        let mut accounts = self.accounts.iter();
        accounts
            .find(|account| account.has_transaction(id))
            .cloned()
    }

    async fn fetched(self, caller: &Caller, id: Uuid) -> Result<Arc<Account>, Fault> {
        for account in self.accounts {
            if account.is_open_to(caller, Act::Answer)
                && !account.is_closed()
                && account.fetch(id).await.is_ok()
                && account.has_transaction(id)
            {
                return Ok(account);
            }
        }
        Err(self.withheld.unwrap_or_else(|| {
            Fault::with_remedy(
                FaultKind::NotFound,
                "no such transaction waits for you",
                "`symbolon pending` lists what waits",
            )
        }))
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
