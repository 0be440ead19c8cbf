//! The folder of accounts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use symbolon_protocol::audit_chain::Position;
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};

use super::file::{FileError, read_sealed, remove, seal, write_atomically};
use super::{Deed, Standing, Underway, history, slot};
use crate::bus::messages::HistoryEntry;

/// How the file of a confirmation under way ends.
const SLOT: &str = "confirm.slot";

/// How it ended, a sealed file that came and went, when older versions wrote it.
const OLD_SLOT: &str = "confirm.json";

/// The folder of accounts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    folder: Arc<Path>,
}

/// An account as it was read.
#[derive(Debug, Deserialize)]
pub struct StoredAccount {
    /// What never changes.
    pub deed: Deed,
    /// What does.
    pub standing: Standing,
}

#[derive(Serialize)]
struct AccountToStore<'a> {
    deed: &'a Deed,
    standing: &'a Standing,
}

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedFile {
    /// Which.
    pub path: PathBuf,
    /// What is wrong with it.
    pub detail: String,
}

impl Store {
    /// Opens the folder `accounts` in the state directory, and makes it if it is not there.
    pub fn open(state_directory: &Path) -> Result<Self, FileError> {
        let folder = state_directory.join("accounts");
        make_private_folder(&folder)?;
        Ok(Self {
            folder: folder.into(),
        })
    }

    /// Reads every account; what cannot be read is told and left as it is.
    pub fn read_all(&self) -> Result<(Vec<StoredAccount>, Vec<DamagedFile>), FileError> {
        let mut accounts = Vec::new();
        let mut damaged = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let Some(stem) = account_file_stem(&path) else {
                continue;
            };
            match read_sealed::<StoredAccount>(&path) {
                Ok(account) if account.deed.document_number.to_string() == stem => {
                    accounts.push(account);
                }
                Ok(_) => damaged.push(DamagedFile {
                    detail: "it holds another account than its name says".to_owned(),
                    path,
                }),
                Err(error) => damaged.push(DamagedFile {
                    detail: error.to_string(),
                    path,
                }),
            }
        }
        Ok((accounts, damaged))
    }

    /// The content of an account's file, for [`Store::write`].
    pub fn sealed(deed: &Deed, standing: &Standing) -> Result<Vec<u8>, FileError> {
        seal(&AccountToStore { deed, standing })
    }

    /// Stores what [`Store::sealed`] made; when it returns, it is stored for good.
    pub async fn write(&self, account: &DocumentNumber, sealed: Vec<u8>) -> Result<(), FileError> {
        let path = self.path(account, "json");
        off_the_runtime(move || write_atomically(&path, &sealed)).await
    }

    /// Removes all that is kept of an account, its history included.
    pub async fn remove(&self, account: &DocumentNumber) -> Result<(), FileError> {
        let paths = ["json", SLOT, OLD_SLOT, "cursor", "history.jsonl"]
            .map(|extension| self.path(account, extension));
        off_the_runtime(move || paths.iter().try_for_each(|path| remove(path))).await
    }

    /// Makes room for a confirmation, before there is one.
    pub async fn make_room(&self, account: &DocumentNumber) -> Result<(), FileError> {
        let path = self.path(account, SLOT);
        off_the_runtime(move || slot::make(&path)).await
    }

    /// Keeps a confirmation that is about to be sent, over the one before it. Blocks.
    pub fn save_underway(
        &self,
        account: &DocumentNumber,
        underway: &Underway,
    ) -> Result<(), FileError> {
        slot::write(&self.path(account, SLOT), underway)
    }

    /// The confirmation under way, if one is.
    pub fn read_underway(&self, account: &DocumentNumber) -> Result<Option<Underway>, FileError> {
        if let Some(underway) = slot::read(&self.path(account, SLOT))? {
            return Ok(Some(underway));
        }
        match read_sealed(&self.path(account, OLD_SLOT)) {
            Ok(underway) => Ok(Some(underway)),
            Err(FileError::Storage(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Forgets the confirmation under way.
    pub async fn remove_underway(&self, account: &DocumentNumber) -> Result<(), FileError> {
        let (path, old) = (self.path(account, SLOT), self.path(account, OLD_SLOT));
        off_the_runtime(move || {
            remove(&old)?;
            slot::blank(&path)
        })
        .await
    }

    /// The last handled event; `None` also if it cannot be read: the service then tells all that
    /// was not acknowledged.
    pub fn read_cursor(&self, account: &DocumentNumber) -> Option<i64> {
        std::fs::read_to_string(self.path(account, "cursor"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// Keeps the last handled event, without waiting for the disk: it is worth no more than the
    /// repetition that it saves.
    pub fn save_cursor(&self, account: &DocumentNumber, cursor: i64) {
        let path = self.path(account, "cursor");
        if let Err(error) = std::fs::write(&path, format!("{cursor}\n")) {
            tracing::debug!(%error, path = %path.display(), "the cursor was not kept");
        }
    }

    /// Adds to an account's history. A failure is logged: it must not undo what happened.
    pub async fn record(&self, account: &DocumentNumber, entry: HistoryEntry) {
        let path = self.path(account, "history.jsonl");
        let shown = path.display().to_string();
        let told = entry.clone();
        match off_the_runtime(move || history::append(&path, entry)).await {
            Ok(position) => tell_journal(account, &told, position),
            Err(error) => tracing::warn!(%error, path = shown, "the history was not written"),
        }
    }

    /// An account's history, newest first.
    pub async fn history(
        &self,
        account: &DocumentNumber,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, FileError> {
        let path = self.path(account, "history.jsonl");
        off_the_runtime(move || history::newest(&path, limit)).await
    }

    /// An account's history as it stands in its file.
    pub async fn history_record(&self, account: &DocumentNumber) -> Result<Vec<u8>, FileError> {
        let path = self.path(account, "history.jsonl");
        off_the_runtime(move || history::whole(&path)).await
    }

    fn path(&self, account: &DocumentNumber, extension: &str) -> PathBuf {
        // A document number is letters, digits and hyphens, so it is a file name as it stands.
        self.folder.join(format!("{account}.{extension}"))
    }
}

/// What happened, without what the person was shown; and the chain's head, in a place outside of
/// the daemon's files.
fn tell_journal(account: &DocumentNumber, entry: &HistoryEntry, position: Position) {
    tracing::info!(
        event = %entry.event,
        account = %account,
        relying_party = entry.relying_party_name,
        transaction = entry.transaction.map(tracing::field::display),
        purpose = entry.purpose.map(KeyPurpose::as_str),
        user_id = entry.by.as_ref().map(|by| by.uid),
        user_name = entry.by.as_ref().and_then(|by| by.name.as_deref()),
        history_sequence = position.sequence,
        history_hash = %position.hash,
        "{} of {account}",
        entry.event
    );
}

/// Makes a folder that only the daemon's user can enter.
pub(crate) fn make_private_folder(folder: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    Ok(std::fs::set_permissions(
        folder,
        std::fs::Permissions::from_mode(0o700),
    )?)
}

/// Waits for the disk on a thread of its own.
pub(crate) async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error).into()))
}

/// `PNOEE-…` of `PNOEE-….json`; nothing for the other files.
fn account_file_stem(path: &Path) -> Option<&str> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".json")?;
    (!stem.contains('.')).then_some(stem)
}
