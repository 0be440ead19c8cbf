//! What the store says about a certificate.

use std::time::Duration;

use der::asn1::GeneralizedTime;
use sqlx::AnyConnection;
use x509_cert::ext::pkix::CrlReason;
use x509_ocsp::{CertStatus, OcspGeneralizedTime, RevokedInfo};

use crate::clock::Timestamp;
use crate::store::{Columns, StoreError};

/// A certificate's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Issued, and not revoked.
    Good,
    /// Revoked for good.
    Revoked(Timestamp, CrlReason),
    /// Not of this authority.
    Unknown,
}

impl Standing {
    /// Of the certificate with this serial number, in lower-case hexadecimal.
    pub(super) async fn of(
        connection: &mut AnyConnection,
        serial: &str,
    ) -> Result<Self, StoreError> {
        let row =
            sqlx::query("SELECT revoked_at, revocation_reason FROM certificate WHERE serial = $1")
                .bind(serial.to_owned())
                .fetch_optional(connection)
                .await?;
        let Some(row) = row else {
            return Ok(Self::Unknown);
        };
        match row.optional_moment("revoked_at")? {
            None => Ok(Self::Good),
            Some(at) => Ok(Self::Revoked(
                at,
                reason(row.optional_text("revocation_reason")?.as_deref())?,
            )),
        }
    }

    /// As OCSP says it.
    pub(super) fn to_ocsp(self) -> der::Result<CertStatus> {
        Ok(match self {
            Self::Good => CertStatus::good(),
            Self::Unknown => CertStatus::unknown(),
            Self::Revoked(at, reason) => CertStatus::revoked(RevokedInfo {
                revocation_time: OcspGeneralizedTime(general_time(at)?),
                // RFC 5280 section 5.3.1: no reason rather than `unspecified`.
                revocation_reason: (reason != CrlReason::Unspecified).then_some(reason),
            }),
        })
    }
}

/// A stored reason, by its name in RFC 5280 section 5.3.1.
pub(super) fn reason(name: Option<&str>) -> Result<CrlReason, StoreError> {
    match name {
        None => Ok(CrlReason::Unspecified),
        Some("keyCompromise") => Ok(CrlReason::KeyCompromise),
        Some("privilegeWithdrawn") => Ok(CrlReason::PrivilegeWithdrawn),
        Some("cessationOfOperation") => Ok(CrlReason::CessationOfOperation),
        Some("superseded") => Ok(CrlReason::Superseded),
        Some("affiliationChanged") => Ok(CrlReason::AffiliationChanged),
        Some(other) => Err(StoreError::Damaged(format!("revocation reason `{other}`"))),
    }
}

/// Whole seconds, rounded down.
pub(super) fn general_time(moment: Timestamp) -> der::Result<GeneralizedTime> {
    GeneralizedTime::from_unix_duration(Duration::from_secs(
        u64::try_from(moment.seconds()).unwrap_or(0),
    ))
}
