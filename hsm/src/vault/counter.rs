//! The counter: a data object. `CKA_VALUE` cannot be updated on every token (SoftHSM2 refuses it),
//! so a new object is made, and then the old one destroyed; of several the newest counts. A kill
//! in between leaves two and loses nothing.

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use serde::{Deserialize, Serialize};
use symbolon_protocol::device::pin::PinLedger;
use symbolon_protocol::lockout::{LIMITS, PinCount};

use super::sealed::Id;
use crate::error::HsmError;
use crate::session::TokenSession;

/// What a counter object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Rises with each writing: it tells the newest.
    written: u64,
    /// The number of the last entry.
    pub(super) entries: u32,
    /// Wrong entries in a row, and where judging ends.
    pub(super) count: PinCount,
}

/// The format, and four numbers, big endian.
const LENGTH: usize = 1 + 8 + 4 + 4 + 4;
const FORMAT: u8 = 1;

impl Record {
    pub(super) fn first() -> Self {
        Self {
            written: 0,
            entries: 0,
            count: PinCount {
                failures: 0,
                limit: LIMITS[0],
            },
        }
    }

    /// With one more entry, counted as a wrong one.
    pub(super) fn next_entry(self) -> Option<Self> {
        Some(Self {
            written: self.written.checked_add(1)?,
            entries: self.entries.checked_add(1)?,
            count: PinCount {
                failures: self.count.failures.checked_add(1)?,
                limit: self.count.limit,
            },
        })
    }

    pub(super) fn replaced_by(self, ledger: PinLedger) -> Self {
        Self {
            written: self.written.saturating_add(1),
            entries: ledger.entries,
            count: ledger.count,
        }
    }

    pub(super) fn with_count(self, count: PinCount) -> Self {
        Self {
            written: self.written.saturating_add(1),
            count,
            ..self
        }
    }

    pub(super) fn with_limit(self, limit: u32) -> Self {
        Self {
            written: self.written.saturating_add(1),
            count: PinCount {
                limit,
                ..self.count
            },
            ..self
        }
    }

    fn octets(self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(LENGTH);
        octets.push(FORMAT);
        octets.extend(self.written.to_be_bytes());
        octets.extend(self.entries.to_be_bytes());
        octets.extend(self.count.failures.to_be_bytes());
        octets.extend(self.count.limit.to_be_bytes());
        octets
    }

    fn parse(octets: &[u8]) -> Option<Self> {
        let (format, octets) = octets.split_first()?;
        let (written, octets) = octets.split_first_chunk()?;
        let (entries, octets) = octets.split_first_chunk()?;
        let (failures, octets) = octets.split_first_chunk()?;
        let limit = octets.try_into().ok()?;
        (*format == FORMAT).then_some(Self {
            written: u64::from_be_bytes(*written),
            entries: u32::from_be_bytes(*entries),
            count: PinCount {
                failures: u32::from_be_bytes(*failures),
                limit: u32::from_be_bytes(limit),
            },
        })
    }
}

/// Reads the counter. An object that holds no record was being made when something ended its
/// maker; the one that it was to replace is still there.
pub(super) fn read(session: &TokenSession, id: Id) -> Result<Record, HsmError> {
    let records = all(session, id)?;
    let newest = records
        .into_iter()
        .filter_map(|(_, record)| record)
        .max_by_key(|record| record.written);
    newest.ok_or_else(|| HsmError::KeyMissing("a PIN's counter".to_owned()))
}

/// Writes the counter. May be repeated: the same record twice is the same record.
pub(super) fn write(session: &TokenSession, id: Id, record: Record) -> Result<(), HsmError> {
    let mut template = template(id);
    template.push(Attribute::Private(true));
    template.push(Attribute::Application(b"symbolon".to_vec()));
    template.push(Attribute::Value(record.octets()));
    let before = all(session, id)?;
    session.pkcs11().create_object(&template)?;
    for (object, _) in before {
        session.destroy(object)?;
    }
    Ok(())
}

/// Removes the counter.
pub(super) fn destroy(session: &TokenSession, id: Id) -> Result<(), HsmError> {
    for object in session.pkcs11().find_objects(&template(id))? {
        session.destroy(object)?;
    }
    Ok(())
}

fn all(session: &TokenSession, id: Id) -> Result<Vec<(ObjectHandle, Option<Record>)>, HsmError> {
    let objects = session.pkcs11().find_objects(&template(id))?;
    let mut records = Vec::with_capacity(objects.len());
    for object in objects {
        let attributes = session
            .pkcs11()
            .get_attributes(object, &[AttributeType::Value])?;
        let record = attributes.iter().find_map(|attribute| match attribute {
            Attribute::Value(octets) => Record::parse(octets),
            _ => None,
        });
        records.push((object, record));
    }
    Ok(records)
}

/// What finds a counter. Data objects have no `CKA_ID` (PKCS#11 2.40 section 4.5).
fn template(id: Id) -> Vec<Attribute> {
    let mut label = b"symbolon count ".to_vec();
    for octet in id.0 {
        label.extend(format!("{octet:02x}").bytes());
    }
    vec![
        Attribute::Class(ObjectClass::DATA),
        Attribute::Token(true),
        Attribute::Label(label),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_nothing_else_is_one() {
        let record = Record::first().next_entry().unwrap().with_limit(6);
        assert_eq!(Record::parse(&record.octets()), Some(record));
        assert_eq!((record.entries, record.count.failures), (1, 1));
        let octets = record.octets();
        for cut in 0..octets.len() {
            assert_eq!(Record::parse(&octets[..cut]), None);
        }
        assert_eq!(Record::parse(&[&octets[..], &[0]].concat()), None);
        assert_eq!(Record::parse(&[0; LENGTH]), None);
    }
}
