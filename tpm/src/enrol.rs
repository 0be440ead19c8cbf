//! A new key share behind a new PIN.

use std::ops::RangeInclusive;

use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::enrolment::DeviceKey;
use symbolon_protocol::lockout::{LIMITS, PinCount};
use symbolon_protocol::random::random_octets;
use symbolon_protocol::release::{
    INDEX_ATTRIBUTES, INDEX_SIZE, PolicyReference, nv_write_cp_hash, signed_digest,
    unwritten_index_name,
};
use symbolon_protocol::split_key::{Modulus, device_modulus};
use symbolon_vault::{EnrolledShare, Note, Pin, VaultError};

use crate::connection::{Connection, authorization};
use crate::esys::{
    Authorization, NULL_HIERARCHY, NvAuthority, NvPublic, Object, PrivateArea, PublicArea,
    SessionUse, SignedAssertion, response,
};
use crate::fault::{by_owner, fault};
use crate::objects::{NV_WRITE, approver, key_share};
use crate::policies::{Approved, INITIALISE_REFERENCE, Policies};
use crate::sealed::{
    Approvals, IndexRemains, Share, ShareContent, auth_value, remains_at, seal_share,
};

/// How long the first write stays possible, by the TPM's clock.
const INITIALISE_WINDOW_MILLISECONDS: u64 = 60_000;
/// Where our indices lie: in the owner's range (TCG Registry of Reserved Handles, 2.2), away from
/// its start, where others begin too.
pub(crate) const INDICES: RangeInclusive<u32> = 0x0180_5300..=0x0180_ffff;

impl Connection {
    /// Makes the share and its index, at the first free handle of `indices`.
    pub(crate) fn enrol(
        &mut self,
        reference: PolicyReference,
        release_key: &[u8; 65],
        pin: &Pin,
        indices: RangeInclusive<u32>,
        note: &mut Note<'_>,
    ) -> Result<EnrolledShare, VaultError> {
        self.free_slots();
        let (storage_key, storage_key_name) = self.own_storage_key()?;
        let salt = random()?;
        let secret = auth_value(&salt, pin)?;
        let wanted = WantedIndex {
            reference: reference.clone(),
            release_key,
            secret: &*secret,
            handles: indices,
        };
        let made = self.make_index(&storage_key, wanted, note)?;
        self.forget_index(made.handle);
        let result = self
            .make_key(&storage_key, made.policies.index_name())
            .and_then(|(private, public, modulus)| {
                let enrolled = EnrolledShare {
                    sealed: seal_share(ShareContent {
                        reference,
                        storage_key: Octets(storage_key_name),
                        index: made.handle,
                        salt: Octets(salt.to_vec()),
                        approver: Octets(made.approver.to_vec()),
                        release_key: Octets(release_key.to_vec()),
                        approvals: made.approvals,
                        key_public: Octets(public.to_octets()?),
                        key_private: Octets(private.0),
                    })?,
                    public: DeviceKey {
                        pin_proof_key: None,
                        modulus: Octets(modulus.to_octets()),
                        pin_index_name: Octets(made.policies.index_name().to_vec()),
                    },
                };
                let stands = self.read_count(&Share::open(&enrolled.sealed)?)?;
                let fresh = PinCount {
                    failures: 0,
                    limit: LIMITS[0],
                };
                if stands != fresh {
                    return Err(fault(format!("a new PIN counter stands at {stands:?}")));
                }
                Ok(enrolled)
            });
        if result.is_err() {
            self.remove_index(&storage_key, made.handle);
        }
        result
    }

    /// Defines and initialises the index by a `P` that is gone when this returns.
    fn make_index(
        &mut self,
        storage_key: &Object,
        wanted: WantedIndex<'_>,
        note: &mut Note<'_>,
    ) -> Result<MadeIndex, VaultError> {
        let approver = self.make_approver()?;
        let mut free = wanted.handles.clone();
        let (candidate, policies, index) = loop {
            let candidate = self.first_free_index(&free)?;
            let policies = Policies::new(
                wanted.reference.clone(),
                candidate,
                &approver.point,
                wanted.release_key,
            );
            note(remains_at(candidate, policies.index_policy())?)?;
            match self.define(
                storage_key,
                candidate,
                policies.index_policy(),
                wanted.secret,
            )? {
                Some(index) => break (candidate, policies, index),
                None => free = candidate + 1..=*free.end(),
            }
        };
        let result = self.initialise(&index, candidate, &policies, &approver);
        drop(index);
        match result.and_then(|()| self.approve_policies(&policies, &approver)) {
            Ok(approvals) => Ok(MadeIndex {
                handle: candidate,
                approver: approver.point,
                policies,
                approvals,
            }),
            Err(error) => {
                drop(approver);
                self.remove_index(storage_key, candidate);
                Err(error)
            }
        }
    }

