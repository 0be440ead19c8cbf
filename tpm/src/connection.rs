//! One connection to the TPM and what is remembered as long as it lasts.

use std::collections::HashMap;
use std::sync::Arc;

use symbolon_protocol::lockout::PinCount;
use symbolon_protocol::release::INDEX_SIZE;
use symbolon_vault::VaultError;
use zeroize::Zeroizing;

use crate::approve::Prepared;
use crate::esys::{
    Authorization, Context, EsysError, NvAuthority, OWNER, Object, Session, SessionKind,
    SessionUse, response,
};
use crate::fault::{by_owner, fault, lost};
use crate::objects::{STORAGE, STORAGE_KEY_HANDLE, storage_key};
use crate::sealed::Share;
use crate::session::LoadedKey;

/// The owner password that an administrator set on the TPM. Wiped when dropped.
pub struct OwnerPassword(Zeroizing<Vec<u8>>);

impl OwnerPassword {
    /// Takes the password as it was given to `tpm2_changeauth -c owner`, without a line end.
    pub fn new(password: Vec<u8>) -> Self {
        Self(Zeroizing::new(password))
    }
}

impl std::fmt::Debug for OwnerPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnerPassword(..)")
    }
}

/// The storage key and its Name.
type StorageKey = (Arc<Object>, Vec<u8>);

/// A connection. Dropped as soon as the way to the TPM fails.
pub(crate) struct Connection {
    pub(crate) context: Context,
    owner_has_password: bool,
    storage_key: Option<StorageKey>,
    /// The point of the storage key with this Name.
    storage_key_point: Option<(Vec<u8>, [u8; 65])>,
    indices: HashMap<u32, Arc<Object>>,
    /// The key share that was used last stays loaded.
    pub(crate) loaded: Option<(u32, LoadedKey)>,
    pub(crate) prepared: Option<Prepared>,
    /// A policy session whose nonce went to the service, and the index it is for.
    pub(crate) awaiting_release: Option<(u32, Session)>,
}

impl Connection {
    pub(crate) fn open(tcti: &str, owner: Option<&OwnerPassword>) -> Result<Self, VaultError> {
        let context = Context::connect(tcti).map_err(|error| VaultError::Unavailable {
            detail: format!("no TPM at {tcti:?}"),
            source: Some(Box::new(error)),
        })?;
        if let Some(OwnerPassword(password)) = owner {
            context.set_owner_password(password)?;
        }
        Ok(Self {
            context,
            owner_has_password: owner.is_some_and(|password| !password.0.is_empty()),
            storage_key: None,
            storage_key_point: None,
            indices: HashMap::new(),
            loaded: None,
            prepared: None,
            awaiting_release: None,
        })
    }

    /// Drops everything that takes one of the TPM's few slots for keys and sessions.
    pub(crate) fn free_slots(&mut self) {
        self.prepared = None;
        self.loaded = None;
        self.awaiting_release = None;
    }

    /// The storage key, which has to be the one that this Name was pinned of.
    pub(crate) fn pinned_storage_key(&mut self, pinned: &[u8]) -> Result<Arc<Object>, VaultError> {
        let Some((key, name)) = self.find_storage_key()? else {
            return Err(lost("the TPM's storage key is gone; it was cleared"));
        };
        if name != pinned {
            return Err(lost(
                "the TPM's storage key is not the one of the enrolment; the TPM was cleared or \
                 another one put in its place",
            ));
        }
        Ok(key)
    }

    /// The public point of the pinned storage key: asked for once on a connection, and believed
    /// because it has the pinned Name.
    pub(crate) fn storage_key_point(&mut self, pinned: &[u8]) -> Result<[u8; 65], VaultError> {
        if let Some((name, point)) = &self.storage_key_point
            && name == pinned
        {
            return Ok(*point);
        }
        let key = self.pinned_storage_key(pinned)?;
        let public = self.context.read_public(&key)?;
        if public.name()? != pinned {
            return Err(lost(
                "the TPM's storage key is not the one of the enrolment",
            ));
        }
        let point = public
            .point()
            .ok_or_else(|| fault("the storage key is no key on P-256"))?;
        self.storage_key_point = Some((pinned.to_vec(), point));
        Ok(point)
    }

    /// The storage key and its Name, made if there is none. Refuses one that is no storage key.
    pub(crate) fn own_storage_key(&mut self) -> Result<StorageKey, VaultError> {
        let found = match self.find_storage_key()? {
            Some(found) => found,
            None => self.make_storage_key()?,
        };
        let attributes = self.context.read_public(&found.0)?.object_attributes();
        if attributes & STORAGE != STORAGE {
            return Err(VaultError::Unfit {
                detail: format!(
                    "the key at {STORAGE_KEY_HANDLE:#x} is no storage key of this TPM \
                     (attributes {attributes:#x})"
                ),
            });
        }
        Ok(found)
    }

