//! Whether a relying party is who it says, and may ask for what it asks.
//!
//! The API knows no secret: a relying party is known by its UUID and name together with the network
//! that it calls from.

use std::net::IpAddr;

use super::problem::{Problem, Violation};
use super::registry::RelyingParty;
use super::request::{
    CertificateRequest, ChoiceRequest, Claim, MinimumLevel, OpeningRequest, Properties,
};

/// What a request needs its relying party to be allowed.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// Who says to be asking.
    pub claim: &'a Claim,
    level: MinimumLevel,
    share_device_address: bool,
    capabilities: &'a [String],
}

impl<'a> Demand<'a> {
    /// What a login or a signature needs.
    pub fn of_session(request: &'a OpeningRequest) -> Self {
        let Properties {
            share_device_address,
            ..
        } = request.properties;
        Self {
            claim: &request.claim,
            level: request.level,
            share_device_address,
            capabilities: &request.capabilities,
        }
    }

    /// What a certificate choice needs.
    pub fn of_choice(request: &'a ChoiceRequest) -> Self {
        Self {
            claim: &request.claim,
            level: request.level,
            share_device_address: request.properties.share_device_address,
            capabilities: &request.capabilities,
        }
    }

    /// What a certificate needs.
    pub fn of_certificate(request: &'a CertificateRequest) -> Self {
        Self {
            claim: &request.claim,
            level: request.level,
            share_device_address: false,
            capabilities: &[],
        }
    }
}

/// Judges a request that came from `source`; `party` is what is registered under the claimed UUID.
pub fn admit(
    demand: Demand<'_>,
    party: Option<RelyingParty>,
    source: IpAddr,
) -> Result<RelyingParty, Problem> {
    let party = party.ok_or_else(Problem::unknown_party)?;
    if !calls_from_its_networks(&party, source) || !bears_name(&party, &demand.claim.name) {
        return Err(Problem::unauthorized());
    }
    let missing = missing_permissions(demand, &party);
    if missing.is_empty() {
        Ok(party)
    } else {
        Err(Problem::forbidden(missing))
    }
}

/// Whether an address is one that the relying party calls from. A socket that serves both versions
/// of IP shows IPv4 callers as `::ffff:a.b.c.d`.
pub fn calls_from_its_networks(party: &RelyingParty, source: IpAddr) -> bool {
    let source = source.to_canonical();
    party
        .networks
        .iter()
        .any(|network| network.contains(&source))
}

fn bears_name(party: &RelyingParty, claimed: &str) -> bool {
    let claimed = claimed.to_lowercase();
    party
        .names
        .iter()
        .any(|name| name.to_lowercase() == claimed)
}

fn missing_permissions(demand: Demand<'_>, party: &RelyingParty) -> Vec<Violation> {
    let mut missing = Vec::new();
    if demand.level == MinimumLevel::Advanced && !party.allow_advanced {
        missing.push(Violation::of_field(
            "certificateLevel",
            "/certificateLevel",
            "Relying Party does not have permissions to request the ADVANCED level",
        ));
    }
    if demand.share_device_address && !party.allow_ip_sharing {
        missing.push(Violation::of_field(
            "shareMdClientIpAddress",
            "/requestProperties/shareMdClientIpAddress",
            "Relying Party does not have permissions to request the MD client IP address sharing",
        ));
    }
    // No capability is given to anybody yet.
    if !demand.capabilities.is_empty() {
        missing.push(Violation::of_field(
            "capabilities",
            "/capabilities",
            "Relying Party does not have permissions to request the capabilities",
        ));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party() -> RelyingParty {
        RelyingParty {
            uuid: "00000000-0000-4000-8000-000000000000".parse().unwrap(),
            names: vec!["DEMO".to_owned(), "Köögi Pood".to_owned()],
            networks: vec![
                "192.0.2.0/24".parse().unwrap(),
                "2001:db8::/32".parse().unwrap(),
            ],
            allow_advanced: false,
            allow_ip_sharing: false,
            allow_version_2: false,
        }
    }

    fn claim(name: &str) -> Claim {
        Claim {
            uuid: party().uuid,
            name: name.to_owned(),
        }
    }

    fn demand(claim: &Claim) -> Demand<'_> {
        Demand {
            claim,
            level: MinimumLevel::Qualified,
            share_device_address: false,
            capabilities: &[],
        }
    }

    fn status(result: Result<RelyingParty, Problem>) -> u16 {
        result.map_or_else(|problem| problem.status(), |_| 200)
    }

    #[test]
    fn the_address_must_lie_in_a_network_of_the_relying_party() {
        let (party, claim) = (party(), claim("DEMO"));
        for (source, expected) in [
            ("192.0.2.7", 200),
            ("::ffff:192.0.2.7", 200),
            ("2001:db8::1", 200),
            ("192.0.3.7", 401),
            ("127.0.0.1", 401),
            ("2001:db9::1", 401),
            ("::c000:0207", 401),
        ] {
            let admitted = admit(demand(&claim), Some(party.clone()), source.parse().unwrap());
            assert_eq!(status(admitted), expected, "{source}");
        }
    }

    #[test]
    fn a_relying_party_without_networks_is_never_admitted() {
        let mut party = party();
        party.networks.clear();
        let claim = claim("DEMO");
        let admitted = admit(demand(&claim), Some(party.clone()), [192, 0, 2, 7].into());
        assert_eq!(status(admitted), 401);
    }

    #[test]
    fn the_name_must_be_one_of_the_registered_in_any_case() {
        let party = party();
        for (name, expected) in [
            ("DEMO", 200),
            ("demo", 200),
            ("köögi pood", 200),
            ("KÖÖGI POOD", 200),
            ("NOT DEMO", 401),
            ("DEMO ", 401),
            ("DEM", 401),
        ] {
            let claim = claim(name);
            let admitted = admit(demand(&claim), Some(party.clone()), [192, 0, 2, 7].into());
            assert_eq!(status(admitted), expected, "{name}");
        }
    }

    #[test]
    fn an_unknown_relying_party_is_forbidden() {
        let claim = claim("DEMO");
        let admitted = admit(demand(&claim), None, [192, 0, 2, 7].into());
        assert_eq!(status(admitted), 403);
    }

    #[test]
    fn what_is_not_permitted_is_listed_and_permission_cures_it() {
        let claim = claim("DEMO");
        let capabilities = ["QUALIFIED".to_owned()];
        let greedy = Demand {
            level: MinimumLevel::Advanced,
            share_device_address: true,
            ..demand(&claim)
        };
        let source = [192, 0, 2, 7].into();

        let strict = party();
        let problem = admit(greedy, Some(strict), source).unwrap_err();
        assert_eq!(problem.status(), 403);
        let pointers: Vec<_> = problem
            .errors()
            .iter()
            .filter_map(|violation| violation.pointer.as_deref())
            .collect();
        assert_eq!(
            pointers,
            [
                "/certificateLevel",
                "/requestProperties/shareMdClientIpAddress"
            ]
        );

        let generous = RelyingParty {
            allow_advanced: true,
            allow_ip_sharing: true,
            ..party()
        };
        assert_eq!(status(admit(greedy, Some(generous.clone()), source)), 200);
        let capable = Demand {
            capabilities: &capabilities,
            ..greedy
        };
        assert_eq!(status(admit(capable, Some(generous.clone()), source)), 403);
    }
}
