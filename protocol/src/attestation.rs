//! Reading what a TPM certified: `TPMS_ATTEST` of `NV_Certify` (TPM 2.0 Part 2 section 10.12).

use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use subtle::ConstantTimeEq;

use crate::device::lock::CertifiedReading;
use crate::lockout::PinCount;
use crate::release::INDEX_SIZE;

const TPM_GENERATED_VALUE: u32 = 0xff54_4347;
const TPM_ST_ATTEST_NV: u16 = 0x8014;

/// Reads a PIN counter that a TPM certified over `nonce`.
///
/// `attestation_key` is an uncompressed P-256 point. It is restricted, so it signs nothing that
/// begins like an attestation and was not made by the TPM itself.
pub fn read_certified_count(
    reading: &CertifiedReading,
    attestation_key: &[u8; 65],
    nonce: &[u8],
    index_name: &[u8],
) -> Result<PinCount, ReadingError> {
    let attestation = reading.attestation.as_slice();
    let key =
        VerifyingKey::from_sec1_bytes(attestation_key).map_err(|_| ReadingError::AttestationKey)?;
    let signature =
        Signature::from_slice(reading.signature.as_slice()).map_err(|_| ReadingError::Signature)?;
    key.verify(attestation, &signature)
        .map_err(|_| ReadingError::Signature)?;

    let certified = parse(attestation)?;
    if !bool::from(certified.extra_data.ct_eq(nonce)) {
        return Err(ReadingError::Nonce);
    }
    if certified.index_name != index_name {
        return Err(ReadingError::OtherIndex);
    }
    match (certified.offset, certified.contents) {
        (0, &[a, b, c, d, e, f, g, h]) => Ok(PinCount {
            failures: u32::from_be_bytes([a, b, c, d]),
            limit: u32::from_be_bytes([e, f, g, h]),
        }),
        _ => Err(ReadingError::Contents),
    }
}

struct CertifiedContents<'a> {
    extra_data: &'a [u8],
    index_name: &'a [u8],
    offset: u16,
    contents: &'a [u8],
}

fn parse(attestation: &[u8]) -> Result<CertifiedContents<'_>, ReadingError> {
    let mut fields = Fields(attestation);
    if fields.u32()? != TPM_GENERATED_VALUE {
        return Err(ReadingError::NotFromTpm);
    }
    if fields.u16()? != TPM_ST_ATTEST_NV {
        return Err(ReadingError::NotNvCertify);
    }
    fields.sized()?; // qualifiedSigner
    let extra_data = fields.sized()?;
    fields.take(17)?; // clockInfo
    fields.take(8)?; // firmwareVersion
    let index_name = fields.sized()?;
    let offset = fields.u16()?;
    let contents = fields.sized()?;
    if !fields.0.is_empty() {
        return Err(ReadingError::Malformed);
    }
    Ok(CertifiedContents {
        extra_data,
        index_name,
        offset,
        contents,
    })
}

/// The octets that were not read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ReadingError> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(ReadingError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadingError> {
        self.take(N)?
            .try_into()
            .map_err(|_| ReadingError::Malformed)
    }

    fn u16(&mut self) -> Result<u16, ReadingError> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, ReadingError> {
        self.array().map(u32::from_be_bytes)
    }

    /// A `TPM2B`: a length of two octets, and so much.
    fn sized(&mut self) -> Result<&'a [u8], ReadingError> {
        let length = self.u16()?;
        self.take(length.into())
    }
}

/// Why a reading is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadingError {
    /// The key that was registered is no P-256 point.
    #[error("the attestation key is not a P-256 point")]
    AttestationKey,
    /// The signature does not verify.
    #[error("the attestation's signature does not verify")]
    Signature,
    /// The magic number is not the one that only a TPM writes.
    #[error("the attestation was not made by a TPM")]
    NotFromTpm,
    /// It attests something else.
    #[error("the attestation is not about an NV index")]
    NotNvCertify,
    /// It is cut off, or has more than it should.
    #[error("the attestation is malformed")]
    Malformed,
    /// It answers another challenge: a replay.
    #[error("the attestation is not over this nonce")]
    Nonce,
    /// It is about another index.
    #[error("the attestation is about another index")]
    OtherIndex,
    /// It does not hold the whole counter.
    #[error("the attestation does not hold the {INDEX_SIZE} octets of a PIN counter")]
    Contents,
}

#[cfg(test)]
mod tests;
