//! From a certificate to an authority that is trusted.

use der::asn1::ObjectIdentifier;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use time::OffsetDateTime;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::{Certificate, Hash, Rejected, RsaPublicKey, SignatureAlgorithm};

/// Authorities between an account's certificate and a root, at most.
const DEPTH: u8 = 4;

/// The authorities that a relying party knows, and no other: never a system's store.
#[derive(Debug, Clone)]
pub struct Trust {
    anchors: Vec<Certificate>,
    intermediates: Vec<Certificate>,
}

/// Why a set of authorities is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// There is nothing to trust.
    #[error("there is no root")]
    Empty,
    /// A root is not signed by itself.
    #[error("root number {0} is none: {1}")]
    NotARoot(usize, Rejected),
    /// An intermediate authority's certificate does not lead to a root.
    #[error("intermediate authority number {0} leads to no root: {1}")]
    NotIssued(usize, Rejected),
}

impl Trust {
    /// Takes roots and the authorities below them. Whether they are valid is asked anew with every
    /// certificate, as time goes on.
    ///
    /// # Errors
    /// If one of them is not what it is said to be.
    pub fn new(
        anchors: Vec<Certificate>,
        intermediates: Vec<Certificate>,
    ) -> Result<Self, TrustError> {
        if anchors.is_empty() {
            return Err(TrustError::Empty);
        }
        for (index, anchor) in anchors.iter().enumerate() {
            may_issue(anchor, 0)
                .and_then(|()| is_signed_by(anchor, anchor))
                .map_err(|why| TrustError::NotARoot(index + 1, why))?;
        }
        let trust = Self {
            anchors,
            intermediates,
        };
        for (index, authority) in trust.intermediates.iter().enumerate() {
            trust
                .climb(authority, 0, None)
                .map_err(|why| TrustError::NotIssued(index + 1, why))?;
        }
        Ok(trust)
    }

    /// Follows an account's certificate to a root; all of them are valid at `now`. Its issuer comes
    /// first, the root last.
    pub(super) fn chain(
        &self,
        leaf: &Certificate,
        now: OffsetDateTime,
    ) -> Result<Vec<&Certificate>, Rejected> {
        leaf.check_critical()?;
        if leaf
            .extension::<BasicConstraints>()?
            .is_some_and(|constraints| constraints.ca)
        {
            return Err(Rejected::AuthoritysOwn);
        }
        if !leaf.is_valid_at(now) {
            return Err(Rejected::NotValidNow);
        }
        self.climb(leaf, 0, Some(now))
    }

    /// A certificate and the authorities that lead from it to a root, which is left out.
    ///
    /// # Errors
    /// What was found first that is wrong.
    pub fn path_of(
        &self,
        leaf: Certificate,
        now: OffsetDateTime,
    ) -> Result<Vec<Certificate>, Rejected> {
        let mut above = self.chain(&leaf, now)?;
        above.pop();
        let above = above.into_iter().cloned().collect();
        Ok([vec![leaf], above].concat())
    }

    /// Finds an issuer, `below` authorities being between it and the account.
    fn climb(
        &self,
        subject: &Certificate,
        below: u8,
        now: Option<OffsetDateTime>,
    ) -> Result<Vec<&Certificate>, Rejected> {
        // What stood in the way of the last issuer of that name.
        let mut why = Rejected::UnknownIssuer;
        let named = |authority: &&Certificate| authority.subject() == subject.issuer();
        for anchor in self.anchors.iter().filter(named) {
            match issued(subject, anchor, below, now) {
                Ok(()) => return Ok(vec![anchor]),
                Err(rejected) => why = rejected,
            }
        }
        if below == DEPTH {
            return Err(why);
        }
        for authority in self.intermediates.iter().filter(named) {
            let found = issued(subject, authority, below, now)
                .and_then(|()| self.climb(authority, below + 1, now));
            match found {
                Ok(above) => return Ok([vec![authority], above].concat()),
                Err(rejected) => why = rejected,
            }
        }
        Err(why)
    }
}

fn issued(
    subject: &Certificate,
    issuer: &Certificate,
    below: u8,
    now: Option<OffsetDateTime>,
) -> Result<(), Rejected> {
    is_signed_by(subject, issuer)?;
    may_issue(issuer, below)?;
    match now.is_none_or(|now| issuer.is_valid_at(now)) {
        true => Ok(()),
        false => Err(Rejected::NotValidNow),
    }
}

