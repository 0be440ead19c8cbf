//! Several statements by one message.
//!
//! SQLite runs in a thread of its own: a statement is a message there and one back. What one
//! decision does to several tables goes there and comes back once.

use futures_util::TryStreamExt;
use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments, AssertSqlSafe, Either, Encode, Executor, Type};

use super::StoreError;

/// Statements that run one after the other; the first that errs is the last. SQLite takes them as
/// one, with the values of all; elsewhere they would have to be sent one by one.
#[derive(Default)]
pub(crate) struct Batch {
    text: String,
    values: AnyArguments,
    statements: usize,
    failure: Option<StoreError>,
}

/// Why a batch came to nothing.
pub(super) enum Failed {
    /// What was to run before it did not, nor did anything of its own.
    Before(StoreError),
    /// One of its own statements did not run.
    Itself(StoreError),
}

/// What became of one statement.
#[derive(Default)]
pub(crate) struct Done {
    /// What it returned.
    pub(crate) rows: Vec<AnyRow>,
    /// How many rows it changed, if it is one that changes any.
    pub(crate) changed: u64,
}

impl Done {
    /// The row of a statement that always returns one.
    pub(crate) fn only_row(&self) -> Result<&AnyRow, StoreError> {
        self.rows
            .first()
            .ok_or_else(|| StoreError::from(sqlx::Error::RowNotFound))
    }
}

impl Batch {
    /// Adds a statement, of the program's own text: nothing that came from outside. Its `$1` is the
    /// first value that is bound after it, and it has no other `$`.
    pub(crate) fn add(&mut self, statement: &str) -> &mut Self {
        if self.statements > 0 {
            self.text.push_str("; ");
        }
        push_renumbered(&mut self.text, statement, self.values.len());
        self.statements += 1;
        self
    }

    /// Binds the next value of the statement that was added last.
    pub(crate) fn bind<'t, T>(&mut self, value: T) -> &mut Self
    where
        T: Encode<'t, Any> + Type<Any>,
    {
        if let Err(error) = self.values.add(value) {
            self.failure = Some(StoreError::from(sqlx::Error::Encode(error)));
        }
        self
    }

    /// Runs as many as `N`; what became of each.
    pub(crate) async fn run_as<const N: usize>(
        self,
        connection: &mut AnyConnection,
    ) -> Result<[Done; N], StoreError> {
        each_of(self.run(connection).await?)
    }

    /// Runs them all; what became of each.
    pub(crate) async fn run(self, connection: &mut AnyConnection) -> Result<Vec<Done>, StoreError> {
        self.run_after(&[], connection)
            .await
            .map_err(|(Failed::Before(error) | Failed::Itself(error))| error)
    }

    /// Runs statements without values, and then them all; what became of each of its own.
    pub(super) async fn run_after(
        self,
        before: &[&'static str],
        connection: &mut AnyConnection,
    ) -> Result<Vec<Done>, Failed> {
        let Self {
            text,
            values,
            statements,
            failure,
        } = self;
        if let Some(error) = failure {
            return Err(Failed::Before(error));
        }
        let own = (statements > 0).then_some(text.as_str());
        let all: Vec<&str> = before.iter().copied().chain(own).collect();
        // By the rule of `add`.
        let query = sqlx::query_with(AssertSqlSafe(all.join("; ")), values);
        let mut results = connection.fetch_many(query);
        let mut done = Vec::with_capacity(before.len() + statements);
        let mut current = Done::default();
        // Not until the results end: that they end is one more message.
        while done.len() < before.len() + statements {
            match results.try_next().await {
                Ok(None) => break,
                Ok(Some(Either::Right(row))) => current.rows.push(row),
                Ok(Some(Either::Left(end))) => {
                    current.changed = end.rows_affected();
                    done.push(std::mem::take(&mut current));
                }
                Err(error) if done.len() < before.len() => {
                    return Err(Failed::Before(error.into()));
                }
                Err(error) => return Err(Failed::Itself(error.into())),
            }
        }
        Ok(done.split_off(before.len().min(done.len())))
    }
}

/// What became of each of `N` statements.
pub(crate) fn each_of<const N: usize>(done: Vec<Done>) -> Result<[Done; N], StoreError> {
    done.try_into()
        .map_err(|done: Vec<Done>| StoreError::Damaged(format!("{} of {N} ran", done.len())))
}

/// Appends a statement whose values come after `before` others.
fn push_renumbered(text: &mut String, statement: &str, before: usize) {
    let mut rest = statement;
    while let Some(place) = rest.find('$') {
        let (kept, numbered) = rest.split_at(place + 1);
        let end = numbered
            .find(|octet: char| !octet.is_ascii_digit())
            .unwrap_or(numbered.len());
        let (number, after) = numbered.split_at(end);
        text.push_str(kept);
        match number.parse::<usize>() {
            Ok(number) => text.push_str(&(number + before).to_string()),
            // No place for a value.
            Err(_) => text.push_str(number),
        }
        rest = after;
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_through() {
        let mut batch = Batch::default();
        batch
            .add("UPDATE a SET b = $2 WHERE c = $1")
            .bind(1)
            .bind(2);
        batch.add("DELETE FROM a");
        batch
            .add("INSERT INTO a VALUES ($1, $10, $2)")
            .bind(3)
            .bind(4);
        assert_eq!(
            batch.text,
            "UPDATE a SET b = $2 WHERE c = $1; DELETE FROM a; INSERT INTO a VALUES ($3, $12, $4)"
        );
        assert_eq!(batch.values.len(), 4);
    }
}
