//! What happens by itself: sessions expire, prompts take turns, old rows go, changes from outside are noticed.
//!
//! The ticks run on the monotonic clock; whether something is due is asked of the wall clock.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::co_signing::Ahead;
use crate::sessions::{Sessions, outside_changes};
use crate::store::{Store, StoreError};

const TICK: Duration = Duration::from_secs(1);

/// Old rows are removed once in so many ticks.
const TICKS_PER_PURGE: u64 = 60;

/// Runs until the service stops.
pub(super) async fn run(store: Store, sessions: Sessions, ahead: Ahead) {
    let mut stopping = sessions.hints().stopping();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = outside_changes(&store).await.unwrap_or_default();
    let mut number: u64 = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopping.changed() => return,
        }
        number += 1;
        ahead.forget_old();
        if let Err(error) = tick(&store, &sessions, number, &mut seen).await {
            tracing::error!(%error, "housekeeping failed; it goes on");
        }
    }
}

async fn tick(
    store: &Store,
    sessions: &Sessions,
    number: u64,
    seen: &mut i64,
) -> Result<(), StoreError> {
    sessions.expire_overdue().await?;
    sessions.take_turns().await?;
    let changes = outside_changes(store).await?;
    if changes != *seen {
        *seen = changes;
        sessions.hints().wake_everybody();
    }
    if number.is_multiple_of(TICKS_PER_PURGE) {
        sessions.purge().await?;
    }
    Ok(())
}
