//! Enrolments as rows.

use sqlx::AnyConnection;
use symbolon_protocol::identifiers::{
    BirthDate, CertificateLevel, DocumentNumber, SemanticsIdentifier,
};
use uuid::Uuid;

use crate::accounts::DeviceFingerprint;
use crate::store::{Columns, StoreError, parse};

/// An enrolment, and the person for whom its code was issued.
pub(super) struct Enrolment {
    pub(super) id: Uuid,
    pub(super) code_hash: String,
    pub(super) document_number: DocumentNumber,
    pub(super) device_name: String,
    pub(super) state: EnrolmentState,
    pub(super) request_hash: Option<String>,
    pub(super) reply: Option<String>,
    pub(super) person: SemanticsIdentifier,
    pub(super) given_name: String,
    pub(super) surname: String,
    pub(super) level: CertificateLevel,
    pub(super) birth_date: Option<BirthDate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EnrolmentState {
    Begun,
    Registered,
    Active,
    /// The code was brought again with another device key before this one was activated.
    Replaced,
}

impl EnrolmentState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Registered => "registered",
            Self::Active => "active",
            Self::Replaced => "replaced",
        }
    }
}

impl std::str::FromStr for EnrolmentState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        [Self::Begun, Self::Registered, Self::Active, Self::Replaced]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| StoreError::Damaged(format!("enrolment state {text}")))
    }
}

impl Enrolment {
    /// The enrolment that a device began.
    pub(super) async fn of_device(
        connection: &mut AnyConnection,
        device: &DeviceFingerprint,
    ) -> Result<Option<Self>, StoreError> {
        let row = sqlx::query(
            "SELECT e.id, e.code_hash, e.document_number, e.device_name, e.state, \
             e.request_hash, e.reply, c.person, c.given_name, c.surname, c.level, \
             c.birth_date FROM enrolment e JOIN enrolment_code c ON c.code_hash = e.code_hash \
             WHERE e.device_key = $1",
        )
        .bind(device.to_string())
        .fetch_optional(connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Self {
            id: parse(&row.text("id")?)?,
            code_hash: row.text("code_hash")?,
            document_number: parse(&row.text("document_number")?)?,
            device_name: row.text("device_name")?,
            state: row.text("state")?.parse()?,
            request_hash: row.optional_text("request_hash")?,
            reply: row.optional_text("reply")?,
            person: parse(&row.text("person")?)?,
            given_name: row.text("given_name")?,
            surname: row.text("surname")?,
            level: parse(&row.text("level")?)?,
            birth_date: row
                .optional_text("birth_date")?
                .map(|date| parse(&date))
                .transpose()?,
        }))
    }
}
