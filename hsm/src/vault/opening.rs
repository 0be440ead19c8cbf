//! The token of a vault: opened when it is first needed, and again when it was gone.

use std::sync::Arc;

use symbolon_vault::VaultError;

use super::acts::Examine;
use super::examination::Examination;
use crate::address::TokenAddress;
use crate::error::HsmError;
use crate::hsm::Patience;
use crate::pin::PinSource;
use crate::pool::Pool;
use crate::process::act::Act;
use crate::process::module::Module;
use crate::state::ProcessEnds;
use crate::token::Access;

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
    module: Option<Arc<Module>>,
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
            module: None,
            using: None,
            making: None,
            examination: None,
        }
    }

    /// What the token can do; tried once for as long as it is open.
    pub(super) fn examine(&mut self) -> Result<&Examination, VaultError> {
        let examination = match self.examination.take() {
            Some(examination) => examination,
            None => self.run(Work::Making, Examine)?,
        };
        Ok(self.examination.insert(examination))
    }

    /// How often the module's process had to be replaced.
    pub(super) fn process_ends(&self) -> ProcessEnds {
        let module = self.module.as_ref();
        module.map(|module| module.ends()).unwrap_or_default()
    }

    /// Has something done, within its time.
    pub(super) fn run<A: Act + 'static>(
        &mut self,
        work: Work,
        act: A,
    ) -> Result<A::Answer, VaultError> {
        let done = self.pool(work).and_then(|pool| pool.run_blocking(act));
        match &done {
            // A module that crashes is given a pause; it crashes again, if it is asked the same.
            Err(HsmError::ProcessEnded(_)) => self.examination = None,
            // No pause before the next attempt: a person makes it, and the token may be back.
            Err(error) if error.is_out_of_order() => {
                self.using = None;
                self.making = None;
                self.examination = None;
            }
            _ => {}
        }
        done.map_err(vault_error)
    }

    fn pool(&mut self, work: Work) -> Result<&Pool, HsmError> {
        let module = self.module()?;
        let (place, name, deadline) = match work {
            Work::Using => (&mut self.using, "vault-use", self.patience.signing),
            Work::Making => (&mut self.making, "vault-make", self.patience.making),
        };
        match place {
            Some(pool) => Ok(pool),
            // Counters are token objects, so that every session must be one that writes.
            empty => {
                let pool = module.within(self.patience.making, || {
                    Pool::start(name, &module, Access::Make, 1, WAITING, deadline)
                })?;
                Ok(empty.insert(pool))
            }
        }
    }

    fn module(&mut self) -> Result<Arc<Module>, HsmError> {
        if let Some(module) = &self.module {
            return Ok(Arc::clone(module));
        }
        let module = Module::new(self.address.clone(), Arc::clone(&self.pins))?;
        Ok(Arc::clone(self.module.insert(Arc::new(module))))
    }
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
        | HsmError::ProcessEnded(_)
        | HsmError::Gone { .. } => VaultError::Unavailable {
            detail,
            source: None,
        },
    }
}
