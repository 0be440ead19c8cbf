//! What a right PIN allows besides signing: a new PIN, and the limit back to 3.

use symbolon_protocol::lockout::LIMITS;
use symbolon_vault::{PinOutcome, VaultError};

use crate::approve::Verdict;
use crate::connection::Connection;
use crate::esys::{Authorization, Session, SessionUse};
use crate::objects::NV_CHANGE_AUTH;
use crate::policies::Approved;
use crate::sealed::Share;

impl Connection {
    /// Changes the PIN's authValue in place.
    pub(crate) fn change_pin(
        &mut self,
        share: &Share,
        old: &[u8],
        new: &[u8],
    ) -> Result<PinOutcome<()>, VaultError> {
        self.free_slots();
        let index = self.index(share)?;
        let (hmac, policy) = match self.open_by_pin(share, old)? {
            Opened::Sessions { hmac, policy } => (hmac, policy),
            Opened::Wrong => {
                return Ok(PinOutcome::Wrong {
                    tries_left: self.tries_left(share),
                });
            }
            Opened::Locked => return Ok(PinOutcome::Locked),
        };
        self.context.policy_command_code(&policy, NV_CHANGE_AUTH)?;
        self.authorize(&policy, share, Approved::ChangePin)?;
        hmac.set_use(SessionUse::LAST_ENCRYPTING)?;
        self.context.nv_change_auth(
            &index,
            Authorization::Session(&policy),
            Authorization::Session(&hmac),
            new,
        )?;
        // The library now keeps the new value with its handle; a new handle has none.
        drop(index);
        self.forget_index(share.index);
        Ok(PinOutcome::Accepted(()))
    }

    /// Sets the limit back to 3 by a PIN that has just been right.
    pub(crate) fn reset_limit(
        &mut self,
        share: &Share,
        auth_value: &[u8],
    ) -> Result<(), VaultError> {
        self.free_slots();
        match self.open_by_pin(share, auth_value)? {
            Opened::Sessions { policy, .. } => {
                self.write_limit(share, &policy, Approved::ResetLimit, LIMITS[0])
            }
            Opened::Wrong | Opened::Locked => {
                Err(crate::fault::fault("a PIN was right, and then it was not"))
            }
        }
    }

    /// A policy session in which the PIN was proven, and the HMAC session that proved it.
    fn open_by_pin(&mut self, share: &Share, auth_value: &[u8]) -> Result<Opened, VaultError> {
        let storage_key = self.pinned_storage_key(&share.storage_key)?;
        let index = self.index(share)?;
        let hmac = self.salted_session(&storage_key, SessionUse::CONTINUED)?;
        let policy = self.policy_session()?;
        Ok(
            match self.prove_pin(share, &index, &policy, &hmac, auth_value)? {
                Verdict::Right => Opened::Sessions { hmac, policy },
                Verdict::Wrong => Opened::Wrong,
                Verdict::Locked => Opened::Locked,
            },
        )
    }
}

enum Opened {
    Sessions { hmac: Session, policy: Session },
    Wrong,
    Locked,
}
