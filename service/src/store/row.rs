//! Reading typed columns, with one error for what this program never wrote.

use std::str::FromStr;

use sqlx::Row;
use sqlx::any::AnyRow;

use super::StoreError;
use crate::clock::Timestamp;

/// Typed columns of a row, by name.
pub trait Columns {
    /// A text.
    fn text(&self, column: &str) -> Result<String, StoreError>;
    /// A text that may be absent.
    fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError>;
    /// A number.
    fn number(&self, column: &str) -> Result<i64, StoreError>;
    /// Octets.
    fn octets(&self, column: &str) -> Result<Vec<u8>, StoreError>;
    /// A moment.
    fn moment(&self, column: &str) -> Result<Timestamp, StoreError>;
    /// A moment that may be absent.
    fn optional_moment(&self, column: &str) -> Result<Option<Timestamp>, StoreError>;
}

impl Columns for AnyRow {
    fn text(&self, column: &str) -> Result<String, StoreError> {
        self.try_get(column).map_err(|error| damaged(column, error))
    }

    fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.try_get(column).map_err(|error| damaged(column, error))
    }

    fn number(&self, column: &str) -> Result<i64, StoreError> {
        self.try_get(column).map_err(|error| damaged(column, error))
    }

    fn octets(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        self.try_get(column).map_err(|error| damaged(column, error))
    }

    fn moment(&self, column: &str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_milliseconds(self.number(column)?))
    }

    fn optional_moment(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        let moment: Option<i64> = self
            .try_get(column)
            .map_err(|error| damaged(column, error))?;
        Ok(moment.map(Timestamp::from_milliseconds))
    }
}

/// A stored text as the type that it was written from.
pub fn parse<T: FromStr>(text: &str) -> Result<T, StoreError>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| StoreError::Damaged(error.to_string()))
}

fn damaged(column: &str, error: sqlx::Error) -> StoreError {
    StoreError::Damaged(format!("column {column}: {error}"))
}
