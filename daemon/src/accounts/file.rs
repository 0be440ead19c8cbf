//! Files that are whole or not there: written beside, synchronised, renamed; with a version and a
//! checksum, so that damage is seen rather than believed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const FORMAT: u32 = 1;

/// Why a file of ours cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file system failed.
    #[error("{0}")]
    Storage(#[from] std::io::Error),
    /// The file is not what we wrote.
    #[error("{0}")]
    Damaged(String),
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    format: u32,
    /// Of `content` as compact JSON with sorted keys; lower-case hexadecimal.
    sha256: String,
    content: serde_json::Value,
}

/// The octets of a file that holds `content`.
pub(crate) fn seal(content: &impl Serialize) -> Result<Vec<u8>, FileError> {
    let content = serde_json::to_value(content).map_err(unwritable)?;
    let envelope = Envelope {
        format: FORMAT,
        sha256: checksum(&content),
        content,
    };
    serde_json::to_vec_pretty(&envelope).map_err(unwritable)
}

/// Reads and checks a file that [`seal`] made.
pub(crate) fn read_sealed<T: DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    let octets = std::fs::read(path)?;
    let envelope: Envelope = serde_json::from_slice(&octets)
        .map_err(|error| FileError::Damaged(format!("it is no whole JSON object: {error}")))?;
    if envelope.format != FORMAT {
        return Err(FileError::Damaged(format!(
            "it has format {}, and this version reads {FORMAT}",
            envelope.format
        )));
    }
    if envelope.sha256 != checksum(&envelope.content) {
        return Err(FileError::Damaged(
            "its checksum does not fit its content".to_owned(),
        ));
    }
    serde_json::from_value(envelope.content)
        .map_err(|error| FileError::Damaged(format!("its content is not understood: {error}")))
}

/// Replaces the file at `path`. When this returns, the new content survives a power cut; until
/// then the old one does.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // On a full disk the fragment would only take more room.
        let _ = std::fs::remove_file(&beside);
        return Err(error.into());
    }
    std::fs::rename(&beside, path)?;
    sync_directory_of(path)
}

/// Removes a file for good; one that is gone already is no error.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_directory_of(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn sync_directory_of(path: &Path) -> Result<(), FileError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    Ok(File::open(directory)?.sync_all()?)
}

fn checksum(content: &serde_json::Value) -> String {
    Sha256::digest(content.to_string().as_bytes())
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

fn unwritable(error: serde_json::Error) -> FileError {
    FileError::Storage(std::io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_written_is_read_back_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, &seal(&vec![1, 2, 3]).unwrap()).unwrap();
        write_atomically(&path, &seal(&vec![4, 5]).unwrap()).unwrap();

        assert_eq!(read_sealed::<Vec<u32>>(&path).unwrap(), [4, 5]);
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn any_cut_or_changed_digit_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let whole = seal(&vec![17, 23]).unwrap();

        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let read = read_sealed::<Vec<u32>>(&path);
            assert!(matches!(read, Err(FileError::Damaged(_))), "{length}");
        }
        let changed = String::from_utf8(whole).unwrap().replace("17", "18");
        std::fs::write(&path, changed).unwrap();
        assert!(matches!(
            read_sealed::<Vec<u32>>(&path),
            Err(FileError::Damaged(_))
        ));
    }

    #[test]
    fn a_failed_write_leaves_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, &seal(&vec![1]).unwrap()).unwrap();
        // A directory in the way of the file beside.
        std::fs::create_dir(path.with_extension("new")).unwrap();

        assert!(write_atomically(&path, &seal(&vec![2]).unwrap()).is_err());
        assert_eq!(read_sealed::<Vec<u32>>(&path).unwrap(), [1]);
    }
}
