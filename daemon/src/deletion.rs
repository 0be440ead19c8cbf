//! An owner deletes an account: first at the service, which revokes the certificates, then in the
//! hardware, then on the disk. Interrupted, it can be asked for again.

use symbolon_protocol::device::account::{CloseAccount, Closure};
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_vault::{Vault, VaultError};

use crate::account::Account;
use crate::accounts::copy_of;
use crate::bus::fault::Fault;

impl Account {
    /// Deletes everything but the account's place in memory, which its holder drops.
    pub(crate) async fn delete(&self) -> Result<(), Fault> {
        let _turn = self.turn.lock().await;
        self.close_at_service().await?;
        for key in [&self.deed.authentication, &self.deed.signing] {
            let share = copy_of(&key.share);
            self.destroy(move |vault| vault.destroy(share)).await?;
        }
        let identity = self.deed.identity.clone();
        self.destroy(move |vault| vault.destroy_identity(identity))
            .await?;
        self.remove_files().await?;
        self.announce_change();
        Ok(())
    }

    /// What the service said is stored before anything is destroyed: without its key the device
    /// cannot ask again.
    async fn close_at_service(&self) -> Result<(), Fault> {
        if self.is_closed() {
            return Ok(());
        }
        match self.link.call("", &CloseAccount {}).await {
            Ok(_) => {}
            Err(error) if is_gone(error.code()) => {}
            Err(error) => return Err(error.into()),
        }
        let stored = self.change(|standing| {
            standing.closed = true;
            standing.closure = Some(Closure::Owner);
            standing.lock = None;
        });
        Ok(stored.await?)
    }

    /// Destroys something in the hardware; what cannot be there any more is no reason to stop.
    async fn destroy(
        &self,
        act: impl FnOnce(&mut dyn Vault) -> Result<(), VaultError> + Send + 'static,
    ) -> Result<(), Fault> {
        match self.core.vault.call(act).await {
            Ok(()) | Err(VaultError::Lost { .. } | VaultError::Damaged { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn is_gone(code: Option<ProblemCode>) -> bool {
    matches!(
        code,
        Some(ProblemCode::AccountClosed | ProblemCode::UnknownDevice | ProblemCode::NotFound)
    )
}
