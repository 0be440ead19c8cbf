//! The PIN of a token that only a person has: handed over while the daemon runs, kept in memory.

use std::sync::{Mutex, MutexGuard};

use zeroize::Zeroizing;

use crate::locked::locked;

/// Where the PIN is kept, and who may bring it.
#[derive(Default)]
pub struct HandedPin {
    users: Vec<u32>,
    pin: Mutex<Option<Zeroizing<Vec<u8>>>>,
}

impl HandedPin {
    /// A place for a PIN that root and these users may bring.
    pub fn from_users(users: Vec<u32>) -> Self {
        Self {
            users,
            pin: Mutex::default(),
        }
    }

    /// Whether this user may bring it: who brings a wrong one spends one of the token's tries.
    pub(crate) fn is_taken_from(&self, uid: u32) -> bool {
        uid == 0 || self.users.contains(&uid)
    }

    pub(crate) fn put(&self, pin: Zeroizing<Vec<u8>>) {
        *self.pin() = Some(pin);
    }

    /// The PIN once more, wiped when dropped: each login to the token takes one.
    pub fn again(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.pin().clone()
    }

    /// Forgets a PIN that is not right.
    pub fn forget(&self) {
        *self.pin() = None;
    }

    fn pin(&self) -> MutexGuard<'_, Option<Zeroizing<Vec<u8>>>> {
        locked(&self.pin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_who_is_named_may_bring_it_and_nobody_else() {
        let place = HandedPin::from_users(vec![1000]);
        let may = [0, 1000, 1001].map(|uid| place.is_taken_from(uid));
        assert_eq!(may, [true, true, false]);
        assert!(place.again().is_none());
        place.put(Zeroizing::new(b"4711".to_vec()));
        assert_eq!(place.again().unwrap().as_slice(), b"4711");
        place.forget();
        assert!(place.again().is_none());
    }
}
