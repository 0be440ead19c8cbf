//! What certificates are marked with, so that one made for something else is not taken.

use der::asn1::ObjectIdentifier;
use der::{Decode, Sequence};
use x509_cert::ext::pkix::{CertificatePolicies, ExtendedKeyUsage, KeyUsage};

use super::{Certificate, CertificateLevel, Rejected};

const CLIENT_AUTHENTICATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const QUALIFIED_STATEMENTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.3");
/// The key is in a qualified device (ETSI EN 319 412-5 section 4.2.2).
const IN_QUALIFIED_DEVICE: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.1862.1.4");
/// The list of what the certificate is for (ETSI EN 319 412-5 section 4.2.3), and "signatures" in it.
const TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.1862.1.6");
const SIGNATURES: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.1862.1.6.1");

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To log in.
    Authentication,
    /// To sign.
    Signing,
}

/// The marks of an operator's certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    qualified_authentication: Vec<ObjectIdentifier>,
    qualified_signing: Vec<ObjectIdentifier>,
    advanced: Vec<ObjectIdentifier>,
    authentication_usage: ObjectIdentifier,
    /// Smart-ID's own: old logins, and statements that signatures are qualified.
    smart_id: bool,
}

impl Profile {
    /// Smart-ID's.
    pub fn smart_id() -> Self {
        let known = ObjectIdentifier::new_unwrap;
        Self {
            qualified_authentication: vec![
                known("1.3.6.1.4.1.10015.17.2"),
                known("0.4.0.2042.1.2"),
            ],
            qualified_signing: vec![known("1.3.6.1.4.1.10015.17.2"), known("0.4.0.194112.1.2")],
            advanced: vec![known("1.3.6.1.4.1.10015.17.1"), known("0.4.0.2042.1.1")],
            authentication_usage: known("1.3.6.1.4.1.62306.5.7.0"),
            smart_id: true,
        }
    }

    /// An operator's own, below their arc: `arc.1.1` for logins and `arc.1.2` for signatures at the
    /// level QUALIFIED, `arc.1.3` for both at ADVANCED, and the usage `arc.2.1` for logins.
    ///
    /// # Errors
    /// If the text is no object identifier that others fit below.
    pub fn under(arc: &str) -> Result<Self, String> {
        let below = |number: &str| {
            ObjectIdentifier::new(&format!("{arc}.{number}"))
                .map_err(|_| format!("`{arc}` is no arc of object identifiers"))
        };
        Ok(Self {
            qualified_authentication: vec![below("1.1")?],
            qualified_signing: vec![below("1.2")?],
            advanced: vec![below("1.3")?],
            authentication_usage: below("2.1")?,
            smart_id: false,
        })
    }

    /// Whether a certificate of this level is for this purpose.
    pub(super) fn check_purpose(
        &self,
        certificate: &Certificate,
        purpose: Purpose,
        level: CertificateLevel,
    ) -> Result<(), Rejected> {
        let qualified = level > CertificateLevel::Advanced;
        let expected = match (qualified, purpose) {
            (true, Purpose::Authentication) => &self.qualified_authentication,
            (true, Purpose::Signing) => &self.qualified_signing,
            (false, _) => &self.advanced,
        };
        let policies: Vec<_> = certificate
            .extension::<CertificatePolicies>()?
            .map(|policies| policies.0.iter().map(|one| one.policy_identifier).collect())
            .unwrap_or_default();
        must(
            expected.iter().all(|policy| policies.contains(policy)),
            "its policies",
        )?;
        let usage = certificate.extension::<KeyUsage>()?;
        match purpose {
            Purpose::Authentication => self.check_login(certificate, usage),
            Purpose::Signing => {
                must(
                    usage.is_some_and(|usage| usage.non_repudiation()),
                    "its key usage",
                )?;
                let stated = !(qualified && self.smart_id) || is_for_signatures(certificate);
                must(stated, "its qualified statements")
            }
        }
    }

    /// Whether the certificate says that the key is in a qualified device.
    pub(super) fn check_device(&self, certificate: &Certificate) -> Result<(), Rejected> {
        let said = statements(certificate)
            .iter()
            .any(|statement| statement.id == IN_QUALIFIED_DEVICE);
        // Without such statements it is the policy of qualified signatures that says so.
        must(said || !self.smart_id, "its qualified statements")
    }

