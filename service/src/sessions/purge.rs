//! Removing what nobody will ask for any more.
//!
//! At the rate that the service reaches, an hour leaves millions of rows. They go some at a time,
//! so that a login that is to be committed does not wait for all of them.

use std::time::Duration;

use super::{Sessions, prompts};
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::{deliveries, muting};

/// How long after its end a session is kept at all: a device that answers late is told so, and a
/// copied device that answers late is found out.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// Rows that one write removes at most: some 20 ms of the store.
const AT_ONCE: u32 = 500;

/// `$1` is before when they ended, `$2` how many at most.
const PURGE: &str = "DELETE FROM session WHERE id IN \
     (SELECT s.id FROM session s WHERE s.state = 'complete' AND s.completed_at < $1 LIMIT $2)";

impl Sessions {
    /// Removes sessions, events and mutes that nobody will ask for any more. What is left when the
    /// service is about to stop is left for the next time.
    pub async fn purge(&self) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let before = now.minus(KEPT);
        self.remove_all(PURGE, before).await?;
        self.remove_all(deliveries::PURGE, before).await?;
        self.store
            .write(move |connection| {
                Box::pin(async move {
                    muting::purge(connection, now).await?;
                    prompts::purge(connection, now).await?;
                    sqlx::query("DELETE FROM nonce WHERE expires_at < $1")
                        .bind(before.milliseconds())
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    async fn remove_all(
        &self,
        statement: &'static str,
        before: Timestamp,
    ) -> Result<(), StoreError> {
        let stopping = self.hints.stopping();
        while !*stopping.borrow() {
            let removed = self
                .store
                .write(move |connection| {
                    Box::pin(async move {
                        let done = sqlx::query(statement)
                            .bind(before.milliseconds())
                            .bind(i64::from(AT_ONCE))
                            .execute(connection)
                            .await?;
                        Ok(done.rows_affected())
                    })
                })
                .await?;
            if removed < u64::from(AT_ONCE) {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;

    use super::*;
    use crate::store::tests::fresh;
    use crate::store::{Columns, Store};

    async fn run(store: &Store, statement: String) {
        let writing = store.write(move |connection| {
            Box::pin(async move {
                sqlx::query(AssertSqlSafe(statement))
                    .execute(connection)
                    .await?;
                Ok(())
            })
        });
        writing.await.unwrap();
    }

    async fn names(store: &Store, query: &'static str) -> Vec<String> {
        let rows = sqlx::query(query)
            .fetch_all(&mut *store.reader().await.unwrap())
            .await
            .unwrap();
        rows.iter().map(|row| row.text("name").unwrap()).collect()
    }

    #[tokio::test]
    async fn what_is_old_goes_however_much_it_is_and_nothing_else() {
        let (_folder, store) = fresh().await;
        let sessions = Sessions::new(store.clone(), "test", Duration::from_secs(60));
        let many = 2 * AT_ONCE + 3;
        let old = Timestamp::now().minus(2 * KEPT).milliseconds();
        let recent = Timestamp::now().milliseconds();
        let numbers = format!(
            "WITH RECURSIVE counted (n) AS \
             (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {many})"
        );
        run(
            &store,
            format!(
                "INSERT INTO session (id, relying_party, state, request, offered, created_at, \
                 expires_at, completed_at) {numbers} \
                 SELECT 'old ' || n, 'r', 'complete', '', '', {old}, {old}, {old} FROM counted \
                 UNION ALL SELECT 'recent', 'r', 'complete', '', '', {old}, {old}, {recent} \
                 UNION ALL SELECT 'running', 'r', 'running', '', '', {old}, {old}, NULL"
            ),
        )
        .await;
        run(
            &store,
            format!(
                "INSERT INTO delivery (document_number, cursor, kind, created_at) {numbers} \
                 SELECT 'd', n, 'offered', {old} FROM counted \
                 UNION ALL SELECT 'recent', 1, 'offered', {recent} \
                 UNION ALL SELECT 'not acknowledged', 1, 'accountChanged', {old}"
            ),
        )
        .await;
        sessions.purge().await.unwrap();
        assert_eq!(
            names(&store, "SELECT id AS name FROM session ORDER BY id").await,
            ["recent", "running"]
        );
        assert_eq!(
            names(
                &store,
                "SELECT document_number AS name FROM delivery ORDER BY 1"
            )
            .await,
            ["not acknowledged", "recent"]
        );
    }

    #[tokio::test]
    async fn what_is_old_is_found_without_reading_everything() {
        let (_folder, store) = fresh().await;
        for statement in [PURGE, deliveries::PURGE] {
            let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")))
                .bind(1_i64)
                .bind(1_i64)
                .fetch_all(&mut *store.reader().await.unwrap())
                .await
                .unwrap();
            let steps: Vec<_> = plan.iter().map(|row| row.text("detail").unwrap()).collect();
            assert!(!steps.is_empty());
            assert!(
                steps.iter().all(|step| !step.starts_with("SCAN")),
                "{steps:?}"
            );
        }
    }
}
