//! Which PINs may be set. Never asked at entry: there only the hardware judges.

use crate::identifiers::{BirthDate, KeyPurpose};

/// PINs of the kinds that people choose most (patterns on the keypad, pairs, years, famous numbers)
/// and that no other rule here refuses. A short list on purpose: a long one annoys more than it
/// protects where the hardware gives three guesses (Markert et al.: This PIN Can Be Easily
/// Guessed, IEEE S&P 2020).
const COMMON: &[&[u8]] = &[
    b"1004",
    b"1010",
    b"1122",
    b"1212",
    b"1313",
    b"1342",
    b"1379",
    b"1397",
    b"2000",
    b"2001",
    b"2002",
    b"2020",
    b"2121",
    b"2323",
    b"2468",
    b"2580",
    b"0852",
    b"4200",
    b"5683",
    b"6969",
    b"7410",
    b"1470",
    b"0007",
    b"12321",
    b"12344",
    b"11223",
    b"13579",
    b"24680",
    b"25800",
    b"90210",
    b"10101",
    b"12121",
    b"112233",
    b"121212",
    b"123123",
    b"123321",
    b"131313",
    b"147258",
    b"159753",
    b"159357",
    b"232323",
    b"252525",
    b"147852",
    b"258456",
    b"292929",
    b"696969",
    b"789456",
    b"101010",
    b"202020",
    b"12341234",
    b"11223344",
    b"12121212",
];

/// Judges a PIN that is about to be set.
///
/// `pin1` is the account's PIN1 when its PIN2 is set and PIN1 is at hand.
pub fn judge(
    purpose: KeyPurpose,
    digits: &[u8],
    birth_date: Option<BirthDate>,
    pin1: Option<&[u8]>,
) -> Result<(), PinRefusal> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(PinRefusal::NotDigits);
    }
    let (shortest, longest) = lengths(purpose);
    if !(shortest..=longest).contains(&digits.len()) {
        return Err(PinRefusal::Length { shortest, longest });
    }
    if steps_all_by(digits, 0) {
        return Err(PinRefusal::Repeats);
    }
    if steps_all_by(digits, 1) || steps_all_by(digits, 9) {
        return Err(PinRefusal::Runs);
    }
    if COMMON.contains(&digits) {
        return Err(PinRefusal::Common);
    }
    if birth_date.is_some_and(|date| spellings(date).iter().any(|text| text.as_bytes() == digits)) {
        return Err(PinRefusal::BirthDate);
    }
    if purpose == KeyPurpose::Signing && pin1.is_some_and(|pin1| digits.starts_with(pin1)) {
        return Err(PinRefusal::BeginsWithPin1);
    }
    Ok(())
}

/// The fewest and the most digits of a PIN.
pub fn lengths(purpose: KeyPurpose) -> (usize, usize) {
    match purpose {
        KeyPurpose::Authentication => (4, 12),
        KeyPurpose::Signing => (5, 12),
    }
}

/// Whether each digit is the one before plus `step`, modulo ten: 0 for repeats, 1 for runs up, 9
/// for runs down. 7890 is a run as well.
fn steps_all_by(digits: &[u8], step: u8) -> bool {
    digits
        .windows(2)
        .all(|pair| (pair[0] - b'0' + step) % 10 == pair[1] - b'0')
}

/// The usual ways to write a date as a PIN.
fn spellings(date: BirthDate) -> [String; 11] {
    let (d, m) = (date.day(), date.month());
    let (year, yy) = (date.year(), date.year() % 100);
    [
        format!("{year:04}"),
        format!("{d:02}{m:02}"),
        format!("{m:02}{d:02}"),
        format!("{m:02}{yy:02}"),
        format!("{d:02}{m:02}{yy:02}"),
        format!("{m:02}{d:02}{yy:02}"),
        format!("{yy:02}{m:02}{d:02}"),
        format!("{d:02}{m:02}{year:04}"),
        format!("{m:02}{d:02}{year:04}"),
        format!("{year:04}{m:02}{d:02}"),
        format!("{m:02}{year:04}"),
    ]
}