    fn check_login(
        &self,
        certificate: &Certificate,
        usage: Option<KeyUsage>,
    ) -> Result<(), Rejected> {
        let extended = certificate
            .extension::<ExtendedKeyUsage>()?
            .map(|usages| usages.0)
            .unwrap_or_default();
        if extended.contains(&self.authentication_usage) {
            return must(
                usage.is_some_and(|usage| usage.digital_signature()),
                "its key usage",
            );
        }
        // Certificates from before April 2025.
        let old = self.smart_id && extended.contains(&CLIENT_AUTHENTICATION);
        must(old, "its extended key usage")?;
        let usage = usage.is_some_and(|usage| {
            usage.digital_signature() && usage.key_encipherment() && usage.data_encipherment()
        });
        must(usage, "its key usage")
    }
}

/// `QCStatement` (RFC 3739 section 3.2.6).
#[derive(Sequence)]
struct Statement<'a> {
    id: ObjectIdentifier,
    #[asn1(optional = "true")]
    info: Option<der::asn1::AnyRef<'a>>,
}

fn statements(certificate: &Certificate) -> Vec<Statement<'_>> {
    certificate
        .extension_octets(QUALIFIED_STATEMENTS)
        .and_then(|octets| Vec::<Statement<'_>>::from_der(octets).ok())
        .unwrap_or_default()
}

fn is_for_signatures(certificate: &Certificate) -> bool {
    statements(certificate)
        .iter()
        .filter(|statement| statement.id == TYPE)
        .filter_map(|statement| {
            statement
                .info
                .and_then(|info| info.decode_as::<Vec<ObjectIdentifier>>().ok())
        })
        .any(|types| types.contains(&SIGNATURES))
}

fn must(holds: bool, what: &'static str) -> Result<(), Rejected> {
    match holds {
        true => Ok(()),
        false => Err(Rejected::WrongPurpose(what)),
    }
}

#[cfg(test)]
mod tests {
    use x509_cert::ext::pkix::KeyUsages;

    use super::super::made::{Authority, Made};
    use super::*;

    const LOGIN: &str = "1.3.6.1.4.1.62306.5.7.0";

    fn marked(policies: &[&str], change: impl FnOnce(&mut Made)) -> Certificate {
        let made = Authority::root("Root").person(|it| {
            it.policies = policies.iter().map(|&policy| policy.into()).collect();
            change(it);
        });
        made.certificate()
    }

    fn login(
        usages: &[&str],
        usage: impl Into<der::flagset::FlagSet<KeyUsages>>,
    ) -> impl FnOnce(&mut Made) {
        let usages = usages.iter().map(|&usage| usage.to_owned()).collect();
        let usage = usage.into();
        move |it| {
            it.extended_usages = usages;
            it.usage = Some(usage);
        }
    }

