//! A line of the record: a JSON object whose last member is its hash.
//!
//! What is hashed is the line's text before that member, as it stands in the file: what a later
//! version adds to an entry is verified by an earlier one all the same.

use serde::{Deserialize, Serialize};
use symbolon_protocol::audit_chain::{CanonicalRow, ChainHash, Position};

use crate::bus::messages::HistoryEntry;

/// What the record is called in its hashes.
const RECORD: &str = "symbolon history";

const HASH_MEMBER: &str = ",\"hash\":\"";

/// A line without its hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    /// From 1.
    pub(super) sequence: u64,
    /// The line before this one was torn when this one was written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) after_torn_line: bool,
    /// The lines that stand before the chain's first, if this one says anything about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unchained: Option<Unchained>,
    /// The last line that was dropped from the front, if this one tells of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dropped: Option<Position>,
    #[serde(flatten)]
    pub(super) entry: HistoryEntry,
}

/// Lines from before there was a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unchained {
    lines: u64,
    digest: ChainHash,
}

impl Unchained {
    pub(super) fn of<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let none = Self {
            lines: 0,
            digest: ChainHash::BEGINNING,
        };
        lines.into_iter().fold(none, |before, line| {
            let lines = before.lines + 1;
            let row = CanonicalRow::new("symbolon history before the chain", lines)
                .text(&String::from_utf8_lossy(line));
            Self {
                lines,
                digest: before.digest.followed_by(&row),
            }
        })
    }

    pub(super) fn are_none(&self) -> bool {
        self.lines == 0
    }
}

/// A line as it was read.
pub(super) struct Read<'a> {
    pub(super) line: Line,
    pub(super) hash: ChainHash,
    hashed: &'a str,
}

impl<'a> Read<'a> {
    /// Nothing if this is no line of a chain.
    pub(super) fn parse(octets: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(octets).ok()?;
        let line = serde_json::from_str(text).ok()?;
        let (hashed, hash) = text.strip_suffix("\"}")?.rsplit_once(HASH_MEMBER)?;
        Some(Self {
            line,
            hash: hash.parse().ok()?,
            hashed,
        })
    }

    pub(super) fn canonical(&self) -> CanonicalRow {
        canonical(self.line.sequence, self.hashed)
    }

    pub(super) fn position(&self) -> Position {
        Position {
            sequence: self.line.sequence,
            hash: self.hash,
        }
    }
}

fn canonical(sequence: u64, hashed: &str) -> CanonicalRow {
    CanonicalRow::new(RECORD, sequence).text(hashed)
}

impl Line {
    /// The line that follows `last`, with its end, and where the chain is then.
    pub(super) fn follow(self, last: Position) -> std::io::Result<(Vec<u8>, Position)> {
        let sequence = last.sequence.saturating_add(1);
        let mut text = serde_json::to_string(&Self { sequence, ..self })?;
        // The closing brace moves behind the hash.
        text.pop();
        let hash = last.hash.followed_by(&canonical(sequence, &text));
        text += &format!("{HASH_MEMBER}{hash}\"}}\n");
        Ok((text.into_bytes(), Position { sequence, hash }))
    }
}

impl From<HistoryEntry> for Line {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            sequence: 0,
            after_torn_line: false,
            unchained: None,
            dropped: None,
            entry,
        }
    }
}
