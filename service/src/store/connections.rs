//! Connections to the database, and those that are kept for reading.
//!
//! A connection is kept open and lent out as it came back. `sqlx`'s own pool asks each one that
//! comes back whether it still lives: with SQLite, whose thread is spoken to by messages, that costs
//! as much as the read itself. Here it is asked when it was not asked for a while.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, Connection, Executor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::StoreError;

/// Reads that run beside each other.
const READERS: u32 = 4;

/// How long a read waits for its turn before it is told that the store is out of order.
const PATIENCE: Duration = Duration::from_secs(5);

/// For how long a connection is taken to live since it last said so.
const TRUSTED: Duration = Duration::from_secs(1);

/// Where the database is.
#[derive(Clone)]
pub(super) struct Database {
    url: Arc<str>,
}

impl Database {
    pub(super) fn at(url: &str) -> Self {
        sqlx::any::install_default_drivers();
        Self { url: url.into() }
    }

    pub(super) async fn connect(&self) -> Result<AnyConnection, StoreError> {
        let mut connection = AnyConnection::connect(&self.url).await?;
        if connection.backend_name() == "SQLite" {
            // FULL: a commit that was reported survives a power cut. What a savepoint needs to be
            // rolled back is kept in memory: a commit of many works would have a file for it.
            connection
                .execute(
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; \
                     PRAGMA temp_store = MEMORY;",
                )
                .await?;
        }
        Ok(connection)
    }
}

/// The connections for reading. Clones share them.
#[derive(Clone)]
pub(super) struct Readers {
    database: Database,
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Idle>>>,
}

struct Idle {
    connection: AnyConnection,
    alive_at: Instant,
}

impl Readers {
    pub(super) fn of(database: Database) -> Self {
        Self {
            database,
            turns: Arc::new(Semaphore::new(READERS as usize)),
            idle: Arc::default(),
        }
    }

    pub(super) async fn lend(&self) -> Result<Reader, StoreError> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| StoreError::from(sqlx::Error::PoolTimedOut))?
            .map_err(|_| StoreError::from(sqlx::Error::PoolClosed))?;
        let lent = match self.take_living().await {
            Some(living) => living,
            None => Idle {
                connection: self.database.connect().await?,
                alive_at: Instant::now(),
            },
        };
        Ok(Reader {
            lent: Some(lent),
            readers: self.clone(),
            _turn: turn,
        })
    }

    /// The one that came back last: the others may rest.
    async fn take_living(&self) -> Option<Idle> {
        loop {
            let mut idle = self.with_idle(Vec::pop)?;
            if idle.alive_at.elapsed() < TRUSTED {
                return Some(idle);
            }
            if idle.connection.ping().await.is_ok() {
                idle.alive_at = Instant::now();
                return Some(idle);
            }
        }
    }

    /// Waits for the reads that run, closes the connections, and lends none any more.
    pub(super) async fn close(&self) {
        // Fails only if somebody has closed it before.
        if let Ok(turns) = self.turns.acquire_many(READERS).await {
            self.turns.close();
            drop(turns);
        }
        for idle in self.with_idle(std::mem::take) {
            let _ = idle.connection.close().await;
        }
    }

    fn with_idle<T>(&self, act: impl FnOnce(&mut Vec<Idle>) -> T) -> T {
        // A list of connections is whole at any time.
        act(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection for reading; goes back when it is dropped. Whoever is dropped in the middle of a
/// read leaves a connection that takes the next one: SQLite's thread gives the rest up.
pub struct Reader {
    /// Empty once it has gone back.
    lent: Option<Idle>,
    readers: Readers,
    _turn: OwnedSemaphorePermit,
}

/// Only [`Drop::drop`] takes it out, after which nobody can ask any more.
const LENT: &str = "a reader has its connection until it is dropped";

#[expect(clippy::expect_used, reason = "see LENT")]
impl Deref for Reader {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.lent.as_ref().expect(LENT).connection
    }
}

#[expect(clippy::expect_used, reason = "see LENT")]
impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.lent.as_mut().expect(LENT).connection
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(lent) = self.lent.take() {
            self.readers.with_idle(|idle| idle.push(lent));
        }
    }
}
