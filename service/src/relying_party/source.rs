//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::HeaderMap;
use http::request::Parts;
use ipnet::IpNet;

use super::RelyingPartyApi;
use super::problem::Problem;

/// The address that a request comes from, seen through trusted proxies; it may ask once more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source(pub(super) IpAddr);

impl FromRequestParts<RelyingPartyApi> for Source {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        api: &RelyingPartyApi,
    ) -> Result<Self, Self::Rejection> {
        // Absent only if the server was put together wrongly: then nobody is let in.
        let ConnectInfo(peer) = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .ok_or_else(Problem::maintenance)?;
        let source = behind_proxies(peer.ip(), &parts.headers, &api.trusted_proxies);
        // Before anything is read that a flood could make dear.
        api.limits.admit_source(source)?;
        Ok(Self(source))
    }
}

/// The nearest hop that is no trusted proxy. Each proxy appends the address that it was called
/// from to `X-Forwarded-For`, so only what trusted ones wrote, from the right, can be believed.
fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut nearest = peer.to_canonical();
    let mut hops = headers
        .get_all("x-forwarded-for")
        .iter()
        .rev()
        .flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
    while is_trusted(nearest) {
        let Some(hop) = hops
            .next()
            .and_then(|hop| hop.trim().parse::<IpAddr>().ok())
        else {
            break;
        };
        nearest = hop.to_canonical();
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_what_trusted_proxies_wrote_is_believed() {
        let trusted: Vec<IpNet> = vec![
            "10.0.0.0/8".parse().unwrap(),
            "2001:db8::1/128".parse().unwrap(),
        ];
        for (peer, forwarded, expected) in [
            ("192.0.2.1", &[][..], "192.0.2.1"),
            ("192.0.2.1", &["198.51.100.9"], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.9"], "198.51.100.9"),
            ("::ffff:10.0.0.1", &["198.51.100.9"], "198.51.100.9"),
            (
                "10.0.0.1",
                &["203.0.113.1, 198.51.100.9, 10.0.0.2"],
                "198.51.100.9",
            ),
            ("10.0.0.1", &["203.0.113.1", "198.51.100.9"], "198.51.100.9"),
            ("10.0.0.1", &["198.51.100.9,2001:db8::1"], "198.51.100.9"),
            ("10.0.0.1", &["198.51.100.9, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.2"], "10.0.0.2"),
        ] {
            let source = behind_proxies(peer.parse().unwrap(), &headers(forwarded), &trusted);
            assert_eq!(source.to_string(), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn without_trusted_proxies_the_header_means_nothing() {
        let source = behind_proxies([192, 0, 2, 1].into(), &headers(&["127.0.0.1"]), &[]);
        assert_eq!(source.to_string(), "192.0.2.1");
    }
}