    fn make_approver(&self) -> Result<Approver, VaultError> {
        let unique = zeroize::Zeroizing::new(random::<65>()?);
        let (key, public) = self.context.create_primary(
            NULL_HIERARCHY,
            Authorization::Password,
            &approver(&unique),
        )?;
        let point = public
            .point()
            .ok_or_else(|| fault("it made no P-256 key"))?;
        Ok(Approver { key, point })
    }

    /// `None` if somebody took that handle meanwhile.
    fn define(
        &self,
        storage_key: &Object,
        handle: u32,
        policy: &[u8; 32],
        secret: &[u8],
    ) -> Result<Option<Object>, VaultError> {
        let session = self.salted_session(storage_key, SessionUse::LAST_ENCRYPTING)?;
        let defined = self.context.nv_define(
            Authorization::Session(&session),
            secret,
            &NvPublic {
                handle,
                attributes: INDEX_ATTRIBUTES,
                policy: policy.to_vec(),
                size: INDEX_SIZE,
            },
        );
        match defined {
            Ok(index) => Ok(Some(index)),
            Err(error) if error.is(response::NV_DEFINED) => Ok(None),
            Err(error) if error.is(response::NV_SPACE) => Err(VaultError::Unfit {
                detail: "the TPM has no room for another PIN counter; remove indices that are no \
                         longer used (tpm2_getcap handles-nv-index)"
                    .to_owned(),
            }),
            Err(error) => Err(by_owner("make a PIN counter")(error)),
        }
    }

    /// The first write, which makes the PIN usable: only `P` can do it, and only now.
    fn initialise(
        &self,
        index: &Object,
        handle: u32,
        policies: &Policies,
        approver: &Approver,
    ) -> Result<(), VaultError> {
        let deadline = self.context.clock()? + INITIALISE_WINDOW_MILLISECONDS;
        let policy = Approved::Initialise { deadline };
        let contents = [0u32.to_be_bytes(), LIMITS[0].to_be_bytes()].concat();
        let cp_hash = nv_write_cp_hash(
            &unwritten_index_name(handle, policies.index_policy()),
            &contents,
            0,
        );
        let session = self.policy_session()?;
        self.context.policy_clock_below(&session, deadline)?;
        let digest = signed_digest(&session.nonce()?, 0, &cp_hash, INITIALISE_REFERENCE);
        let assertion = SignedAssertion {
            expiration_seconds: 0,
            cp_hash: &cp_hash,
            reference: INITIALISE_REFERENCE,
            signature: &self.context.sign(&approver.key, &digest)?,
        };
        let approval = self
            .context
            .sign(&approver.key, &policies.approval_digest(policy))?;
        let key = self
            .context
            .load_external(&crate::objects::external_signing_key(&approver.point))?;
        self.context.policy_signed(&session, &key, &assertion)?;
        self.context.policy_command_code(&session, NV_WRITE)?;
        let verified =
            self.context
                .verify_signature(&key, &policies.approval_digest(policy), &approval)?;
        self.context.policy_authorize(
            &session,
            policies.digest(policy).octets(),
            &policies.reference(),
            policies.approver_name(),
            &verified,
        )?;
        self.context.nv_write(
            NvAuthority::Index,
            Authorization::Session(&session),
            index,
            &contents,
            0,
        )?;
        Ok(())
    }

    fn approve_policies(
        &self,
        policies: &Policies,
        approver: &Approver,
    ) -> Result<Approvals, VaultError> {
        let sign = |policy| -> Result<Octets, VaultError> {
            let signature = self
                .context
                .sign(&approver.key, &policies.approval_digest(policy))?;
            Ok(Octets(signature.to_vec()))
        };
        Ok(Approvals {
            first_release: sign(Approved::FirstRelease)?,
            second_release: sign(Approved::SecondRelease)?,
            reset_limit: sign(Approved::ResetLimit)?,
            change_pin: sign(Approved::ChangePin)?,
        })
    }

