//! An account's history: one JSON object a line, appended, cut at the front when it grows long.
//!
//! The lines are chained by hashes ([`symbolon_protocol::audit_chain`]). Three things that a chain
//! would stumble over tell of themselves in a chained line: older lines that have no hashes, a
//! line torn by a power cut, and what was dropped from the front.

mod line;
mod verify;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use symbolon_protocol::audit_chain::Position;

use self::line::{Line, Read, Unchained};
use super::file::{FileError, write_atomically};
use crate::bus::messages::{HistoryEntry, HistoryEvent};

pub use verify::{VerifiedHistory, verify};

/// When a history is longer than this, its older half goes.
const LONGEST: u64 = 1024 * 1024;

/// How much of a history's end is read to find its last entry: more than the longest takes.
const TAIL: u64 = 16 * 1024;

/// Adds one entry; where it stands then.
pub(super) fn append(path: &Path, entry: HistoryEntry) -> Result<Position, FileError> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    let end = End::of(&mut file)?;
    let mut octets = Vec::new();
    if end.is_open {
        // The torn line stays one of its own, and takes nothing with it.
        octets.push(b'\n');
    }
    let mut last = end.last;
    if let Some(unchained) = end.unchained {
        let begun = HistoryEntry::new(HistoryEvent::ChainBegun).at(entry.at);
        let line = Line {
            unchained: Some(unchained),
            ..begun.into()
        };
        let (line, position) = line.follow(last)?;
        octets.extend(line);
        last = position;
    }
    let line = Line {
        after_torn_line: end.is_torn && end.unchained.is_none(),
        ..entry.into()
    };
    let (line, position) = line.follow(last)?;
    octets.extend(line);
    file.write_all(&octets)?;
    file.sync_data()?;
    if file.metadata()?.len() > LONGEST {
        shorten(path)?;
    }
    Ok(position)
}

/// How a history ends.
struct End {
    last: Position,
    /// The last line lacks its end.
    is_open: bool,
    /// Nor is it whole otherwise.
    is_torn: bool,
    /// What stands there, if none of it is chained.
    unchained: Option<Unchained>,
}

impl End {
    fn of(file: &mut File) -> std::io::Result<Self> {
        let length = file.metadata()?.len();
        let mut octets = Vec::new();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        file.read_to_end(&mut octets)?;
        if last_entry(&octets).is_none() && length > TAIL {
            octets.clear();
            file.seek(SeekFrom::Start(0))?;
            file.read_to_end(&mut octets)?;
        }
        let last = last_entry(&octets);
        let is_open = octets.last().is_some_and(|octet| *octet != b'\n');
        let final_line = lines_of(&octets).next_back().unwrap_or_default();
        Ok(Self {
            is_open,
            is_torn: is_open && Read::parse(final_line).is_none(),
            unchained: match last {
                Some(_) => None,
                None => Some(Unchained::of(lines_of(&octets))).filter(|lines| !lines.are_none()),
            },
            last: last.unwrap_or(Position::BEGINNING),
        })
    }
}

fn last_entry(octets: &[u8]) -> Option<Position> {
    let mut read = lines_of(octets).rev().filter_map(Read::parse);
    read.next().map(|read| read.position())
}

/// Its lines without their ends; the last one may have none.
fn lines_of(octets: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
    let nothing = octets.is_empty();
    octets
        .split(|octet| *octet == b'\n')
        .filter(move |_| !nothing)
}

/// The newest entries first. A line torn by a power cut is left out.
pub(super) fn newest(path: &Path, limit: usize) -> Result<Vec<HistoryEntry>, FileError> {
    Ok(lines_of(&whole(path)?)
        .rev()
        .filter_map(|line| serde_json::from_slice(line).ok())
        .take(limit)
        .collect())
}

/// The whole record as it stands in the file.
pub(super) fn whole(path: &Path) -> Result<Vec<u8>, FileError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        read => Ok(read?),
    }
}

/// Drops the older half, and says so in a chained line: what was dropped cannot be asked any more
/// whether it was all there.
fn shorten(path: &Path) -> Result<(), FileError> {
    let octets = whole(path)?;
    let middle = octets.len() / 2;
    let next_line = octets[middle..]
        .iter()
        .position(|octet| *octet == b'\n')
        .map_or(octets.len(), |end| middle + end + 1);
    let (dropped, kept) = octets.split_at(next_line);
    let front = lines_of(kept).take_while(|line| Read::parse(line).is_none());
    let told = Line {
        unchained: Some(Unchained::of(front)),
        dropped: last_entry(dropped),
        ..HistoryEntry::new(HistoryEvent::Shortened).into()
    };
    let last = last_entry(&octets).unwrap_or(Position::BEGINNING);
    write_atomically(path, &[kept, &told.follow(last)?.0].concat())
}

#[cfg(test)]
mod tests;
