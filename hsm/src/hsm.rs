//! What the service asks of its token.

use std::sync::Arc;
use std::time::Duration;

use crate::address::TokenAddress;
use crate::error::HsmError;
use crate::key::{self, Curve, KeyLabel, Made, SigningKey};
use crate::mechanisms::{self, MissingMechanism};
use crate::patience::within;
use crate::pin::PinSource;
use crate::pool::Pool;
use crate::share::{self, WrappedShare};
use crate::state::HsmState;
use crate::token::{Access, Token};

/// How many threads use the token, and how many jobs may wait for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// Threads that sign; each has a session. At least one.
    pub workers: usize,
    /// Jobs that may wait; one more is refused as [`HsmError::Busy`].
    pub waiting: usize,
}

/// How long is waited for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For what somebody waits for: in the queue, and then for the token.
    pub signing: Duration,
    /// For opening the token, and for making keys.
    pub making: Duration,
}

/// A token, open and logged in. Clones share it; the last one dropped closes it.
#[derive(Clone)]
pub struct Hsm(Arc<Inner>);

struct Inner {
    /// For what somebody waits for: milliseconds each.
    signing: Pool,
    /// For making keys: up to seconds each, so on a thread of its own.
    making: Pool,
}

impl Hsm {
    /// Loads the module, finds the token and logs in.
    pub fn open(
        address: TokenAddress,
        pins: Arc<dyn PinSource>,
        size: PoolSize,
        patience: Patience,
    ) -> Result<Self, HsmError> {
        within(patience.making, move || {
            Self::open_now(address, pins, size, patience)
        })
    }

    fn open_now(
        address: TokenAddress,
        pins: Arc<dyn PinSource>,
        size: PoolSize,
        patience: Patience,
    ) -> Result<Self, HsmError> {
        let token = Arc::new(Token::open(address, pins)?);
        let signing = Pool::start(
            "hsm",
            &token,
            Access::Use,
            size.workers.max(1),
            size.waiting,
            patience.signing,
        )?;
        let making = Pool::start(
            "hsm-make",
            &token,
            Access::Make,
            1,
            size.waiting,
            patience.making,
        )?;
        Ok(Self(Arc::new(Inner { signing, making })))
    }

    /// What the token cannot do of what the service needs. Nothing, if it is fit. Blocks.
    pub fn missing_mechanisms(&self) -> Result<Vec<MissingMechanism>, HsmError> {
        self.0
            .making
            .run_blocking(|session| mechanisms::missing(session.token()))
    }

    /// How the token is.
    pub fn state(&self) -> HsmState {
        self.0.signing.state().and(self.0.making.state())
    }

    /// Makes a signing key that stays on the token, unless there is one of that label. Blocks.
    pub fn make_signing_key(&self, label: KeyLabel, curve: Curve) -> Result<Made, HsmError> {
        self.0
            .making
            .run_blocking(move |session| SigningKey::make(session, label, curve))
    }

    /// Makes an AES-256 key that stays on the token and can only wrap and unwrap, unless there is
    /// one of that label. Blocks.
    pub fn make_wrapping_key(&self, label: KeyLabel) -> Result<Made, HsmError> {
        self.0
            .making
            .run_blocking(move |session| key::make_wrapping_key(session, label))
    }

    /// Finds a signing key. Blocks.
    pub fn signing_key(&self, label: KeyLabel, curve: Curve) -> Result<SigningKey, HsmError> {
        self.0
            .signing
            .run_blocking(move |session| SigningKey::find(session, label, curve))
    }

    /// Makes sure that there is a wrapping key. Blocks.
    pub fn expect_wrapping_key(&self, label: KeyLabel) -> Result<(), HsmError> {
        self.0.signing.run_blocking(move |session| {
            session.key(label, cryptoki::object::ObjectClass::SECRET_KEY)?;
            Ok(())
        })
    }

    /// ECDSA over a digest: r and s, big endian, each as long as the curve's scalars.
    pub async fn sign(&self, key: &SigningKey, digest: &[u8]) -> Result<Vec<u8>, HsmError> {
        let (key, digest) = (key.clone(), digest.to_vec());
        self.0
            .signing
            .run(move |session| key.sign(session, &digest))
            .await
    }

    /// The same for code that cannot wait otherwise than by holding its thread. Goes first.
    pub fn sign_blocking(&self, key: &SigningKey, digest: &[u8]) -> Result<Vec<u8>, HsmError> {
        let (key, digest) = (key.clone(), digest.to_vec());
        self.0
            .signing
            .run_blocking(move |session| key.sign(session, &digest))
    }

    /// Makes a key share: takes a token up to seconds, so it is done beside what others wait for.
    pub async fn generate_share(&self, wrapping_key: KeyLabel) -> Result<WrappedShare, HsmError> {
        self.0
            .making
            .run(move |session| share::generate(session, wrapping_key))
            .await
    }

    /// `message^d mod n` with a wrapped share: unwrapped, used once, destroyed.
    ///
    /// `message` is big endian, as long as the modulus and below it. The result is *not* checked
    /// here; the caller must, before it combines it with anything.
    pub async fn raw_rsa_with_wrapped(
        &self,
        wrapping_key: KeyLabel,
        wrapped: Vec<u8>,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, HsmError> {
        self.0
            .signing
            .run(move |session| share::raw_rsa(session, wrapping_key, &wrapped, &message))
            .await
    }
}

impl std::fmt::Debug for Hsm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hsm(..)")
    }
}
