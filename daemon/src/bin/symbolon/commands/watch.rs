//! `symbolon watch`: what waits, and what becomes of it, as it happens. Nothing is asked again and
//! again: the daemon tells.

use std::collections::HashMap;

use futures_util::StreamExt;
use serde::Serialize;
use symbolon_daemon::bus::messages::{Account, Accounts, PendingList, PendingTransaction};
use symbolon_daemon::clock::now;
use symbolon_daemon::transaction::End;
use uuid::Uuid;
use zbus::Message;

use super::standing::in_short;
use super::{Session, codes, lists, parse};
use crate::exit::{Exit, Failure};
use crate::local_time::{length, moment};
use crate::output::complain;

/// Until it is interrupted, or the bus goes away.
pub(super) async fn run(session: &Session) -> Result<Exit, Failure> {
    // The matches first: what is told at once must be heard.
    let mut signals = session.daemon.inner().receive_all_signals().await?;
    let mut owners = session.daemon.inner().receive_owner_changed().await?;
    let mut watch = Watch {
        session,
        waiting: HashMap::new(),
    };
    watch.begin().await?;
    loop {
        let done = tokio::select! {
            signal = signals.next() => match signal {
                Some(signal) => watch.hear(&signal).await,
                None => return Err(bus_gone()),
            },
            owner = owners.next() => match owner {
                Some(Some(_)) => watch.resume().await,
                Some(None) => watch.pause(),
                None => return Err(bus_gone()),
            },
        };
        done?;
    }
}

/// What is told, one line each; with `--json`, in this form.
#[derive(Debug, Serialize)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum Event<'a> {
    /// A transaction waits; told of those that waited already as well.
    Offered { transaction: &'a PendingTransaction },
    /// A colleague agreed to one that several must approve.
    Agreed { id: &'a str, by: &'a str },
    /// A transaction waits no longer.
    Withdrawn {
        id: &'a str,
        reason: &'a str,
        /// As it was offered, if this watch saw that.
        #[serde(skip_serializing_if = "Option::is_none")]
        transaction: Option<PendingTransaction>,
    },
    /// An account was enrolled, locked, released, closed or deleted.
    AccountChanged {
        document_number: &'a str,
        /// How it stands; absent if it is there no more.
        #[serde(skip_serializing_if = "Option::is_none")]
        account: Option<Account>,
    },
    /// The daemon ended; it may come back.
    DaemonGone {},
    /// It came back: what waits is told anew.
    DaemonBack {},
}

struct Watch<'a> {
    session: &'a Session,
    waiting: HashMap<Uuid, PendingTransaction>,
}

