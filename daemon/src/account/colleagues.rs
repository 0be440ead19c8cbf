//! Who may do what with this account.

use uuid::Uuid;

use super::Account;
use crate::access::{Act, Caller, Details, Sight, about};
use crate::bus::fault::Fault;

impl Account {
    /// Whether a caller may know of it.
    pub(crate) async fn sight_of(&self, caller: &Caller) -> Sight {
        caller.sight(self.deed.owned_by(), &self.details()).await
    }

    /// Whether a caller might be allowed to do this; for an account of theirs that is to be found.
    pub(crate) fn is_open_to(&self, caller: &Caller, act: Act) -> bool {
        caller.might(self.deed.owned_by(), act)
    }

    /// Fails if a caller may not do this.
    pub(crate) async fn require(&self, caller: &Caller, act: Act) -> Result<(), Fault> {
        let owner = self.deed.owned_by();
        caller.require(owner, act, &self.details()).await
    }

    /// Fails if a caller may not answer this transaction.
    pub(crate) async fn require_answer(
        &self,
        caller: &Caller,
        transaction: Uuid,
    ) -> Result<(), Fault> {
        let mut details = self.details();
        if let Ok(entry) = self.known(transaction) {
            let purpose = entry.offer.transaction.purpose();
            let purpose = purpose.map_or("certificate", |purpose| purpose.as_str());
            details.insert("purpose", purpose.to_owned());
        }
        let owner = self.deed.owned_by();
        caller.require(owner, Act::Answer, &details).await
    }

    fn details(&self) -> Details {
        about(self.document_number().as_str(), self.deed.owned_by())
    }
}
