//! Random octets of the operating system.

/// Draws random octets from the operating system.
pub fn random_octets(length: usize) -> Result<Vec<u8>, RandomError> {
    let mut octets = vec![0; length];
    getrandom::fill(&mut octets)?;
    Ok(octets)
}

/// The operating system gave no random octets; nothing secret may be made.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random octets: {0}")]
pub struct RandomError(#[from] getrandom::Error);
