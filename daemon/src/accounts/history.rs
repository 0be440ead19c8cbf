//! An account's history: one JSON object a line, appended, cut at the front when it grows long.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::file::{FileError, write_atomically};
use crate::bus::messages::HistoryEntry;

/// When a history is longer than this, its older half goes.
const LONGEST: u64 = 1024 * 1024;

/// Adds one entry.
pub(super) fn append(path: &Path, entry: &HistoryEntry) -> Result<(), FileError> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    let mut line = Vec::new();
    if ends_torn(&mut file)? {
        // The torn line stays one of its own, and takes nothing with it.
        line.push(b'\n');
    }
    serde_json::to_writer(&mut line, entry).map_err(std::io::Error::other)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()?;
    if file.metadata()?.len() > LONGEST {
        shorten(path)?;
    }
    Ok(())
}

/// Whether the last line lacks its end: a power cut came in between.
fn ends_torn(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// The newest entries first. A line torn by a power cut is left out.
pub(super) fn newest(path: &Path, limit: usize) -> Result<Vec<HistoryEntry>, FileError> {
    let octets = match std::fs::read(path) {
        Ok(octets) => octets,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    Ok(octets
        .rsplit(|octet| *octet == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .take(limit)
        .collect())
}

fn shorten(path: &Path) -> Result<(), FileError> {
    let octets = std::fs::read(path)?;
    let middle = octets.len() / 2;
    let next_line = octets[middle..]
        .iter()
        .position(|octet| *octet == b'\n')
        .map_or(octets.len(), |end| middle + end + 1);
    write_atomically(path, &octets[next_line..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::messages::HistoryEvent;

    fn entry(at: i64) -> HistoryEntry {
        HistoryEntry::new(HistoryEvent::Approved).at(at)
    }

    #[test]
    fn the_newest_come_first_and_a_torn_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.history.jsonl");
        assert!(newest(&path, 10).unwrap().is_empty());
        for at in 1..=5 {
            append(&path, &entry(at)).unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 4]).unwrap();

        let times: Vec<_> = newest(&path, 3).unwrap().iter().map(|e| e.at).collect();
        assert_eq!(times, [4, 3, 2]);

        append(&path, &entry(6)).unwrap();
        let times: Vec<_> = newest(&path, 3).unwrap().iter().map(|e| e.at).collect();
        assert_eq!(times, [6, 4, 3]);
    }

    #[test]
    fn a_long_history_loses_its_older_half_between_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.history.jsonl");
        let mut line = serde_json::to_vec(&entry(1)).unwrap();
        line.push(b'\n');
        let many = usize::try_from(LONGEST).unwrap() / line.len() + 1;
        std::fs::write(&path, line.repeat(many)).unwrap();

        append(&path, &entry(2)).unwrap();

        let entries = newest(&path, usize::MAX).unwrap();
        assert_eq!(entries[0].at, 2);
        assert!(entries.len() > many / 3 && entries.len() < many * 2 / 3);
    }
}