impl Watch<'_> {
    async fn begin(&mut self) -> Result<(), Failure> {
        self.session.daemon.subscribe().await?;
        let pending = self.pending().await?;
        self.tell_new(pending)
    }

    async fn resume(&mut self) -> Result<(), Failure> {
        self.tell(&Event::DaemonBack {})?;
        if let Err(error) = self.session.daemon.subscribe().await {
            complain(&Failure::from(error).text);
        }
        self.look().await
    }

    fn pause(&mut self) -> Result<(), Failure> {
        self.waiting.clear();
        self.tell(&Event::DaemonGone {})
    }

    /// A call that fails does not end a watch: if the daemon went away, that is told next.
    async fn look(&mut self) -> Result<(), Failure> {
        match self.pending().await {
            Ok(pending) => self.tell_new(pending),
            Err(failure) => {
                complain(&failure.text);
                Ok(())
            }
        }
    }

    async fn pending(&self) -> Result<PendingList, Failure> {
        parse(&self.session.daemon.list_pending().await?)
    }

    fn tell_new(&mut self, pending: PendingList) -> Result<(), Failure> {
        for transaction in pending.transactions {
            if self.waiting.contains_key(&transaction.id) {
                continue;
            }
            self.tell(&Event::Offered {
                transaction: &transaction,
            })?;
            self.waiting.insert(transaction.id, transaction);
        }
        lists::complain_of_not_asked(&pending.not_asked);
        lists::complain_of_withheld(pending.withheld.as_deref());
        Ok(())
    }

    async fn hear(&mut self, signal: &Message) -> Result<(), Failure> {
        let header = signal.header();
        let body = signal.body();
        match header.member().map(|member| member.as_str()) {
            Some("Offered") => self.look().await,
            Some("Agreed") => {
                let (id, by): (&str, &str) = body.deserialize()?;
                self.tell(&Event::Agreed { id, by })
            }
            Some("Withdrawn") => {
                let (id, reason): (&str, &str) = body.deserialize()?;
                let transaction = id.parse().ok().and_then(|id| self.waiting.remove(&id));
                self.tell(&Event::Withdrawn {
                    id,
                    reason,
                    transaction,
                })
            }
            Some("AccountChanged") => {
                let document_number: &str = body.deserialize()?;
                let account = self.account(document_number).await;
                self.tell(&Event::AccountChanged {
                    document_number,
                    account,
                })
            }
            _ => Ok(()),
        }
    }

    async fn account(&self, document_number: &str) -> Option<Account> {
        let reply = self.session.daemon.list_accounts().await.ok()?;
        let accounts: Accounts = parse(&reply).ok()?;
        let mut accounts = accounts.accounts.into_iter();
        accounts.find(|account| account.document_number.as_str() == document_number)
    }

    fn tell(&self, event: &Event<'_>) -> Result<(), Failure> {
        let output = self.session.output;
        if output.is_json() {
            let line = serde_json::to_string(event)
                .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
            output.reply(&line)?;
        } else {
            output.say(&format!("{}  {}", moment(now()), in_words(event)))?;
        }
        Ok(())
    }
}

fn in_words(event: &Event<'_>) -> String {
    match event {
        Event::Offered { transaction } => offered(transaction),
        Event::Agreed { id, by } => format!("{}  agreed to by {by}", beginning(id)),
        Event::Withdrawn {
            id,
            reason,
            transaction,
        } => {
            let what = match End::of_reason(reason) {
                Some(how) => in_a_word(how),
                None => reason,
            };
            let who = transaction.as_ref().map(|known| &known.relying_party_name);
            let who = who.map(|name| format!(": {name}")).unwrap_or_default();
            format!("{}  {what}{who}", beginning(id))
        }
        Event::AccountChanged {
            document_number,
            account: Some(account),
        } => format!(
            "{document_number}  PIN1 {}, PIN2 {}",
            in_short(account.pin1),
            in_short(account.pin2)
        ),
        Event::AccountChanged {
            document_number,
            account: None,
        } => format!("{document_number}  is not on this machine any more"),
        Event::DaemonGone {} => "the daemon ended; waiting until it is back".to_owned(),
        Event::DaemonBack {} => "the daemon is back".to_owned(),
    }
}

fn offered(transaction: &PendingTransaction) -> String {
    let mut words = vec![
        format!("{}  waits", beginning(&transaction.id.to_string())),
        lists::wish(transaction),
        transaction.relying_party_name.clone(),
    ];
    words.extend(codes::in_short(transaction).map(|code| format!("code {code}")));
    words.push(transaction.text.clone());
    words.push(format!("{} left", length(transaction.expires_in_seconds)));
    words.retain(|word| !word.is_empty());
    words.join("  ")
}

fn in_a_word(how: End) -> &'static str {
    match how {
        End::Approved => "approved",
        End::Consented => "agreed to",
        End::Refused => "refused",
        End::Disowned => "refused as not mine",
        End::AnsweredElsewhere => "answered elsewhere",
        End::Expired => "expired",
        End::AccountUnusable => "withdrawn, the account is locked or closed",
        End::WrongCode => "ended by a wrong code",
        End::Failed => "refused as invalid",
    }
}

/// Enough of an ID for `symbolon approve`.
fn beginning(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn bus_gone() -> Failure {
    Failure::new(
        Exit::DaemonUnreachable,
        "the bus went away; look at: systemctl status dbus",
    )
}
