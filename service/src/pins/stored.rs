//! A PIN's book as a row.

use sqlx::AnyConnection;
use symbolon_protocol::device::pin::{Judgement, PinLedger, PinLedgers};
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};
use symbolon_protocol::lockout::{LIMITS, PinCount};

use crate::store::{Columns, StoreError};

/// What is known of a PIN that we judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    /// How its entries were counted.
    pub ledger: PinLedger,
    /// The key of its proofs, an uncompressed P-256 point.
    pub proof_key: Vec<u8>,
    /// What the last entry came in.
    pub request_hash: Option<String>,
    /// What was made of it; none until it is judged.
    pub verdict: Option<Judgement>,
    /// What it allowed to be signed, if it was right: SHA-256 in hexadecimal.
    pub message_digest: Option<String>,
}

impl Book {
    /// The book of a PIN that was never entered.
    pub fn begun(proof_key: Vec<u8>) -> Self {
        Self {
            ledger: PinLedger {
                entries: 0,
                count: PinCount {
                    failures: 0,
                    limit: LIMITS[0],
                },
            },
            proof_key,
            request_hash: None,
            verdict: None,
            message_digest: None,
        }
    }

    /// Reads one; none where the hardware judges the PIN.
    pub async fn load(
        connection: &mut AnyConnection,
        document_number: &DocumentNumber,
        purpose: KeyPurpose,
    ) -> Result<Option<Self>, StoreError> {
        let row = sqlx::query(
            "SELECT proof_key, entries, failures, try_limit, request_hash, verdict, \
             message_digest FROM pin_proof WHERE document_number = $1 AND purpose = $2",
        )
        .bind(document_number.to_string())
        .bind(purpose.as_str())
        .fetch_optional(connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let number = |column: &str| {
            u32::try_from(row.number(column)?)
                .map_err(|error| StoreError::Damaged(format!("{column}: {error}")))
        };
        Ok(Some(Self {
            ledger: PinLedger {
                entries: number("entries")?,
                count: PinCount {
                    failures: number("failures")?,
                    limit: number("try_limit")?,
                },
            },
            proof_key: row.octets("proof_key")?,
            request_hash: row.optional_text("request_hash")?,
            verdict: match row.optional_text("verdict")?.as_deref() {
                None => None,
                Some("right") => Some(Judgement::Right),
                Some("wrong") => Some(Judgement::Wrong),
                Some(other) => return Err(StoreError::Damaged(format!("verdict {other}"))),
            },
            message_digest: row.optional_text("message_digest")?,
        }))
    }

    /// Writes it in the place of what was there.
    pub async fn save(
        &self,
        connection: &mut AnyConnection,
        document_number: &DocumentNumber,
        purpose: KeyPurpose,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO pin_proof (document_number, purpose, proof_key, entries, failures, \
             try_limit, request_hash, verdict, message_digest) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (document_number, purpose) DO UPDATE SET \
             proof_key = excluded.proof_key, entries = excluded.entries, \
             failures = excluded.failures, try_limit = excluded.try_limit, \
             request_hash = excluded.request_hash, verdict = excluded.verdict, \
             message_digest = excluded.message_digest",
        )
        .bind(document_number.to_string())
        .bind(purpose.as_str())
        .bind(self.proof_key.as_slice())
        .bind(i64::from(self.ledger.entries))
        .bind(i64::from(self.ledger.count.failures))
        .bind(i64::from(self.ledger.count.limit))
        .bind(self.request_hash.clone())
        .bind(self.verdict.and_then(name_of))
        .bind(self.message_digest.clone())
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// The ledgers of an account's PINs; none where its hardware judges them.
pub async fn ledgers(
    connection: &mut AnyConnection,
    document_number: &DocumentNumber,
) -> Result<Option<PinLedgers>, StoreError> {
    let authentication =
        Book::load(connection, document_number, KeyPurpose::Authentication).await?;
    let signing = Book::load(connection, document_number, KeyPurpose::Signing).await?;
    Ok(match (authentication, signing) {
        (Some(authentication), Some(signing)) => Some(PinLedgers {
            authentication: authentication.ledger,
            signing: signing.ledger,
        }),
        _ => None,
    })
}

/// Notes that a device has counted more wrong entries than we saw. Nothing where the hardware
/// judges the PIN.
pub async fn note_failures(
    connection: &mut AnyConnection,
    document_number: &DocumentNumber,
    purpose: KeyPurpose,
    failures: u32,
) -> Result<(), StoreError> {
    let Some(mut book) = Book::load(connection, document_number, purpose).await? else {
        return Ok(());
    };
    book.ledger.count.failures = book.ledger.count.failures.max(failures);
    book.save(connection, document_number, purpose).await
}

/// Notes the limit that a release allows. Nothing where the hardware judges the PIN.
pub async fn note_limit(
    connection: &mut AnyConnection,
    document_number: &DocumentNumber,
    purpose: KeyPurpose,
    limit: u32,
) -> Result<(), StoreError> {
    let Some(mut book) = Book::load(connection, document_number, purpose).await? else {
        return Ok(());
    };
    book.ledger.count.limit = book.ledger.count.limit.max(limit);
    book.save(connection, document_number, purpose).await
}

fn name_of(verdict: Judgement) -> Option<&'static str> {
    match verdict {
        Judgement::Right => Some("right"),
        Judgement::Wrong => Some("wrong"),
        Judgement::SetBack => None,
    }
}
