//! Who may answer for an authority whether its certificates still hold: the authority, and whoever has
//! a certificate from it that says so (RFC 6960 section 4.2.2.2).
//!
//! Which of them signed is found out by trying: a name in the answer (`responderID`) would only tell
//! where to begin.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::ID_KP_OCSP_SIGNING;
use const_oid::db::rfc6960::ID_PKIX_OCSP_NOCHECK;
use der::Encode;
use time::OffsetDateTime;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage};

use super::Certificate;
use super::chain::{has_signed, is_signed_by};

/// Certificates in an answer that are looked at. Honest ones hold the responder's, or its chain.
const MOST_ENCLOSED: usize = 8;

/// What was signed, and the signature.
pub(super) struct Answer<'a> {
    pub(super) body: &'a [u8],
    pub(super) algorithm: ObjectIdentifier,
    pub(super) signature: &'a [u8],
}

/// Whether somebody signed who may; `enclosed` came with the answer. If not, why.
pub(super) fn may_have_signed(
    authority: &Certificate,
    enclosed: &[x509_cert::Certificate],
    answer: &Answer<'_>,
    now: OffsetDateTime,
) -> Result<(), &'static str> {
    if made(authority, answer) {
        return Ok(());
    }
    let mut why = "the authority did not sign the answer";
    for certificate in enclosed.iter().take(MOST_ENCLOSED) {
        let read = certificate.to_der().ok();
        let Some(responder) = read.and_then(|der| Certificate::from_der(&der).ok()) else {
            continue;
        };
        if made(&responder, answer) {
            match is_delegated(&responder, authority, now) {
                Ok(()) => return Ok(()),
                Err(reason) => why = reason,
            }
        }
    }
    Err(why)
}

fn made(signer: &Certificate, answer: &Answer<'_>) -> bool {
    has_signed(signer, answer.body, answer.algorithm, answer.signature).is_ok()
}

/// Whether the authority itself lets this responder answer for it, now.
fn is_delegated(
    responder: &Certificate,
    authority: &Certificate,
    now: OffsetDateTime,
) -> Result<(), &'static str> {
    let issued = responder.issuer() == authority.subject();
    if !issued || is_signed_by(responder, authority).is_err() {
        return Err("another authority's responder signed the answer");
    }
    if responder.check_critical().is_err() {
        return Err("the responder's certificate has a critical extension that is not understood");
    }
    if !is_for_answers(responder) {
        return Err("who signed the answer is no responder");
    }
    if !responder.is_valid_at(now) {
        return Err("the responder's certificate is not valid at this time");
    }
    // Without it somebody would have to be asked whether the responder's own certificate was revoked;
    // whoever stole its key would be the one to answer.
    match responder.extension_octets(ID_PKIX_OCSP_NOCHECK) {
        Some(_) => Ok(()),
        None => Err("the responder's certificate may have been revoked"),
    }
}

fn is_for_answers(responder: &Certificate) -> bool {
    let purposes = responder.extension::<ExtendedKeyUsage>();
    let named = matches!(purposes, Ok(Some(purposes)) if purposes.0.contains(&ID_KP_OCSP_SIGNING));
    let usage = responder.extension::<KeyUsage>();
    let may_sign = usage.is_ok_and(|usage| {
        usage.is_none_or(|usage| usage.digital_signature() || usage.non_repudiation())
    });
    named && may_sign
}
