//! Why an answer is not believed.

use super::EndResult;

/// Why an answer is not believed. Only [`Rejected::Ended`] is the person's doing; everything else
/// is a fault of the service, or an attack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The session is not over.
    #[error("the session is still running")]
    Running,
    /// The session ended without success.
    #[error("the session ended with {0:?}")]
    Ended(EndResult),
    /// The answer is no answer of this API.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// A mandatory field is not there, or empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field has a value that the API does not know.
    #[error("{0} has a value that it cannot have")]
    Malformed(&'static str),
    /// A field has a value that was not asked for.
    #[error("{0} is not what was asked for")]
    NotAskedFor(&'static str),
    /// The certificate's level is below the one that was asked for.
    #[error("the certificate's level is too low")]
    LevelTooLow,
    /// A certificate cannot be read.
    #[error("a certificate cannot be read: {0}")]
    UnreadableCertificate(&'static str),
    /// No authority that is known by name issued the certificate.
    #[error("no trusted authority issued the certificate")]
    UnknownIssuer,
    /// A certificate is not signed by the key of the authority that it names.
    #[error("a certificate is not signed by its issuer")]
    BadCertificateSignature,
    /// A certificate of the chain is not valid at this time.
    #[error("a certificate is not valid at this time")]
    NotValidNow,
    /// The certificate's issuer may not issue it.
    #[error("the issuer is no authority for such certificates")]
    IssuerIsNoAuthority,
    /// A certificate has a critical extension that is not understood.
    #[error("a certificate has a critical extension that is not understood")]
    UnknownCriticalExtension,
    /// The certificate belongs to an authority, not to a person.
    #[error("the certificate is an authority's")]
    AuthoritysOwn,
    /// The certificate is not for this purpose at this level.
    #[error("the certificate is not made for this: {0}")]
    WrongPurpose(&'static str),
    /// The certificate's subject is no natural person of this API.
    #[error("the certificate's subject is not as it must be: {0}")]
    BadIdentity(&'static str),
    /// Somebody else answered.
    #[error("somebody else answered than who was asked")]
    AnotherPerson,
    /// The certificate is of another account than the answer says.
    #[error("the certificate is of another account than the answer says")]
    AnotherDocument,
    /// The signature is not over what was asked, or not by the certificate's key.
    #[error("the signature does not verify")]
    BadSignature,
    /// A same-device flow came back without the browser, or the browser without its parameter.
    #[error("the browser brought no {0}")]
    CallbackWithout(&'static str),
    /// The browser came back from another session.
    #[error("the browser came back from another session")]
    AnotherSession,
    /// Another device answered than the one that led the browser back.
    #[error("another device answered than the one that led the browser back")]
    AnotherDevice,
    /// The certificate was taken back.
    #[error("the certificate was revoked")]
    Revoked,
    /// Nobody who may say so says that the certificate was not taken back.
    #[error("whether the certificate was revoked could not be found out: {0}")]
    StatusUnknown(String),
    /// The account cannot be used now.
    #[error("the account cannot be used")]
    DocumentUnusable,
}
