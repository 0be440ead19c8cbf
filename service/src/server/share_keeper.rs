//! Keeps key shares ahead of need, so that no enrolment waits for the token to make one.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::enrolment::{PoolError, fill_pool, pool_size};
use crate::keys::ServiceKeys;
use crate::store::Store;

/// How often a pool that is full is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// How long is waited after a failure. Whether the token works is for its own back-off to find.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Runs until the service stops. Several nodes on one store may each add one too many.
pub(super) async fn run(
    store: Store,
    keys: ServiceKeys,
    wanted: u32,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let work = async {
            let pause = match top_up(&store, &keys, wanted).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "no key share could be made ahead of need");
                    AFTER_FAILURE
                }
            };
            sleep(pause).await;
        };
        tokio::select! {
            () = work => {}
            _ = stopping.changed() => return,
        }
    }
}

/// Makes one share if there are too few; says how long to rest. Half the time is left to others:
/// an enrolment that finds the pool empty makes its share on the same thread.
async fn top_up(store: &Store, keys: &ServiceKeys, wanted: u32) -> Result<Duration, PoolError> {
    if pool_size(store).await? >= i64::from(wanted) {
        return Ok(LOOK);
    }
    let begun = Instant::now();
    fill_pool(store, keys, 1).await?;
    Ok(begun.elapsed())
}
