//! Changes that another process made (an administrator's command while the service runs): it can
//! wake nobody here, so it raises a number, and the serving process looks at it now and then.

use sqlx::AnyConnection;

use crate::store::{Columns, Store, StoreError};

/// Says, inside the transaction of the change, that serving processes must look again.
pub async fn note_outside_change(connection: &mut AnyConnection) -> Result<(), StoreError> {
    sqlx::query("UPDATE outside_change SET number = number + 1 WHERE singleton = 1")
        .execute(connection)
        .await?;
    Ok(())
}

/// How many such changes there were.
pub async fn outside_changes(store: &Store) -> Result<i64, StoreError> {
    sqlx::query("SELECT number FROM outside_change WHERE singleton = 1")
        .fetch_one(&mut *store.reader().await?)
        .await?
        .number("number")
}
