//! The keys by what they are for.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use symbolon_hsm::{
    Curve, Examination, Hsm, HsmState, KeyLabel, Made, Patience, PoolSize, ProcessEnds,
    SHARE_MODULUS_OCTETS, SigningKey,
};
use symbolon_protocol::split_key::PartialSignature;

use super::config::HsmConfig;
use super::error::KeysError;
use super::pin;
use crate::metrics::{token_call, token_called};

const ROOT: KeyLabel = KeyLabel("symbolon-root-ca");
const ISSUING: KeyLabel = KeyLabel("symbolon-issuing-ca");
const RELEASE: KeyLabel = KeyLabel("symbolon-release");
const TLS_SERVER: KeyLabel = KeyLabel("symbolon-tls-server");
const SHARE_WRAPPING: KeyLabel = KeyLabel("symbolon-share-wrapping");

/// Requests that may wait for the token unless configured otherwise: on SoftHSM2 and two cores
/// about two seconds' work.
const WAITING: usize = 1024;

/// How long a signature may take unless configured otherwise: SoftHSM2 takes milliseconds, a busy
/// HSM across a network a second.
const DEADLINE_SECONDS: u32 = 10;

/// How much longer making a key may take: on some tokens half a minute.
const MAKING_TAKES_TIMES: u32 = 12;

/// All keys of the service. Clones share one token.
#[derive(Clone)]
pub struct ServiceKeys {
    hsm: Hsm,
    root: SigningKey,
    issuing: SigningKey,
    release: SigningKey,
    tls_server: SigningKey,
}

/// The two certificate authorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Signs itself and the issuing authority.
    Root,
    /// Signs the accounts' and the server's certificates.
    Issuing,
}

/// One key that `init` made or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMade {
    /// Its label on the token.
    pub label: &'static str,
    /// Whether it is new.
    pub made: Made,
}

/// The service's share of an account's key, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceShare {
    /// `n2`, big endian, 256 octets; the exponent is 65537.
    pub modulus: Vec<u8>,
    /// The private key, wrapped under the token's wrapping key.
    pub wrapped: Vec<u8>,
}

impl ServiceKeys {
    /// Opens the token and finds all keys; fails where `init` has not made them. Blocks.
    pub fn open(config: &HsmConfig) -> Result<Self, KeysError> {
        Self::find(open_token(config)?)
    }

    /// Opens the token and makes the keys that it lacks. Blocks, up to seconds.
    pub fn make(config: &HsmConfig) -> Result<(Self, Vec<KeyMade>), KeysError> {
        let hsm = open_token(config)?;
        let mut made = Vec::new();
        for (label, curve) in [
            (ROOT, Curve::P384),
            (ISSUING, Curve::P384),
            (RELEASE, Curve::P256),
            (TLS_SERVER, Curve::P256),
        ] {
            made.push(KeyMade {
                label: label.0,
                made: hsm.make_signing_key(label, curve)?,
            });
        }
        made.push(KeyMade {
            label: SHARE_WRAPPING.0,
            made: hsm.make_wrapping_key(SHARE_WRAPPING)?,
        });
        Ok((Self::find(hsm)?, made))
    }

    /// How the token is.
    pub fn token_state(&self) -> HsmState {
        self.hsm.state()
    }

    /// How often the process of the token's module had to be replaced.
    pub fn process_ends(&self) -> ProcessEnds {
        self.hsm.process_ends()
    }

    /// The public release key: an uncompressed P-256 point.
    pub fn release_key_point(&self) -> [u8; 65] {
        fixed_point(&self.release)
    }

    /// Signs a release: ECDSA P-256 over a SHA-256 digest; r and s, 64 octets.
    pub async fn sign_release(&self, digest: &[u8; 32]) -> Result<Vec<u8>, KeysError> {
        Ok(token_call("sign_release", self.hsm.sign(&self.release, digest)).await?)
    }

    /// Makes a key share. Seconds on some tokens: the pool of shares is filled ahead of need.
    pub async fn generate_share(&self) -> Result<ServiceShare, KeysError> {
        let making = self.hsm.generate_share(SHARE_WRAPPING);
        let share = token_call("make_share", making).await?;
        Ok(ServiceShare {
            modulus: share.modulus,
            wrapped: share.wrapped,
        })
    }