    #[test]
    fn logins_are_marked_as_such() {
        use CertificateLevel::{Advanced, Qualified};
        const Q: [&str; 2] = ["1.3.6.1.4.1.10015.17.2", "0.4.0.2042.1.2"];
        const NQ: [&str; 2] = ["1.3.6.1.4.1.10015.17.1", "0.4.0.2042.1.1"];
        const CLIENT: &str = "1.3.6.1.5.5.7.3.2";
        let wrong = |what| Err(Rejected::WrongPurpose(what));
        let digital = KeyUsages::DigitalSignature;
        let old =
            KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment;
        for (certificate, level, expected) in [
            (marked(&Q, login(&[LOGIN], digital)), Qualified, Ok(())),
            (marked(&NQ, login(&[LOGIN], digital)), Advanced, Ok(())),
            (marked(&Q, login(&[CLIENT], old)), Qualified, Ok(())),
            (
                marked(&NQ, login(&[LOGIN], digital)),
                Qualified,
                wrong("its policies"),
            ),
            (
                marked(&Q, login(&[LOGIN], digital)),
                Advanced,
                wrong("its policies"),
            ),
            (
                marked(&Q[..1], login(&[LOGIN], digital)),
                Qualified,
                wrong("its policies"),
            ),
            (
                marked(&[], login(&[LOGIN], digital)),
                Qualified,
                wrong("its policies"),
            ),
            (
                marked(&Q, login(&[], digital)),
                Qualified,
                wrong("its extended key usage"),
            ),
            (
                marked(&Q, login(&[CLIENT], digital)),
                Qualified,
                wrong("its key usage"),
            ),
            (
                marked(&Q, login(&[LOGIN], KeyUsages::NonRepudiation)),
                Qualified,
                wrong("its key usage"),
            ),
        ] {
            let found =
                Profile::smart_id().check_purpose(&certificate, Purpose::Authentication, level);
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn signatures_are_marked_as_such() {
        use CertificateLevel::{Advanced, Qualified};
        const Q: [&str; 2] = ["1.3.6.1.4.1.10015.17.2", "0.4.0.194112.1.2"];
        const NQ: [&str; 2] = ["1.3.6.1.4.1.10015.17.1", "0.4.0.2042.1.1"];
        // Statements: for signatures; for seals (EN 319 412-5); compliance alone.
        const SIGNATURE: &str = "301530130606040 08e460106300906070400 8e46010601";
        const SEAL: &str = "301530130606040 08e460106300906070400 8e46010602";
        const COMPLIANCE: &str = "300a300806060400 8e460101";
        let wrong = |what| Err(Rejected::WrongPurpose(what));
        let signing = |statements: &str, usage: KeyUsages| {
            let statements = octets(statements);
            move |it: &mut Made| {
                it.statements = statements;
                it.usage = Some(usage.into());
            }
        };
        let non_repudiation = KeyUsages::NonRepudiation;
        for (certificate, level, expected) in [
            (
                marked(&Q, signing(SIGNATURE, non_repudiation)),
                Qualified,
                Ok(()),
            ),
            (marked(&NQ, signing("", non_repudiation)), Advanced, Ok(())),
            (
                marked(&Q, signing("", non_repudiation)),
                Qualified,
                wrong("its qualified statements"),
            ),
            (
                marked(&Q, signing(SEAL, non_repudiation)),
                Qualified,
                wrong("its qualified statements"),
            ),
            (
                marked(&Q, signing(COMPLIANCE, non_repudiation)),
                Qualified,
                wrong("its qualified statements"),
            ),
            (
                marked(&Q, signing("3003", non_repudiation)),
                Qualified,
                wrong("its qualified statements"),
            ),
            (
                marked(&NQ, signing(SIGNATURE, non_repudiation)),
                Qualified,
                wrong("its policies"),
            ),
            (
                marked(&Q, signing(SIGNATURE, KeyUsages::DigitalSignature)),
                Qualified,
                wrong("its key usage"),
            ),
        ] {
            let found = Profile::smart_id().check_purpose(&certificate, Purpose::Signing, level);
            assert_eq!(found, expected);
        }
        let no_device = marked(&Q, signing(SIGNATURE, non_repudiation));
        let found = Profile::smart_id().check_device(&no_device);
        assert_eq!(found, wrong("its qualified statements"));
    }

    #[test]
    fn an_operators_own_marks_are_taken_and_no_others() {
        let own = Profile::under("1.3.6.1.4.1.32473.1").unwrap();
        let usage = KeyUsages::DigitalSignature;
        let policy = ["1.3.6.1.4.1.32473.1.1.1"];
        let good = marked(&policy, login(&["1.3.6.1.4.1.32473.1.2.1"], usage));
        let smart_ids = marked(&policy, login(&[LOGIN], usage));
        let check = |certificate| {
            own.check_purpose(
                certificate,
                Purpose::Authentication,
                CertificateLevel::Qualified,
            )
        };
        assert_eq!(check(&good), Ok(()));
        let expected = Rejected::WrongPurpose("its extended key usage");
        assert_eq!(check(&smart_ids), Err(expected));
        assert!(Profile::under("example").is_err());
    }

    fn octets(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|digit| *digit != b' ').collect();
        let pairs = digits
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap());
        pairs
            .map(|pair| u8::from_str_radix(pair, 16).unwrap())
            .collect()
    }
}
