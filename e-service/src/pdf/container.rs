//! What stands in the gap: a CMS container (RFC 5652) with the signed attributes that PAdES asks for.
//!
//! No signing time is among them: in a PDF it stands beside the signature (EN 319 142-1 section 6.3).

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedAttributes, SignedData, SignerIdentifier,
    SignerInfo, SignerInfos,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{
    ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA,
};
use const_oid::db::rfc5912::{ID_SHA_256, SHA_256_WITH_RSA_ENCRYPTION};
use der::asn1::{Null, OctetString, SetOfVec};
use der::{Any, Encode, EncodeValue, Sequence, Tagged};
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{ALGORITHM, PdfError};
use crate::verify::Certificate;

/// Octets of everything in a container that is no certificate: a signature of 8192 bits, and names.
const BESIDE_CERTIFICATES: usize = 4096;

/// A container without its signature.
pub(super) struct Container {
    certificates: Vec<Certificate>,
    attributes: SignedAttributes,
}

/// RFC 5035 section 3; the hash is SHA-256, which is the default and so does not stand there.
#[derive(Sequence)]
struct SigningCertificateV2 {
    certificates: Vec<CertificateIdentifier>,
}

#[derive(Sequence)]
struct CertificateIdentifier {
    hash: OctetString,
}

/// Octets that a container with these certificates has at most.
pub(super) fn room_for(certificates: &[Certificate]) -> usize {
    let octets = certificates
        .iter()
        .map(|certificate| certificate.der().len());
    octets.sum::<usize>() + BESIDE_CERTIFICATES
}

impl Container {
    /// For a document with this digest.
    pub(super) fn new(certificates: Vec<Certificate>, digest: &[u8]) -> Result<Self, PdfError> {
        let signer = certificates.first().ok_or_else(|| bad("no certificate"))?;
        let signing_certificate = SigningCertificateV2 {
            certificates: vec![CertificateIdentifier {
                hash: OctetString::new(ALGORITHM.hash().digest(signer.der())).map_err(bad)?,
            }],
        };
        let digest = OctetString::new(digest).map_err(bad)?;
        let attributes = [
            attribute(ID_CONTENT_TYPE, &ID_DATA)?,
            attribute(ID_MESSAGE_DIGEST, &digest)?,
            attribute(ID_AA_SIGNING_CERTIFICATE_V_2, &signing_certificate)?,
        ];
        Ok(Self {
            certificates,
            attributes: SetOfVec::try_from(attributes.to_vec()).map_err(bad)?,
        })
    }

    pub(super) fn signer(&self) -> &Certificate {
        &self.certificates[0]
    }

    /// The digest of the signed attributes, which is what is signed (RFC 5652 section 5.4).
    pub(super) fn digest(&self) -> Result<Vec<u8>, PdfError> {
        let attributes = self.attributes.to_der().map_err(bad)?;
        Ok(ALGORITHM.hash().digest(&attributes))
    }

    /// The container, DER.
    pub(super) fn finish(&self, signature: &[u8]) -> Result<Vec<u8>, PdfError> {
        let all = self.certificates.iter();
        let all = all.map(|one| CertificateChoices::Certificate(one.parsed().clone()));
        let signed = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![sha256()]).map_err(bad)?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: ID_DATA,
                econtent: None,
            },
            certificates: Some(CertificateSet::try_from(all.collect::<Vec<_>>()).map_err(bad)?),
            crls: None,
            signer_infos: SignerInfos::try_from(vec![self.signer_info(signature)?]).map_err(bad)?,
        };
        let info = ContentInfo {
            content_type: ID_SIGNED_DATA,
            content: Any::encode_from(&signed).map_err(bad)?,
        };
        info.to_der().map_err(bad)
    }

    fn signer_info(&self, signature: &[u8]) -> Result<SignerInfo, PdfError> {
        let signer = &self.signer().parsed().tbs_certificate;
        Ok(SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: signer.issuer.clone(),
                serial_number: signer.serial_number.clone(),
            }),
            digest_alg: sha256(),
            signed_attrs: Some(self.attributes.clone()),
            signature_algorithm: AlgorithmIdentifierOwned {
                oid: SHA_256_WITH_RSA_ENCRYPTION,
                parameters: Some(Null.into()),
            },
            signature: OctetString::new(signature).map_err(bad)?,
            unsigned_attrs: None,
        })
    }
}

fn attribute<T: EncodeValue + Tagged>(
    oid: ObjectIdentifier,
    value: &T,
) -> Result<Attribute, PdfError> {
    let value = Any::encode_from(value).map_err(bad)?;
    Ok(Attribute {
        oid,
        values: SetOfVec::try_from(vec![value]).map_err(bad)?,
    })
}

/// Without parameters, as RFC 5754 section 2 asks for.
fn sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: ID_SHA_256,
        parameters: None,
    }
}

fn bad(error: impl ToString) -> PdfError {
    PdfError::Container(error.to_string())
}
