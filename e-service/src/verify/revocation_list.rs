//! A revocation list, for when nobody answers a question (RFC 5280 section 6.3.3).
//!
//! It is a day old at worst where an answer is of now, so it is the second choice.

use der::Decode;
use time::OffsetDateTime;
use x509_cert::crl::CertificateList;
use x509_cert::ext::Extension;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

use super::chain::has_signed;
use super::revocation::{SKEW, signed_part, unknown};
use super::{Certificate, Rejected};

/// Whether an authority's list, which must be in force now, is without this certificate of its own.
pub(super) fn check(
    list: &[u8],
    issuer: &Certificate,
    serial: &SerialNumber,
    now: OffsetDateTime,
) -> Result<(), Rejected> {
    let read = CertificateList::from_der(list).map_err(unknown)?;
    let said = &read.tbs_cert_list;
    let signature = read.signature.as_bytes();
    let signature = signature.ok_or_else(|| unknown("the list's signature"))?;
    let body = signed_part(list).map_err(unknown)?;
    if said.issuer != *issuer.subject()
        || has_signed(issuer, body, read.signature_algorithm.oid, signature).is_err()
    {
        return Err(unknown("the list is not the authority's"));
    }
    if !is_in_force(&said.this_update, said.next_update.as_ref(), now) {
        return Err(unknown("the list is not of now"));
    }
    let entries = said.revoked_certificates.as_deref().unwrap_or_default();
    let extensions = entries.iter().map(|entry| &entry.crl_entry_extensions);
    // Part of a list, or one with other authorities' certificates in it.
    if is_critical(&said.crl_extensions) || extensions.into_iter().any(is_critical) {
        return Err(unknown("the list has a clause that is not understood"));
    }
    match entries.iter().any(|entry| entry.serial_number == *serial) {
        true => Err(Rejected::Revoked),
        false => Ok(()),
    }
}

fn is_critical(extensions: &Option<Vec<Extension>>) -> bool {
    let extensions = extensions.as_deref().unwrap_or_default();
    extensions.iter().any(|extension| extension.critical)
}

fn is_in_force(from: &Time, until: Option<&Time>, now: OffsetDateTime) -> bool {
    let at = |time: &Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    let begun = at(from) <= (now + SKEW).unix_timestamp();
    begun && until.is_some_and(|until| now.unix_timestamp() <= at(until))
}
