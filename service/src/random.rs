//! Randomness of the operating system.

use uuid::Uuid;

/// Fresh random octets.
///
/// The kernel's generator fails only before it was ever seeded; then nothing here may go on.
#[expect(clippy::panic, reason = "without randomness no secret can be made")]
pub fn random_octets<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    if let Err(error) = getrandom::fill(&mut octets) {
        panic!("the system has no randomness: {error}");
    }
    octets
}

/// A random UUID, version 4 (RFC 9562 section 5.4).
pub fn uuid() -> Uuid {
    uuid::Builder::from_random_bytes(random_octets()).into_uuid()
}

/// Four decimal digits, each number as likely as any other.
pub fn four_digits() -> String {
    loop {
        // 60000 is the largest multiple of 10000 below 2^16; what lies above would favour small numbers.
        let drawn = u16::from_be_bytes(random_octets());
        if drawn < 60_000 {
            return format!("{:04}", drawn % 10_000);
        }
    }
}
