//! An owner deletes an account: first at the service, which revokes the certificates, then in the
//! hardware, then on the disk. Interrupted, it can be asked for again.

use symbolon_protocol::device::account::CloseAccount;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_vault::VaultError;

use crate::account::Account;
use crate::accounts::copy_of;
use crate::bus::fault::Fault;

impl Account {
    /// Deletes everything but the account's place in memory, which its holder drops.
    pub(crate) async fn delete(&self) -> Result<(), Fault> {
        let _turn = self.turn.lock().await;
        match self.link.call("", &CloseAccount {}).await {
            Ok(_) => {}
            Err(error) if is_gone(error.code()) => {}
            Err(error) => return Err(error.into()),
        }
        self.standing().closed = true;
        for key in [&self.deed.authentication, &self.deed.signing] {
            let share = copy_of(&key.share);
            let destroyed = self
                .core
                .vault
                .call(move |vault| vault.destroy(share))
                .await;
            match destroyed {
                Ok(()) | Err(VaultError::Lost { .. } | VaultError::Damaged { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.remove_files().await?;
        self.announce_change();
        Ok(())
    }
}

fn is_gone(code: Option<ProblemCode>) -> bool {
    matches!(
        code,
        Some(ProblemCode::AccountClosed | ProblemCode::UnknownDevice | ProblemCode::NotFound)
    )
}
