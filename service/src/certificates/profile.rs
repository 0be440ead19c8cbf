//! Object identifiers that say what a certificate is good for.

use der::asn1::ObjectIdentifier;
use serde::Deserialize;
use symbolon_protocol::identifiers::{CertificateLevel, KeyPurpose};

/// Which policies and usages certificates claim.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Profile {
    qualified_authentication: Vec<ObjectIdentifier>,
    qualified_signing: Vec<ObjectIdentifier>,
    advanced: Vec<ObjectIdentifier>,
    authentication_usage: ObjectIdentifier,
    qualified_statements: bool,
}

impl Profile {
    /// What Smart-ID certificates carry and existing relying parties' clients insist on. Whoever
    /// configures it claims another provider's policies, and that the certificates are qualified:
    /// right under a private test root, and a legal matter elsewhere.
    pub fn smart_id_compatible() -> Self {
        const QUALIFIED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.10015.17.2");
        const ADVANCED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.10015.17.1");
        // ETSI EN 319 411-1 section 5.3, and for the last EN 319 411-2 section 5.3.
        const NCP: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.2042.1.1");
        const NCP_PLUS: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.2042.1.2");
        const QCP_N_QSCD: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.194112.1.2");
        Self {
            qualified_authentication: vec![QUALIFIED, NCP_PLUS],
            qualified_signing: vec![QUALIFIED, QCP_N_QSCD],
            advanced: vec![ADVANCED, NCP],
            authentication_usage: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62306.5.7.0"),
            qualified_statements: true,
        }
    }

    /// Whether it is [`Profile::smart_id_compatible`].
    pub fn is_smart_id_compatible(&self) -> bool {
        *self == Self::smart_id_compatible()
    }

    /// Policies of the operator's own, under an arc that is theirs: `arc.1.1` for authentication and
    /// `arc.1.2` for signing at the level QUALIFIED, `arc.1.3` for both at ADVANCED, `arc.2.1` as
    /// the usage of authentication. Claims nothing of anybody else's.
    fn under(arc: ObjectIdentifier) -> Result<Self, String> {
        let below = |kind, number| {
            arc.push_arc(kind)
                .and_then(|arc| arc.push_arc(number))
                .map_err(|_| format!("`{arc}` is too long an arc"))
        };
        Ok(Self {
            qualified_authentication: vec![below(1, 1)?],
            qualified_signing: vec![below(1, 2)?],
            advanced: vec![below(1, 3)?],
            authentication_usage: below(2, 1)?,
            qualified_statements: false,
        })
    }

    /// The policies of a certificate.
    pub(super) fn policies(
        &self,
        level: CertificateLevel,
        purpose: KeyPurpose,
    ) -> &[ObjectIdentifier] {
        match (level, purpose) {
            (CertificateLevel::Qualified, KeyPurpose::Authentication) => {
                &self.qualified_authentication
            }
            (CertificateLevel::Qualified, KeyPurpose::Signing) => &self.qualified_signing,
            (CertificateLevel::Advanced, _) => &self.advanced,
        }
    }

    /// The extended key usage of authentication certificates.
    pub(super) fn authentication_usage(&self) -> ObjectIdentifier {
        self.authentication_usage
    }

    /// Whether qualified signing certificates say that they are (ETSI EN 319 412-5).
    pub(super) fn has_qualified_statements(&self) -> bool {
        self.qualified_statements
    }
}

/// How a profile stands in the configuration.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Named(Name),
    Arc(Arc),
    Table(Table),
}

#[derive(Deserialize)]
enum Name {
    #[serde(rename = "smart-id-compatible")]
    SmartIdCompatible,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arc {
    arc: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    qualified_authentication: Vec<String>,
    qualified_signing: Vec<String>,
    advanced: Vec<String>,
    authentication_usage: String,
    qualified_statements: bool,
}

impl TryFrom<Written> for Profile {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Named(Name::SmartIdCompatible) => Ok(Self::smart_id_compatible()),
            Written::Arc(Arc { arc }) => Self::under(identifier(&arc)?),
            Written::Table(table) => Ok(Self {
                qualified_authentication: policies(&table.qualified_authentication)?,
                qualified_signing: policies(&table.qualified_signing)?,
                advanced: policies(&table.advanced)?,
                authentication_usage: identifier(&table.authentication_usage)?,
                qualified_statements: table.qualified_statements,
            }),
        }
    }
}

/// At least one: an empty list of policies cannot be encoded (RFC 5280 section 4.2.1.4).
fn policies(texts: &[String]) -> Result<Vec<ObjectIdentifier>, String> {
    if texts.is_empty() {
        return Err("a certificate has at least one policy".to_owned());
    }
    texts.iter().map(|text| identifier(text)).collect()
}

fn identifier(text: &str) -> Result<ObjectIdentifier, String> {
    ObjectIdentifier::new(text).map_err(|_| format!("`{text}` is no object identifier"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Section {
        profile: Profile,
    }

    const SPELT: &str = "[profile]\n\
        qualified_authentication = ['1.3.6.1.4.1.99999.1']\n\
        qualified_signing = ['1.3.6.1.4.1.99999.2', '0.4.0.2042.1.2']\n\
        advanced = ['1.3.6.1.4.1.99999.3']\n\
        authentication_usage = '1.3.6.1.4.1.99999.4'\n\
        qualified_statements = false\n";

    #[test]
    fn is_named_or_spelt_out() {
        let named: Section = toml::from_str("profile = 'smart-id-compatible'").unwrap();
        assert_eq!(named.profile, Profile::smart_id_compatible());
        let spelt: Section = toml::from_str(SPELT).unwrap();
        let policies = spelt
            .profile
            .policies(CertificateLevel::Qualified, KeyPurpose::Signing);
        assert_eq!(policies[0].to_string(), "1.3.6.1.4.1.99999.2");
        assert!(!spelt.profile.has_qualified_statements());
    }

    #[test]
    fn an_arc_of_ones_own_claims_nothing_of_others() {
        let own: Section = toml::from_str("profile = { arc = '1.3.6.1.4.1.32473.1' }").unwrap();
        let policies = |level, purpose| own.profile.policies(level, purpose)[0].to_string();
        let (qualified, advanced) = (CertificateLevel::Qualified, CertificateLevel::Advanced);
        let (login, signing) = (KeyPurpose::Authentication, KeyPurpose::Signing);
        assert_eq!(policies(qualified, login), "1.3.6.1.4.1.32473.1.1.1");
        assert_eq!(policies(qualified, signing), "1.3.6.1.4.1.32473.1.1.2");
        assert_eq!(policies(advanced, login), "1.3.6.1.4.1.32473.1.1.3");
        assert_eq!(policies(advanced, signing), "1.3.6.1.4.1.32473.1.1.3");
        let usage = own.profile.authentication_usage().to_string();
        assert_eq!(usage, "1.3.6.1.4.1.32473.1.2.1");
        assert!(!own.profile.has_qualified_statements());
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            "profile = 'something'".to_owned(),
            "[profile]\nadvanced = ['1.3.6.1.4.1.99999.1']".to_owned(),
            SPELT.replace("'1.3.6.1.4.1.99999.4'", "'x'"),
            SPELT.replace("['1.3.6.1.4.1.99999.3']", "[]"),
            "profile = { arc = 'x' }".to_owned(),
            "profile = { arc = '1.2.3', more = true }".to_owned(),
            SPELT.replace("advanced", "advance"),
        ] {
            assert!(toml::from_str::<Section>(&wrong).is_err(), "{wrong}");
        }
    }
}
