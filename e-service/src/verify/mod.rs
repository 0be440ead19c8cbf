//! What a relying party must check before it believes an answer (SK's documentation of the
//! relying-party API 3.2, "Response verification"). No I/O, and no clock but the one handed in.

mod algorithm;
mod authentication;
mod callback;
mod certificate;
mod chain;
mod end_result;
mod identity;
#[cfg(test)]
pub(crate) mod made;
mod profile;
mod rejected;
mod responder;
mod revocation;
mod revocation_list;
mod rsa;
mod signature;
mod status;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod vectors_tests;

pub use algorithm::{Hash, SignatureAlgorithm};
pub use authentication::AuthenticationRequest;
pub use callback::Callback;
pub use certificate::Certificate;
pub use chain::{Trust, TrustError};
pub use end_result::{EndResult, Interaction};
pub use identity::Identity;
pub use profile::{Profile, Purpose};
pub use rejected::Rejected;
pub use revocation::Question;
pub use rsa::RsaPublicKey;
pub use signature::{CertificateByDocument, CertificateChoiceRequest, SignatureRequest};
pub use status::{CertificateLevel, FlowType, SessionStatus};

use time::OffsetDateTime;

/// What a relying party believes in.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// The authorities.
    pub trust: Trust,
    /// What their certificates are marked with.
    pub profile: Profile,
    /// The first field of every signed payload: `smart-id`, or a demo environment's name.
    pub scheme_name: String,
}

/// Whom a session was asked for, and so who must have answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Whoever opens the link.
    Anyone,
    /// A person, by semantics identifier: `PNOEE-40504040001`.
    Person(String),
    /// An account, by document number: `PNOEE-40504040001-DEM0-Q`.
    Document(String),
}

/// What was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Who it was, by the certificate.
    pub identity: Identity,
    /// The account.
    pub document_number: String,
    /// The level of the certificate.
    pub level: CertificateLevel,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// The signature; empty where only a certificate was asked for.
    pub signature: Vec<u8>,
}

impl Verifier {
    /// What is to be asked about the certificate of a session that is over.
    ///
    /// # Errors
    /// What was found first that is wrong, with the session or with the certificate's chain.
    pub fn question(
        &self,
        status: &SessionStatus,
        now: OffsetDateTime,
    ) -> Result<Question, Rejected> {
        let certificate = Certificate::from_der(&status.completed()?.certificate.der)?;
        let above = self.trust.chain(&certificate, now)?;
        let issuer = above.first().ok_or(Rejected::UnknownIssuer)?;
        Question::about(&certificate, issuer)
    }

    /// Checks a certificate as far as it is not about a signature: level, chain and validity at
    /// `now`, purpose, and whose it is.
    fn certificate(
        &self,
        stated: &status::StatedCertificate,
        asked: &AskedOf<'_>,
        purpose: Purpose,
        now: OffsetDateTime,
    ) -> Result<(Certificate, Identity), Rejected> {
        if stated.level < asked.level.at_least() {
            return Err(Rejected::LevelTooLow);
        }
        let certificate = Certificate::from_der(&stated.der)?;
        self.trust.chain(&certificate, now)?;
        self.profile
            .check_purpose(&certificate, purpose, stated.level)?;
        if asked.level == CertificateLevel::Qscd {
            self.profile.check_device(&certificate)?;
        }
        let identity = Identity::of(&certificate)?;
        let account = certificate.document_number()?;
        if account
            .as_deref()
            .is_some_and(|account| account != asked.answered_by)
        {
            return Err(Rejected::AnotherDocument);
        }
        let expected = match asked.whom {
            Asked::Anyone => true,
            Asked::Person(person) => *person == identity.semantics_identifier,
            // The answer's own word for it would not do.
            Asked::Document(number) => account.as_ref() == Some(number),
        };
        match expected {
            true => Ok((certificate, identity)),
            false => Err(Rejected::AnotherPerson),
        }
    }
}

/// Who was to answer, at which level, and who says that they did.
struct AskedOf<'a> {
    whom: &'a Asked,
    level: CertificateLevel,
    answered_by: &'a str,
}
