//! Signing a PDF: a PAdES baseline signature of level B-B (ETSI EN 319 142-1 section 6), whose value
//! somebody else makes.
//!
//! The document that was uploaded stays as it is, octet by octet; the signature is an update at its
//! end (ISO 32000-1 section 7.5.6), with a [`container`] in a gap that the signature leaves out.

mod container;
mod update;

use time::OffsetDateTime;

use crate::verify::{Certificate, Hash, SignatureAlgorithm};
use container::Container;
use update::Updated;

/// What validators of PDFs know everywhere.
pub const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Pkcs1(Hash::Sha256);

/// A document that lacks nothing but the signature's value.
pub struct Prepared {
    document: Updated,
    container: Container,
}

/// Why a document is not signed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// It is no PDF, a damaged one, or one made to hurt.
    #[error("this is no PDF, or a damaged one: {0}")]
    Unreadable(String),
    /// Nobody can sign what they cannot read.
    #[error("the PDF is encrypted")]
    Encrypted,
    /// Its author allowed no further signatures.
    #[error("the PDF's author certified it, and allows no changes")]
    Certified,
    /// There is no page that a signature could belong to.
    #[error("the PDF has no page")]
    Empty,
    /// The signer's certificate or the signature is not as expected.
    #[error("the signature does not fit into the PDF: {0}")]
    Container(String),
}

impl Prepared {
    /// Makes room for a signature that is to be verified with the first of `certificates`; those that
    /// follow lead from it to a root.
    ///
    /// Takes a while for large documents.
    ///
    /// # Errors
    /// [`PdfError`]; a document that is neither well-formed nor small is refused.
    pub fn new(
        document: &[u8],
        certificates: Vec<Certificate>,
        now: OffsetDateTime,
    ) -> Result<Self, PdfError> {
        let room = container::room_for(&certificates);
        let document = update::append_signature(document, room, now)?;
        let container = Container::new(certificates, &document.digest(ALGORITHM.hash()))?;
        Ok(Self {
            document,
            container,
        })
    }

    /// What is to be signed, with [`ALGORITHM`].
    ///
    /// # Errors
    /// [`PdfError::Container`].
    pub fn digest(&self) -> Result<Vec<u8>, PdfError> {
        self.container.digest()
    }

    /// The signed document; `certificate` is the one that the signature was verified with.
    ///
    /// # Errors
    /// [`PdfError::Container`], if it is another certificate than the document tells too.
    pub fn finish(&self, certificate: &[u8], signature: &[u8]) -> Result<Vec<u8>, PdfError> {
        if self.container.signer().der() != certificate {
            let told = "the account has another certificate now";
            return Err(PdfError::Container(told.into()));
        }
        self.document.filled(&self.container.finish(signature)?)
    }
}

#[cfg(test)]
mod tests;
