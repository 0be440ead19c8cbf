//! A choice of three verification codes, of which the relying party shows one: whoever did not
//! begin the transaction does not know which, and one wrong pick ends it.

use symbolon_protocol::random::{RandomError, random_octets};
use symbolon_protocol::verification_code::VerificationCode;

const CODES: usize = 3;

/// The codes in the order in which they are shown. Which one is right leaves this type only as
/// the answer to a pick.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeChoice {
    codes: [VerificationCode; CODES],
    right: usize,
}

/// What a pick was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The code that the relying party shows.
    Right,
    /// Another of the three.
    Wrong,
    /// None of them.
    NotOffered,
}

impl CodeChoice {
    /// Draws the other codes and the place of the right one. The place must be drawn: a relying
    /// party knows the right code, and a login's it can even look for, so that in any order by
    /// value it would know where the one stands that somebody presses without looking.
    pub fn draw(right: VerificationCode) -> Result<Self, RandomError> {
        let place = draw_place()?;
        let mut codes = [right.clone(), right.clone(), right];
        for index in (0..CODES).filter(|index| *index != place) {
            while codes.iter().filter(|code| **code == codes[index]).count() > 1 {
                codes[index] = VerificationCode::draw()?;
            }
        }
        Ok(Self {
            codes,
            right: place,
        })
    }

    /// As they are shown.
    pub fn shown(&self) -> Vec<String> {
        self.codes.iter().map(ToString::to_string).collect()
    }

    /// Judges a pick.
    pub fn judge(&self, picked: &str) -> Pick {
        let index = self.codes.iter().position(|code| code.as_str() == picked);
        match index {
            Some(index) if index == self.right => Pick::Right,
            Some(_) => Pick::Wrong,
            None => Pick::NotOffered,
        }
    }
}

impl std::fmt::Debug for CodeChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CodeChoice").field(&self.codes).finish()
    }
}

/// 255 is the largest multiple of three that an octet holds.
fn draw_place() -> Result<usize, RandomError> {
    loop {
        let octet = usize::from(random_octets(1)?[0]);
        if octet < 255 {
            return Ok(octet % CODES);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_right_code_stands_among_two_others_in_any_place() {
        let right: VerificationCode = "4821".parse().unwrap();
        let (mut places, mut seen) = (HashSet::new(), HashSet::new());
        // That one of three places is left out by chance: once in 10^35 runs.
        for _ in 0..200 {
            let choice = CodeChoice::draw(right.clone()).unwrap();
            let shown = choice.shown();
            assert_eq!(shown.iter().collect::<HashSet<_>>().len(), CODES);
            for (place, code) in shown.iter().enumerate() {
                let expected = match code == "4821" {
                    true => Pick::Right,
                    false => Pick::Wrong,
                };
                assert_eq!(choice.judge(code), expected);
                if expected == Pick::Right {
                    places.insert(place);
                }
            }
            for stranger in ["", "482", "48211", " 4821"] {
                assert_eq!(choice.judge(stranger), Pick::NotOffered);
            }
            seen.extend(shown);
        }
        assert_eq!(places.len(), CODES);
        assert!(seen.len() > 100, "the others are drawn anew");
    }

    #[test]
    fn a_log_would_not_tell_which_is_right() {
        let choice = CodeChoice::draw("4821".parse().unwrap()).unwrap();
        assert!(!format!("{choice:?}").contains("right"));
    }
}
