//! What the service's worker threads get out of a token: unwrap, one raw RSA operation, destroy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use symbolon_hsm::{
    Hsm, HsmError, KeyLabel, Patience, PinSource, PoolSize, TokenAddress, TokenName, TokenPin,
};
use symbolon_tests::token::{LABEL, PIN, Token};
use zeroize::Zeroizing;

const WRAPPING: KeyLabel = KeyLabel("bench-wrapping");
const PATIENCE: Duration = Duration::from_secs(60);

/// Operations per second, with as many workers as `threads`, each with the next job at hand. The
/// token is the one that [`crate::bare_token`] measured before, in the same process.
pub(crate) fn per_second(threads: usize, limit: Duration) -> f64 {
    let hsm = open(threads);
    hsm.make_wrapping_key(WRAPPING).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let share = hsm.generate_share(WRAPPING).await.unwrap();
        let mut message = vec![0x5a; share.modulus.len()];
        message[0] = 0;
        let begun = Instant::now();
        let done = stream::repeat(())
            .take_while(|()| std::future::ready(begun.elapsed() < limit))
            .map(|()| hsm.raw_rsa_with_wrapped(WRAPPING, share.wrapped.clone(), message.clone()))
            .buffer_unordered(2 * threads)
            .fold(0_u32, async |done, result| {
                result.unwrap();
                done + 1
            })
            .await;
        f64::from(done) / begun.elapsed().as_secs_f64()
    })
}

fn open(threads: usize) -> Hsm {
    Hsm::open(
        TokenAddress {
            module: Token::module(),
            token: TokenName::LabelOrSerial(LABEL.into()),
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
