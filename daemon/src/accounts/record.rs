//! An account: what never changes, and what does.

use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::account::Closure;
use symbolon_protocol::freshness::FreshnessToken;
use symbolon_protocol::identifiers::{
    CertificateLevel, DocumentNumber, KeyPurpose, SemanticsIdentifier,
};
use symbolon_vault::{SealedIdentity, SealedShare};
use uuid::Uuid;

use crate::access::Owner;

/// What enrolment settled for good.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deed {
    /// Which account.
    pub document_number: DocumentNumber,
    /// Whose it is.
    pub person: SemanticsIdentifier,
    /// Their given name, as the service sent it.
    pub given_name: String,
    /// Their surname, as the service sent it.
    pub surname: String,
    /// The certificates' level.
    pub level: CertificateLevel,
    /// The service's name in the configuration.
    pub service: String,
    /// What the person calls this device.
    pub device_name: String,
    /// The user of this machine who enrolled the account, and whose it is if it is no group's.
    pub owner: u32,
    /// The group of colleagues whose account it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// When it was enrolled, by this machine's clock.
    pub enrolled_at: i64,
    /// The device's keys towards the service.
    pub identity: SealedIdentity,
    /// The device key, an uncompressed P-256 point.
    pub device_key: Octets,
    /// The device's TLS client certificate, DER.
    pub device_certificate: Octets,
    /// Behind PIN1.
    pub authentication: StoredKey,
    /// Behind PIN2.
    pub signing: StoredKey,
}

/// A Unix group that owns an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its number, which counts.
    pub id: u32,
    /// Its name at enrolment, to be shown.
    pub name: String,
    /// How many members must approve what is signed, who types the PIN among them.
    #[serde(default = "one")]
    pub approvals: NonZeroU8,
}

fn one() -> NonZeroU8 {
    NonZeroU8::MIN
}

impl Deed {
    /// How many must agree to what is signed, besides who types the PIN.
    pub fn others_needed(&self) -> u8 {
        self.group
            .as_ref()
            .map_or(0, |group| group.approvals.get() - 1)
    }

    /// Whose the account is.
    pub fn owned_by(&self) -> Owner {
        match &self.group {
            Some(group) => Owner::Group(group.id),
            None => Owner::User(self.owner),
        }
    }

    /// The key for a purpose.
    pub fn key(&self, purpose: KeyPurpose) -> &StoredKey {
        match purpose {
            KeyPurpose::Authentication => &self.authentication,
            KeyPurpose::Signing => &self.signing,
        }
    }
}

/// One of the account's two keys.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredKey {
    /// The share, as only the hardware can use it.
    pub share: SealedShare,
    /// `n1`, big endian.
    pub share_modulus: Octets,
    /// `n`, big endian.
    pub modulus: Octets,
    /// The certificate over `n`, DER.
    pub certificate: Octets,
}

/// A second copy of a sealed share, for a call that consumes it. Sealed shares are not `Clone`, so
/// that nobody comes to have two of one by accident.
pub(crate) fn copy_of(share: &SealedShare) -> SealedShare {
    SealedShare {
        backend: share.backend.clone(),
        content: share.content.clone(),
    }
}

/// What changes in an account's life.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The enrolment that the service still has to be told is stored here.
    pub to_activate: Option<Uuid>,
    /// What the next confirmation presents.
    #[serde(with = "token_as_text")]
    pub freshness_token: FreshnessToken,
    /// The lock as the service last told.
    pub lock: Option<KnownLock>,
    /// Whether the account is closed for good.
    pub closed: bool,
    /// Why it was closed, where the service said so.
    pub closure: Option<Closure>,
}

/// A lock as the service last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownLock {
    /// Which PIN caused it.
    pub purpose: KeyPurpose,
    /// When it ends, by this machine's clock.
    pub until: i64,
}

mod token_as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use symbolon_protocol::freshness::FreshnessToken;
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(
        token: &FreshnessToken,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(token.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<FreshnessToken, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        FreshnessToken::parse(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_an_older_file_approves_by_one() {
        let group: Group = serde_json::from_str(r#"{"id":50,"name":"staff"}"#).unwrap();
        assert_eq!(group.approvals, NonZeroU8::MIN);
        let kept = Group {
            approvals: NonZeroU8::MIN.saturating_add(2),
            ..group
        };
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<Group>(&text).unwrap(), kept);
    }
}
