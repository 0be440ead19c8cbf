//! The five things that can be done to a PIN's index, each approved once by `P`.
//!
//! Why it holds: only a right PIN lowers the count; no approved policy writes the count; none sets
//! the limit above 9; `P` is gone, so no policy can be added, and no index with this Name can be
//! initialised again. What may be written is in the policy itself (PolicyCpHash), so even the
//! service cannot choose other contents.

use symbolon_protocol::lockout::LIMITS;
use symbolon_protocol::policy::{PolicyDigest, signing_key_name};
use symbolon_protocol::release::{Name, PolicyReference, index_name, limit_write_cp_hash};

use crate::objects::{NV_CHANGE_AUTH, NV_WRITE};

/// Of `P`'s own assertion in the policy of the first write.
pub(crate) const INITIALISE_REFERENCE: &[u8] = b"init";

/// An approved policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Approved {
    /// The first write, until the TPM's clock reaches `deadline` milliseconds.
    Initialise { deadline: u64 },
    /// Raise the limit to 6, by the service's signature.
    FirstRelease,
    /// Raise the limit to 9, by the service's signature.
    SecondRelease,
    /// Set the limit back to 3, by the PIN.
    ResetLimit,
    /// Change the PIN, by the PIN.
    ChangePin,
}

impl Approved {
    /// The release that raises the limit to `limit`.
    pub(crate) fn release_to(limit: u32) -> Option<Self> {
        match limit {
            limit if limit == LIMITS[1] => Some(Self::FirstRelease),
            limit if limit == LIMITS[2] => Some(Self::SecondRelease),
            _ => None,
        }
    }
}

/// Everything about one index that follows from public data.
pub(crate) struct Policies {
    reference: PolicyReference,
    approver_name: Name,
    release_key_name: Name,
    index_policy: [u8; 32],
    index_name: Name,
}

impl Policies {
    pub(crate) fn new(
        reference: PolicyReference,
        index: u32,
        approver: &[u8; 65],
        release_key: &[u8; 65],
    ) -> Self {
        let approver_name = signing_key_name(approver);
        let index_policy = *PolicyDigest::authorized(&approver_name, &reference.octets()).octets();
        Self {
            reference,
            approver_name,
            release_key_name: signing_key_name(release_key),
            index_policy,
            index_name: index_name(index, &index_policy),
        }
    }

    /// The policyRef of all approvals of this index.
    pub(crate) fn reference(&self) -> [u8; 28] {
        self.reference.octets()
    }

    /// The policyRef of the service's signature.
    pub(crate) fn release_reference(&self, limit: u32) -> Option<[u8; 32]> {
        self.reference.for_release(limit)
    }

    /// The Name of `P`.
    pub(crate) fn approver_name(&self) -> &Name {
        &self.approver_name
    }

    /// The index's own policy: whatever `P` approved.
    pub(crate) fn index_policy(&self) -> &[u8; 32] {
        &self.index_policy
    }

    /// The index's Name once written. It depends on `P` alone, so there is no circle.
    pub(crate) fn index_name(&self) -> &Name {
        &self.index_name
    }

    /// The parameters of the write that sets the limit.
    pub(crate) fn limit_write(&self, limit: u32) -> [u8; 32] {
        limit_write_cp_hash(&self.index_name, limit)
    }

    /// The digest that `P` approved.
    pub(crate) fn digest(&self, policy: Approved) -> PolicyDigest {
        let start = PolicyDigest::start();
        let release = |kind: &[u8; 4], limit| {
            start
                .signed(
                    &self.release_key_name,
                    &[&self.reference()[..], kind].concat(),
                )
                .cp_hash(&self.limit_write(limit))
        };
        match policy {
            Approved::Initialise { deadline } => start
                .clock_below(deadline)
                .signed(&self.approver_name, INITIALISE_REFERENCE)
                .command_code(NV_WRITE),
            Approved::FirstRelease => release(b"rel1", LIMITS[1]),
            Approved::SecondRelease => release(b"rel2", LIMITS[2]),
            Approved::ResetLimit => start
                .secret(&self.index_name)
                .cp_hash(&self.limit_write(LIMITS[0])),
            Approved::ChangePin => start.secret(&self.index_name).command_code(NV_CHANGE_AUTH),
        }
    }

    /// What `P` signs to approve a policy.
    pub(crate) fn approval_digest(&self, policy: Approved) -> [u8; 32] {
        self.digest(policy).approval_digest(&self.reference())
    }
}
