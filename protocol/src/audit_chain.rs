//! A record whose rows are chained by hashes, so that a missing or changed one is found.
//!
//! Every row has a sequence number and a hash over the hash before it and the row itself. Whoever
//! can write the record can also write it anew from some row on; what finds that, and rows cut off
//! at the end, is a hash noted elsewhere: the chain must still lead through it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const DOMAIN: &[u8] = b"symbolon audit chain 1\0";

/// The hash of a row, which stands for all rows up to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// What stands before the first row.
    pub const BEGINNING: Self = Self([0; 32]);

    /// The hash of `row`, if this is the hash of the row before it.
    pub fn followed_by(&self, row: &CanonicalRow) -> Self {
        let digest = Sha256::new()
            .chain_update(DOMAIN)
            .chain_update(self.0)
            .chain_update(&row.0);
        Self(digest.finalize().into())
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text is no hash of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hash of a chain is written as 64 hexadecimal digits")]
pub struct NoChainHash;

impl FromStr for ChainHash {
    type Err = NoChainHash;

    fn from_str(text: &str) -> Result<Self, NoChainHash> {
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NoChainHash);
        }
        let mut octets = [0; 32];
        for (position, octet) in octets.iter_mut().enumerate() {
            let digits = text.get(2 * position..2 * position + 2);
            *octet = digits
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .ok_or(NoChainHash)?;
        }
        Ok(Self(octets))
    }
}

impl From<ChainHash> for String {
    fn from(hash: ChainHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for ChainHash {
    type Error = NoChainHash;

    fn try_from(text: String) -> Result<Self, NoChainHash> {
        text.parse()
    }
}

/// A row as it is hashed: every field with its kind and length, so that no two rows look alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalRow(Vec<u8>);

impl CanonicalRow {
    /// Begins a row of the record called `record`; rows of one record never pass in another.
    pub fn new(record: &str, sequence: u64) -> Self {
        Self(Vec::with_capacity(256)).text(record).number(sequence)
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.field(b't', text.as_bytes())
    }

    /// Adds a text that may be absent, which is not the same as empty.
    #[must_use]
    pub fn optional_text(self, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(text),
            None => self.field(b'-', &[]),
        }
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, number: impl Into<i128>) -> Self {
        self.field(b'n', &number.into().to_be_bytes())
    }

    fn field(mut self, kind: u8, octets: &[u8]) -> Self {
        self.0.push(kind);
        self.0.extend((octets.len() as u64).to_be_bytes());
        self.0.extend(octets);
        self
    }
}

/// A place in a chain: a row's number and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The row's number; 0 stands before the first row.
    pub sequence: u64,
    /// The row's hash.
    pub hash: ChainHash,
}

impl Position {
    /// Before the first row.
    pub const BEGINNING: Self = Self {
        sequence: 0,
        hash: ChainHash::BEGINNING,
    };
}

/// Where a chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// Rows are missing.
    #[error("{} between row {after} and row {before}", missing(*.after, *.before))]
    Missing {
        /// The last row before the gap; 0 if none is.
        after: u64,
        /// The first row after the gap.
        before: u64,
    },
    /// A row's number does not rise: it was inserted, or stands in another's place.
    #[error("row {0} stands where it does not belong")]
    OutOfPlace(u64),
    /// A row is not what its hash, or that of the row before, was made of.
    #[error("row {0} was changed, or the hash of the row before it")]
    Changed(u64),
    /// The record's own note of its end does not fit its last row.
    #[error("the record should end with row {noted}, but its last one is row {found}")]
    End {
        /// What is noted.
        noted: u64,
        /// What is there.
        found: u64,
    },
    /// The chain does not lead through a hash that was noted elsewhere.
    #[error(
        "no row has the hash that was noted elsewhere: rows were cut off, or the record was \
         written anew"
    )]
    NotThroughNoted,
}

fn missing(after: u64, before: u64) -> String {
    match before.saturating_sub(after).saturating_sub(1) {
        1 => "1 row is missing".to_owned(),
        rows => format!("{rows} rows are missing"),
    }
}

/// Walks along a chain and tells where it does not hold. After a break it goes on from the row as
/// it stands, so that one break is told once.
#[derive(Debug)]
pub struct Walk {
    at: Position,
    noted: Option<ChainHash>,
    breaks: Vec<Break>,
}

impl Walk {
    /// No more breaks than these are kept: a record in which every row is wrong is told as well.
    const KEPT: usize = 100;

    /// Begins behind `from`. The chain should lead through `noted`, if something was.
    pub fn begin(from: Position, noted: Option<ChainHash>) -> Self {
        Self {
            at: from,
            noted: noted.filter(|noted| *noted != from.hash),
            breaks: Vec::new(),
        }
    }

    /// Takes the next row, with the hash that it bears.
    pub fn step(&mut self, sequence: u64, row: &CanonicalRow, hash: ChainHash) {
        let expected = self.at.sequence.saturating_add(1);
        if sequence > expected {
            self.tell(Break::Missing {
                after: self.at.sequence,
                before: sequence,
            });
        } else if sequence < expected {
            // The chain goes on past it.
            return self.tell(Break::OutOfPlace(sequence));
        } else if self.at.hash.followed_by(row) != hash {
            self.tell(Break::Changed(sequence));
        }
        if self.noted == Some(hash) {
            self.noted = None;
        }
        self.at = Position { sequence, hash };
    }

    /// Where the walk is.
    pub fn at(&self) -> Position {
        self.at
    }

    /// Ends it. `end` is the record's own note of its last row, where it has one.
    pub fn finish(mut self, end: Option<Position>) -> (Position, Vec<Break>) {
        if let Some(end) = end.filter(|end| *end != self.at) {
            self.tell(Break::End {
                noted: end.sequence,
                found: self.at.sequence,
            });
        }
        if self.noted.is_some() {
            self.tell(Break::NotThroughNoted);
        }
        (self.at, self.breaks)
    }

    fn tell(&mut self, found: Break) {
        if self.breaks.len() < Self::KEPT {
            self.breaks.push(found);
        }
    }
}

#[cfg(test)]
mod tests;