/// Why a PIN may not be set. No hardware saw it, and no try was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinRefusal {
    /// Something other than 0 to 9.
    #[error("a PIN has digits only")]
    NotDigits,
    /// Too short or too long.
    #[error("this PIN needs {shortest} to {longest} digits")]
    Length {
        /// The fewest.
        shortest: usize,
        /// The most.
        longest: usize,
    },
    /// One digit again and again.
    #[error("a PIN must not be one digit repeated")]
    Repeats,
    /// Digits in order.
    #[error("a PIN must not be digits in a row")]
    Runs,
    /// One of those that everybody tries first.
    #[error("this PIN is one of the most common")]
    Common,
    /// The person's birth date.
    #[error("a PIN must not be the birth date")]
    BirthDate,
    /// PIN2 gives PIN1 away, or the other way round.
    #[error("PIN2 must not begin with PIN1")]
    BeginsWithPin1,
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeyPurpose::{Authentication, Signing};

    fn birth_date() -> Option<BirthDate> {
        BirthDate::new(1987, 3, 9)
    }

    #[test]
    fn takes_pins_that_nobody_would_guess() {
        for pin in ["4827", "90417", "3061985274", "112358132134"] {
            assert_eq!(
                judge(Authentication, pin.as_bytes(), birth_date(), None),
                Ok(()),
                "{pin}"
            );
        }
        assert_eq!(
            judge(Signing, b"48271", birth_date(), Some(b"1957")),
            Ok(())
        );
    }

    #[test]
    fn lengths_depend_on_the_pin() {
        let refusal = |purpose, digits: &[u8]| judge(purpose, digits, None, None);
        let length_of = |shortest| {
            Err(PinRefusal::Length {
                shortest,
                longest: 12,
            })
        };
        assert_eq!(refusal(Authentication, b"482"), length_of(4));
        assert_eq!(refusal(Authentication, b"4827"), Ok(()));
        assert_eq!(refusal(Signing, b"4827"), length_of(5));
        assert_eq!(refusal(Signing, b"48271"), Ok(()));
        assert_eq!(refusal(Signing, b"482719305826"), Ok(()));
        assert_eq!(refusal(Signing, b"4827193058264"), length_of(5));
        assert_eq!(refusal(Authentication, b""), length_of(4));
    }

    #[test]
    fn refuses_other_characters() {
        for pin in ["48 27", "4827a", "٤٨٢٧", "48\n27"] {
            assert_eq!(
                judge(Authentication, pin.as_bytes(), None, None),
                Err(PinRefusal::NotDigits)
            );
        }
    }

    #[test]
    fn refuses_what_everybody_tries_first() {
        for (pin, refusal) in [
            ("0000", PinRefusal::Repeats),
            ("777777", PinRefusal::Repeats),
            ("1234", PinRefusal::Runs),
            ("56789", PinRefusal::Runs),
            ("7890", PinRefusal::Runs),
            ("9876", PinRefusal::Runs),
            ("3210", PinRefusal::Runs),
            ("123456789012", PinRefusal::Runs),
            ("1212", PinRefusal::Common),
            ("2580", PinRefusal::Common),
            ("123123", PinRefusal::Common),
        ] {
            assert_eq!(
                judge(Authentication, pin.as_bytes(), None, None),
                Err(refusal),
                "{pin}"
            );
        }
        assert_eq!(
            judge(Signing, b"13579", None, None),
            Err(PinRefusal::Common)
        );
    }

    #[test]
    fn no_common_pin_is_listed_in_vain() {
        for pin in COMMON {
            assert_eq!(
                judge(Authentication, pin, None, None),
                Err(PinRefusal::Common),
                "{}",
                String::from_utf8_lossy(pin)
            );
        }
    }

    #[test]
    fn refuses_the_birth_date_in_the_usual_orders() {
        for pin in [
            "1987", "0903", "0309", "0387", "090387", "030987", "870309", "09031987", "03091987",
            "19870309", "031987",
        ] {
            assert_eq!(
                judge(Authentication, pin.as_bytes(), birth_date(), None),
                Err(PinRefusal::BirthDate),
                "{pin}"
            );
            assert_eq!(
                judge(Authentication, pin.as_bytes(), None, None),
                Ok(()),
                "{pin} is nobody's birth date here"
            );
        }
    }

    #[test]
    fn pin2_does_not_begin_with_pin1() {
        let refused = Err(PinRefusal::BeginsWithPin1);
        assert_eq!(judge(Signing, b"482719", None, Some(b"4827")), refused);
        assert_eq!(judge(Signing, b"48271", None, Some(b"48271")), refused);
        assert_eq!(judge(Signing, b"94827", None, Some(b"4827")), Ok(()));
        assert_eq!(judge(Signing, b"48271", None, Some(b"482719")), Ok(()));
        assert_eq!(judge(Authentication, b"48271", None, Some(b"4827")), Ok(()));
    }

    #[test]
    fn refusals_do_not_tell_the_pin() {
        let refusal = judge(Authentication, b"1212", None, None).unwrap_err();
        assert!(!format!("{refusal} {refusal:?}").contains("1212"));
    }
}
