//! What a device and its co-signing service say to each other, and the arithmetic both need. No I/O.
//!
//! * [`device`]: the messages of the device API; a request type names its reply type.
//! * [`identifiers`]: who a person is, which account, which of its two keys.

pub mod bytes;
pub mod device;
pub mod encoding;
pub mod identifiers;
pub mod interaction;
pub mod lockout;
pub mod release;
pub mod split_key;
