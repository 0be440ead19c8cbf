//! Randomness of the operating system.

use symbolon_protocol::random::RandomError;
use uuid::Uuid;

/// Fresh random octets.
pub fn octets<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    drawn(getrandom::fill(&mut octets).map_err(RandomError::from));
    octets
}

/// A random UUID, version 4 (RFC 9562 section 5.4).
pub fn uuid() -> Uuid {
    uuid::Builder::from_random_bytes(octets()).into_uuid()
}

/// What was drawn.
///
/// The kernel's generator fails only before it was ever seeded; then nothing here may go on.
#[expect(clippy::panic, reason = "without randomness no secret can be made")]
pub fn drawn<T>(result: Result<T, RandomError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
