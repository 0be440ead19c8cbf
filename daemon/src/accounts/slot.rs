//! A place on the disk that is made before it is needed, and then overwritten where it stands.
//!
//! A new file costs two commits of the file system's journal, its own and its name's, and on a
//! busy disk each takes milliseconds. Overwriting what was allocated long ago changes nothing but
//! the data: one flush. And a full disk is met when the place is made, not when it is needed.
//!
//! What a power cut tore reads as nothing, or as what was there before. So nobody may act on what
//! they write here before [`write`] has returned, and it is overwritten only when its content is
//! of no use any more.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::file::{FileError, write_atomically};

/// What is made beforehand, in octets: some times what a confirmation takes.
const USUAL_SIZE: usize = 16 * 1024;

/// Begins a slot that holds something; a blank one begins with zeros.
const MAGIC: [u8; 8] = *b"SymSlot1";

/// Magic, length of the content (big endian), SHA-256 of length and content.
const HEAD: usize = 8 + 8 + 32;

/// Makes a blank slot, unless there is one.
pub(super) fn make(path: &Path) -> Result<(), FileError> {
    match path.try_exists()? {
        true => Ok(()),
        false => write_atomically(path, &vec![0; USUAL_SIZE]),
    }
}

/// Puts `content` there. When this returns, it survives a power cut. Only what outgrows the slot,
/// or finds none, takes the way of a new file.
pub(super) fn write(path: &Path, content: &impl Serialize) -> Result<(), FileError> {
    let mut whole = framed(content)?;
    if overwrite(path, &whole)? {
        return Ok(());
    }
    whole.resize(whole.len().next_multiple_of(USUAL_SIZE), 0);
    write_atomically(path, &whole)
}

/// What is there; `None` if that is nothing, or was torn while it was written.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let octets = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    if octets.iter().all(|octet| *octet == 0) {
        return Ok(None);
    }
    let Some(content) = content_of(&octets) else {
        tracing::warn!(path = %path.display(), "a write was torn; it counts as not begun");
        return Ok(None);
    };
    serde_json::from_slice(content)
        .map(Some)
        .map_err(|error| FileError::Damaged(format!("its content is not understood: {error}")))
}

/// Leaves nothing of the content, and the slot for the next.
pub(super) fn blank(path: &Path) -> Result<(), FileError> {
    let length = match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        metadata => metadata?.len(),
    };
    let length = usize::try_from(length).unwrap_or(USUAL_SIZE);
    overwrite(path, &vec![0; length])?;
    Ok(())
}

/// Whether there was room for it.
fn overwrite(path: &Path, octets: &[u8]) -> Result<bool, FileError> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    if file.metadata()?.len() < octets.len() as u64 {
        return Ok(false);
    }
    file.write_all(octets)?;
    file.sync_data()?;
    Ok(true)
}

fn framed(content: &impl Serialize) -> Result<Vec<u8>, FileError> {
    let content = serde_json::to_vec(content)
        .map_err(|error| FileError::Storage(std::io::Error::other(error)))?;
    let length = (content.len() as u64).to_be_bytes();
    Ok([&MAGIC[..], &length, &checksum(length, &content), &content].concat())
}

/// The content, if all of it is there.
fn content_of(octets: &[u8]) -> Option<&[u8]> {
    let (head, rest) = octets.split_at_checked(HEAD)?;
    let (magic, head) = head.split_first_chunk::<8>()?;
    let (length, sum) = head.split_first_chunk::<8>()?;
    let content = rest.get(..usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
    (*magic == MAGIC && *sum == checksum(*length, content)).then_some(content)
}

fn checksum(length: [u8; 8], content: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(length)
        .chain_update(content)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn slot() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.slot");
        make(&path).unwrap();
        (folder, path)
    }

    fn words(path: &Path) -> Option<String> {
        read(path).unwrap()
    }

    #[test]
    fn what_fits_is_written_where_it_stands_and_private() {
        let (folder, path) = slot();
        assert_eq!(words(&path), None);
        let before = path.metadata().unwrap();

        for content in ["a long confirmation", "a short one"] {
            write(&path, &content).unwrap();
            assert_eq!(words(&path).as_deref(), Some(content));
        }
        make(&path).unwrap();
        assert_eq!(words(&path).as_deref(), Some("a short one"));

        let after = path.metadata().unwrap();
        assert_eq!(after.ino(), before.ino());
        assert_eq!(
            (after.len(), after.blocks()),
            (before.len(), before.blocks())
        );
        assert_eq!(after.permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_write_torn_anywhere_was_not_begun() {
        let (_folder, path) = slot();
        write(&path, &"the one before").unwrap();
        let before = std::fs::read(&path).unwrap();
        write(&path, &"the next, which is longer").unwrap();
        let after = std::fs::read(&path).unwrap();
        let differ = |(old, new): (&u8, &u8)| old != new;
        let first = before.iter().zip(&after).position(differ).unwrap();
        let last = before.iter().zip(&after).rposition(differ).unwrap();

        // Either end may have reached the disk first.
        for cut in first + 1..=last {
            for torn in [
                [&after[..cut], &before[cut..]].concat(),
                [&before[..cut], &after[cut..]].concat(),
            ] {
                std::fs::write(&path, torn).unwrap();
                let read = words(&path);
                let is_old = read.as_deref() == Some("the one before");
                assert!(read.is_none() || is_old, "{cut}: {read:?}");
            }
        }
        // The slot is as good as before.
        write(&path, &"the next").unwrap();
        assert_eq!(words(&path).as_deref(), Some("the next"));
    }

    #[test]
    fn a_cut_or_changed_file_reads_as_nothing() {
        let (_folder, path) = slot();
        write(&path, &"seventeen").unwrap();
        let whole = std::fs::read(&path).unwrap();
        let end = HEAD + "\"seventeen\"".len();
        for place in 0..end {
            std::fs::write(&path, &whole[..place]).unwrap();
            assert_eq!(words(&path), None, "cut at {place}");
            let mut changed = whole.clone();
            changed[place] ^= 1;
            std::fs::write(&path, changed).unwrap();
            assert_eq!(words(&path), None, "changed at {place}");
        }
        write(&path, &"eighteen").unwrap();
        assert_eq!(words(&path).as_deref(), Some("eighteen"));
    }

    #[test]
    fn what_outgrows_the_slot_or_finds_none_is_written_all_the_same() {
        let (_folder, path) = slot();
        let long = "x".repeat(USUAL_SIZE);
        write(&path, &long).unwrap();
        assert_eq!(words(&path), Some(long));
        std::fs::remove_file(&path).unwrap();
        write(&path, &"short").unwrap();
        assert_eq!(words(&path).as_deref(), Some("short"));
    }

    #[test]
    fn a_blanked_slot_holds_nothing_of_what_was_there() {
        let (_folder, path) = slot();
        blank(&path).unwrap();
        for content in ["Log in?".to_owned(), "Log in? ".repeat(USUAL_SIZE)] {
            write(&path, &content).unwrap();
            blank(&path).unwrap();
            assert_eq!(words(&path), None);
            assert!(
                std::fs::read(&path)
                    .unwrap()
                    .iter()
                    .all(|octet| *octet == 0)
            );
        }
        std::fs::remove_file(&path).unwrap();
        blank(&path).unwrap();
        assert_eq!(words(&path), None);
    }
}
