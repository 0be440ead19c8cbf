//! One account while the daemon runs: what is known of it, and who may change that.
//!
//! * `colleagues`: who may do what with it.
//! * `keeper`: stays connected, and handles what is pushed.
//! * `links`: device links, and the browsers that wait for their end.
//! * `linked`: signatures that a certificate choice announced.
//! * `locks`: PIN counters, locks and releases.
//! * `offers`: transactions as they come and go.
//! * `proofs`: PINs that the service judges.
//!
//! What a person does with it is in [`crate::approval`], [`crate::pin_change`] and
//! [`crate::deletion`].

mod colleagues;
mod keeper;
mod linked;
mod links;
mod locks;
mod offers;
mod proofs;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use symbolon_protocol::device::account::Closure;
use symbolon_protocol::display_text::DisplayText;
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};
use symbolon_protocol::split_key::Modulus;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::accounts::{Deed, FileError, Standing, Store, StoredAccount, Underway};
use crate::announcer::{Announcer, News};
use crate::approval::Drafted;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::{self, Connection, HistoryEntry, HistoryEvent};
use crate::link::Link;
use crate::locked::locked;
use crate::transaction::Book;
use crate::vault_thread::VaultHandle;

pub(crate) use locks::Counts;

/// What all accounts share.
pub(crate) struct Core {
    pub(crate) vault: VaultHandle,
    pub(crate) store: Store,
    pub(crate) announcer: Announcer,
    /// The vault keeps one release session at a time.
    pub(crate) releasing: tokio::sync::Mutex<()>,
}

/// One account.
pub(crate) struct Account {
    pub(crate) deed: Arc<Deed>,
    pub(crate) core: Arc<Core>,
    pub(crate) link: Link,
    /// Whoever has it may use the account's keys; one at a time.
    pub(crate) turn: tokio::sync::Mutex<()>,
    standing: Mutex<Standing>,
    /// A task goes on with the confirmation under way.
    pub(crate) retrying: AtomicBool,
    /// One at a time brings counters and lock together.
    settling: tokio::sync::Mutex<()>,
    /// What `standing` holds is not all on the disk.
    unsaved: AtomicBool,
    saving: tokio::sync::Mutex<()>,
    /// Nothing is stored any more. Changed while `saving` is held.
    deleted: AtomicBool,
    underway: Mutex<Result<Option<Underway>, String>>,
    /// The place for the next one is on the disk.
    has_room: AtomicBool,
    /// Of the approval that began last.
    draft: Mutex<Option<Drafted>>,
    counts: Mutex<Counts>,
    book: Mutex<Book>,
    callbacks: links::Callbacks,
    announced: linked::Announced,
    connection: Mutex<Connection>,
    /// By how many seconds this machine's clock is ahead of the service's, when last told.
    clock_ahead: Mutex<Option<i64>>,
    /// Ends the keeper's wait, for the next attempt or for an event, with a new connection.
    pub(crate) nudge: Notify,
}

impl Account {
    /// Takes an account as it is stored. The keeper is started apart: [`Account::keep`].
    pub(crate) fn new(stored: StoredAccount, core: Arc<Core>, link: Link) -> Self {
        let underway = core
            .store
            .read_underway(&stored.deed.document_number)
            .map_err(|error| error.to_string());
        let book = Book::new(stored.deed.others_needed());
        Self {
            deed: Arc::new(stored.deed),
            core,
            link,
            turn: tokio::sync::Mutex::new(()),
            standing: Mutex::new(stored.standing),
            retrying: AtomicBool::new(false),
            settling: tokio::sync::Mutex::new(()),
            unsaved: AtomicBool::new(false),
            saving: tokio::sync::Mutex::new(()),
            deleted: AtomicBool::new(false),
            book: Mutex::new(book),
            underway: Mutex::new(underway),
            has_room: AtomicBool::new(false),
            draft: Mutex::new(None),
            counts: Mutex::new(Counts::default()),
            callbacks: links::Callbacks::default(),
            announced: linked::Announced::default(),
            connection: Mutex::new(Connection::Connecting {}),
            clock_ahead: Mutex::new(None),
            nudge: Notify::new(),
        }
    }

    pub(crate) fn document_number(&self) -> &DocumentNumber {
        &self.deed.document_number
    }

    /// As it is listed.
    pub(crate) fn described(&self) -> messages::Account {
        let deed = &self.deed;
        let name = |text: &str| DisplayText::name(text).as_str().to_owned();
        messages::Account {
            document_number: deed.document_number.clone(),
            person: deed.person.clone(),
            given_name: name(&deed.given_name),
            surname: name(&deed.surname),
            level: deed.level,
            service: deed.service.clone(),
            device_name: name(&deed.device_name),
            owner: deed.owner,
            group: deed.group.as_ref().map(|group| name(&group.name)),
            enrolled_at: deed.enrolled_at,
            pin1: self.pin_standing(KeyPurpose::Authentication),
            pin2: self.pin_standing(KeyPurpose::Signing),
            connection: locked(&self.connection).clone(),
        }
    }

    pub(crate) fn connection(&self) -> Connection {
        locked(&self.connection).clone()
    }

    /// The composite modulus.
    pub(crate) fn modulus(&self, purpose: KeyPurpose) -> Result<Modulus, Fault> {
        modulus_of(self.deed.key(purpose).modulus.as_slice())
    }

