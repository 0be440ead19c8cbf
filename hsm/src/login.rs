//! Giving a token its own PIN: one thread at a time, never again after a refusal, and never as the
//! last try before a lock.

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;
use serde::{Deserialize, Serialize};

use crate::error::HsmError;
use crate::process::Parent;

/// Whether the PIN may still be given. Lock it around every use.
#[derive(Default)]
pub(crate) struct Login {
    refused: Option<HsmError>,
}

impl Login {
    /// Fails where the PIN was refused before.
    pub(crate) fn expect_unrefused(&self) -> Result<(), HsmError> {
        self.refused.clone().map_or(Ok(()), Err)
    }

    /// Logs in. Login belongs to the process, not to the session: a second one is refused and not
    /// needed.
    pub(crate) fn log_in(
        &mut self,
        pkcs11: &Pkcs11,
        session: &Session,
        parent: &Parent,
    ) -> Result<(), HsmError> {
        let state = session.get_session_info()?.session_state();
        if matches!(state, SessionState::RoUser | SessionState::RwUser) {
            return Ok(());
        }
        self.give_pin(pkcs11, session, UserType::User, parent)
    }

    /// Authenticates for the operation that was begun in the session.
    pub(crate) fn authenticate_again(
        &mut self,
        pkcs11: &Pkcs11,
        session: &Session,
        parent: &Parent,
    ) -> Result<(), HsmError> {
        self.give_pin(pkcs11, session, UserType::ContextSpecific, parent)
    }

    fn give_pin(
        &mut self,
        pkcs11: &Pkcs11,
        session: &Session,
        user: UserType,
        parent: &Parent,
    ) -> Result<(), HsmError> {
        self.expect_unrefused()?;
        OwnPin::of(pkcs11, session.get_session_info()?.slot_id()).may_be_tried()?;
        let pin = parent.pin()?.into_auth_pin();
        let given = match session.login(user, Some(&pin)) {
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _))
                if matches!(user, UserType::User) =>
            {
                Ok(())
            }
            given => given.map_err(HsmError::from),
        };
        if let Err(error @ (HsmError::PinWrong | HsmError::PinLocked)) = &given {
            self.refused = Some(error.clone());
        }
        given
    }
}

/// How a token reports its PIN to stand. Many report nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OwnPin {
    /// No wrong one since the last right one, as far as is told.
    Untried,
    /// Wrong ones since the last right one.
    Mistyped,
    /// One more wrong one locks it.
    LastTry,
    /// Locked.
    Locked,
}

impl OwnPin {
    /// As the flags of the token in this slot say.
    pub(crate) fn of(pkcs11: &Pkcs11, slot: Slot) -> Self {
        match pkcs11.get_token_info(slot) {
            Ok(facts) if facts.user_pin_locked() => Self::Locked,
            Ok(facts) if facts.user_pin_final_try() => Self::LastTry,
            Ok(facts) if facts.user_pin_count_low() => Self::Mistyped,
            _ => Self::Untried,
        }
    }

    /// A wrong PIN in a configuration takes a try at each start, and service managers start again
    /// what ends: the last one before a lock is never spent. Asked each time, so that a PIN that a
    /// person entered rightly, or unlocked, helps without a restart.
    fn may_be_tried(self) -> Result<(), HsmError> {
        match self {
            Self::Locked => Err(HsmError::PinLocked),
            Self::LastTry => Err(HsmError::PinLastTry),
            Self::Mistyped | Self::Untried => Ok(()),
        }
    }
}
