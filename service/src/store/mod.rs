//! The store: one set of queries (sqlx `Any`) over SQLite, written so that PostgreSQL can take them.
//!
//! Reads go to a pool. Writes go to one [`Writer`], which takes everything that is waiting into
//! one commit: with SQLite there can be only one writer anyway, and the flush to disk that makes
//! a commit durable costs more than all the statements in it.

mod migrations;
mod row;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Executor};

use crate::audit;

pub use row::{Columns, parse};
use writer::Writer;
pub(crate) use writer::when_committed;

/// The service's store. Clones share the connections.
#[derive(Clone)]
pub struct Store {
    readers: AnyPool,
    writer: Writer,
}

/// Why the store did not do what was asked. Nothing was written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or cannot write (no space, I/O error, busy for too long).
    #[error("the store is out of order: {0}")]
    Unavailable(Arc<sqlx::Error>),
    /// A row holds what this program never wrote.
    #[error("the store holds something unreadable: {0}")]
    Damaged(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(Arc::new(error))
    }
}

impl Store {
    /// Opens the store at `url` (`sqlite:///path/to/file.db`) and brings its schema up to date.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let writers = pool_options(1).connect(url).await?;
        migrations::run(&writers).await?;
        let readers = pool_options(4).connect(url).await?;
        let store = Self {
            readers,
            writer: Writer::start(writers),
        };
        store
            .write(|connection| Box::pin(audit::begin(connection)))
            .await?;
        Ok(store)
    }

    /// Runs `work` inside a transaction that no other write runs beside, and returns when it is
    /// committed durably. When `work` errs, nothing of it is kept.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>>
            + Send
            + 'static,
    {
        self.writer.write(work).await
    }

    /// Where to read.
    pub fn readers(&self) -> &AnyPool {
        &self.readers
    }

    /// Whether the store answers.
    pub async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// Finishes what was handed over and closes the connections.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

fn pool_options(connections: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            Box::pin(async move {
                if connection.backend_name() == "SQLite" {
                    // FULL: a commit that was reported survives a power cut.
                    connection
                        .execute(
                            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                             PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;",
                        )
                        .await?;
                }
                Ok(())
            })
        })
}

#[cfg(test)]
mod tests;
