//! Object identifiers that say what a certificate is good for.

use der::asn1::ObjectIdentifier;
use serde::Deserialize;
use symbolon_protocol::identifiers::{CertificateLevel, KeyPurpose};

/// Which policies and usages certificates claim.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Profile {
    qualified_policy: ObjectIdentifier,
    advanced_policy: ObjectIdentifier,
    authentication_usage: ObjectIdentifier,
}

/// NCP (ETSI EN 319 411-1 section 5.3).
const NCP: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.2042.1.1");
/// NCP+ (ETSI EN 319 411-1 section 5.3).
const NCP_PLUS: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.2042.1.2");
/// QCP-n-qscd (ETSI EN 319 411-2 section 5.3).
const QCP_N_QSCD: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.194112.1.2");

impl Profile {
    /// The identifiers that Smart-ID certificates carry and that existing relying parties' clients
    /// insist on. Whoever configures it claims another provider's policies, and that the
    /// certificates are qualified: right under a private test root, and a legal matter elsewhere.
    pub const SMART_ID_COMPATIBLE: Self = Self {
        qualified_policy: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.10015.17.2"),
        advanced_policy: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.10015.17.1"),
        authentication_usage: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62306.5.7.0"),
    };

    /// The policies of a certificate: the authority's own, and the ETSI one that it fulfils.
    pub(super) fn policies(
        &self,
        level: CertificateLevel,
        purpose: KeyPurpose,
    ) -> [ObjectIdentifier; 2] {
        match (level, purpose) {
            (CertificateLevel::Qualified, KeyPurpose::Authentication) => {
                [self.qualified_policy, NCP_PLUS]
            }
            (CertificateLevel::Qualified, KeyPurpose::Signing) => {
                [self.qualified_policy, QCP_N_QSCD]
            }
            (CertificateLevel::Advanced, _) => [self.advanced_policy, NCP],
        }
    }

    /// The extended key usage of authentication certificates.
    pub(super) fn authentication_usage(&self) -> ObjectIdentifier {
        self.authentication_usage
    }
}

/// How a profile stands in the configuration.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Named(Name),
    Table(Table),
}

#[derive(Deserialize)]
enum Name {
    #[serde(rename = "smart-id-compatible")]
    SmartIdCompatible,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    qualified_policy: String,
    advanced_policy: String,
    authentication_usage: String,
}

impl TryFrom<Written> for Profile {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Named(Name::SmartIdCompatible) => Ok(Self::SMART_ID_COMPATIBLE),
            Written::Table(table) => Ok(Self {
                qualified_policy: identifier(&table.qualified_policy)?,
                advanced_policy: identifier(&table.advanced_policy)?,
                authentication_usage: identifier(&table.authentication_usage)?,
            }),
        }
    }
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

    #[test]
    fn is_named_or_spelt_out() {
        let named: Section = toml::from_str("profile = 'smart-id-compatible'").unwrap();
        assert_eq!(named.profile, Profile::SMART_ID_COMPATIBLE);
        let spelt: Section = toml::from_str(
            "[profile]\nqualified_policy = '1.3.6.1.4.1.99999.1'\nadvanced_policy = '1.3.6.1.4.1.99999.2'\n\
             authentication_usage = '1.3.6.1.4.1.99999.3'",
        )
        .unwrap();
        assert_eq!(
            spelt.profile.authentication_usage(),
            ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.3")
        );
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(toml::from_str::<Section>("profile = 'something'").is_err());
        assert!(
            toml::from_str::<Section>("[profile]\nqualified_policy = '1.3.6.1.4.1.99999.1'")
                .is_err()
        );
        assert!(
            toml::from_str::<Section>(
                "[profile]\nqualified_policy = 'x'\nadvanced_policy = '1.3.6.1.4.1.99999.2'\n\
                 authentication_usage = '1.3.6.1.4.1.99999.3'"
            )
            .is_err()
        );
    }
}
