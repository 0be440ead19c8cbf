//! The joint's calls, and the connection's life between them.

use std::collections::HashSet;
use std::sync::Arc;

use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::lock::{CertifiedReading, Release};
use symbolon_protocol::device::pin::{PinLedger, PinVerdict};
use symbolon_protocol::encoding::EncodedMessage;
use symbolon_protocol::lockout::PinCount;
use symbolon_protocol::split_key::PartialSignature;
use symbolon_vault::{
    Custody, EnrolledShare, Judge, NewIdentity, Note, Pin, PinOutcome, Remains, SealedIdentity,
    SealedShare, Settled, ShareEnrolment, Vault, VaultError,
};

use crate::approve::is_normal;
use crate::connection::{Connection, OwnerPassword};
use crate::enrol;
use crate::probe::{Examination, describe};
use crate::sealed::{Share, array, open_identity, open_remains};

/// A vault on a TPM 2.0.
pub struct TpmVault {
    tcti: String,
    owner: Option<OwnerPassword>,
    connection: Option<Connection>,
    examination: Option<Examination>,
    /// Indices whose limit is known to be 3: a right PIN need not set it back.
    normal: HashSet<u32>,
    /// The share that was prepared, as it is sealed and as it was read: nobody who has typed a PIN
    /// waits for that.
    opened: Option<(SealedShare, Arc<Share>)>,
}

impl TpmVault {
    /// A vault on the TPM that `tcti` leads to, e.g. `device:/dev/tpmrm0`. It connects when it is
    /// first used, and again whenever the TPM was gone.
    ///
    /// The owner password is needed where an administrator has set one: to enrol, to read and
    /// certify counters, and to destroy. Signing never needs it.
    pub fn open(tcti: &str, owner_password: Option<OwnerPassword>) -> Result<Self, VaultError> {
        Ok(Self {
            tcti: tcti.to_owned(),
            owner: owner_password,
            connection: None,
            examination: None,
            normal: HashSet::new(),
            opened: None,
        })
    }

    /// Acts once. A connection that broke is dropped, so that a later call makes a new one.
    fn once<T>(
        &mut self,
        act: impl FnOnce(&mut Connection) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self
                .connection
                .insert(Connection::open(&self.tcti, self.owner.as_ref())?),
        };
        let result = act(connection);
        if connection.context.is_broken() {
            self.disconnect();
        }
        result
    }

    /// Acts, and once more on a new connection if an old one failed: the TPM may have been reset
    /// since, and everything that we held there be gone. For acts that judge no PIN.
    fn again<T>(
        &mut self,
        mut act: impl FnMut(&mut Connection) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let was_connected = self.connection.is_some();
        match self.once(&mut act) {
            Err(VaultError::Unavailable { .. } | VaultError::Fault { .. }) if was_connected => {
                self.disconnect();
                self.once(act)
            }
            result => result,
        }
    }

    /// Reads a share, unless it was the last one.
    fn opened(&mut self, sealed: &SealedShare) -> Result<Arc<Share>, VaultError> {
        if let Some((last, share)) = &self.opened
            && last == sealed
        {
            return Ok(share.clone());
        }
        let share = Arc::new(Share::open(sealed)?);
        let last = SealedShare {
            backend: sealed.backend.clone(),
            content: sealed.content.clone(),
        };
        self.opened = Some((last, share.clone()));
        Ok(share)
    }

    fn disconnect(&mut self) {
        self.connection = None;
        self.examination = None;
    }

    fn examine(&mut self) -> Result<&Examination, VaultError> {
        if self.examination.is_none() {
            let examination = self.again(crate::probe::examine)?;
            // A refused session that is bound to an index leaves tpm2-tss 3.2.1 computing wrong
            // HMACs; the probe has made it refuse one.
            self.connection = None;
            self.examination = Some(examination);
        }
        self.examination
            .as_ref()
            .ok_or_else(|| crate::fault::fault("it was not examined"))
    }

    /// Sets a raised limit back after a right PIN. What fails here is tried again at the next right
    /// PIN; it must not take away what the PIN has earned.
    fn normalise(&mut self, share: &Share, auth_value: &[u8]) {
        if self.normal.contains(&share.index) {
            return;
        }
        let done = self.once(|connection| {
            if !is_normal(connection.limit_by_pin(share, auth_value)?) {
                connection.reset_limit(share, auth_value)?;
            }
            Ok(())
        });
        match done {
            Ok(()) => {
                self.normal.insert(share.index);
            }
            Err(error) => tracing::warn!(%error, "a raised PIN limit was not set back"),
        }
    }

    fn note_limit(&mut self, share: &Share, limit: u32) {
        if is_normal(limit) {
            self.normal.insert(share.index);
        } else {
            self.normal.remove(&share.index);
        }
    }
}

impl Vault for TpmVault {
    fn judge(&self) -> Judge {
        Judge::Hardware
    }

