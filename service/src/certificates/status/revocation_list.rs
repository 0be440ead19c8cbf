//! An authority's revocation list (RFC 5280 section 5).

use std::time::Duration;

use bytes::Bytes;
use der::Encode;
use der::asn1::Uint;
use tokio::sync::Mutex;
use x509_cert::certificate::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::pkix::{CrlNumber, CrlReason};
use x509_cert::serial_number::SerialNumber;

use super::{StatusError, signature_algorithm, standing};
use crate::certificates::issue::{self, Issuer};
use crate::certificates::{extensions, key_identifier};
use crate::clock::Timestamp;
use crate::keys::Authority;
use crate::store::{Columns, Store, StoreError};

/// A list that nothing was added to is made anew after this.
const AGES_IN: Duration = Duration::from_secs(60 * 60);

/// For how long a list may be believed.
const VALID_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The list, made when it is asked for.
pub(super) struct RevocationList {
    signer: Issuer,
    store: Store,
    /// Held while a list is made: whoever asks meanwhile gets that one.
    last: Mutex<Option<Made>>,
}

struct Made {
    of: Revocations,
    at: Timestamp,
    der: Bytes,
}

/// How far revocation has come. Revocations are never taken back, so this changes with each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Revocations {
    count: i64,
    latest: i64,
}

impl RevocationList {
    pub(super) fn new(signer: Issuer, store: Store) -> Self {
        Self {
            signer,
            store,
            last: Mutex::new(None),
        }
    }

    /// The list with everything that was revoked before it was asked for.
    pub(super) async fn current(&self) -> Result<Bytes, StatusError> {
        let mut last = self.last.lock().await;
        let of = self.revocations().await?;
        let now = Timestamp::now();
        if let Some(made) = last.as_ref()
            && made.of == of
            && made.at <= now
            && now < made.at.plus(AGES_IN)
        {
            return Ok(made.der.clone());
        }
        let der = self.make(now).await?;
        *last = Some(Made {
            of,
            at: now,
            der: der.clone(),
        });
        Ok(der)
    }

    async fn revocations(&self) -> Result<Revocations, StoreError> {
        if self.signer.authority == Authority::Root {
            // No command revokes an issuing authority.
            return Ok(Revocations::default());
        }
        let row = sqlx::query(
            "SELECT COUNT(*) AS count, COALESCE(MAX(revoked_at), 0) AS latest \
             FROM certificate WHERE revoked_at IS NOT NULL",
        )
        .fetch_one(&mut *self.store.reader().await?)
        .await?;
        Ok(Revocations {
            count: row.number("count")?,
            latest: row.number("latest")?,
        })
    }

    async fn make(&self, now: Timestamp) -> Result<Bytes, StatusError> {
        let revoked = self.revoked(now).await?;
        let number = self.next_number().await?;
        let own_point = self.signer.keys.authority_point(self.signer.authority);
        let tbs_cert_list = TbsCertList {
            version: Version::V2,
            signature: signature_algorithm(),
            issuer: self.signer.name.clone(),
            this_update: issue::time(now.into())?,
            next_update: Some(issue::time(now.plus(VALID_FOR).into())?),
            // An empty list is left out (RFC 5280 section 5.1.2.6).
            revoked_certificates: (!revoked.is_empty()).then_some(revoked),
            crl_extensions: Some(vec![
                extensions::authority_key(key_identifier::of(own_point))?,
                extensions::extension(false, &CrlNumber(Uint::new(&number.to_be_bytes())?))?,
            ]),
        };
        let signature = self.signer.sign(&tbs_cert_list.to_der()?).await?;
        let list = CertificateList {
            tbs_cert_list,
            signature_algorithm: signature_algorithm(),
            signature,
        };
        Ok(list.to_der()?.into())
    }

    /// What was revoked and has not run out since.
    async fn revoked(&self, now: Timestamp) -> Result<Vec<RevokedCert>, StatusError> {
        if self.signer.authority == Authority::Root {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(
            "SELECT serial, revoked_at, revocation_reason FROM certificate \
             WHERE revoked_at IS NOT NULL AND not_after > $1 ORDER BY revoked_at, serial",
        )
        .bind(now.milliseconds())
        .fetch_all(&mut *self.store.reader().await?)
        .await?;
        let mut revoked = Vec::with_capacity(rows.len());
        for row in rows {
            let serial = hex::decode(row.text("serial")?)
                .map_err(|error| StoreError::Damaged(format!("serial number: {error}")))?;
            let reason = standing::reason(row.optional_text("revocation_reason")?.as_deref())?;
            revoked.push(RevokedCert {
                serial_number: SerialNumber::new(&serial)?,
                revocation_date: issue::time(row.moment("revoked_at")?.into())?,
                // RFC 5280 section 5.3.1: no reason rather than `unspecified`.
                crl_entry_extensions: match reason {
                    CrlReason::Unspecified => None,
                    reason => Some(vec![extensions::extension(false, &reason)?]),
                },
            });
        }
        Ok(revoked)
    }

    /// Taken before the list is signed: a number is never used twice, but may be skipped.
    async fn next_number(&self) -> Result<u64, StoreError> {
        let authority = match self.signer.authority {
            Authority::Root => "root",
            Authority::Issuing => "issuing",
        };
        let number = self
            .store
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "UPDATE revocation_list SET number = number + 1 WHERE authority = $1",
                    )
                    .bind(authority)
                    .execute(&mut *connection)
                    .await?;
                    sqlx::query("SELECT number FROM revocation_list WHERE authority = $1")
                        .bind(authority)
                        .fetch_one(connection)
                        .await?
                        .number("number")
                })
            })
            .await?;
        u64::try_from(number).map_err(|_| StoreError::Damaged("revocation list number".to_owned()))
    }
}
