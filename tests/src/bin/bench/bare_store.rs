//! What SQLite can do without a service before it: one row as long as a session's, one durable commit.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, Connection, Executor};

use crate::pace::Pace;

/// As the service's store sets them.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;";
/// Octets of the request that a session keeps.
const REQUEST: usize = 700;

/// Inserts one row a commit, one after the other, in a new file in `folder`: there can be only one
/// writer anyway.
pub(crate) fn measure(folder: &Path, limit: Duration) -> Pace {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.join("bare.db").display());
    runtime.block_on(async {
        sqlx::any::install_default_drivers();
        let mut store = AnyConnection::connect(&url).await.unwrap();
        let table = "CREATE TABLE session (id TEXT PRIMARY KEY, request TEXT NOT NULL, \
            created_at BIGINT NOT NULL)";
        for statement in [PRAGMAS, table] {
            store.execute(statement).await.unwrap();
        }
        let request = "x".repeat(REQUEST);
        let mut times = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < limit {
            let each = Instant::now();
            sqlx::query("INSERT INTO session (id, request, created_at) VALUES ($1, $2, $3)")
                .bind(format!("{:036}", times.len()))
                .bind(&request)
                .bind(0_i64)
                .execute(&mut store)
                .await
                .unwrap();
            times.push(each.elapsed());
        }
        let took = begun.elapsed();
        store.close().await.unwrap();
        Pace::of(times, took)
    })
}
