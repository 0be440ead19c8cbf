//! Notifications that outlive their program: a killed agent's banner would stay, block others and
//! answer nothing. Its id is kept in the session's runtime folder and closed by the next agent.

use std::fs;
use std::path::PathBuf;

use crate::notification::{NotificationsProxy, owner_of};

/// The record of what is on the screen.
pub(crate) struct Orphans {
    /// `None` without a runtime folder: then nothing is kept.
    file: Option<PathBuf>,
}

impl Orphans {
    /// The record in `$XDG_RUNTIME_DIR`.
    pub(crate) fn of_this_session() -> Self {
        let folder = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        Self {
            file: folder.map(|folder| folder.join("symbolon-agent.notifications")),
        }
    }

    /// Notes what was shown, and by which server: a later server counts from one again, and the
    /// id would be another program's.
    pub(crate) fn remember(&self, server: Option<&str>, id: u32) {
        let (Some(file), Some(server)) = (&self.file, server) else {
            return;
        };
        if let Err(error) = fs::write(file, format!("{server} {id}\n")) {
            tracing::warn!(%error, file = %file.display(), "the shown notification is not noted");
        }
    }

    /// Nothing of ours is shown any more.
    pub(crate) fn forget(&self) {
        if let Some(file) = &self.file {
            let _ = fs::remove_file(file);
        }
    }

    /// Closes what a former agent left on the screen.
    pub(crate) async fn close(&self, server: &NotificationsProxy<'_>) {
        let Some(record) = self
            .file
            .as_ref()
            .and_then(|file| fs::read_to_string(file).ok())
        else {
            return;
        };
        let mut words = record.split_whitespace();
        if let (Some(owner), Some(Ok(id))) = (words.next(), words.next().map(str::parse))
            && owner_of(server).await.as_deref() == Some(owner)
            && let Err(error) = server.close_notification(id).await
        {
            tracing::debug!(%error, "closing a former agent's notification");
        }
        self.forget();
    }
}
