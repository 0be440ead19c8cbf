//! Whether a history is as it was written, and what crashes left in it.

use serde::Serialize;
use symbolon_protocol::audit_chain::{ChainHash, Position, Walk};

use super::line::{Read, Unchained};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedHistory {
    /// How many chained entries there are.
    pub entries: u64,
    /// The last of them: to be noted elsewhere.
    pub head: Position,
    /// What is no harm, in words: entries dropped for want of room, lines torn by crashes.
    pub notes: Vec<String>,
    /// What does not hold, in words.
    pub breaks: Vec<String>,
}

/// Walks along a whole record, which should lead through `noted`.
pub fn verify(record: &[u8], noted: Option<ChainHash>) -> VerifiedHistory {
    let lines: Vec<Line<'_>> = (1..).zip(super::lines_of(record)).map(Line::read).collect();
    let mut report = Report::default();
    let first = lines
        .iter()
        .position(|line| line.read.is_some())
        .unwrap_or(lines.len());
    let (before, chained) = lines.split_at(first);
    let begin = report.look_at_front(before, chained);
    let mut walk = Walk::begin(begin, noted);
    let mut entries = 0;
    for (index, line) in chained.iter().enumerate() {
        match &line.read {
            Some(read) => {
                walk.step(read.line.sequence, &read.canonical(), read.hash);
                entries += 1;
            }
            None => report.look_at_stray(line.number, chained.get(index + 1), record),
        }
    }
    let (head, breaks) = walk.finish(None);
    let breaks = breaks.iter().map(ToString::to_string);
    VerifiedHistory {
        entries,
        head,
        notes: report.notes,
        breaks: breaks.chain(report.breaks).collect(),
    }
}

struct Line<'a> {
    number: usize,
    octets: &'a [u8],
    read: Option<Read<'a>>,
}

impl<'a> Line<'a> {
    fn read((number, octets): (usize, &'a [u8])) -> Self {
        let read = Read::parse(octets);
        Self {
            number,
            octets,
            read,
        }
    }
}

#[derive(Default)]
struct Report {
    notes: Vec<String>,
    breaks: Vec<String>,
}

impl Report {
    /// What stands before the chain must be what the chain last said about it. Where it begins.
    fn look_at_front(&mut self, before: &[Line<'_>], chained: &[Line<'_>]) -> Position {
        let told = || chained.iter().rev().filter_map(|line| line.read.as_ref());
        let unchained = Unchained::of(before.iter().map(|line| line.octets));
        let expected = told().find_map(|read| read.line.unchained);
        if expected.map_or(!unchained.are_none(), |expected| expected != unchained) {
            match chained.is_empty() {
                true => self.notes.push(
                    "nothing is chained yet: the next entry will say what stands here".into(),
                ),
                false => self
                    .breaks
                    .push("the lines before the chain are not those that it tells of".into()),
            }
        }
        match told().find_map(|read| read.line.dropped) {
            Some(dropped) => {
                let count = dropped.sequence;
                self.notes.push(format!(
                    "the first {count} entries were dropped for want of room"
                ));
                dropped
            }
            None => Position::BEGINNING,
        }
    }

    /// A line that is none is a crash's doing if the next one says so, or if it is the last one
    /// and has no end.
    fn look_at_stray(&mut self, number: usize, next: Option<&Line<'_>>, record: &[u8]) {
        match next.map(|line| line.read.as_ref()) {
            Some(Some(next)) if next.line.after_torn_line => {
                self.notes
                    .push(format!("line {number} was torn by a crash"));
            }
            None if !record.ends_with(b"\n") => self.notes.push(format!(
                "line {number}, the last one, is torn: by a crash, or somebody cut it off; only a \
                 head noted elsewhere tells"
            )),
            _ => self.breaks.push(format!("line {number} is no entry")),
        }
    }
}
