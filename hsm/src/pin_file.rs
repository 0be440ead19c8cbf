//! The token's PIN in a systemd credential, or else in a file that only its user reads.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::error::HsmError;
use crate::pin::{LONGEST_PIN, PinSource, TokenPin};

/// Reads the PIN anew at each login.
pub struct PinFile {
    name: &'static str,
    credential: Option<PathBuf>,
    file: Option<PathBuf>,
}

impl PinFile {
    /// The credential of this name that systemd gave this process (systemd.exec(5),
    /// `LoadCredential=`), or else the file.
    pub fn new(credential: &'static str, file: Option<PathBuf>) -> Self {
        Self::with_credentials(
            credential,
            std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            file,
        )
    }

    fn with_credentials(
        name: &'static str,
        directory: Option<PathBuf>,
        file: Option<PathBuf>,
    ) -> Self {
        Self {
            name,
            credential: directory.map(|directory| directory.join(name)),
            file,
        }
    }

    /// A file that is configured counts although it is missing: then that is what is wrong.
    pub fn exists(&self) -> bool {
        self.file.is_some() || self.credential.as_deref().is_some_and(Path::exists)
    }
}

impl PinSource for PinFile {
    fn pin(&self) -> Result<TokenPin, HsmError> {
        if let Some(path) = &self.credential {
            match File::open(path) {
                // Who may read a credential is systemd's business.
                Ok(file) => return read(path, file),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(path, &error)),
            }
        }
        let Some(path) = &self.file else {
            return Err(HsmError::PinUnavailable(format!(
                "there is no credential `{}` and no `pin_file` in the configuration",
                self.name
            )));
        };
        // Without waiting: a named pipe that nobody writes to would hold the start for ever.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
            .map_err(|error| unreadable(path, &error))?;
        let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
        if !metadata.is_file() {
            return Err(HsmError::PinUnavailable(format!(
                "{} is no regular file",
                path.display()
            )));
        }
        let us = rustix::process::geteuid().as_raw();
        refuse_unless_private(path, metadata.uid(), metadata.mode(), us)?;
        read(path, file)
    }
}

/// Whoever can read the file can use every key on the token; whoever can write it can have the
/// token's PIN locked.
fn refuse_unless_private(path: &Path, owner: u32, mode: u32, us: u32) -> Result<(), HsmError> {
    let path = path.display();
    if owner != us && owner != 0 {
        return Err(HsmError::PinUnavailable(format!(
            "{path} belongs to user {owner}, who could change it; make it ours: chown {us} {path}"
        )));
    }
    if mode & 0o077 != 0 {
        return Err(HsmError::PinUnavailable(format!(
            "{path} is open to group or others (mode {:03o}); close it: chmod 600 {path}",
            mode & 0o777
        )));
    }
    Ok(())
}

fn read(path: &Path, file: File) -> Result<TokenPin, HsmError> {
    // The full capacity at once: a vector that grows leaves copies behind that nothing wipes.
    let mut octets = Zeroizing::new(Vec::with_capacity(LONGEST_PIN + 1));
    file.take(LONGEST_PIN as u64 + 1)
        .read_to_end(&mut octets)
        .map_err(|error| unreadable(path, &error))?;
    if octets.len() > LONGEST_PIN {
        return Err(HsmError::PinUnavailable(format!(
            "{} is too long for a PIN",
            path.display()
        )));
    }
    TokenPin::from_octets(octets)
}

fn unreadable(path: &Path, error: &std::io::Error) -> HsmError {
    HsmError::PinUnavailable(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    fn with_credentials(directory: Option<PathBuf>, file: Option<PathBuf>) -> PinFile {
        PinFile::with_credentials("hsm-pin", directory, file)
    }

    fn write(path: &Path, text: &str, mode: u32) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_credential_goes_before_the_file() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("pin");
        // Wrong on purpose: if it were looked at, reading would fail.
        write(&file, "1234", 0o644);
        let source = with_credentials(Some(folder.path().into()), Some(file));
        assert!(source.pin().is_err());
        write(&folder.path().join("hsm-pin"), "5678\n", 0o444);
        assert!(source.pin().is_ok());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("pin");
        for mode in [0o640, 0o604, 0o620] {
            write(&file, "1234", mode);
            let error = with_credentials(None, Some(file.clone()))
                .pin()
                .unwrap_err();
            assert!(error.to_string().contains("600"), "{error}");
        }
        write(&file, "1234", 0o400);
        assert!(with_credentials(None, Some(file.clone())).pin().is_ok());
    }

    #[test]
    fn a_file_of_another_user_is_refused_and_one_of_roots_is_not() {
        let path = Path::new("/etc/hsm-pin");
        for (owner, fits) in [(1000, true), (0, true), (1001, false)] {
            let judged = refuse_unless_private(path, owner, 0o100_400, 1000);
            assert_eq!(judged.is_ok(), fits, "{owner}");
        }
        let error = refuse_unless_private(path, 1001, 0o100_400, 1000).unwrap_err();
        assert!(error.to_string().contains("chown 1000 /etc/hsm-pin"));
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = TempDir::new().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        for path in [pipe, folder.path().into()] {
            let error = with_credentials(None, Some(path)).pin().unwrap_err();
            assert!(error.to_string().contains("no regular file"), "{error}");
        }
    }

    #[test]
    fn the_person_is_asked_only_where_nothing_else_has_the_pin() {
        let folder = TempDir::new().unwrap();
        let credentials = Some(folder.path().to_owned());
        assert!(!with_credentials(None, None).exists());
        assert!(!with_credentials(credentials.clone(), None).exists());
        assert!(with_credentials(None, Some("/none".into())).exists());
        write(&folder.path().join("hsm-pin"), "5678\n", 0o444);
        assert!(with_credentials(credentials, None).exists());
    }

    #[test]
    fn nothing_configured_is_said_so() {
        let error = with_credentials(None, None).pin().unwrap_err();
        assert!(error.to_string().contains("pin_file"), "{error}");
    }
}
