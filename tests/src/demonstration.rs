//! What `make demo` and `make demo-web` have in common: the PINs that are wished for, and the end,
//! at whatever moment it comes.

use std::io::Write;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::leftovers;
use crate::rig::{PIN1, PIN2};

/// `PIN1,PIN2`; set by `make demo PINS=…`.
const PINS: &str = "SYMBOLON_DEMO_PINS";

/// The PINs to be typed where nobody says otherwise.
pub fn usual_pins() -> [String; 2] {
    [PIN1.to_owned(), PIN2.to_owned()]
}

/// The PINs that the environment asks for, if it does; `target` is what make was asked for.
pub fn wished_pins(target: &str) -> Result<Option<[String; 2]>, String> {
    let wish = std::env::var(PINS).unwrap_or_default();
    match wish.split_once(',') {
        Some((pin1, pin2)) => Ok(Some([pin1.trim().to_owned(), pin2.trim().to_owned()])),
        None if wish.is_empty() => Ok(None),
        None => Err(format!(
            "PINS takes two PINs with a comma between: make {target} PINS={PIN1},{PIN2}"
        )),
    }
}

/// What ends a program from outside.
pub struct Interruption {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Interruption {
    /// Listens from now on; needs a tokio runtime.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for it.
    pub async fn comes(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// Ends this program with everything that it started, after a word about it.
pub fn end(word: &str, code: u8) -> ! {
    // Another thread may be about to find that its processes are gone. It is not to say so.
    let mut out = std::io::stdout().lock();
    std::panic::set_hook(Box::new(|_| {}));
    leftovers::clear();
    let told = format!("\n{word} Every process has ended, and the folder is gone.\n");
    // The terminal may be gone too.
    out.write_all(told.as_bytes()).ok();
    out.flush().ok();
    std::process::exit(code.into())
}