/// RFC 5280 section 6.1.4, (k) to (o).
fn may_issue(issuer: &Certificate, below: u8) -> Result<(), Rejected> {
    issuer.check_critical()?;
    let constraints = issuer.extension::<BasicConstraints>()?;
    let is_authority = constraints.is_some_and(|constraints| {
        constraints.ca
            && constraints
                .path_len_constraint
                .is_none_or(|most| below <= most)
    });
    let may_sign = issuer
        .extension::<KeyUsage>()?
        .is_none_or(|usage| usage.key_cert_sign());
    match is_authority && may_sign {
        true => Ok(()),
        false => Err(Rejected::IssuerIsNoAuthority),
    }
}

/// Whether an authority's key signed a certificate.
pub(super) fn is_signed_by(subject: &Certificate, issuer: &Certificate) -> Result<(), Rejected> {
    let (body, algorithm, signature) = subject.signed()?;
    has_signed(issuer, body, algorithm, signature)
}

/// Whether an authority's key made a signature over something.
pub(super) fn has_signed(
    issuer: &Certificate,
    body: &[u8],
    algorithm: ObjectIdentifier,
    signature: &[u8],
) -> Result<(), Rejected> {
    let key = issuer.public_key()?;
    let Some((family, hash)) = family(algorithm) else {
        return Err(Rejected::BadCertificateSignature);
    };
    let digest = hash.digest(body);
    match family {
        Family::Rsa => RsaPublicKey::from_der(&key)
            .and_then(|key| key.verify(SignatureAlgorithm::Pkcs1(hash), &digest, signature))
            .map_err(|_| Rejected::BadCertificateSignature),
        Family::Ecdsa => match ecdsa(&key, &digest, signature) {
            Some(true) => Ok(()),
            _ => Err(Rejected::BadCertificateSignature),
        },
    }
}

enum Family {
    Rsa,
    Ecdsa,
}

fn family(algorithm: ObjectIdentifier) -> Option<(Family, Hash)> {
    use const_oid::db::rfc5912 as known;
    Some(match algorithm {
        known::SHA_256_WITH_RSA_ENCRYPTION => (Family::Rsa, Hash::Sha256),
        known::SHA_384_WITH_RSA_ENCRYPTION => (Family::Rsa, Hash::Sha384),
        known::SHA_512_WITH_RSA_ENCRYPTION => (Family::Rsa, Hash::Sha512),
        known::ECDSA_WITH_SHA_256 => (Family::Ecdsa, Hash::Sha256),
        known::ECDSA_WITH_SHA_384 => (Family::Ecdsa, Hash::Sha384),
        known::ECDSA_WITH_SHA_512 => (Family::Ecdsa, Hash::Sha512),
        _ => return None,
    })
}

