//! One token of one module: finding it, logging in, starting again when it went away.

use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::{MechanismInfo, MechanismType};
use cryptoki::session::Session;
use cryptoki::slot::{Limit, Slot};
use serde::{Deserialize, Serialize};

use crate::address::{Present, TokenAddress, TokenFacts};
use crate::calls::{Calls, KeyWrap};
use crate::error::HsmError;
use crate::login::{Login, OwnPin};
use crate::process::Parent;

/// What a session may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Access {
    /// Use keys, and make session objects.
    Use,
    /// Make keys that stay.
    Make,
}

/// A token, by its module and its name.
pub(crate) struct Token {
    pkcs11: Pkcs11,
    calls: Calls,
    key_wrap: OnceLock<KeyWrap>,
    address: TokenAddress,
    login: Mutex<Login>,
    generation: AtomicU64,
}

impl Token {
    /// Loads and starts the module.
    pub(crate) fn open(address: TokenAddress) -> Result<Self, HsmError> {
        let pkcs11 = Pkcs11::new(&address.module).map_err(|error| HsmError::ModuleMissing {
            path: address.module.clone(),
            reason: format!("{error}"),
        })?;
        // Never unloaded: modules leave threads and exit handlers behind that point into them.
        std::mem::forget(pkcs11.clone());
        let token = Self {
            calls: Calls::of(&address.module)?,
            key_wrap: OnceLock::new(),
            pkcs11,
            address,
            login: Mutex::default(),
            generation: AtomicU64::new(0),
        };
        token.initialize()?;
        Ok(token)
    }

    /// Which start of the module this is. Handles of an earlier one are void, and may by now be
    /// somebody else's: they must not even be closed.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// A logged-in session, and the generation to which it belongs.
    pub(crate) fn open_session(
        &self,
        access: Access,
        parent: &Parent,
    ) -> Result<(Session, u64), HsmError> {
        // One at a time: two threads that restart the module at once would void each other's work.
        let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        login.expect_unrefused()?;
        let slot = match self.find_slot() {
            Err(HsmError::Gone { .. }) => {
                self.initialize()?;
                self.find_slot()?
            }
            found => found?,
        };
        let session = match access {
            Access::Use => self.pkcs11.open_ro_session(slot)?,
            Access::Make => self.pkcs11.open_rw_session(slot)?,
        };
        login.log_in(&self.pkcs11, &session, parent)?;
        Ok((session, self.generation()))
    }

    /// Gives the token the PIN once more, for the operation that was begun in this session: what
    /// `CKA_ALWAYS_AUTHENTICATE` asks for.
    pub(crate) fn authenticate_again(
        &self,
        session: &Session,
        parent: &Parent,
    ) -> Result<(), HsmError> {
        let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        login.authenticate_again(&self.pkcs11, session, parent)
    }

    /// How the token reports its PIN to stand.
    pub(crate) fn own_pin(&self) -> Result<OwnPin, HsmError> {
        Ok(OwnPin::of(&self.pkcs11, self.find_slot()?))
    }

    /// The mechanisms that the token offers.
    pub(crate) fn mechanisms(&self) -> Result<Vec<(MechanismType, MechanismInfo)>, HsmError> {
        let slot = self.find_slot()?;
        self.pkcs11
            .get_mechanism_list(slot)?
            .into_iter()
            .map(|kind| Ok((kind, self.pkcs11.get_mechanism_info(slot, kind)?)))
            .collect()
    }

    /// The module's functions for what cryptoki has no word for.
    pub(crate) fn calls(&self) -> &Calls {
        &self.calls
    }

    /// By which name the token offers AES key wrap with padding, if it does. Asked once.
    pub(crate) fn offered_key_wrap(&self) -> Result<Option<KeyWrap>, HsmError> {
        if let Some(known) = self.key_wrap.get() {
            return Ok(Some(*known));
        }
        let slot = self.find()?.slot;
        for wrap in KeyWrap::ALL {
            if self.calls.offers(slot, wrap)? {
                return Ok(Some(*self.key_wrap.get_or_init(|| wrap)));
            }
        }
        Ok(None)
    }

