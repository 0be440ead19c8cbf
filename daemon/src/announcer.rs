//! What happens, on its way to whoever shows it. The bus is at the other end.

use symbolon_protocol::identifiers::DocumentNumber;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::access::Owner;
use crate::bus::messages::User;
use crate::transaction::End;

/// Something that whoever may see the account should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Which account it is about.
    pub account: DocumentNumber,
    /// Whose it is.
    pub owner: Owner,
    /// What happened.
    pub news: News,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A transaction waits.
    Offered(Uuid),
    /// A colleague agreed to one that several must approve.
    Agreed(Uuid, User),
    /// A transaction waits no longer.
    Withdrawn(Uuid, End),
    /// An account was enrolled, locked, released, closed or deleted.
    AccountChanged(DocumentNumber),
}

/// The sending end. Cheap to clone; telling nobody is no error.
#[derive(Debug, Clone)]
pub struct Announcer(mpsc::UnboundedSender<Announcement>);

impl Announcer {
    /// Both ends.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Announcement>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Tells.
    pub fn tell(&self, account: DocumentNumber, owner: Owner, news: News) {
        let _ = self.0.send(Announcement {
            account,
            owner,
            news,
        });
    }
}