/// Whether the signature verifies; `None` if key or signature cannot be read.
fn ecdsa(spki: &[u8], digest: &[u8], signature: &[u8]) -> Option<bool> {
    use const_oid::db::rfc5912::{SECP_256_R_1, SECP_384_R_1, SECP_521_R_1};
    let info = SubjectPublicKeyInfoRef::try_from(spki).ok()?;
    let point = info.subject_public_key.as_bytes()?;
    Some(match info.algorithm.parameters_oid().ok()? {
        SECP_256_R_1 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()?
            .verify_prehash(digest, &p256::ecdsa::Signature::from_der(signature).ok()?)
            .is_ok(),
        SECP_384_R_1 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()?
            .verify_prehash(digest, &p384::ecdsa::Signature::from_der(signature).ok()?)
            .is_ok(),
        SECP_521_R_1 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .ok()?
            .verify_prehash(digest, &p521::ecdsa::Signature::from_der(signature).ok()?)
            .is_ok(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::made::{Authority, Made, NOW};
    use super::*;

    type Change = fn(&mut Made);

    fn check(authorities: &[&Made], leaf: &Made) -> Result<(), Rejected> {
        let mut known = authorities.iter().map(|made| made.certificate());
        let root = known.next().unwrap();
        Trust::new(vec![root], known.collect())
            .unwrap()
            .chain(&leaf.certificate(), NOW)
            .map(|_| ())
    }

    #[test]
    fn a_chain_leads_to_a_root() {
        let root = Authority::root("Root");
        let issuing = root.below("Issuing", |_| {});
        let leaf = issuing.person(|_| {});
        let by_root = root.person(|_| {});
        let root = &root.made;
        assert_eq!(check(&[root, &issuing.made], &leaf), Ok(()));
        assert_eq!(check(&[root], &by_root), Ok(()));
        assert_eq!(check(&[root], &leaf), Err(Rejected::UnknownIssuer));
        let namesake = Authority::root("Root");
        let other = check(&[&namesake.made], &by_root);
        assert_eq!(other, Err(Rejected::BadCertificateSignature));
        // An authority is nobody who logs in, and a person is nobody's authority.
        let authority = check(&[root, &issuing.made], &issuing.made);
        assert_eq!(authority, Err(Rejected::AuthoritysOwn));
    }

    #[test]
    fn an_issuer_may_issue() {
        let changes: [(&str, Change, Rejected); 5] = [
            (
                "no authority",
                |it| it.authority = None,
                Rejected::IssuerIsNoAuthority,
            ),
            (
                "not for certificates",
                |it| it.usage = Some(x509_cert::ext::pkix::KeyUsages::CRLSign.into()),
                Rejected::IssuerIsNoAuthority,
            ),
            ("expired", |it| it.valid = (-20, -10), Rejected::NotValidNow),
            ("not yet", |it| it.valid = (10, 20), Rejected::NotValidNow),
            (
                "a secret clause",
                |it| it.unknown_critical = true,
                Rejected::UnknownCriticalExtension,
            ),
        ];
        for (what, change, expected) in changes {
            let root = Authority::root("Root");
            let issuing = root.below("Issuing", change);
            let leaf = issuing.person(|_| {});
            assert_eq!(
                check(&[&root.made, &issuing.made], &leaf),
                Err(expected),
                "{what}"
            );
        }
    }

    #[test]
    fn a_path_has_the_length_that_its_issuers_allow() {
        let root = Authority::root("Root");
        for (most, expected) in [
            (None, Ok(())),
            (Some(1), Ok(())),
            (Some(0), Err(Rejected::IssuerIsNoAuthority)),
        ] {
            let upper = root.below("Upper", |it| it.authority = Some(most));
            let lower = upper.below("Lower", |_| {});
            let leaf = lower.person(|_| {});
            let found = check(&[&root.made, &upper.made, &lower.made], &leaf);
            assert_eq!(found, expected, "{most:?}");
        }
    }

    #[test]
    fn a_person_has_a_certificate_that_holds() {
        let root = Authority::root("Root");
        let changes: [(Change, Rejected); 3] = [
            (|it| it.valid = (-20, -10), Rejected::NotValidNow),
            (
                |it| it.unknown_critical = true,
                Rejected::UnknownCriticalExtension,
            ),
            (|it| it.authority = Some(None), Rejected::AuthoritysOwn),
        ];
        for (change, expected) in changes {
            let leaf = root.person(change);
            assert_eq!(check(&[&root.made], &leaf), Err(expected));
        }
        let mut octets = root.person(|_| {}).certificate().der().to_vec();
        // In the signature, and in the name.
        for position in [octets.len() - 1, 60] {
            octets[position] ^= 1;
            let trust = Trust::new(vec![root.made.certificate()], vec![]).unwrap();
            let found = Certificate::from_der(&octets).and_then(|it| trust.chain(&it, NOW));
            assert!(found.is_err(), "{position}");
            octets[position] ^= 1;
        }
    }

    #[test]
    fn nobody_is_trusted_by_mistake() {
        let root = Authority::root("Root");
        let issuing = root.below("Issuing", |_| {});
        let (root, issuing) = (root.made.certificate(), issuing.made.certificate());
        assert_eq!(Trust::new(vec![], vec![]).unwrap_err(), TrustError::Empty);
        let not_a_root = Trust::new(vec![root, issuing.clone()], vec![]);
        let why = Rejected::BadCertificateSignature;
        assert_eq!(not_a_root.unwrap_err(), TrustError::NotARoot(2, why));
        let other = Authority::root("Other").made.certificate();
        let lost = Trust::new(vec![other], vec![issuing]);
        let why = Rejected::UnknownIssuer;
        assert_eq!(lost.unwrap_err(), TrustError::NotIssued(1, why));
    }
}
