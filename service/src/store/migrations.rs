//! The schema and its changes, in `migrations/`.

use sqlx::AnyConnection;

use super::StoreError;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Brings the schema up to date. Running it again changes nothing.
pub(super) async fn run(connection: &mut AnyConnection) -> Result<(), StoreError> {
    MIGRATIONS
        .run(connection)
        .await
        .map_err(|error| StoreError::from(sqlx::Error::from(error)))
}
