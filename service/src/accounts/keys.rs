//! One of an account's two keys, as the service holds it. Never changes once it is registered.

use sqlx::AnyConnection;
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};
use symbolon_protocol::split_key::{Modulus, SplitKey};

use crate::clock::Timestamp;
use crate::store::{Columns, StoreError};

/// One of an account's two keys.
pub struct AccountKey {
    /// Both moduli and what combining halves needs.
    pub split_key: SplitKey,
    /// The service's share, wrapped by the HSM.
    pub service_share: Vec<u8>,
    /// What a release calls the PIN's counter, e.g. the Name of a TPM index.
    pub pin_index_name: Vec<u8>,
    /// Whether the service judges the PIN: see [`crate::pins`].
    pub pin_is_proven: bool,
    /// DER.
    pub certificate: Vec<u8>,
    /// Its serial number in hexadecimal.
    pub certificate_serial: String,
    /// When it begins to be valid.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
}

impl AccountKey {
    /// Reads one.
    pub async fn load(
        connection: &mut AnyConnection,
        document_number: &DocumentNumber,
        purpose: KeyPurpose,
    ) -> Result<Option<Self>, StoreError> {
        let row = sqlx::query(
            "SELECT k.device_modulus, k.modulus, k.inverse, k.service_share, k.pin_index_name, \
             c.serial, c.der, c.not_before, c.not_after, \
             (SELECT COUNT(*) FROM pin_proof p WHERE p.document_number = k.document_number \
              AND p.purpose = k.purpose) AS proven FROM account_key k \
             JOIN certificate c ON c.serial = k.certificate_serial \
             WHERE k.document_number = $1 AND k.purpose = $2",
        )
        .bind(document_number.to_string())
        .bind(purpose.as_str())
        .fetch_optional(connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let device = modulus(&row.octets("device_modulus")?)?;
        let composite = modulus(&row.octets("modulus")?)?;
        let split_key = SplitKey::restore(device, composite, &row.octets("inverse")?)
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(Some(Self {
            split_key,
            service_share: row.octets("service_share")?,
            pin_index_name: row.octets("pin_index_name")?,
            pin_is_proven: row.number("proven")? > 0,
            certificate: row.octets("der")?,
            certificate_serial: row.text("serial")?,
            not_before: row.moment("not_before")?,
            not_after: row.moment("not_after")?,
        }))
    }

    /// Stores one, with its certificate.
    pub async fn insert(
        &self,
        connection: &mut AnyConnection,
        document_number: &DocumentNumber,
        purpose: KeyPurpose,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO certificate (serial, document_number, purpose, der, not_before, \
             not_after) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(self.certificate_serial.as_str())
        .bind(document_number.to_string())
        .bind(purpose.as_str())
        .bind(self.certificate.as_slice())
        .bind(self.not_before.milliseconds())
        .bind(self.not_after.milliseconds())
        .execute(&mut *connection)
        .await?;
        let device_modulus = self.split_key.device_modulus().to_octets();
        sqlx::query(
            "INSERT INTO account_key (document_number, purpose, device_modulus, modulus, \
             inverse, device_modulus_hash, service_share, pin_index_name, certificate_serial) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(document_number.to_string())
        .bind(purpose.as_str())
        .bind(device_modulus.as_slice())
        .bind(self.split_key.modulus().to_octets())
        .bind(self.split_key.inverse_octets())
        .bind(modulus_hash(&device_modulus))
        .bind(self.service_share.as_slice())
        .bind(self.pin_index_name.as_slice())
        .bind(self.certificate_serial.as_str())
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// Under what a modulus is looked up.
pub(crate) fn modulus_hash(octets: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(octets))
}

fn modulus(octets: &[u8]) -> Result<Modulus, StoreError> {
    Modulus::from_octets(octets).map_err(|error| StoreError::Damaged(error.to_string()))
}
