//! Birth dates in personal codes.

use super::IdentifierError;

/// A date in the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BirthDate {
    year: u16,
    month: u8,
    day: u8,
}

impl BirthDate {
    /// A date that exists.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (1..=days)
            .contains(&day)
            .then_some(Self { year, month, day })
    }

    /// The year, four digits.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    pub fn day(self) -> u8 {
        self.day
    }

    /// Estonia and Lithuania: `GYYMMDD....`, where G tells the century and the sex. Latvia:
    /// `DDMMYY-C....`, where C tells the century; codes given out since 2017 begin with 32 and hold
    /// no date.
    pub(super) fn from_personal_code(country: &str, code: &str) -> Option<Self> {
        let digits: Vec<u8> = code
            .bytes()
            .filter(|octet| *octet != b'-')
            .map(|octet| octet.is_ascii_digit().then(|| octet - b'0'))
            .collect::<Option<_>>()?;
        let [a, b, c, d, e, f, g, ..] = digits[..] else {
            return None;
        };
        if digits.len() != 11 {
            return None;
        }
        match country {
            "EE" | "LT" => {
                let century = 18 + (u16::from(a).checked_sub(1)? / 2);
                (1..=8).contains(&a).then_some(())?;
                Self::new(century * 100 + two(b, c), two(d, e) as u8, two(f, g) as u8)
            }
            "LV" => {
                let century = 18 + u16::from(g);
                (g <= 2).then_some(())?;
                Self::new(century * 100 + two(e, f), two(c, d) as u8, two(a, b) as u8)
            }
            _ => None,
        }
    }
}

fn two(tens: u8, ones: u8) -> u16 {
    u16::from(tens) * 10 + u16::from(ones)
}

impl std::str::FromStr for BirthDate {
    type Err = IdentifierError;

    /// Reads what it is displayed as.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let written = || {
            let mut parts = text.splitn(3, '-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            Self::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
        };
        written()
            .filter(|date| date.to_string() == text)
            .ok_or_else(|| IdentifierError::expected("a date such as 1980-01-31"))
    }
}

impl std::fmt::Display for BirthDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}
