//! An obstinate token.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

// So that cargo builds the module.
use obstinate_module as _;
use symbolon_hsm::{
    Curve, Hsm, HsmError, KeyLabel, Patience, PinSource, PoolSize, SigningKey, TokenAddress,
    TokenName, TokenPin,
};
use zeroize::Zeroizing;

use crate::softhsm::{LABEL, PIN, TokenHouse};

pub(crate) const SIGNING: KeyLabel = KeyLabel("signing");
pub(crate) const WRAPPING: KeyLabel = KeyLabel("wrapping");

/// Short, so that tests end soon; long beside what SoftHSM2 takes to sign.
pub(crate) const PATIENCE: Patience = Patience {
    signing: Duration::from_millis(400),
    making: Duration::from_secs(60),
};

/// For tests in which nothing hangs but the machine may be busy.
pub(crate) const UNHURRIED: Patience = Patience {
    signing: Duration::from_secs(30),
    ..PATIENCE
};

/// In which a token that works again must be seen to: the longest pause and more.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) struct Obstinate<'a> {
    house: &'a TokenHouse,
    threads_before: usize,
}

/// How often the PIN was asked for.
#[derive(Default)]
pub(crate) struct CountedPin(AtomicUsize);

impl PinSource for CountedPin {
    fn pin(&self) -> Result<TokenPin, HsmError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        TokenPin::from_octets(Zeroizing::new(PIN.as_bytes().to_vec()))
    }
}

/// A PIN that is right the first time and wrong ever after: somebody changed it.
pub(crate) struct ChangedPin(pub(crate) AtomicUsize);

impl PinSource for ChangedPin {
    fn pin(&self) -> Result<TokenPin, HsmError> {
        let text = match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => PIN,
            _ => "12345",
        };
        TokenPin::from_octets(Zeroizing::new(text.as_bytes().to_vec()))
    }
}

impl CountedPin {
    pub(crate) fn asked(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl<'a> Obstinate<'a> {
    pub(crate) fn new(house: &'a TokenHouse) -> Self {
        Self {
            house,
            threads_before: threads(),
        }
    }

    pub(crate) fn address(&self) -> TokenAddress {
        TokenAddress {
            module: self.house.obstinate_module(),
            token: TokenName::LabelOrSerial(LABEL.into()),
            init_reserved: None,
        }
    }

    pub(crate) fn open(
        &self,
        workers: usize,
        patience: Patience,
    ) -> (Hsm, SigningKey, Arc<CountedPin>) {
        let pins = Arc::new(CountedPin::default());
        let size = PoolSize {
            workers,
            waiting: 64,
        };
        let hsm = Hsm::open(self.address(), pins.clone(), size, patience).unwrap();
        hsm.make_signing_key(SIGNING, Curve::P256).unwrap();
        hsm.make_wrapping_key(WRAPPING).unwrap();
        let key = hsm.signing_key(SIGNING, Curve::P256).unwrap();
        (hsm, key, pins)
    }

    /// Whole or not at all: the module may be reading.
    pub(crate) fn command(&self, text: &str) {
        let unfinished = self.house.folder().join("unfinished");
        std::fs::write(&unfinished, text).unwrap();
        std::fs::rename(unfinished, self.house.commands()).unwrap();
    }

    pub(crate) fn behave(&self) {
        std::fs::remove_file(self.house.commands()).unwrap();
    }
}

impl Drop for Obstinate<'_> {
    /// Lets every call come back, and waits for the last: the process is about to end, and the
    /// module's own memory ends before a thread that is still inside of it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        std::fs::remove_file(self.house.commands()).ok();
        let deadline = Instant::now() + SOON;
        while threads() > self.threads_before {
            assert!(Instant::now() < deadline, "threads stay behind");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// How many threads this process has.
pub(crate) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// How many processes this one has started and not yet seen end.
pub(crate) fn children() -> usize {
    let of_thread = |thread: std::io::Result<std::fs::DirEntry>| {
        let list = std::fs::read_to_string(thread.unwrap().path().join("children"));
        list.unwrap_or_default().split_whitespace().count()
    };
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    threads.map(of_thread).sum()
}

/// Signs until it succeeds.
pub(crate) fn works_again(hsm: &Hsm, key: &SigningKey) {
    let deadline = Instant::now() + SOON;
    while let Err(error) = hsm.sign_blocking(key, &[7; 32]) {
        assert!(Instant::now() < deadline, "{error}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
        .block_on(future)
}
