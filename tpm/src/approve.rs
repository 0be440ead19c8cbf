//! PIN in, share of a signature out: at most seven TPM commands, two of them after the PIN.

use symbolon_protocol::encoding::EncodedMessage;
use symbolon_protocol::lockout::LIMITS;
use symbolon_protocol::release::INDEX_SIZE;
use symbolon_protocol::split_key::PartialSignature;
use symbolon_vault::{PinOutcome, VaultError};

use crate::connection::{Connection, pin_count};
use crate::esys::{Authorization, EsysError, NvAuthority, Object, Session, SessionUse, response};
use crate::fault::{damaged, fault};
use crate::objects::{RSA_DECRYPT, STORAGE_KEY_HANDLE};
use crate::sealed::Share;
use crate::session::{LoadedKey, PolicySession, SecretSession};

/// What waits for a PIN.
pub(crate) struct Prepared {
    index: u32,
    /// Proves the PIN, then hides the message and the share.
    secret: SecretSession,
    /// Has asserted the command already.
    policy: PolicySession,
}

/// What the TPM said of a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    Wrong,
    Locked,
}

impl Connection {
    /// Loads the key and starts the sessions, unless that is done.
    pub(crate) fn prepare(&mut self, share: &Share) -> Result<(), VaultError> {
        if self
            .prepared
            .as_ref()
            .is_some_and(|p| p.index == share.index)
        {
            return Ok(());
        }
        self.prepared = None;
        self.awaiting_release = None;
        let point = self.storage_key_point(&share.storage_key)?;
        self.index(share)?;
        let secret = SecretSession::start(&self.context, STORAGE_KEY_HANDLE, &point)?;
        let policy = PolicySession::start(&self.context)?;
        self.load_key(share)?;
        policy.allow_only(RSA_DECRYPT)?;
        self.prepared = Some(Prepared {
            index: share.index,
            secret,
            policy,
        });
        Ok(())
    }

    /// The key stays loaded for the next time, until another one or another act needs its slot.
    fn load_key(&mut self, share: &Share) -> Result<(), VaultError> {
        if self
            .loaded
            .as_ref()
            .is_some_and(|(index, _)| *index == share.index)
        {
            return Ok(());
        }
        self.loaded = None;
        let key = LoadedKey::load(
            &self.context,
            STORAGE_KEY_HANDLE,
            &share.key_private.0,
            &share.key_public.to_octets()?,
            share.key_public.name()?,
        )
        .map_err(unloadable)?;
        self.loaded = Some((share.index, key));
        Ok(())
    }

    /// Signs once. A fault here has counted no try, unless the way to the TPM broke.
    pub(crate) fn sign(
        &mut self,
        share: &Share,
        auth_value: &[u8],
        message: &EncodedMessage,
    ) -> Result<PinOutcome<PartialSignature>, VaultError> {
        self.prepare(share)?;
        let Some(Prepared {
            mut secret, policy, ..
        }) = self.prepared.take()
        else {
            return Err(fault("nothing was prepared"));
        };
        let name = share.policies.index_name();
        let proven = secret.prove(&policy, share.index, name, auth_value);
        match self.verdict_of(share, proven)? {
            Verdict::Right => {}
            Verdict::Wrong => {
                return Ok(PinOutcome::Wrong {
                    tries_left: self.tries_left(share),
                });
            }
            Verdict::Locked => return Ok(PinOutcome::Locked),
        }
        let Some((_, key)) = &self.loaded else {
            return Err(fault("no key is loaded"));
        };
        let octets = secret.decrypt(policy, key, &message.reduced(&share.modulus))?;
        Ok(PinOutcome::Accepted(PartialSignature::from_octets(
            octets.to_vec(),
        )))
    }

    /// `PolicySecret` of the index, for what is not urgent.
    pub(crate) fn prove_pin(
        &mut self,
        share: &Share,
        index: &Object,
        policy: &Session,
        hmac: &Session,
        auth_value: &[u8],
    ) -> Result<Verdict, VaultError> {
        let proven = {
            let _authorized = index.authorize(auth_value)?;
            self.context
                .policy_secret(policy, index, Authorization::Session(hmac))
        };
        self.verdict_of(share, proven)
    }

    /// What the TPM's answer to `PolicySecret` says of the PIN.
    fn verdict_of(
        &mut self,
        share: &Share,
        proven: Result<(), EsysError>,
    ) -> Result<Verdict, VaultError> {
        match proven {
            Ok(()) => Ok(Verdict::Right),
            // An index that somebody put in the place of ours refuses PINs too. That is no verdict.
            Err(error) if error.is_wrong_authorization() => match self.check_index(share) {
                Err(lost @ VaultError::Lost { .. }) => Err(lost),
                // The TPM has counted: the verdict stands even if it is gone by now.
                _ => Ok(Verdict::Wrong),
            },
            Err(error) if error.is(response::AUTH_UNAVAILABLE) => {
                self.check_index(share)?;
                Ok(Verdict::Locked)
            }
            Err(error) => {
                if error.is(response::HANDLE) {
                    self.check_index(share)?;
                }
                Err(error.into())
            }
        }
    }

    /// The verdict stands whether or not the counter may be read.
    pub(crate) fn tries_left(&mut self, share: &Share) -> Option<u32> {
        self.read_count(share)
            .inspect_err(|error| tracing::debug!(%error, "the PIN counter cannot be read"))
            .ok()
            .map(|count| count.tries_left())
    }

    /// The limit, read by the PIN itself, where the owner's authorization may be missing.
    pub(crate) fn limit_by_pin(
        &mut self,
        share: &Share,
        auth_value: &[u8],
    ) -> Result<u32, VaultError> {
        let storage_key = self.pinned_storage_key(&share.storage_key)?;
        let index = self.index(share)?;
        let session = self.salted_session(&storage_key, SessionUse::LAST)?;
        let _authorized = index.authorize(auth_value)?;
        let contents = self.context.nv_read(
            NvAuthority::Index,
            Authorization::Session(&session),
            &index,
            INDEX_SIZE,
        )?;
        Ok(pin_count(&contents)?.limit)
    }
}

/// Whether a limit is the one of a share that is not on the ladder.
pub(crate) fn is_normal(limit: u32) -> bool {
    limit == LIMITS[0]
}

fn unloadable(error: EsysError) -> VaultError {
    match error.response() {
        Some(response::INTEGRITY | response::SIZE) => damaged("its key does not load"),
        _ => error.into(),
    }
}