    /// Makes keys until one is preferred, or the last one will have to do.
    fn make_key(
        &self,
        storage_key: &Object,
        index_name: &symbolon_protocol::release::Name,
    ) -> Result<(PrivateArea, PublicArea, Modulus), VaultError> {
        let mut acceptable = None;
        for _ in 0..device_modulus::MOST_DRAWS {
            let (private, public) = self.context.create(storage_key, &key_share(index_name))?;
            let octets = public.modulus().unwrap_or_default();
            let modulus =
                device_modulus::examine(&octets).map_err(|refusal| VaultError::Unfit {
                    detail: format!("the TPM makes bad RSA keys: {refusal}"),
                })?;
            let preferred = device_modulus::prefers(&modulus);
            acceptable = Some((private, public, modulus));
            if preferred {
                break;
            }
        }
        acceptable.ok_or_else(|| fault("it made no RSA key"))
    }

    fn first_free_index(&self, handles: &RangeInclusive<u32>) -> Result<u32, VaultError> {
        let mut candidate = *handles.start();
        loop {
            let (taken, more) = self.context.handles(candidate)?;
            for handle in &taken {
                if *handle == candidate {
                    candidate += 1;
                }
            }
            if candidate > *handles.end() {
                return Err(VaultError::Unfit {
                    detail: "all NV handles that we use are taken".to_owned(),
                });
            }
            if !more || taken.last().is_none_or(|last| *last >= candidate) {
                return Ok(candidate);
            }
        }
    }

    /// Removes an index that is of no use any more. What fails here is only logged: there is an
    /// error to report already.
    fn remove_index(&mut self, storage_key: &Object, handle: u32) {
        self.forget_index(handle);
        let removed = self.context.open(handle).and_then(|index| {
            let session = self.owner_session(Some(storage_key), SessionUse::LAST)?;
            self.context.nv_undefine(authorization(&session), index)
        });
        if let Err(error) = removed {
            tracing::warn!(%error, handle, "an unfinished PIN counter stays in the TPM");
        }
    }

    /// Removes an index of this policy, written or not.
    pub(crate) fn clear(&mut self, remains: &IndexRemains) -> Result<(), VaultError> {
        self.free_slots();
        self.clear_if(remains.index, |found| {
            found.policy == remains.policy.as_slice()
        })
    }

    /// Removes the index at a handle, if there is one and it is ours. Another one stays.
    pub(crate) fn clear_if(
        &mut self,
        handle: u32,
        is_ours: impl FnOnce(&NvPublic) -> bool,
    ) -> Result<(), VaultError> {
        self.forget_index(handle);
        let index = match self.context.open(handle) {
            Ok(index) => index,
            Err(error) if error.is(response::HANDLE) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (found, _) = self.context.nv_read_public(&index)?;
        match is_ours(&found) {
            true => self.undefine(index),
            false => Ok(()),
        }
    }

    /// Removes a share's index. It is no error if it is gone, or another one in its place.
    pub(crate) fn destroy(&mut self, share: &Share) -> Result<(), VaultError> {
        self.free_slots();
        match self.check_index(share) {
            Ok(()) => {}
            Err(VaultError::Lost { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
        self.forget_index(share.index);
        let index = self.context.open(share.index)?;
        self.undefine(index)
    }

    fn undefine(&mut self, index: Object) -> Result<(), VaultError> {
        let storage_key = self.find_storage_key()?.map(|(key, _)| key);
        let session = self.owner_session(storage_key.as_deref(), SessionUse::LAST)?;
        self.context
            .nv_undefine(authorization(&session), index)
            .map_err(by_owner("remove the PIN counter"))
    }
}

/// The index that a share needs.
struct WantedIndex<'a> {
    reference: PolicyReference,
    release_key: &'a [u8; 65],
    /// Its authValue.
    secret: &'a [u8],
    handles: RangeInclusive<u32>,
}

struct Approver {
    key: Object,
    point: [u8; 65],
}

struct MadeIndex {
    handle: u32,
    approver: [u8; 65],
    policies: Policies,
    approvals: Approvals,
}

fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let octets = random_octets(N).map_err(|error| fault(error.to_string()))?;
    octets
        .try_into()
        .map_err(|_| fault("the system's random numbers came short"))
}
