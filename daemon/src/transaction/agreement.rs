//! Several colleagues for one answer: who agreed, and when the PIN is due.

use crate::bus::messages::User;

/// Who agreed to a transaction, each once. Gone with the transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreements(Vec<User>);

/// What came of somebody's wish to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreed {
    /// It is counted.
    Counted,
    /// Theirs was counted before, and counts once.
    Already,
    /// Enough others agreed: what is missing is the PIN, which they may type.
    PinIsDue,
}

impl Agreements {
    /// Counts somebody's agreement, where `others_needed` others must agree besides who types the
    /// PIN.
    pub fn add(&mut self, user: &User, others_needed: u8) -> Agreed {
        if self.missing_before(user.uid, others_needed) == 0 {
            return Agreed::PinIsDue;
        }
        if self.0.iter().any(|agreed| agreed.uid == user.uid) {
            return Agreed::Already;
        }
        self.0.push(user.clone());
        Agreed::Counted
    }

    /// How many others must still agree before this user's PIN is taken. Their own agreement is
    /// not another's.
    pub fn missing_before(&self, uid: u32, others_needed: u8) -> u8 {
        let others = self.0.iter().filter(|agreed| agreed.uid != uid).count();
        others_needed.saturating_sub(u8::try_from(others).unwrap_or(u8::MAX))
    }

    /// Who agreed, in order.
    pub fn given(&self) -> &[User] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: u32) -> User {
        User { uid, name: None }
    }

    #[test]
    fn each_colleague_counts_once_and_the_last_types_the_pin() {
        use Agreed::{Already, Counted, PinIsDue};
        for (others_needed, agreeing, outcomes, pin_before, missing) in [
            (0, &[][..], &[][..], 1, 0),
            (0, &[1], &[PinIsDue], 1, 0),
            (1, &[], &[], 1, 1),
            (1, &[1, 1], &[Counted, Already], 1, 1),
            (1, &[1], &[Counted], 2, 0),
            (1, &[1, 2], &[Counted, PinIsDue], 2, 0),
            (2, &[1, 2], &[Counted, Counted], 1, 1),
            (2, &[1, 2], &[Counted, Counted], 3, 0),
            (2, &[1, 1, 1], &[Counted, Already, Already], 2, 1),
            (
                2,
                &[1, 2, 1, 3],
                &[Counted, Counted, Already, PinIsDue],
                3,
                0,
            ),
        ] {
            let mut agreements = Agreements::default();
            for (uid, outcome) in agreeing.iter().zip(outcomes) {
                assert_eq!(agreements.add(&user(*uid), others_needed), *outcome);
            }
            let told = agreements.missing_before(pin_before, others_needed);
            assert_eq!(told, missing, "{others_needed} {agreeing:?} {pin_before}");
        }
    }
}
