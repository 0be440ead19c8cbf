//! The two certificates of an account.

use der::asn1::Ia5String;
use symbolon_protocol::identifiers::{BirthDate, CertificateLevel, DocumentNumber, KeyPurpose};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::ext::pkix::name::GeneralName;

use super::config::CertificatesConfig;
use super::error::CertificatesError;
use super::issue::{Contents, Period};
use super::{extensions, names, public_keys, qualified};

/// The longest name of either kind that is taken. X.520 says 64 for a common name, which is shorter
/// than some real people's; ETSI EN 319 412-2 section 4.2.4 allows more.
const LONGEST_NAME: usize = 200;

/// The shortest modulus for which a certificate is issued.
const SHORTEST_MODULUS_BITS: usize = 4000;

/// For whom and for which key.
#[derive(Debug, Clone, Copy)]
pub struct AccountCertificateRequest<'a> {
    /// The account. It says who the person is, and the level.
    pub document_number: &'a DocumentNumber,
    /// The person's given name, in any case.
    pub given_name: &'a str,
    /// The person's surname, in any case.
    pub surname: &'a str,
    /// The birth date, where the person's identifier does not tell it.
    pub birth_date: Option<BirthDate>,
    /// Which of the account's keys.
    pub purpose: KeyPurpose,
    /// `n = n1·n2`, big endian.
    pub modulus: &'a [u8],
}

/// What the account's certificate says.
pub(super) fn contents(
    config: &CertificatesConfig,
    request: &AccountCertificateRequest<'_>,
) -> Result<Contents, CertificatesError> {
    check_name("given name", request.given_name)?;
    check_name("surname", request.surname)?;
    let modulus = significant(request.modulus)?;
    let person = request.document_number.person();
    Ok(Contents {
        subject: names::person(
            person.country(),
            request.surname,
            request.given_name,
            person.as_str(),
        )?,
        public_key: public_keys::rsa(modulus)?,
        period: Period::from_now(config.validity_days),
        extensions: extensions_of(config, request)?,
    })
}

fn extensions_of(
    config: &CertificatesConfig,
    request: &AccountCertificateRequest<'_>,
) -> Result<Vec<Extension>, CertificatesError> {
    let level = request.document_number.level();
    let document = names::common_name(request.document_number.as_str())?;
    let mut extensions = vec![
        extensions::end_entity()?,
        extensions::key_usage(match request.purpose {
            KeyPurpose::Authentication => KeyUsages::DigitalSignature,
            KeyPurpose::Signing => KeyUsages::NonRepudiation,
        })?,
        extensions::policies(
            config.profile.policies(level, request.purpose),
            config.statement_url.as_deref(),
        )?,
        extensions::alternative_names(vec![GeneralName::DirectoryName(document)])?,
        extensions::authority_access(&config.issuer_url, &config.ocsp_url)?,
        extensions::revocation_list(&config.crl_url)?,
    ];
    if request.purpose == KeyPurpose::Authentication {
        extensions.push(extensions::extended_key_usage(
            config.profile.authentication_usage(),
        )?);
    }
    if level == CertificateLevel::Qualified {
        if request.purpose == KeyPurpose::Signing && config.profile.has_qualified_statements() {
            extensions.push(extensions::encoded(
                extensions::QC_STATEMENTS,
                false,
                qualified::statements(config.disclosure_url.as_deref())?,
            )?);
        }
        let told = request.document_number.person().birth_date();
        if let Some(date) = told.or(request.birth_date) {
            extensions.push(extensions::encoded(
                extensions::DIRECTORY_ATTRIBUTES,
                false,
                qualified::birth_date(date)?,
            )?);
        }
    }
    Ok(extensions)
}

/// Names come from a clerk's keyboard; what is no name is refused here for good.
fn check_name(which: &str, name: &str) -> Result<(), CertificatesError> {
    let problem = if name.trim().is_empty() {
        "is empty"
    } else if name.chars().count() > LONGEST_NAME {
        "is too long"
    } else if name.chars().any(char::is_control) {
        "has control characters"
    } else {
        return Ok(());
    };
    Err(CertificatesError::Request(format!("the {which} {problem}")))
}

/// The modulus without leading zeros, if it is as large as a product of two shares must be.
fn significant(modulus: &[u8]) -> Result<&[u8], CertificatesError> {
    let zeros = modulus.iter().take_while(|octet| **octet == 0).count();
    let modulus = &modulus[zeros..];
    match 8 * modulus.len() >= SHORTEST_MODULUS_BITS {
        true => Ok(modulus),
        false => Err(CertificatesError::Request(format!(
            "a modulus of {} octets is too short",
            modulus.len()
        ))),
    }
}

/// Whether the configured addresses can stand in certificates, so that a mistake shows at the
/// start and not with the first person who enrols.
pub(super) fn check_addresses(config: &CertificatesConfig) -> Result<(), CertificatesError> {
    let plain = [
        ("issuer_url", Some(&config.issuer_url)),
        ("ocsp_url", Some(&config.ocsp_url)),
        ("crl_url", Some(&config.crl_url)),
        ("statement_url", config.statement_url.as_ref()),
        ("disclosure_url", config.disclosure_url.as_ref()),
    ];
    for (key, url) in plain {
        if let Some(url) = url
            && (!(url.starts_with("http://") || url.starts_with("https://"))
                || Ia5String::new(url).is_err())
        {
            return Err(CertificatesError::Config(format!(
                "{key} `{url}` is no http address in ASCII"
            )));
        }
    }
    Ok(())
}
