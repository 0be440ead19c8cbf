//! What the service asks of its token.

use std::sync::Arc;
use std::time::Duration;

use serde_bytes::ByteBuf;

use crate::address::TokenAddress;
use crate::error::HsmError;
use crate::key::{Curve, KeyLabel, Made, SigningKey};
use crate::mechanisms::{self, MissingMechanism};
use crate::pin::PinSource;
use crate::pool::Pool;
use crate::process::act::{
    ExpectWrappingKey, FindSigningKey, GenerateShare, MakeSigningKey, MakeWrappingKey,
    MissingMechanisms, RawRsa, Sign,
};
use crate::process::module::Module;
use crate::share::WrappedShare;
use crate::state::{HsmState, ProcessEnds};
use crate::token::Access;

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
    module: Arc<Module>,
    /// For what somebody waits for: milliseconds each.
    signing: Pool,
    /// For making keys: up to seconds each, so on a thread of its own.
    making: Pool,
}

impl Hsm {
    /// Loads the module in a process of its own, finds the token and logs in.
    pub fn open(
        address: TokenAddress,
        pins: Arc<dyn PinSource>,
        size: PoolSize,
        patience: Patience,
    ) -> Result<Self, HsmError> {
        let module = Arc::new(Module::new(address, pins)?);
        let (signing, making) = module.within(patience.making, || {
            let signing = Pool::start(
                "hsm",
                &module,
                Access::Use,
                size.workers.max(1),
                size.waiting,
                patience.signing,
            )?;
            let making = Pool::start(
                "hsm-make",
                &module,
                Access::Make,
                1,
                size.waiting,
                patience.making,
            )?;
            Ok((signing, making))
        })?;
        Ok(Self(Arc::new(Inner {
            module,
            signing,
            making,
        })))
    }

    /// What the token cannot do of what the service needs. Nothing, if it is fit. Blocks.
    pub fn missing_mechanisms(&self) -> Result<Vec<MissingMechanism>, HsmError> {
        let missing = self.0.making.run_blocking(MissingMechanisms)?;
        Ok(mechanisms::at(&missing))
    }

    /// How the token is.
    pub fn state(&self) -> HsmState {
        self.0.signing.state().and(self.0.making.state())
    }

    /// How often the module's process had to be replaced.
    pub fn process_ends(&self) -> ProcessEnds {
        self.0.module.ends()
    }

    /// Makes a signing key that stays on the token, unless there is one of that label. Blocks.
    pub fn make_signing_key(&self, label: KeyLabel, curve: Curve) -> Result<Made, HsmError> {
        self.0.making.run_blocking(MakeSigningKey {
            label: label.0.into(),
            curve,
        })
    }

    /// Makes an AES-256 key that stays on the token and can only wrap and unwrap, unless there is
    /// one of that label. Blocks.
    pub fn make_wrapping_key(&self, label: KeyLabel) -> Result<Made, HsmError> {
        self.0.making.run_blocking(MakeWrappingKey {
            label: label.0.into(),
        })
    }

    /// Finds a signing key. Blocks.
    pub fn signing_key(&self, label: KeyLabel, curve: Curve) -> Result<SigningKey, HsmError> {
        let point = self.0.signing.run_blocking(FindSigningKey {
            label: label.0.into(),
            curve,
        })?;
        Ok(SigningKey::found(label, curve, point))
    }

    /// Makes sure that there is a wrapping key. Blocks.
    pub fn expect_wrapping_key(&self, label: KeyLabel) -> Result<(), HsmError> {
        self.0.signing.run_blocking(ExpectWrappingKey {
            label: label.0.into(),
        })
    }

    /// ECDSA over a digest: r and s, big endian, each as long as the curve's scalars.
    pub async fn sign(&self, key: &SigningKey, digest: &[u8]) -> Result<Vec<u8>, HsmError> {
        self.0.signing.run(signing(key, digest)).await
    }

    /// The same for code that cannot wait otherwise than by holding its thread. Goes first.
    pub fn sign_blocking(&self, key: &SigningKey, digest: &[u8]) -> Result<Vec<u8>, HsmError> {
        self.0.signing.run_blocking(signing(key, digest))
    }

    /// Makes a key share: takes a token up to seconds, so it is done beside what others wait for.
    pub async fn generate_share(&self, wrapping_key: KeyLabel) -> Result<WrappedShare, HsmError> {
        let wrapping_key = wrapping_key.0.into();
        self.0.making.run(GenerateShare { wrapping_key }).await
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
        let act = RawRsa {
            wrapping_key: wrapping_key.0.into(),
            wrapped: wrapped.into(),
            message: message.into(),
        };
        self.0.signing.run(act).await.map(ByteBuf::into_vec)
    }
}

fn signing(key: &SigningKey, digest: &[u8]) -> Sign {
    Sign {
        label: key.label().0.into(),
        curve: key.curve(),
        digest: digest.to_vec(),
    }
}

impl std::fmt::Debug for Hsm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hsm(..)")
    }
}