    pub(crate) fn find_storage_key(&mut self) -> Result<Option<StorageKey>, VaultError> {
        if self.storage_key.is_none() {
            match self.context.open(STORAGE_KEY_HANDLE) {
                Ok(key) => {
                    let name = key.name()?;
                    self.storage_key = Some((Arc::new(key), name));
                }
                Err(error) if error.is(response::HANDLE) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.storage_key.clone())
    }

    fn make_storage_key(&mut self) -> Result<StorageKey, VaultError> {
        let refused = by_owner("make the storage key");
        let (transient, _) = {
            let session = self.owner_session(None, SessionUse::LAST)?;
            self.context
                .create_primary(OWNER, authorization(&session), &storage_key())
                .map_err(&refused)?
        };
        let session = self.owner_session(None, SessionUse::LAST)?;
        let key = self
            .context
            .make_persistent(authorization(&session), &transient, STORAGE_KEY_HANDLE)
            .map_err(refused)?;
        let name = key.name()?;
        Ok(self.storage_key.insert((Arc::new(key), name)).clone())
    }

    /// A PIN's index. The first time on this connection its Name is asked for and compared.
    pub(crate) fn index(&mut self, share: &Share) -> Result<Arc<Object>, VaultError> {
        if let Some(index) = self.indices.get(&share.index) {
            return Ok(Arc::clone(index));
        }
        let index = self.context.open(share.index).map_err(gone)?;
        if index.name()? != share.policies.index_name() {
            return Err(replaced());
        }
        let index = Arc::new(index);
        self.indices.insert(share.index, Arc::clone(&index));
        Ok(index)
    }

    /// Whether a PIN's index is still what it was: asked after the TPM refused something.
    pub(crate) fn check_index(&mut self, share: &Share) -> Result<(), VaultError> {
        let index = self.index(share)?;
        let checked = match self.context.nv_read_public(&index) {
            Ok((_, name)) if name == share.policies.index_name() => Ok(()),
            Ok(_) => Err(replaced()),
            Err(error) => Err(gone(error)),
        };
        if checked.is_err() {
            self.forget_index(share.index);
        }
        checked
    }

    /// The library gives one handle to all who open an index: whoever still holds it has to let go
    /// before it is opened again.
    pub(crate) fn forget_index(&mut self, index: u32) {
        self.indices.remove(&index);
    }

    /// An HMAC session whose key nobody on the bus can know.
    pub(crate) fn salted_session(
        &self,
        storage_key: &Object,
        session_use: SessionUse,
    ) -> Result<Session, EsysError> {
        self.context
            .start_session(SessionKind::Hmac, Some(storage_key), None, session_use)
    }

    /// A session that fulfils a policy and hides nothing.
    pub(crate) fn policy_session(&self) -> Result<Session, EsysError> {
        self.context
            .start_session(SessionKind::Policy, None, None, SessionUse::LAST)
    }

    /// A session for one command of the owner; none if no owner password was given to us, for an
    /// empty one hides nothing.
    pub(crate) fn owner_session(
        &self,
        storage_key: Option<&Object>,
        session_use: SessionUse,
    ) -> Result<Option<Session>, EsysError> {
        self.owner_has_password
            .then(|| {
                self.context
                    .start_session(SessionKind::Hmac, storage_key, None, session_use)
            })
            .transpose()
    }

    /// Reads a counter by the owner's authorization, which leaves it alone.
    pub(crate) fn read_count(&mut self, share: &Share) -> Result<PinCount, VaultError> {
        let storage_key = self.pinned_storage_key(&share.storage_key)?;
        let index = self.index(share)?;
        let session = self.owner_session(Some(&storage_key), SessionUse::LAST)?;
        let read = self.context.nv_read(
            NvAuthority::Owner,
            authorization(&session),
            &index,
            INDEX_SIZE,
        );
        match read {
            Ok(contents) => pin_count(&contents),
            Err(error) if error.is_transport() || error.is_temporary() => Err(error.into()),
            Err(error) => {
                self.check_index(share)?;
                Err(by_owner("read the PIN counter")(error))
            }
        }
    }

    /// Fulfils an index's policy by `P`'s approval of what `session` has asserted.
    pub(crate) fn authorize(
        &self,
        session: &Session,
        share: &Share,
        policy: crate::policies::Approved,
    ) -> Result<(), VaultError> {
        let approver = self
            .context
            .load_external(&crate::objects::external_signing_key(&share.approver))?;
        let verified = self.context.verify_signature(
            &approver,
            &share.policies.approval_digest(policy),
            &share.approval(policy)?,
        )?;
        self.context.policy_authorize(
            session,
            share.policies.digest(policy).octets(),
            &share.policies.reference(),
            share.policies.approver_name(),
            &verified,
        )?;
        Ok(())
    }
}

/// How a command of the owner is authorized.
pub(crate) fn authorization(session: &Option<Session>) -> Authorization<'_> {
    match session {
        Some(session) => Authorization::Session(session),
        None => Authorization::Password,
    }
}

/// The contents of a PIN_FAIL index (TPM 2.0 Part 2 section 13.3).
pub(crate) fn pin_count(contents: &[u8]) -> Result<PinCount, VaultError> {
    let number = |part: &[u8]| part.try_into().map(u32::from_be_bytes);
    match contents.split_at_checked(4) {
        Some((failures, limit)) if limit.len() == 4 => Ok(PinCount {
            failures: number(failures).map_err(|_| malformed())?,
            limit: number(limit).map_err(|_| malformed())?,
        }),
        _ => Err(malformed()),
    }
}

fn malformed() -> VaultError {
    fault("the PIN counter does not read as one")
}

fn gone(error: EsysError) -> VaultError {
    if error.is(response::HANDLE) {
        lost("the PIN counter was removed from the TPM")
    } else {
        error.into()
    }
}

fn replaced() -> VaultError {
    lost("the PIN counter in the TPM is another one than was enrolled")
}
