//! The token of a vault: opened when it is first needed, and again when it was gone.

use std::sync::Arc;
use std::time::Duration;

use symbolon_vault::VaultError;

use super::examination::{self, Examination};
use crate::address::TokenAddress;
use crate::error::HsmError;
use crate::hsm::Patience;
use crate::patience::within;
use crate::pin::PinSource;
use crate::pool::Pool;
use crate::session::TokenSession;
use crate::token::{Access, Token};

/// Jobs that may wait. One thread owns a vault, so there is never more than one.
const WAITING: usize = 4;

/// What kind of work it is: how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// With keys that are there.
    Using,
    /// Making keys.
    Making,
}

pub(super) struct Opening {
    address: TokenAddress,
    pins: Arc<dyn PinSource>,
    patience: Patience,
    token: Option<Arc<Token>>,
    using: Option<Pool>,
    making: Option<Pool>,
    examination: Option<Examination>,
}

impl Opening {
    pub(super) fn new(address: TokenAddress, pins: Arc<dyn PinSource>, patience: Patience) -> Self {
        Self {
            address,
            pins,
            patience,
            token: None,
            using: None,
            making: None,
            examination: None,
        }
    }

    /// What the token can do; tried once for as long as it is open.
    pub(super) fn examine(&mut self) -> Result<&Examination, VaultError> {
        let examination = match self.examination.take() {
            Some(examination) => examination,
            None => self.run(Work::Making, examination::examine)?,
        };
        Ok(self.examination.insert(examination))
    }

    /// Has something done, within its time. It may be done twice, so it must be able to.
    pub(super) fn run<T: Send + 'static>(
        &mut self,
        work: Work,
        act: impl Fn(&TokenSession) -> Result<T, HsmError> + Send + Sync + 'static,
    ) -> Result<T, VaultError> {
        let done = self.pool(work).and_then(|pool| pool.run_blocking(act));
        if let Err(error) = &done
            && error.is_out_of_order()
        {
            // No pause before the next attempt: a person makes it, and the token may be back.
            self.using = None;
            self.making = None;
            self.examination = None;
        }
        done.map_err(vault_error)
    }

    fn pool(&mut self, work: Work) -> Result<&Pool, HsmError> {
        let token = self.token()?;
        let (place, name, deadline) = match work {
            Work::Using => (&mut self.using, "vault-use", self.patience.signing),
            Work::Making => (&mut self.making, "vault-make", self.patience.making),
        };
        match place {
            Some(pool) => Ok(pool),
            empty => {
                let pool = start(name, token, deadline, self.patience.making)?;
                Ok(empty.insert(pool))
            }
        }
    }

    fn token(&mut self) -> Result<Arc<Token>, HsmError> {
        if let Some(token) = &self.token {
            return Ok(Arc::clone(token));
        }
        let (address, pins) = (self.address.clone(), Arc::clone(&self.pins));
        let token = within(self.patience.making, move || Token::open(address, pins))?;
        Ok(Arc::clone(self.token.insert(Arc::new(token))))
    }
}

/// Counters are token objects, so that every session must be one that writes.
fn start(
    name: &'static str,
    token: Arc<Token>,
    deadline: Duration,
    opening: Duration,
) -> Result<Pool, HsmError> {
    within(opening, move || {
        Pool::start(name, &token, Access::Make, 1, WAITING, deadline)
    })
}

/// A fault that no PKCS#11 function reported.
pub(super) fn fault(detail: &str) -> VaultError {
    VaultError::Fault {
        detail: detail.to_owned(),
        source: None,
    }
}

fn vault_error(error: HsmError) -> VaultError {
    let detail = error.to_string();
    match error {
        HsmError::KeyMissing(what) => VaultError::Lost {
            detail: format!("{what} is not on the token"),
        },
        HsmError::MechanismMissing { .. } => VaultError::Unfit { detail },
        HsmError::Fault { .. }
        | HsmError::Unexplained { .. }
        | HsmError::WrappedShareDamaged(_) => VaultError::Fault {
            detail,
            source: None,
        },
        HsmError::ModuleMissing { .. }
        | HsmError::TokenMissing { .. }
        | HsmError::TokenAmbiguous { .. }
        | HsmError::PinUnavailable(_)
        | HsmError::PinWrong
        | HsmError::PinLocked
        | HsmError::PinLastTry
        | HsmError::Busy
        | HsmError::TimedOut(_)
        | HsmError::OutOfOrder(_)
        | HsmError::Dead
        | HsmError::Gone { .. } => VaultError::Unavailable {
            detail,
            source: None,
        },
    }
}
