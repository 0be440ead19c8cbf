//! The token's PIN: a systemd credential, else a file that only the service reads, else asked for
//! on the terminal.

use symbolon_hsm::{HsmError, PinFile, PinSource, TokenPin};

use super::config::HsmConfig;
use super::terminal;

/// The name of the credential (systemd.exec(5), `LoadCredential=`).
const CREDENTIAL: &str = "hsm-pin";

/// Where the PIN of a configuration is. Asks for it at once, if nothing but the person has it.
pub(super) fn source(config: &HsmConfig) -> Result<Box<dyn PinSource>, HsmError> {
    let files = PinFile::new(CREDENTIAL, config.pin_file.clone());
    match config.ask_pin && !files.exists() {
        false => Ok(Box::new(files)),
        true => Ok(Box::new(AskedPin(terminal::ask("PIN of the token: ")?))),
    }
}

/// A PIN that somebody typed at start. It stays in memory, because nobody can be asked when the
/// token has to be logged in to again.
struct AskedPin(TokenPin);

impl PinSource for AskedPin {
    fn pin(&self) -> Result<TokenPin, HsmError> {
        Ok(self.0.again())
    }
}
