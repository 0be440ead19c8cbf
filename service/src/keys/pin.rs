//! The token's PIN: a systemd credential, else a file that only the service reads.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use symbolon_hsm::{HsmError, PinSource, TokenPin};
use zeroize::Zeroizing;

/// The name of the credential (systemd.exec(5), `LoadCredential=`).
const CREDENTIAL: &str = "hsm-pin";

/// More than any token's PIN; what is longer is some other file.
const LONGEST_PIN: usize = 256;

/// Reads the PIN anew at each login.
pub(super) struct PinFile {
    credential: Option<PathBuf>,
    file: Option<PathBuf>,
}

impl PinFile {
    /// With the credentials that systemd gave this process, if any.
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self::with_credentials(
            std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            file,
        )
    }

    fn with_credentials(directory: Option<PathBuf>, file: Option<PathBuf>) -> Self {
        Self {
            credential: directory.map(|directory| directory.join(CREDENTIAL)),
            file,
        }
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
                "there is no credential `{CREDENTIAL}` and no `pin_file` in the configuration"
            )));
        };
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        refuse_if_others_can_read(path, &file)?;
        read(path, file)
    }
}

fn refuse_if_others_can_read(path: &Path, file: &File) -> Result<(), HsmError> {
    let mode = file
        .metadata()
        .map_err(|error| unreadable(path, &error))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(HsmError::PinUnavailable(format!(
            "{} is open to group or others (mode {:03o}); make it 600 or 400",
            path.display(),
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

    use tempfile::TempDir;

    use super::*;

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
        let source = PinFile::with_credentials(Some(folder.path().into()), Some(file));
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
            let error = PinFile::with_credentials(None, Some(file.clone()))
                .pin()
                .unwrap_err();
            assert!(error.to_string().contains("600"), "{error}");
        }
        write(&file, "1234", 0o400);
        assert!(
            PinFile::with_credentials(None, Some(file.clone()))
                .pin()
                .is_ok()
        );
    }

    #[test]
    fn nothing_configured_is_said_so() {
        let error = PinFile::with_credentials(None, None).pin().unwrap_err();
        assert!(error.to_string().contains("pin_file"), "{error}");
    }
}