    /// The hardware's part of it.
    pub(crate) fn share_modulus(&self, purpose: KeyPurpose) -> Result<Modulus, Fault> {
        modulus_of(self.deed.key(purpose).share_modulus.as_slice())
    }

    /// Keeps what was drawn for an approval that goes on, in the place of what was before.
    pub(crate) fn keep_draft(&self, drafted: Drafted) {
        *locked(&self.draft) = Some(drafted);
    }

    /// What was drawn for a transaction when its approval began, unless another one's has begun
    /// since.
    pub(crate) fn take_draft(&self, transaction: Uuid) -> Option<Drafted> {
        locked(&self.draft).take_if(|drafted| drafted.transaction() == transaction)
    }

    pub(crate) fn standing(&self) -> MutexGuard<'_, Standing> {
        locked(&self.standing)
    }

    /// Changes what changes, and stores it. The change holds even if storing fails; the next
    /// approval stores it first.
    pub(crate) async fn change(&self, change: impl FnOnce(&mut Standing)) -> Result<(), FileError> {
        let _saving = self.saving.lock().await;
        let sealed = {
            let mut standing = self.standing();
            change(&mut standing);
            Store::sealed(&self.deed, &standing)?
        };
        if self.is_deleted() {
            return Ok(());
        }
        self.unsaved.store(true, Ordering::Relaxed);
        self.core
            .store
            .write(self.document_number(), sealed)
            .await?;
        self.unsaved.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Removes all files. What comes later (the service tells of the closing as well) does not
    /// bring them back.
    pub(crate) async fn remove_files(&self) -> Result<(), FileError> {
        let _saving = self.saving.lock().await;
        self.deleted.store(true, Ordering::Relaxed);
        self.core.store.remove(self.document_number()).await
    }

    fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Relaxed)
    }

    /// Stores what an earlier failure left unstored.
    pub(crate) async fn save_if_needed(&self) -> Result<(), FileError> {
        if self.unsaved.load(Ordering::Relaxed) {
            return self.change(|_| ()).await;
        }
        Ok(())
    }

    /// The confirmation under way; a fault if its file is damaged.
    pub(crate) fn underway(&self) -> Result<Option<Underway>, Fault> {
        locked(&self.underway).clone().map_err(|detail| {
            Fault::with_remedy(
                FaultKind::Damaged,
                format!("the file of an approval under way is damaged: {detail}"),
                "delete the account and enrol anew",
            )
        })
    }

    /// Makes room on the disk for a confirmation. Cheap once it is there.
    pub(crate) async fn make_room(&self) -> Result<(), FileError> {
        if self.has_room.load(Ordering::Relaxed) {
            return Ok(());
        }
        let _saving = self.saving.lock().await;
        if !self.is_deleted() {
            self.core.store.make_room(self.document_number()).await?;
            self.has_room.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Blocks until it is on the disk.
    pub(crate) fn keep_underway(&self, underway: Underway) -> Result<(), FileError> {
        self.core
            .store
            .save_underway(self.document_number(), &underway)?;
        *locked(&self.underway) = Ok(Some(underway));
        Ok(())
    }

    pub(crate) async fn forget_underway(&self) {
        *locked(&self.underway) = Ok(None);
        let removed = self
            .core
            .store
            .remove_underway(self.document_number())
            .await;
        if let Err(error) = removed {
            // It presents a token that is not the current one, so it will not be sent again.
            tracing::warn!(%error, "a finished confirmation was not removed");
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.standing().closed
    }

    /// The service closed the account.
    pub(crate) async fn closed_by_service(&self, closure: Option<Closure>) {
        if std::mem::replace(&mut self.standing().closed, true) {
            return;
        }
        let stored = self
            .change(|standing| {
                standing.closed = true;
                standing.closure = closure;
                standing.lock = None;
            })
            .await;
        if let Err(error) = stored {
            tracing::warn!(%error, account = %self.document_number(), "the closing was not stored");
        }
        let detail = match closure {
            Some(Closure::Lockout) => "nine wrong PINs",
            Some(Closure::Clone) => "a copy of this device was used",
            Some(Closure::Owner) => "its owner closed it",
            Some(Closure::Administrator) => "the service's administrator closed it",
            None => "the service closed it",
        };
        tracing::warn!(account = %self.document_number(), detail, "the account is closed");
        self.record(HistoryEntry::new(HistoryEvent::Closed).with_detail(detail))
            .await;
        self.announce_change();
    }

    pub(crate) fn announce_change(&self) {
        self.announce(News::AccountChanged(self.document_number().clone()));
    }

    pub(crate) fn announce(&self, news: News) {
        self.core
            .announcer
            .tell(self.document_number().clone(), self.deed.owned_by(), news);
    }

    pub(crate) async fn record(&self, entry: HistoryEntry) {
        let _saving = self.saving.lock().await;
        if !self.is_deleted() {
            self.core.store.record(self.document_number(), entry).await;
        }
    }

    fn note_clock(&self, server_time: i64) {
        *locked(&self.clock_ahead) = Some(crate::clock::now().saturating_sub(server_time));
    }

    /// By how many seconds this machine's clock is ahead of the service's, when last told.
    pub(crate) fn clock_ahead(&self) -> Option<i64> {
        *locked(&self.clock_ahead)
    }

    fn set_connection(&self, connection: Connection) {
        *locked(&self.connection) = connection;
    }
}

fn modulus_of(octets: &[u8]) -> Result<Modulus, Fault> {
    Modulus::from_octets(octets).map_err(|error| Fault::new(FaultKind::Damaged, error.to_string()))
}