    fn custody(&mut self) -> Result<Custody, VaultError> {
        match self.examine() {
            Ok(examination) => Ok(examination.custody()),
            Err(VaultError::OwnerPassword { detail }) => {
                let hardware = self.again(|connection| describe(&connection.context))?;
                Ok(Examination::prevented(hardware, detail).custody())
            }
            Err(error) => Err(error),
        }
    }

    fn create_identity(&mut self, _: &mut Note<'_>) -> Result<NewIdentity, VaultError> {
        self.once(|connection| {
            let description = describe(&connection.context)?;
            connection.create_identity(description)
        })
    }

    fn sign_as_device(
        &mut self,
        identity: &SealedIdentity,
        digest: &[u8; 32],
    ) -> Result<[u8; 64], VaultError> {
        let identity = open_identity(identity)?;
        self.again(|connection| connection.sign_as_device(&identity, digest))
    }

    fn enrol(
        &mut self,
        enrolment: &ShareEnrolment,
        pin: &Pin,
        note: &mut Note<'_>,
    ) -> Result<EnrolledShare, VaultError> {
        let release_key: [u8; 65] = array(&enrolment.release_key, "release key")?;
        if let Some(detail) = self.examine()?.unfit() {
            return Err(VaultError::Unfit { detail });
        }
        self.once(|connection| {
            let reference = enrolment.reference.clone();
            connection.enrol(reference, &release_key, pin, enrol::INDICES, note)
        })
    }

    fn clear(&mut self, remains: &Remains) -> Result<(), VaultError> {
        let remains = open_remains(remains)?;
        self.again(|connection| connection.clear(&remains))
    }

    fn pin_count(&mut self, share: &SealedShare) -> Result<PinCount, VaultError> {
        let share = Share::open(share)?;
        let count = self.again(|connection| connection.read_count(&share))?;
        self.note_limit(&share, count.limit);
        Ok(count)
    }

    fn prepare(&mut self, share: &SealedShare) -> Result<(), VaultError> {
        let share = self.opened(share)?;
        self.again(|connection| connection.prepare(&share))
    }

    fn sign(
        &mut self,
        share: &SealedShare,
        pin: Pin,
        message: &EncodedMessage,
    ) -> Result<PinOutcome<PartialSignature>, VaultError> {
        let share = self.opened(share)?;
        let auth_value = share.auth_value(&pin)?;
        drop(pin);
        self.again(|connection| connection.prepare(&share))?;
        let outcome = match self.once(|connection| connection.sign(&share, &*auth_value, message)) {
            // What was prepared is gone from the TPM. It has judged no PIN, or it would have said.
            Err(VaultError::Fault { detail, .. }) => {
                tracing::info!(detail, "preparing again");
                self.disconnect();
                self.once(|connection| connection.sign(&share, &*auth_value, message))?
            }
            outcome => outcome?,
        };
        if matches!(outcome, PinOutcome::Accepted(_)) {
            self.normalise(&share, &*auth_value);
        }
        Ok(outcome)
    }

    fn certify_count(
        &mut self,
        identity: &SealedIdentity,
        share: &SealedShare,
        nonce: &[u8],
    ) -> Result<CertifiedReading, VaultError> {
        let identity = open_identity(identity)?;
        let share = Share::open(share)?;
        self.again(|connection| connection.certify_count(&identity, &share, nonce))
    }

    fn begin_release(&mut self, share: &SealedShare) -> Result<Octets, VaultError> {
        let share = Share::open(share)?;
        self.again(|connection| connection.begin_release(&share))
    }

    fn finish_release(
        &mut self,
        share: &SealedShare,
        release: &Release,
    ) -> Result<PinCount, VaultError> {
        let share = Share::open(share)?;
        self.normal.remove(&share.index);
        self.once(|connection| connection.finish_release(&share, release))?;
        self.again(|connection| connection.read_count(&share))
    }

    fn settle(&mut self, _: &SealedShare, _: &PinVerdict) -> Result<Settled, VaultError> {
        Err(crate::fault::fault("the TPM judges PINs itself"))
    }

    fn reconcile(&mut self, share: &SealedShare, _: &PinLedger) -> Result<PinCount, VaultError> {
        self.pin_count(share)
    }

    fn change_pin(
        &mut self,
        share: &SealedShare,
        old: Pin,
        new: &Pin,
    ) -> Result<PinOutcome<()>, VaultError> {
        let share = Share::open(share)?;
        let old = share.auth_value(&old)?;
        let new = share.auth_value(new)?;
        let outcome = self.once(|connection| connection.change_pin(&share, &*old, &*new))?;
        if matches!(outcome, PinOutcome::Accepted(())) {
            self.normalise(&share, &*new);
        }
        Ok(outcome)
    }

    fn destroy(&mut self, share: SealedShare) -> Result<(), VaultError> {
        let share = Share::open(&share)?;
        self.normal.remove(&share.index);
        self.again(|connection| connection.destroy(&share))
    }

    /// A TPM keeps nothing of an identity: its keys are wrapped, in what is sealed.
    fn destroy_identity(&mut self, identity: SealedIdentity) -> Result<(), VaultError> {
        open_identity(&identity).map(drop)
    }
}
