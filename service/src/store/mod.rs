//! The store: one set of queries (sqlx `Any`) over SQLite, written so that PostgreSQL can take them.
//!
//! Reads go to a few connections ([`Reader`]). Writes go to one [`Writer`], which takes everything that is waiting into
//! one commit: with SQLite there can be only one writer anyway, and the flush to disk that makes
//! a commit durable costs more than all the statements in it.

mod batch;
mod company;
mod connections;
mod migrations;
mod row;
mod writer;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Connection};

use crate::audit;

pub(crate) use batch::{Batch, Done, each_of};
pub use company::Announced;
use company::Company;
pub use connections::Reader;
use connections::{Database, Readers};
pub use row::{Columns, parse};
use writer::Writer;
pub(crate) use writer::{when_committed, with_the_commit};

/// The service's store. Clones share the connections.
#[derive(Clone)]
pub struct Store {
    readers: Readers,
    writer: Writer,
    company: Company,
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
        let database = Database::at(url);
        let mut connection = database.connect().await?;
        migrations::run(&mut connection).await?;
        let company = Company::default();
        let store = Self {
            readers: Readers::of(database.clone()),
            writer: Writer::start(database, connection, company.clone()),
            company,
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
        self.write_from(Batch::default(), |connection, _| work(connection))
            .await
    }

    /// [`Store::write`], of work that begins with a batch: it is told what became of that. The
    /// batch goes to SQLite's thread along with what comes before it there.
    pub(crate) async fn write_from<T, F>(&self, opening: Batch, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut AnyConnection, Vec<Done>) -> BoxFuture<'c, Result<T, StoreError>>
            + Send
            + 'static,
    {
        self.writer.write(opening, work).await
    }

    /// Says that a write is about to come, of somebody who does something slow before. Whoever
    /// writes meanwhile may wait for it a moment.
    pub fn announce(&self) -> Announced {
        self.company.announce(self.clone())
    }

    /// A connection to read with. Reads wait for each other: keep it no longer than needed.
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        self.readers.lend().await
    }

    /// Whether the store answers.
    pub async fn check(&self) -> Result<(), StoreError> {
        Ok(self.reader().await?.ping().await?)
    }

    /// Finishes what was handed over and closes the connections.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

#[cfg(test)]
pub(crate) mod tests;
