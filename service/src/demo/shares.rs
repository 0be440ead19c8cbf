//! A demo device's key shares. There is no soft key path in this program, so the token makes and
//! uses them like the service's own.

use symbolon_protocol::split_key::{Modulus, device_modulus};

use crate::keys::{KeysError, ServiceKeys, ServiceShare};

/// Makes a share that a device would keep: its product with a service's share is likely to have the
/// length that is wanted. Seconds on some tokens.
pub async fn draw(keys: &ServiceKeys) -> Result<ServiceShare, KeysError> {
    loop {
        let share = keys.generate_share().await?;
        if Modulus::from_octets(&share.modulus)
            .is_ok_and(|modulus| device_modulus::prefers(&modulus))
        {
            return Ok(share);
        }
    }
}