    /// The service's half of a signature, `EM^d2 mod n2`.
    ///
    /// `message` is `EM mod n2`, big endian, as long as `n2`. The result is not checked here: that
    /// `s2^e = EM mod n2` is for the caller to see before anything is combined with it.
    pub async fn half_signature(
        &self,
        wrapped: &[u8],
        message: &[u8],
    ) -> Result<PartialSignature, KeysError> {
        if message.len() != SHARE_MODULUS_OCTETS {
            return Err(symbolon_hsm::HsmError::Fault {
                function: "the service's half".to_owned(),
                code: format!("a message of {} octets", message.len()),
            }
            .into());
        }
        let signing =
            self.hsm
                .raw_rsa_with_wrapped(SHARE_WRAPPING, wrapped.to_vec(), message.to_vec());
        let half = token_call("half_signature", signing).await?;
        Ok(PartialSignature::from_octets(half))
    }

    /// A certificate authority's public key: an uncompressed P-384 point, 97 octets.
    pub fn authority_point(&self, authority: Authority) -> &[u8] {
        self.authority(authority).point()
    }

    /// ECDSA P-384 over a SHA-384 digest: r and s, 96 octets.
    pub async fn sign_as_authority(
        &self,
        authority: Authority,
        digest: &[u8; 48],
    ) -> Result<Vec<u8>, KeysError> {
        let signing = self.hsm.sign(self.authority(authority), digest);
        Ok(token_call("sign_certificate", signing).await?)
    }

    /// The TLS server's public key: an uncompressed P-256 point.
    pub fn tls_server_point(&self) -> [u8; 65] {
        fixed_point(&self.tls_server)
    }

    /// ECDSA P-256 over a SHA-256 digest, for a TLS handshake, which cannot await: r and s, 64
    /// octets. Holds the thread for about a millisecond on SoftHSM2.
    pub fn sign_tls_handshake(&self, digest: &[u8; 32]) -> Result<Vec<u8>, KeysError> {
        let begun = Instant::now();
        let signed = self.hsm.sign_blocking(&self.tls_server, digest);
        token_called("sign_tls_handshake", begun.elapsed(), signed.is_ok());
        Ok(signed?)
    }

    fn authority(&self, authority: Authority) -> &SigningKey {
        match authority {
            Authority::Root => &self.root,
            Authority::Issuing => &self.issuing,
        }
    }

    fn find(hsm: Hsm) -> Result<Self, KeysError> {
        let key = |label, curve| hsm.signing_key(label, curve).map_err(not_initialised);
        let keys = Self {
            root: key(ROOT, Curve::P384)?,
            issuing: key(ISSUING, Curve::P384)?,
            release: key(RELEASE, Curve::P256)?,
            tls_server: key(TLS_SERVER, Curve::P256)?,
            hsm: hsm.clone(),
        };
        hsm.expect_wrapping_key(SHARE_WRAPPING)
            .map_err(not_initialised)?;
        Ok(keys)
    }
}

impl std::fmt::Debug for ServiceKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServiceKeys(..)")
    }
}

/// Looks what the token can do, whether or not it has the service's keys. Blocks, up to seconds.
pub fn examine(config: &HsmConfig) -> Result<Examination, KeysError> {
    let pins = Arc::from(pin::source(config)?);
    // One more than there are workers: keys are made beside what others wait for.
    let sessions = workers(config) + 1;
    Ok(symbolon_hsm::examine(
        config.address.clone(),
        pins,
        sessions,
        patience(config).making,
    )?)
}

fn open_token(config: &HsmConfig) -> Result<Hsm, KeysError> {
    let size = PoolSize {
        workers: workers(config),
        waiting: config.waiting.map_or(WAITING, NonZeroUsize::get),
    };
    let hsm = Hsm::open(
        config.address.clone(),
        Arc::from(pin::source(config)?),
        size,
        patience(config),
    )?;
    let missing = hsm.missing_mechanisms()?;
    match missing.is_empty() {
        true => Ok(hsm),
        false => Err(KeysError::TokenUnfit(missing)),
    }
}

fn patience(config: &HsmConfig) -> Patience {
    let seconds = config
        .deadline_seconds
        .map_or(DEADLINE_SECONDS, NonZeroU32::get);
    let signing = Duration::from_secs(seconds.into());
    Patience {
        signing,
        making: signing * MAKING_TAKES_TIMES,
    }
}

fn workers(config: &HsmConfig) -> usize {
    config
        .threads
        .or_else(|| available_parallelism().ok())
        .map_or(1, NonZeroUsize::get)
}

fn not_initialised(error: symbolon_hsm::HsmError) -> KeysError {
    match error {
        symbolon_hsm::HsmError::KeyMissing(label) => KeysError::NotInitialised(label),
        other => KeysError::Token(other),
    }
}

/// A P-256 point is 65 octets; the key was found on that curve.
fn fixed_point(key: &SigningKey) -> [u8; 65] {
    let mut point = [0; 65];
    point.copy_from_slice(key.point());
    point
}
