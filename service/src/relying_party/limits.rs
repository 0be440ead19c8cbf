//! How often a relying party, and a source of whatever kind, may ask; and how often a relying party for
//! the same person.
//!
//! A bucket of tokens each: a request takes one, and so many come back each second. Buckets are this
//! node's own: with several nodes the limits add up.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use serde::Deserialize;
use symbolon_protocol::identifiers::SemanticsIdentifier;
use uuid::Uuid;

use super::problem::Problem;

/// After so many requests the buckets that are full again are forgotten.
const TIDY_AFTER: u32 = 4096;

/// `[relying_party.limits]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// What one relying party may ask.
    pub party: Rate,
    /// What one relying party may push to one person, whether or not there is such a person.
    pub person: Rate,
    /// What may come from one address, polls and nonsense included; from one network of 64 bits
    /// for IPv6.
    pub source: Rate,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            party: Rate {
                per_second: 100,
                burst: 1000,
            },
            person: Rate {
                per_second: 1,
                burst: 100,
            },
            source: Rate {
                per_second: 1000,
                burst: 5000,
            },
        }
    }
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// In the long run; 0 is as often as one likes.
    pub per_second: u32,
    /// At once, after a rest.
    pub burst: u32,
}

/// The limits in force.
pub(super) struct Limits {
    parties: Option<Buckets<Uuid>>,
    persons: Option<Buckets<(Uuid, SemanticsIdentifier)>>,
    sources: Option<Buckets<IpAddr>>,
}

impl Limits {
    pub(super) fn new(config: LimitsConfig) -> Self {
        Self {
            parties: Buckets::new(config.party, DefaultClock::default()),
            persons: Buckets::new(config.person, DefaultClock::default()),
            sources: Buckets::new(config.source, DefaultClock::default()),
        }
    }

    /// Takes a token of a relying party that is admitted: nobody else can use hers up.
    pub(super) fn admit_party(&self, party: Uuid) -> Result<(), Problem> {
        admit(self.parties.as_ref(), &party)
    }

    /// Takes a token that a relying party has for a person. Nobody is looked for in the store, so it is
    /// the same for whoever has no account, and for whoever is not reached by this relying party.
    pub(super) fn admit_push(
        &self,
        party: Uuid,
        person: SemanticsIdentifier,
    ) -> Result<(), Problem> {
        admit(self.persons.as_ref(), &(party, person))
    }

    /// Takes a token of a source.
    pub(super) fn admit_source(&self, source: IpAddr) -> Result<(), Problem> {
        admit(self.sources.as_ref(), &network_of(source))
    }
}

fn admit<K: Hash + Eq + Clone>(buckets: Option<&Buckets<K>>, key: &K) -> Result<(), Problem> {
    match buckets.map_or(Ok(()), |buckets| buckets.take(key)) {
        Ok(()) => Ok(()),
        Err(seconds) => Err(Problem::too_many_requests(seconds)),
    }
}

/// A subscriber's IPv6 network has 2^64 addresses, and any of them is theirs.
fn network_of(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

struct Buckets<K: Hash + Eq + Clone, C: Clock + Clone = DefaultClock> {
    limiter: RateLimiter<K, HashMapStateStore<K>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    taken: AtomicU32,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Buckets<K, C> {
    /// None where there is no limit.
    fn new(rate: Rate, clock: C) -> Option<Self> {
        let per_second = NonZeroU32::new(rate.per_second)?;
        let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Some(Self {
            limiter: RateLimiter::hashmap_with_clock(quota, clock.clone()),
            clock,
            taken: AtomicU32::new(0),
        })
    }

    /// Takes a token; if there is none, in how many seconds there is.
    fn take(&self, key: &K) -> Result<(), u32> {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        if taken.is_multiple_of(TIDY_AFTER) {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            let whole = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
            whole
                .saturating_add(u32::from(wait.subsec_nanos() > 0))
                .max(1)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn a_burst_empties_a_bucket_and_time_fills_it() {
        let clock = FakeRelativeClock::default();
        let rate = Rate {
            per_second: 2,
            burst: 3,
        };
        let buckets = Buckets::new(rate, clock.clone()).unwrap();
        // (milliseconds that go by, whose token, whether there is one)
        for (step, (wait, key, outcome)) in [
            (0, "bank", Ok(())),
            (0, "bank", Ok(())),
            (0, "bank", Ok(())),
            (0, "bank", Err(1)),
            // Nobody else's.
            (0, "shop", Ok(())),
            (499, "bank", Err(1)),
            (1, "bank", Ok(())),
            (0, "bank", Err(1)),
            // It holds no more than a burst.
            (60_000, "bank", Ok(())),
            (0, "bank", Ok(())),
            (0, "bank", Ok(())),
            (0, "bank", Err(1)),
        ]
        .into_iter()
        .enumerate()
        {
            clock.advance(Duration::from_millis(wait));
            assert_eq!(buckets.take(&key), outcome, "step {step}");
        }
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let rate = Rate {
            per_second: 1,
            burst: 1,
        };
        let buckets = Buckets::new(rate, clock.clone()).unwrap();
        for source in 0..TIDY_AFTER {
            buckets.take(&source).unwrap();
        }
        clock.advance(Duration::from_secs(2));
        buckets.take(&0).unwrap();
        assert_eq!(buckets.limiter.len(), 1);
    }

    #[test]
    fn a_rate_of_nothing_is_no_limit() {
        let unlimited = Rate {
            per_second: 0,
            burst: 0,
        };
        let limits = Limits::new(LimitsConfig {
            party: unlimited,
            person: unlimited,
            source: unlimited,
        });
        for _ in 0..10_000 {
            limits.admit_party(Uuid::nil()).unwrap();
            limits.admit_source([192, 0, 2, 1].into()).unwrap();
        }
    }

    #[test]
    fn a_network_of_ipv6_has_one_bucket() {
        for (one, other, same) in [
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("192.0.2.1", "192.0.2.2", false),
        ] {
            let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(network_of(one) == network_of(other), same, "{one} {other}");
        }
    }
}
