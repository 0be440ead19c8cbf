//! Who a certificate is about.

use std::ops::Range;

use const_oid::db::rfc4519::{COUNTRY_NAME, GIVEN_NAME, SERIAL_NUMBER, SURNAME};
use der::asn1::ObjectIdentifier;
use der::{Decode, Tag, Tagged};
use time::{Date, Month};
use x509_cert::attr::Attribute;

use super::certificate::attribute;
use super::{Certificate, Rejected};

const DIRECTORY_ATTRIBUTES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.9");
/// RFC 3739 section 3.2.2.
const DATE_OF_BIRTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.9.1");

/// A natural person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `PNOEE-40504040001` (ETSI EN 319 412-1 section 5.1.3).
    pub semantics_identifier: String,
    /// The subject's country, `EE`.
    pub country: String,
    /// The national code, all that follows the identifier's first hyphen.
    pub code: String,
    /// Given names.
    pub given_name: String,
    /// Surname.
    pub surname: String,
    /// From the certificate, or from a national code that holds it.
    pub birth_date: Option<Date>,
}

impl Identity {
    /// Reads a certificate's subject.
    ///
    /// # Errors
    /// [`Rejected::BadIdentity`] if something is missing or malformed.
    pub fn of(certificate: &Certificate) -> Result<Self, Rejected> {
        let part =
            |oid, name| attribute(certificate.subject(), oid).ok_or(Rejected::BadIdentity(name));
        let semantics_identifier = part(SERIAL_NUMBER, "serialNumber")?;
        let code = code_of(&semantics_identifier).ok_or(Rejected::BadIdentity("serialNumber"))?;
        let country = part(COUNTRY_NAME, "country")?;
        let birth_date = match attested_birth_date(certificate)? {
            Some(date) => Some(date),
            None => coded_birth_date(&country, code)?,
        };
        Ok(Self {
            code: code.to_owned(),
            country,
            given_name: part(GIVEN_NAME, "givenName")?,
            surname: part(SURNAME, "surname")?,
            birth_date,
            semantics_identifier,
        })
    }
}

/// What follows `PNOEE-`; `None` if the identifier does not begin like that.
fn code_of(identifier: &str) -> Option<&str> {
    let (head, code) = identifier.split_once('-')?;
    let country = ["PNO", "PAS", "IDC"]
        .iter()
        .find_map(|kind| head.strip_prefix(kind))?;
    let fits = country.len() == 2
        && country.bytes().all(|letter| letter.is_ascii_uppercase())
        && !code.is_empty();
    fits.then_some(code)
}

fn attested_birth_date(certificate: &Certificate) -> Result<Option<Date>, Rejected> {
    let Some(octets) = certificate.extension_octets(DIRECTORY_ATTRIBUTES) else {
        return Ok(None);
    };
    let bad = || Rejected::BadIdentity("dateOfBirth");
    let attributes = Vec::<Attribute>::from_der(octets).map_err(|_| bad())?;
    let Some(found) = attributes.iter().find(|one| one.oid == DATE_OF_BIRTH) else {
        return Ok(None);
    };
    let value = found.values.iter().next().ok_or_else(bad)?;
    // By hand: `der` knows no time before 1970.
    let time = std::str::from_utf8(value.value()).unwrap_or_default();
    let digits = time.strip_suffix('Z').filter(|digits| digits.len() == 14);
    let number = |range| digits.and_then(|digits| number(digits, range));
    match (value.tag(), number(0..4), number(4..6), number(6..8)) {
        (Tag::GeneralizedTime, Some(year), Some(month), Some(date)) => day(year, month, date),
        _ => None,
    }
    .map(Some)
    .ok_or_else(bad)
}

/// The birth date in a national code of the three countries whose codes hold one. Belgian ones do
/// not tell the century by themselves; Latvian ones since 2017 tell nothing.
fn coded_birth_date(country: &str, code: &str) -> Result<Option<Date>, Rejected> {
    let bad = Rejected::BadIdentity("national code");
    let number = |range| number(code, range);
    let found = match country {
        "EE" | "LT" => (|| {
            let century = match number(0..1)? {
                1 | 2 => 1800,
                3 | 4 => 1900,
                5 | 6 => 2000,
                _ => return None,
            };
            day(century + number(1..3)?, number(3..5)?, number(5..7)?)
        })(),
        "LV" if number(0..2).is_some_and(|head| (32..40).contains(&head)) => return Ok(None),
        "LV" => (|| {
            (code.get(6..7)? == "-").then_some(())?;
            let century = match number(7..8)? {
                0 => 1800,
                1 => 1900,
                2 => 2000,
                _ => return None,
            };
            day(century + number(4..6)?, number(2..4)?, number(0..2)?)
        })(),
        _ => return Ok(None),
    };
    found.map(Some).ok_or(bad)
}

fn number(text: &str, range: Range<usize>) -> Option<u16> {
    let digits = text.get(range)?;
    let all = digits.bytes().all(|digit| digit.is_ascii_digit());
    all.then(|| digits.parse().ok())?
}

fn day(year: u16, month: u16, day: u16) -> Option<Date> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn birth_dates_are_read_from_codes_that_hold_one() {
        for (country, code, expected) in [
            ("EE", "40504040001", Ok(Some(date!(1905 - 04 - 04)))),
            ("EE", "50001029996", Ok(Some(date!(2000 - 01 - 02)))),
            ("LT", "10203040006", Ok(Some(date!(1802 - 03 - 04)))),
            ("LV", "020100-29990", Ok(Some(date!(2000 - 01 - 02)))),
            ("LV", "030303-10016", Ok(Some(date!(1903 - 03 - 03)))),
            ("LV", "329999-99901", Ok(None)),
            ("BE", "05040400032", Ok(None)),
            ("EE", "70504040001", Err(())),
            ("EE", "40513040001", Err(())),
            ("EE", "4O504040001", Err(())),
            ("EE", "405", Err(())),
            ("LV", "020100329990", Err(())),
            ("LT", "3é303039914", Err(())),
        ] {
            let found = coded_birth_date(country, code).map_err(|_| ());
            assert_eq!(found, expected, "{country} {code}");
        }
    }

    #[test]
    fn identifiers_begin_with_kind_and_country() {
        assert_eq!(code_of("PNOLV-020100-29990"), Some("020100-29990"));
        assert_eq!(code_of("PASKZ-987654321012"), Some("987654321012"));
        for bad in [
            "PNOEE",
            "PNOEE-",
            "PNOee-1",
            "TAXEE-1",
            "PNOEEE-1",
            "40504040001",
        ] {
            assert_eq!(code_of(bad), None, "{bad}");
        }
    }
}
