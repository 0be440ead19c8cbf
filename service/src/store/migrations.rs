//! The schema and its changes, in `migrations/`.

use sqlx::AnyPool;

use super::StoreError;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Brings the schema up to date. Running it again changes nothing.
pub(super) async fn run(pool: &AnyPool) -> Result<(), StoreError> {
    MIGRATIONS
        .run(pool)
        .await
        .map_err(|error| StoreError::from(sqlx::Error::from(error)))
}
