//! What the service's worker threads get out of a token: unwrap, one raw RSA operation, destroy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use symbolon_hsm::{
    Hsm, HsmError, KeyLabel, Patience, PinSource, PoolSize, TokenAddress, TokenName, TokenPin,
    WrappedShare,
};
use symbolon_tests::token::{LABEL, PIN, Token};
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

const WRAPPING: KeyLabel = KeyLabel("bench-wrapping");
const PATIENCE: Duration = Duration::from_secs(60);

/// A token's workers, and a share that they use.
pub(crate) struct Workers {
    hsm: Hsm,
    share: WrappedShare,
    runtime: Runtime,
}

impl Workers {
    /// So many, on the token that [`crate::bare_token`] measured before in the same process.
    pub(crate) fn open(threads: usize) -> Self {
        let hsm = open(threads);
        hsm.make_wrapping_key(WRAPPING).unwrap();
        let runtime = Builder::new_current_thread().build().unwrap();
        let share = runtime.block_on(hsm.generate_share(WRAPPING)).unwrap();
        Self {
            hsm,
            share,
            runtime,
        }
    }

    /// Operations per second. The next job is at hand whenever one of `threads` workers is free.
    pub(crate) fn per_second(&self, threads: usize, limit: Duration) -> f64 {
        let Self { hsm, share, .. } = self;
        let mut message = vec![0x5a; share.modulus.len()];
        message[0] = 0;
        self.runtime.block_on(async {
            let begun = Instant::now();
            let done = stream::repeat(())
                .take_while(|()| std::future::ready(begun.elapsed() < limit))
                .map(|()| {
                    hsm.raw_rsa_with_wrapped(WRAPPING, share.wrapped.clone(), message.clone())
                })
                .buffer_unordered(2 * threads)
                .fold(0_u32, async |done, result| {
                    result.unwrap();
                    done + 1
                })
                .await;
            f64::from(done) / begun.elapsed().as_secs_f64()
        })
    }
}

fn open(threads: usize) -> Hsm {
    Hsm::open(
        TokenAddress {
            module: Token::module(),
            token: TokenName::LabelOrSerial(LABEL.into()),
            init_reserved: None,
        },
        Arc::new(Known),
        PoolSize {
            workers: threads,
            waiting: 64,
        },
        Patience {
            signing: PATIENCE,
            making: PATIENCE,
        },
    )
    .unwrap()
}

struct Known;

impl PinSource for Known {
    fn pin(&self) -> Result<TokenPin, HsmError> {
        TokenPin::from_octets(Zeroizing::new(PIN.as_bytes().to_vec()))
    }
}
