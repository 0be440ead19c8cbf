//! What a certificate says.

use const_oid::AssociatedOid;
use const_oid::db::rfc4519::COMMON_NAME;
use der::asn1::{Any, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use der::{Decode, Encode, Reader, SliceReader, Tag, Tagged};
use time::OffsetDateTime;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    BasicConstraints, CertificatePolicies, ExtendedKeyUsage, KeyUsage, SubjectAltName,
};
use x509_cert::name::Name;

use super::Rejected;

/// What we look at of those extensions that an issuer may mark as critical.
const UNDERSTOOD: [ObjectIdentifier; 5] = [
    BasicConstraints::OID,
    KeyUsage::OID,
    ExtendedKeyUsage::OID,
    CertificatePolicies::OID,
    SubjectAltName::OID,
];

/// A certificate that could be read. Nothing about it has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
}

impl Certificate {
    /// Reads one.
    ///
    /// # Errors
    /// [`Rejected::UnreadableCertificate`].
    pub fn from_der(der: &[u8]) -> Result<Self, Rejected> {
        let parsed = x509_cert::Certificate::from_der(der)
            .map_err(|_| Rejected::UnreadableCertificate("its encoding"))?;
        if parsed.signature_algorithm != parsed.tbs_certificate.signature {
            return Err(Rejected::UnreadableCertificate("its algorithm"));
        }
        Ok(Self {
            der: der.to_vec(),
            parsed,
        })
    }

    /// Reads all that stand in a PEM file.
    ///
    /// # Errors
    /// [`Rejected::UnreadableCertificate`].
    pub fn all_in_pem(pem: &[u8]) -> Result<Vec<Self>, Rejected> {
        const WHAT: Rejected = Rejected::UnreadableCertificate("its PEM encoding");
        let all = x509_cert::Certificate::load_pem_chain(pem).map_err(|_| WHAT)?;
        all.iter()
            .map(|one| Self::from_der(&one.to_der().map_err(|_| WHAT)?))
            .collect()
    }

    /// As it came.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What stands in it.
    pub(crate) fn parsed(&self) -> &x509_cert::Certificate {
        &self.parsed
    }

    /// Whose it is.
    pub fn subject(&self) -> &Name {
        &self.parsed.tbs_certificate.subject
    }

    /// Who issued it.
    pub fn issuer(&self) -> &Name {
        &self.parsed.tbs_certificate.issuer
    }

    /// The key, as a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`Rejected::UnreadableCertificate`].
    pub fn public_key(&self) -> Result<Vec<u8>, Rejected> {
        let key = &self.parsed.tbs_certificate.subject_public_key_info;
        key.to_der()
            .map_err(|_| Rejected::UnreadableCertificate("the key"))
    }

    /// The account, which stands as a name among the alternative ones; `None` if there is none.
    pub(super) fn document_number(&self) -> Result<Option<String>, Rejected> {
        let Some(names) = self.extension::<SubjectAltName>()? else {
            return Ok(None);
        };
        Ok(names.0.iter().find_map(|name| match name {
            GeneralName::DirectoryName(name) => attribute(name, COMMON_NAME),
            _ => None,
        }))
    }

    /// Whether it is valid at a time.
    pub(super) fn is_valid_at(&self, now: OffsetDateTime) -> bool {
        let validity = &self.parsed.tbs_certificate.validity;
        let seconds = |time: &x509_cert::time::Time| time.to_unix_duration().as_secs();
        u64::try_from(now.unix_timestamp()).is_ok_and(|now| {
            (seconds(&validity.not_before)..=seconds(&validity.not_after)).contains(&now)
        })
    }

    /// The part that its issuer signed, the algorithm's identifier, and the signature.
    pub(super) fn signed(&self) -> Result<(&[u8], ObjectIdentifier, &[u8]), Rejected> {
        const WHAT: Rejected = Rejected::UnreadableCertificate("its signature");
        let signature = self.parsed.signature.as_bytes().ok_or(WHAT)?;
        // The octets as they came: to encode them anew would forgive an encoding that is none.
        let body = SliceReader::new(&self.der)
            .and_then(|mut reader| {
                reader.sequence(|reader| {
                    let body = reader.tlv_bytes()?;
                    reader.tlv_bytes()?;
                    reader.tlv_bytes()?;
                    Ok(body)
                })
            })
            .map_err(|_| WHAT)?;
        Ok((body, self.parsed.signature_algorithm.oid, signature))
    }

    /// Whether all that must be understood is.
    pub(super) fn check_critical(&self) -> Result<(), Rejected> {
        match self
            .extensions()
            .iter()
            .all(|one| !one.critical || UNDERSTOOD.contains(&one.extn_id))
        {
            true => Ok(()),
            false => Err(Rejected::UnknownCriticalExtension),
        }
    }

    /// An extension.
    pub(super) fn extension<'a, T>(&'a self) -> Result<Option<T>, Rejected>
    where
        T: Decode<'a> + AssociatedOid,
    {
        self.extension_octets(T::OID)
            .map(|octets| {
                T::from_der(octets).map_err(|_| Rejected::UnreadableCertificate("an extension"))
            })
            .transpose()
    }

    /// An extension's content.
    pub(super) fn extension_octets(&self, oid: ObjectIdentifier) -> Option<&[u8]> {
        let found = self.extensions().iter().find(|one| one.extn_id == oid);
        found.map(|one| one.extn_value.as_bytes())
    }

    fn extensions(&self) -> &[x509_cert::ext::Extension] {
        let extensions = &self.parsed.tbs_certificate.extensions;
        extensions.as_deref().unwrap_or_default()
    }
}

/// An attribute of a name, if it stands there once.
pub(super) fn attribute(name: &Name, oid: ObjectIdentifier) -> Option<String> {
    let mut values = name
        .0
        .iter()
        .flat_map(|part| part.0.iter())
        .filter(|attribute| attribute.oid == oid);
    let value = text(&values.next()?.value)?;
    // Which of two would be meant?
    values.next().is_none().then_some(value)
}

fn text(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String => value
            .decode_as::<Utf8StringRef<'_>>()
            .ok()
            .map(|text| text.as_str().to_owned()),
        Tag::PrintableString => value
            .decode_as::<PrintableStringRef<'_>>()
            .ok()
            .map(|text| text.as_str().to_owned()),
        Tag::TeletexString => value
            .decode_as::<TeletexStringRef<'_>>()
            .ok()
            .map(|text| text.as_str().to_owned()),
        _ => None,
    }
}