    /// The same where there must be one.
    pub(crate) fn key_wrap(&self) -> Result<KeyWrap, HsmError> {
        self.offered_key_wrap()?.ok_or_else(|| {
            HsmError::fault(
                "WrapKey",
                "the token offers neither CKM_AES_KEY_WRAP_PAD nor CKM_AES_KEY_WRAP_KWP",
            )
        })
    }

    /// Starts the module.
    fn initialize(&self) -> Result<(), HsmError> {
        match self.pkcs11.initialize(self.arguments()) {
            Ok(()) => {
                self.generation.fetch_add(1, Ordering::AcqRel);
                Ok(())
            }
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    #[allow(
        unsafe_code,
        reason = "what a module is told beyond the standard is a C pointer"
    )]
    fn arguments(&self) -> CInitializeArgs {
        let flags = CInitializeFlags::OS_LOCKING_OK;
        let Some(reserved) = &self.address.init_reserved else {
            return CInitializeArgs::new(flags);
        };
        let pointer = NonNull::from(reserved.as_bytes_with_nul()).cast();
        // SAFETY: a text that ends with NUL, which modules only read, and which lives as long as
        // the token: longer than the call.
        unsafe { CInitializeArgs::new_with_reserved(flags, pointer) }
    }

    /// The module's file.
    pub(crate) fn module(&self) -> &Path {
        &self.address.module
    }

    /// What the module says of itself.
    pub(crate) fn library(&self) -> Result<String, HsmError> {
        let info = self.pkcs11.get_library_info()?;
        Ok(format!(
            "{} of {}, version {}, PKCS#11 {}",
            info.library_description(),
            info.manufacturer_id(),
            info.library_version(),
            info.cryptoki_version()
        ))
    }

    /// The number of the token's slot, and what the module says of the token.
    pub(crate) fn describe(&self) -> Result<(u64, Option<TokenFacts>), HsmError> {
        let present = self.find()?;
        Ok((present.slot, present.facts))
    }

    /// Why the token cannot hold so many sessions at once, if it says so.
    pub(crate) fn has_room_for(&self, sessions: usize) -> Result<Result<(), String>, HsmError> {
        Ok(match self.pkcs11.get_token_info(self.find_slot()?) {
            Ok(facts) => match facts.max_session_count() {
                Limit::Max(most) if most < sessions as u64 => Err(format!(
                    "the token holds {most} sessions at once and the service would open {sessions}"
                )),
                _ => Ok(()),
            },
            // What cannot be read promises nothing and refuses nothing.
            Err(_) => Ok(()),
        })
    }

    fn find_slot(&self) -> Result<Slot, HsmError> {
        Ok(Slot::try_from(self.find()?.slot)?)
    }

    fn find(&self) -> Result<Present, HsmError> {
        let mut present = Vec::new();
        for slot in self.pkcs11.get_slots_with_token()? {
            let facts = self.pkcs11.get_token_info(slot);
            // PKCS#11 pads with blanks; tpm2-pkcs11 also with zeros.
            let text = |padded: &str| padded.trim_end_matches(['\0', ' ']).to_owned();
            // SoftHSM2 shows a slot with a blank token beside those in use.
            if matches!(&facts, Ok(facts) if !facts.token_initialized()) {
                continue;
            }
            present.push(Present {
                slot: slot.id(),
                facts: facts.ok().map(|facts| TokenFacts {
                    label: text(facts.label()),
                    serial: text(facts.serial_number()),
                    manufacturer: text(facts.manufacturer_id()),
                    model: text(facts.model()),
                }),
            });
        }
        self.address.token.choose(&present).cloned()
    }

    /// Whether the token asks for a PIN before its private objects can be used. One that cannot
    /// be described is not said to ask for none.
    pub(crate) fn asks_for_pin(&self) -> Result<bool, HsmError> {
        let facts = self.pkcs11.get_token_info(self.find_slot()?);
        Ok(!facts.is_ok_and(|facts| !facts.login_required()))
    }
}
