//! A token that can be pulled out: any module behind the obstinate one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

// So that cargo builds the module.
use obstinate_module as _;
use symbolon_hsm::{HsmError, Patience, PinSource, TokenAddress, TokenName, TokenPin, TokenVault};
use symbolon_vault::Vault;
use symbolon_vault::conformance::Bench;
use zeroize::Zeroizing;

use crate::softhsm::{LABEL, PIN, TokenHouse, in_own_process};

pub(crate) struct FixedPin(pub(crate) &'static str);

impl PinSource for FixedPin {
    fn pin(&self) -> Result<TokenPin, HsmError> {
        TokenPin::from_octets(Zeroizing::new(self.0.as_bytes().to_vec()))
    }
}

/// A token of the running test's own.
pub(crate) struct TokenBench {
    house: TokenHouse,
    label: &'static str,
    pin: &'static str,
}

impl TokenBench {
    /// SoftHSM2's in a process of the test's own; `None` in the one that started it.
    pub(crate) fn start() -> Option<Self> {
        let thread = std::thread::current();
        let house = in_own_process(thread.name().expect("a test's thread has its name"))?;
        Some(Self::new(house, LABEL, PIN))
    }

    /// A token with this label and PIN.
    pub(crate) fn new(house: TokenHouse, label: &'static str, pin: &'static str) -> Self {
        Self { house, label, pin }
    }

    /// A vault that was given another PIN of the token.
    pub(crate) fn with_pin(&self, pin: &'static str) -> Box<dyn Vault> {
        let address = TokenAddress {
            module: self.house.obstinate_module(),
            token: TokenName::LabelOrSerial(self.label.into()),
            init_reserved: None,
        };
        let patience = Patience {
            signing: Duration::from_secs(30),
            making: Duration::from_secs(120),
        };
        Box::new(TokenVault::new(address, Arc::new(FixedPin(pin)), patience))
    }

    /// The module behind the obstinate one.
    pub(crate) fn module(&self) -> &Path {
        self.house.module()
    }

    /// Has the module obey no command any more.
    pub(crate) fn behave(&self) {
        std::fs::remove_file(self.house.commands()).unwrap();
    }

    /// Whole or not at all: the module may be reading.
    pub(crate) fn command(&self, text: &str) {
        let unfinished = self.house.folder().join("unfinished");
        std::fs::write(&unfinished, text).unwrap();
        std::fs::rename(unfinished, self.house.commands()).unwrap();
    }
}

impl Bench for TokenBench {
    fn vault(&self) -> Box<dyn Vault> {
        self.with_pin(self.pin)
    }

    fn power_off(&mut self) {
        self.command("remove\n");
    }

    fn power_on(&mut self) {
        self.behave();
    }
}
