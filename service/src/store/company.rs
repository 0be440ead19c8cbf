//! When a commit waits for company.
//!
//! A commit costs nearly the same for one login as for many: its beginning and its end, the pages
//! that all of them change, the flush. A token takes longer for one login than the disk for one
//! commit, so without waiting each of many logins would have a commit of its own. Whoever is about
//! to write says so, and a commit waits a moment where more are about to come than are there.
//! Alone, or with one other, nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::AnyConnection;

use super::batch::{Batch, Done};
use super::{Store, StoreError};

/// At most this many pieces of work share a commit, so that none waits for too long.
pub(super) const LARGEST_GROUP: usize = 64;

/// A commit waits for company no longer than this: less than a person sees, and enough for several
/// operations of a token.
pub(super) const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// How many are about to write. Clones count the same.
#[derive(Clone, Default)]
pub(super) struct Company {
    coming: Arc<AtomicUsize>,
}

impl Company {
    /// Whether a commit of `gathered` pieces of work waits for more.
    pub(super) fn is_worth_waiting_for(&self, gathered: usize) -> bool {
        is_worth_waiting_for(gathered, self.coming.load(Ordering::Relaxed))
    }

    pub(super) fn announce(&self, store: Store) -> Announced {
        self.coming.fetch_add(1, Ordering::Relaxed);
        Announced {
            store,
            company: self.clone(),
        }
    }
}

/// Waiting gains the most where more are coming than are there: it makes commits half as many at
/// least. With fewer it would only delay those that are there.
fn is_worth_waiting_for(gathered: usize, coming: usize) -> bool {
    gathered < coming.min(LARGEST_GROUP)
}

/// Somebody who is about to write, as soon as what must come before is done. Dropped if it comes
/// to nothing.
#[must_use]
pub struct Announced {
    store: Store,
    company: Company,
}

impl Announced {
    /// [`Store::write_from`], of what was announced.
    pub(crate) async fn write_from<T, F>(self, opening: Batch, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut AnyConnection, Vec<Done>) -> BoxFuture<'c, Result<T, StoreError>>
            + Send
            + 'static,
    {
        let store = self.store.clone();
        // No longer coming: it is here.
        drop(self);
        store.write_from(opening, work).await
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.company.coming.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_waits_where_more_are_coming_than_are_there() {
        for (gathered, coming, waits) in [
            (1, 0, false),
            (1, 1, false),
            (1, 2, true),
            (2, 2, false),
            (2, 40, true),
            (40, 40, false),
            (LARGEST_GROUP, 1000, false),
        ] {
            assert_eq!(
                is_worth_waiting_for(gathered, coming),
                waits,
                "{gathered} are there, {coming} are coming"
            );
        }
    }
}
