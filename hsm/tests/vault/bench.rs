//! A token that can be pulled out: SoftHSM2 behind the obstinate module.

use std::sync::Arc;
use std::time::Duration;

// So that cargo builds the module.
use obstinate_module as _;
use symbolon_hsm::{HsmError, Patience, PinSource, TokenAddress, TokenName, TokenPin, TokenVault};
use symbolon_vault::Vault;
use symbolon_vault::conformance::Bench;
use zeroize::Zeroizing;

use crate::softhsm::{LABEL, PIN, TokenHouse, in_own_process};

struct FixedPin;

impl PinSource for FixedPin {
    fn pin(&self) -> Result<TokenPin, HsmError> {
        TokenPin::from_octets(Zeroizing::new(PIN.as_bytes().to_vec()))
    }
}

/// A token of the running test's own.
pub(crate) struct TokenBench(TokenHouse);

impl TokenBench {
    /// In a process of the test's own; `None` in the one that started it.
    pub(crate) fn start() -> Option<Self> {
        let thread = std::thread::current();
        in_own_process(thread.name().expect("a test's thread has its name")).map(Self)
    }

    /// Whole or not at all: the module may be reading.
    pub(crate) fn command(&self, text: &str) {
        let unfinished = self.0.folder().join("unfinished");
        std::fs::write(&unfinished, text).unwrap();
        std::fs::rename(unfinished, self.0.commands()).unwrap();
    }
}

impl Bench for TokenBench {
    fn vault(&self) -> Box<dyn Vault> {
        let address = TokenAddress {
            module: self.0.obstinate_module(),
            token: TokenName::LabelOrSerial(LABEL.into()),
        };
        let patience = Patience {
            signing: Duration::from_secs(30),
            making: Duration::from_secs(120),
        };
        Box::new(TokenVault::new(address, Arc::new(FixedPin), patience))
    }

    fn power_off(&mut self) {
        self.command("remove\n");
    }

    fn power_on(&mut self) {
        std::fs::remove_file(self.0.commands()).unwrap();
    }
}
