//! Which PINs may be set. Never asked at entry: there only the hardware judges.

use crate::identifiers::{BirthDate, KeyPurpose};

/// The PINs that people choose most and that no other rule here refuses (patterns on the keypad,
/// pairs, famous numbers and years), as counted by studies of leaked four- and six-digit codes
/// (Bonneau, Preibusch, Anderson: A Birthday Present Every Eleven Wallets?, FC 2012; Markert et
/// al.: This PIN Can Be Easily Guessed, S&P 2020).
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
    b"4321",
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
    b"456789",
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
